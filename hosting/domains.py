"""Domains: adding with keys, suspending, resuming, activating, the catch-all; and further names of one."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting import access, audit, keys, names
from hosting.actor import Actor
from hosting.errors import BadName, NameTaken
from hosting.models import Address, Domain, Tenant
from hosting.pools import check, drawing


def add(name: str, *, tenant: Tenant, actor: Actor, alias_of: Domain | None = None) -> Domain:
    """A new domain of `tenant` with both DKIM keys, its first DNS check due now.

    With `alias_of` it is another name for that domain: it has records and keys of its own, and no addresses.

    What a customer adds stays pending until DNS shows that it is theirs: an active domain takes the
    mail that others on this host send to it.
    """
    access.require(actor, access.DOMAIN_ADD, tenant)
    if alias_of is not None and (alias_of.alias_of_id is not None or alias_of.tenant_id != tenant.pk):
        raise BadName(_("Add the name to the domain that has the addresses."), field="name")
    canonical = names.domain_name(name)
    if Domain.objects.filter(name=canonical).exists():
        raise NameTaken(_("%s is on this host already.") % names.shown_domain(canonical), field="name")
    pair = keys.make_pair()
    try:
        with drawing(tenant.pk) as chain:
            check(chain, domains=1)
            domain = Domain.objects.create(
                tenant=tenant,
                name=canonical,
                state=Domain.ACTIVE if _is_trusted(actor) else Domain.PENDING,
                next_check_at=timezone.now(),
                alias_of=alias_of,
            )
            keys.save(domain, pair)
            after = {"name": canonical, "state": domain.state}
            if alias_of is not None:
                after["alias_of"] = alias_of.name
            audit.record(actor, "domain.add", of=domain, after=after)
    except IntegrityError:
        raise NameTaken(
            _("%s is on this host already.") % names.shown_domain(canonical), field="name"
        ) from None
    return domain


def _is_trusted(actor: Actor) -> bool:
    """Whether a role on a provider or reseller speaks for this actor."""
    if actor.account is None:
        return True
    held = access.standing(actor.account).tenants_with(access.DOMAIN_ADD)
    return Tenant.objects.filter(pk__in=held).exclude(kind=Tenant.CUSTOMER).exists()


def suspend(domain: Domain, *, actor: Actor, reason: str = "", keep_mail: bool = True) -> None:
    """Nobody of this domain signs in or sends. Mail keeps arriving, or senders are told to try later."""
    _change(domain, "domain.suspend", actor=actor, reason=reason, state=Domain.SUSPENDED, receives=keep_mail)


def resume(domain: Domain, *, actor: Actor, reason: str = "") -> None:
    _change(domain, "domain.resume", actor=actor, reason=reason, state=Domain.ACTIVE, receives=True)


def activate(domain: Domain, *, actor: Actor) -> None:
    """A pending domain whose DNS points here is its owner's."""
    if domain.state == Domain.PENDING:
        _change(domain, "domain.activate", actor=actor, reason="", state=Domain.ACTIVE, receives=True)


def _change(domain: Domain, verb: str, *, actor: Actor, reason: str, state: str, receives: bool) -> None:
    access.require(actor, access.DOMAIN_SUSPEND, domain)
    after = {"state": state, "receives": receives}
    with transaction.atomic():
        held = Domain.objects.select_for_update().get(pk=domain.pk)
        if held.state == Domain.PENDING and verb != "domain.activate":
            raise BadName(_("This domain waits for its DNS records; there is nothing to suspend yet."))
        Domain.objects.filter(pk=domain.pk).update(**after)
        before = {"state": held.state, "receives": held.receives}
        audit.record(actor, verb, of=domain, before=before, after=after, reason=reason)
    domain.state, domain.receives = state, receives


def remove_alias(domain: Domain, *, actor: Actor) -> None:
    """Mail to this name of a domain is refused from now on; its addresses stay."""
    access.require(actor, access.DOMAIN_ADD, domain.tenant)
    if domain.alias_of_id is None:
        raise BadName(_("This is no other name of a domain."))
    with transaction.atomic():
        audit.record(actor, "domain.remove", of=domain, before={"name": domain.name})
        domain.delete()


def set_catch_all(domain: Domain, address: Address | None, *, actor: Actor) -> None:
    """Mail to names that do not exist goes to `address` of this domain; None: is refused."""
    access.require(actor, access.DOMAIN_EDIT, domain)
    if address is not None and address.domain_id != domain.pk:
        raise BadName(_("The catch-all is an address of the same domain."), field="catch_all")
    with transaction.atomic():
        held = Domain.objects.select_for_update().get(pk=domain.pk)
        before = str(held.catch_all) if held.catch_all else ""
        Domain.objects.filter(pk=domain.pk).update(catch_all=address)
        after = str(address) if address else ""
        audit.record(
            actor, "domain.catch_all", of=domain, before={"catch_all": before}, after={"catch_all": after}
        )
    domain.catch_all = address


def find(name: str) -> Domain | None:
    """A domain by any spelling of its name."""
    try:
        return Domain.objects.select_related("tenant").filter(name=names.domain_name(name)).first()
    except BadName:
        return None
