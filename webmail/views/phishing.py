"""`POST /mail/phishing/12/`: report a message as phishing, to Spam and to the administrators."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from hosting.access import senders_for
from mta.flow.errors import Refused
from mta.mailstore import service as mailstore
from webmail.answering import receiving_sender
from webmail.phishing import report
from webmail.views.answers import said
from webmail.visit import Visit, visiting


@require_POST
@visiting
def phishing(request: HttpRequest, visit: Visit, message: int) -> HttpResponse:
    """The notice goes out first: a message that lies in Spam without one would look reported."""
    mine = [each for each in senders_for(visit.account.pk) if each.mailspace == visit.mailspace]
    if not visit.may_organise or not mine:
        return said(request, _("You may read this mailbox, but not change it."), status=403)
    about = mailstore.message(visit.mailspace, message)
    raw = mailstore.raw(visit.mailspace, message)
    try:
        report(
            visit.mailspace,
            visit.account.pk,
            about,
            raw,
            sender=receiving_sender(about, mine),
            cause=visit.cause,
        )
        text = _("Reported: it is in Spam, and your administrators have a copy.")
    except Refused:
        text = _("It is in Spam. Nobody could be told: this domain has no administrator with a mailbox.")
    done = mailstore.junk_messages(visit.mailspace, [message], cause=visit.cause)
    return said(request, text, action=done.action)
