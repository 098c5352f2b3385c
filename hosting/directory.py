"""`mta.directory.Directory` over our tables: who an address means, who signs in, who may send as what.

`resolve` runs for every RCPT and takes one indexed query; everything else one or two. Answers are the
small values of the port; no row leaves.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

from hosting import access, names, signing_in
from hosting.models import Account, Address, Domain, DomainKey, Grant, Identity, Lineage, Role, Target
from hosting.sealing import unseal
from mta.directory import (
    InboundPolicy,
    LocalTarget,
    Login,
    MaildropOptions,
    RemoteTarget,
    Resolution,
    SigningKey,
)
from mta.message.address import BadAddress, canonical

ELSEWHERE, UNKNOWN = Resolution("elsewhere"), Resolution("unknown")
DEEPEST_ALIAS = 8  # aliases that lead to aliases here; a loop ends there
ROLE_MAILBOXES = frozenset({"postmaster", "abuse"})  # RFC 2142; RFC 5321 §4.5.1 demands postmaster

_Row = tuple[int | None, str, bool | None]  # mailspace, remote, account.receives


class Directory:
    """Stateless; one per process."""

    def resolve(self, address: str) -> Resolution:
        if address.lower() == "postmaster":  # RFC 5321 §4.1.1.3: the one name without a domain
            return _answer(_provider_staff(), address)
        if names.is_unstorable(address):
            return ELSEWHERE
        try:
            return self._resolve(canonical(address), address, depth=0)
        except BadAddress:
            return ELSEWHERE

    def _resolve(self, canonical_address: str, written: str, *, depth: int) -> Resolution:
        local, domain_name = names.split(canonical_address)
        found = _look_up(domain_name, local)
        if not found:
            return ELSEWHERE
        domain_id, tenant_id, receives, catch_all = found[0][:4]
        if not receives:
            return Resolution("suspended")
        rows = _best(found, local)
        if not rows and local in ROLE_MAILBOXES:
            rows = _administrators(domain_id, tenant_id)
        if not rows and catch_all is not None:
            rows = _leads(address_id=catch_all)
        return self._follow(rows, written, depth=depth)

    def _follow(self, rows: list[_Row], written: str, *, depth: int) -> Resolution:
        """Targets of the rows, aliases of aliases followed, each target once."""
        found: dict[LocalTarget | RemoteTarget, None] = {}
        shut = False
        for mailspace, remote, receives in rows:
            if mailspace is not None and receives is not None and not receives:
                shut = True
            elif mailspace is not None:
                found[LocalTarget(mailspace, written)] = None
            elif depth < DEEPEST_ALIAS:
                there = self._resolve(remote, written, depth=depth + 1)
                if there.kind == "elsewhere":
                    found[RemoteTarget(remote)] = None
                shut = shut or there.kind == "suspended"
                found.update(dict.fromkeys(there.targets))
        if found:
            return Resolution("ours", tuple(found))
        return Resolution("suspended") if shut else UNKNOWN

    def is_local_domain(self, domain: str) -> bool:
        return Domain.objects.filter(name=domain.lower()).exclude(state=Domain.PENDING).exists()

    def sign_in(self, username: str, password: str, *, protocol: str, peer: str) -> Login | None:
        account = signing_in.verify(username, password)
        if account is None:
            return None
        opens = access.mailspaces_for(account)
        if not opens:  # staff without mail: nothing for a mail program to open
            return None
        options = MaildropOptions(account.pop3_erases, account.pop3_marks_read, account.pop3_newest)
        return Login(account.pk, account.username, opens, options)

    def may_send_as(self, account: int, address: str) -> bool:
        """Its identities, each with a detail after a plus, and what only the catch-all brings to them alone."""
        try:
            wanted = canonical(address)
        except BadAddress:
            return False
        local, domain = names.split(wanted)
        spellings = {wanted, f"{local.partition('+')[0]}@{domain}"}
        senders = access.senders_for(account)
        if any(sender.address in spellings for sender in senders):
            return True
        return _caught_by(local, domain) in {sender.mailspace for sender in senders}

    def may_send(self, mailspace: int, address: str) -> bool:
        """Through an account that may sign in now: its own state, its domain's and its tenants' count, too."""
        holders = Account.objects.with_standing().filter(
            grants__mailspace=mailspace, grants__right__in=[Grant.OWN, Grant.SEND_AS]
        )
        return any(
            account.is_active and self.may_send_as(account.pk, address) for account in holders.distinct()
        )

    def identity_name(self, account: int, address: str) -> str:
        try:
            wanted = canonical(address)
        except BadAddress:
            return ""
        return next((each.name for each in access.senders_for(account) if each.address == wanted), "")

    def signing_keys(self, domain: str) -> tuple[SigningKey, ...]:
        rows = DomainKey.objects.filter(domain__name=domain.lower(), state=DomainKey.ACTIVE)
        return tuple(
            SigningKey(domain.lower(), selector, unseal(sealed))
            for selector, sealed in rows.order_by("-algorithm", "-id").values_list(
                "selector", "sealed_private_key"
            )
        )

    def inbound_policy(self, domain: str) -> InboundPolicy:
        fields = ("junk_at", "refuse_at", "hold_spam", "hold_forged", "greylist")
        row = Domain.objects.filter(name=domain.lower()).values_list(*fields).first()
        return InboundPolicy(*row) if row else InboundPolicy()

    def owner(self, mailspace: int) -> str:
        rows = Identity.objects.filter(mailspace=mailspace, is_default=True)
        return rows.values_list("address", flat=True).first() or ""


# One row per target of the address as written and of it without its +detail; one row without a target
# where the domain is ours and the address is not; none where the domain is not ours. Plain SQL, because
# building the query through the ORM costs more than asking it.
_LOOK_UP = f"""
    SELECT d.id, d.tenant_id, d.receives, d.catch_all_id, a.local_part, t.mailspace, t.remote, c.receives
    FROM {Domain._meta.db_table} d
    LEFT JOIN {Address._meta.db_table} a ON a.domain_id = d.id AND a.local_part IN (%s, %s)
    LEFT JOIN {Target._meta.db_table} t ON t.address_id = a.id
    LEFT JOIN {Account._meta.db_table} c ON c.id = t.account_id
    WHERE d.name = %s AND d.state <> '{Domain.PENDING}'
    ORDER BY t.id
