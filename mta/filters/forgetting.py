"""What a mailspace that is gone leaves here. Asked by `mta.flow.leftovers`."""

from __future__ import annotations

from django.db import transaction

from .models import AutomaticReply, BlockedSender, FilterRule, ForwardingAddress, Replied

_TABLES = (FilterRule, BlockedSender, ForwardingAddress, AutomaticReply, Replied)


def mailspaces() -> set[int]:
    """Those that have something here."""
    return {
        each for table in _TABLES for each in table.objects.values_list("mailspace_id", flat=True).distinct()
    }


def forget(mailspace: int) -> None:
    """All of it."""
    with transaction.atomic():
        for table in _TABLES:
            table.objects.filter(mailspace_id=mailspace).delete()
