"""What an actor may see and do: the one place. Every query in hosting and webmail starts here.

A role reaches one tenant with all below it, or one domain. `PERMISSIONS` says what each kind of role
may do. What an actor may not see does not exist for them (`NotFound`, 404); what they see but may not
change is `NotAllowed` (403). Never looks at requests or sessions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from hosting.actor import Actor
from hosting.errors import NotAllowed, NotFound
from hosting.models import (
    Account,
    Address,
    AuditEntry,
    Domain,
    Grant,
    Identity,
    Lineage,
    MailingList,
    Mask,
    Plan,
    Role,
    Tenant,
)
from mta.directory import Access

VIEW = "view"
TENANT_ADD, TENANT_EDIT, TENANT_SUSPEND = "tenant.add", "tenant.edit", "tenant.suspend"
DOMAIN_ADD, DOMAIN_EDIT, DOMAIN_SUSPEND = "domain.add", "domain.edit", "domain.suspend"
ACCOUNT_ADD, ACCOUNT_EDIT, ACCOUNT_SUSPEND = "account.add", "account.edit", "account.suspend"
ACCOUNT_PASSWORD, ALIAS_EDIT, ROLE_GRANT, AUDIT_VIEW = (
    "account.password",
    "alias.edit",
    "role.grant",
    "audit.view",
)

EVERYTHING = frozenset(
    {
        VIEW,
        TENANT_ADD,
        TENANT_EDIT,
        TENANT_SUSPEND,
        DOMAIN_ADD,
        DOMAIN_EDIT,
        DOMAIN_SUSPEND,
        ACCOUNT_ADD,
        ACCOUNT_EDIT,
        ACCOUNT_SUSPEND,
        ACCOUNT_PASSWORD,
        ALIAS_EDIT,
        ROLE_GRANT,
        AUDIT_VIEW,
    }
)
PERMISSIONS: dict[str, frozenset[str]] = {
    Role.OWNER: EVERYTHING,
    Role.ADMINISTRATOR: EVERYTHING - {ROLE_GRANT},
    Role.SUPPORT: frozenset({VIEW, ACCOUNT_EDIT, ACCOUNT_SUSPEND, ACCOUNT_PASSWORD, ALIAS_EDIT, AUDIT_VIEW}),
    Role.BILLING: frozenset({VIEW, TENANT_EDIT, TENANT_SUSPEND}),
    Role.READONLY: frozenset({VIEW, AUDIT_VIEW}),
}
# A role on one domain reaches that domain, its accounts and addresses; never its tenant.
OF_A_TENANT = frozenset({TENANT_ADD, TENANT_EDIT, TENANT_SUSPEND, DOMAIN_ADD, DOMAIN_SUSPEND, ROLE_GRANT})

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Standing:
    """The roles of one account: what kind on which tenant, what kind on which domain; and on the
    provider, above all, where a query need not look at the tree ("" for none).
    """

    tenants: dict[int, str]
    domains: dict[int, str]
    at_the_top: str = ""

    def __bool__(self) -> bool:
        return bool(self.tenants or self.domains)

    def is_everywhere(self, action: str) -> bool:
        return bool(self.at_the_top) and action in PERMISSIONS[self.at_the_top]

    def tenants_with(self, action: str) -> list[int]:
        return [tenant for tenant, kind in self.tenants.items() if action in PERMISSIONS[kind]]

    def domains_with(self, action: str) -> list[int]:
        if action in OF_A_TENANT:
            return []
        return [domain for domain, kind in self.domains.items() if action in PERMISSIONS[kind]]


def standing(account: Account) -> Standing:
    """The account's roles, read once per account instance (a request has one)."""
    known: Standing | None = account.__dict__.get("_standing")
    if known is None:
        rows = list(
            Role.objects.filter(account=account).values_list("tenant_id", "domain_id", "kind", "tenant__kind")
        )
        known = Standing(
            tenants={tenant: kind for tenant, _domain, kind, _of in rows if tenant is not None},
            domains={domain: kind for _tenant, domain, kind, _of in rows if domain is not None},
            at_the_top=next((kind for _t, _d, kind, of in rows if of == Tenant.PROVIDER), ""),
        )
        account.__dict__["_standing"] = known
    return known


