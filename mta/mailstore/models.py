"""The mail tables. Rows never leave this package; `service` hands out values.

Conventions: every mail row carries `mailspace_id`; keys between mail tables have no database
constraint (`doctor` checks them) so that the tables can be split by mailspace one day; every unique
key leads with the mailspace; primary keys are never reused. Times are µs since the epoch, UTC.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact

from mta.values import FLAGGED, SEEN

from .models_journal import Action as Action
from .models_journal import Change as Change
from .models_journal import Job as Job
from .models_journal import JobItems as JobItems

LIVE, GONE = Q(expunged_modseq__isnull=True), Q(expunged_modseq__isnull=False)


class Mailspace(models.Model):
    """The owner of mail and the one lock. `clock` is the source of every modseq (RFC 7162)."""

    clock = models.BigIntegerField(default=1)
    state = models.CharField(max_length=12, default="active")
    quota_bytes = models.BigIntegerField(default=0)  # 0: no limit
    used_bytes = models.BigIntegerField(default=0)
    messages = models.BigIntegerField(default=0)
    last_uidvalidity = models.BigIntegerField(default=0)
    all_threads = models.BigIntegerField(default=0)
    all_unread = models.BigIntegerField(default=0)
    starred_threads = models.BigIntegerField(default=0)
    starred_unread = models.BigIntegerField(default=0)
    maildrop_holder = models.CharField(max_length=64, default="")  # the POP3 session that has it, until then
    maildrop_until = models.BigIntegerField(default=0)
    # Which version of its rules is in force (see mta.filters.plans); 0 or less: there are none to look at.
    filters = models.BigIntegerField(default=0)
    created_at = models.BigIntegerField()


class BlobObject(models.Model):
    """Bytes outside the database, outside all mailspaces: a random name that is never reused."""

    name = models.CharField(max_length=64, unique=True)
    size = models.BigIntegerField()
    sha256 = models.BinaryField(max_length=32)
    references = models.BigIntegerField(default=0)
    created_at = models.BigIntegerField()


class Blob(models.Model):
    """A message's bytes: compressed inside the row when small, else a name in the blob store."""

    mailspace_id = models.BigIntegerField()
    size = models.BigIntegerField()
    data = models.BinaryField(null=True)  # one zstd frame
    object_id = models.BigIntegerField(null=True)
    marked_at = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["marked_at"], name="blob_marked", condition=Q(marked_at__isnull=False)),
            models.Index(fields=["mailspace_id", "id"], name="blob_mailspace"),
            models.Index(
                fields=["object_id", "mailspace_id"],
                name="blob_object",
                condition=Q(object_id__isnull=False),
            ),
        ]


class Mailbox(models.Model):
    """A folder or label. Counts are kept by the door; see values.MailboxInfo for their meaning."""

    mailspace_id = models.BigIntegerField()
    name = models.CharField(max_length=1000)
    role = models.CharField(max_length=12, blank=True, default="")
    colour = models.SmallIntegerField(null=True)
    subscribed = models.BooleanField(default=True)
    uidvalidity = models.BigIntegerField()
    uidnext = models.BigIntegerField(default=1)
    recent_uid = models.BigIntegerField(default=0)  # the first UID that no session was told of as \Recent
    recent = models.BigIntegerField(default=0)  # live placements from there on
    highestmodseq = models.BigIntegerField(default=1)
    messages = models.BigIntegerField(default=0)
    unseen = models.BigIntegerField(default=0)
    deleted = models.BigIntegerField(default=0)  # marked \Deleted
    size = models.BigIntegerField(default=0)
    threads = models.BigIntegerField(default=0)
    unread_threads = models.BigIntegerField(default=0)
    starred_threads = models.BigIntegerField(default=0)
    deleted_at = models.BigIntegerField(null=True)  # removed by a person; kept for undo

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["mailspace_id", "name"], condition=Q(deleted_at__isnull=True), name="mailbox_name"
            ),
            models.UniqueConstraint(
                fields=["mailspace_id", "role"],
                condition=Q(deleted_at__isnull=True) & ~Q(role=""),
                name="mailbox_role",
            ),
        ]


