"""Where links lead: hosts and their registered domains, and the target inside a redirecting link. Pure and bounded.

The registered domain is guessed from a short list of second levels, which is enough to count and to compare;
nothing that is decided for sure rests on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

MAX_URL = 2_000
_URL = re.compile(r"(https?|ftp)://([^\s/?#\\<>\"']{1,300})([^\s<>\"']{0,1500})", re.IGNORECASE)
IN_TEXT = re.compile(r"\b(?:https?://|www\.)[^\s<>\"'\\]{1,1500}", re.IGNORECASE)
# What a reader takes for the address of a place: a whole URL, or a name alone.
_SHOWN = re.compile(
    r"(?:https?://)?(?:[\w-]{1,63}\.){1,5}([a-z]{2,24})(?::\d{1,5})?(?:[/?#][^\s]{0,300})?", re.IGNORECASE
)
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|0x[0-9a-f]{8}|\d{8,10}")
_SECOND_LEVELS = frozenset("ac co com edu gov go ne net nom or org gob gouv ltd plc me".split())
# Ends of names that are files or sentences rather than places.
_NO_PLACE = frozenset("html htm php asp aspx jpg jpeg png gif pdf doc docx zip txt eml csv exe js".split())


@dataclass(frozen=True, slots=True)
class Link:
    """One link. `host` is where it leads, lower-case; `inner` the host of a URL inside it; `shown` the host that its
    text shows, or ''."""

    host: str
    inner: str = ""
    shown: str = ""
    user: bool = False  # something stands before an @ in front of the host
    port: str = ""

    @property
    def is_number(self) -> bool:
        return _IPV4.fullmatch(self.host) is not None or self.host.startswith("[")


def read(url: str, text: str = "") -> Link | None:
    """A link and its text; None if it leads to no host."""
    match = _URL.match(url.strip()[:MAX_URL])
    if match is None:
        return None
    user, _, place = match[2].rpartition("@")
    host, port = _split(place)
    if not host:
        return None
    return Link(host, _inside(match[3]), shown_host(text), bool(user), port)


def _split(place: str) -> tuple[str, str]:
    if place.startswith("["):
        return place[: place.find("]") + 1].lower(), ""
    host, _, port = unquote(place).lower().partition(":")
    return host.strip("."), port[:5]


def _inside(rest: str) -> str:
    """The host of a URL that stands in the path or query of another."""
    at = rest.lower().find("http", 1)
    if at < 0:
        return ""
    match = _URL.match(unquote(rest[at : at + 500]))
    return _split(match[2].rpartition("@")[2])[0] if match else ""


def shown_host(text: str) -> str:
    """The host that a text shows, if it is nothing but the address of a place."""
    text = text.strip()[:400]
    match = _SHOWN.fullmatch(text)
    if match is None or match[1].lower() in _NO_PLACE:
        return ""
    bare = re.sub(r"^https?://", "", text, flags=re.IGNORECASE)
    return re.split(r"[:/?#]", bare, maxsplit=1)[0].lower()


def registered(host: str) -> str:
    """The part of a host's name that somebody registered, as far as can be told without a list."""
    labels = host.rsplit(".", 3)
    if len(labels) < 3:
        return host
    if labels[-2] in _SECOND_LEVELS and len(labels[-1]) == 2:
        return ".".join(labels[-3:])
    return ".".join(labels[-2:])
