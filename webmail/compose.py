"""Drafts of the web client: what a window says is saved, with the original and the files that go along.

The first save makes the draft; before that there is only an Opening (webmail.answering). What a window cannot know,
the original and the references, never comes from it. Sending itself is `mta.flow.submit`.
Called by webmail/views/compose.py and webmail/tasks.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from hosting.access import Sender
from mta.flow import mime
from mta.mailstore import service as mailstore
from mta.mailstore.service import Attachment, ConversationMessage, DraftFields, DraftFile, DraftInfo
from mta.message import build
from mta.message.address import split
from mta.message.tree import decoded, find, parse_tree
from mta.values import Cause, now_us
from webmail import quoting
from webmail.answering import FORWARD, MODES, NEW, is_shown_inside, open_answer, quotation
from webmail.own_html import mail_html, own_text
from webmail.people import MOST_PEOPLE, Pair, one_line
from webmail.templatetags.look import filesize

MAX_HTML = 4 * 1024 * 1024


class CannotWrite(Exception):
    """What was asked cannot be done; the text says why."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a window says when it saves. `keep` names the parts of the forwarded message that go along (None: all);
    `quote` is false once the writer took the original out; `html` comes from the editor, `text` from a plain page."""

    mode: str = NEW
    parent: int | None = None
    keep: tuple[str, ...] | None = None
    identity: str = ""
    to: tuple[Pair, ...] = ()
    cc: tuple[Pair, ...] = ()
    bcc: tuple[Pair, ...] = ()
    subject: str = ""
    html: str = ""
    quote: bool = True

    @classmethod
    def from_json(cls, data: Any) -> Written:
        """Read what static/js/compose-window.js sends; raises CannotWrite for anything else."""
        try:
            mode = data.get("mode", NEW)
            parent, keep, html = data.get("message"), data.get("keep"), data.get("html", "")
            if mode not in MODES or not isinstance(html, str) or len(html) > MAX_HTML:
                raise ValueError(mode)
            return cls(
                mode=mode,
                parent=int(parent) if parent else None,
                keep=None if keep is None else tuple(str(each) for each in keep[:1000]),
                identity=str(data.get("from", "")),
                to=_pairs(data.get("to", ())),
                cc=_pairs(data.get("cc", ())),
                bcc=_pairs(data.get("bcc", ())),
                subject=one_line(data.get("subject", "")),
                html=html,
                quote=bool(data.get("quote", True)),
            )
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise CannotWrite(_("This message could not be read. Reload the page and try again.")) from error


def _pairs(people: Any) -> tuple[Pair, ...]:
    return tuple((one_line(name)[:250], one_line(email)[:500]) for name, email in people[:MOST_PEOPLE])


def save(
    mailspace: int,
    draft_id: int | None,
    written: Written,
    *,
    senders: Sequence[Sender],
    cause: Cause,
) -> DraftInfo:
    """Save what was written; without a draft, begin one with the original and the files that go along."""
    if draft_id is None:
        return _begin(mailspace, written, senders=senders, cause=cause)
    found = mailstore.draft(mailspace, draft_id)
    fields = _applied(found.fields, written, senders, found.attachments)
    return mailstore.save_draft(mailspace, draft_id, fields, version=found.version, cause=cause)


def _begin(mailspace: int, written: Written, *, senders: Sequence[Sender], cause: Cause) -> DraftInfo:
    base, original, about = DraftFields(), None, None
    if written.parent is not None and written.mode != NEW:
        about = mailstore.message(mailspace, written.parent)
        opening = open_answer(written.mode, about, senders)
        original = quotation(mailspace, written.mode, about)
        base = DraftFields(
            mode=written.mode,
            parent=about.id,
            quoted_html=original.html,
            in_reply_to=opening.in_reply_to,
            references=opening.references,
        )
    fields = _applied(base, written, senders, ())
    header_id = build.new_message_id(split(fields.identity)[1])
    made = mailstore.new_draft(mailspace, fields, header_id=header_id, cause=cause)
    if about is not None and original is not None:
        pictures = original.pictures if written.quote else ()
        _attach_parts(mailspace, made.id, about, written, pictures, cause=cause)
        made = mailstore.draft(mailspace, made.id)
    return made


def _attach_parts(
    mailspace: int,
    draft_id: int,
    about: ConversationMessage,
    written: Written,
    pictures: Sequence[str],
    *,
    cause: Cause,
) -> None:
    """The pictures that the original shows and, forwarded, its files."""
    wanted: list[tuple[Attachment, bool]] = []
    for file in about.attachments:
        if file.content_id and file.content_id in pictures:
            wanted.append((file, True))
        elif written.mode == FORWARD and (
            is_shown_inside(file) or written.keep is None or file.number in written.keep
        ):
            wanted.append((file, False))
    if not wanted:
        return
    raw = mailstore.raw(mailspace, about.id)
    tree = parse_tree(raw)
    for file, inside in wanted:
        part = find(tree, file.number)
        if part is None:
            continue
        data = raw[part.body_start : part.body_end] if file.type == "message/rfc822" else decoded(raw, part)
        mailstore.attach(
            mailspace,
            draft_id,
            file.name,
            file.type,
            data,
            content_id=file.content_id if inside else "",
            inline=inside,
            cause=cause,
        )


def _applied(
    fields: DraftFields, written: Written, senders: Sequence[Sender], files: Sequence[DraftFile]
) -> DraftFields:
    """The fields as written; what the window cannot know (the original, the references) stays."""
    sender = find_sender(senders, written.identity or fields.identity)
    quoted = fields.quoted_html if written.quote else ""
    html = mail_html(written.html, files)
    own = own_text(html)
    text = f"{own}\n\n{quoting.as_text(quoted)}\n" if quoted else f"{own}\n" if own else ""
    return replace(
        fields,
        identity=sender.address,
        from_name=sender.name,
        to=written.to,
        cc=written.cc,
        bcc=written.bcc,
        subject=written.subject,
        html=html,
        text=text,
        quoted_html=quoted,
    )


def find_sender(senders: Sequence[Sender], address: str) -> Sender:
    """The identity of that address, or the default one: what is posted chooses, it never adds one."""
    return next((each for each in senders if each.address.lower() == address.lower()), senders[0])


def materialise(mailspace: int, draft: DraftInfo, *, cause: Cause) -> None:
    """Bring the draft's IMAP form up to date, for mail programs and for the list of drafts."""
    if draft.stale_form and draft.state == "open":
        raw = mime.from_draft(mailspace, draft, at=now_us(), with_bcc=True)
        mailstore.materialise(mailspace, draft.id, raw, version=draft.version, cause=cause)


