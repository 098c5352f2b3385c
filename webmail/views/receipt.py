"""A receipt that a sender asks for: `/mail/receipt/12/` sends one or none, once (webmail/receipts.py)."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from mta.flow.errors import Refused
from mta.mailstore import service as mailstore
from mta.values import JUNK
from webmail import receipts
from webmail.answering import receiving_sender
from webmail.views.answers import said
from webmail.visit import Visit, visiting


@require_POST
@visiting
def receipt(request: HttpRequest, visit: Visit, message: int) -> HttpResponse:
    about = mailstore.message(visit.mailspace, message)
    junk = {each.id for each in visit.mailboxes if each.role == JUNK}
    wish = receipts.wish(about, mailstore.raw(visit.mailspace, message), in_spam=bool(junk & {*about.boxes}))
    if wish is None:
        raise Http404(_("This message asks for no receipt."))
    if not visit.may_organise or not visit.senders:
        return said(request, _("You may read this mailbox, but not write from it."), status=403)
    wanted = request.POST.get("do", "")
    by_itself = wanted == "always"
    if by_itself and (visit.preferences.receipts != receipts.ALWAYS or not wish.plain):
        raise Http404(_("This message asks for no receipt."))
    if wanted not in ("send", "always"):
        receipts.note(visit.mailspace, message, cause=visit.cause)
        return said(request, _("No receipt was sent."))
    try:
        receipts.settle(
            visit.mailspace,
            visit.account.pk,
            wish,
            sender=receiving_sender(about, visit.senders),
            by_hand=not by_itself,
            cause=visit.cause,
        )
    except Refused as error:
        return said(request, str(error), status=400)
    return said(request, _("Receipt sent."))
