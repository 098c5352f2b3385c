"""Addresses: reading them from header fields and SMTP paths, comparing them, writing them.

Security rests on this file: the address of a mailbox is what a strict parser would deliver to. It is never taken
from a comment, a quoted string or a display name; what is ambiguous yields no address at all.
Called by all who read or write addresses; `parse_path` by the SMTP servers.
"""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

import idna

from mta.message.charsets import decode_charset
from mta.message.encoded_words import decode_words, encode_words
from mta.message.headers import one_line, unfold

MAX_FIELD = 256 * 1024
MAX_NAME = 250
MAX_LOCAL = (
    200  # RFC 5321 §4.5.3.1.1 asks for at least 64; bounce addresses that name their recipient are longer
)


class BadAddress(ValueError):
    """Not an address; the text says why, in words a person understands."""


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox. `local` is without the quotes of its written form; `domain` is empty if there was none."""

    name: str
    local: str
    domain: str

    @property
    def email(self) -> str:
        return f"{quote_local(self.local)}@{self.domain}" if self.domain else self.local

    @property
    def display(self) -> str:
        return self.name or self.email


@dataclass(frozen=True, slots=True)
class Group:
    """A group's start (with its name) or its end (None), for the wire form of ENVELOPE."""

    name: str | None


# --- Address lists --------------------------------------------------------------------------------------