class Message(models.Model):
    """One row per mailspace and message: facts parsed once, and the flags all placements share.

    What lists and mail programs read most comes first: SQLite walks a row from its start.
    """

    mailspace_id = models.BigIntegerField()
    thread_id = models.BigIntegerField()
    blob_id = models.BigIntegerField()
    email_id = models.BigIntegerField(default=0)
    size = models.BigIntegerField()  # prefix included: RFC822.SIZE
    internal_date = models.BigIntegerField()
    sent_at = models.BigIntegerField(null=True)
    flags = models.IntegerField(default=0)
    parsed_by = models.IntegerField(default=0)
    indexed = models.BooleanField(default=False)
    own = models.BooleanField(default=False)  # written by the owner: first stored in Sent or Drafts
    head_complete = models.BooleanField(default=True)
    has_attachment = models.BooleanField(default=False)
    automatic = models.BooleanField(default=False)
    keywords = models.TextField(default="")  # sorted, separated by one space
    subject = models.TextField(default="")
    from_name = models.CharField(max_length=255, default="")
    from_address = models.CharField(max_length=320, default="")
    snippet = models.CharField(max_length=255, default="")
    message_id = models.CharField(max_length=998, default="")
    addresses = models.JSONField(default=dict)  # {"from": [[name, email]…], "to", "cc", "bcc", "reply_to"}
    attachments = models.JSONField(default=list)  # [[part, name, type, size, inline, content id]…]
    envelope = models.BinaryField(default=b"")
    bodystructure = models.BinaryField(default=b"")
    head = models.BinaryField(default=b"")
    body = models.BinaryField(default=b"")
    prefix = models.BinaryField(default=b"")  # this recipient's trace lines, before the blob's bytes
    uidl = models.CharField(max_length=70, default="")  # POP3's name for it; empty: the id
    base_subject = models.CharField(max_length=255, default="")
    list_id = models.CharField(max_length=255, default="")
    trace_id = models.CharField(max_length=40, blank=True, default="")
    in_reply_to = models.CharField(max_length=998, default="")
    references = models.TextField(default="")
    reasons = models.JSONField(default=dict)  # why it is where it is: placement and verdict, in words

    class Meta:
        indexes = [
            models.Index(fields=["mailspace_id", "thread_id"], name="message_thread"),
            models.Index(fields=["mailspace_id", "internal_date"], name="message_date"),
            models.Index(fields=["mailspace_id", "message_id"], name="message_message_id"),
            # Newest first: messages with files, and those with a star.
            models.Index(
                fields=["mailspace_id", "internal_date", "id"],
                name="message_files",
                condition=Q(has_attachment=True),
            ),
            models.Index(
                fields=["mailspace_id", "internal_date", "id"],
                name="message_flagged",
                condition=Q(Exact(F("flags").bitand(FLAGGED), FLAGGED)),
            ),
            # The few that fill a mailbox: see finding.LARGE.
            models.Index(
                fields=["mailspace_id", "size"], name="message_large", condition=Q(size__gt=1_000_000)
            ),
            models.Index(fields=["blob_id"], name="message_blob"),
            models.Index(fields=["mailspace_id", "id"], name="message_unindexed", condition=Q(indexed=False)),
            models.Index(fields=["mailspace_id", "uidl"], name="message_uidl", condition=Q(uidl__gt="")),
            # RFC 5256 §2.2: a message without a Date was sent when it arrived.
            models.Index(F("mailspace_id"), Coalesce("sent_at", "internal_date"), name="message_sent"),
        ]


class HeaderText(models.Model):
    """Folded text of the headers that searches look into by substring (message/text.fold).

    A narrow table of its own, so that a search over a mailspace reads these few bytes per message and nothing
    else: on SQLite it is clustered by its key (WITHOUT ROWID), one mailspace lies together in message order.
    """

    pk = models.CompositePrimaryKey("mailspace_id", "message_id")
    mailspace_id = models.BigIntegerField()
    message_id = models.BigIntegerField()
    subject_text = models.TextField(default="")
    from_text = models.TextField(default="")
    to_text = models.TextField(default="")
    cc_text = models.TextField(default="")
    bcc_text = models.TextField(default="")
    list_text = models.TextField(default="")  # List-Id
    delivered_text = models.TextField(default="")  # every Delivered-To, our own line first


