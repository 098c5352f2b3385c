"""Leaving a mailing list: `/mail/unsubscribe/12/` asks, and as a POST does it (webmail/unsubscribing.py)."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from hosting.access import senders_for
from mta.flow.errors import Refused
from mta.mailstore import service as mailstore
from webmail import evidence
from webmail.answering import receiving_sender
from webmail.unsubscribing import CannotLeave, leave, offer
from webmail.views.answers import said
from webmail.visit import Visit, show, visiting


@visiting
def unsubscribe(request: HttpRequest, visit: Visit, message: int) -> HttpResponse:
    about = mailstore.message(visit.mailspace, message)
    found = offer(evidence.known(about, mailstore.raw(visit.mailspace, message)))
    if found is None:
        raise Http404(_("This message offers no way out of a list."))
    if request.method != "POST":
        title = f"{_('Unsubscribe')} - {about.subject} - Mailstead"
        return show(
            request, visit, "webmail/unsubscribe.html", {"message": about, "offer": found, "title": title}
        )
    if not visit.may_organise:
        return said(request, _("You may read this mailbox, but not change it."), status=403)
    mine = [each for each in senders_for(visit.account.pk) if each.mailspace == visit.mailspace]
    if not mine:
        return said(request, _("You may read this mailbox, but not write from it."), status=403)
    try:
        text = leave(
            visit.mailspace,
            visit.account.pk,
            found,
            sender=receiving_sender(about, mine),
            cause=visit.cause,
        )
    except (CannotLeave, Refused) as error:
        return said(request, str(error), status=400)
    return said(request, text)
