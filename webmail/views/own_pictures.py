"""`/mail/settings/pictures/`: pictures for signatures come here, and `/mail/face/` is the face of who is signed in.

What is served was drawn anew by us, and nothing of it runs (see webmail/own_pictures.py).
"""

from __future__ import annotations

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from webmail import own_pictures
from webmail.contacts import photos
from webmail.models import OwnPicture, Preferences
from webmail.views.attachments import NOTHING_RUNS
from webmail.visit import Visit, visiting


@require_POST
@visiting
def upload(request: HttpRequest, visit: Visit) -> JsonResponse:
    """Keep one picture for signatures; its address here."""
    given = request.FILES.get("file")
    data = (
        given.read()
        if isinstance(given, UploadedFile) and (given.size or 0) <= own_pictures.MAX_FILE
        else b""
    )
    try:
        made = own_pictures.keep(visit.account.pk, data)
    except own_pictures.CannotKeep as error:
        return JsonResponse({"text": str(error)}, status=422)
    return JsonResponse({"url": own_pictures.address(made.pk)})


@require_GET
@visiting
def picture(request: HttpRequest, visit: Visit, picture: int) -> HttpResponse:
    """One picture of a signature of theirs."""
    return _shown(
        OwnPicture.objects.filter(account=visit.account, kind=OwnPicture.SIGNATURE, pk=picture).first()
    )


@require_GET
@visiting
def face(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Their own face; its address changes with it."""
    return _shown(OwnPicture.objects.filter(account=visit.account, kind=OwnPicture.FACE).first())


def take_face(request: HttpRequest, preferences: Preferences) -> None:
    """The face that a form brought in `photo`, or took away with `no_photo`; what is no picture is said."""
    given = request.FILES.get("photo")
    data = b""
    if isinstance(given, UploadedFile) and (given.size or 0) > 0:
        data = given.read() if (given.size or 0) <= photos.MAX_FILE else b"-"
    elif not request.POST.get("no_photo"):
        return
    try:
        own_pictures.set_face(preferences, data)
    except own_pictures.CannotKeep:
        messages.error(request, _("That file is no picture that can be shown. JPEG and PNG up to 5 MB can."))


def _shown(found: OwnPicture | None) -> HttpResponse:
    if found is None:
        raise Http404(_("There is no such picture."))
    response = HttpResponse(bytes(found.data), content_type=found.type)
    response["Cache-Control"] = "private, max-age=604800, immutable"
    response["Vary"] = "Cookie"
    response["Content-Security-Policy"] = NOTHING_RUNS
    return response
