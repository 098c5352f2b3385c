"""Where a link in a mail really leads: redirectors unwrapped, marks of the reader taken off, the true host in words.

Pure and bounded by the length of the address. `follow` says what to put behind a link, `warn` whether its text names
another place than that. Nobody is asked anything: a click counter that keeps its target to itself stays one, and the
title says so.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

import idna

from mta.message.address import domain_for_display
from webmail.tracking import GUARDS, MARKS, REDIRECTORS, counts_clicks

MAX_URL = 4096
MAX_STEPS = 4  # redirectors inside one another
MAX_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Link:
    """`href` is what the link leads to now; `host` its host in letters people can read. `shown` is the true target
    in short; `kind` is "" for a plain link, "unwrapped" for one that led through a redirector, "guard" for one that
    a mail gateway still leads through, "counted" for a click counter that hides its target."""

    href: str
    host: str = ""
    shown: str = ""
    kind: str = ""


@lru_cache(maxsize=2048)
def follow(url: str) -> Link:
    """The link as it is shown. An address that cannot be read as one is left as it is."""
    kind = ""
    if len(url) > MAX_URL:
        return Link(url)
    target = url
    for _step in range(MAX_STEPS):
        inner, guarded = _inner(target)
        if not inner:
            break
        target = inner
        kind = "guard" if guarded or kind == "guard" else "unwrapped"
    target = without_marks(target)
    try:
        parts = urlsplit(target)
        host = parts.hostname or ""
    except ValueError:
        return Link(url)
    if not kind and counts_clicks(host, parts.path):
        kind = "counted"
    readable = domain_for_display(host)
    path = unquote(parts.path, errors="replace") if parts.path != "/" else ""
    shown = re.sub(r"[^\x21-\U0010ffff]|[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]", "", readable + path)
    # A gateway that looks at the page when it is opened keeps its say; who only counts is passed by.
    return Link(url if kind == "guard" else target, readable, shown[:MAX_SHOWN], kind)


def _inner(url: str) -> tuple[str, bool]:
    """(the address that a known redirector carries inside, whether it is one that guards); "" if it is none."""
    try:
        parts = urlsplit(url)
        host, path = (parts.hostname or "").removeprefix("www."), parts.path
    except ValueError:
        return "", False
    for ending, start, names in GUARDS:
        if _is_at(host, ending) and path.startswith(start):
            return _given(parts.query, names) or _defended(url), True
    for ending, start, names in REDIRECTORS:
        if _is_at(host, ending) and path.startswith(start):
            return _given(parts.query, names), False
    return "", False


def _is_at(host: str, ending: str) -> bool:
    if ending.endswith(".*"):  # google.de, google.co.uk
        return re.fullmatch(rf"{ending[:-2]}\.(?:(?:com?\.)?[a-z]{{2}}|com)", host) is not None
    return host == ending or host.endswith(f".{ending}")


def _given(query: str, names: tuple[str, ...]) -> str:
    try:
        given = parse_qs(query, max_num_fields=50)
    except ValueError:
        return ""
    for name in names:
        for value in given.get(name, ())[:1]:
            if value[:8].lower().startswith(("http://", "https://")):
                return value
    return ""


_V2 = re.compile(r"[?&]u=([^&]{1,3000})")
_V3 = re.compile(r"/v3/__(.{1,3000}?)__;([A-Za-z0-9_-]{0,400}=?=?)!")


def _defended(url: str) -> str:
    """The address inside a urldefense link, version 2 or 3, in its own way of writing."""
    if (match := _V2.search(url)) and "/v2/" in url:
        found = unquote(match[1].replace("-", "%").replace("_", "/"))
        return found if found.startswith(("http://", "https://")) else ""
    if match := _V3.search(url):
        try:
            missing = urlsafe_b64decode(match[2] + "=" * (-len(match[2]) % 4)).decode("utf-8", "replace")
        except NotBase64:
            missing = ""
        letters = iter(missing)
        found = re.sub(r"\*", lambda _star: next(letters, "*"), match[1])
        found = re.sub(r"^(https?):/(?!/)", r"\1://", found)
        return found if found.startswith(("http://", "https://")) else ""
    return ""


def without_marks(url: str) -> str:
    """The address without the parameters that only tell one reader from another."""
    if "?" not in url and "#" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    query = _unmarked(parts.query)
    fragment = "" if _only_marks(parts.fragment) else parts.fragment
    return (
        url
        if (query, fragment) == (parts.query, parts.fragment)
        else urlunsplit(parts._replace(query=query, fragment=fragment))
    )


def _unmarked(query: str) -> str:
    pieces = query.split("&")
    kept = [piece for piece in pieces if not MARKS.fullmatch(unquote(piece.partition("=")[0]).lower())]
    return query if len(kept) == len(pieces) else "&".join(kept)


def _only_marks(fragment: str) -> bool:
    return "=" in fragment and all(
        MARKS.fullmatch(unquote(piece.partition("=")[0]).lower()) for piece in fragment.split("&")
    )


# --- hosts --------------------------------------------------------------------------------------------------
_SHARED = {*"co com org net ac gov edu gob gouv govt or ne go mil nom ltd plc sch me id in web".split()}


def site(host: str) -> str:
    """What one owner holds of a host name, near enough for a comparison: `mail.a.co.uk` → `a.co.uk`."""
    labels = host.lower().rstrip(".").split(".")
    if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SHARED:
        return ".".join(labels[-3:])
    return ".".join(labels[-2:])


_NAMES_A_HOST = re.compile(
    r"\s*(?:(?P<scheme>https?)://)?(?:[^\s/@]{1,100}@)?(?P<host>[^\W_](?:[\w-]{0,62}[^\W_])?(?:\.[^\W_](?:[\w-]{0,62}[^\W_])?){1,8})"
    r"(?::\d{1,5})?(?P<path>[/?#][^\s]{0,2000})?\s*[.,;:!]?\s*",
    re.IGNORECASE,
)
# Endings of file names that look like hosts: "report.pdf" names no place.
_FILES = {
    *"pdf doc docx xls xlsx ppt pptx odt ods odp txt csv zip rar 7z gz png jpg jpeg gif svg html htm eml ics mp3 mp4 mov".split()
}


def warn(text: str, link: Link) -> bool:
    """Whether the text of a link names another place than the link leads to."""
    match = _NAMES_A_HOST.fullmatch(text[:2200])
    if match is None or not link.host or len(text) > 2200:
        return False
    host = match["host"].lower()
    ending = host.rpartition(".")[2]
    if not match["scheme"] and (ending in _FILES or ending.isdigit() or not ending.isalpha()):
        return False
    try:
        plain = idna.encode(host, uts46=True).decode("ascii")
        led = idna.encode(link.host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError, ValueError, IndexError):
        plain, led = host, link.host
    return site(plain) != site(led)
