"""Answering an invitation: `POST /mail/invitation/12/` with answer=yes, maybe or no."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from hosting.access import senders_for
from mta.flow.errors import Refused
from mta.mailstore import service as mailstore
from webmail import invitations
from webmail.views.answers import said
from webmail.visit import Visit, visiting


@require_POST
@visiting
def answer(request: HttpRequest, visit: Visit, message: int) -> HttpResponse:
    if not visit.may_organise:
        return said(request, _("You may read this mailbox, but not change it."), status=403)
    about = mailstore.message(visit.mailspace, message)
    found = invitations.find(mailstore.raw(visit.mailspace, message))
    if found is None:
        return said(request, _("This message holds no invitation."), status=400)
    try:
        text = invitations.answer(
            visit.mailspace,
            visit.account.pk,
            about,
            found,
            request.POST.get("answer", ""),
            senders=senders_for(visit.account.pk),
            cause=visit.cause,
        )
    except (invitations.CannotAnswer, Refused) as error:
        return said(request, str(error), status=400)
    told = found.organiser.name or found.organiser.email
    return said(request, _("%(said)s %(name)s is told.") % {"said": text, "name": told})
