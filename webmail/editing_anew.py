"""A message as the beginning of another: "Edit as new" makes a draft of its people, words and files.

What stood in it as an original, written here, stays opaque; everything else becomes the editor's. Called by
webmail/views/compose_tools.py.
"""

from __future__ import annotations

from dataclasses import replace

from hosting.access import Sender
from mta.mailstore import service as mailstore
from mta.mailstore.service import ConversationMessage, DraftFields, DraftInfo, Person
from mta.message import build
from mta.message.address import split
from mta.message.tree import decoded, find, parse_tree
from mta.values import Cause
from webmail import quoting, signatures
from webmail.compose import find_sender
from webmail.own_html import mail_html, own_text
from webmail.people import MOST_PEOPLE, Pair
from webmail.reading import read
from webmail.sanitize import clean

_QUOTE = f'<div class="{quoting.QUOTE}">'


def begin(
    mailspace: int, message: ConversationMessage, *, senders: tuple[Sender, ...], cause: Cause
) -> DraftInfo:
    """A draft with the same people, subject, words and files, of nobody's conversation."""
    sender = find_sender(senders, message.from_.email)
    raw = mailstore.raw(mailspace, message.id)
    fields = DraftFields(
        identity=sender.address,
        from_name=sender.name,
        to=_pairs(message.to),
        cc=_pairs(message.cc),
        bcc=_pairs(message.bcc) if message.own else (),
        subject=message.subject,
    )
    header_id = build.new_message_id(split(sender.address)[1])
    made = mailstore.new_draft(mailspace, fields, header_id=header_id, cause=cause)
    _attach(mailspace, made.id, message, raw, cause=cause)
    made = mailstore.draft(mailspace, made.id)
    return mailstore.save_draft(mailspace, made.id, _with_words(made, raw), version=made.version, cause=cause)


def _with_words(draft: DraftInfo, raw: bytes) -> DraftFields:
    reading = read(raw, whole=True)
    if not reading.html:
        own = reading.text.strip("\n")
        return replace(draft.fields, plain=True, written=own, text=f"{own}\n" if own else "")
    own_part, mark, rest = reading.html.partition(_QUOTE)
    html = mail_html(own_part, draft.attachments)
    quoted = clean(mark + rest, picture=lambda name: f"cid:{name.strip('<>')}", keep_outside=True).html
    fields = replace(draft.fields, html=html, quoted_html=f"{_QUOTE}{quoted}</div>" if mark else "")
    quoted_text = quoting.as_text(fields.quoted_html) if fields.quoted_html else ""
    return replace(fields, text=signatures.assembled(own_text(html), fields, quoted_text))


def _attach(mailspace: int, draft: int, message: ConversationMessage, raw: bytes, *, cause: Cause) -> None:
    tree = parse_tree(raw)
    for file in message.attachments:
        part = find(tree, file.number)
        if part is None:
            continue
        data = raw[part.body_start : part.body_end] if file.type == "message/rfc822" else decoded(raw, part)
        mailstore.attach(
            mailspace,
            draft,
            file.name,
            file.type,
            data,
            content_id=file.content_id,
            inline=file.inline and bool(file.content_id),
            cause=cause,
        )


def _pairs(people: tuple[Person, ...]) -> tuple[Pair, ...]:
    return tuple((each.name, each.email) for each in people if each.email)[:MOST_PEOPLE]
