"""SPF records and their macros as values (RFC 7208 §4.6.1, §5 to §7, §12). Pure; asks nobody.

`parse` finds every error of a record before any of it is acted upon (§4.6). Called by `trust.spf`.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

LONGEST = 8192  # characters of one record; who has more has no answer small enough for UDP either

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class BadRecord(ValueError):
    """A record that says nothing: permerror. The text says which part."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """`domain` is a domain-spec with its macros, '' for the current domain; `bits4` and `bits6` are prefix lengths."""

    qualifier: str  # + - ~ ?
    kind: str  # all include a mx ptr ip4 ip6 exists
    domain: str = ""
    bits4: int = 32
    bits6: int = 128
    network: Network | None = None


@dataclass(frozen=True, slots=True)
class Record:
    mechanisms: tuple[Mechanism, ...]
    redirect: str = ""
    exp: str = ""


_VERSION = re.compile(r"v=spf1(?= |\Z)", re.IGNORECASE)
# RFC 7208 §7.1: "%" is "%%", "%_", "%-" or a macro; the rest is visible ASCII.
_TRANSFORMED = r"(?:0{0,3}[1-9][0-9]{0,2})?[rR]?[.+,/_=-]{0,20}\}|%[%_-]"
_IN_RECORD = r"%\{[slodiphvSLODIPHV]" + _TRANSFORMED
_IN_TEXT = r"%\{[slodiphcrtvSLODIPHCRTV]" + _TRANSFORMED
_STRING = re.compile(rf"(?:{_IN_RECORD}|[!-$&-~])*")
_TEXT = re.compile(rf"(?:{_IN_TEXT}|[ -$&-~])*")
_PIECE = re.compile(rf"({_IN_RECORD})|[!-$&-~]")
_LABEL = re.compile(r"[A-Za-z0-9-]{1,63}")
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)", re.DOTALL)
_MECHANISM = re.compile(r"([+?~-]?)([A-Za-z][A-Za-z0-9_.-]*)(.*)", re.DOTALL)
_CIDR = re.compile(r"(.*?)(?:/(0|[1-9][0-9]{0,2}))?(?://(0|[1-9][0-9]{0,2}))?", re.DOTALL)
_IP_CIDR = re.compile(r":([0-9A-Fa-f.:]{2,45})(?:/(0|[1-9][0-9]{0,2}))?")


def is_spf(text: str) -> bool:
    """RFC 7208 §4.5: a record of this version, whatever else it says."""
    return _VERSION.match(text) is not None


@lru_cache(maxsize=2048)
def parse(text: str) -> Record:
    """The record behind "v=spf1". Raises BadRecord."""
    if len(text) > LONGEST:
        raise BadRecord("it is too long")
    if not text.isascii():
        raise BadRecord("it is not ASCII")
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    for term in text[len("v=spf1") :].split(" "):
        if not term:
            continue
        modifier = _MODIFIER.fullmatch(term)
        if modifier is None:
            mechanisms.append(_mechanism(term))
            continue
        name, value = modifier[1].lower(), modifier[2]
        if name in modifiers and name in {"redirect", "exp"}:
            raise BadRecord(f"{name} stands there twice")  # §6
        if name in {"redirect", "exp"}:
            _check_domain(value, term)
        elif not _STRING.fullmatch(value):
            raise BadRecord(f"“{term[:60]}” cannot be read")
        modifiers[name] = value
    return Record(tuple(mechanisms), modifiers.get("redirect", ""), modifiers.get("exp", ""))


def _mechanism(term: str) -> Mechanism:
    match = _MECHANISM.fullmatch(term)
    if match is None:
        raise BadRecord(f"“{term[:60]}” cannot be read")
    qualifier, kind, rest = match[1] or "+", match[2].lower(), match[3]
    if kind == "all" and not rest:
        return Mechanism(qualifier, kind)
    if kind in {"include", "exists"} and rest.startswith(":"):
        return Mechanism(qualifier, kind, _check_domain(rest[1:], term))
    if kind == "ptr":
        if rest and not rest.startswith(":"):
            raise BadRecord(f"“{term[:60]}” cannot be read")
        return Mechanism(qualifier, kind, _check_domain(rest[1:], term) if rest else "")
    if kind in {"a", "mx"}:
        return _with_lengths(qualifier, kind, rest, term)
    if kind in {"ip4", "ip6"}:
        return Mechanism(qualifier, kind, network=_network(kind, rest, term))
    raise BadRecord(f"“{term[:60]}” is not known")


def _with_lengths(qualifier: str, kind: str, rest: str, term: str) -> Mechanism:
    match = _CIDR.fullmatch(rest)
    if match is None:
        raise BadRecord(f"“{term[:60]}” cannot be read")
    domain, bits4, bits6 = match[1], int(match[2] or 32), int(match[3] or 128)
    if match[2] == "0":
        bits4 = 0
    if match[3] == "0":
        bits6 = 0
    if bits4 > 32 or bits6 > 128 or (domain and not domain.startswith(":")):
        raise BadRecord(f"“{term[:60]}” cannot be read")
    if domain:
        domain = _check_domain(domain[1:], term)
    return Mechanism(qualifier, kind, domain, bits4, bits6)


def _network(kind: str, rest: str, term: str) -> Network:
    match = _IP_CIDR.fullmatch(rest)
    try:
        if match is None:
            raise ValueError
        if kind == "ip4":
            return ipaddress.IPv4Network(
                (match[1], int(match[2] or 32) if match[2] != "0" else 0), strict=False
            )
        return ipaddress.IPv6Network((match[1], int(match[2] or 128) if match[2] != "0" else 0), strict=False)
    except ValueError:
        raise BadRecord(f"“{term[:60]}” is not an address") from None


def _check_domain(spec: str, term: str) -> str:
    """RFC 7208 §7.1: a domain-spec ends in a top label or in a macro."""
    if not _STRING.fullmatch(spec) or not (_ends_in_macro(spec) or _ends_in_label(spec)):
        raise BadRecord(f"“{term[:60]}” names no domain")
    return spec


def _ends_in_macro(spec: str) -> bool:
    pieces = _PIECE.findall(spec)
    return bool(pieces and pieces[-1])


def _ends_in_label(spec: str) -> bool:
    """domain-end: a dot and a top label, which is no number and has no hyphen at its ends."""
    _before, dot, label = spec.removesuffix(".").rpartition(".")
    if not dot or not _LABEL.fullmatch(label) or label.isdigit():
        return False
    return not (label.startswith("-") or label.endswith("-"))


def is_text(text: str) -> bool:
    """Whether an explanation (§6.2) may be expanded."""
    return text.isascii() and len(text) <= LONGEST and _TEXT.fullmatch(text) is not None


# --- macros ------------------------------------------------------------------------------------------------

_EACH = re.compile(r"%(?:([%_-])|\{([A-Za-z])([0-9]*)([rR]?)([.+,/_=-]*)\})")
_PLAIN = {"%": "%", "_": " ", "-": "%20"}


def letters(text: str) -> frozenset[str]:
    """The macro letters that a text needs, in lower case."""
    return frozenset(match[2].lower() for match in _EACH.finditer(text) if match[2])


def expand(text: str, values: dict[str, str]) -> str:
    """RFC 7208 §7.3. `values`: what each letter stands for."""

    def one(match: re.Match[str]) -> str:
        if match[1]:
            return _PLAIN[match[1]]
        letter, keep, reverse, delimiters = match[2], match[3], match[4], match[5] or "."
        value = values[letter.lower()]
        parts = re.split(f"[{re.escape(delimiters)}]", value)
        if reverse:
            parts.reverse()
        if keep:
            parts = parts[-int(keep) :]
        value = ".".join(parts)
        # RFC 7208 §7.3: a capital letter asks for URL escaping
        return quote(value, safe="-._~") if letter.isupper() else value

    return _EACH.sub(one, text) if "%" in text else text


def as_domain(expanded: str) -> str:
    """RFC 7208 §7.3: what is longer than 253 characters loses labels on the left. '' if no server can know it."""
    name = expanded.removesuffix(".")
    while len(name) > 253 and "." in name:
        name = name.partition(".")[2]
    return name if is_name(name) else ""


def is_name(name: str) -> bool:
    """Whether a question can be asked for it: labels of 1 to 63 octets."""
    return 0 < len(name) <= 253 and all(0 < len(label) <= 63 for label in name.split("."))


def dotted(address: IpAddress) -> str:
    """The "i" macro: nibbles with dots for IPv6."""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return ".".join(address.exploded.replace(":", "").upper())