_ORDINARY = re.compile(
    r"""\s*+(?:(?:"([^"\\=\x00-\x1f\x7f-\U0010ffff]*+)"|((?:[A-Za-z0-9'_/!-]++[ .]?)+))?\s*+<([A-Za-z0-9_+/!-]++(?:\.[A-Za-z0-9_+/!-]++)*)"""
    r"""@([A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)*)>|([A-Za-z0-9_+/!-]++(?:\.[A-Za-z0-9_+/!-]++)*)@([A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)*))\s*+(?:,|\Z)"""
)
# An encoded word counts as one atom although senders leave commas in it: it can only be part of a name.
_TOKEN = re.compile(
    r"""(?P<space>\s++)|(?P<word>=\?[^?\s<>"]{1,60}\?[bBqQ]\?[^?\s<>"]*+\?=)|"(?P<quoted>(?:[^"\\]++|\\.)*)(?:"|\\?\Z)"""
    r"""|\[(?P<literal>[^\[\]\\\s]*+)\]|(?P<atom>[^\s()<>\[\]:;@\\,"]++)|(?P<special>.)""",
    re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"[()]|\\.", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def parse_addresses(raw: bytes | str, limit: int = 500) -> tuple[Address, ...]:
    """The mailboxes of an address list, groups opened; at most `limit`. Never raises.

    An entry that names no deliverable address keeps its text as `name`, with `local` or `domain` empty.
    """
    return tuple(each for each in scan_addresses(raw, limit) if isinstance(each, Address))


def scan_addresses(raw: bytes | str, limit: int = 500) -> list[Address | Group]:
    """As `parse_addresses`, with the groups' marks."""
    text = raw[:MAX_FIELD] if isinstance(raw, str) else decode_charset(unfold(raw[:MAX_FIELD]), "utf-8")
    found: list[Address | Group] = []
    position = 0
    while position < len(text) and len(found) < limit:  # the way of nearly all mail
        match = _ORDINARY.match(text, position)
        if match is None:
            break
        position = match.end()
        if match[3]:
            name = match[1] if match[1] is not None else (match[2] or "")
            found.append(Address(name.strip()[:MAX_NAME], match[3], match[4].lower()))
        else:
            found.append(Address("", match[5], match[6].lower()))
    else:
        return found
    return found + _Scanner(text[position:], limit - len(found)).run()


class _Scanner:
    """RFC 5322 §3.4 with the obsolete forms of §4.4, one pass over the tokens."""

    def __init__(self, text: str, limit: int) -> None:
        self.text = text
        self.limit = limit
        self.found: list[Address | Group] = []
        self.in_group = False
        self.reset()

    def reset(self) -> None:
        self.phrase: list[tuple[str, str]] = []  # (kind, text) before "<", or of a bare addr-spec
        self.angle: list[tuple[str, str]] | None = None  # inside "<…>"
        self.closed = False
        self.broken = False
        self.comment = ""

    def run(self) -> list[Address | Group]:
        for kind, value in self.tokens():
            if len(self.found) >= self.limit:
                return self.found
            self.take(kind, value)
        self.finish()
        if self.in_group:
            self.found.append(Group(None))
        return self.found

    def tokens(self) -> Iterator[tuple[str, str]]:
        position, text = 0, self.text
        while position < len(text):
            if text[position] == "(":
                start, position = position, self.comment_end(position)
                if not self.comment:
                    self.comment = text[start + 1 : max(start + 1, position - 1)][:1000]
                yield "space", " "
                continue
            match = _TOKEN.match(text, position)
            if match is None:  # cannot be: the last alternative takes any character
                return
            position = match.end()
            kind = match.lastgroup or "special"
            value = match[kind]
            if kind == "quoted" and "\\" in value:
                value = _ESCAPED.sub(r"\1", value)
            yield kind, value

    def comment_end(self, position: int) -> int:
        depth = 0
        for match in _COMMENT_EDGE.finditer(self.text, position):
            depth += {"(": 1, ")": -1}.get(match[0], 0)
            if depth == 0:
                return match.end()
        return len(self.text)

    def take(self, kind: str, value: str) -> None:
        if self.angle is not None and not self.closed:
            if kind == "special" and value == ">":
                self.closed = True
            elif kind == "special" and value in "<;":
                self.broken = True
                if value == ";":
                    self.finish()
            else:
                self.angle.append((kind, value))
            return
        if kind != "special" or value == "@":
            if self.closed and kind != "space":
                self.broken = True  # text behind "<…>": which of them is meant?
            self.phrase.append((kind, value))
        elif value == "<":
            self.broken = self.broken or self.angle is not None
            self.angle = []
            self.closed = False
        elif value == ",":
            self.finish()
        elif value == ":" and not self.in_group and self.angle is None and not _has_at(self.phrase):
            self.found.append(Group(_phrase_text(self.phrase)))
            self.in_group = True
            self.reset()
        elif value == ";":
            self.finish()
            if self.in_group:
                self.found.append(Group(None))
                self.in_group = False
        else:
            self.broken = True

    def finish(self) -> None:
        """The mailbox that ends here, if there was anything."""
        phrase, angle, comment, broken = self.phrase, self.angle, self.comment, self.broken
        closed = self.closed
        self.reset()
        if angle is None:
            if not any(kind != "space" for kind, _ in phrase):
                return
            spec = None if broken else _addr_spec(phrase)
            if spec:
                name = _decoded_name(comment)  # RFC 5322 §3.4's note: the old way to give a name
                self.found.append(Address(name, *spec))
                return
            solid = [value for kind, value in phrase if kind in ("atom", "quoted")]
            if len(solid) == 1 and not broken and not _has_at(phrase):
                self.found.append(Address("", one_line(solid[0])[:MAX_NAME], ""))
            else:
                self.found.append(Address(_phrase_text(phrase), "", ""))
            return
        spec = _addr_spec(_without_route(angle)) if closed and not broken else None
        name = _phrase_text(phrase) or (_decoded_name(comment) if spec else "")
        if spec:
            self.found.append(Address(name, *spec))
        elif name or any(kind != "space" for kind, _ in angle):
            self.found.append(
                Address(name or one_line("".join(value for _, value in angle))[:MAX_NAME], "", "")
            )


def _has_at(tokens: list[tuple[str, str]]) -> bool:
    return ("special", "@") in tokens


def _without_route(tokens: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """RFC 5322 §4.4 obs-route `@a,@b:` is read over, as RFC 5321 §4.1.1.3 says."""
    solid = [token for token in tokens if token[0] != "space"]
    if solid and solid[0] == ("special", "@") and ("special", ":") in solid:
        return solid[solid.index(("special", ":")) + 1 :]
    return tokens


def _addr_spec(tokens: list[tuple[str, str]]) -> tuple[str, str] | None:
    """(local, domain) of exactly one addr-spec, None otherwise. Obsolete white space around dots is allowed."""
    solid = [token for token in tokens if token[0] != "space"]
    if solid.count(("special", "@")) != 1:
        return None
    at = solid.index(("special", "@"))
    left, right = solid[:at], solid[at + 1 :]
    if not left or not right or any(kind in ("special", "literal") for kind, _ in left):
        return None
    if not _dotted(tokens):
        return None
    local = "".join(value for _, value in left)
    if any(kind == "word" for kind, _ in solid) or one_line(local) != local or not local:
        return None
    if len(right) == 1 and right[0][0] == "literal":
        return local, f"[{right[0][1]}]"
    if any(kind != "atom" for kind, _ in right):
        return None
    domain = "".join(value for _, value in right).rstrip(".").lower()
    if not domain or len(domain) > 255 or len(local) > 320 or one_line(domain) != domain or ".." in domain:
        return None
    return local, domain


def _dotted(tokens: list[tuple[str, str]]) -> bool:
    """Two words side by side need a dot between them: `john doe@x` names nobody."""
    previous = None
    for kind, value in tokens:
        if kind == "space":
            continue
        if previous and previous[0] != "special" and kind != "special":
            joined = previous[0] != "quoted" and previous[1].endswith(".")
            if not joined and not (kind != "quoted" and value.startswith(".")):
                return False
        previous = (kind, value)
    return True


def _phrase_text(tokens: list[tuple[str, str]]) -> str:
    return _decoded_name("".join(f"[{value}]" if kind == "literal" else value for kind, value in tokens))


def _decoded_name(text: str) -> str:
    text = text[:4000]
    return one_line(decode_words(text) if "=?" in text else text)[:MAX_NAME].strip()


# --- SMTP paths -----------------------------------------------------------------------------------------

_PATH = re.compile(
    r"[A-Za-z0-9_+-]{1,64}(?:\.[A-Za-z0-9_+-]{1,64})*@(?:[A-Za-z0-9-]{1,63}(?<!-)\.)+[A-Za-z]{2,63}"
)
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]"
_DOT_STRING = re.compile(rf"{_ATEXT}++(?:\.{_ATEXT}++)*")
_QUOTED = re.compile(
    r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e\x80-\U0010ffff]|\\[\x20-\x7e])+)"'
)  # RFC 5321 §4.1.2, RFC 6531
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")


