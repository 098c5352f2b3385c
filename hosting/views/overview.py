"""The panel's first page, and the search field of its top bar."""

from __future__ import annotations

import contextlib
from typing import Any

from django.db.models import F, Q, Sum
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from hosting import access, names, pools
from hosting.actor import Actor
from hosting.models import Domain, Tenant
from hosting.views.frame import PanelRequest, panel, show

MOST = 8  # lines of each "needs attention" list


@require_safe
@panel
def overview(request: PanelRequest) -> HttpResponse:
    actor = request.actor
    counts = _counts(actor)
    return show(
        request,
        "overview.html",
        here="overview",
        title=_("Overview"),
        lead=_lead(actor),
        tiles=_tiles(actor, counts),
        attention=_attention(actor),
        calm=_calm(counts),
        steps=_steps(actor, counts),
        may_add_domain=_may_add_domain(actor),
    )


def _counts(actor: Actor) -> dict[str, int]:
    accounts = access.accounts_for(actor).filter(mailspace__isnull=False)
    return {
        "tenants": access.tenants_for(actor).exclude(pk__in=_own(actor)).count(),
        "domains": access.domains_for(actor).count(),
        "verified": access.domains_for(actor).filter(dns_total__gt=0, dns_good=F("dns_total")).count(),
        "unchecked": access.domains_for(actor).filter(dns_total=0).count(),
        "accounts": accounts.count(),
        "quota": accounts.aggregate(all=Sum("quota_bytes"))["all"] or 0,
    }


def _own(actor: Actor) -> list[int]:
    return list(access.standing(actor.account).tenants) if actor.account else []


def _home(actor: Actor) -> Tenant | None:
    """The one tenant this person works for, whose pool is shown."""
    own = _own(actor)
    return Tenant.objects.select_related("plan").filter(pk=own[0]).first() if len(own) == 1 else None


def _lead(actor: Actor) -> str:
    home = _home(actor)
    return home.name if home else ""


def _tiles(actor: Actor, counts: dict[str, int]) -> list[dict[str, Any]]:
    home = _home(actor)
    domains, accounts, quota = pools.limits(home) if home else (0, 0, 0)
    tiles = []
    if access.may_have_customers(actor):
        tiles.append({"label": _("Customers"), "value": counts["tenants"], "url": reverse("hosting:tenants")})
    tiles.append(_tile(_("Domains"), counts["domains"], domains) | {"url": reverse("hosting:domains")})
    tiles.append(_tile(_("Accounts"), counts["accounts"], accounts) | {"url": reverse("hosting:accounts")})
    tiles.append(_tile(_("Storage given out"), counts["quota"], quota) | {"bytes": True})
    return tiles


def _tile(label: str, value: int, most: int) -> dict[str, Any]:
    return {"label": label, "value": value, "most": most}


def _attention(actor: Actor) -> list[dict[str, Any]]:
    """What somebody should look at, most pressing first; each with where to do so."""
    found: list[dict[str, Any]] = []
    domains = access.domains_for(actor)
    for domain in domains.filter(state=Domain.PENDING).order_by("name")[:MOST]:
        found.append(_line(domain, "info", _("Waits for its MX record")))
    broken = domains.filter(state=Domain.ACTIVE, dns_total__gt=0, dns_good__lt=F("dns_total"))
    for domain in broken.order_by("name")[:MOST]:
        wrong = domain.dns_total - domain.dns_good
        said = ngettext("%d record is not right", "%d records are not right", wrong) % wrong
        found.append(_line(domain, "warn", said))
    for domain in domains.filter(state=Domain.SUSPENDED).order_by("name")[:MOST]:
        found.append(_line(domain, "danger", _("Suspended")))
    for tenant in access.tenants_for(actor).filter(state=Tenant.SUSPENDED).order_by("name")[:MOST]:
        url = reverse("hosting:tenant", args=[tenant.pk])
        found.append({"name": tenant.name, "state": "danger", "said": _("Suspended"), "url": url})
    return found


def _calm(counts: dict[str, int]) -> str:
    """What is said where nothing needs attention: no more than is known."""
    unchecked = counts["unchecked"]
    if not counts["domains"]:
        return _("Nothing. There is no domain yet.")
    if unchecked == counts["domains"]:
        return _("Nothing is known yet: the DNS records were not checked so far.")
    if unchecked:
        said = ngettext("%d domain was not checked yet.", "%d domains were not checked yet.", unchecked)
        return _("Nothing so far.") + " " + said % unchecked
    return _("Nothing. Every domain that was checked is as mail needs it.")


def _line(domain: Domain, state: str, said: str) -> dict[str, Any]:
    url = reverse("hosting:domain", args=[domain.name])
    return {"name": names.shown_domain(domain.name), "state": state, "said": said, "url": url}


def _steps(actor: Actor, counts: dict[str, int]) -> list[dict[str, Any]]:
    """The way from an empty panel to mail; gone once it has been walked."""
    if (counts["verified"] and counts["accounts"]) or not _may_add_domain(actor):
        return []
    first = access.domains_for(actor).order_by("id").first()
    walk = [
        (_("Add a domain"), counts["domains"], reverse("hosting:domain_add")),
        (
            _("Publish its records"),
            counts["verified"],
            reverse("hosting:domain", args=[first.name]) if first else "",
        ),
        (_("Add an account"), counts["accounts"], reverse("hosting:account_add") if first else ""),
    ]
    steps: list[dict[str, Any]] = []
    for title, done, url in walk:
        waiting = any(step["state"] != "done" for step in steps)
        state = "done" if done else "todo" if waiting else "current"
        steps.append({"title": title, "state": state, "url": "" if done else url})
    return steps


def _may_add_domain(actor: Actor) -> bool:
    return actor.account is not None and bool(access.standing(actor.account).tenants_with(access.DOMAIN_ADD))


@require_safe
@panel
def find(request: PanelRequest) -> HttpResponse:
    """Domains, accounts and customers that carry the words; the same as their lists would find."""
    words = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    found = _found(request.actor, words) if words else {}
    return show(request, "find.html", here="", title=_("Found"), words=words, **found)


def _found(actor: Actor, words: str) -> dict[str, Any]:
    return {
        "domains": list(access.domains_for(actor).filter(domain_matches(words)).order_by("name")[:20]),
        "accounts": list(access.accounts_for(actor).filter(account_matches(words)).order_by("username")[:20]),
        "tenants": list(access.tenants_for(actor).filter(name__icontains=words).order_by("name")[:20]),
    }


def domain_matches(words: str) -> Q:
    """A domain's stored name, or its Unicode form as typed."""
    matches = Q(name__icontains=words)
    with contextlib.suppress(UnicodeError):
        matches |= Q(name__icontains=words.lower().encode("idna").decode())
    return matches


def account_matches(words: str) -> Q:
    return Q(username__icontains=words.lower()) | Q(full_name__icontains=words)
