"""Drafts of the web client: what a window says is saved, with the original and the files that go along.

The first save makes the draft; before that there is only an Opening (webmail.answering). What a window cannot know,
the original and the references, never comes from it. Sending itself is `mta.flow.submit`.
Called by webmail/views/compose.py and webmail/tasks.py.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from hosting.access import Sender
from mta import directory
from mta.flow import mime
from mta.mailstore import service as mailstore
from mta.mailstore.errors import DraftThere
from mta.mailstore.service import ConversationMessage, DraftFields, DraftFile, DraftInfo
from mta.message import build
from mta.message.address import BadAddress, canonical, split
from mta.values import Cause, now_us
from webmail import enclosing, own_pictures, quoting, signatures
from webmail.answering import ANSWERS, ATTACH, FORWARD, MODES, NEW, open_answer, quotation
from webmail.enclosing import MOST_ENCLOSED
from webmail.own_html import mail_html, own_text
from webmail.people import MOST_PEOPLE, Pair, one_line
from webmail.templatetags.look import filesize

MAX_HTML = 4 * 1024 * 1024
MOST_LABELS = 100  # of one message
_NAME = re.compile(r"[0-9a-f-]{12,64}")  # of a window


class CannotWrite(Exception):
    """What was asked cannot be done; the text says why."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a window says when it saves. `keep` names the parts of the forwarded message that go along (None: all);
    `quote` is false once the writer took the original out; `html` comes from the editor, and `text` when it is written
    `plain`. `signature` is 0 for none and None when nothing is said about it, and so are `labels`; `attach` are messages that go along as
    files; `version` is the draft as the window knows it, and `window` its own name, under which it begins one draft."""

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
    plain: bool = False
    text: str = ""
    receipt: bool = False
    signature: int | None = None
    labels: tuple[int, ...] | None = None
    attach: tuple[int, ...] = ()
    version: int | None = None
    window: str = ""

    def own_text(self) -> str:
        """What was typed in plain text mode; made of the HTML when the window sends only that."""
        return (self.text if self.text or not self.html else own_text(mail_html(self.html, ()))).rstrip("\n")

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
                plain=bool(data.get("plain", False)),
                text=_typed(data.get("text") or ""),
                receipt=bool(data.get("receipt", False)),
                signature=int(data["signature"] or 0) if "signature" in data else None,
                labels=_labels(data["labels"]) if "labels" in data else None,
                attach=tuple(dict.fromkeys(int(each) for each in (data.get("attach") or ())[:MOST_ENCLOSED])),
                window=window
                if isinstance(window := data.get("window"), str) and _NAME.fullmatch(window)
                else "",
                version=version if isinstance(version := data.get("version"), int) else None,
            )
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise CannotWrite(_("This message could not be read. Reload the page and try again.")) from error


def _labels(ids: Any) -> tuple[int, ...]:
    return tuple(dict.fromkeys(int(each) for each in (ids or ())[:MOST_LABELS]))


def _typed(text: Any) -> str:
    """Plain text as typed: nothing in it but characters, tabs and line ends."""
    if not isinstance(text, str) or len(text) > MAX_HTML:
        raise ValueError("text")
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char for char in lines if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))


def _pairs(people: Any) -> tuple[Pair, ...]:
    return tuple((one_line(name)[:250], one_line(email)[:500]) for name, email in people[:MOST_PEOPLE])


def save(
    mailspace: int,
    draft_id: int | None,
    written: Written,
    *,
    senders: Sequence[Sender],
    account: int,
    cause: Cause,
    above: bool = True,
) -> DraftInfo:
    """Save what was written; without a draft, begin one with the original and the files that go along.

    `above`: a signature stands above the original."""
    return save_over(
        mailspace, draft_id, written, senders=senders, account=account, cause=cause, above=above
    )[0]


def save_over(
    mailspace: int,
    draft_id: int | None,
    written: Written,
    *,
    senders: Sequence[Sender],
    account: int,
    cause: Cause,
    above: bool = True,
) -> tuple[DraftInfo, int | None]:
    """The same, and which version it was before that; None of a new one."""
    if draft_id is None:
        made = _begin(mailspace, written, senders=senders, account=account, cause=cause, above=above)
        return made, None
    found = mailstore.draft(mailspace, draft_id)
    before = found.version
    if written.mode != found.fields.mode and _is_answer(written) and _turns(found.fields):
        found = _turned(mailspace, found, written, senders=senders, cause=cause)
    fields = _applied(found.fields, written, senders, found.attachments, account)
    seen = found.version if written.version is None else written.version
    signed = found.fields.signature_html
    saved = mailstore.save_draft(mailspace, draft_id, fields, version=seen, cause=cause)
    return own_pictures.go_along(mailspace, saved, account, before=signed, cause=cause), before


def _is_answer(written: Written) -> bool:
    return written.mode in ANSWERS and written.parent is not None


def _turns(fields: DraftFields) -> bool:
    """Whether a draft answers something, so that it may become another kind of answer to it."""
    return fields.mode in ANSWERS and fields.parent is not None


def _begin(
    mailspace: int,
    written: Written,
    *,
    senders: Sequence[Sender],
    account: int,
    cause: Cause,
    above: bool,
) -> DraftInfo:
    base, original, about = DraftFields(signature_above=above), None, None
    if _is_answer(written) and written.parent is not None:
        about = mailstore.message(mailspace, written.parent)
        base, original = _answering(mailspace, base, about, written.mode, senders)
    elif written.mode == ATTACH:
        for each in written.attach:
            mailstore.message(mailspace, each)  # what is not theirs is not there
        only = written.attach[0] if len(written.attach) == 1 else None
        base = replace(base, mode=ATTACH, parent=only)
    fields = _applied(base, written, senders, (), account)
    try:
        made = _made(mailspace, fields, written.window, cause=cause)
    except _Begun as known:  # the answer to this window's first save never came to it: it asks again
        again = replace(written, version=None)
        return save(mailspace, known.draft, again, senders=senders, account=account, cause=cause, above=above)
    if about is not None and original is not None:
        _enclose(mailspace, made.id, about, written, original, cause=cause)
    if written.mode == ATTACH:
        enclosing.attach_messages(mailspace, made.id, written.attach, cause=cause)
    begun = mailstore.draft(mailspace, made.id)
    return own_pictures.go_along(mailspace, begun, account, before="", cause=cause)


class _Begun(Exception):
    """This window has a draft already."""

    def __init__(self, draft: int) -> None:
        super().__init__(draft)
        self.draft = draft


def _made(mailspace: int, fields: DraftFields, window: str, *, cause: Cause) -> DraftInfo:
    """A new draft, one for each window: its Message-ID follows from the window's own name, if it has one."""
    domain = split(fields.identity)[1]
    header_id = build.new_message_id(domain)
    if window:
        told = hashlib.sha256(f"{settings.SECRET_KEY} {mailspace} {window}".encode()).hexdigest()[:32]
        try:
            return mailstore.new_draft(
                mailspace, fields, header_id=f"{told}@{domain}", cause=cause, once=True
            )
        except DraftThere as there:
            if there.draft is not None:
                raise _Begun(there.draft) from there
    return mailstore.new_draft(mailspace, fields, header_id=header_id, cause=cause)


