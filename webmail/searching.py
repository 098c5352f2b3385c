"""A search in the web client: what a line means to this person, its address, and what of it is marked.

Between webmail.search_box (the language) and the views. Reads who the person is, never mail.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from webmail.highlight import highlights
from webmail.search_box import Names, Search, parse
from webmail.visit import Visit


def understood(visit: Visit, text: str) -> Search:
    """What a line asks for: with the person's labels, addresses, zone and the moment."""
    own = tuple(each.address for each in visit.senders) or (visit.address,)
    return parse(text, Names(visit.mailboxes, own, timezone.get_current_timezone(), timezone.now()))


def marks_of(visit: Visit, text: str) -> tuple[str, ...]:
    """What a view that was reached by a search marks; nothing without one. Costs no query."""
    if not text.strip():
        return ()
    own = (visit.address,)
    return highlights(parse(text, Names((), own, timezone.get_current_timezone(), timezone.now())).criteria)


def search_url(**params: str) -> str:
    """The address of a page of results: `q`, and what else is not empty."""
    chosen = {name: value for name, value in params.items() if value}
    return f"{reverse('mail:search')}?{urlencode(chosen)}" if chosen else reverse("mail:search")
