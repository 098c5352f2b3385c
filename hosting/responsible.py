"""Who answers for a domain, and for this host: whoever gets its `postmaster@` and `abuse@` (RFC 2142).

Called by `hosting.directory` for addresses that nobody has, and by `hosting.lists` for lists without an owner.
"""

from __future__ import annotations

from django.db.models import QuerySet

from hosting.models import Account, Lineage, Role, Tenant

_LEADING = (Role.OWNER, Role.ADMINISTRATOR)


def of_domain(domain_id: int, tenant_id: int) -> list[int]:
    """Mailspaces of the domain's own administrators, else of those of the nearest tenant above."""
    leading = Role.objects.filter(kind__in=_LEADING, account__mailspace__isnull=False)
    own = _mailspaces(leading.filter(domain_id=domain_id))
    if own:
        return own
    above = Lineage.objects.filter(below_id=tenant_id).order_by("distance").values_list("above_id", flat=True)
    for tenant in above:
        found = _mailspaces(leading.filter(tenant_id=tenant))
        if found:
            return found
    return []


def of_provider() -> list[int]:
    return _mailspaces(
        Role.objects.filter(tenant__kind=Tenant.PROVIDER, kind__in=_LEADING, account__mailspace__isnull=False)
    )


def _mailspaces(roles: QuerySet[Role]) -> list[int]:
    rows = roles.filter(account__state=Account.ACTIVE).values_list("account__mailspace", flat=True)
    return [mailspace for mailspace in rows if mailspace is not None]
