"""Drafts: what a person is writing, saved every 2 s, and its IMAP form.

The row is the draft; the IMAP form is a message in Drafts that is rewritten (new UID) when the
editor closes, idles or sends, the superseded form purged at once. All forms carry one Message-ID.
The caller builds the MIME; this module never does.
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.values import DRAFT, DRAFTS, SEEN, Cause, Done

from . import blobs, contents, converging, rows
from .blobs import prepare, prepare_blob
from .changing import Changing
from .door import Door
from .draft_forms import DraftFields, fields_in, fields_of, jsonable
from .errors import DraftThere, NoSuchDraft
from .live import new_action
from .models import Blob, Draft, DraftAttachment, Message
from .purge import purge
from .writer import commit


@dataclass(frozen=True, slots=True)
class DraftFile:
    """A file of a draft; `size` in bytes."""

    id: int
    name: str
    type: str
    size: int
    content_id: str
    inline: bool


@dataclass(frozen=True, slots=True)
class DraftInfo:
    """A draft as its editor sees it. `stale_form`: its IMAP form shows an older version."""

    id: int
    version: int
    fields: DraftFields
    attachments: tuple[DraftFile, ...]
    thread: int | None
    message: int | None
    header_id: str
    updated_at: int
    state: str
    stale_form: bool


def new_draft(
    mailspace: int, fields: DraftFields, *, header_id: str, cause: Cause, once: bool = False
) -> DraftInfo:
    """A new draft, which is nowhere in a mailbox until it is first materialised. `once`: DraftThere when one was begun
    with this `header_id` before."""

    def work(door: Door) -> int:
        changing = door[mailspace]
        known = Draft.objects.filter(mailspace_id=mailspace, header_id=header_id).order_by("-id")
        begun = known.first() if once else None
        if begun is not None:
            raise DraftThere(begun.id if begun.state == "open" else None)
        thread = None
        if fields.parent is not None:
            thread = (
                Message.objects.filter(mailspace_id=mailspace, id=fields.parent)
                .values_list("thread_id", flat=True)
                .first()
            )
        row = Draft.objects.create(
            mailspace_id=mailspace,
            header_id=header_id,
            fields=jsonable(fields),
            original=fields.quoted_html,
            thread_id=thread,
            created_at=changing.now,
            updated_at=changing.now,
        )
        return row.id

    del cause
    return draft(mailspace, commit({mailspace}, work))


def draft(mailspace: int, draft_id: int) -> DraftInfo:
    """A draft of this mailspace, in any state."""
    return _info(_row(mailspace, draft_id))


def _row(mailspace: int, draft_id: int) -> Draft:
    row = Draft.objects.filter(mailspace_id=mailspace, id=draft_id).first()
    if row is None:
        raise NoSuchDraft("That draft is no longer here.")
    return row


def _info(row: Draft) -> DraftInfo:
    files = DraftAttachment.objects.filter(mailspace_id=row.mailspace_id, draft_id=row.id).order_by("id")
    return DraftInfo(
        id=row.id,
        version=row.version,
        fields=fields_in(row),
        attachments=tuple(
            DraftFile(*values)
            for values in files.values_list("id", "name", "type", "size", "content_id", "inline")
        ),
        thread=row.thread_id,
        message=row.message,
        header_id=row.header_id,
        updated_at=row.updated_at,
        state=row.state,
        stale_form=row.materialised < row.version,
    )


def save_draft(
    mailspace: int, draft_id: int, fields: DraftFields, *, version: int, cause: Cause
) -> DraftInfo:
    """Save what was typed over `version`. The later write wins: when another window or a mail program wrote
    meanwhile, what they wrote goes to the journal, from where undo brings it back."""

    def work(door: Door) -> None:
        row = _open_row(mailspace, draft_id)
        new = jsonable(fields)
        if row.fields == new and row.original == fields.quoted_html:
            return
        if version < row.version:
            other = row.original != fields.quoted_html
            converging.keep_other(door[mailspace], row, cause, original=other)
        changed = ["fields", "version", "updated_at"]
        if row.original != fields.quoted_html:
            changed.append("original")
        row.fields, row.original = new, fields.quoted_html
        row.version += 1
        row.updated_at = door.now
        row.save(update_fields=changed)

    commit({mailspace}, work)
    return draft(mailspace, draft_id)


def _open_row(mailspace: int, draft_id: int) -> Draft:
    row = _row(mailspace, draft_id)
    if row.state != "open":
        raise NoSuchDraft("That draft was sent or discarded.")
    return row


# --- attachments


def attach(
    mailspace: int,
    draft_id: int,
    name: str,
    type: str,
    data: bytes,
    *,
    cause: Cause,
    content_id: str = "",
    inline: bool = False,
) -> DraftFile:
    """Add a file; its bytes are durable when this returns."""
    del cause
    ready = prepare_blob(data)

    def work(door: Door) -> DraftFile:
        row = _open_row(mailspace, draft_id)
        blob = blobs.insert(mailspace, ready, door.objects, now=door.now)
        made = DraftAttachment.objects.create(
            mailspace_id=mailspace,
            draft_id=draft_id,
            blob_id=blob,
            name=name[:255],
            type=type[:127],
            size=len(data),
            content_id=content_id[:255],
            inline=inline,
        )
        row.version += 1
        row.updated_at = door.now
        row.save(update_fields=["version", "updated_at"])
        return DraftFile(made.id, made.name, made.type, made.size, made.content_id, made.inline)

    return commit({mailspace}, work)


def detach(mailspace: int, draft_id: int, file_id: int, *, cause: Cause) -> None:
    """Take a file off a draft."""
    del cause

    def work(door: Door) -> None:
        row = _open_row(mailspace, draft_id)
        found = DraftAttachment.objects.filter(mailspace_id=mailspace, draft_id=draft_id, id=file_id).first()
        if found is None:
            return
        Blob.objects.filter(mailspace_id=mailspace, id=found.blob_id).update(marked_at=door.now)
        found.delete()
        row.version += 1
        row.updated_at = door.now
        row.save(update_fields=["version", "updated_at"])

    commit({mailspace}, work)


def attachment_bytes(mailspace: int, draft_id: int, file_id: int) -> bytes:
    """The bytes of a draft's file."""
    blob = (
        DraftAttachment.objects.filter(mailspace_id=mailspace, draft_id=draft_id, id=file_id)
        .values_list("blob_id", flat=True)
        .first()
    )
    if blob is None:
        raise NoSuchDraft("That file is no longer attached.")
    return blobs.read(mailspace, blob)


