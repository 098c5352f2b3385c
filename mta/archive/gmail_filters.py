"""Gmail's export of filters (`mailFilters.xml`, an Atom feed of RFC 4287): its entries as values. Pure.

The file comes from a person, so it is read with care: no document type, hence no entities that grow or fetch; size,
depth and numbers are bounded; what is wrong is a `NotFilters` and nothing else. What a filter means in our language is
webmail.gmail_rules' business.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.parsers import expat

ATOM = "http://www.w3.org/2005/Atom"
APPS = "http://schemas.google.com/apps/2006"
MAX_FILE = 2_000_000
MAX_FILTERS = 1_000  # as many as Gmail lets anybody have
MAX_PROPERTIES = 100  # of one filter
MAX_VALUE = 10_000
MAX_DEPTH = 20
_ENTRY, _PROPERTY = f"{ATOM} entry", f"{APPS} property"


class NotFilters(ValueError):
    """Not an export of Gmail's filters; the text says why, for whoever looks into it."""


@dataclass(frozen=True, slots=True)
class GmailFilter:
    """One filter: its properties in their order; a name may come twice."""

    properties: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """The first value that is not empty; "" if there is none."""
        return next((value for each, value in self.properties if each == name and value), "")

    def every(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for each, value in self.properties if each == name and value))

    def says(self, name: str) -> bool:
        """Whether something that is true or false is true."""
        return "true" in (value.casefold() for value in self.every(name))


def is_xml(data: bytes) -> bool:
    """Whether a file may be such an export, going by how it begins."""
    return data[:200].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def read(data: bytes) -> tuple[GmailFilter, ...]:
    """Every filter of the file, in its order."""
    if len(data) > MAX_FILE:
        raise NotFilters("too large")
    feed = _Feed()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = feed.opened
    parser.EndElementHandler = feed.closed
    parser.StartDoctypeDeclHandler = _no_document_type
    parser.EntityDeclHandler = _no_document_type
    try:
        parser.Parse(data, True)
    except NotFilters:
        raise
    except (expat.ExpatError, ValueError, LookupError) as wrong:  # the latter two: encodings
        raise NotFilters(str(wrong)) from wrong
    if not feed.is_feed:
        raise NotFilters("not a feed")
    return tuple(feed.filters)


def _no_document_type(*_said: object) -> None:
    raise NotFilters("a document type")


class _Feed:
    """What is read so far."""

    def __init__(self) -> None:
        self.filters: list[GmailFilter] = []
        self.is_feed = False
        self._depth = 0
        self._properties: list[tuple[str, str]] | None = None  # of the entry that is open

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotFilters("too deep")
        if self._depth == 1:
            self.is_feed = name == f"{ATOM} feed"
        elif name == _ENTRY and self._depth == 2:
            self._properties = []
        elif name == _PROPERTY and self._properties is not None:
            name, value = attributes.get("name", "").strip(), attributes.get("value", "").strip()
            if max(len(name), len(value)) > MAX_VALUE or len(self._properties) >= MAX_PROPERTIES:
                raise NotFilters("a filter that is too long")
            self._properties.append((name, value))

    def closed(self, name: str) -> None:
        if name == _ENTRY and self._depth == 2 and self._properties is not None:
            if self._properties:
                self.filters.append(GmailFilter(tuple(self._properties)))
            if len(self.filters) > MAX_FILTERS:
                raise NotFilters("too many filters")
            self._properties = None
        self._depth -= 1
