"""Accounts: adding one with its mailspace, suspending, resuming, passwords, quota, POP3, roles.

Passwords are hashed before a transaction is opened: argon2 takes longer than all the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting import access, addresses, audit, names, passwords
from hosting.actor import Actor
from hosting.errors import BadName, NameTaken, NotAllowed
from hosting.models import Account, Address, Domain, Grant, Identity, Role, Target, Tenant
from hosting.pools import check, drawing, limits
from mta.directory import MaildropOptions
from mta.mailstore import service as mailstore


def add(
    domain: Domain,
    local_part: str,
    *,
    password: str,
    actor: Actor,
    full_name: str = "",
    quota_bytes: int | None = None,
) -> Account:
    """An account with its address, its own mailspace and a default identity.

    `quota_bytes` None means what the plan gives; 0 means no limit.
    """
    access.require(actor, access.ACCOUNT_ADD, domain)
    local = names.local_part(local_part)
    username = f"{local}@{domain.name}"
    passwords.check(password, name=username)
    hashed = make_password(password)
    try:
        with drawing(domain.tenant_id) as chain:
            quota = _default_quota(chain) if quota_bytes is None else max(0, quota_bytes)
            check(chain, accounts=1, quota_bytes=quota or None)
            addresses.require_free(domain, local)
            account = _insert(domain, local, hashed=hashed, full_name=full_name, quota_bytes=quota)
            audit.record(actor, "account.add", of=account, after={"username": username, "quota_bytes": quota})
    except IntegrityError:
        raise _taken(username) from None
    return account


def _insert(domain: Domain, local: str, *, hashed: str, full_name: str, quota_bytes: int) -> Account:
    mailspace = mailstore.create_mailspace(quota_bytes=quota_bytes)
    name = clean_name(full_name)
    account = Account.objects.create(
        username=f"{local}@{domain.name}",
        tenant_id=domain.tenant_id,
        domain=domain,
        full_name=name,
        mailspace=mailspace,
        quota_bytes=quota_bytes,
        password=hashed,
        password_changed_at=timezone.now(),
    )
    address = Address.objects.create(domain=domain, local_part=local, account=account)
    Target.objects.create(address=address, mailspace=mailspace, account=account)
    Grant.objects.create(account=account, mailspace=mailspace, right=Grant.OWN)
    Identity.objects.create(mailspace=mailspace, address=account.username, name=name, is_default=True)
    return account


def add_staff(
    username: str, *, tenant: Tenant, kind: str, password: str, actor: Actor, full_name: str = ""
) -> Account:
    """A sign-in without mail, with a role on `tenant`."""
    _require_role_grant(actor, tenant)
    name = names.staff_username(username)
    passwords.check(password, name=name)
    hashed = make_password(password)
    try:
        with transaction.atomic():
            account = Account.objects.create(
                username=name,
                tenant=tenant,
                full_name=clean_name(full_name),
                password=hashed,
                password_changed_at=timezone.now(),
            )
            audit.record(actor, "account.add", of=account, after={"username": name})
            give_role(account, tenant, kind=kind, actor=actor)
    except IntegrityError:
        raise NameTaken(_("That sign-in name is taken."), field="username") from None
    return account


def give_role(account: Account, on: Tenant | Domain, *, kind: str, actor: Actor) -> None:
    """One role per account and tenant or domain; a second call changes its kind."""
    tenant = on if isinstance(on, Tenant) else on.tenant
    _require_role_grant(actor, tenant)
    if kind not in access.PERMISSIONS:
        raise BadName(_("There is no such role."), field="kind")
    which: dict[str, Any] = {"tenant": on} if isinstance(on, Tenant) else {"domain": on}
    with transaction.atomic():
        Role.objects.update_or_create(account=account, **which, defaults={"kind": kind})
        audit.record(actor, "role.give", of=account, after={"kind": kind, "on": str(on)})
    account.__dict__.pop("_standing", None)


def _require_role_grant(actor: Actor, tenant: Tenant) -> None:
    """Owners name who else administers; whoever may add a customer may also name its administrators."""
    if tenant.parent is None or not access.may(actor, access.TENANT_ADD, tenant.parent):
        access.require(actor, access.ROLE_GRANT, tenant)


def suspend(account: Account, *, actor: Actor, reason: str = "", keep_mail: bool = True) -> None:
    """The account cannot sign in or send. Mail keeps arriving, or senders are told to try later."""
    if actor.account is not None and actor.account.pk == account.pk:
        raise NotAllowed(_("You cannot suspend yourself."))
    _change(
        account,
        "account.suspend",
        action=access.ACCOUNT_SUSPEND,
        actor=actor,
        reason=reason,
        state=Account.SUSPENDED,
        receives=keep_mail,
    )


def resume(account: Account, *, actor: Actor, reason: str = "") -> None:
    _change(
        account,
        "account.resume",
        action=access.ACCOUNT_SUSPEND,
        actor=actor,
        reason=reason,
        state=Account.ACTIVE,
        receives=True,
    )


def set_name(account: Account, full_name: str, *, actor: Actor) -> None:
    """The person's name, and with it the name on their default identity."""
    name = clean_name(full_name)
    with transaction.atomic():
        _change(account, "account.name", action=access.ACCOUNT_EDIT, actor=actor, reason="", full_name=name)
        if account.mailspace is not None:
            Identity.objects.filter(mailspace=account.mailspace, is_default=True).update(name=name)


