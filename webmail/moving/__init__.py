"""Moving in from another host: its mail fetched over IMAP or POP3, and its address to write from."""
