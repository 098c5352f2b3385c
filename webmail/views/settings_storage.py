"""`/mail/settings/storage/`: where the room goes, and ways to make some: each leads into a search."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _

from webmail import boxes, chores, storage_use
from webmail.models import Chore
from webmail.views.settings_frame import page
from webmail.visit import Visit, visiting

MOST_PLACES = 12


@visiting
def storage(request: HttpRequest, visit: Visit) -> HttpResponse:
    """By label at once; the rest from the last count. POST counts again."""
    if request.method == "POST":
        if visit.usage.messages > storage_use.FEW:
            chores.start(visit.account, visit.mailspace, Chore.STORAGE)
        return redirect("mail:settings-storage")
    counted, chore = _counted(visit)
    context = {
        "places": _places(visit),
        "chore": chore if chores.is_open(chore) else None,
        "counted_at": chore.finished_at if chore and chore.state == Chore.DONE else None,
        "large": visit.usage.messages > storage_use.FEW,
        "ways": _ways(),
    } | (_shares(counted) if counted else {})
    return page(request, visit, "storage", "webmail/settings_storage.html", context)


def _counted(visit: Visit) -> tuple[dict[str, Any], Chore | None]:
    """The count: made now where there is little, else the last one."""
    if visit.usage.messages <= storage_use.FEW:
        return storage_use.count(visit.mailspace), None
    rows = Chore.objects.filter(account=visit.account, mailspace=visit.mailspace, kind=Chore.STORAGE)
    newest = list(rows.order_by("-id")[:10])
    done = next((each for each in newest if each.state == Chore.DONE), None)
    return (done.data if done else {}), (newest[0] if newest else None)


def _places(visit: Visit) -> list[dict[str, Any]]:
    """The largest places; a message under two labels is counted under both."""
    largest = sorted(visit.mailboxes, key=lambda each: each.size, reverse=True)[:MOST_PLACES]
    most = max((each.size for each in largest), default=0)
    return [
        _line(box.name or box.title, each.messages, each.size, most, url=box.url)
        for each in largest
        if each.size
        for box in [boxes.box_of(each)]
    ]


def _shares(counted: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for kind, words in (("senders", _sender), ("years", _year), ("sizes", _size)):
        most = max((heap["size"] for _key, heap in counted[kind]), default=0)
        found[kind] = [
            _line(text, heap["messages"], heap["size"], most, url=_search(asked))
            for key, heap in counted[kind]
            for text, asked in [words(key, heap)]
        ]
    return found


def _sender(address: str, heap: dict[str, Any]) -> tuple[str, str]:
    return (heap["name"] or address), f"from:{address}"


def _year(year: int, _heap: dict[str, Any]) -> tuple[str, str]:
    return str(year), f"after:{year}/01/01 before:{year + 1}/01/01"


def _size(step: int, _heap: dict[str, Any]) -> tuple[str, str]:
    larger = next((each for each in reversed(storage_use.SIZES) if each > step), 0)
    asked = " ".join(
        part for part in (f"larger:{step}" if step else "", f"smaller:{larger}" if larger else "") if part
    )
    text = _("%s and more") % filesizeformat(step) if step else _("Less than %s") % filesizeformat(larger)
    return text, asked


def _line(text: str, messages: int, size: int, most: int, *, url: str) -> dict[str, Any]:
    return {"text": text, "messages": messages, "size": size, "of": max(most, 1), "url": url}


def _search(text: str) -> str:
    return f"{reverse('mail:search')}?q={quote(text)}"


def _ways() -> list[dict[str, str]]:
    """Searches for what may leave; there everything found is selected at once, and every deletion can be undone."""
    return [
        {"text": _("Mail of more than 5 MB"), "url": _search("larger:5M")},
        {"text": _("Attachments older than a year"), "url": _search("has:attachment older_than:1y")},
        {"text": _("Newsletters older than half a year"), "url": _search("list:. older_than:6m")},
        {"text": _("Read and older than three years"), "url": _search("is:read older_than:3y")},
        {"text": _("Everything in Trash"), "url": reverse("mail:box", args=["trash"])},
        {"text": _("Everything in Spam"), "url": reverse("mail:box", args=["spam"])},
    ]
