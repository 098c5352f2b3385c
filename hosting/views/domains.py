"""Domains: list, add, the records to publish with their live check, suspend."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Count, F
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hosting import access, domains, names
from hosting.actor import Actor
from hosting.aliases import plain
from hosting.dns import check, expected
from hosting.dns.judge import GOOD, MISSING, UNKNOWN, WRONG
from hosting.forms import DomainForm, SuspendForm
from hosting.models import Domain, DomainCheck, Tenant
from hosting.paging import page
from hosting.views.frame import PanelRequest, attempt, panel, show
from hosting.views.overview import domain_matches

LIVE = timedelta(seconds=8)  # an open page asks the DNS again after this long
FILTERS = ("active", "pending", "suspended", "dns")


@require_safe
@panel
def listing(request: PanelRequest) -> HttpResponse:
    rows = access.domains_for(request.actor).select_related("tenant", "alias_of")
    words = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    state = request.GET.get("state", "")
    if words:
        rows = rows.filter(domain_matches(words))
    if state == "dns":
        rows = rows.filter(dns_total__gt=0, dns_good__lt=F("dns_total"))
    elif state in FILTERS:
        rows = rows.filter(state=state)
    shown = page(rows, request.GET, by=("name",))
    counted = dict(
        Domain.objects.filter(pk__in=[row.pk for row in shown.rows])
        .annotate(n=Count("accounts"))
        .values_list("pk", "n")
    )
    for row in shown.rows:
        row.held_accounts = counted.get(row.pk, 0)  # type: ignore[attr-defined]
    return show(
        request,
        "domains.html",
        here="domains",
        title=_("Domains"),
        page=shown,
        may_add=access.tenants_for(request.actor, access.DOMAIN_ADD).exists(),
        words=words,
        state=state,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@panel
def add(request: PanelRequest) -> HttpResponse:
    """For the person's own tenant, or another one below it."""
    reach = access.tenants_for(request.actor, access.DOMAIN_ADD)
    access.find(reach)  # 404 for whom may add none
    form = DomainForm(request.POST or None, initial={"tenant": _preferred(request, reach)})
    choices = form.fields["tenant"]
    choices.queryset = reach.order_by("name", "id")  # type: ignore[attr-defined]
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        domain = attempt(
            form, lambda: domains.add(given["name"], tenant=given["tenant"], actor=request.actor)
        )
        if domain is not None:
            messages.success(request, _("%s is added.") % names.shown_domain(domain.name))
            return redirect("hosting:domain", domain.name)
    return show(
        request,
        "domain_add.html",
        here="domains",
        title=_("Add a domain"),
        form=form,
        steps=wizard(0),
        several=reach.count() > 1,
        status=422 if form.errors else 200,
    )


def _preferred(request: PanelRequest, reach: Any) -> Tenant | None:
    asked = request.GET.get("tenant", "")
    if asked.isdecimal() and len(asked) < 18 and (found := reach.filter(pk=int(asked)).first()):
        return found  # type: ignore[no-any-return]
    own = list(access.standing(request.user).tenants)
    return reach.filter(pk__in=own).first() or reach.order_by("name").first()  # type: ignore[no-any-return]


def wizard(at: int, *, records_right: bool = False) -> list[dict[str, str]]:
    """The three steps of a new domain, drawn with the thread line. An account may come before the records."""
    titles = (_("Name"), _("DNS records"), _("First account"))
    states = ["done" if i < at else "current" if i == at else "todo" for i in range(len(titles))]
    if at == 2 and not records_right:
        states[1] = "todo"
    return [{"title": title, "state": state} for title, state in zip(titles, states, strict=True)]


def records_right(domain: Domain) -> bool:
    """Whether the last check found every record as mail needs it."""
    return domain.dns_total > 0 and domain.dns_good == domain.dns_total


def _steps(domain: Domain) -> list[dict[str, str]]:
    """Where a new domain stands; nothing once it has an account, or if it is another name of one."""
    if domain.alias_of_id is not None or domain.accounts.exists():
        return []
    return wizard(2, records_right=True) if records_right(domain) else wizard(1)


def get(actor: Actor, name: str) -> Domain:
    """The domain of this name, if the actor may see it."""
    return access.find(
        access.domains_for(actor).select_related("tenant", "catch_all__domain", "alias_of"), name=name.lower()
    )