# --- what an actor sees -------------------------------------------------------------------------------------
def _below(tenants: list[int]) -> QuerySet[Lineage, Any]:
    return Lineage.objects.filter(above_id__in=tenants).values("below_id")


def _reach(actor: Actor, action: str, *, tenant: str, domain: str | None) -> Q:
    """The condition on a table whose columns `tenant` and `domain` say what a row belongs to."""
    if actor.account is None:
        return Q()
    has = standing(actor.account)
    if has.is_everywhere(action):
        return Q()
    tenants, domains = has.tenants_with(action), has.domains_with(action) if domain else []
    reach = Q(**{f"{tenant}__in": _below(tenants)}) if tenants else Q(pk__in=[])
    return reach | Q(**{f"{domain}__in": domains}) if domains else reach


def tenants_for(actor: Actor, action: str = VIEW) -> QuerySet[Tenant]:
    return Tenant.objects.filter(_reach(actor, action, tenant="id", domain=None))


def domains_for(actor: Actor, action: str = VIEW) -> QuerySet[Domain]:
    reach = _reach(actor, action, tenant="tenant_id", domain="id")
    if actor.account is not None and (domains := standing(actor.account).domains_with(action)):
        reach |= Q(alias_of_id__in=domains)  # their other names
    return Domain.objects.filter(reach)


def accounts_for(actor: Actor, action: str = VIEW) -> QuerySet[Account]:
    return Account.objects.filter(_reach(actor, action, tenant="tenant_id", domain="domain_id"))


def addresses_for(actor: Actor, action: str = VIEW) -> QuerySet[Address]:
    return Address.objects.filter(_reach(actor, action, tenant="domain__tenant_id", domain="domain_id"))


def lists_for(actor: Actor, action: str = VIEW) -> QuerySet[MailingList]:
    reach = _reach(actor, action, tenant="address__domain__tenant_id", domain="address__domain_id")
    return MailingList.objects.filter(reach)


def audit_for(actor: Actor) -> QuerySet[AuditEntry]:
    """Entries of the tenants in reach. The system's own (no tenant) are the provider's to see."""
    if actor.account is None:
        return AuditEntry.objects.all()
    has = standing(actor.account)
    if has.is_everywhere(AUDIT_VIEW):
        return AuditEntry.objects.all()
    return AuditEntry.objects.filter(tenant_id__in=_below(has.tenants_with(AUDIT_VIEW)))


def plans_for(actor: Actor) -> QuerySet[Plan]:
    """The plans a tenant in reach offers."""
    return Plan.objects.filter(_reach(actor, VIEW, tenant="tenant_id", domain=None))


# --- what an actor may do -----------------------------------------------------------------------------------
def may(actor: Actor, action: str, thing: Tenant | Domain | Account | Address) -> bool:
    """Whether this actor may do this to this object; reads the tree, so call it once per page part."""
    if actor.account is None:
        return True
    if not _visible(actor, action, thing):
        return False
    return not isinstance(thing, Account) or _outranks(actor, action, thing)


def _visible(actor: Actor, action: str, thing: Model) -> bool:
    queries: dict[type[Model], Any] = {
        Tenant: tenants_for,
        Domain: domains_for,
        Account: accounts_for,
        Address: addresses_for,
    }
    found: bool = queries[type(thing)](actor, action).filter(pk=thing.pk).exists()
    return found


def _outranks(actor: Actor, action: str, account: Account) -> bool:
    """Nobody changes an account that may do more than they: a domain's administrator who could set the
    provider's password would be the provider.
    """
    if action == VIEW or actor.account is None or account.pk == actor.account.pk:
        return True
    for tenant, domain, kind in Role.objects.filter(account=account).values_list(
        "tenant_id", "domain_id", "kind"
    ):
        if not PERMISSIONS[kind] <= _powers(actor.account, tenant=tenant, domain=domain):
            return False
    return True


