"""Every reply code of the sidecar in one table: what went wrong, in the numbers of each protocol.

Domain errors are nouns where they happen and become numbers here (RFC 5321 §4.2, RFC 3463, RFC 3501 §7.1 with
RFC 5530's codes, RFC 1939 with RFC 2449's and RFC 3206's). Texts are for people: they say what to do next.
Nothing else in `mta.serve` writes a three-digit number.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError

from mta.mailstore import errors as store
from mta.serve.bridge import Busy


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply. `enhanced` is empty where RFC 2034 wants none (greeting, EHLO, 354)."""

    code: int
    enhanced: str
    text: str

    def with_text(self, text: str) -> Reply:
        return Reply(self.code, self.enhanced, text)

    @property
    def is_error(self) -> bool:
        return self.code >= 400

    def __bytes__(self) -> bytes:
        enhanced = f"{self.enhanced} " if self.enhanced else ""
        return f"{self.code} {enhanced}{_one_line(self.text)}\r\n".encode()


def _one_line(text: str) -> str:
    """What clients sent may be quoted in a reply; it must not be able to end the line (RFC 5321 §4.5.3.1.5)."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:480]


# --- SMTP: what goes well ------------------------------------------------------------------------------------
DONE = Reply(250, "2.0.0", "OK")
SENDER_OK = Reply(250, "2.1.0", "Sender OK")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient OK")
GOODBYE = Reply(221, "2.0.0", "Goodbye")
GO_AHEAD_DATA = Reply(354, "", "End data with <CR><LF>.<CR><LF>")
GO_AHEAD_TLS = Reply(220, "2.0.0", "Ready to start TLS")
CANNOT_VERIFY = Reply(252, "2.0.0", "Addresses are checked when mail is sent to them")
HELP = Reply(214, "2.0.0", "Commands: EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY STARTTLS AUTH HELP QUIT")
SIGNED_IN = Reply(235, "2.7.0", "Signed in")

# --- SMTP: commands ------------------------------------------------------------------------------------------
UNKNOWN_COMMAND = Reply(500, "5.5.1", "Command not recognised")
BAD_LINE = Reply(500, "5.5.2", "This line cannot be understood")
BARE_COMMAND = Reply(500, "5.5.2", "A command ends with CR LF")
LINE_TOO_LONG = Reply(500, "5.5.6", "Line too long")
BAD_ARGUMENTS = Reply(501, "5.5.4", "Syntax error in the arguments")
UNKNOWN_PARAMETER = Reply(555, "5.5.4", "Parameter not recognised or not supported here")
HELLO_FIRST = Reply(503, "5.5.1", "EHLO or HELO comes first")
SENDER_FIRST = Reply(503, "5.5.1", "MAIL FROM comes first")
SENDER_AGAIN = Reply(503, "5.5.1", "There is a sender already; RSET starts over")
RECIPIENT_FIRST = Reply(503, "5.5.1", "RCPT TO comes first")
NOT_AFTER_BDAT = Reply(503, "5.5.1", "A message comes by DATA or by BDAT, not by both; RSET starts over")
RESET_FIRST = Reply(503, "5.5.1", "A part of this message was refused; RSET starts over")
NOT_NOW = Reply(503, "5.5.1", "Not in the middle of a message")
NO_RECIPIENTS = Reply(554, "5.5.1", "No valid recipients")
NO_TLS = Reply(454, "4.7.0", "TLS is not available now")
TLS_ALREADY = Reply(503, "5.5.1", "The connection is encrypted already")
WRONG_PROTOCOL = Reply(554, "5.5.1", "This is a mail server")
TOO_MANY_ERRORS = Reply(421, "4.7.0", "Too many errors, goodbye")
NOT_FOR_YOU = Reply(554, "5.7.1", "This entrance is not for you")
TOO_MANY_CONNECTIONS = Reply(421, "4.7.0", "Too many connections, try again later")
SPOKE_EARLY = Reply(554, "5.5.1", "Wait for the greeting before you speak")
NOT_YOUR_NAME = Reply(550, "5.7.1", "That cannot be your name: say your own host name")
TOO_MANY_COMMANDS = Reply(421, "4.7.0", "Too many commands, goodbye")
TOO_LONG = Reply(421, "4.7.0", "Too long without a message, goodbye")
TRIED_NAMES = Reply(421, "4.7.1", "Too many unknown recipients, come back later")
TOO_SLOW = Reply(421, "4.4.2", "Nothing heard for too long, goodbye")
STOPPING = Reply(421, "4.3.2", "The server is stopping, try again soon")

# --- SMTP: signing in ----------------------------------------------------------------------------------------
SIGN_IN_FIRST = Reply(530, "5.7.0", "Sign in first")
ENCRYPT_FIRST = Reply(538, "5.7.11", "Passwords are only taken over an encrypted connection: use STARTTLS")
WRONG_PASSWORD = Reply(535, "5.7.8", "Wrong name or password")
UNKNOWN_MECHANISM = Reply(504, "5.5.4", "This way to sign in is not supported; PLAIN and LOGIN are")
SIGNED_IN_ALREADY = Reply(503, "5.5.1", "Signed in already")
SIGN_IN_ABORTED = Reply(501, "5.7.0", "Sign-in given up")
SIGN_IN_NOT_HERE = Reply(502, "5.5.1", "Signing in is for the submission ports")
NOT_YOUR_ADDRESS = Reply(553, "5.7.1", "You may only send as yourself")

# --- SMTP: addresses -----------------------------------------------------------------------------------------
BAD_SENDER = Reply(553, "5.1.7", "The sender's address is not a valid one")
BAD_RECIPIENT = Reply(553, "5.1.3", "The recipient's address is not a valid one")
NEEDS_SMTPUTF8 = Reply(553, "5.6.7", "An address with such letters needs SMTPUTF8")
UNKNOWN_RECIPIENT = Reply(550, "5.1.1", "There is no such address here")
NO_RELAY = Reply(550, "5.7.1", "Relaying denied: that address is not here")
SUSPENDED = Reply(450, "4.2.1", "This mailbox takes no mail at the moment")
MAILBOX_FULL = Reply(452, "4.2.2", "This mailbox is full")
TRIED_NAMES_HERE = Reply(450, "4.7.1", "Too many unknown recipients from your network, try again later")
TOO_FAST = Reply(450, "4.7.1", "Too many recipients in a short time, try again later")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients: send to the others separately")

# --- SMTP: messages ------------------------------------------------------------------------------------------
TOO_BIG = Reply(552, "5.3.4", "The message is too big")
BARE_LINE_END = Reply(550, "5.6.11", "Lines must end with CR LF, and nothing else may stand for a line end")
HAS_NUL = Reply(554, "5.6.0", "The message contains a NUL, which mail may not")
MAIL_LOOP = Reply(554, "5.4.6", "Too many hops: this message is going round in circles")
TRY_LATER = Reply(451, "4.3.0", "Not now: nothing was stored, try again later")
DISK_FULL = Reply(452, "4.3.1", "No room to take the message in, try again later")
OVERLOADED = Reply(451, "4.3.2", "Too busy at the moment, try again later")


def smtp_reply(error: BaseException) -> Reply:
    """The reply to a domain error. Trouble of ours is always temporary, never the sender's fault.

    Errors that carry `code`, `enhanced` and `text` themselves (flow's refusals) are taken at their word.
    """
    code, enhanced = getattr(error, "code", None), getattr(error, "enhanced", None)
    if isinstance(code, int) and isinstance(enhanced, str):
        return Reply(code, enhanced, str(getattr(error, "text", error)))
    for kind, reply in _SMTP:
        if isinstance(error, kind):
            return reply
    return TRY_LATER


_SMTP: tuple[tuple[type[BaseException], Reply], ...] = (
    (Busy, OVERLOADED),
    (store.OverQuota, MAILBOX_FULL),
    (DatabaseError, TRY_LATER),
    (InterfaceError, TRY_LATER),
)


def imap_code(error: BaseException) -> tuple[str, str]:
    """`(response code, text)` for a NO (RFC 5530): OverQuota → ("OVERQUOTA", …)."""
    for kind, code in _IMAP:
        if isinstance(error, kind):
            return code, str(error) or kind.__name__
    return "SERVERBUG", "Something went wrong here; nothing was changed"


_IMAP: tuple[tuple[type[BaseException], str], ...] = (
    (store.OverQuota, "OVERQUOTA"),
    (store.MailboxExists, "ALREADYEXISTS"),
    (store.NoSuchMailbox, "NONEXISTENT"),
    (store.NoSuchMessage, "NONEXISTENT"),
    (store.BadName, "CANNOT"),
    (store.CannotChange, "CANNOT"),
    (store.TooMuch, "LIMIT"),
    (Busy, "UNAVAILABLE"),
    (DatabaseError, "UNAVAILABLE"),
    (InterfaceError, "UNAVAILABLE"),
)


def pop3_code(error: BaseException) -> tuple[str, str]:
    """`(response code, text)` for a -ERR: RFC 2449 §8.1.1 IN-USE, RFC 3206 SYS/TEMP."""
    if isinstance(error, store.NoSuchMessage):
        return "", "No such message"
    return "SYS/TEMP", "Not now, try again later"