def frame(request: PanelRequest, domain: Domain, *, tab: str) -> dict[str, Any]:
    """What the pages of one domain share: head, tabs, buttons."""
    actor = request.actor
    return {
        "here": "domains",
        "title": names.shown_domain(domain.name),
        "domain": domain,
        "tab": tab,
        "lead": _lead(domain),
        "at_name": f"@{names.shown_domain(domain.name)}",
        "may_suspend": access.may(actor, access.DOMAIN_SUSPEND, domain),
        "may_add_account": access.may(actor, access.ACCOUNT_ADD, domain),
        "may_edit": access.may(actor, access.ALIAS_EDIT, domain),
        "suspend_form": SuspendForm(),
    }


def _lead(domain: Domain) -> str:
    if domain.alias_of is not None:
        return _("Another name of %s.") % names.shown_domain(domain.alias_of.name)
    accounts = domain.accounts.count()
    aliases = plain(domain.addresses.all()).count()
    return "{}, {}. {}".format(
        ngettext("%d account", "%d accounts", accounts) % accounts,
        ngettext("%d alias", "%d aliases", aliases) % aliases,
        _("Belongs to %s.") % domain.tenant.name,
    )


@require_safe
@panel
def detail(request: PanelRequest, name: str) -> HttpResponse:
    domain = get(request.actor, name)
    context = frame(request, domain, tab="dns")
    return show(
        request,
        "domain.html",
        **context,
        **_records(domain),
        steps=_steps(domain),
        history=_history(domain),
    )


@require_safe
@panel
def records(request: PanelRequest, name: str) -> HttpResponse:
    """The part of the page that refreshes itself; asks the DNS if the last answer is old."""
    domain = get(request.actor, name)
    check.refresh(domain, not_more_often=LIVE)
    domain.refresh_from_db()
    context = {"domain": domain, "steps": _steps(domain), **_records(domain)}
    return render(request, "hosting/domain_records.html", context)


_SHOWN = {GOOD: "good", WRONG: "danger", MISSING: "warn", UNKNOWN: "off"}


def _records(domain: Domain) -> dict[str, Any]:
    """Every expected record with what the last check said of it."""
    last = check.latest(domain)
    found = check.findings_of(last)
    words = {GOOD: _("Right"), WRONG: _("Wrong"), MISSING: _("Missing"), UNKNOWN: _("No answer")}
    rows = []
    for record in expected.for_domain(domain):
        finding = found.get(record.key)
        rows.append(
            {
                "title": record.title,
                "state": _SHOWN[finding.state] if finding else "off",
                "state_text": words[finding.state] if finding else _("Being looked up"),
                "finding": f"{finding.said} {finding.todo}".strip() if finding else record.why,
                "name": record.name,
                "type": record.type,
                "value": finding.suggested if finding and finding.suggested else record.shown,
                "found": "\n".join(finding.observed) if finding and finding.state == WRONG else "",
            }
        )
    good = sum(row["state"] == "good" for row in rows)
    return {"records": rows, "good": good, "total": len(rows), "all_good": good == len(rows), "last": last}


def _history(domain: Domain) -> list[dict[str, Any]]:
    """The last changes of the domain's DNS, newest first: what turned right and what broke."""
    rows = list(DomainCheck.objects.filter(domain=domain).order_by("-id")[:11])
    lines: list[dict[str, Any]] = []
    for newer, older in itertools.pairwise(rows):
        before, after = check.findings_of(older), check.findings_of(newer)
        for key, finding in after.items():
            was = before[key].state if key in before else MISSING
            if was != finding.state:
                lines.append(
                    {
                        "at": newer.first_at,
                        "title": finding.title,
                        "state": "done" if finding.state == GOOD else "failed",
                        "text": finding.said,
                    }
                )
    return lines[:10]


@require_safe
@panel
def zone_file(request: PanelRequest, name: str) -> HttpResponse:
    domain = get(request.actor, name)
    text = expected.zone_file(expected.for_domain(domain))
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{domain.name}.zone"'
    return response


@require_POST
@panel
def suspend(request: PanelRequest, name: str) -> HttpResponse:
    domain = get(request.actor, name)
    form = SuspendForm(request.POST)
    form.is_valid()
    keep = form.cleaned_data.get("keep_mail", True)
    domains.suspend(domain, actor=request.actor, reason=form.cleaned_data.get("reason", ""), keep_mail=keep)
    shown = names.shown_domain(domain.name)
    said = _("%s is suspended. Mail keeps arriving.") if keep else _("%s is suspended. Mail has to wait.")
    messages.success(request, said % shown)
    return redirect("hosting:domain", domain.name)


@require_POST
@panel
def resume(request: PanelRequest, name: str) -> HttpResponse:
    domain = get(request.actor, name)
    domains.resume(domain, actor=request.actor)
    messages.success(request, _("%s is in force again.") % names.shown_domain(domain.name))
    return redirect("hosting:domain", domain.name)
