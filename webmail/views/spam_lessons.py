"""What the spam filter learned from a mailbox, and forgetting it; shown with filters and blocked addresses."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from mta.flow import learning
from webmail.views.forwarding import require_own
from webmail.visit import Visit, visiting


@require_POST
@visiting
def forget(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Forget it all; what is moved into Spam from now on is learned anew."""
    require_own(visit)
    learning.reset(visit.mailspace)
    messages.info(request, _("The spam filter has forgotten what it learned from you."))
    return redirect(f"{reverse('mail:settings-filters')}#spam")