def _answering(
    mailspace: int, fields: DraftFields, about: ConversationMessage, mode: str, senders: Sequence[Sender]
) -> tuple[DraftFields, quoting.Quotation]:
    """The fields with the original and the chain of messages that this kind of answer has."""
    opening = open_answer(mode, about, senders)
    original = quotation(mailspace, mode, about)
    fields = replace(
        fields,
        mode=mode,
        parent=about.id,
        quoted_html=original.html,
        in_reply_to=opening.in_reply_to,
        references=opening.references,
    )
    return fields, original


def _turned(
    mailspace: int, draft: DraftInfo, written: Written, *, senders: Sequence[Sender], cause: Cause
) -> DraftInfo:
    """A reply that becomes a forwarded message, or the other way; what was written and attached stays."""
    about = mailstore.message(mailspace, draft.fields.parent or 0)
    fields, original = _answering(mailspace, draft.fields, about, written.mode, senders)
    mailstore.save_draft(mailspace, draft.id, fields, version=draft.version, cause=cause)
    if written.mode == FORWARD or draft.fields.mode == FORWARD:
        _enclose(mailspace, draft.id, about, written, original, cause=cause)
    return mailstore.draft(mailspace, draft.id)


def _enclose(
    mailspace: int,
    draft: int,
    about: ConversationMessage,
    written: Written,
    original: quoting.Quotation,
    *,
    cause: Cause,
) -> None:
    enclosing.attach_parts(
        mailspace,
        draft,
        about,
        pictures=original.pictures if written.quote else (),
        forwarded=written.mode == FORWARD,
        keep=written.keep,
        cause=cause,
    )


