"""`/mail/settings/accounts/`: the person, the addresses they write from, their signatures and templates."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from hosting import accounts, identities, signing_in
from hosting.actor import Actor
from hosting.errors import HostingError
from hosting.views.frame import client_ip
from webmail import own_looks
from webmail.models import Signature, Template
from webmail.own_html import own_text
from webmail.own_looks import CannotKeep, Look
from webmail.templates import VARIABLES, unknown
from webmail.views.own_pictures import take_face
from webmail.views.settings_frame import page
from webmail.visit import Visit, number, visiting


@visiting
def every(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The person and every address; POST saves all of it."""
    if request.method != "POST":
        return _page(request, visit)
    try:
        _save(request, visit)
    except CannotKeep as error:
        return _page(request, visit, errors={error.field: str(error)}, status=422)
    except HostingError as error:
        return refused(request, visit, error)
    messages.info(request, _("Settings saved."))
    return redirect("mail:settings-accounts")


def _save(request: HttpRequest, visit: Visit) -> None:
    known = {each.id for each in own_looks.signatures(visit.account)}
    asked, names = {}, {}
    for index, sender in enumerate(visit.shown_senders):
        if f"name-{index}" not in request.POST:
            continue
        if sender in visit.own_senders:
            names[sender.address] = request.POST[f"name-{index}"][:200]
        look = Look(
            request.POST.get(f"reply-{index}", "")[:320],
            number(request.POST.get(f"new-{index}", "")),
            number(request.POST.get(f"answer-{index}", "")),
        )
        asked[sender.address] = own_looks.checked(sender.address, look, known=known)
    actor = Actor(visit.account, "web mail", client_ip(request))
    if "full_name" in request.POST:
        recovery = request.POST.get("recovery_address", "").strip()[:400]
        _check_password(request, visit, recovery)
        accounts.set_own(
            visit.account,
            full_name=request.POST["full_name"],
            recovery_address=recovery,
            actor=actor,
        )
        take_face(request, visit.preferences)
    own_looks.save_looks(visit.account, asked)
    if visit.access.rights == "own" and names:
        default = request.POST.get("default", "")
        default = default if default in names else ""
        identities.change(visit.account, visit.mailspace, names=names, default=default, actor=actor)


def _check_password(request: HttpRequest, visit: Visit, recovery: str) -> None:
    """Who holds the other mailbox can get into this one: an open session alone is not enough to name it."""
    if recovery.lower() == visit.account.recovery_address.lower():
        return
    password = request.POST.get("password", "")
    if signing_in.verify(visit.account.username, password, remember=False) is None:
        sentence = _("That is not your password.") if password else _("Enter your password to change this.")
        raise CannotKeep(sentence, field="password")


def refused(request: HttpRequest, visit: Visit, error: HostingError) -> HttpResponse:
    """The page with what was said elsewhere and could not be taken."""
    return _page(request, visit, errors={error.field or "form": str(error)}, status=422)


def _page(
    request: HttpRequest, visit: Visit, *, errors: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    looks, errors, said = own_looks.looks(visit.account), errors or {}, request.POST
    signatures = own_looks.signatures(visit.account)
    rows = []
    for index, sender in enumerate(visit.shown_senders):
        look = looks.get(sender.address)
        rows.append(
            {
                "index": index,
                "address": sender.address,
                "name": said.get(f"name-{index}", sender.name),
                "is_default": sender.is_default,
                "is_outside": sender not in visit.own_senders,
                "reply_to": said.get(f"reply-{index}", look.reply_to if look else ""),
                "new": look.signature_new_id if look else None,
                "answer": look.signature_answer_id if look else None,
                "error": errors.get(sender.address, ""),
            }
        )
    context: dict[str, Any] = {
        "senders": rows,
        "signatures": signatures,
        "templates": own_looks.templates(visit.account),
        "may_name": visit.access.rights == "own",
        "full_name": said.get("full_name", visit.account.full_name),
        "recovery_address": said.get("recovery_address", visit.account.recovery_address),
        "recovery_error": errors.get("recovery_address", ""),
        "password_error": errors.get("password", ""),
        "has_face": bool(visit.preferences.face),
        "form_error": errors.get("form", ""),
    }
    return page(request, visit, "accounts", "webmail/settings_accounts.html", context, status=status)


@visiting
def signature(request: HttpRequest, visit: Visit, signature: int = 0) -> HttpResponse:
    """One signature, or a new one."""
    found = Signature.objects.filter(account=visit.account, pk=signature).first() if signature else None
    if signature and found is None:
        raise Http404
    if request.method != "POST":
        return _editor(request, visit, "signature", found)
    html = _html(request)
    try:
        kept = own_looks.save_signature(visit.account, found, name=request.POST.get("name", ""), html=html)
    except CannotKeep as error:
        return _editor(request, visit, "signature", found, html=html, error=str(error))
    addresses = [each.address for each in visit.shown_senders]
    if found is None and addresses and own_looks.choose_first(visit.account, kept, addresses):
        messages.info(
            request, _("Signature saved. It is chosen for new messages and answers from all your addresses.")
        )
    else:
        messages.info(request, _("Signature saved."))
    return redirect("mail:settings-accounts")


@visiting
def template(request: HttpRequest, visit: Visit, template: int = 0) -> HttpResponse:
    """One template, or a new one; words in braces that mean nothing are named."""
    found = Template.objects.filter(account=visit.account, pk=template).first() if template else None
    if template and found is None:
        raise Http404
    if request.method != "POST":
        return _editor(request, visit, "template", found)
    html, subject = _html(request), request.POST.get("subject", "")
    try:
        own_looks.save_template(
            visit.account, found, name=request.POST.get("name", ""), subject=subject, html=html
        )
    except CannotKeep as error:
        return _editor(request, visit, "template", found, html=html, error=str(error))
    messages.info(request, _("Template saved."))
    if odd := unknown(f"{subject} {html}"):
        words = ", ".join(f"{{{each}}}" for each in odd)
        messages.warning(request, _("Nothing is known by the name %s: it stays as it is written.") % words)
    return redirect("mail:settings-accounts")


@require_POST
@visiting
def remove(
    request: HttpRequest, visit: Visit, kind: str, signature: int = 0, template: int = 0
) -> HttpResponse:
    """Remove a signature or a template."""
    rows = (Signature if kind == "signature" else Template).objects.filter(account=visit.account)
    removed, _rows = rows.filter(pk=signature or template).delete()
    if not removed:
        raise Http404
    messages.info(request, _("Removed."))
    return redirect("mail:settings-accounts")


def _html(request: HttpRequest) -> str:
    return own_looks.written(request.POST.get("html") or None, request.POST.get("text", ""))


def _editor(
    request: HttpRequest,
    visit: Visit,
    kind: str,
    found: Signature | Template | None,
    *,
    html: str | None = None,
    error: str = "",
) -> HttpResponse:
    html = html if html is not None else found.html if found else ""
    is_signature = kind == "signature"
    shown = own_looks.signature_form(visit.account, html) if is_signature else own_looks.editor_form(html)
    context = {
        "kind": kind,
        "found": found,
        "name": request.POST.get("name", found.name if found else ""),
        "subject": request.POST.get("subject", getattr(found, "subject", "")),
        "html": shown,
        "text": own_text(shown),
        "error": error,
        "variables": list(VARIABLES.items()) if kind == "template" else (),
    }
    return page(request, visit, kind, "webmail/settings_editor.html", context, status=422 if error else 200)
