"""A person's own pictures: their face, shown in the web client, and those that stand in their signatures.

Whatever is uploaded is drawn anew before it is kept (webmail.redraw). A signature names its pictures by Content-ID; a
draft that is signed with one gets them as inline files, and loses them again with that signature.
Called by webmail.own_looks, webmail.compose and the views of the settings.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.models import Account
from mta.mailstore import service as mailstore
from mta.mailstore.service import DraftFields, DraftFile, DraftInfo
from mta.values import Cause
from webmail.contacts import photos
from webmail.models import OwnPicture, Preferences, Signature
from webmail.redraw import NoPicture, redrawn
from webmail.templatetags.look import filesize

MAX_FILE = 5_000_000  # bytes as it is uploaded
SIDE = 600  # pixels of the longer side in a signature
LARGEST = 300_000  # bytes of one in a signature, drawn anew
TOGETHER = 2_000_000  # bytes of all signatures of a person
DOMAIN = "signature.mailstead"
UNUSED_FOR = timedelta(days=1)  # after which what no signature names is dropped
_NAMED = re.compile(r'(?<=src=")cid:([0-9a-f]{24}@signature\.mailstead)(?=")')
_ADDRESS = re.compile(r'(?<=src=")(?:https?://[^/"]{1,255})?/mail/settings/pictures/(\d{1,18})/(?=")')


class CannotKeep(Exception):
    """A picture that is not kept; the text is a sentence."""


# --- signatures ----------------------------------------------------------------------------------------------
def keep(account: int, data: bytes) -> OwnPicture:
    """A picture for signatures, drawn anew."""
    _drop_unused(account)
    try:
        picture = redrawn(data, side=SIDE) if len(data) <= MAX_FILE else None
    except NoPicture:
        picture = None
    if picture is None:
        raise CannotKeep(_("That is no picture that can be shown here, or it is too large."))
    if len(picture.data) > LARGEST:
        raise CannotKeep(
            _(
                "A picture in a signature goes along with every message: %(most)s at most, this one has %(size)s."
            )
            % {"most": filesize(LARGEST), "size": filesize(len(picture.data))}
        )
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account)  # two uploads at once count each other
        used = _of(account).aggregate(used=Sum("size"))["used"] or 0
        if used + len(picture.data) > TOGETHER:
            raise CannotKeep(
                _("The pictures of your signatures have %s together, and that is full. Remove one first.")
                % filesize(TOGETHER)
            )
        return OwnPicture.objects.create(
            account_id=account,
            kind=OwnPicture.SIGNATURE,
            content_id=f"{secrets.token_hex(12)}@{DOMAIN}",
            type=picture.type,
            size=len(picture.data),
            data=picture.data,
        )


def _of(account: int) -> QuerySet[OwnPicture]:
    return OwnPicture.objects.filter(account_id=account, kind=OwnPicture.SIGNATURE)


def _drop_unused(account: int) -> None:
    """What was uploaded, and whose signature was never saved, or says something else now."""
    named = {
        name
        for html in Signature.objects.filter(account_id=account).values_list("html", flat=True)
        for name in names_in(html)
    }
    old = _of(account).filter(created_at__lt=timezone.now() - UNUSED_FOR)
    with transaction.atomic():
        old.exclude(content_id__in=named).delete()


def names_in(html: str) -> list[str]:
    """The Content-IDs of the pictures of signatures in some HTML."""
    return list(dict.fromkeys(_NAMED.findall(html)))


def as_files(account: int, html: str) -> Sequence[DraftFile]:
    """The pictures of theirs that some HTML names, by Content-ID or by address, as files that may be shown in it."""
    numbers = [int(each) for each in _ADDRESS.findall(html)]
    rows = _of(account).filter(content_id__in=names_in(html)) | _of(account).filter(pk__in=numbers)
    return [
        DraftFile(row.pk, row.content_id, row.type, row.size, row.content_id, True)
        for row in rows.defer("data").order_by("pk")
    ]


def address(picture: int) -> str:
    return reverse("mail:own-picture", args=[picture])


def by_name(html: str, files: Iterable[DraftFile]) -> str:
    """The same HTML with pictures named by Content-ID."""
    names = {file.id: file.content_id for file in files}
    return _ADDRESS.sub(lambda found: f"cid:{names[int(found[1])]}" if int(found[1]) in names else "", html)


def by_address(html: str, files: Iterable[DraftFile]) -> str:
    """The same HTML with pictures at their addresses here."""
    urls = {file.content_id: address(file.id) for file in files}
    return _NAMED.sub(lambda found: urls.get(found[1], ""), html)


def go_along(mailspace: int, draft: DraftInfo, account: int, *, before: str, cause: Cause) -> DraftInfo:
    """A draft with exactly the pictures that its signature shows; `before` is the signature that it had."""
    fields = draft.fields
    wanted = names_in(fields.signature_html) if fields.body else []
    if not wanted and not names_in(before):
        return draft
    changed = False
    there = {file.content_id: file.id for file in draft.attachments if file.content_id}
    for name in names_in(before):
        if name not in wanted and name in there and f"cid:{name}" not in _rest(fields):
            mailstore.detach(mailspace, draft.id, there[name], cause=cause)
            changed = True
    missing = [name for name in wanted if name not in there]
    for row in OwnPicture.objects.filter(account_id=account, content_id__in=missing):
        ending = row.type.partition("/")[2].replace("jpeg", "jpg")
        mailstore.attach(
            mailspace,
            draft.id,
            f"signature.{ending}",
            row.type,
            bytes(row.data),
            content_id=row.content_id,
            inline=True,
            cause=cause,
        )
        changed = True
    return mailstore.draft(mailspace, draft.id) if changed else draft


def is_of_a_signature(file: DraftFile) -> bool:
    return file.content_id.endswith(f"@{DOMAIN}")


def _rest(fields: DraftFields) -> str:
    return fields.html + fields.quoted_html


# --- the face ------------------------------------------------------------------------------------------------
def set_face(preferences: Preferences, data: bytes) -> None:
    """Show this picture for the person, cut square; nothing takes it away. CannotKeep if that is no picture."""
    drawn = photos.redrawn(data)
    if data and not drawn:
        raise CannotKeep(_("That is no picture that can be shown here, or it is too large."))
    faces = OwnPicture.objects.filter(account_id=preferences.account_id, kind=OwnPicture.FACE)
    with transaction.atomic():
        faces.delete()
        made = 0
        if drawn:
            made = OwnPicture.objects.create(
                account_id=preferences.account_id,
                kind=OwnPicture.FACE,
                content_id=f"{secrets.token_hex(12)}@face.mailstead",
                type=photos.TYPE,
                size=len(drawn),
                data=drawn,
            ).pk
        preferences.face = made
        preferences.save()
