"""Masked addresses: one more address of a mailbox, made for one shop or site, shut alone when it is abused.

An open one is an address to answer from (an Identity that is offered only where mail came through it); a shut one is
refused as if nobody had it. They belong to whoever owns the mailbox and need no administrator.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from datetime import UTC, datetime

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from hosting import access, addresses, audit
from hosting.actor import Actor
from hosting.errors import BadName, LimitReached, NotFound
from hosting.models import Account, Address, Domain, Identity, Mask, Target

MOST = 200
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is mistaken for another
_ODD = re.compile(r"[^a-z0-9]+")
_TLDS = re.compile(r"(\.[a-z]{2,3})?\.[a-z]{2,}$")


def of(account: Account, mailspace: int) -> QuerySet[Mask]:
    """Those of a mailbox of one's own, newest first; nothing of any other."""
    return (
        access.masks_for(account)
        .filter(mailspace=mailspace)
        .select_related("address__domain")
        .order_by("-id")
    )


def find(account: Account, mailspace: int, mask: int) -> Mask:
    return access.find(of(account, mailspace), pk=mask)


def make(account: Account, mailspace: int, *, note: str = "", actor: Actor) -> Mask:
    """A new one, in the domain of the mailbox's main address; `note` says what it is for and gives it its name."""
    if mailspace not in access.own_mailspaces(account):
        raise NotFound(_("There is nothing here, or it is not yours to see."))
    domain = _domain(mailspace)
    said = " ".join(note.split())[:200]
    if Mask.objects.filter(mailspace=mailspace).count() >= MOST:
        raise LimitReached(_("A mailbox has %d masked addresses at most.") % MOST)
    for _attempt in range(20):
        local = f"{_stem(said)}-{''.join(secrets.choice(_LETTERS) for _each in range(4))}"
        if Address.objects.filter(domain=domain, local_part=local).exists():
            continue
        try:
            return _insert(domain, local, account=account, mailspace=mailspace, note=said, actor=actor)
        except IntegrityError:
            continue
    raise BadName(_("No free address was found. Try another note."))


def _insert(domain: Domain, local: str, *, account: Account, mailspace: int, note: str, actor: Actor) -> Mask:
    with transaction.atomic():
        addresses.require_free(domain, local)
        address = Address.objects.create(domain=domain, local_part=local)
        own = account if account.mailspace == mailspace else None
        Target.objects.create(address=address, mailspace=mailspace, account=own)
        mask = Mask.objects.create(address=address, mailspace=mailspace, note=note)
        _show(mask)
        audit.record(actor, "mask.add", of=address)
    return mask


def set_open(mask: Mask, is_open: bool, *, actor: Actor) -> None:
    """Shut: refused plainly, and nobody writes from it. Opened again it is as before."""
    with transaction.atomic():
        rows = Address.objects.filter(pk=mask.address_id, closed=is_open)
        if not rows.update(closed=not is_open):
            return
        if is_open:
            _show(mask)
        else:
            Identity.objects.filter(
                mailspace=mask.mailspace, address=str(mask.address), is_mask=True
            ).delete()
        audit.record(actor, "mask.open" if is_open else "mask.close", of=mask.address)
    mask.address.closed = not is_open


def set_note(mask: Mask, note: str) -> None:
    Mask.objects.filter(pk=mask.pk).update(note=" ".join(note.split())[:200])


def remove(mask: Mask, *, actor: Actor) -> None:
    """Its name may be given out again one day; whoever only wants quiet shuts it."""
    with transaction.atomic():
        audit.record(actor, "mask.remove", of=mask.address)
        Identity.objects.filter(mailspace=mask.mailspace, address=str(mask.address), is_mask=True).delete()
        mask.address.delete()


def used(mask: int, *, at: int) -> None:
    """A message came through it at `at` (µs); in the transaction that stores it."""
    moment = datetime.fromtimestamp(at / 1_000_000, UTC)
    Mask.objects.filter(pk=mask).update(used=F("used") + 1, last_used_at=moment)


def through(mailspace: int, delivered_to: list[str]) -> Mask | None:
    """The masked address among those that a message was delivered to."""
    which = Q()
    for each in delivered_to[:5]:
        local, _at, domain = each.lower().rpartition("@")
        named = Q(address__domain__name=domain) | Q(address__domain__aliases__name=domain)
        which |= named & Q(address__local_part=local.partition("+")[0])
    rows = Mask.objects.filter(which, mailspace=mailspace).select_related("address__domain")
    return rows.first() if which else None


def _show(mask: Mask) -> None:
    Identity.objects.get_or_create(
        mailspace=mask.mailspace, address=str(mask.address), defaults={"is_mask": True}
    )


def _domain(mailspace: int) -> Domain:
    main = Identity.objects.filter(mailspace=mailspace, is_default=True).values_list("address", flat=True)
    name = (main.first() or "").rpartition("@")[2]
    found = Domain.objects.filter(name=name).select_related("alias_of").first()
    if found is None:
        raise BadName(_("This mailbox has no address of a domain here."))
    return found.alias_of or found


def _stem(note: str) -> str:
    """`Shop.example (shoes)` → `shop`: the first word of what it is for, as a name."""
    plain = unicodedata.normalize("NFKD", note).encode("ascii", "ignore").decode().lower()
    words = [word for word in plain.split() if word not in ("for", "the")]
    word = _TLDS.sub("", words[0]) if words else ""
    return _ODD.sub("-", word.removeprefix("www.")).strip("-")[:20] or "mask"
