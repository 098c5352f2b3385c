"""The addresses elsewhere that people have proven to be theirs (webmail/moving/senders.py says how)."""

from __future__ import annotations

from hosting.access import Sender

from .models import OutsideAddress


def of_account(account_id: int, mailspace: int) -> tuple[Sender, ...]:
    """For From, beside the addresses of this host."""
    rows = OutsideAddress.objects.filter(
        account_id=account_id, mailspace=mailspace, confirmed_at__isnull=False
    ).order_by("address")
    return tuple(
        Sender(mailspace, address, name, False) for address, name in rows.values_list("address", "name")
    )


def one(account_id: int, address: str) -> OutsideAddress | None:
    rows = OutsideAddress.objects.filter(account_id=account_id, address=address, confirmed_at__isnull=False)
    return rows.order_by("id").first()
