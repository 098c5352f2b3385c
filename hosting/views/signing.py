"""Signing in and out: `/` shows the form; whoever is signed in is sent where they work."""

from __future__ import annotations

from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from hosting import access, first_run, host, signing_in
from hosting.forms import SignInForm
from hosting.models import Account
from hosting.views.frame import mail_url


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if request.method != "POST" and request.user.is_authenticated:
        return redirect(_destination(request, request.user, wanted))
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        account = signing_in.verify(given["username"], given["password"], remember=False)
        if account is not None:
            login(request, account, backend="hosting.backends.Accounts")  # rotates the session's key
            return redirect(_destination(request, account, wanted))
        form.add_error(None, _("Name and password do not belong together, or the account is suspended."))
        form.ask_again()
    context = {
        "form": form,
        "next": wanted,
        "hostname": host.name(),
        "first_run": not form.is_bound and first_run.is_needed(),
    }
    return render(request, "hosting/sign_in.html", context, status=422 if form.errors else 200)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponseRedirect:
    logout(request)
    return redirect("hosting:sign_in")


def _destination(request: HttpRequest, account: object, wanted: str) -> str:
    """Where they wanted to go if that is on this host; else the panel for those with a role, else mail."""
    if wanted and url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return wanted
    if isinstance(account, Account) and access.standing(account):
        return reverse("hosting:overview")
    return mail_url()
