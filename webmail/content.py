"""The second origin: where other people's bytes live when the administrator gives them a host of their own.

`CONTENT_ORIGIN` empty (the default): the pages marked `@foreign` are pages like others, for whoever is signed in.
With it, the app's own host refuses to show them. It checks who asks, as ever, and sends the browser on to the content
host, to an address that carries a signed pass: who, which mailspace, which page, until when. The content host serves
such addresses and nothing else, reads no cookie and sets none; so whatever runs there, if ever something does, meets
no session and no page of ours. Passes end soon; a copied address is worth a few minutes of one page.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from hosting.access import mailspaces_for
from hosting.models import Account
from mta.mailstore.errors import NoSuchDraft, NoSuchMailbox, NoSuchMessage
from mta.values import Cause
from webmail.models import Preferences
from webmail.visit import LARGEST, Visit, visiting, zone_of

P = ParamSpec("P")
PREFIX = "/content/"
LASTS = 600  # seconds a pass holds at least; it ends at a round time, so that browsers may keep what it named
_SALT = "content-origin"


@dataclass(frozen=True, slots=True)
class Pass:
    account: int
    mailspace: int
    theme: str


def foreign(
    view: Callable[Concatenate[HttpRequest, Visit, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page of somebody else's bytes: as `@visiting`, but on the content host if there is one."""
    signed_in = visiting(view)
    sent_on = visiting(_send_on)

    @wraps(view)
    def entered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not settings.CONTENT_ORIGIN:
            return signed_in(request, *args, **kwargs)
        shown = getattr(request, "content_pass", None)
        if shown is None:
            return sent_on(request, *args, **kwargs)
        visit = _visit_of(shown)
        if any(isinstance(value, int) and value > LARGEST for value in kwargs.values()):
            raise Http404
        try:
            with timezone.override(zone_of(visit, request)):
                response = view(request, visit, *args, **kwargs)
        except (NoSuchMailbox, NoSuchMessage, NoSuchDraft) as error:
            raise Http404(str(error)) from error
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return entered


def _send_on(request: HttpRequest, visit: Visit, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """From the app's host to the content host, with a pass for this one address."""
    theme = request.COOKIES.get("theme", "system")
    response = redirect(
        pass_to(request.get_full_path(), visit, theme if theme in ("light", "dark") else "system")
    )
    response["Cache-Control"] = "private, no-store"
    return response


def pass_to(path: str, visit: Visit, theme: str = "system") -> str:
    """The address of a page on the content host."""
    ends = (int(time.time()) // LASTS + 2) * LASTS
    about = [visit.account.pk, visit.mailspace, theme, ends]
    token = signing.Signer(salt=f"{_SALT}:{path}").sign_object(about)
    return f"{settings.CONTENT_ORIGIN}{PREFIX}{token}{path}"


def _opened(token: str, path: str) -> Pass | None:
    try:
        account, mailspace, theme, ends = signing.Signer(salt=f"{_SALT}:{path}").unsign_object(token)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Pass(account, mailspace, theme) if ends > time.time() else None


def _visit_of(shown: Pass) -> Visit:
    """The visit that a pass stands for; an account or a grant that has gone since makes it worthless."""
    account = Account.objects.filter(pk=shown.account).first()
    if account is None or not account.is_active:
        raise Http404
    every = mailspaces_for(account)
    access = next((each for each in every if each.mailspace == shown.mailspace), None)
    if access is None:
        raise Http404
    preferences = Preferences.objects.filter(account=account).first() or Preferences(account=account)
    return Visit(
        account, access, every, preferences, Cause("web", session="content host", actor=account.username)
    )


def frame_ancestors() -> str:
    """Who may show a page of the content host in a frame: the app alone."""
    return settings.PUBLIC_URL if settings.CONTENT_ORIGIN else "'self'"


def address_within(request: HttpRequest, visit: Visit, path: str) -> str:
    """An address for a page of the content host to name another one by: there, each needs a pass of its own."""
    return pass_to(path, visit) if getattr(request, "content_pass", None) is not None else path


def _plain_host(netloc: str, scheme: str) -> str:
    """A host and port in one form: `content.test.` and `content.test:443` are the same place to a browser or a proxy."""
    name, _colon, port = netloc.lower().partition(":")
    usual = {"http": "80", "https": "443"}.get(scheme, "")
    return name.rstrip(".") + (f":{port}" if port not in ("", usual) else "")


class ContentHost:
    """Middleware, outermost: on the content host nothing exists but addresses with a valid pass, and no cookie."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        origin = urlsplit(settings.CONTENT_ORIGIN)
        self._host = _plain_host(origin.netloc, origin.scheme)
        self._scheme = origin.scheme
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        asked = _plain_host(request.META.get("HTTP_HOST", ""), self._scheme)
        is_content = bool(self._host) and asked == self._host
        if not is_content:
            return self._plain(request)
        refused = _admit(request)
        if refused is not None:
            return _later(refused) if iscoroutinefunction(self) else refused
        response = self.get_response(request)
        return self._dress_later(response) if inspect.isawaitable(response) else _without_cookies(response)

    def _plain(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        response: HttpResponseBase | Awaitable[HttpResponseBase] = self.get_response(request)
        return response

    async def _dress_later(self, response: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        return _without_cookies(await response)


async def _later(response: HttpResponseBase) -> HttpResponseBase:
    return response


def _admit(request: HttpRequest) -> HttpResponse | None:
    """Take the pass out of the address; an answer if there is none that holds."""
    request.COOKIES.clear()
    request.META.pop("HTTP_COOKIE", None)
    token, slash, rest = request.path_info.removeprefix(PREFIX).partition("/")
    path = f"/{rest}"
    full = request.get_full_path()
    named = full[len(f"{PREFIX}{token}") :] if full.startswith(f"{PREFIX}{token}/") else ""
    shown = _opened(token, named) if slash and request.method in ("GET", "HEAD") and named else None
    if shown is None or not request.path_info.startswith(PREFIX):
        return HttpResponse("", status=404, content_type="text/plain", headers={"Cache-Control": "no-store"})
    request.path = request.path_info = path
    request.META["PATH_INFO"] = path
    request.COOKIES["theme"] = shown.theme
    request.content_pass = shown  # type: ignore[attr-defined]
    return None


def _without_cookies(response: HttpResponseBase) -> HttpResponseBase:
    response.cookies.clear()
    response.headers["Cross-Origin-Resource-Policy"] = (
        "cross-origin"  # shown in frames and pictures of the app's
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