def parse_path(text: str) -> str:
    """The address of MAIL FROM or RCPT TO, with or without its brackets; "" is the null sender (RFC 5321 §4.1.2).

    The domain comes back in lower case. A local part alone (RCPT TO:<Postmaster>, §4.1.1.3) comes back as it is.
    """
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    if not text:
        return ""
    if len(text) <= 254 and _PATH.fullmatch(text):
        local, _, domain = text.rpartition("@")
        if len(local) <= MAX_LOCAL and not domain.startswith("-") and ".-" not in domain:
            return f"{local}@{domain.lower()}"
    if len(text) > 1000 or _UNPRINTABLE.search(text):
        raise BadAddress("The address holds characters that no address may hold.")
    if text.startswith("@"):
        # RFC 5321 §3.3 lets a server refuse source routes; nobody sends them but those who probe for relays.
        raise BadAddress("Source routes are not accepted.")
    local, rest = _split_local(text)
    if len(local.encode("utf-8")) > MAX_LOCAL:
        raise BadAddress("The part before @ is too long.")
    if not rest:
        return local
    if not rest.startswith("@"):
        raise BadAddress("The address is not written correctly.")
    return f"{local}@{canonical_domain(rest[1:])}"


def _split_local(text: str) -> tuple[str, str]:
    quoted = _QUOTED.match(text)
    if quoted:
        return quote_local(_ESCAPED.sub(r"\1", quoted[1])), text[quoted.end() :]
    plain = _DOT_STRING.match(text)
    if plain is None:
        raise BadAddress("The address is not written correctly.")
    return plain[0], text[plain.end() :]


