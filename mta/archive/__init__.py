"""Mail in files: mbox, Maildir, .eml and .zip of them, to values and back. Pure; never asks the store."""