"""  # noqa: S608 - the names of our own tables


def _look_up(domain: str, local: str) -> list[tuple[Any, ...]]:
    base = local.partition("+")[0] or local
    with connection.cursor() as cursor:
        cursor.execute(_LOOK_UP, [local, base, domain])
        return cursor.fetchall()


def _caught_by(local: str, domain_name: str) -> int | None:
    """The one mailspace that gets all mail to an address which nobody has; None where it is not one alone."""
    found = _look_up(domain_name, local)
    if not found or _best(found, local) or local in ROLE_MAILBOXES:
        return None
    _domain, _tenant, receives, catch_all = found[0][:4]
    rows = _leads(address_id=catch_all) if receives and catch_all is not None else []
    return rows[0][0] if len(rows) == 1 else None


def _best(found: list[tuple[Any, ...]], local: str) -> list[_Row]:
    """The targets of the address as written, else of it without its +detail."""
    by_name: dict[str, list[_Row]] = {}
    for *_domain, name, mailspace, remote, receives in found:
        if name is not None and (mailspace is not None or remote):
            by_name.setdefault(name, []).append((mailspace, remote, receives))
    return by_name.get(local) or by_name.get(local.partition("+")[0]) or []


def _leads(*, address_id: int) -> list[_Row]:
    rows = Target.objects.filter(address_id=address_id)
    return list(rows.values_list("mailspace", "remote", "account__receives"))


def _administrators(domain_id: int, tenant_id: int) -> list[_Row]:
    """Who answers for a domain: its own administrators, else those of the nearest tenant above."""
    leading = Role.objects.filter(kind__in=[Role.OWNER, Role.ADMINISTRATOR], account__mailspace__isnull=False)
    own = _mailspaces(leading.filter(domain_id=domain_id))
    if own:
        return own
    above = Lineage.objects.filter(below_id=tenant_id).order_by("distance").values_list("above_id", flat=True)
    for tenant in above:
        found = _mailspaces(leading.filter(tenant_id=tenant))
        if found:
            return found
    return []


def _mailspaces(roles: object) -> list[_Row]:
    rows = roles.filter(account__state=Account.ACTIVE)  # type: ignore[attr-defined]
    return [(mailspace, "", True) for mailspace in rows.values_list("account__mailspace", flat=True)]


def _provider_staff() -> list[_Row]:
    return _mailspaces(
        Role.objects.filter(
            tenant__kind="provider",
            kind__in=[Role.OWNER, Role.ADMINISTRATOR],
            account__mailspace__isnull=False,
        )
    )


def _answer(rows: list[_Row], written: str) -> Resolution:
    targets = tuple(LocalTarget(mailspace, written) for mailspace, _r, _x in rows if mailspace is not None)
    return Resolution("ours", targets) if targets else UNKNOWN
