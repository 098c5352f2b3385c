"""Who is looking, and at whose mail: where every page of the web client begins.

`@visiting` lets only signed-in people through, finds their mailspace through hosting.access (what is not theirs does
not exist: 404), and puts the page into their time zone. Views get a `Visit` and never ask again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from hosting.access import Sender, mailspaces_for, standing
from hosting.models import Account
from mta.directory import Access
from mta.mailstore import service as mailstore
from mta.mailstore.errors import NoSuchDraft, NoSuchMailbox, NoSuchMessage
from mta.values import Cause, MailboxInfo
from webmail import boxes
from webmail.i18n import speaking
from webmail.models import Preferences
from webmail.moving import proven
from webmail.packing import packed
from webmail.sending_times import Hours

P = ParamSpec("P")

LARGEST = 2**63 - 1
LISTS = ("webmail/list.html", "webmail/search.html")  # views that a reading pane stands beside
CHOSEN = "mailspace"  # the session's key for the mailspace chosen among several


class NoMailbox(Http404):
    """Somebody is signed in who may open no mailspace: an administrator who only administers."""


@dataclass(frozen=True)
class Visit:
    """One request of a person who reads mail. What is asked for several times is read once."""

    account: Account
    access: Access
    every: tuple[Access, ...]
    preferences: Preferences
    cause: Cause

    @property
    def mailspace(self) -> int:
        return self.access.mailspace

    @property
    def address(self) -> str:
        return self.access.address or self.account.username

    @property
    def mark(self) -> str:
        """Who looks at whose mail, as a page remembers it and says with everything it asks."""
        return f"{self.account.pk}.{self.mailspace}"

    @property
    def face(self) -> str:
        """Where the picture of who is signed in lies; "" without one, and in somebody else's mailbox."""
        if not self.preferences.face or self.account.mailspace != self.mailspace:
            return ""
        return f"{reverse('mail:face')}?v={self.preferences.face}"

    @property
    def may_organise(self) -> bool:
        return self.access.rights in ("own", "organise")

    @property
    def hours(self) -> Hours:
        return Hours(self.preferences.morning, self.preferences.evening)

    @property
    def has_role(self) -> bool:
        return bool(standing(self.account))

    @cached_property
    def mailboxes(self) -> tuple[MailboxInfo, ...]:
        return mailstore.mailboxes(self.mailspace)

    @cached_property
    def view_counts(self) -> dict[int, tuple[int, int]]:
        return mailstore.view_counts(self.mailspace)

    @cached_property
    def usage(self) -> mailstore.Usage:
        """What the mailspace uses; read with the clock, which a view asks for before its rows."""
        return mailstore.usage(self.mailspace)

    @property
    def clock(self) -> int:
        """Where the mailspace stood when it was first asked for: whatever comes later is told again."""
        return self.usage.clock

    @cached_property
    def _senders(self) -> tuple[tuple[Sender, ...], tuple[Sender, ...]]:
        return proven.senders(self.account.pk, self.mailspace)

    @property
    def own_senders(self) -> tuple[Sender, ...]:
        """The addresses of this host that they may write with from here."""
        return self._senders[0]

    @property
    def senders(self) -> tuple[Sender, ...]:
        """All that they may write with from here; those at other hosts (webmail.moving) come last."""
        own, outside = self._senders
        return (*own, *outside)

    @property
    def shown_senders(self) -> tuple[Sender, ...]:
        """Those offered for any message; a masked address is, where mail came through it."""
        return tuple(each for each in self.senders if not each.is_mask)

    def box(self, slug: str) -> boxes.Box:
        """The place an address names; a place that is not here is a 404."""
        found = boxes.find(slug, self.mailboxes)
        if found is None:
            raise Http404(_("There is no such label."))
        return found

    def total(self, place: boxes.Box) -> int:
        """The conversations of a place."""
        if place.id < 0:
            return self.view_counts.get(place.id, (0, 0))[0]
        return next((each.threads for each in self.mailboxes if each.id == place.id), 0)

    def require_organise(self) -> None:
        """A 404 for who may only read here."""
        if not self.may_organise:
            raise Http404(_("You may read this mailbox, but not change it."))


