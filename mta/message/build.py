"""Building messages to send: values in, bytes with CRLF out.

Nothing in any field can begin a header field of its own: every text goes through `encode`. The same input gives the
same bytes (boundaries come from the Message-ID). Called by the web client's compose, drafts, auto-replies.
"""

import binascii
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from mta.message.address import Address
from mta.message.encode import (
    address_field,
    date_text,
    id_field,
    is_field_name,
    params_field,
    structured_field,
    text_field,
)
from mta.message.flowed import flow
from mta.message.text import bare_subject, html_to_text
from mta.message.tree import safe_filename

_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_OWN_FIELDS = frozenset(
    (
        *(
            "from",
            "to",
            "cc",
            "bcc",
            "reply-to",
            "subject",
            "date",
            "message-id",
            "in-reply-to",
            "references",
        ),
        *("mime-version", "sender", "return-path", "received", "delivered-to", "dkim-signature"),
    )
)
_EIGHT = b"Content-Transfer-Encoding: 8bit\r\n"
_UNSTRUCTURED = frozenset(("comments", "organization", "x-mailer", "user-agent"))


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send. `content_id` (no brackets) with `inline` makes it a part of the HTML."""

    name: str
    type: str
    data: bytes
    content_id: str | None = None
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as its writer means it. Ids are without angle brackets."""

    from_: Address
    to: tuple[Address, ...]
    subject: str
    text: str
    message_id: str
    date: datetime
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    html: str | None = None
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    reply_to: tuple[Address, ...] = ()
    attachments: tuple[Upload, ...] = ()
    extra_headers: tuple[tuple[str, str], ...] = field(default=())
    calendar: tuple[str, str] | None = None  # (method, iCalendar text): a further form of the same
    report: bytes | None = None  # the fields of a receipt (RFC 8098): the whole is a multipart/report then
    flowed: bool = False  # a plain text whose paragraphs are lines: written as format=flowed (RFC 3676)


def build(outgoing: Outgoing, *, with_bcc: bool) -> bytes:
    """The message. `with_bcc` for the copy in Sent and for drafts, never for what is sent."""
    head = [
        structured_field("Date", date_text(outgoing.date)),
        _people("From", (outgoing.from_,)),
    ]
    for name, people in (("Reply-To", outgoing.reply_to), ("To", outgoing.to), ("Cc", outgoing.cc)):
        if people:
            head.append(_people(name, people))
    if with_bcc and outgoing.bcc:
        head.append(_people("Bcc", outgoing.bcc))
    head.append(text_field("Subject", outgoing.subject))
    head.append(id_field("Message-ID", (outgoing.message_id,)))
    if outgoing.in_reply_to:
        head.append(id_field("In-Reply-To", (outgoing.in_reply_to,)))
    if outgoing.references:
        head.append(id_field("References", outgoing.references))
    head += _extra(outgoing.extra_headers)
    head.append(b"MIME-Version: 1.0\r\n")
    return b"".join(head) + _Body(outgoing).entity()


def _people(name: str, people: tuple[Address, ...]) -> bytes:
    return address_field(name, [(each.name, each.email) for each in people])


def _extra(headers: tuple[tuple[str, str], ...]) -> list[bytes]:
    """Further fields; those that this file writes, and any Content-*, cannot be given."""
    written = []
    for name, value in headers:
        lower = name.lower()
        if not is_field_name(name) or lower in _OWN_FIELDS or lower.startswith("content-"):
            continue
        free = lower in _UNSTRUCTURED or not value.isascii()
        written.append(text_field(name, value) if free else structured_field(name, value))
    return written


class _Body:
    """The entity tree: mixed( alternative( text, related( html, inline files ) ), files )."""

    def __init__(self, outgoing: Outgoing) -> None:
        self.outgoing = outgoing
        self.seed = outgoing.message_id.encode("utf-8", "replace")
        self.boundaries = 0

    def entity(self) -> bytes:
        mail = self.outgoing
        related = [
            each for each in mail.attachments if mail.html is not None and each.inline and each.content_id
        ]
        files = [each for each in mail.attachments if each not in related]
        body = self.text_entity(related)
        if mail.report is not None:
            fields = b"Content-Type: message/disposition-notification\r\n\r\n" + mail.report
            about = (("report-type", "disposition-notification"),)
            return self.multipart("report", [body, fields], about)
        if not files:
            return body
        return self.multipart("mixed", [body, *(_file(each) for each in files)])

    def text_entity(self, related: list[Upload]) -> bytes:
        mail = self.outgoing
        if mail.calendar is not None and mail.html is None:
            return self.multipart("alternative", [_text("plain", mail.text), _calendar(*mail.calendar)])
        if mail.html is None:
            return _flowed(mail.text) if mail.flowed else _text("plain", mail.text)
        html = _text("html", mail.html)
        if related:
            html = self.multipart(
                "related", [html, *(_file(each) for each in related)], (("type", "text/html"),)
            )
        readable = mail.text if mail.text.strip() else html_to_text(mail.html)
        return self.multipart("alternative", [_text("plain", readable), html])

    def multipart(self, subtype: str, parts: list[bytes], params: tuple[tuple[str, str], ...] = ()) -> bytes:
        boundary = self.boundary(parts)
        head = params_field("Content-Type", f"multipart/{subtype}", (("boundary", boundary), *params))
        if any(_EIGHT in part.partition(b"\r\n\r\n")[0] + b"\r\n" for part in parts):
            head += _EIGHT  # RFC 2045 §6.4: as the widest of its parts
        line = boundary.encode("ascii")
        body = b"".join(b"--" + line + b"\r\n" + part + b"\r\n" for part in parts)
        return head + b"\r\n" + body + b"--" + line + b"--\r\n"

    def boundary(self, parts: list[bytes]) -> str:
        """Derived from the Message-ID; tried again in the case that it stands in a part."""
        while True:
            self.boundaries += 1
            digest = hashlib.sha256(self.seed + b"\0%d" % self.boundaries).hexdigest()[:32]
            boundary = f"=_{digest}"  # RFC 2045 §6.7: "=_" cannot occur in quoted-printable or base64
            if not any(boundary.encode() in part for part in parts):
                return boundary


