"""Other names of a domain (domain aliases): each with records and keys of its own, none with addresses."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from hosting import access, domains, names
from hosting.forms import DomainAliasForm
from hosting.paging import page
from hosting.views.domains import frame, get
from hosting.views.frame import PanelRequest, attempt, panel, show


@require_http_methods(["GET", "HEAD", "POST"])
@panel
def listing(request: PanelRequest, name: str) -> HttpResponse:
    """The other names, and a form for one more. A POST adds it."""
    domain = get(request.actor, name)
    form = DomainAliasForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data["name"]
        made = attempt(
            form,
            lambda: domains.add(wanted, tenant=domain.tenant, alias_of=domain, actor=request.actor),
        )
        if made is not None:
            messages.success(request, _("%s is added.") % names.shown_domain(made.name))
            return redirect("hosting:domain", made.name)
    rows = access.domains_for(request.actor).filter(alias_of=domain).select_related("tenant")
    return show(
        request,
        "names.html",
        **frame(request, domain, tab="names"),
        page=page(rows, request.GET, by=("name",)),
        form=form,
        may_add=access.may(request.actor, access.DOMAIN_ADD, domain.tenant),
        status=422 if form.errors else 200,
    )


@require_POST
@panel
def remove(request: PanelRequest, name: str) -> HttpResponse:
    """Of the alias itself: `name` is the one that goes."""
    alias = get(request.actor, name)
    main = alias.alias_of
    domains.remove_alias(alias, actor=request.actor)
    messages.success(request, _("%s is removed.") % names.shown_domain(alias.name))
    return redirect("hosting:names", main.name) if main else redirect("hosting:domains")
