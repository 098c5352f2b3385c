"""Delivery status notifications: writing and reading them (RFC 3461, 3462, 3464).

Pure. `mta.flow.bounce` decides whether one is sent and to whom; it always goes out with the null sender.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mta.message.build import crlf, encode_body
from mta.message.encode import (
    address_field,
    date_text_us,
    id_field,
    params_field,
    plain,
    structured_field,
    text_field,
)
from mta.message.headers import Field, decode_text, first, message_ids, one_line, parse_header, split_message
from mta.message.tree import Part, decoded, parse_tree, walk

Action = Literal["failed", "delayed", "delivered", "relayed", "expanded"]
MAX_RETURNED = 64 * 1024  # of a larger message only the header is returned
MAX_RECIPIENTS = 1000
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
_STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})")


@dataclass(frozen=True, slots=True)
class RecipientReport:
    """What became of one recipient. Times are microseconds since the epoch."""

    recipient: str
    action: Action
    status: str  # RFC 3463, "5.1.1"
    diagnostic: str = ""  # the other server's own words, without "smtp;"
    remote_mta: str = ""
    original_recipient: str = ""  # ORCPT as the sender gave it, "rfc822;ann@example.test"
    last_attempt_us: int | None = None
    will_retry_until_us: int | None = None
    explanation: str = ""  # a sentence for the person who wrote the message


@dataclass(frozen=True, slots=True)
class Report:
    """A notification that was received."""

    reporting_mta: str
    envelope_id: str
    recipients: tuple[RecipientReport, ...]
    original_message_id: str  # "" if the message did not come back


def build_dsn(
    recipients: Sequence[RecipientReport],
    original: bytes,
    *,
    to: str,
    reporting_mta: str,
    message_id: str,
    when_us: int,
    arrival_us: int | None = None,
    envelope_id: str = "",
    return_full: bool = False,
) -> bytes:
    """A whole notification to `to`, the envelope sender of `original`. `return_full` is RET=FULL (RFC 3461 §4.3)."""
    boundary = "=_report_" + re.sub(r"[^A-Za-z0-9]", "", message_id)[:40]
    while boundary.encode() in original:
        boundary += "x"
    head = (
        structured_field("Date", date_text_us(when_us))
        + address_field("From", (("Mail delivery", f"postmaster@{plain(reporting_mta)}"),))
        + address_field("To", (("", to),))
        + text_field("Subject", _subject(recipients, original))
        + id_field("Message-ID", (message_id,))
        + id_field("References", _ids(original))
        + b"Auto-Submitted: auto-replied\r\n"  # RFC 3834 §5
        + b"MIME-Version: 1.0\r\n"
        + params_field(
            "Content-Type", "multipart/report", (("report-type", "delivery-status"), ("boundary", boundary))
        )
    )
    status = _status_part(recipients, reporting_mta, envelope_id=envelope_id, arrival_us=arrival_us)
    parts = (_human_part(recipients, original), status, _returned_part(original, full=return_full))
    line = boundary.encode()
    body = b"".join(b"--" + line + b"\r\n" + part + b"\r\n" for part in parts)
    return head + b"\r\n" + body + b"--" + line + b"--\r\n"


def _ids(original: bytes) -> tuple[str, ...]:
    """The report belongs to the conversation of the message it is about."""
    fields = _original_fields(original)
    own = message_ids(first(fields, "message-id") or b"", 1)
    return tuple(dict.fromkeys((*message_ids(first(fields, "references") or b"", 20), *own)))


def _original_fields(original: bytes) -> tuple[Field, ...]:
    return parse_header(original[: split_message(original)[0]])


def _subject(recipients: Sequence[RecipientReport], original: bytes) -> str:
    subject = decode_text(first(_original_fields(original), "subject") or b"")[:200]
    actions = {each.action for each in recipients}
    if "failed" in actions:
        words = "Not delivered"
    elif "delayed" in actions:
        words = "Delivery is delayed"
    else:
        words = "Delivered"
    return f"{words}: {subject}" if subject else words


def _human_part(recipients: Sequence[RecipientReport], original: bytes) -> bytes:
    subject = decode_text(first(_original_fields(original), "subject") or b"")[:200]
    message = f"Your message “{subject}”" if subject else "Your message"
    paragraphs: list[str] = []
    for action, words in (
        ("failed", "could not be delivered to:"),
        (
            "delayed",
            "has not been delivered yet. You need not do anything: we keep trying. It is waiting for:",
        ),
        ("delivered", "was delivered to:"),
        ("relayed", "was handed on to a server that sends no confirmations, for:"),
        ("expanded", "was handed on to a list of recipients:"),
    ):
        chosen = [each for each in recipients if each.action == action]
        if chosen:
            paragraphs.append(f"{message} {words}")
            paragraphs += [_sentences(each) for each in chosen[:MAX_RECIPIENTS]]
    text = "\n\n".join(paragraphs) + "\n"
    encoding, body = encode_body(crlf(text.encode("utf-8", "replace")))
    head = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + body


def _sentences(each: RecipientReport) -> str:
    lines = [f"    {one_line(each.recipient)[:320]}"]
    if each.explanation:
        lines.append(f"    {one_line(each.explanation)[:600]}")
    if each.diagnostic:
        server = f"The server {one_line(each.remote_mta)[:255]}" if each.remote_mta else "The server"
        lines.append(f"    {server} said: {one_line(each.diagnostic)[:600]}")
    if each.action == "delayed" and each.will_retry_until_us is not None:
        lines.append(f"    We keep trying until {date_text_us(each.will_retry_until_us)}.")
    return "\n".join(lines)


def _status_part(
    recipients: Sequence[RecipientReport], reporting_mta: str, *, envelope_id: str, arrival_us: int | None
) -> bytes:
    """RFC 3464 §2: fields about the message, then about each recipient."""
    groups = [_field("Reporting-MTA", f"dns; {reporting_mta}")]
    if envelope_id:
        groups[0] += _field("Original-Envelope-Id", envelope_id)
    if arrival_us is not None:
        groups[0] += _field("Arrival-Date", date_text_us(arrival_us))
    for each in recipients[:MAX_RECIPIENTS]:
        group = _field("Original-Recipient", each.original_recipient) if each.original_recipient else b""
        kind = "rfc822" if each.recipient.isascii() else "utf-8"  # RFC 6533 §4.2
        group += _field("Final-Recipient", f"{kind}; {each.recipient}")
        group += _field("Action", each.action)
        group += _field("Status", each.status if _STATUS.fullmatch(each.status) else "5.0.0")
        if each.remote_mta:
            group += _field("Remote-MTA", f"dns; {each.remote_mta}")
        if each.diagnostic:
            group += _field("Diagnostic-Code", f"smtp; {each.diagnostic[:900]}")
        if each.last_attempt_us is not None:
            group += _field("Last-Attempt-Date", date_text_us(each.last_attempt_us))
        if each.action == "delayed" and each.will_retry_until_us is not None:
            group += _field("Will-Retry-Until", date_text_us(each.will_retry_until_us))
        groups.append(group)
    return b"Content-Type: message/delivery-status\r\n\r\n" + b"\r\n".join(groups)


def _field(name: str, value: str) -> bytes:
    """Other hosts' words in ASCII: RFC 6533's \\x{…} for what is not."""
    safe = "".join(char if char.isascii() else f"\\x{{{ord(char):X}}}" for char in plain(value))
    return structured_field(name, safe)


def _returned_part(original: bytes, *, full: bool) -> bytes:
    header_end, _ = split_message(original)
    if full and len(original) <= MAX_RETURNED and b"\0" not in original:
        encoding = "7bit" if original.isascii() else "8bit"
        body = crlf(original)
        if max(map(len, body.split(b"\r\n"))) <= 998:
            head = f"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
            return head.encode() + body
    encoding, body = encode_body(crlf(original[:header_end][:MAX_RETURNED]))
    charset = "" if encoding == "7bit" else "; charset=utf-8"
    head = f"Content-Type: text/rfc822-headers{charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + body


# --- Reading --------------------------------------------------------------------------------------------


def parse_dsn(raw: bytes) -> Report | None:
    """What a received notification says; None if the message is none."""
    tree = parse_tree(raw)
    status = next((part for part in walk(tree) if part.content_type == "message/delivery-status"), None)
    if tree.content_type != "multipart/report" or status is None:
        return None
    groups = _groups(crlf(decoded(raw, status, limit=1 << 20)))
    if not groups:
        return None
    about, *each = groups
    if "final-recipient" in about:  # senders that forget the first group
        about, each = {}, groups
    recipients = tuple(_recipient(group) for group in each[:MAX_RECIPIENTS] if "final-recipient" in group)
    return Report(
        reporting_mta=_behind_type(about.get("reporting-mta", "")),
        envelope_id=about.get("original-envelope-id", ""),
        recipients=recipients,
        original_message_id=_returned_id(raw, tree),
    )


def _groups(data: bytes) -> list[dict[str, str]]:
    groups = []
    for block in data.split(b"\r\n\r\n")[: MAX_RECIPIENTS + 1]:
        fields = parse_header(block.lstrip(b"\r\n"))
        if fields:
            groups.append({field.name: decode_text(field.value)[:2000] for field in reversed(fields)})
    return groups


def _behind_type(value: str) -> str:
    """`dns; mx.example.test` → mx.example.test"""
    return value.partition(";")[2].strip() if ";" in value else value


def _recipient(group: dict[str, str]) -> RecipientReport:
    action = group.get("action", "").split(" ")[0].lower()
    status = _STATUS.search(group.get("status", ""))
    return RecipientReport(
        recipient=_behind_type(group["final-recipient"]).strip("<>"),
        action=action if action in _ACTIONS else "failed",  # type: ignore[arg-type]
        status=status[0] if status else "",
        diagnostic=_behind_type(group.get("diagnostic-code", "")),
        remote_mta=_behind_type(group.get("remote-mta", "")),
        original_recipient=group.get("original-recipient", ""),
    )


def _returned_id(raw: bytes, tree: Part) -> str:
    for part in walk(tree):
        if part.message is not None:
            found = message_ids(first(part.message.fields, "message-id") or b"", 1)
        elif part.content_type in ("text/rfc822-headers", "message/rfc822-headers"):
            found = message_ids(first(parse_header(decoded(raw, part)), "message-id") or b"", 1)
        else:
            continue
        if found:
            return found[0]
    return ""
