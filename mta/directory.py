"""The port through which mail asks who people are: addresses, sign-in, send-as, keys.

`mta` knows neither tenants nor the user model. Settings name the implementation once (DIRECTORY);
`current()` returns it. Tests may install another with `use()`. Every method is synchronous and may
read the database; callers in an event loop go through their thread bridge.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True)
class LocalTarget:
    """A mailspace here that a recipient address means. `address` is what the mail was written to; `mask` the masked
    address that it came through, whose uses are counted (`mask_used`)."""

    mailspace: int
    address: str
    mask: int = 0


@dataclass(frozen=True, slots=True)
class RemoteTarget:
    """An outside address that an alias of ours forwards to."""

    address: str


POST, BOUNCE, LEAVE = "post", "bounce", "leave"


@dataclass(frozen=True, slots=True)
class ListTarget:
    """A distribution list of ours. `duty`: what the mail is to it: a posting, a report about a copy to `member`, or
    the wish of `member` to leave; the last two only at addresses that nobody else could make up."""

    list_id: int
    address: str
    duty: str = POST
    member: int = 0


Target = LocalTarget | RemoteTarget | ListTarget


@dataclass(frozen=True, slots=True)
class Member:
    """Who gets what is posted. `bounces_to` is the envelope sender of their copy; `leave_to` and `leave_url` end it."""

    id: int
    address: str
    bounces_to: str = ""
    leave_to: str = ""
    leave_url: str = ""


@dataclass(frozen=True, slots=True)
class ListInfo:
    """A distribution list as a posting finds it. `members` are those who get it now; `posters` who may post, as
    canonical addresses, unless `policy` is "anyone"; `owners` the mailspaces that get what is not taken."""

    id: int
    address: str
    name: str
    policy: str
    posters: frozenset[str]
    members: tuple[Member, ...]
    owners: tuple[int, ...] = ()
    owner_address: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a recipient address means.

    `kind`: "ours" (see `targets`), "unknown" (our domain, no such address: 550 5.1.1),
    "suspended" (exists, takes no mail now: 450 4.2.1) or "elsewhere" (not our domain).
    """

    kind: str
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """A mailspace an account may open. `rights`: own, read, organise (RFC 4314 in words)."""

    mailspace: int
    address: str
    rights: str


@dataclass(frozen=True, slots=True)
class MaildropOptions:
    """How an account's Inbox behaves over POP3.

    `erases`: what a client deletes is gone instead of in Trash. `marks_read`: what it retrieves counts as
    read. `newest`: it sees no more than so many messages, the newest ones; 0 for all.
    """

    erases: bool = False
    marks_read: bool = False
    newest: int = 0


@dataclass(frozen=True, slots=True)
class Login:
    """A verified sign-in. `access[0]` is the account's own mailspace, if it has one."""

    account: int
    username: str
    access: tuple[Access, ...]
    maildrop: MaildropOptions = MaildropOptions()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One active DKIM key of a domain; `private_key` is PKCS#8 PEM."""

    domain: str
    selector: str
    private_key: bytes


@dataclass(frozen=True, slots=True)
class SmartHost:
    """The server through which somebody's mail from an address elsewhere leaves. `tls` is "tls" (from the first byte),
    "starttls", or "plain", which is for this very machine."""

    host: str
    port: int
    username: str
    password: str
    tls: str = "tls"

    def __repr__(self) -> str:  # a password has no place in a log
        return f"SmartHost({self.host!r}, {self.port})"


@dataclass(frozen=True, slots=True)
class InboundPolicy:
    """What a domain of ours wants done with doubtful mail for its addresses. Points as in `trust.verdict`.

    `junk_at`: from so many points mail goes to Junk; `refuse_at`: from so many it is refused, or held in the
    quarantine where `hold_spam` is set. `hold_forged`: what fails an author's DMARC policy of "reject" is held
    instead of refused. Viruses are always held. `greylist`: doubtful mail of unknown senders is asked to come again.
    """

    junk_at: float = 5.0
    refuse_at: float = 15.0
    hold_spam: bool = True
    hold_forged: bool = False
    greylist: bool = True


class Directory(Protocol):
    """The questions. Addresses are canonical (mta.message.address.canonical) on both sides."""

    def resolve(self, address: str) -> Resolution: ...

    def is_local_domain(self, domain: str) -> bool: ...

    def sign_in(self, username: str, password: str, *, protocol: str, peer: str) -> Login | None:
        """None when name or password is wrong, or the account may not use `protocol` now.

        `protocol` is imap, pop3 or submission. Takes the same time for unknown names.
        """
        ...

    def may_send_as(self, account: int, address: str) -> bool: ...

    def may_send(self, mailspace: int, address: str) -> bool:
        """Whether anybody who may sign in now may send from this mailspace as this address.

        Asked when what was written earlier leaves: who wrote it may have been suspended since.
        """
        ...

    def identity_name(self, account: int, address: str) -> str:
        """The display name that goes with a From address, or ''."""
        ...

    def smart_host_for(self, sender: str, mailspace: int | None) -> SmartHost | None:
        """The way out for mail that a mailspace sends from this envelope address; None: as any other mail."""
        ...

    def sender_name(self, mailspace: int, address: str) -> str:
        """The display name with which a mailspace writes from one of its addresses, or ''."""
        ...

    def signing_keys(self, domain: str) -> tuple[SigningKey, ...]: ...

    def inbound_policy(self, domain: str) -> InboundPolicy:
        """Of a domain of ours; the default for any other."""
        ...

    def owner(self, mailspace: int) -> str:
        """The main address of a mailspace, for DSNs and the journal; '' if unknown."""
        ...

    def mailing_list(self, list_id: int) -> ListInfo | None: ...

    # The three below write, in the transaction of the caller.
    def list_bounced(self, list_id: int, member: int, *, said: str) -> str:
        """A copy could not be delivered for good. The address of the member if that paused them, else ""."""
        ...

    def list_left(self, list_id: int, member: int) -> None:
        """A member outside does not want the list any more."""
        ...

    def mask_used(self, mask: int, *, at: int) -> None:
        """A message came through a masked address at `at` (µs)."""
        ...


_installed: Directory | None = None


def current() -> Directory:
    """The directory in force: the one settings.DIRECTORY names, made once per process."""
    global _installed
    if _installed is None:
        _installed = cast(Directory, import_string(settings.DIRECTORY)())
    return _installed


@contextmanager
def use(directory: Directory) -> Iterator[Directory]:
    """Install another directory for the length of a block (tests of `mta` without `hosting`)."""
    global _installed
    before, _installed = _installed, directory
    try:
        yield directory
    finally:
        _installed = before
