"""What every page of the panel shares: who asks, the left column, and how errors become answers.

`panel` wraps a view: it needs a sign-in with a role, gives it an `Actor`, and turns NotFound into 404
and NotAllowed into 403. `attempt` runs a service for a form and puts what went wrong next to its field.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from hosting import access
from hosting.actor import Actor
from hosting.errors import HostingError, NotAllowed, NotFound
from hosting.forms import focus_refused
from hosting.models import Account

T = TypeVar("T")
View = Callable[..., HttpResponseBase]


class PanelRequest(HttpRequest):
    """A request of somebody with a role."""

    actor: Actor
    user: Account  # type: ignore[assignment]


def panel(view: View) -> View:
    """A page of the panel: for people with a role; what is not theirs does not exist."""

    @never_cache
    @wraps(view)
    def wrapped(request: PanelRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect(f"{reverse('hosting:sign_in')}?{urlencode({'next': request.get_full_path()})}")
        if not access.standing(request.user):
            raise Http404
        request.actor = Actor(request.user, "panel", client_ip(request))
        try:
            return view(request, *args, **kwargs)
        except NotFound as error:
            raise Http404 from error
        except NotAllowed as error:
            raise PermissionDenied(str(error)) from error

    return wrapped


def client_ip(request: HttpRequest) -> str:
    """The visitor's address; what a proxy of ours says about it counts, what a stranger says does not."""
    peer = str(request.META.get("REMOTE_ADDR", ""))
    hops = [peer, *reversed([hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")])]
    for hop in hops:
        try:
            address = ipaddress.ip_address(hop)
        except ValueError:
            return peer[:45]
        if not any(address in network for network in settings.TRUSTED_PROXIES):
            return str(address)
        peer = hop
    return peer[:45]


def attempt(form: Form, action: Callable[[], T]) -> T | None:
    """The outcome of a service, or None with the error in the form."""
    try:
        return action()
    except (NotFound, NotAllowed):
        raise
    except HostingError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return None


def show(
    request: PanelRequest, template: str, *, here: str, title: str, status: int = 200, **context: Any
) -> HttpResponse:
    """Render a page in the panel's frame; `here` names the entry of the left column."""
    account = request.user
    if isinstance(form := context.get("form"), Form):
        focus_refused(form)
    context |= {
        "title": title,
        "nav": _navigation(account, here),
        "account_links": _account_links(account),
        "brand_url": reverse("hosting:overview"),
        "query": request.GET.get("q", ""),
    }
    return render(request, f"hosting/{template}", context, status=status)


def _navigation(account: Account, here: str) -> list[dict[str, Any]]:
    has = access.standing(account)
    entries = [("overview", "gauge", _("Overview"))]
    if has.tenants_with(access.VIEW):
        entries.append(("tenants", "building-2", _("Customers")))
    entries += [("domains", "globe", _("Domains")), ("accounts", "users", _("Accounts"))]
    if has.tenants_with(access.AUDIT_VIEW):
        entries.append(("audit", "history", _("Changes")))
    return [
        {"url": reverse(f"hosting:{name}"), "icon": icon, "text": text, "current": name == here, "name": name}
        for name, icon, text in entries
    ]


def _account_links(account: Account) -> list[dict[str, str]]:
    if account.mailspace is None:
        return []
    return [{"url": mail_url(), "icon": "inbox", "text": _("Go to your mail")}]


def mail_url() -> str:
    """Where the web client starts; the panel can stand without it."""
    try:
        return reverse("mail:box", args=["inbox"])
    except NoReverseMatch:
        return "/mail/inbox/"
