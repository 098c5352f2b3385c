"""The addresses elsewhere that people have proven to be theirs (webmail/moving/senders.py says how)."""

from __future__ import annotations

from django.db.models import BooleanField, Value

from hosting.access import Sender, identities_for

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
    return (
        tuple(sender for sender, outside in values if not outside),
        tuple(sender for sender, outside in values if outside),
    )


def one(account_id: int, address: str) -> OutsideAddress | None:
    rows = OutsideAddress.objects.filter(account_id=account_id, address=address, confirmed_at__isnull=False)
    return rows.order_by("id").first()
