"""What a draft says, and how it is read back from its form: a message that a mail program put into Drafts.

Called by `drafts` and `converging`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from typing import Any

from mta.message.flowed import unflow
from mta.message.text import html_to_text
from mta.message.tree import decoded, decoded_text, find, parse_tree

from .models import Draft, Message

Pair = tuple[str, str]  # display name, address
File = tuple[str, str, bytes, str, bool]


@dataclass(frozen=True, slots=True)
class DraftFields:
    """What the composer edits. Addresses are (name, address) pairs as typed, valid or not yet.

    `mode` is new, reply, reply_all, forward or attach; `parent` the message answered or forwarded;
    `quoted_html` the original and `signature_html` the signature, both opaque to the editor; `text` the whole
    text part. Of a `plain` message there is no HTML, and `written` is what the writer typed. `receipt` asks for
    one (RFC 8098); `labels` are mailboxes that it lies in as well once it is sent; `scheduled_at` µs, or None.
    """

    identity: str = ""
    from_name: str = ""
    to: tuple[Pair, ...] = ()
    cc: tuple[Pair, ...] = ()
    bcc: tuple[Pair, ...] = ()
    subject: str = ""
    html: str = ""
    text: str = ""
    mode: str = "new"
    parent: int | None = None
    quoted_html: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    scheduled_at: int | None = None
    plain: bool = False
    written: str = ""
    receipt: bool = False
    reply_to: str = ""
    signature: int | None = None
    signature_html: str = ""
    signature_above: bool = True
    labels: tuple[int, ...] = ()

    @property
    def body(self) -> str:
        """The HTML that is sent; "" of a message that has none."""
        if self.plain:
            return ""
        below = (self.signature_html, self.quoted_html)
        return self.html + "".join(below if self.signature_above else reversed(below))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DraftFields:
        """Read what `asdict` wrote; unknown keys are ignored."""
        known = {field.name for field in dataclass_fields(cls)} & data.keys()
        values = {name: data[name] for name in known}
        for name in ("to", "cc", "bcc"):
            values[name] = tuple((str(a), str(b)) for a, b in values.get(name, ()))
        for name in ("references", "labels"):
            values[name] = tuple(values.get(name, ()))
        return cls(**values)


def jsonable(fields: DraftFields) -> dict[str, Any]:
    """The fields as the database gives them back, but for the original, which has a column of its own."""
    values = asdict(fields)
    for name in ("to", "cc", "bcc"):
        values[name] = [list(pair) for pair in values[name]]
    for name in ("references", "labels"):
        values[name] = list(values[name])
    del values["quoted_html"]
    return values


def fields_in(row: Draft) -> DraftFields:
    """The fields of a draft; those of an older one hold the original, too."""
    return DraftFields.from_json({**row.fields, **({"quoted_html": row.original} if row.original else {})})


def fields_of(row: Message, raw: bytes) -> tuple[DraftFields, list[File]]:
    """What a mail program wrote, as a draft's fields, and its files: (name, type, bytes, Content-ID, inline)."""
    tree = parse_tree(raw)
    html, text = _bodies(raw, tree)
    sender = (row.addresses.get("from") or [["", ""]])[0]
    fields = DraftFields(
        identity=sender[1],
        from_name=sender[0],
        to=_pairs(row.addresses.get("to", ())),
        cc=_pairs(row.addresses.get("cc", ())),
        bcc=_pairs(row.addresses.get("bcc", ())),
        subject=row.subject,
        html=html,
        text=text or html_to_text(html),
        plain=bool(text) and not html,
        written="" if html else text.replace("\r\n", "\n").rstrip("\n"),
        mode="reply" if row.in_reply_to else "new",
        in_reply_to=row.in_reply_to,
        references=tuple(row.references.split()),
    )
    files = []
    for number, name, type_, _size, inline, content_id in row.attachments:
        part = find(tree, number)
        if part is not None:
            files.append((name, type_, decoded(raw, part), content_id, bool(inline)))
    return fields, files


def _bodies(raw: bytes, tree: Any) -> tuple[str, str]:
    """(html, text) of the first text parts that are not files."""
    html = text = ""
    stack = [tree]
    while stack:
        part = stack.pop(0)
        if part.children:
            stack = [*part.children, *stack]
        elif part.maintype == "text" and part.disposition != "attachment":
            if part.subtype == "html" and not html:
                html = decoded_text(raw, part)
            elif part.subtype == "plain" and not text:
                text = decoded_text(raw, part)
                if part.params.get("format", "").lower() == "flowed":
                    text = unflow(text, delsp=part.params.get("delsp", "").lower() == "yes")
    return html, text


def _pairs(found: Sequence[Sequence[str]]) -> tuple[Pair, ...]:
    return tuple((name, email) for name, email in found)
