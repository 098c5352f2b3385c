"""Accounts: list, add, look at, change, suspend, set a password."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hosting import access, accounts, host, names
from hosting.actor import Actor
from hosting.forms import AccountEditForm, AccountForm, PasswordForm, Pop3Form, SuspendForm, quota_text
from hosting.models import Account, Address, Domain, Role
from hosting.paging import page
from hosting.views.domains import records_right, wizard
from hosting.views.frame import PanelRequest, attempt, panel, show
from hosting.views.overview import account_matches
from mta.mailstore import service as mailstore

MOST_DOMAINS = 500  # in the choice of a form


@require_safe
@panel
def listing(request: PanelRequest) -> HttpResponse:
    actor = request.actor
    rows = access.accounts_for(actor).select_related("domain", "tenant")
    words = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    state, of = request.GET.get("state", ""), request.GET.get("domain", "").lower()
    domain = access.find(access.domains_for(actor), name=of) if of else None
    if domain:
        rows = rows.filter(domain=domain)
    if words:
        rows = rows.filter(account_matches(words))
    if state in (Account.ACTIVE, Account.SUSPENDED):
        rows = rows.filter(state=state)
    shown = page(rows, request.GET, by=("username",))
    _add_usage(shown.rows)
    return show(
        request,
        "accounts.html",
        here="accounts",
        title=_("Accounts"),
        page=shown,
        words=words,
        state=state,
        domain=domain,
        may_add=access.domains_for(actor, access.ACCOUNT_ADD).exists(),
    )


def _add_usage(rows: list[Account]) -> None:
    spaces = [row.mailspace for row in rows if row.mailspace is not None]
    usages = mailstore.usages(spaces)
    for row in rows:
        usage = usages.get(row.mailspace) if row.mailspace is not None else None
        row.used_bytes = usage.used if usage else 0  # type: ignore[attr-defined]


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@panel
def add(request: PanelRequest) -> HttpResponse:
    reach = access.domains_for(request.actor, access.ACCOUNT_ADD).filter(alias_of=None).order_by("name")
    choices = [
        (name, f"@{names.shown_domain(name)}") for name in reach.values_list("name", flat=True)[:MOST_DOMAINS]
    ]
    domain = _meant(request, reach)
    if domain is None:  # several, of several customers perhaps: none of them is a likely guess
        choices.insert(0, ("", _("Choose a domain")))
    elif domain.name not in dict(choices):
        choices.append((domain.name, f"@{names.shown_domain(domain.name)}"))
    form = AccountForm(request.POST or None, initial={"domain": domain.name if domain else ""})
    form.fields["domain"].choices = choices  # type: ignore[attr-defined]
    if request.method == "POST" and form.is_valid():
        account = attempt(form, lambda: _add(request.actor, form.cleaned_data))
        if account is not None:
            messages.success(request, _("%s is added.") % names.shown_address(account.username))
            return redirect("hosting:account", account.pk)
    return show(
        request,
        "account_add.html",
        here="accounts",
        title=_("Add an account"),
        form=form,
        steps=_steps(domain),
        status=422 if form.errors else 200,
    )


def _meant(request: PanelRequest, reach: QuerySet[Domain]) -> Domain | None:
    """The domain the address names, else the only one there is."""
    of = request.GET.get("domain", "").lower()
    first = access.find(reach, name=of) if of else access.find(reach)
    return first if of or reach.count() == 1 else None


def _steps(domain: Domain | None) -> list[dict[str, str]]:
    if domain is None or domain.accounts.exists():
        return []
    return wizard(2, records_right=records_right(domain))


def _add(actor: Actor, given: dict[str, Any]) -> Account:
    domain = access.find(access.domains_for(actor, access.ACCOUNT_ADD), name=given["domain"])
    return accounts.add(
        domain,
        given["local_part"],
        password=given["password"],
        actor=actor,
        full_name=given["full_name"],
        quota_bytes=given["quota"],
    )


def _get(actor: Actor, account_id: int) -> Account:
    return access.find(access.accounts_for(actor).select_related("tenant", "domain"), pk=account_id)


@require_http_methods(["GET", "HEAD", "POST"])
@panel
def detail(request: PanelRequest, account_id: int) -> HttpResponse:
    """One account; a POST changes its name and storage."""
    account = _get(request.actor, account_id)
    form = _edit_form(account, request.POST or None)
    if request.method == "POST" and form.is_valid():
        attempt(form, lambda: _edit(account, form.cleaned_data, request.actor))
        if not form.errors:
            messages.success(request, _("%s is changed.") % names.shown_address(account.username))
            return redirect("hosting:account", account.pk)
    return _show(request, account, form=form)


def _edit_form(account: Account, posted: Any = None) -> AccountEditForm:
    initial = {"full_name": account.full_name, "quota": quota_text(account.quota_bytes)}
    form = AccountEditForm(posted, initial=initial)
    if account.mailspace is None:
        del form.fields["quota"]
    return form


def _edit(account: Account, given: dict[str, Any], actor: Actor) -> None:
    if given["full_name"] != account.full_name:
        accounts.set_name(account, given["full_name"], actor=actor)
    quota = given.get("quota") or 0
    if account.mailspace is not None and quota != account.quota_bytes:
        accounts.set_quota(account, quota, actor=actor)


def _show(
    request: PanelRequest,
    account: Account,
    *,
    form: AccountEditForm | None = None,
    password_form: PasswordForm | None = None,
    pop3_form: Pop3Form | None = None,
) -> HttpResponse:
    """The page of an account, with the form that could not be taken as it was sent."""
    actor = request.actor
    aliases = Address.objects.filter(targets__account=account, account__isnull=True).select_related("domain")
    return show(
        request,
        "account.html",
        here="accounts",
        title=account.full_name or names.shown_address(account.username),
        account=account,
        form=form or _edit_form(account),
        password_form=password_form or PasswordForm(),
        pop3_form=(pop3_form or Pop3Form.of(account)) if _has_pop3(account) else None,
        suspend_form=SuspendForm(),
        usage=mailstore.usage(account.mailspace) if account.mailspace else None,
        aliases=[names.shown_address(str(each)) for each in aliases[:50]],
        roles=Role.objects.filter(account=account).select_related("tenant", "domain"),
        may_edit=access.may(actor, access.ACCOUNT_EDIT, account),
        may_suspend=access.may(actor, access.ACCOUNT_SUSPEND, account) and account.pk != request.user.pk,
        may_set_password=access.may(actor, access.ACCOUNT_PASSWORD, account),
        servers=_servers() if account.mailspace else [],
        status=422
        if any(each is not None and each.errors for each in (form, password_form, pop3_form))
        else 200,
    )


def _has_pop3(account: Account) -> bool:
    return account.mailspace is not None and bool(settings.POP3_LISTEN or settings.POP3S_LISTEN)


def _servers() -> list[dict[str, Any]]:
    """What a mail program is told: only doors that are open."""
    name = host.name()
    doors = (
        (_("Incoming mail (IMAP)"), settings.IMAPS_LISTEN, _("TLS")),
        (_("Incoming mail (POP3)"), settings.POP3S_LISTEN, _("TLS")),
        (_("Outgoing mail (SMTP)"), settings.SUBMISSIONS_LISTEN, _("TLS")),
    )
    return [
        {"title": title, "host": name, "port": listen[0][1], "security": security}
        for title, listen, security in doors
        if listen
    ]


@sensitive_post_parameters("password")
@require_POST
@panel
def set_password(request: PanelRequest, account_id: int) -> HttpResponse:
    account = _get(request.actor, account_id)
    form = PasswordForm(request.POST)
    if form.is_valid():
        attempt(
            form, lambda: accounts.set_password(account, form.cleaned_data["password"], actor=request.actor)
        )
    if form.errors:
        return _show(request, account, password_form=form)
    if account.pk == request.user.pk:
        update_session_auth_hash(request, account)  # oneself stays signed in; every other session ends
    messages.success(request, _("The password is changed. Sessions elsewhere have ended."))
    return redirect("hosting:account", account.pk)


@require_POST
@panel
def set_pop3(request: PanelRequest, account_id: int) -> HttpResponse:
    account = _get(request.actor, account_id)
    form = Pop3Form.of(account, request.POST)
    if form.is_valid():
        attempt(form, lambda: accounts.set_maildrop(account, form.options(), actor=request.actor))
    if form.errors:
        return _show(request, account, pop3_form=form)
    messages.success(request, _("POP3 for %s is changed.") % names.shown_address(account.username))
    return redirect("hosting:account", account.pk)


@require_POST
@panel
def suspend(request: PanelRequest, account_id: int) -> HttpResponse:
    account = _get(request.actor, account_id)
    form = SuspendForm(request.POST)
    form.is_valid()
    keep = form.cleaned_data.get("keep_mail", True)
    accounts.suspend(account, actor=request.actor, reason=form.cleaned_data.get("reason", ""), keep_mail=keep)
    shown = names.shown_address(account.username)
    said = _("%s is suspended. Mail keeps arriving.") if keep else _("%s is suspended. Mail has to wait.")
    messages.success(request, said % shown)
    return redirect("hosting:account", account.pk)


@require_POST
@panel
def resume(request: PanelRequest, account_id: int) -> HttpResponse:
    account = _get(request.actor, account_id)
    accounts.resume(account, actor=request.actor)
    messages.success(request, _("%s may sign in again.") % names.shown_address(account.username))
    return redirect("hosting:account", account.pk)