def _applied(
    fields: DraftFields,
    written: Written,
    senders: Sequence[Sender],
    files: Sequence[DraftFile],
    account: int,
) -> DraftFields:
    """The fields as written; what the window cannot know (the original, the references) stays."""
    sender = find_sender(senders, written.identity or fields.identity, account)
    quoted = fields.quoted_html if written.quote else ""
    html = "" if written.plain else mail_html(written.html, files)
    own = written.own_text() if written.plain else own_text(html)
    fields = _signed(fields, written, sender, account)
    return replace(
        fields,
        identity=sender.address,
        from_name=sender.name,
        to=written.to,
        cc=written.cc,
        bcc=written.bcc,
        subject=written.subject,
        html=html,
        plain=written.plain,
        written=own if written.plain else "",
        text=signatures.assembled(own, fields, quoting.as_text(quoted) if quoted else ""),
        quoted_html=quoted,
        receipt=written.receipt,
        labels=fields.labels if written.labels is None else written.labels,
    )


def _signed(fields: DraftFields, written: Written, sender: Sender, account: int) -> DraftFields:
    """With the signature that was chosen, as it is now; looked up only when something about it changes."""
    if written.signature is not None and written.signature != (fields.signature or 0):
        chosen = written.signature or None
        html = signatures.html_of(account, chosen)
        fields = replace(fields, signature=chosen if html else None, signature_html=html)
    if sender.address.lower() != fields.identity.lower():
        fields = replace(fields, reply_to=signatures.look(account, sender.address).reply_to)
    return fields


def find_sender(senders: Sequence[Sender], address: str, account: int | None = None) -> Sender:
    """The identity of that address, or the default one: what is posted chooses, it never adds one. An address of
    theirs with a detail after a plus, or one that only the catch-all brings to this account, is one, too."""
    wanted = address.lower()
    local, _at, domain = wanted.rpartition("@")
    base = f"{local.partition('+')[0]}@{domain}"
    for sender in senders:
        if sender.address.lower() == wanted:
            return sender
    try:
        written = canonical(address)
    except BadAddress:
        return senders[0]
    for sender in senders:
        if sender.address.lower() == base:
            return replace(sender, address=written, is_default=False)
    if account is not None and directory.current().may_send_as(account, written):
        return replace(senders[0], address=written, is_default=False)
    return senders[0]


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


def worries(draft: DraftInfo) -> list[tuple[str, str]]:
    """What a writer may want to know before sending, by kind: nothing written, or a file that is not there."""
    found = []
    fields = draft.fields
    own = fields.written if fields.plain else own_text(fields.html)
    if not fields.subject and not own:
        found.append(("empty", _("This message has no subject and no text.")))
    files = [file for file in draft.attachments if not own_pictures.is_of_a_signature(file)]
    if mentions_file(f"{fields.subject}\n{own}") and not files:
        found.append(("file", _("You mention an attachment, but none is here.")))
    return found


def attachment_words() -> list[str]:
    """The words that speak of attached files, in the language of the page."""
    return _("attached attachment attachments attaching enclosed").split()


def mentions_file(text: str) -> bool:
    words = "|".join(re.escape(word) for word in attachment_words())
    return re.search(rf"\b(?:{words})\b", text, re.IGNORECASE) is not None
