"""Addresses that people type, as they are kept and compared."""

from __future__ import annotations

from django.utils.translation import gettext as _

from mta.message.address import BadAddress, canonical, canonical_domain, parse_path
from mta.message.charsets import storable

from .errors import CannotFilter


def spelled(text: str) -> str:
    """One address, in the form to compare; CannotFilter for anything else."""
    try:
        return canonical(parse_path(text.strip()))
    except BadAddress:
        raise CannotFilter(
            _("“%(address)s” is not a mail address.") % {"address": storable(text[:300])}
        ) from None


def spelled_or_domain(text: str) -> str:
    """The same, or "@domain" for everybody there."""
    text = text.strip()
    if "@" in text and not text.startswith("@"):
        return spelled(text)
    try:
        domain = canonical_domain(text.removeprefix("@"))
        if "." not in domain:  # a word is no domain that mail comes from
            raise BadAddress(text)
        return "@" + domain
    except BadAddress:
        raise CannotFilter(
            _("“%(address)s” is not a mail address.") % {"address": storable(text[:300])}
        ) from None
