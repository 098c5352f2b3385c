"""What a writer does about a message on its way: the buttons of templates/webmail/sending*.html.

`/mail/sending/` is about one recipient, `/mail/sending/planned/` about a message that waits for its hour.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from mta.flow import scheduled
from mta.flow import sending as sendings
from mta.flow.errors import Refused
from mta.mailstore import service as mailstore
from mta.mailstore.errors import StoreError
from mta.queue.errors import NoSuchOutgoing, TooLate
from webmail import compose, editing_anew, sending_times, snoozing
from webmail.views.answers import said
from webmail.visit import Visit, number, visiting, wants_parts

_WHAT = re.compile(r"(try|give-up|again|edit) (\d{1,18}) (\S{1,320})")


@require_POST
@visiting
def sending(request: HttpRequest, visit: Visit) -> HttpResponse:
    """`do` is `again 12 ben@b.test`: try now, give up, send again or edit, which sending, to whom."""
    wanted = _WHAT.fullmatch(request.POST.get("do", ""))
    message = number(request.POST.get("message", ""))
    if wanted is None or message is None:
        raise Http404(_("That message is no longer here."))
    if not visit.senders:
        return said(request, _("You may read this mailbox, but not send from it."), status=403)
    verb, outgoing, address = wanted[1], int(wanted[2]), wanted[3]
    if verb == "edit":
        return _edited(request, visit, message, address)
    try:
        return said(request, _done(visit, verb, outgoing, address, message=message))
    except TooLate:
        return said(request, _("Too late: the message is on its way, or has arrived."), status=409)
    except NoSuchOutgoing:
        raise Http404(_("That message is no longer here.")) from None
    except (Refused, StoreError) as error:
        return said(request, str(error), status=422)


def _edited(request: HttpRequest, visit: Visit, message: int, address: str) -> HttpResponse:
    """The message as the beginning of another, to this one person."""
    about = mailstore.message(visit.mailspace, message)
    whom = next((each for each in (*about.to, *about.cc, *about.bcc) if each.email == address), None)
    if not about.own or whom is None:
        raise Http404(_("That message is no longer here."))
    draft = editing_anew.begin(visit.mailspace, about, senders=visit.senders, cause=visit.cause)
    fields = replace(draft.fields, to=((whom.name, whom.email),), cc=(), bcc=())
    mailstore.save_draft(visit.mailspace, draft.id, fields, version=draft.version, cause=visit.cause)
    if wants_parts(request):
        return JsonResponse({"draft": draft.id})
    return redirect(f"{reverse('mail:compose')}?mode=draft&draft={draft.id}")


def _done(visit: Visit, verb: str, outgoing: int, address: str, *, message: int) -> str:
    if verb == "try":
        sendings.try_now(visit.mailspace, outgoing, address)
        return _("Trying %s now.") % address
    if verb == "give-up":
        sendings.give_up(visit.mailspace, outgoing, address)
        return _("%s will not get this message.") % address
    sendings.send_again(visit.mailspace, visit.account.pk, outgoing, address, message=message)
    return _("Sending again to %s.") % address


@require_POST
@visiting
def planned(request: HttpRequest, visit: Visit) -> HttpResponse:
    """`do` is now, cancel, `at 1764057600000000`, or pick (with `local`): what becomes of a message that waits."""
    message = number(request.POST.get("message", ""))
    if message is None:
        raise Http404(_("That message is no longer here."))
    if not visit.senders:
        return said(request, _("You may read this mailbox, but not send from it."), status=403)
    try:
        if request.POST.get("do") == "cancel":
            return _cancelled(request, visit, message)
        return _replanned(request, visit, message, _moment(request))
    except snoozing.NotAhead:
        return said(request, _("Choose a time that is still to come, within a year."), status=422)
    except TooLate:
        return said(request, _("Too late: the message is on its way."), status=409)
    except NoSuchOutgoing:
        raise Http404(_("That message is no longer here.")) from None
    except (Refused, StoreError) as error:
        return said(request, str(error), status=422)


def _moment(request: HttpRequest) -> datetime | None:
    """The hour that was asked for, by the person's clock; None for now."""
    do, now = request.POST.get("do", ""), timezone.localtime()
    if do == "now":
        return None
    if do == "pick":
        at = snoozing.picked(request.POST.get("local", ""), now)
    else:
        wanted = number(do.removeprefix("at "))
        if wanted is None:
            raise snoozing.NotAhead(do[:40])
        at = sending_times.checked(wanted, now)
    at = sending_times.checked(snoozing.micros(at), now)
    return at if at - now >= sending_times.SOONEST else None


def _replanned(request: HttpRequest, visit: Visit, message: int, at: datetime | None) -> HttpResponse:
    sent = scheduled.again(
        visit.mailspace,
        visit.account.pk,
        message,
        at=snoozing.micros(at) if at else None,
        cause=visit.cause,
    )
    thread = mailstore.message(visit.mailspace, sent.message).thread if sent.message else 0
    url = reverse("mail:conversation", args=["scheduled" if at else "sent", thread]) if thread else ""
    text = _("Will be sent %s.") % sending_times.said(at, timezone.localtime()) if at else _("Sent.")
    return said(request, text, url=url, message=None if at else sent.message, gone=True)


def _cancelled(request: HttpRequest, visit: Visit, message: int) -> HttpResponse:
    draft = scheduled.take_back(visit.mailspace, message, cause=visit.cause)
    if draft is None:
        raise TooLate(message)
    compose.materialise(visit.mailspace, mailstore.draft(visit.mailspace, draft), cause=visit.cause)
    text = _("It does not go at that time any more. It is a draft again.")
    if wants_parts(request):
        return JsonResponse({"text": text, "draft": draft, "gone": True})
    messages.success(request, text)
    return redirect(f"{reverse('mail:compose')}?mode=draft&draft={draft}")
