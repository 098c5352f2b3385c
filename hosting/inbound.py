"""What a domain does with doubtful mail, and what is held for its accounts: for its administrators.

Who may see what is held sees who wrote, the subject and why, never the message. Releasing is written into the audit.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from hosting import access, audit
from hosting.actor import Actor
from hosting.errors import NotFound
from hosting.models import Account, Domain
from mta.directory import InboundPolicy
from mta.flow import quarantine
from mta.mailstore import service as mailstore
from mta.mailstore.service import Held
from mta.values import Cause

FIELDS = ("junk_at", "refuse_at", "hold_spam", "hold_forged", "greylist")


@dataclass(frozen=True, slots=True)
class HeldFor:
    """A held message and the account that it is for."""

    account: Account
    held: Held
    kind: str
    reason: str


def policy(domain: Domain) -> InboundPolicy:
    return InboundPolicy(*(getattr(domain, field) for field in FIELDS))


def set_policy(domain: Domain, wanted: InboundPolicy, *, actor: Actor) -> bool:
    """Change it; whether anything was different. For mail that arrives from now on."""
    access.require(actor, access.DOMAIN_EDIT, domain)
    before, after = asdict(policy(domain)), asdict(wanted)
    changed = [field for field in FIELDS if before[field] != after[field]]
    if not changed:
        return False
    with transaction.atomic():
        Domain.objects.filter(pk=domain.pk).update(**{field: after[field] for field in changed})
        audit.record(
            actor,
            "domain.inbound",
            of=domain,
            before={field: before[field] for field in changed},
            after={field: after[field] for field in changed},
        )
    for field in changed:
        setattr(domain, field, after[field])
    return True


def held_for(
    domain: Domain, *, actor: Actor, before: tuple[int, int] | None = None, limit: int = 50
) -> tuple[HeldFor, ...]:
    """What is held for the accounts of a domain that the actor may help, newest first."""
    accounts = _accounts(domain, actor)
    found = mailstore.held(list(accounts), before=before, limit=limit)
    return tuple(
        HeldFor(accounts[each.mailspace], each, quarantine.kind(each), quarantine.reason(each))
        for each in found
    )


def _accounts(domain: Domain, actor: Actor) -> dict[int, Account]:
    """By mailspace. Whoever may only look, and not help, sees nothing of people's mail."""
    rows = access.accounts_for(actor, access.ACCOUNT_EDIT).filter(domain=domain, mailspace__isnull=False)
    return {account.mailspace: account for account in rows if account.mailspace is not None}


def settle(domain: Domain, account_id: int, message: int, do: str, *, actor: Actor) -> str:
    """Release or delete one held message of an account of the domain; what to say of it."""
    found = {account.pk: account for account in _accounts(domain, actor).values()}.get(account_id)
    held = None if found is None or found.mailspace is None else quarantine.one(found.mailspace, message)
    if found is None or held is None:
        raise NotFound(_("That message is no longer held."))
    cause = Cause("web", session=_("the panel"), actor=actor.name)
    with transaction.atomic():
        audit.record(
            actor, f"held.{do}", of=found, after={"sender": held.sender[:200], "subject": held.subject[:200]}
        )
    if do == "release":
        quarantine.release(held.mailspace, [message], cause=cause, viruses=True)
        return _("It is in the Inbox of %(who)s now.") % {"who": found.username}
    mailstore.throw_away(held.mailspace, [message], cause=cause)
    return _("It is gone.")
