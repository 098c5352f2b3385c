"""Aliases and the catch-all of one domain."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from hosting import access, aliases, domains, names
from hosting.errors import BadName
from hosting.forms import AliasForm, CatchAllForm
from hosting.models import Address, Domain
from hosting.paging import page
from hosting.views.domains import frame, get
from hosting.views.frame import PanelRequest, attempt, panel, show


@require_http_methods(["GET", "HEAD", "POST"])
@panel
def listing(request: PanelRequest, name: str) -> HttpResponse:
    """The aliases, a form for one more, and the catch-all. A POST adds an alias."""
    domain = get(request.actor, name)
    form = AliasForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        targets = aliases.parse_targets(given["targets"])
        alias = attempt(
            form,
            lambda: aliases.add(domain, given["local_part"], targets=targets, actor=request.actor),
        )
        if alias is not None:
            messages.success(request, _("%s is added.") % names.shown_address(str(alias)))
            return redirect("hosting:aliases", domain.name)
    return _show(request, domain, form=form, catch_all_form=None)


def _show(
    request: PanelRequest, domain: Domain, *, form: AliasForm, catch_all_form: CatchAllForm | None
) -> HttpResponse:
    rows = (
        aliases.plain(access.addresses_for(request.actor))
        .filter(domain=domain)
        .select_related("domain")
        .prefetch_related("targets__account")
    )
    current = str(domain.catch_all) if domain.catch_all else ""
    return show(
        request,
        "aliases.html",
        **frame(request, domain, tab="aliases"),
        page=page(rows, request.GET, by=("local_part",)),
        form=form,
        catch_all_form=catch_all_form or CatchAllForm(initial={"catch_all": current}),
        may_set_catch_all=access.may(request.actor, access.DOMAIN_EDIT, domain),
        status=422 if form.errors or (catch_all_form and catch_all_form.errors) else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@panel
def edit(request: PanelRequest, name: str, address_id: int) -> HttpResponse:
    domain = get(request.actor, name)
    alias = _alias(request, domain, address_id)
    initial = {"local_part": alias.local_part, "targets": "\n".join(aliases.targets_of(alias))}
    form = AliasForm(request.POST or None, initial=initial)
    del form.fields["local_part"]
    if request.method == "POST" and form.is_valid():
        targets = aliases.parse_targets(form.cleaned_data["targets"])
        attempt(form, lambda: aliases.set_targets(alias, targets=targets, actor=request.actor))
        if not form.errors:
            messages.success(request, _("%s leads elsewhere now.") % names.shown_address(str(alias)))
            return redirect("hosting:aliases", domain.name)
    context = frame(request, domain, tab="aliases") | {"title": names.shown_address(str(alias))}
    return show(request, "alias.html", **context, alias=alias, form=form, status=422 if form.errors else 200)


@require_POST
@panel
def remove(request: PanelRequest, name: str, address_id: int) -> HttpResponse:
    domain = get(request.actor, name)
    alias = _alias(request, domain, address_id)
    shown = names.shown_address(str(alias))
    aliases.remove(alias, actor=request.actor)
    messages.success(request, _("%s is removed.") % shown)
    return redirect("hosting:aliases", domain.name)


@require_POST
@panel
def set_catch_all(request: PanelRequest, name: str) -> HttpResponse:
    domain = get(request.actor, name)
    form = CatchAllForm(request.POST)
    if form.is_valid():
        attempt(form, lambda: _set(request, domain, form.cleaned_data["catch_all"]))
    if form.errors:
        return _show(request, domain, form=AliasForm(), catch_all_form=form)
    messages.success(request, _("The catch-all is changed."))
    return redirect("hosting:aliases", domain.name)


def _set(request: PanelRequest, domain: Domain, wanted: str) -> None:
    address = None
    if wanted:
        local, at, there = wanted.strip().lower().rpartition("@")
        local = local if at else there  # "ann" alone means ann@ this domain
        address = Address.objects.filter(domain=domain, local_part=local).first()
        if address is None or (at and names.domain_name(there) != domain.name):
            raise BadName(_("There is no such address in this domain."), field="catch_all")
    domains.set_catch_all(domain, address, actor=request.actor)


def _alias(request: PanelRequest, domain: Domain, address_id: int) -> Address:
    found = access.addresses_for(request.actor).select_related("domain")
    return access.find(aliases.plain(found), domain=domain, pk=address_id)