def _powers(account: Account, *, tenant: int | None, domain: int | None) -> frozenset[str]:
    """Everything the account may do on a tenant, or on a domain through its tenant or its own role."""
    has = standing(account)
    powers = PERMISSIONS[has.domains[domain]] if domain in has.domains else frozenset()
    if domain is not None:
        tenant = Domain.objects.filter(pk=domain).values_list("tenant_id", flat=True).get()
    above = Lineage.objects.filter(below_id=tenant, above_id__in=list(has.tenants)).values_list(
        "above_id", flat=True
    )
    for each in above:
        powers |= PERMISSIONS[has.tenants[each]]
    return powers


def require(actor: Actor, action: str, thing: Tenant | Domain | Account | Address) -> None:
    """Raise NotFound if the actor may not even see it, NotAllowed if they see it but may not do this."""
    if may(actor, action, thing):
        return
    if action == VIEW or not _visible(actor, VIEW, thing):
        raise NotFound(_("There is nothing here, or it is not yours to see."))
    raise NotAllowed(_("Your role does not allow this. Ask an owner or administrator."))


def find(queryset: QuerySet[M], **which: Any) -> M:
    """The one row of a scoped query, or NotFound."""
    found = queryset.filter(**which).first()
    if found is None:
        raise NotFound(_("There is nothing here, or it is not yours to see."))
    return found


def may_have_customers(actor: Actor) -> bool:
    """Whether there can be tenants below this actor's: roles on customers and domains have none."""
    if actor.account is None:
        return True
    held = standing(actor.account).tenants_with(VIEW)
    return Tenant.objects.filter(pk__in=held).exclude(kind=Tenant.CUSTOMER).exists()


# --- mail ---------------------------------------------------------------------------------------------------
_STRENGTH = (Grant.OWN, Grant.ORGANISE, Grant.READ)


def mailspaces_for(account: Account) -> tuple[Access, ...]:
    """The mailspaces this account may open, its own first; the strongest right of each."""
    rights: dict[int, set[str]] = {}
    for mailspace, right in Grant.objects.filter(account=account).values_list("mailspace", "right"):
        rights.setdefault(mailspace, set()).add(right)
    opens = {
        mailspace: next(right for right in _STRENGTH if right in held)
        for mailspace, held in rights.items()
        if held & set(_STRENGTH)
    }
    names = dict(
        Identity.objects.filter(mailspace__in=opens, is_default=True).values_list("mailspace", "address")
    )
    found = [Access(mailspace, names.get(mailspace, ""), right) for mailspace, right in opens.items()]
    return tuple(sorted(found, key=lambda each: (each.mailspace != account.mailspace, each.address)))


def own_mailspaces(account: Account) -> set[int]:
    """Those whose owner the account is, and not a guest of."""
    return set(Grant.objects.filter(account=account, right=Grant.OWN).values_list("mailspace", flat=True))


def masks_for(account: Account) -> QuerySet[Mask]:
    """The masked addresses of the mailspaces it owns; no role reaches them."""
    own = Grant.objects.filter(account=account, right=Grant.OWN)
    return Mask.objects.filter(mailspace__in=own.values("mailspace"))


@dataclass(frozen=True, slots=True)
class Sender:
    """A From address an account may write with; `is_mask`: offered only where mail came through it."""

    mailspace: int
    address: str
    name: str
    is_default: bool
    is_mask: bool = False


def identities_for(account_id: int) -> QuerySet[Identity]:
    """Every identity the account may send as."""
    mailspaces = Grant.objects.filter(account_id=account_id, right__in=[Grant.OWN, Grant.SEND_AS])
    return Identity.objects.filter(mailspace__in=mailspaces.values("mailspace"))


def senders_for(account_id: int) -> tuple[Sender, ...]:
    """The same as values, defaults first."""
    rows = identities_for(account_id).order_by("-is_default", "is_mask", "address")
    columns = ("mailspace", "address", "name", "is_default", "is_mask")
    return tuple(Sender(*row) for row in rows.values_list(*columns))
