"""IMAP4rev1 (RFC 3501) without sockets: bytes become frozen commands, values become bytes.

`engine` frames what arrives, `grammar` and `search` understand it as `commands`, `view` knows what the
client has been told, `fetch` and `responses` print. The commands are carried out in `mta.serve.imap`.
"""
