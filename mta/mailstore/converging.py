"""Drafts whose forms mail programs change: one draft, however many programs and browsers write it.

A message put into Drafts with a draft's Message-ID is that draft's new content; so is one whose session takes the
draft's old form away within a minute, before or after, under whatever Message-ID (many programs make a new one with
each save). Any other message there is a draft of its own. A form that is only taken away discards its draft. The later
write wins; what the other side wrote and nobody else has goes to the journal. Called by `door` before it flushes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet

from mta.values import DRAFTS, Cause

from . import blobs, contents, rows
from .changing import Changing
from .draft_forms import fields_in, fields_of, jsonable
from .live import Entry, new_action
from .models import Blob, Change, Draft, DraftAttachment, Message

MEANWHILE = 60 * 1_000_000  # µs within which taking away and putting in are one save
_KEPT = ("identity", "to", "cc", "bcc", "subject", "html", "text", "plain", "written")


def follow(changing: Changing) -> None:
    """Bring the drafts into line with what came to Drafts and left it."""
    forms = changing.forms
    box = changing.role(DRAFTS).id
    lying = {live.message for live in rows.of_messages(changing.id, sorted(forms)) if live.mailbox == box}
    drafts = Draft.objects.filter(mailspace_id=changing.id)
    drafts.filter(message__in=lying, state="discarded").update(state="open", updated_at=changing.now)
    left = list(drafts.filter(message__in=forms - lying, state="open"))
    Draft.objects.filter(id__in=[row.id for row in left]).update(state="discarded", updated_at=changing.now)
    known = set(drafts.filter(message__in=lying).values_list("message", flat=True))
    for message in sorted(lying - known):
        row = _draft_of(changing, message, box)
        if row is not None:
            _adopt(changing, row, message, box)
    for row in left:
        row.refresh_from_db()
        newer = _put_in_by_the_same(changing, row, box) if row.state == "discarded" else None
        if newer is not None:
            _adopt(changing, row, newer, box)


def _draft_of(changing: Changing, message: int, box: int) -> Draft | None:
    """The draft that a message in Drafts is the new content of."""
    drafts = Draft.objects.filter(mailspace_id=changing.id)
    header_id = Message.objects.filter(id=message).values_list("message_id", flat=True).first()
    just_now = changing.now - MEANWHILE
    if header_id:
        found = drafts.filter(header_id=header_id).exclude(state="sent").order_by("-id").first()
        if found is not None and (found.state == "open" or found.updated_at >= just_now):
            return found
    for session in _sessions(changing, "added", box, message):
        gone = drafts.filter(state="discarded", updated_at__gte=just_now, message__isnull=False)
        taken = _touched(changing, session, "removed", box)
        for row in gone.order_by("-updated_at"):
            if row.message in taken:
                return row
    return None


def _put_in_by_the_same(changing: Changing, row: Draft, box: int) -> int | None:
    """The message that the session which took a draft's form away has put into Drafts just before."""
    for session in _sessions(changing, "removed", box, row.message or 0):
        added = _touched(changing, session, "added", box)
        taken = Draft.objects.filter(mailspace_id=changing.id, message__in=added).values_list(
            "message", flat=True
        )
        free = added - set(taken)
        lying = {live.message for live in rows.of_messages(changing.id, sorted(free)) if live.mailbox == box}
        if lying:
            return max(lying)
    return None


def _sessions(changing: Changing, what: str, box: int, message: int) -> list[str]:
    """The mail program's session that put a message in, or took it away, in this transaction."""
    return [
        entry.cause.session
        for entry in changing.entries
        if entry.cause.kind == "imap"
        and any((place[0], place[2]) == (box, message) for place in _places(entry, what))
    ]


def _places(entry: Entry, what: str) -> list[list[Any]]:
    return entry.added if what == "added" else entry.removed


def _touched(changing: Changing, session: str, what: str, box: int) -> set[int]:
    """The messages that a session put into Drafts, or took out of it, within the last minute."""
    found = {
        place[2]
        for entry in changing.entries
        if (entry.cause.kind, entry.cause.session) == ("imap", session)
        for place in _places(entry, what)
        if place[0] == box
    }
    journal = Change.objects.filter(
        mailspace_id=changing.id, at__gte=changing.now - MEANWHILE, cause="imap", session=session[:255]
    )
    for before in journal.order_by("-id").values_list("before", flat=True)[:50]:
        found.update(place[2] for place in before.get(what, ()) if place[0] == box)
    return found


