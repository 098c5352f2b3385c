"""The first administrator of an installation: the one-time link, and what happens behind it.

A link works once, for a week, and only while nobody administers the provider. Making a new one ends
the old. Only the token's digest is stored.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting import accounts, tenants
from hosting.actor import Actor
from hosting.errors import AlreadySetUp, NotFound
from hosting.models import Account, Role, SetupLink, Tenant

PURPOSE = "setup"
VALID_FOR = timedelta(days=7)


def is_needed() -> bool:
    """Whether nobody administers this installation yet."""
    return not Role.objects.filter(
        tenant__kind=Tenant.PROVIDER, kind__in=[Role.OWNER, Role.ADMINISTRATOR]
    ).exists()


def make_link() -> str:
    """A fresh token for `/setup/<token>`. Raises AlreadySetUp."""
    _require_needed()
    token = secrets.token_urlsafe(24)
    with transaction.atomic():
        SetupLink.objects.filter(purpose=PURPOSE).delete()
        SetupLink.objects.create(
            digest=_digest(token), purpose=PURPOSE, expires_at=timezone.now() + VALID_FOR
        )
    return token


def is_valid(token: str) -> bool:
    return is_needed() and _open_links(token).exists()


def create_administrator(
    *, username: str, password: str, full_name: str, actor: Actor, token: str | None = None
) -> Account:
    """The provider's owner. With a `token` (from the web) the link is spent in the same transaction;
    None means the caller is at the host itself.
    """
    provider = tenants.ensure_provider(actor=actor)
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=provider.pk)
        _require_needed()
        if token is not None and not _open_links(token).update(used_at=timezone.now()):
            raise NotFound(_("This link has been used or has run out."))
        return accounts.add_staff(
            username, tenant=provider, kind=Role.OWNER, password=password, actor=actor, full_name=full_name
        )


def _require_needed() -> None:
    if not is_needed():
        raise AlreadySetUp(_("This host has an administrator already."))


def _open_links(token: str) -> QuerySet[SetupLink]:
    return SetupLink.objects.filter(
        Q(used_at__isnull=True),
        digest=_digest(token),
        purpose=PURPOSE,
        expires_at__gt=timezone.now(),
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
