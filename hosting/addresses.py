"""What accounts, aliases, lists and masked addresses share: an address is given out once."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from hosting import names
from hosting.errors import BadName, NameTaken
from hosting.models import Address, Domain, MailingList

# What a distribution list has beside its own address (RFC 2142 §6), by what follows the list's name.
SERVICES = ("-bounces", "-leave", "-owner", "-request")


def of_list(local: str) -> tuple[str, str]:
    """The name of a list's service as (list, service); any other name as (itself, "")."""
    service = next((each for each in SERVICES if local.endswith(each)), "")
    return (local.removesuffix(service), service) if service else (local, "")


def require_free(domain: Domain, local: str, *, also: Iterable[str] = ()) -> None:
    """Raise NameTaken where somebody has the name here, or one of those in `also`, or a list uses it."""
    if domain.alias_of_id is not None:
        raise BadName(_("This domain is another name for one that has addresses: add it there."))
    found = Address.objects.filter(domain=domain, local_part__in=[local, *also])
    if (held := found.values_list("local_part", flat=True).first()) is not None:
        raise taken(domain, held)
    stem, service = of_list(local)
    if service and MailingList.objects.filter(address__domain=domain, address__local_part=stem).exists():
        raise taken(domain, local)


def taken(domain: Domain, local: str) -> NameTaken:
    shown = names.shown_address(f"{local}@{domain.name}")
    return NameTaken(_("%s exists already.") % shown, field="local_part")