# --- before sending -----------------------------------------------------------------------------------------
def room(draft: DraftInfo | None) -> int:
    """Bytes of files that still fit: base64 takes 78 bytes for 57, and some room is left for the text."""
    used = sum(file.size for file in draft.attachments) if draft else 0
    text = len(draft.fields.html) + len(draft.fields.quoted_html) if draft else 0
    return max(0, (settings.MAX_MESSAGE_SIZE - 2 * text - 64 * 1024) * 57 // 78 - used)


def check_room(draft: DraftInfo, size: int) -> None:
    """Raises CannotWrite when a file of `size` bytes does not fit."""
    if size > room(draft):
        raise CannotWrite(
            _("Too big: the files of a message may have %(most)s together, and %(left)s are left.")
            % {"most": filesize(room(None)), "left": filesize(room(draft))}
        )


def worries(draft: DraftInfo) -> list[str]:
    """What a writer may want to know before sending: nothing written, or a file that is not there."""
    found = []
    own = own_text(draft.fields.html)
    if not draft.fields.subject and not own:
        found.append(_("This message has no subject and no text."))
    if mentions_file(f"{draft.fields.subject}\n{own}") and not draft.attachments:
        found.append(_("You mention an attachment, but none is here."))
    return found


def attachment_words() -> list[str]:
    """The words that speak of attached files, in the language of the page."""
    return _("attached attachment attachments attaching enclosed").split()


def mentions_file(text: str) -> bool:
    words = "|".join(re.escape(word) for word in attachment_words())
    return re.search(rf"\b(?:{words})\b", text, re.IGNORECASE) is not None