def set_own(account: Account, *, full_name: str, recovery_address: str, actor: Actor) -> None:
    """What a person says about themselves: the name, and an address elsewhere for when they cannot sign in."""
    if actor.account is None or actor.account.pk != account.pk:
        access.require(actor, access.ACCOUNT_EDIT, account)
    name = clean_name(full_name)
    other = names.address(recovery_address, field="recovery_address") if recovery_address.strip() else ""
    if other == account.username:
        raise BadName(_("That is this very mailbox. Name one elsewhere."), field="recovery_address")
    after = {"full_name": name, "recovery_address": other}
    if after == {"full_name": account.full_name, "recovery_address": account.recovery_address}:
        return
    with transaction.atomic():
        if account.mailspace is not None and name != account.full_name:
            Identity.objects.filter(mailspace=account.mailspace, is_default=True).update(name=name)
        _write(account, "account.own", actor=actor, reason="", after=after)


def set_quota(account: Account, quota_bytes: int, *, actor: Actor) -> None:
    """A new quota; smaller than what is used stops new mail and removes none."""
    access.require(actor, access.ACCOUNT_EDIT, account)
    if account.mailspace is None:
        raise BadName(_("This account has no mail."), field="quota")
    with drawing(account.tenant_id) as chain:
        held = Account.objects.select_for_update().get(pk=account.pk)
        growth = quota_bytes - held.quota_bytes if quota_bytes else None
        check(chain, quota_bytes=growth)
        mailstore.set_quota(account.mailspace, quota_bytes)
        Account.objects.filter(pk=account.pk).update(quota_bytes=quota_bytes)
        audit.record(
            actor,
            "account.quota",
            of=account,
            before={"quota_bytes": held.quota_bytes},
            after={"quota_bytes": quota_bytes},
        )
    account.quota_bytes = quota_bytes


def set_maildrop(account: Account, options: MaildropOptions, *, actor: Actor) -> None:
    """How the account's Inbox behaves over POP3; everybody may say so for themselves."""
    own = actor.account is not None and actor.account.pk == account.pk
    if not own:
        access.require(actor, access.ACCOUNT_EDIT, account)
    after = {
        "pop3_erases": options.erases,
        "pop3_marks_read": options.marks_read,
        "pop3_newest": max(0, options.newest),
    }
    _write(account, "account.pop3", actor=actor, reason="", after=after)


def set_password(account: Account, password: str, *, actor: Actor) -> None:
    """A new password ends every web session and remembered sign-in of the account at once."""
    if actor.account is None or actor.account.pk != account.pk:
        access.require(actor, access.ACCOUNT_PASSWORD, account)
    passwords.check(password, name=account.username)
    hashed = make_password(password)
    with transaction.atomic():
        now = timezone.now()
        Account.objects.filter(pk=account.pk).update(password=hashed, password_changed_at=now)
        audit.record(actor, "account.password", of=account)
    account.password, account.password_changed_at = hashed, now


def find(name: str) -> Account | None:
    """An account by any spelling of its sign-in name."""
    return Account.objects.with_standing().filter(username=names.username(name)).first()


def clean_name(full_name: str) -> str:
    """A display name as people write it: one line, no control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in full_name).split())[:200]


def _change(account: Account, verb: str, *, action: str, actor: Actor, reason: str, **after: Any) -> None:
    access.require(actor, action, account)
    _write(account, verb, actor=actor, reason=reason, after=after)


def _write(account: Account, verb: str, *, actor: Actor, reason: str, after: dict[str, Any]) -> None:
    with transaction.atomic():
        before = Account.objects.select_for_update().filter(pk=account.pk).values(*after).get()
        Account.objects.filter(pk=account.pk).update(**after)
        audit.record(actor, verb, of=account, before=before, after=after, reason=reason)
    for name, value in after.items():
        setattr(account, name, value)


def _default_quota(chain: Sequence[Tenant]) -> int:
    plan = chain[-1].plan
    if plan and plan.account_quota_bytes:
        return plan.account_quota_bytes
    # With a storage pool, its own or that of a tenant above, nobody may take all of it.
    return 1024**3 if any(limits(tenant)[2] for tenant in chain) else 0


def _taken(address: str) -> NameTaken:
    return NameTaken(_("%s exists already.") % names.shown_address(address), field="local_part")
