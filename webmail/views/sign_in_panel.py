"""The panel that asks for the password over a page whose session has ended: `/sign-in/`.

Its script (static/js/signin.js) puts it there, and goes on with what was to be done. The answer names who has signed
in: a page of somebody else must never be shown to them. Nothing here needs a session, and nothing tells who had one.
"""

from __future__ import annotations

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from hosting import signing_in
from hosting.access import mailspaces_for
from hosting.forms import SignInForm
from webmail.visit import CHOSEN, begin, number


@sensitive_post_parameters("password")
@never_cache
@ensure_csrf_cookie
@require_http_methods(["GET", "POST"])
def sign_in_panel(request: HttpRequest) -> HttpResponse:
    """The dialog, or what came of its form."""
    if request.method == "GET":
        return render(request, "webmail/sign_in_panel.html")
    form = SignInForm(request.POST)
    account = None
    if form.is_valid():
        given = form.cleaned_data
        account = signing_in.verify(given["username"], given["password"], remember=False)
    if account is None:
        text = _("Name and password do not belong together, or the account is suspended.")
        return JsonResponse({"text": text}, status=400)
    login(request, account, backend="hosting.backends.Accounts")  # rotates the keys of session and forms
    every = mailspaces_for(account)
    shown = number(request.POST.get("mailspace", ""))
    if any(each.mailspace == shown for each in every):
        request.session[CHOSEN] = shown  # of several mailboxes, the one that the page shows
    visit = begin(request) if every else None
    return JsonResponse({"account": visit.mark if visit else "", "token": get_token(request)})