class Placement(models.Model):
    """A message in a mailbox under a UID. A live one has no `expunged_modseq`; else a tombstone.

    While it lives it has copies of what IMAP asks of whole mailboxes (flags, keywords, size, internal date), so
    that the message's wide row is not read for them. `modseq` is its FETCH MODSEQ (RFC 7162 §3.1): a change of
    the message's flags raises it in every mailbox.
    """

    mailspace_id = models.BigIntegerField()
    mailbox_id = models.BigIntegerField()
    uid = models.BigIntegerField()
    message_id = models.BigIntegerField()
    flags = models.IntegerField(default=0)  # the message's: without \Deleted
    deleted = models.BooleanField(default=False)
    modseq = models.BigIntegerField()
    expunged_modseq = models.BigIntegerField(null=True)
    size = models.BigIntegerField(default=0)
    internal_date = models.BigIntegerField(default=0)
    saved_at = models.BigIntegerField()
    wake_at = models.BigIntegerField(null=True)
    woken_at = models.BigIntegerField(null=True)
    expunged_at = models.BigIntegerField(null=True)
    keywords = models.TextField(default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailspace_id", "mailbox_id", "uid"], name="placement_uid"),
            models.UniqueConstraint(
                fields=["mailspace_id", "message_id", "mailbox_id"], condition=LIVE, name="placement_live"
            ),
        ]
        indexes = [
            models.Index(
                fields=["mailspace_id", "mailbox_id", "modseq"], name="placement_changed", condition=LIVE
            ),
            # What people and programs ask for in a mailbox of any size: found without looking at the rest.
            models.Index(
                fields=["mailspace_id", "mailbox_id", "uid"],
                name="placement_unseen",
                condition=LIVE & Q(Exact(F("flags").bitand(SEEN), 0)),
            ),
            models.Index(
                fields=["mailspace_id", "mailbox_id", "uid"],
                name="placement_flagged",
                condition=LIVE & Q(Exact(F("flags").bitand(FLAGGED), FLAGGED)),
            ),
            models.Index(
                fields=["mailspace_id", "mailbox_id", "uid"],
                name="placement_deleted",
                condition=LIVE & Q(deleted=True),
            ),
            models.Index(
                fields=["mailspace_id", "mailbox_id", "uid"],
                name="placement_keywords",
                condition=LIVE & Q(keywords__gt=""),
            ),
            # Of all mailspaces: what sleeps, by when it wakes.
            models.Index(
                fields=["wake_at"],
                name="placement_wake",
                condition=LIVE & Q(deleted=False, wake_at__isnull=False),
            ),
            # A list of single messages, newest first.
            models.Index(
                fields=["mailspace_id", "mailbox_id", "internal_date", "message_id"],
                name="placement_date",
                condition=LIVE & Q(deleted=False),
            ),
            # Tombstones: by when they fell, for programs that were away; by message, which may have to be
            # forgotten; and the oldest first, for the clean-up.
            models.Index(
                fields=["mailspace_id", "mailbox_id", "expunged_modseq", "uid"],
                name="placement_expunged",
                condition=GONE,
            ),
            models.Index(
                fields=["mailspace_id", "message_id"],
                name="placement_gone",
                condition=GONE & Q(message_id__gt=0),
            ),
            models.Index(
                fields=["expunged_at"], name="placement_old", condition=Q(expunged_at__isnull=False)
            ),
        ]


class ExpungedUids(models.Model):
    """The UIDs of a mailbox that are gone for longer than the undo window, as runs (see `uids`).

    Every UID below UIDNEXT is live, a tombstone, or here. `modseq` is the highest that was so forgotten:
    a program that was away since before it is told of every missing UID (RFC 7162 §3.2.6).
    """

    mailspace_id = models.BigIntegerField()
    mailbox_id = models.BigIntegerField()
    modseq = models.BigIntegerField(default=0)
    count = models.BigIntegerField(default=0)
    runs = models.BinaryField(default=b"")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailspace_id", "mailbox_id"], name="expunged_uids_mailbox"),
        ]


class Thread(models.Model):
    """A conversation's identity. It closes at 200 messages; threads are never merged."""

    mailspace_id = models.BigIntegerField()
    base_subject = models.CharField(max_length=255, default="")
    messages = models.IntegerField(default=0)
    newest_at = models.BigIntegerField(default=0)
    is_open = models.BooleanField(default=True)

    class Meta:
        indexes = [
            models.Index(fields=["mailspace_id", "base_subject", "newest_at"], name="thread_subject"),
        ]


class ThreadRef(models.Model):
    """A Message-ID or References id (hashed) that leads to a thread."""

    mailspace_id = models.BigIntegerField()
    ref = models.BigIntegerField()
    thread_id = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailspace_id", "ref", "thread_id"], name="thread_ref"),
        ]
        # For forgetting a conversation.
        indexes = [models.Index(fields=["mailspace_id", "thread_id"], name="thread_ref_thread")]


