"""What rules, blocked senders, forwarding and automatic replies are outside their tables: small frozen values.

`Plan` is all of it for one mailspace, as a delivery needs it. Times are µs since the epoch, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.message.criteria import Criteria


@dataclass(frozen=True, slots=True)
class Actions:
    """What a rule does. `labels` are mailbox ids; `keep` False: what is forwarded leaves no copy in the Inbox
    (it goes to Trash); `never_spam` wins over a decision for Junk; `reply` is the text of an automatic answer."""

    skip_inbox: bool = False
    labels: tuple[int, ...] = ()
    star: bool = False
    read: bool = False
    important: bool | None = None
    forward: tuple[str, ...] = ()
    keep: bool = True
    delete: bool = False
    never_spam: bool = False
    reply: str = ""

    @property
    def nothing(self) -> bool:
        return self == Actions(keep=self.keep)


@dataclass(frozen=True, slots=True)
class Rule:
    """One filter: what it looks for (`query` as typed, `criteria` as understood) and what it does then.

    `stop`: no later rule looks at what this one matched. `matched` messages so far, the last one then.
    """

    id: int
    name: str
    query: str
    criteria: Criteria
    actions: Actions
    enabled: bool
    stop: bool
    position: int
    last_matched: int | None = None
    matched: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rule would have matched: so many messages (`more`: at least so many), the newest of them by id."""

    count: int
    more: bool
    messages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Blocked:
    """An address, or a whole domain ("@example.com"), whose mail goes to Spam."""

    address: str
    at: int


@dataclass(frozen=True, slots=True)
class Forwarding:
    """An address that mail may be forwarded to. `enabled`: everything that arrives is; `keep`: with a copy here."""

    id: int
    address: str
    confirmed: bool
    keep: bool
    enabled: bool


@dataclass(frozen=True, slots=True)
class AutoReply:
    """An automatic reply. `starts` and `ends` (None: open) bound it; nobody gets it twice within `days`.

    `only_known`: only people who have been written to from here.
    """

    enabled: bool = False
    subject: str = ""
    html: str = ""
    text: str = ""
    starts: int | None = None
    ends: int | None = None
    days: int = 4
    only_known: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a delivery into one mailspace has to look at: what is enabled and confirmed, in its order."""

    rules: tuple[Rule, ...] = ()
    blocked: frozenset[str] = frozenset()
    forwarding: tuple[Forwarding, ...] = ()  # enabled ones
    targets: frozenset[str] = frozenset()  # every confirmed address, for the rules
    reply: AutoReply | None = None
    reads_body: bool = (
        False  # some rule asks for words of the body, which are best found before a transaction
    )
