"""Who a message is for: each address read, and divided into here, outside, and here but not just now.

Asks the directory; stores nothing. Refuses the whole message before anything happens if an address is no
address, or is one of ours that nobody has. Called by `flow.submit` and `flow.local`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from mta import directory
from mta.directory import ListTarget, LocalTarget, RemoteTarget, Target
from mta.flow.errors import BadRecipient, NoRecipients, TooManyRecipients
from mta.mailstore import service as mailstore
from mta.message.address import BadAddress, canonical, parse_path

MOST = 500


@dataclass(frozen=True, slots=True)
class Here:
    """A recipient of ours whose mail can be stored now, and where; `outside` is where an alias leads, `lists` the
    distribution lists that it means, `masks` the masked addresses that it came through."""

    address: str
    mailspaces: tuple[int, ...]
    outside: tuple[str, ...] = ()
    lists: tuple[ListTarget, ...] = ()
    masks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Audience:
    """`here` is stored at once; `queued` goes through the queue: outside, or ours but full or suspended."""

    here: tuple[Here, ...]
    queued: tuple[str, ...]

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(each.address for each in self.here) + self.queued


def read(written: Iterable[str]) -> tuple[str, ...]:
    """Addresses for the envelope, each once, in order; raises BadRecipient, NoRecipients, TooManyRecipients.

    The local part stays as it was written: only its own domain knows whether capitals matter (RFC 5321 §2.4).
    """
    found: dict[str, str] = {}
    for text in written:
        try:
            address = parse_path(text.strip())
            found.setdefault(canonical(address), address)
        except BadAddress:
            raise BadRecipient(
                _("“%(address)s” is not a mail address.") % {"address": text}, address=text
            ) from None
    if not found:
        raise NoRecipients(_("Add at least one recipient."))
    if len(found) > MOST:
        raise TooManyRecipients(
            _("A message can go to %(most)d recipients at most; this one has %(number)d.")
            % {"most": MOST, "number": len(found)}
        )
    return tuple(found.values())


def divide(addresses: Sequence[str], *, size: int) -> Audience:
    """Which of them are here; raises BadRecipient for an address of ours that nobody has."""
    here: list[Here] = []
    queued: list[str] = []
    for address in addresses:
        resolution = directory.current().resolve(address)
        if resolution.kind == "unknown":
            raise BadRecipient(
                _("There is no mailbox %(address)s here.") % {"address": address}, address=address
            )
        found = targets(address, resolution.targets, size=size) if resolution.kind == "ours" else None
        if found is None:
            queued.append(address)
        else:
            here.append(found)
    return Audience(tuple(here), tuple(queued))


def targets(address: str, found: Sequence[Target], *, size: int) -> Here | None:
    """Where an address of ours leads; None while one of its mailboxes has no room for the message."""
    local = tuple(dict.fromkeys(each.mailspace for each in found if isinstance(each, LocalTarget)))
    if any(mailstore.would_exceed(mailspace, size) for mailspace in local):
        return None
    return Here(
        address,
        local,
        outside=tuple(each.address for each in found if isinstance(each, RemoteTarget)),
        lists=tuple(each for each in found if isinstance(each, ListTarget)),
        masks=tuple(each.mask for each in found if isinstance(each, LocalTarget) and each.mask),
    )
