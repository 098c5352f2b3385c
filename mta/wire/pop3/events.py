"""What the POP3 engine asks of whoever moves its bytes. Frozen; each says how it is answered."""

from __future__ import annotations

from dataclasses import dataclass

from mta.wire import sasl


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SignIn:
    """Check a name and a password; answer with `opened` or `refused`."""

    credentials: sasl.Plain


@dataclass(frozen=True, slots=True)
class StartTls:
    """The go-ahead is to be sent with `data`; then shake hands, and call `secured`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Retrieve:
    """Read the message of this number; answer with `retrieved` or `refused`.

    `whole`: the client wants all of it (RETR), not its beginning (TOP). `header`: no line of the body is
    wanted, so that the bytes up to there are enough.
    """

    number: int
    whole: bool
    header: bool = False


@dataclass(frozen=True, slots=True)
class Update:
    """RFC 1939 §6: QUIT makes the deletions of these UIDs real, then the maildrop is let go.

    Answer with `updated` or `refused`; then comes Close.
    """

    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """The session is over."""


Event = Send | SignIn | StartTls | Retrieve | Update | Close
