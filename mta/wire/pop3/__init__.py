"""POP3 without sockets: the engine, its events, the numbered maildrop, and messages as reply text.

RFC 1939, RFC 2449 (CAPA, PIPELINING, response codes), RFC 2595 (STLS), RFC 5034 (AUTH), RFC 3206, RFC 6856 (UTF8,
LANG). Used by `serve.pop3`.
"""

from mta.wire.pop3.engine import LONGEST_LINE, MOST_ERRORS, MOST_SIGN_INS, Pop3
from mta.wire.pop3.events import Close, Event, Retrieve, Send, SignIn, StartTls, Update
from mta.wire.pop3.maildrop import Maildrop, unique_ids
from mta.wire.pop3.text import multiline, top

__all__ = [
    "LONGEST_LINE",
    "MOST_ERRORS",
    "MOST_SIGN_INS",
    "Close",
    "Event",
    "Maildrop",
    "Pop3",
    "Retrieve",
    "Send",
    "SignIn",
    "StartTls",
    "Update",
    "multiline",
    "top",
    "unique_ids",
]
