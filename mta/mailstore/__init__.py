"""Stored mail: mailspaces, messages, mailboxes, threads, drafts, journal. The one door is `service`."""