class ThreadRow(models.Model):
    """One line of a list: a thread in a mailbox, or in the views All and Starred (`box` < 0)."""

    mailspace_id = models.BigIntegerField()
    box = models.BigIntegerField()
    thread_id = models.BigIntegerField()
    sort_at = models.BigIntegerField()
    unread = models.IntegerField(default=0)  # unread messages placed here
    count = models.IntegerField(default=0)  # messages of the whole conversation
    starred = models.BooleanField(default=False)
    important = models.BooleanField(default=False)
    muted = models.BooleanField(default=False)
    subject = models.CharField(max_length=255, default="")
    snippet = models.CharField(max_length=255, default="")
    people = models.JSONField(default=list)  # [[name, email, unread, own]…] in order of first message
    recipients = models.JSONField(default=list)  # [[name, email]…] of the newest message, for Sent
    attachments = models.JSONField(default=list)  # [[message, part, name, type]…] first three
    attachment_count = models.IntegerField(default=0)
    boxes = models.JSONField(default=list)  # mailbox ids with a visible placement
    drafts = models.IntegerField(default=0)
    last_message = models.BigIntegerField(default=0)
    wake_at = models.BigIntegerField(null=True)
    woken = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailspace_id", "box", "thread_id"], name="thread_row"),
        ]
        indexes = [
            models.Index(fields=["mailspace_id", "box", "sort_at", "thread_id"], name="thread_row_sort"),
            # The sections of a list (see `lists`). Few lack a star where anybody counts: these are found on the way.
            models.Index(
                fields=["mailspace_id", "box", "sort_at", "thread_id"],
                name="thread_row_unread",
                condition=Q(unread__gt=0),
            ),
            models.Index(
                fields=["mailspace_id", "box", "sort_at", "thread_id"],
                name="thread_row_read",
                condition=Q(unread=0),
            ),
            models.Index(
                fields=["mailspace_id", "box", "sort_at", "thread_id"],
                name="thread_row_starred",
                condition=Q(starred=True),
            ),
            models.Index(fields=["mailspace_id", "thread_id"], name="thread_row_thread"),
        ]


class Draft(models.Model):
    """What a person is writing: structured, saved every 2 s, with a stable id and URL."""

    mailspace_id = models.BigIntegerField()
    message = models.BigIntegerField(null=True)  # its IMAP form, if it has one now
    thread_id = models.BigIntegerField(null=True)
    header_id = models.CharField(max_length=255)  # the Message-ID of every IMAP form
    fields = models.JSONField(default=dict)
    original = models.TextField(default="")  # what is quoted, apart: large, and the same at every save
    version = models.IntegerField(default=1)
    materialised = models.IntegerField(default=0)  # the version its IMAP form shows
    created_at = models.BigIntegerField()
    updated_at = models.BigIntegerField()
    state = models.CharField(max_length=12, default="open")  # open, sent, discarded

    class Meta:
        indexes = [
            models.Index(fields=["mailspace_id", "state", "updated_at"], name="draft_updated"),
            models.Index(fields=["mailspace_id", "message"], name="draft_message"),
        ]


class DraftAttachment(models.Model):
    """A file of a draft: bytes in a Blob, uploaded before it is named here. With the draft's id below zero it is a file
    of what was written over, which undo may bring back (see converging)."""

    mailspace_id = models.BigIntegerField()
    draft_id = models.BigIntegerField()
    blob_id = models.BigIntegerField()
    name = models.CharField(max_length=255)
    type = models.CharField(max_length=127)
    size = models.BigIntegerField()
    content_id = models.CharField(max_length=255, default="")
    inline = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["mailspace_id", "draft_id"], name="draft_attachment"),
            models.Index(fields=["blob_id"], name="draft_attachment_blob"),
        ]


class SearchText(models.Model):
    """Exactly what was indexed for a message. `id` follows INTERNALDATE, so newest is highest."""

    id = models.BigIntegerField(primary_key=True)
    mailspace_id = models.BigIntegerField()
    message_id = models.BigIntegerField(unique=True)
    subject = models.TextField(default="")  # each column: words separated by one space
    sender = models.TextField(default="")
    recipients = models.TextField(default="")
    files = models.TextField(default="")
    body = models.TextField(default="")

    class Meta:
        # From a place in the index to the message, without reading the texts in between.
        indexes = [models.Index(fields=["id", "message_id"], name="search_message")]


class HeaderWord(models.Model):
    """Each word that the indexed subjects and addresses of a mailspace hold, once.

    A search for a part of a word finds the words with that part here, then the messages in the index.
    """

    pk = models.CompositePrimaryKey("mailspace_id", "word")
    mailspace_id = models.BigIntegerField()
    word = models.CharField(max_length=40)
