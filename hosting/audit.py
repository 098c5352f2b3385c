"""Writing the audit record, in the same transaction as the change it speaks of. Never holds a secret."""

from __future__ import annotations

from typing import Any

from hosting.actor import Actor
from hosting.models import Account, Address, AuditEntry, Domain, Tenant

Changed = Tenant | Domain | Account | Address


def record(
    actor: Actor,
    verb: str,
    *,
    of: Changed | None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Append one entry: `verb` ("domain.suspend") done to `of`, with only the columns that changed."""
    AuditEntry.objects.create(
        actor=actor.account,
        actor_name=actor.name,
        via=actor.via,
        ip=actor.ip,
        tenant_id=_tenant(of),
        verb=verb,
        object_type=type(of).__name__.lower() if of is not None else "",
        object_id=of.pk if of is not None else None,
        object_name=_name(of),
        before=before or {},
        after=after or {},
        reason=reason[:500],
    )


def _tenant(of: Changed | None) -> int | None:
    if of is None:
        return None
    if isinstance(of, Tenant):
        return of.pk
    return of.domain.tenant_id if isinstance(of, Address) else of.tenant_id


def _name(of: Changed | None) -> str:
    return "" if of is None else of.username if isinstance(of, Account) else str(of)