def quote_local(local: str) -> str:
    """A local part as it is written in an address, in quotes only where it needs them."""
    if _DOT_STRING.fullmatch(local):
        return local
    escaped = local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# --- Comparing ------------------------------------------------------------------------------------------


def split(email: str) -> tuple[str, str]:
    """(local, domain) at the last @; the domain is empty if there is none. The local part keeps its quotes."""
    local, at, domain = email.rpartition("@")
    return (local, domain) if at else (email, "")


@lru_cache(maxsize=4096)
def canonical_domain(domain: str) -> str:
    """Lower case, A-labels, no dot at the end; an address literal keeps its brackets. Raises BadAddress."""
    if domain.startswith("["):
        return _canonical_literal(domain)
    domain = domain[:-1] if domain.endswith(".") else domain
    if not domain or len(domain) > 255:
        raise BadAddress("The domain is missing or too long.")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError, ValueError, IndexError) as error:
            raise BadAddress("This is not a domain name.") from error
    if len(domain) > 253 or not _HOST.fullmatch(domain):
        raise BadAddress("This is not a domain name.")
    return domain.lower()


def _canonical_literal(domain: str) -> str:
    """RFC 5321 §4.1.3."""
    inner = domain[1:-1]
    if not domain.endswith("]"):
        raise BadAddress("The address literal has no end.")
    try:
        if inner[:5].lower() == "ipv6:":
            return f"[IPv6:{IPv6Address(inner[5:]).compressed}]"
        return f"[{IPv4Address(inner)}]"
    except ValueError as error:
        raise BadAddress("This is not an address literal.") from error


def domain_for_display(domain: str) -> str:
    """U-labels where they cannot be mistaken for another script's letters; else as it is."""
    if "xn--" not in domain.lower() or len(domain) > 253:
        return domain
    return ".".join(_label_for_display(label) for label in domain.split("."))


@lru_cache(maxsize=1024)
def _label_for_display(label: str) -> str:
    if not label.lower().startswith("xn--"):
        return label
    try:
        shown = idna.decode(label)
    except (idna.IDNAError, UnicodeError, ValueError, IndexError):
        return label
    scripts = {unicodedata.name(char, "?").split()[0] for char in shown if char.isalpha()}
    japanese_or_chinese = {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "LATIN"}
    if len(scripts) > 1 and not scripts <= japanese_or_chinese:
        return label  # a homograph: Cyrillic а among Latin letters
    if scripts <= {"CYRILLIC", "GREEK"} and not set(shown) - _LATIN_LOOKALIKES:
        return label
    return shown


_LATIN_LOOKALIKES = frozenset("аеорсухіјѕԁһӏԛԝοντκυ0123456789-")


def canonical(email: str) -> str:
    """The form to compare and to look up: local part in lower case, canonical domain. Raises BadAddress."""
    local, domain = split(email.strip())
    if not local or not domain:
        raise BadAddress("An address has a name, an @ and a domain.")
    return f"{unicodedata.normalize('NFC', local).lower()}@{canonical_domain(domain)}"


# --- Writing --------------------------------------------------------------------------------------------

_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_UNWRITABLE = re.compile("[\x00-\x20\x7f-\x9f\ud800-\udfff\u2028\u2029<>]")


def format_address(name: str, email: str) -> str:
    """`name <email>` for a header: ASCII names (RFC 2047 where needed), nothing that could begin a new field."""
    local, domain = split(email)
    if local.startswith('"') and local.endswith('"') and len(local) > 1:
        local = _ESCAPED.sub(r"\1", local[1:-1])
    local = _UNPRINTABLE.sub("", local)[:MAX_LOCAL]
    domain = _UNWRITABLE.sub("", domain)[:255]
    if not domain.isascii():
        with suppress(BadAddress):
            domain = canonical_domain(domain)
    written = f"{quote_local(local)}@{domain}" if domain else quote_local(local)
    name = one_line(name)[:MAX_NAME]
    if not name:
        return written
    if not name.isascii() or "=?" in name:
        return f"{' '.join(encode_words(name))} <{written}>"
    if _PHRASE.fullmatch(name):
        return f"{name} <{written}>"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{written}>'