def visiting(
    view: Callable[Concatenate[HttpRequest, Visit, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Let signed-in people with a mailbox through; others are asked to sign in, or do not find the page."""

    @wraps(view)
    def entered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            visit = begin(request)
        except NoMailbox:
            if wants_parts(request) or request.method != "GET":
                raise
            return _no_mailbox(request)
        if visit is None:
            return _ask_to_sign_in(request)
        if request.headers.get("X-Mailstead-Account", visit.mark) not in ("", visit.mark):
            said = _("Somebody else has signed in here. Sign in again as who wrote this.")
            return JsonResponse({"error": said, "text": said, "reason": "account"}, status=409)
        if any(isinstance(value, int) and value > LARGEST for value in kwargs.values()):
            raise Http404  # no row has such a number, and no database takes it
        request.visit = visit  # type: ignore[attr-defined]
        _make_storable(request)
        try:
            language = speaking(visit.preferences.language, request)
            with timezone.override(zone_of(visit, request)), translation.override(language):
                request.LANGUAGE_CODE = language  # type: ignore[attr-defined]
                return _private(view(request, visit, *args, **kwargs))
        except (NoSuchMailbox, NoSuchMessage, NoSuchDraft, Http404) as error:
            if is_prefetch(request):
                return _private(HttpResponse(status=204))
            raise Http404(str(error)) from error

    return entered


def _make_storable(request: HttpRequest) -> None:
    """Take the character 0 out of what was sent: no form of ours makes it, and PostgreSQL keeps no text with it."""
    if "%00" in request.META.get("QUERY_STRING", ""):
        request.GET = _without_nul(request.GET)  # type: ignore[assignment]
    with suppress(RequestDataTooBig):  # the view says so in its own way
        if any("\0" in text for _name, texts in request.POST.lists() for text in texts):
            request.POST = _without_nul(request.POST)  # type: ignore[assignment]


def _without_nul(fields: QueryDict) -> QueryDict:
    clean = QueryDict(mutable=True)
    for name, texts in fields.lists():
        clean.setlist(name.replace("\0", ""), [str(text).replace("\0", "") for text in texts])
    return clean


def begin(request: HttpRequest) -> Visit | None:
    """The visit of a signed-in person, None of anybody else; an account without mail has no such pages."""
    account = request.user
    if not isinstance(account, Account):
        return None
    every = mailspaces_for(account)
    if not every:
        raise NoMailbox(_("This account has no mailbox."))
    chosen = request.session.get(CHOSEN)
    access = next((each for each in every if each.mailspace == chosen), every[0])
    preferences = Preferences.objects.filter(account=account).first() or Preferences(account=account)
    cause = Cause("web", session=program_of(request), actor=account.username)
    return Visit(account, access, every, preferences, cause)


def _no_mailbox(request: HttpRequest) -> HttpResponse:
    """There is nothing to see, and the way to where there is."""
    account = request.user
    may_administer = isinstance(account, Account) and bool(standing(account))
    return render(request, "webmail/no_mailbox.html", {"may_administer": may_administer}, status=404)


def _ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    if wants_parts(request) or request.method != "GET":
        return JsonResponse({"error": _("Your session has ended. Sign in again.")}, status=401)
    return redirect(f"{settings.LOGIN_URL}?{urlencode({'next': request.get_full_path()})}")


def _private(response: HttpResponseBase) -> HttpResponseBase:
    """Pages of mail are not kept by anything on the way, nor shown again after signing out."""
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response


def number(text: str) -> int | None:
    """What a form or an address names by number; None for all that is none ("²" is a digit to Python)."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def wants_parts(request: HttpRequest) -> bool:
    """Whether our own script asks, who wants the middle of a page or JSON and never a redirect; or says "page"."""
    return request.headers.get("X-Mailstead", "page") != "page"


def is_prefetch(request: HttpRequest) -> bool:
    """Whether nobody looks yet: then nothing may become read, and what is gone by now is no error (204, not 404)."""
    asking = request.headers.get("X-Mailstead")
    return asking in ("prefetch", "pane-ahead") or "prefetch" in request.headers.get("Sec-Purpose", "")


def in_pane(request: HttpRequest) -> bool:
    """Whether a conversation is asked for that will be shown beside its list."""
    return request.headers.get("X-Mailstead", "").startswith("pane")


def chosen_pane(request: HttpRequest) -> str:
    """Where this browser opens conversations: over the list (none), or right of it or below it."""
    chosen = request.COOKIES.get("pane", "")
    return chosen if chosen in ("right", "below") else "none"


def folded_labels(request: HttpRequest) -> frozenset[int]:
    """The labels whose sublabels this browser has folded away (a cookie: `12.40`)."""
    ids = request.COOKIES.get("folded", "")[:2000].split(".")
    return frozenset(id_ for each in ids if (id_ := number(each)) is not None)


def zone_of(visit: Visit, request: HttpRequest) -> ZoneInfo:
    """The zone a person chose, else the account's, else that of the browser (a cookie), else UTC."""
    for name in (visit.preferences.time_zone, visit.account.time_zone, request.COOKIES.get("tz", "")):
        if name and len(name) <= 64 and re.fullmatch(r"[A-Za-z0-9_+\-]+(?:/[A-Za-z0-9_+\-]+)*", name):
            try:
                return ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                continue
    return ZoneInfo("UTC")


_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def program_of(request: HttpRequest) -> str:
    """The browser in words, for the journal: "Firefox on Linux from 192.0.2.7"."""
    agent = request.headers.get("User-Agent", "")
    browser = next((name for sign, name in _BROWSERS if sign in agent), "browser")
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    where = request.META.get("REMOTE_ADDR", "")
    return f"{browser}{f' on {system}' if system else ''}{f' from {where}' if where else ''}"


def show(request: HttpRequest, visit: Visit, template: str, context: dict[str, Any]) -> HttpResponse:
    """Render a page of the client: whole, or only what lies on the sheet when our script asks for it."""
    parts = wants_parts(request)
    layout = "webmail/part.html" if parts else "webmail/client.html"
    page: dict[str, Any] = {"layout": layout, "visit": visit, "compose_url": boxes.COMPOSE} | context
    page["in_pane"] = in_pane(request)
    if template in LISTS and chosen_pane(request) != "none":
        page["has_pane"] = True
        page["pane_url"], page["pane"] = getattr(request, "pane", ("", ""))
    if not parts:
        searching = bool(context.get("query"))
        here = "" if searching or "box" not in context else context["box"].slug
        page |= _frame(visit, current=here, folded=folded_labels(request))
    response = render(request, template, page)
    response["Vary"] = "X-Mailstead, Cookie"
    return packed(request, response)


def _frame(visit: Visit, *, current: str, folded: frozenset[int]) -> dict[str, Any]:
    """What lies around the sheet: the left column, the words and keys that scripts need."""
    looks = visit.preferences.label_looks
    first, more, labels = boxes.sidebar(visit.mailboxes, current=current, looks=looks, folded=folded)
    return {
        "sidebar_first": first,
        "sidebar_more": more,
        "more_open": any(item.current for item in more),
        "held_count": boxes.held(visit.mailboxes),
        "sidebar_labels": [item for item in labels if not item.hidden],
        "hidden_labels": [item for item in labels if item.hidden],
        "brand_url": "/mail/",
        "sign_out_url": reverse("hosting:sign_out"),
        "usage": visit.usage,
    }