# --- the IMAP form


def materialise(mailspace: int, draft_id: int, raw: bytes, *, version: int, cause: Cause) -> None:
    """Rewrite the IMAP form from MIME built of `version`; the old form is purged, its UID stays a tombstone."""
    ready = prepare(raw)

    def work(door: Door) -> None:
        row = _open_row(mailspace, draft_id)
        if row.materialised >= version:
            return
        changing = door[mailspace]
        old = row.message
        message = changing.insert(ready, flags=SEEN | DRAFT, words=(), thread=row.thread_id, own=True)
        changing.place([message], changing.role(DRAFTS), new=True)
        row.message, row.materialised, row.thread_id = message.message, version, message.thread
        row.save(update_fields=["message", "materialised", "thread_id"])
        if old is not None:
            _purge_form(changing, old)

    del cause
    commit({mailspace}, work)


def _purge_form(changing: Changing, message: int) -> None:
    """Remove a superseded form at once, outside the undo window (no journal)."""
    changing.expunge(rows.of_messages(changing.id, [message]))
    purge(changing, [message])


def close_sent(door: Door, mailspace: int, draft_id: int) -> DraftInfo:
    """Within a sending transaction: the draft is sent, its form goes. Raises NoSuchDraft if not open."""
    row = _open_row(mailspace, draft_id)
    info = _info(row)
    old, row.state, row.message, row.updated_at = row.message, "sent", None, door.now
    row.save(update_fields=["state", "message", "updated_at"])
    if old is not None:
        _purge_form(door[mailspace], old)
    door[mailspace].changed()
    return info


def reopen(door: Door, mailspace: int, draft_id: int) -> None:
    """Within a transaction that takes a sending back: the draft is open again."""
    Draft.objects.filter(mailspace_id=mailspace, id=draft_id, state="sent").update(
        state="open", materialised=0
    )
    door[mailspace].changed()


def discard(mailspace: int, draft_id: int, *, cause: Cause) -> Done:
    """Throw a draft away; undo brings it back."""
    action = new_action()

    def work(door: Door) -> None:
        changing = door[mailspace]
        row = _open_row(mailspace, draft_id)
        entry = changing.entry("discard", cause, action)
        entry.draft = draft_id
        if row.message is not None:
            changing.expunge(rows.of_messages(mailspace, [row.message]), entry)
        Draft.objects.filter(id=row.id).update(state="discarded", updated_at=door.now)
        changing.changed()

    commit({mailspace}, work)
    return Done(action, 1, 1)


def stale_drafts(*, older_than: int, limit: int = 100) -> list[tuple[int, int]]:
    """(mailspace, draft) of open drafts whose IMAP form lags, untouched since `older_than` (µs)."""
    rows_ = Draft.objects.filter(state="open", updated_at__lt=older_than).order_by("updated_at")
    found = rows_.values_list("mailspace_id", "id", "version", "materialised")
    return [(mailspace, id_) for mailspace, id_, version, done in found[: limit * 10] if done < version][
        :limit
    ]


def draft_for_message(mailspace: int, message_id: int, *, cause: Cause) -> DraftInfo:
    """The draft behind a message in Drafts; made from its bytes when a mail program wrote it."""
    del cause
    known = _open_draft_of(mailspace, message_id)
    if known is not None:
        return _info(known)
    row = Message.objects.filter(mailspace_id=mailspace, id=message_id).first()
    if row is None:
        raise NoSuchDraft("That draft is no longer here.")
    fields, files = fields_of(row, contents.raw(mailspace, message_id))
    ready = [(file, prepare_blob(file[2])) for file in files]

    def work(door: Door) -> int:
        changing = door[mailspace]
        drafts = changing.role(DRAFTS).id
        if all(live.mailbox != drafts for live in rows.of_messages(mailspace, [message_id])):
            raise NoSuchDraft("That draft is no longer here.")
        meanwhile = _open_draft_of(mailspace, message_id)
        if meanwhile is not None:
            return meanwhile.id
        made = Draft.objects.create(
            mailspace_id=mailspace,
            header_id=row.message_id[:255],
            message=row.id,
            thread_id=row.thread_id,
            fields=jsonable(fields),
            original=fields.quoted_html,
            materialised=1,
            created_at=door.now,
            updated_at=door.now,
        )
        for (name, type_, data, content_id, inline), blob in ready:
            DraftAttachment.objects.create(
                mailspace_id=mailspace,
                draft_id=made.id,
                blob_id=blobs.insert(mailspace, blob, door.objects, now=door.now),
                name=name[:255],
                type=type_[:127],
                size=len(data),
                content_id=content_id[:255],
                inline=inline,
            )
        return made.id

    return draft(mailspace, commit({mailspace}, work))


def _open_draft_of(mailspace: int, message_id: int) -> Draft | None:
    return Draft.objects.filter(mailspace_id=mailspace, message=message_id, state="open").first()
