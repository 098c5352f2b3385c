"""The facts of a message that are stored in columns: parsed once, at delivery, never again.

`doctor --reparse` redoes rows whose `parsed_by` is older than PARSER_VERSION. Never raises on any bytes; every text
it returns can be stored (no NUL, lone surrogates or controls but newline and tab). Called by `mta.flow`,
`mta.mailstore` and importers.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mta.message.address import Address, parse_addresses
from mta.message.attached import attached_text, kind_words
from mta.message.headers import (
    Field,
    decode_text,
    first,
    message_ids,
    parse_date,
    parse_header,
    split_message,
    unfold,
)
from mta.message.structure import bodystructure, envelope
from mta.message.text import bare_subject, html_to_text, snippet
from mta.message.tree import Part, decoded_text, parse_tree

# RFC 3834 §3.1.5: an automatic answer says so before the subject that it answers.
_AUTOMATIC = re.compile(
    r"(?:auto|auto[- ]?reply|automatic (?:reply|response)|out of (?:the )?office|automatische antwort|abwesenheitsnotiz"
    r"|réponse automatique|risposta automatica|respuesta automática|resposta automática|autosvar|autoodpowiedź)\s?[:：]\s*",
    re.IGNORECASE,
)
PARSER_VERSION = 3  # 2: more fields in `head`; 3: text of attached files is searched, Delivered-To
MAX_SUBJECT = 998
MAX_SNIPPET = 200
MAX_ATTACHMENTS = 100
MAX_SEARCH_TEXT = 200_000
MAX_HEAD = 64 * 1024
MAX_IDS = 100
MAX_READ = 2 << 20  # encoded bytes of one body part that are read for the index

_ADDRESS_FIELDS = ("from", "to", "cc", "reply-to")
# What mail programs ask for to draw their lists: IMAP answers BODY[HEADER.FIELDS (…)] of these from `Facts.head`.
HEAD_FIELDS = frozenset(
    (
        *(*_ADDRESS_FIELDS, "bcc", "sender", "newsgroups"),
        *("subject", "date", "message-id", "references", "in-reply-to", "content-type"),
        *("list-id", "importance", "priority", "x-priority"),
    )
)
_LIST_FIELDS = frozenset(
    ("list-id", "list-unsubscribe", "list-post", "list-help", "list-owner", "list-archive")
)
# Parts that sign or describe the others: no file of the sender's.
_NOT_FILES = frozenset(
    (
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-encrypted",
        "message/delivery-status",
        "message/disposition-notification",
        "text/rfc822-headers",
    )
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message."""

    number: str  # IMAP's section number
    name: str  # "" if the sender gave none
    type: str
    size: int  # decoded, estimated from the encoded length
    inline: bool  # meant to be shown inside the text
    content_id: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the store, the lists, searches and filters need to know of a message."""

    head: bytes
    head_complete: bool
    envelope: bytes
    bodystructure: bytes
    body: bytes
    subject: str
    base_subject: str
    is_reply: bool
    sent_at: int | None
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    from_: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    list_id: str
    delivered_to: tuple[str, ...]
    auto_submitted: bool
    snippet: str
    attachments: tuple[Attachment, ...]
    search_text: str
    bulk: bool
    size: int


def parse_message(raw: bytes) -> Facts:
    """All facts of a message in one pass over its parts."""
    tree = parse_tree(raw)
    fields = tree.fields
    values: dict[str, bytes] = {}
    for field in fields:
        values.setdefault(field.name, field.value)
    subject = decode_text(values.get("subject", b""))[:MAX_SUBJECT]
    bare, is_reply = bare_subject(subject)
    if _auto_submitted(values) and (said := _AUTOMATIC.match(bare)):
        bare, is_reply = bare_subject(bare[said.end() :])[0], True
    head, head_complete = _head(fields)
    in_reply_to = message_ids(values.get("in-reply-to", b""), MAX_IDS)
    references = message_ids(values.get("references", b""), MAX_IDS)
    people = {
        name: _people(values.get(name)) for name in ("from", "to", "cc", "bcc", "reply-to", "delivered-to")
    }
    attachments = tuple(_attachments(tree))[:MAX_ATTACHMENTS]
    body = body_text(raw, tree)
    return Facts(
        head=head,
        head_complete=head_complete,
        envelope=envelope(fields),
        bodystructure=bodystructure(raw, tree),
        body=bodystructure(raw, tree, extended=False),
        subject=subject,
        base_subject=bare.casefold(),
        is_reply=is_reply,
        sent_at=parse_date(values["date"]) if "date" in values else None,
        message_id=next(iter(message_ids(values.get("message-id", b""), 1)), ""),
        in_reply_to=in_reply_to,
        references=_without(references, in_reply_to),
        from_=people["from"],
        to=people["to"],
        cc=people["cc"],
        bcc=people["bcc"],
        reply_to=people["reply-to"],
        list_id=_list_id(values.get("list-id")),
        delivered_to=_delivered_to(fields),
        auto_submitted=_auto_submitted(values),
        snippet=snippet(body, MAX_SNIPPET),
        attachments=attachments,
        search_text=_search_text(subject, people, attachments, _with_files(raw, tree, body)),
        bulk=_bulk(values),
        size=len(raw),
    )


def search_text(raw: bytes) -> str:
    """`Facts.search_text` alone."""
    tree = parse_tree(raw)
    values: dict[str, bytes] = {}
    for field in tree.fields:
        values.setdefault(field.name, field.value)
    people = {name: _people(values.get(name)) for name in ("from", "to", "cc", "bcc")}
    attachments = tuple(_attachments(tree))[:MAX_ATTACHMENTS]
    subject = decode_text(values.get("subject", b""))[:MAX_SUBJECT]
    return _search_text(subject, people, attachments, _with_files(raw, tree, body_text(raw, tree)))


def _head(fields: tuple[Field, ...]) -> tuple[bytes, bool]:
    head = b"".join(field.raw for field in fields if field.name in HEAD_FIELDS)
    if len(head) > MAX_HEAD:
        return b"", False
    return (head if not head or head.endswith(b"\n") else head + b"\r\n"), True


def _people(value: bytes | None) -> tuple[Address, ...]:
    """The addresses of a field; what names no address counts only if nothing there does."""
    if value is None:
        return ()
    found = parse_addresses(value)
    return tuple(each for each in found if each.domain and each.local) or found


def _without(references: tuple[str, ...], in_reply_to: tuple[str, ...]) -> tuple[str, ...]:
    """At most MAX_IDS in all; References already names the parent, so that In-Reply-To gives way last."""
    room = MAX_IDS - len(set(in_reply_to) - set(references))
    if len(references) <= room:
        return references
    return (references[:1] + references[len(references) - room + 1 :])[: max(room, 0)]


_IN_BRACKETS = re.compile(r"<([^<>]{1,250})>")


def _list_id(value: bytes | None) -> str:
    """RFC 2919: what stands between the brackets."""
    if value is None:
        return ""
    text = decode_text(value)[:1000]
    match = _IN_BRACKETS.search(text)
    return (match[1] if match else text[:250]).strip().lower()


def delivered_to(head: bytes) -> tuple[str, ...]:
    """The addresses of the Delivered-To lines of a header, or of a part of one."""
    return _delivered_to(tuple(parse_header(head)))


def _delivered_to(fields: tuple[Field, ...]) -> tuple[str, ...]:
    found = (unfold(field.value[:1000]) for field in fields if field.name == "delivered-to")
    return tuple(dict.fromkeys(decode_text(value).strip("<>").lower() for value in found))[:50]


def _keyword(value: bytes | None) -> str:
    return "" if value is None else decode_text(value[:200]).split(";")[0].strip().lower()


def _auto_submitted(values: dict[str, bytes]) -> bool:
    """RFC 3834 §5, and what answering machines used before it."""
    if _keyword(values.get("auto-submitted")) not in ("", "no"):
        return True
    if "x-autoreply" in values or "x-autorespond" in values:
        return True
    return _keyword(values.get("precedence")) in ("auto_reply", "auto-reply")


def _bulk(values: dict[str, bytes]) -> bool:
    return not _LIST_FIELDS.isdisjoint(values) or _keyword(values.get("precedence")) in (
        "bulk",
        "list",
        "junk",
    )


# --- Attachments ----------------------------------------------------------------------------------------


def _attachments(tree: Part) -> Iterator[Attachment]:
    body = _first_text(tree)
    yield from _files(tree, parent=None, body=body)


def _files(part: Part, parent: Part | None, body: Part | None) -> Iterator[Attachment]:
    if part.children:
        for child in part.children:
            yield from _files(child, part, body)
        return
    if part is not body and _is_file(part, parent):
        yield Attachment(
            number=part.number,
            name=part.filename or _message_name(part.message),
            type=part.content_type,
            size=_decoded_size(part),
            inline=_is_inline(part, parent),
            content_id=part.content_id,
        )


def _is_file(part: Part, parent: Part | None) -> bool:
    if part.disposition == "attachment":
        return True
    if part.content_type in _NOT_FILES:
        return False
    around = parent.content_type if parent else ""
    if around == "multipart/report":
        return False
    if part.maintype == "text":
        if around == "multipart/alternative" or part.octets == 0:
            return False
        return bool(part.filename) or part.subtype not in ("plain", "html", "enriched", "x-amp-html")
    return part.octets > 0 or bool(part.filename)


def _is_inline(part: Part, parent: Part | None) -> bool:
    if part.disposition == "attachment":
        return False
    if part.disposition == "inline":
        return True
    return bool(part.content_id) and parent is not None and parent.subtype == "related"


def _message_name(message: Part | None) -> str:
    subject = first(message.fields, "subject") if message else None
    return f"{decode_text(subject)[:100].replace('/', '-')}.eml" if subject else ""


def _decoded_size(part: Part) -> int:
    if part.encoding == "base64":
        return part.octets * 57 // 78  # 76 characters and CRLF for each 57 bytes
    return part.octets


# --- The text -------------------------------------------------------------------------------------------


def _first_text(tree: Part) -> Part | None:
    """The first part, down every first child: the body, even if its sender gave it a file name."""
    part = tree
    while part.children:
        part = part.children[0]
    return part if part.maintype == "text" and part.disposition != "attachment" else None


def text_parts(tree: Part) -> Iterator[Part]:
    """The parts that make the text a reader sees, of alternatives the plainest that says something."""
    if tree.content_type == "multipart/alternative":
        choices = [part for part in tree.children if list(text_parts(part))]
        plain = [part for part in choices if part.content_type == "text/plain" and part.octets > 2]
        for part in (plain or choices[-1:])[:1]:
            yield from text_parts(part)
        return
    if tree.children:
        for child in tree.children:
            yield from text_parts(child)
    elif tree.content_type in ("text/plain", "text/html", "text/enriched") and not _said_file(tree):
        yield tree


def _said_file(part: Part) -> bool:
    return part.disposition == "attachment" or bool(part.filename and part.disposition)


def body_text(raw: bytes, tree: Part) -> str:
    """The text of a message, HTML as plain text, cut to what the index keeps."""
    pieces: list[str] = []
    length = 0
    for part in text_parts(tree):
        text = decoded_text(raw, part, limit=MAX_READ)
        if part.subtype != "plain":
            text = html_to_text(text, links=False)
        pieces.append(text)
        length += len(text)
        if length > MAX_SEARCH_TEXT:
            break
    return "\n".join(pieces)[:MAX_SEARCH_TEXT]


def _with_files(raw: bytes, tree: Part, body: str) -> str:
    """What is searched as the body: with the text of attached files."""
    if not tree.children and tree.maintype == "text":
        return body
    found = attached_text(raw, tree, beside=tuple(text_parts(tree)))
    return f"{body}\n{found}" if found else body


SECTIONS = ("subject", "from", "to", "cc", "bcc", "filename", "body")


def _search_text(
    subject: str, people: dict[str, tuple[Address, ...]], attachments: tuple[Attachment, ...], body: str
) -> str:
    """One line for each of SECTIONS, the body last with lines of its own."""
    kinds = kind_words((each.name, each.type) for each in attachments if not each.inline)
    names = " ".join([*(each.name for each in attachments if each.name), *kinds])
    lines = [subject, *(_as_line(people[name]) for name in ("from", "to", "cc", "bcc")), names]
    return "\n".join([*(line[:20_000].replace("\n", " ") for line in lines), body])[:MAX_SEARCH_TEXT]


def _as_line(people: tuple[Address, ...]) -> str:
    return ", ".join(f"{each.name} {each.email}".strip() for each in people)


def search_sections(search_text: str) -> dict[str, str]:
    """`Facts.search_text` taken apart: subject, from, to, cc, bcc, filename, body."""
    lines = search_text.split("\n", len(SECTIONS) - 1)
    return dict(zip(SECTIONS, lines + [""] * (len(SECTIONS) - len(lines)), strict=True))


def parse_head(raw: bytes) -> bytes:
    """The raw header of a message, without its blank line."""
    return raw[: split_message(raw)[0]]
