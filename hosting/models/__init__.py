"""The tables of tenancy. Queries start in `hosting.access`; writes go through the service modules."""

from hosting.models.account import Account, Grant, Role, SetupLink
from hosting.models.address import Address, Identity, Mask, Target
from hosting.models.audit import AuditEntry
from hosting.models.domain import Domain, DomainCheck, DomainKey
from hosting.models.mailing_list import ListMember, MailingList
from hosting.models.tenant import Lineage, Plan, Tenant

__all__ = [
    "Account",
    "Address",
    "AuditEntry",
    "Domain",
    "DomainCheck",
    "DomainKey",
    "Grant",
    "Identity",
    "Lineage",
    "ListMember",
    "MailingList",
    "Mask",
    "Plan",
    "Role",
    "SetupLink",
    "Target",
    "Tenant",
]
