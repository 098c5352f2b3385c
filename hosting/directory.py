"""`mta.directory.Directory` over our tables: who an address means, who signs in, who may send as what.

`resolve` runs for every RCPT and takes one indexed query; everything else one or two. Answers are the
small values of the port; no row leaves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import connection

from hosting import access, list_tokens, lists, masks, names, responsible, signing_in
from hosting.addresses import of_list
from hosting.models import (
    Account,
    Address,
    Domain,
    DomainKey,
    Grant,
    Identity,
    Mask,
    Target,
)
from hosting.sealing import unseal
from mta import directory as port
from mta import metrics
from mta.directory import (
    BOUNCE,
    LEAVE,
    InboundPolicy,
    ListInfo,
    ListTarget,
    LocalTarget,
    Login,
    MaildropOptions,
    RemoteTarget,
    Resolution,
    SigningKey,
    SmartHost,
)
from mta.message.address import BadAddress, canonical

ELSEWHERE, UNKNOWN = Resolution("elsewhere"), Resolution("unknown")
DEEPEST_ALIAS = 8  # aliases that lead to aliases here; a loop ends there
ROLE_MAILBOXES = frozenset({"postmaster", "abuse"})  # RFC 2142; RFC 5321 §4.5.1 demands postmaster

_DUTIES = {"-bounces": (BOUNCE, list_tokens.BOUNCES), "-leave": (LEAVE, list_tokens.LEAVE)}


class _Lead(NamedTuple):
    """Where an address leads: one of a mailspace, an address elsewhere, a list. `receives` is of its account."""

    mailspace: int | None
    remote: str
    receives: bool | None
    mailing_list: int | None = None
    mask: int | None = None


class Directory:
    """Stateless; one per process."""

    def resolve(self, address: str) -> Resolution:
        if address.lower() == "postmaster":  # RFC 5321 §4.1.1.3: the one name without a domain
            staff = tuple(LocalTarget(each, address) for each in responsible.of_provider())
            return Resolution("ours", staff) if staff else UNKNOWN
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
        best = _best(found, local)
        if best is None:
            return UNKNOWN
        leads, service = best
        if service:
            return self._service(leads[0].mailing_list or 0, service, written, depth=depth)
        if not leads and local in ROLE_MAILBOXES:
            leads = [_Lead(each, "", True) for each in responsible.of_domain(domain_id, tenant_id)]
        if not leads and catch_all is not None:
            leads = _leads(address_id=catch_all)
        return self._follow(leads, written, depth=depth)

    def _service(self, list_id: int, service: str, written: str, *, depth: int) -> Resolution:
        """Mail for what a list has beside its own address."""
        if service not in _DUTIES:
            owners = [_Lead(mailspace, "", True) for mailspace in lists.owners(list_id)]
            return self._follow(owners, written, depth=depth)
        duty, purpose = _DUTIES[service]
        detail = names.split(written)[0].partition("+")[2]
        member = list_tokens.read(purpose, detail)
        return Resolution("ours", (ListTarget(list_id, written, duty, member),)) if member else UNKNOWN

    def _follow(self, leads: list[_Lead], written: str, *, depth: int) -> Resolution:
        """Targets of the leads, aliases of aliases followed, each target once."""
        found: dict[port.Target, None] = {}
        shut = False
        for lead in leads:
            if lead.mailing_list is not None:
                found[ListTarget(lead.mailing_list, written)] = None
            elif lead.mailspace is not None and lead.receives is not None and not lead.receives:
                shut = True
            elif lead.mailspace is not None:
                found[LocalTarget(lead.mailspace, written, lead.mask or 0)] = None
            elif depth < DEEPEST_ALIAS:
                there = self._resolve(lead.remote, written, depth=depth + 1)
                if there.kind == "elsewhere":
                    found[RemoteTarget(lead.remote)] = None
                shut = shut or there.kind == "suspended"
                found.update(dict.fromkeys(there.targets))
        if found:
            return Resolution("ours", tuple(found))
        return Resolution("suspended") if shut else UNKNOWN

    def is_local_domain(self, domain: str) -> bool:
        return Domain.objects.filter(name=domain.lower()).exclude(state=Domain.PENDING).exists()

    def sign_in(self, username: str, password: str, *, protocol: str, peer: str) -> Login | None:
        account = signing_in.verify(username, password)
        metrics.SIGN_INS.labels(protocol, "accepted" if account else "refused").inc()
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
        if main := _main_domain(domain):  # a domain alias: the same people
            return self.may_send_as(account, f"{local}@{main}")
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

    def smart_host_for(self, sender: str, mailspace: int | None) -> SmartHost | None:
        """Addresses of our own leave by our own relay."""
        return None

    def sender_name(self, mailspace: int, address: str) -> str:
        try:
            local, domain = names.split(canonical(address))
        except BadAddress:
            return ""
        spellings = (f"{local}@{domain}", f"{local.partition('+')[0]}@{domain}")
        rows = Identity.objects.filter(mailspace=mailspace).order_by("-is_default")
        known = dict(rows.values_list("address", "name"))
        # Mail to an alias that leads here is answered in the name of who lives here.
        return next((known[each] for each in spellings if each in known), next(iter(known.values()), ""))

    def signing_keys(self, domain: str) -> tuple[SigningKey, ...]:
        rows = DomainKey.objects.filter(domain__name=domain.lower(), state=DomainKey.ACTIVE)
        return tuple(
            SigningKey(domain.lower(), selector, unseal(sealed))
            for selector, sealed in rows.order_by("-algorithm", "-id").values_list(
                "selector", "sealed_private_key"
            )
        )

    def inbound_policy(self, domain: str) -> InboundPolicy:
        with connection.cursor() as cursor:
            cursor.execute(_POLICY, [domain.lower()])
            row = cursor.fetchone()
        return InboundPolicy(row[0], row[1], *map(bool, row[2:])) if row else InboundPolicy()

    def owner(self, mailspace: int) -> str:
        rows = Identity.objects.filter(mailspace=mailspace, is_default=True)
        return rows.values_list("address", flat=True).first() or ""

    def mailing_list(self, list_id: int) -> ListInfo | None:
        return lists.info(list_id)

    def list_bounced(self, list_id: int, member: int, *, said: str) -> str:
        return lists.bounced(list_id, member, said=said)

    def list_left(self, list_id: int, member: int) -> None:
        lists.left(list_id, member)

    def mask_used(self, mask: int, *, at: int) -> None:
        masks.used(mask, at=at)


# One row per target of the address as written, of it without its +detail, and of the list that it is a service of;
# one row without a target where the domain is ours and the address is not; none where the domain is not ours.
# `n` is the domain as written, `d` the one whose addresses are meant. Plain SQL, because building the query through
# the ORM costs more than asking it.
_LOOK_UP = f"""
    SELECT d.id, d.tenant_id, n.receives AND d.receives, d.catch_all_id, a.local_part, a.closed,
           t.mailspace, t.remote, c.receives, t.mailing_list_id, m.id
    FROM {Domain._meta.db_table} n
    JOIN {Domain._meta.db_table} d ON d.id = COALESCE(n.alias_of_id, n.id)
    LEFT JOIN {Address._meta.db_table} a ON a.domain_id = d.id AND a.local_part IN (%s, %s, %s)
    LEFT JOIN {Target._meta.db_table} t ON t.address_id = a.id
    LEFT JOIN {Account._meta.db_table} c ON c.id = t.account_id
    LEFT JOIN {Mask._meta.db_table} m ON m.address_id = a.id
    WHERE n.name = %s AND n.state <> '{Domain.PENDING}' AND d.state <> '{Domain.PENDING}'
    ORDER BY t.id
