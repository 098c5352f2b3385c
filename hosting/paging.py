"""One page of a list, found by where the last one ended (keyset), never by counting rows to skip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import QueryDict

M = TypeVar("M", bound=Model)
PAGE = 50


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Rows with the numbers and links the pager shows; an empty link is an end."""

    rows: list[M]
    first: int
    last: int
    total: int
    newer_url: str
    older_url: str


def page(rows: QuerySet[M], query: QueryDict, *, by: Sequence[str], size: int = PAGE) -> Page[M]:
    """The page `query` asks for, ordered by the columns `by` (the last one unique; all with "-" or none).

    `after` or `before` in the query hold the columns' values at the edge of the page shown before, and
    `at` the number of its nearest row, for showing only.
    """
    columns = [column.removeprefix("-") for column in by]
    descending = by[0].startswith("-")
    total = rows.count()
    backwards = "before" in query
    edge = _edge(query.getlist("before" if backwards else "after"), rows, columns)
    if edge is not None:
        rows = rows.filter(_beyond(columns, edge, upwards=descending == backwards))
    order = [f"{'-' if descending != backwards else ''}{column}" for column in columns]
    found = list(rows.order_by(*order)[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    first = _first(query, backwards=backwards, count=len(found)) if edge is not None else 1
    last = first + len(found) - 1
    has_newer = more if backwards else edge is not None
    has_older = edge is not None if backwards else more
    return Page(
        rows=found,
        first=first if found else 0,
        last=last if found else 0,
        total=max(total, last if found else 0),
        newer_url=_link(query, "before", found[0], columns, first) if found and has_newer else "",
        older_url=_link(query, "after", found[-1], columns, last) if found and has_older else "",
    )


def _edge(given: list[str], rows: QuerySet[M], columns: list[str]) -> list[Any] | None:
    if len(given) != len(columns):
        return None
    meta = rows.model._meta
    fields = [meta.get_field(name) for name in columns]
    try:
        edge = [field.to_python(value) for field, value in zip(fields, given, strict=True)]  # type: ignore[union-attr]
    except (ValidationError, ValueError):  # a link somebody edited: start at the beginning
        return None
    return None if any("\x00" in value for value in given) else edge


def _beyond(columns: list[str], edge: list[Any], *, upwards: bool) -> Q:
    """(a, b) beyond (x, y): a beyond x, or a = x and b beyond y."""
    sign = "gt" if upwards else "lt"
    beyond, same = Q(), Q()
    for column, value in zip(columns, edge, strict=True):
        beyond |= same & Q(**{f"{column}__{sign}": value})
        same &= Q(**{column: value})
    return beyond


def _first(query: QueryDict, *, backwards: bool, count: int) -> int:
    try:
        at = min(max(1, int(query.get("at", "1"))), 10**9)
    except ValueError:
        at = 1
    return max(1, at - count) if backwards else at + 1


def _link(query: QueryDict, towards: str, row: Model, columns: list[str], at: int) -> str:
    link = query.copy()
    for name in ("after", "before", "at"):
        link.pop(name, None)
    link.setlist(towards, [str(getattr(row, column)) for column in columns])
    link["at"] = str(at)
    return f"?{link.urlencode()}"
