"""The sandbox internet of a demonstration: its own DNS, and one SMTP server that is everybody outside.

Nothing here runs in a real installation, and nothing else in `mta` knows about it: the relay finds it
through the DNS like any other internet. `dns` (answers), `zone` (what the DNS says), `sink` (the SMTP
server), `shelf` (what arrived, as files), `post` (mail from outside to us), `main` (the process).
"""
