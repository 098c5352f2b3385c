"""Resellers and customers: list, add, look at, limit, suspend."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hosting import access, accounts, pools, tenants
from hosting.forms import LimitsForm, SuspendForm, TenantForm, quota_text
from hosting.models import Role, Tenant
from hosting.paging import page
from hosting.views.frame import PanelRequest, attempt, panel, show


@require_safe
@panel
def listing(request: PanelRequest) -> HttpResponse:
    actor = request.actor
    own = list(access.standing(request.user).tenants)
    rows = access.tenants_for(actor).exclude(pk__in=own).select_related("parent")
    words = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    if words:
        rows = rows.filter(Q(name__icontains=words) | Q(reference__icontains=words))
    if request.GET.get("state") == "suspended":
        rows = rows.filter(is_open=False)
    shown = page(rows, request.GET, by=("name", "id"))
    _count(shown.rows)
    return show(
        request,
        "tenants.html",
        here="tenants",
        title=_("Customers"),
        page=shown,
        own=own,
        may_add=_parents(request).exists(),
        words=words,
        only_suspended=request.GET.get("state") == "suspended",
    )


def _count(rows: list[Tenant]) -> None:
    """How many domains and accounts each of a page's tenants holds itself: two queries for all."""
    ids = [row.pk for row in rows]
    for attribute, relation in (("own_domains", "domains"), ("own_accounts", "accounts")):
        counted = dict(Tenant.objects.filter(pk__in=ids).annotate(n=Count(relation)).values_list("pk", "n"))
        for row in rows:
            setattr(row, attribute, counted.get(row.pk, 0))


def _parents(request: PanelRequest):  # type: ignore[no-untyped-def]
    """Tenants this person may add customers to."""
    return access.tenants_for(request.actor, access.TENANT_ADD).exclude(kind=Tenant.CUSTOMER)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@panel
def add(request: PanelRequest) -> HttpResponse:
    """Below the person's own tenant, or below the reseller named by `?below=`."""
    own = list(access.standing(request.user).tenants)
    below = request.GET.get("below", "")
    which = {"pk": int(below)} if below.isdecimal() and len(below) < 18 else {"pk__in": own}
    parent = access.find(_parents(request), **which)
    form = TenantForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        tenant = attempt(form, lambda: _add(request, form, parent))
        if tenant is not None:
            messages.success(request, _("%s is added.") % tenant.name)
            return redirect("hosting:tenant", tenant.pk)
    return show(
        request,
        "tenant_add.html",
        here="tenants",
        title=_("Add a customer"),
        form=form,
        parent=parent,
        status=422 if form.errors else 200,
    )


def _add(request: PanelRequest, form: TenantForm, parent: Tenant) -> Tenant:
    given = form.cleaned_data
    with transaction.atomic():
        tenant = tenants.add(
            parent=parent,
            kind=given["kind"],
            name=given["name"],
            actor=request.actor,
            max_domains=given["max_domains"] or 0,
            max_accounts=given["max_accounts"] or 0,
            max_quota_bytes=given["storage"] or 0,
        )
        if given["username"]:
            accounts.add_staff(
                given["username"],
                tenant=tenant,
                kind=Role.OWNER,
                password=given["password"],
                actor=request.actor,
            )
        return tenant


@require_http_methods(["GET", "HEAD", "POST"])
@panel
def detail(request: PanelRequest, tenant_id: int) -> HttpResponse:
    """What a tenant has, and its limits, which only those above it change."""
    actor = request.actor
    tenant = access.find(access.tenants_for(actor).select_related("plan", "parent"), pk=tenant_id)
    above = tenant.parent is not None and access.may(actor, access.TENANT_EDIT, tenant.parent)
    initial = {
        "max_domains": tenant.max_domains or None,
        "max_accounts": tenant.max_accounts or None,
        "storage": quota_text(tenant.max_quota_bytes),
    }
    form = LimitsForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        attempt(
            form,
            lambda: tenants.set_limits(
                tenant,
                max_domains=given["max_domains"] or 0,
                max_accounts=given["max_accounts"] or 0,
                max_quota_bytes=given["storage"] or 0,
                actor=actor,
            ),
        )
        if not form.errors:
            messages.success(request, _("The limits of %s are changed.") % tenant.name)
            return redirect("hosting:tenant", tenant.pk)
    return show(
        request,
        "tenant.html",
        here="tenants",
        title=tenant.name,
        tenant=tenant,
        pool=pools.pool(tenant),
        form=form,
        above=above,
        suspend_form=SuspendForm(),
        may_add_below=tenant.kind != Tenant.CUSTOMER and access.may(actor, access.TENANT_ADD, tenant),
        may_add_domain=access.may(actor, access.DOMAIN_ADD, tenant),
        domains=access.domains_for(actor)
        .select_related("tenant")
        .filter(tenant=tenant)
        .order_by("name")[:20],
        children=access.tenants_for(actor).filter(parent=tenant).order_by("name")[:20],
        staff=Role.objects.filter(tenant=tenant).select_related("account").order_by("account__username")[:20],
        status=422 if form.errors else 200,
    )


@require_POST
@panel
def suspend(request: PanelRequest, tenant_id: int) -> HttpResponse:
    tenant = access.find(access.tenants_for(request.actor), pk=tenant_id)
    form = SuspendForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    tenants.suspend(tenant, actor=request.actor, reason=reason)
    messages.success(request, _("%s is suspended. Mail keeps arriving.") % tenant.name)
    return redirect("hosting:tenant", tenant.pk)


@require_POST
@panel
def resume(request: PanelRequest, tenant_id: int) -> HttpResponse:
    tenant = access.find(access.tenants_for(request.actor), pk=tenant_id)
    tenants.resume(tenant, actor=request.actor)
    messages.success(request, _("%s may sign in again.") % tenant.name)
    return redirect("hosting:tenant", tenant.pk)
