"""Names people type, made canonical: domains, addresses, sign-in names. Errors are `BadName`."""

from __future__ import annotations

import re
import unicodedata

from django.utils.translation import gettext as _

from hosting.errors import BadName
from mta.message import address as rfc

# What we give out is a dot-atom (RFC 5321 §4.1.2) of letters, digits and a few signs; what we accept
# mail for may be wider. "+" is left out: it starts the detail of an address.
_LOCAL = re.compile(r"[\w!#$%&'*/=?^`{|}~-]+(\.[\w!#$%&'*/=?^`{|}~-]+)*")
_STAFF = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
MAX_LOCAL_OCTETS = 64  # RFC 5321 §4.5.3.1.1


def domain_name(text: str) -> str:
    """`Bücher.Example.` → `xn--bcher-kva.example`."""
    cleaned = text.strip().strip(".").strip()
    try:
        name = rfc.canonical_domain(cleaned)
    except rfc.BadAddress:
        raise BadName(_("“%s” cannot be a domain name.") % cleaned[:100], field="name") from None
    if "." not in name or name.startswith("["):
        raise BadName(_("A domain needs a dot, as in example.org."), field="name")
    if name.rsplit(".", 1)[1].isdigit():
        raise BadName(_("That is a network address, not a domain."), field="name")
    return name


def local_part(text: str) -> str:
    """The part before the @ of an address we give out, lower-case."""
    cleaned = unicodedata.normalize("NFC", text.strip()).lower()
    if not cleaned:
        raise BadName(_("The part before the @ is missing."), field="local_part")
    if not _LOCAL.fullmatch(cleaned) or len(cleaned.encode()) > MAX_LOCAL_OCTETS:
        raise BadName(
            _("“%s” cannot stand before the @. Letters, digits, dots and dashes can.") % cleaned[:64],
            field="local_part",
        )
    return cleaned


def address(text: str, *, field: str = "address") -> str:
    """Any address of the internet, canonical; for targets of aliases and senders."""
    cleaned = text.strip().strip("<>")
    try:
        return rfc.canonical(rfc.parse_path(f"<{cleaned}>"))
    except rfc.BadAddress:
        raise BadName(_("“%s” is not an e-mail address.") % cleaned[:100], field=field) from None


def split(canonical: str) -> tuple[str, str]:
    """At the last @: a quoted local part may hold one."""
    local, _at, domain = canonical.rpartition("@")
    return local, domain


def username(text: str) -> str:
    """A sign-in name as it is stored: a canonical address, or a plain lower-case name. Never raises:
    what cannot be a name is simply nobody's.
    """
    cleaned = unicodedata.normalize("NFC", text.strip())[:320]
    if is_unstorable(cleaned):
        return ""
    if "@" in cleaned:
        try:
            return rfc.canonical(cleaned)
        except rfc.BadAddress:
            return cleaned.lower()
    return cleaned.lower()


def is_unstorable(text: str) -> bool:
    """NUL and lone surrogates are in no name here, and no database column takes them."""
    return "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text)


def staff_username(text: str) -> str:
    """A sign-in name without an address."""
    cleaned = text.strip().lower()
    if "@" in cleaned:
        raise BadName(
            _("A sign-in name holds no @: it is a plain name such as “%s”, not an address.")
            % (cleaned.split("@")[0][:63] or "admin"),
            field="username",
        )
    if not _STAFF.fullmatch(cleaned):
        raise BadName(
            _("A sign-in name starts with a letter or digit; dots, dashes and underscores may follow."),
            field="username",
        )
    return cleaned


def shown_domain(name: str) -> str:
    """The Unicode form of a stored domain name, for people."""
    return rfc.domain_for_display(name)


def shown_address(canonical: str) -> str:
    local, domain = split(canonical)
    return f"{local}@{shown_domain(domain)}" if local else canonical
