"""Who of some people has a picture in the address book of a mailspace: asked by every page that shows people.

Most address books have no picture at all. That is remembered for a minute, and forgotten at once by whoever keeps a
picture in this process, so that their pages ask nothing. Called through `service`.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.core.cache import cache
from django.db import transaction

from mta.message.text import fold

from .models import ContactEmail, Photo

_SECONDS = 60


def photos_of(mailspace: int, emails: Iterable[str]) -> dict[str, tuple[int, int]]:
    """By address: the contact that has it, and the number of its picture, which changes with it."""
    wanted = {fold(email)[:320]: email for email in emails}
    if not wanted or cache.get(_key(mailspace)):
        return {}
    rows = ContactEmail.objects.filter(
        mailspace=mailspace,
        email__in=wanted,
        contact__deleted_at__isnull=True,
        contact__photo__isnull=False,
    )
    found = list(rows.order_by("-id").values_list("email", "contact_id", "contact__photo__id"))
    if not found and not Photo.objects.filter(contact__mailspace=mailspace).exists():
        cache.set(_key(mailspace), True, _SECONDS)
    return {wanted[email]: (contact, picture) for email, contact, picture in found}


def have_come(mailspace: int) -> None:
    """A picture is being kept: pages look again, from now on and from the commit on."""
    cache.delete(_key(mailspace))
    transaction.on_commit(lambda: cache.delete(_key(mailspace)))


def _key(mailspace: int) -> str:
    return f"contacts-without-pictures-{mailspace}"
