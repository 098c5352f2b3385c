"""Aliases: addresses that lead to accounts here or to addresses outside."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from hosting import access, addresses, audit, names
from hosting.actor import Actor
from hosting.errors import BadName, NotAllowed
from hosting.models import Account, Address, Domain, Identity, Target

MOST_TARGETS = 100


def add(domain: Domain, local_part: str, *, targets: Sequence[str], actor: Actor) -> Address:
    """A new alias. An alias of one account here is also an identity: its owner may write as it."""
    access.require(actor, access.ALIAS_EDIT, domain)
    local = names.local_part(local_part)
    leads = _targets(targets, actor=actor)
    try:
        with transaction.atomic():
            addresses.require_free(domain, local)
            alias = Address.objects.create(domain=domain, local_part=local)
            _lead(alias, leads)
            audit.record(actor, "alias.add", of=alias, after={"targets": _shown(leads)})
    except IntegrityError:
        raise addresses.taken(domain, local) from None
    return alias


def set_targets(alias: Address, *, targets: Sequence[str], actor: Actor) -> None:
    """Where an alias leads from now on."""
    _require_alias(alias, actor)
    leads = _targets(targets, actor=actor)
    with transaction.atomic():
        before = targets_of(alias)
        _forget_identity(alias)
        alias.targets.all().delete()
        _lead(alias, leads)
        audit.record(
            actor,
            "alias.targets",
            of=alias,
            before={"targets": list(before)},
            after={"targets": _shown(leads)},
        )


def remove(alias: Address, *, actor: Actor) -> None:
    """Mail to it is refused from now on (or goes to the catch-all)."""
    _require_alias(alias, actor)
    with transaction.atomic():
        audit.record(actor, "alias.remove", of=alias, before={"targets": list(targets_of(alias))})
        _forget_identity(alias)
        alias.delete()


def targets_of(alias: Address) -> tuple[str, ...]:
    """Where it leads, as addresses."""
    rows = alias.targets.order_by("id").values_list("account__username", "remote")
    return tuple(username or remote for username, remote in rows)


def parse_targets(text: str) -> list[str]:
    """A form field: addresses separated by commas, semicolons, spaces or lines."""
    return text.replace(",", " ").replace(";", " ").split()


def _targets(texts: Sequence[str], *, actor: Actor) -> list[Target]:
    wanted = list(dict.fromkeys(names.address(text, field="targets") for text in texts))
    if not wanted:
        raise BadName(_("Say where mail to this address goes."), field="targets")
    if len(wanted) > MOST_TARGETS:
        raise BadName(_("An alias leads to at most %d addresses.") % MOST_TARGETS, field="targets")
    # An account the actor sees is followed through a change of name; anything else is kept as written
    # and looked up when mail arrives.
    seen = access.accounts_for(actor).filter(username__in=wanted, mailspace__isnull=False)
    accounts: dict[str, Account] = {each.username: each for each in seen}
    return [
        Target(account=accounts[each], mailspace=accounts[each].mailspace)
        if each in accounts
        else Target(remote=each)
        for each in wanted
    ]


def _lead(alias: Address, leads: list[Target]) -> None:
    for lead in leads:
        lead.address = alias
    Target.objects.bulk_create(leads)
    account = leads[0].account if len(leads) == 1 else None
    if account is not None and account.mailspace is not None:
        Identity.objects.get_or_create(
            mailspace=account.mailspace, address=str(alias), defaults={"name": account.full_name}
        )


def _forget_identity(alias: Address) -> None:
    mailspaces = alias.targets.filter(mailspace__isnull=False).values("mailspace")
    Identity.objects.filter(address=str(alias), mailspace__in=mailspaces, is_default=False).delete()


def _require_alias(address: Address, actor: Actor) -> None:
    access.require(actor, access.ALIAS_EDIT, address)
    if address.account_id is not None:
        raise NotAllowed(_("This is an account's own address, not an alias."))
    if not plain(Address.objects.filter(pk=address.pk)).exists():
        raise NotAllowed(_("This is the address of a list or a masked one, not an alias."))


def plain(rows: QuerySet[Address]) -> QuerySet[Address]:
    """Those of them that are aliases, and not an account's own, a list's or a masked address."""
    return rows.filter(account__isnull=True, mailing_list__isnull=True, mask__isnull=True)


def _shown(leads: list[Target]) -> list[str]:
    return [lead.account.username if lead.account else lead.remote for lead in leads]