# --- Parts ----------------------------------------------------------------------------------------------


def crlf(data: bytes) -> bytes:
    """With CRLF and nothing else at line ends (RFC 5321 §2.3.8)."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def _flowed(text: str) -> bytes:
    """RFC 3676 §4: a space before the line end says that the line goes on; quoted-printable keeps it through all."""
    return _text("plain", flow(text.replace("\0", "")), "; format=flowed; delsp=no")


def _text(subtype: str, text: str, params: str = "") -> bytes:
    data = crlf(text.replace("\0", "").encode("utf-8", "replace"))
    charset = "us-ascii" if data.isascii() else "utf-8"
    encoding, body = encode_body(data)
    return (
        f"Content-Type: text/{subtype}; charset={charset}{params}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    ).encode() + body


def _calendar(method: str, text: str) -> bytes:
    """RFC 6047 §2.4: the type names the method and the charset, and both must be right."""
    encoding, body = encode_body(crlf(text.encode("utf-8", "replace")))
    head = params_field("Content-Type", "text/calendar", (("method", method), ("charset", "utf-8")))
    return head + f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


def encode_body(data: bytes) -> tuple[str, bytes]:
    """(Content-Transfer-Encoding, encoded) of CRLF text: 7bit if it is, else the shorter of two."""
    longest = max(map(len, data.split(b"\r\n")))
    if data.isascii() and longest <= 990 and b"\0" not in data:
        return "7bit", data
    high = len(data) - len(data.translate(None, bytes(range(128, 256))))
    if high * 6 > len(data):
        return "base64", base64_lines(data)
    return "quoted-printable", quoted_printable(data)


def quoted_printable(data: bytes) -> bytes:
    """RFC 2045 §6.7 with CRLF; lines of at most 76 characters."""
    return binascii.b2a_qp(data, istext=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def base64_lines(data: bytes) -> bytes:
    """RFC 2045 §6.8: lines of 76 characters."""
    encoded = binascii.b2a_base64(data, newline=False)
    return b"".join(encoded[at : at + 76] + b"\r\n" for at in range(0, len(encoded), 76))


def _file(upload: Upload) -> bytes:
    kind = upload.type.split(";")[0].strip().lower()
    name = safe_filename(upload.name) or "file"
    if not _TYPE.fullmatch(kind) or kind.startswith("multipart/"):
        kind = "application/octet-stream"
    encoding, body = "base64", b""
    if kind.startswith("message/"):
        body = crlf(upload.data)
        encoding = _as_it_is(body) if kind == "message/rfc822" else ""
        if not encoding:
            kind, encoding = "application/octet-stream", "base64"
    if encoding == "base64":
        body = base64_lines(upload.data)
    inline = upload.inline and bool(upload.content_id)
    head = params_field("Content-Type", kind, (*_charset(kind, upload.data), ("name", name)))
    head += params_field("Content-Disposition", "inline" if inline else "attachment", (("filename", name),))
    head += f"Content-Transfer-Encoding: {encoding}\r\n".encode()
    if upload.content_id:
        head += id_field("Content-ID", (upload.content_id,))
    return head + b"\r\n" + body


def _as_it_is(message: bytes) -> str:
    """How a whole message goes within another, unchanged; "" where it must go as a file.

    RFC 2046 §5.2.1 forbids base64 and quoted-printable here. 8bit passes every server of today (see relay.deliver).
    What no line of SMTP can carry does not (RFC 5321 §4.5.3.1.6, RFC 2045 §2.8), and a header of eight bits would
    make it message/global (RFC 6532 §3.7), which most programs do not open.
    """
    header_end = message.find(b"\r\n\r\n")
    header = message if header_end < 0 else message[:header_end]
    if not header.isascii() or b"\0" in message or max(map(len, message.split(b"\r\n"))) > 990:
        return ""
    return "7bit" if message.isascii() else "8bit"


def _charset(kind: str, data: bytes) -> tuple[tuple[str, str], ...]:
    """RFC 2046 §4.1.2: text without one is ASCII, and is shown as such; what reads as UTF-8 is UTF-8."""
    if not kind.startswith("text/") or data.isascii():
        return ()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return ()
    return (("charset", "utf-8"),)


# --- What replies and forwarded messages begin with -----------------------------------------------------


def new_message_id(domain: str) -> str:
    """A fresh id without brackets (RFC 5322 §3.6.4)."""
    return f"{secrets.token_urlsafe(18).replace('-', 'x').replace('_', 'y')}@{domain}"


def reply_subject(subject: str) -> str:
    """One `Re:`, however many there were."""
    return f"Re: {bare_subject(subject)[0]}".strip()


def forward_subject(subject: str) -> str:
    return f"Fwd: {bare_subject(subject)[0]}".strip()


def quote_text(text: str, attribution: str) -> str:
    """The text quoted under its attribution line."""
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    quoted = "\n".join(f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in lines)
    return f"{attribution}\n{quoted}\n"