def _adopt(changing: Changing, row: Draft, message: int, box: int) -> None:
    """A message becomes a draft's content and its form; the old form goes at once."""
    about = Message.objects.get(id=message)
    fields, files = fields_of(about, contents.raw(changing.id, message))
    if row.version > row.materialised:
        keep_other(changing, row, _cause(changing, message), files=set_aside(changing, row))
    old = fields_in(row)
    if old.quoted_html and fields.html.endswith(old.quoted_html):
        fields = replace(fields, html=fields.html.removesuffix(old.quoted_html), quoted_html=old.quoted_html)
    fields = replace(
        fields,
        identity=fields.identity or old.identity,
        mode=old.mode,
        parent=old.parent,
        receipt=old.receipt,
        reply_to=old.reply_to,
        signature_above=old.signature_above,
        labels=old.labels,
        in_reply_to=fields.in_reply_to or old.in_reply_to,
        references=fields.references or old.references,
    )
    superseded = row.message
    row.fields, row.original = jsonable(fields), fields.quoted_html
    row.state, row.message = "open", message
    row.version += 1
    row.materialised, row.thread_id, row.updated_at = row.version, about.thread_id, changing.now
    if about.message_id and len(about.message_id) <= 255:
        row.header_id = about.message_id
    row.save()
    _attach_anew(changing, row, files)
    if superseded is not None and superseded != message:
        lives = rows.of_messages(changing.id, [superseded])
        changing.expunge([live for live in lives if live.mailbox == box])
    changing.changed()


def _attach_anew(changing: Changing, row: Draft, files: list[tuple[str, str, bytes, str, bool]]) -> None:
    forget_files(changing.id, _files(changing, row.id), now=changing.now)
    for name, type_, data, content_id, inline in files:
        DraftAttachment.objects.create(
            mailspace_id=changing.id,
            draft_id=row.id,
            blob_id=blobs.insert(changing.id, blobs.prepare_blob(data), changing.objects, now=changing.now),
            name=name[:255],
            type=type_[:127],
            size=len(data),
            content_id=content_id[:255],
            inline=inline,
        )


def _cause(changing: Changing, message: int) -> Cause:
    for entry in changing.entries:
        if message in entry.messages():
            return entry.cause
    return Cause("imap")


def keep_other(
    changing: Changing, row: Draft, cause: Cause, *, original: bool = True, files: list[int] | None = None
) -> None:
    """What a draft says until now goes to the journal, because something else is about to be written over it; with
    its original unless that stays, and with the `files` that were set aside."""
    entry = changing.entry("overwrite", cause, new_action())
    entry.written = {"draft": row.id, "fields": _kept(row, original=original)}
    if files is not None:
        entry.written["files"] = files
    changing.changed()


def _kept(row: Draft, *, original: bool) -> dict[str, Any]:
    kept = {name: row.fields[name] for name in _KEPT if name in row.fields}
    return kept | ({"quoted_html": row.original} if original else {})


def restore(changing: Changing, written: dict[str, Any] | None, entry: Entry) -> None:
    """Undo of an overwriting: a draft says what it said before; what it says now goes to the journal instead."""
    if not written:
        return
    row = Draft.objects.filter(mailspace_id=changing.id, id=written["draft"], state="open").first()
    if row is None:
        return
    before = dict(written["fields"])
    entry.written = {"draft": row.id, "fields": _kept(row, original="quoted_html" in before)}
    if "files" in written:
        entry.written["files"] = set_aside(changing, row)
        _files(changing, -row.id).filter(id__in=written["files"]).update(draft_id=row.id)
    row.original = before.pop("quoted_html", row.original)
    row.fields = {**row.fields, **before}
    row.version += 1
    row.updated_at = changing.now
    row.save(update_fields=["fields", "original", "version", "updated_at"])
    changing.changed()


# --- the files of what was written over: they belong to the draft's negative until its journal is forgotten
def set_aside(changing: Changing, row: Draft) -> list[int]:
    """The draft has no files any more; the ids under which they wait."""
    files = _files(changing, row.id)
    ids = list(files.order_by("id").values_list("id", flat=True))
    files.update(draft_id=-row.id)
    return ids


def files_forgotten(old: Iterable[Change], still: Iterable[Change]) -> list[int]:
    """Those set aside that only journal rows name which are about to go."""
    named, wanted = ({id_ for change in group for id_ in _named(change)} for group in (old, still))
    return sorted(named - wanted)


def _named(change: Change) -> list[int]:
    return list((change.before.get("written") or {}).get("files", ()))


def forget_files(mailspace: int, files: QuerySet[DraftAttachment], *, now: int) -> None:
    held = list(files.values_list("blob_id", flat=True))
    Blob.objects.filter(mailspace_id=mailspace, id__in=held).update(marked_at=now)
    files.delete()


def _files(changing: Changing, draft: int) -> QuerySet[DraftAttachment]:
    return DraftAttachment.objects.filter(mailspace_id=changing.id, draft_id=draft)