"""  # noqa: S608 - the names of our own tables


# Of the domain itself, or of the one that it is another name of; asked for every recipient of every message.
_POLICY = f"""
    SELECT o.junk_at, o.refuse_at, o.hold_spam, o.hold_forged, o.greylist
    FROM {Domain._meta.db_table} d
    JOIN {Domain._meta.db_table} o ON o.id = COALESCE(d.alias_of_id, d.id)
    WHERE d.name = %s
"""  # noqa: S608 - the names of our own tables


def _look_up(domain: str, local: str) -> list[tuple[Any, ...]]:
    base = _base(local)
    with connection.cursor() as cursor:
        cursor.execute(_LOOK_UP, [local, base, of_list(base)[0], domain])
        return cursor.fetchall()


def _base(local: str) -> str:
    """Without its detail; what begins with the plus has none."""
    return local.partition("+")[0] or local


def _main_domain(alias: str) -> str:
    found = Domain.objects.filter(name=alias, alias_of__isnull=False).exclude(state=Domain.PENDING)
    return found.values_list("alias_of__name", flat=True).first() or ""


def _caught_by(local: str, domain_name: str) -> int | None:
    """The one mailspace that gets all mail to an address which nobody has; None where it is not one alone."""
    found = _look_up(domain_name, local)
    if not found or _best(found, local) != ([], "") or local in ROLE_MAILBOXES:
        return None
    _domain, _tenant, receives, catch_all = found[0][:4]
    leads = _leads(address_id=catch_all) if receives and catch_all is not None else []
    return leads[0].mailspace if len(leads) == 1 else None


def _best(found: list[tuple[Any, ...]], local: str) -> tuple[list[_Lead], str] | None:
    """The leads of the address as written, else of it without its +detail, else of the list whose service it is,
    with that service; None where the address is closed."""
    by_name: dict[str, list[_Lead]] = {}
    closed: set[str] = set()
    for row in found:
        name, is_closed, mailspace, remote, receives, mailing_list, mask = row[4:]
        if name is not None and is_closed:
            closed.add(name)
        if name is not None and (mailspace is not None or remote or mailing_list is not None):
            lead = _Lead(mailspace, remote, receives, mailing_list, mask)
            by_name.setdefault(name, []).append(lead)
    base = _base(local)
    for name in (local, base):
        if name in closed:
            return None
        if name in by_name:
            return by_name[name], ""
    stem, service = of_list(base)
    leads = [lead for lead in by_name.get(stem, ()) if lead.mailing_list is not None] if service else []
    return (leads, service) if leads else ([], "")


def _leads(*, address_id: int) -> list[_Lead]:
    rows = Target.objects.filter(address_id=address_id)
    columns = ("mailspace", "remote", "account__receives", "mailing_list")
    return [_Lead(*row) for row in rows.values_list(*columns)]
