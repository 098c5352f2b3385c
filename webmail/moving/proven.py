"""The addresses elsewhere that people have proven to be theirs (webmail/moving/senders.py says how)."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import BooleanField, Value

from hosting.access import Sender, identities_for
from hosting.models import Domain

from .models import OutsideAddress

_COLUMNS = ("mailspace", "address", "name", "is_default", "is_mask", "outside")


def senders(account_id: int, mailspace: int) -> tuple[tuple[Sender, ...], tuple[Sender, ...]]:
    """(addresses of this host, addresses elsewhere) that somebody writes from in a mailspace, in one query."""
    no, yes = Value(False, output_field=BooleanField()), Value(True, output_field=BooleanField())
    own = identities_for(account_id).filter(mailspace=mailspace).annotate(outside=no).values_list(*_COLUMNS)
    proven = OutsideAddress.objects.filter(
        account_id=account_id, mailspace=mailspace, confirmed_at__isnull=False
    ).annotate(is_default=no, is_mask=no, outside=yes)
    rows = own.union(proven.values_list(*_COLUMNS), all=True)
    found = list(rows.order_by("outside", "-is_default", "is_mask", "address"))
    values = [
        (Sender(each[0], each[1], each[2], bool(each[3]), bool(each[4])), bool(each[5])) for each in found
    ]
    elsewhere = [sender for sender, outside in values if outside]
    ours = _of_this_host([sender.address for sender in elsewhere])
    return (
        tuple(sender for sender, outside in values if not outside),
        tuple(sender for sender in elsewhere if sender.address not in ours),
    )


def one(account_id: int, address: str) -> OutsideAddress | None:
    """The proof, unless the domain has come to this host since: then whoever runs it says who writes as what."""
    rows = OutsideAddress.objects.filter(account_id=account_id, address=address, confirmed_at__isnull=False)
    found = rows.order_by("id").first()
    return found if found is not None and not _of_this_host([address]) else None


def of_mailspace(mailspace: int, address: str) -> OutsideAddress | None:
    """The same for a mailspace, whoever of it has proven the address."""
    rows = OutsideAddress.objects.filter(mailspace=mailspace, address=address, confirmed_at__isnull=False)
    found = rows.order_by("id").first()
    return found if found is not None and not _of_this_host([address]) else None


def _of_this_host(addresses: Sequence[str]) -> set[str]:
    """Those whose domain is on this host; no query for none."""
    if not addresses:
        return set()
    domains = {address: address.rpartition("@")[2] for address in addresses}
    known = Domain.objects.filter(name__in=set(domains.values())).exclude(state=Domain.PENDING)
    ours = set(known.values_list("name", flat=True))
    return {address for address, domain in domains.items() if domain in ours}
