"""The first run in a browser: `/setup/<token>` makes the administrator and is spent; the steps after it
(host name, doors and certificate, first domain) are for that administrator, signed in.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from hosting import access, certificate, domains, first_run, host, host_check, tenants
from hosting.actor import Actor
from hosting.errors import AlreadySetUp, NotFound
from hosting.forms import AdministratorForm, FirstDomainForm, HostForm
from hosting.models import Domain, Role
from hosting.views.frame import PanelRequest, attempt, client_ip, panel

STEPS = ("administrator", "host", "doors", "domain")


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def administrator(request: HttpRequest, token: str) -> HttpResponse:
    """Step 1, behind the one-time link."""
    if not first_run.is_valid(token):
        return render(request, "hosting/setup_spent.html", {"needed": first_run.is_needed()}, status=404)
    form = AdministratorForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        actor = Actor(account=None, via="setup", ip=client_ip(request))
        try:
            account = attempt(form, lambda: first_run.create_administrator(**given, actor=actor, token=token))
        except NotFound as error:
            raise Http404 from error
        except AlreadySetUp:
            return redirect("hosting:sign_in")
        if account is not None:
            login(request, account, backend="hosting.backends.Accounts")
            return redirect("hosting:setup_host")
    return _show(request, "setup_administrator.html", at=0, form=form)


@require_http_methods(["GET", "HEAD", "POST"])
@panel
def host_name(request: PanelRequest) -> HttpResponse:
    """Step 2: the name in every MX record."""
    _require_provider(request)
    form = HostForm(request.POST or None, initial={"hostname": host.likely_name()})
    if request.method == "POST" and form.is_valid():
        attempt(form, lambda: host.save_name(form.cleaned_data["hostname"]))
        if not form.errors:
            return redirect("hosting:setup_doors")
    return _show(request, "setup_host.html", at=1, form=form)


@require_safe
@panel
def doors(request: PanelRequest) -> HttpResponse:
    """Step 3: where this host listens, its certificate, and what stands in the way of mail."""
    _require_provider(request)
    context = {
        "doors": _doors(),
        "certificate": certificate.current(),
        "hostname": host.name(),
        "restart": host.name() != settings.MAIL_HOSTNAME,
        "cert_path": settings.TLS_CERT,
        "key_path": settings.TLS_KEY,
    }
    return _show(request, "setup_doors.html", at=2, **context)


@require_safe
@panel
def reach(request: PanelRequest) -> HttpResponse:
    """The slow part of step 3, loaded after it: can this host reach others, and do they find it."""
    _require_provider(request)
    return render(request, "hosting/setup_reach.html", {"findings": host_check.run()})


@require_http_methods(["GET", "HEAD", "POST"])
@panel
def first_domain(request: PanelRequest) -> HttpResponse:
    """Step 4: the first domain; its page shows the records and watches them."""
    _require_provider(request)
    existing = Domain.objects.order_by("id").first()
    form = FirstDomainForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        provider = tenants.ensure_provider(actor=request.actor)
        domain = attempt(
            form, lambda: domains.add(form.cleaned_data["name"], tenant=provider, actor=request.actor)
        )
        if domain is not None:
            return redirect("hosting:domain", domain.name)
    return _show(request, "setup_domain.html", at=3, form=form, existing=existing)


def _require_provider(request: PanelRequest) -> None:
    provider = tenants.provider()
    kind = access.standing(request.user).tenants.get(provider.pk) if provider else None
    if kind not in (Role.OWNER, Role.ADMINISTRATOR):
        raise NotFound(_("There is nothing here, or it is not yours to see."))


def _doors() -> list[dict[str, Any]]:
    """Every listener in words, and whether the world can reach it."""
    rows = (
        (_("Mail from other hosts"), "SMTP_LISTEN", settings.SMTP_LISTEN, 25),
        (_("Mail from your people (TLS)"), "SUBMISSIONS_LISTEN", settings.SUBMISSIONS_LISTEN, 465),
        (_("Mail from your people (STARTTLS)"), "SUBMISSION_LISTEN", settings.SUBMISSION_LISTEN, 587),
        (_("Reading with IMAP (TLS)"), "IMAPS_LISTEN", settings.IMAPS_LISTEN, 993),
        (_("Reading with IMAP (STARTTLS)"), "IMAP_LISTEN", settings.IMAP_LISTEN, 143),
        (_("Fetching with POP3 (TLS)"), "POP3S_LISTEN", settings.POP3S_LISTEN, 995),
        (_("Fetching with POP3 (STARTTLS)"), "POP3_LISTEN", settings.POP3_LISTEN, 110),
        (_("This web page"), "WEB_LISTEN", settings.WEB_LISTEN, 443),
    )
    return [
        {
            "title": title,
            "setting": setting,
            "listens": [f"[{h}]:{p}" if ":" in h else f"{h}:{p}" for h, p in listen],
            "usual": usual,
            "state": _reachable(listen, usual),
        }
        for title, setting, listen, usual in rows
    ]


def _reachable(listen: list[tuple[str, int]], usual: int) -> str:
    if not listen:
        return "off"
    if all(host_check.is_local(name) for name, _port in listen):
        return "local"
    return "usual" if any(port == usual for _name, port in listen) else "other"


def _show(request: HttpRequest, template: str, *, at: int, **context: Any) -> HttpResponse:
    titles = (_("Administrator"), _("Host name"), _("Doors and certificate"), _("First domain"))
    urls = ("", "hosting:setup_host", "hosting:setup_doors", "hosting:setup_domain")
    context["steps"] = [
        {
            "title": title,
            "state": "done" if i < at else "current" if i == at else "todo",
            "url": reverse(url) if url and i < at else "",
        }
        for i, (title, url) in enumerate(zip(titles, urls, strict=True))
    ]
    form = context.get("form")
    return render(request, f"hosting/{template}", context, status=422 if form and form.errors else 200)
