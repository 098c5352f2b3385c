"""Tenants: adding to the tree, suspending and resuming a branch of it, its limits."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from hosting import access, audit
from hosting.actor import Actor
from hosting.errors import AlreadySetUp, BadName, NameTaken
from hosting.models import Lineage, Plan, Tenant
from hosting.pools import drawing

_MAY_HOLD = {
    Tenant.PROVIDER: (Tenant.RESELLER, Tenant.CUSTOMER),
    Tenant.RESELLER: (Tenant.RESELLER, Tenant.CUSTOMER),
    Tenant.CUSTOMER: (),
}


def provider() -> Tenant | None:
    """The root of the tree, once the installation is set up."""
    return Tenant.objects.filter(kind=Tenant.PROVIDER).first()


def add_provider(*, name: str, actor: Actor) -> Tenant:
    """The first tenant of an installation. Raises AlreadySetUp if there is one."""
    with transaction.atomic():
        if provider() is not None:
            raise AlreadySetUp(_("This host has a provider already."))
        return _insert(parent=None, kind=Tenant.PROVIDER, name=_clean(name), actor=actor)


def ensure_provider(*, actor: Actor) -> Tenant:
    """The provider, made under a plain name if `manage.py` is used before `/setup`."""
    return provider() or add_provider(name=_("Mail host"), actor=actor)


def add(
    *,
    parent: Tenant,
    kind: str,
    name: str,
    actor: Actor,
    plan: Plan | None = None,
    max_domains: int = 0,
    max_accounts: int = 0,
    max_quota_bytes: int = 0,
) -> Tenant:
    """A reseller or customer below `parent`. Names are unique among the children of one tenant."""
    access.require(actor, access.TENANT_ADD, parent)
    if kind not in _MAY_HOLD[parent.kind]:
        raise BadName(_("A customer cannot have customers."), field="kind")
    if plan is not None and not access.plans_for(actor).filter(pk=plan.pk).exists():
        raise BadName(_("That plan is not yours to give."), field="plan")
    with drawing(parent.pk):
        if Tenant.objects.filter(parent=parent, name__iexact=_clean(name)).exists():
            raise NameTaken(_("You have a customer of that name already."), field="name")
        tenant = _insert(parent=parent, kind=kind, name=_clean(name), actor=actor)
        tenant.plan, tenant.max_domains, tenant.max_accounts = plan, max_domains, max_accounts
        tenant.max_quota_bytes = max_quota_bytes
        tenant.save(update_fields=["plan", "max_domains", "max_accounts", "max_quota_bytes"])
        return tenant


def set_limits(
    tenant: Tenant, *, max_domains: int, max_accounts: int, max_quota_bytes: int, actor: Actor
) -> None:
    """New limits. A limit below what is in use stops growth; it takes nothing away."""
    access.require(actor, access.TENANT_EDIT, tenant)
    _require_below_actor(tenant, actor)
    after = {
        "max_domains": max_domains,
        "max_accounts": max_accounts,
        "max_quota_bytes": max_quota_bytes,
    }
    with drawing(tenant.pk):
        before = Tenant.objects.filter(pk=tenant.pk).values(*after).get()
        Tenant.objects.filter(pk=tenant.pk).update(**after)
        audit.record(actor, "tenant.limits", of=tenant, before=before, after=after)


def suspend(tenant: Tenant, *, actor: Actor, reason: str = "") -> None:
    """Nobody of this tenant, nor of any below it, signs in or sends. Their mail keeps arriving."""
    _set_state(tenant, Tenant.SUSPENDED, actor=actor, reason=reason)


def resume(tenant: Tenant, *, actor: Actor, reason: str = "") -> None:
    """Lift this tenant's own suspension. Tenants suspended by themselves or from above stay so."""
    _set_state(tenant, Tenant.ACTIVE, actor=actor, reason=reason)


def _set_state(tenant: Tenant, state: str, *, actor: Actor, reason: str) -> None:
    access.require(actor, access.TENANT_SUSPEND, tenant)
    _require_below_actor(tenant, actor)
    if tenant.kind == Tenant.PROVIDER:
        raise BadName(_("The provider itself cannot be suspended."))
    with drawing(tenant.pk):
        before = Tenant.objects.values_list("state", flat=True).get(pk=tenant.pk)
        Tenant.objects.filter(pk=tenant.pk).update(state=state)
        _reopen(tenant.pk)
        audit.record(
            actor,
            "tenant.suspend" if state == Tenant.SUSPENDED else "tenant.resume",
            of=tenant,
            before={"state": before},
            after={"state": state},
            reason=reason,
        )
    tenant.refresh_from_db(fields=["state", "is_open"])


def _reopen(tenant_id: int) -> None:
    """Keep `is_open` of a branch: open is whoever has nobody suspended above, itself included."""
    below = Lineage.objects.filter(above_id=tenant_id).values("below_id")
    shut = Lineage.objects.filter(below_id__in=below, above__state=Tenant.SUSPENDED).values("below_id")
    branch = Tenant.objects.filter(pk__in=below)
    branch.filter(pk__in=shut).update(is_open=False)
    branch.exclude(pk__in=shut).update(is_open=True)


def _require_below_actor(tenant: Tenant, actor: Actor) -> None:
    """Limits and suspension come from above: nobody lifts their own."""
    if actor.account is not None and tenant.parent is not None:
        access.require(actor, access.TENANT_EDIT, tenant.parent)


def _insert(*, parent: Tenant | None, kind: str, name: str, actor: Actor) -> Tenant:
    is_open = parent is None or Tenant.objects.values_list("is_open", flat=True).get(pk=parent.pk)
    tenant = Tenant.objects.create(parent=parent, kind=kind, name=name, is_open=is_open)
    above = (
        Lineage.objects.filter(below=parent).values_list("above_id", "distance") if parent is not None else ()
    )
    Lineage.objects.bulk_create(
        [
            Lineage(above=tenant, below=tenant, distance=0),
            *(Lineage(above_id=each, below=tenant, distance=steps + 1) for each, steps in above),
        ]
    )
    audit.record(actor, "tenant.add", of=tenant, after={"name": name, "kind": kind})
    return tenant


def _clean(name: str) -> str:
    cleaned = " ".join(name.replace("\x00", "").split())
    if not cleaned:
        raise BadName(_("A name is missing."), field="name")
    return cleaned[:200]
