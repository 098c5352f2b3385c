"""The quarantine: `/mail/quarantine/` for whose mail is held, `/quarantine/<token>/` for who comes from the daily mail.

The second needs no sign-in: the link names one message and was sent to its mailbox. A GET changes nothing (mail programs
and scanners follow links by themselves); but for its owner, signed in here, the click in the mail is the only one.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mta.filters.service import CannotFilter
from mta.flow import quarantine
from mta.flow.quarantine import NotReleased
from mta.mailstore import service as mailstore
from mta.mailstore.service import Held
from mta.values import Cause
from webmail import digest
from webmail.visit import NoMailbox, Visit, begin, show, visiting

PAGE = 50
WORDS = ("release", "allow", "block", "delete")


@require_GET
@visiting
def held(request: HttpRequest, visit: Visit) -> HttpResponse:
    """What is held, newest first."""
    before = _key(request.GET.get("before", ""))
    found = mailstore.held([visit.mailspace], before=before, limit=PAGE + 1)
    older = "{}.{}".format(*found[PAGE - 1].key) if len(found) > PAGE else ""
    return show(
        request,
        visit,
        "webmail/held.html",
        {
            "cards": [card(each) for each in found[:PAGE]],
            "older_url": f"?before={older}" if older else "",
            "first_page": before is None,
            "keep_days": mailstore.KEEP_DAYS,
            "quarantine_current": True,
            "title": f"{_('Quarantine')} - {visit.address} - Mailstead",
        },
    )


@require_POST
@visiting
def change(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Release, allow, block or delete one message; or delete all that is held."""
    visit.require_organise()
    if request.POST.get("do") == "empty":
        gone = 0
        while found := mailstore.held([visit.mailspace], limit=100):
            ids = [each.message for each in found]
            gone += mailstore.throw_away(visit.mailspace, ids, cause=visit.cause).messages
        messages.info(request, ngettext("%d message was deleted.", "%d messages were deleted.", gone) % gone)
        return redirect("mail:quarantine")
    named = request.POST.get("message", "")
    about = quarantine.one(visit.mailspace, int(named)) if named.isdecimal() and len(named) < 19 else None
    if about is None:
        raise Http404(_("That message is no longer held."))
    try:
        said = act(visit.mailspace, about, request.POST.get("do", ""), visit.cause)
    except (NotReleased, CannotFilter) as refused:
        messages.error(request, str(refused))
    else:
        messages.info(request, said)
    return redirect("mail:quarantine")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def from_mail(request: HttpRequest, token: str) -> HttpResponse:
    """A held message, from the link in the daily mail; `?do=` is what the link was for."""
    try:
        mailspace, message = digest.read_token(token)
    except signing.BadSignature:
        return _desk(request, {"gone": _("This link is too old, or was cut off.")}, status=404)
    about = quarantine.one(mailspace, message)
    if about is None:
        return _desk(request, {"gone": _("The message is no longer held.")}, status=404)
    owner = _is_owner(request, mailspace)
    context: dict[str, Any] = {
        "card": card(about),
        "do": _word(request.GET.get("do", ""), about),
        "owner": owner,
    }
    if request.method == "POST":
        do = request.POST.get("do", "")
        cause = Cause("web", session=_("the daily mail about the quarantine"))
        try:
            if do in ("allow", "block") and not owner:
                raise NotReleased(_("Sign in first: that is about further mail, too."))
            context["said"] = act(mailspace, about, do, cause)
        except (NotReleased, CannotFilter) as refused:
            context["refused"] = str(refused)
    elif context["do"]:
        context["go"] = owner
    return _desk(request, context)


def _is_owner(request: HttpRequest, mailspace: int) -> bool:
    """Whoever has the link may settle this one message; only its owner, signed in, what comes later, too."""
    try:
        visit = begin(request)
    except NoMailbox:
        return False
    return visit is not None and visit.mailspace == mailspace and visit.may_organise


def _desk(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    response = render(request, "webmail/held_from_mail.html", context, status=status)
    response["Referrer-Policy"] = "no-referrer"  # the address is the secret
    return response


def act(mailspace: int, about: Held, do: str, cause: Cause) -> str:
    """Do it; what to say of it."""
    names = {"sender": about.sender or _("its sender")}
    match do:
        case "release":
            quarantine.release(mailspace, [about.message], cause=cause)
            return _("It is in the Inbox now.")
        case "allow":
            quarantine.allow(mailspace, about, cause=cause)
            return _("It is in the Inbox now, and mail from %(sender)s is no longer called spam.") % names
        case "block":
            quarantine.block(mailspace, about, cause=cause)
            return _("It is gone, and further mail from %(sender)s goes to Spam.") % names
        case "delete":
            mailstore.throw_away(mailspace, [about.message], cause=cause)
            return _("It is gone.")
    raise NotReleased(_("Nothing was chosen."))


def card(about: Held) -> dict[str, Any]:
    """A held message as the pages show it, with what may be done about it."""
    kind = quarantine.kind(about)
    return {
        "held": about,
        "kind": kind,
        "title": {
            quarantine.VIRUS: _("Virus"),
            quarantine.FORGED: _("Forged sender"),
            quarantine.SPAM: _("Spam"),
        }[kind],
        "reason": quarantine.reason(about),
        "who": about.name or about.sender or _("unknown sender"),
        "may_release": kind != quarantine.VIRUS,
        "may_judge": kind == quarantine.SPAM and bool(about.sender),
    }


def _word(asked: str, about: Held) -> str:
    """What a link may do of itself."""
    kind = quarantine.kind(about)
    allowed = {
        quarantine.SPAM: WORDS,
        quarantine.FORGED: ("release", "delete"),
        quarantine.VIRUS: ("delete",),
    }
    return asked if asked in allowed[kind] else ""


def _key(text: str) -> tuple[int, int] | None:
    at, _dot, message = text.partition(".")
    both = at.isdecimal() and message.isdecimal() and len(text) < 40
    return (int(at), int(message)) if both and max(int(at), int(message)) < 2**63 else None
