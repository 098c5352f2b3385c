"""What leaves: every message that can be written here is well-formed to Python's parser and to ours, says what was
written, and holds no field, part or address that its writer did not mean. Spec 7.16."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mta.flow import mime
from mta.mailstore import service as mailstore
from mta.mailstore.service import DraftFields, DraftInfo
from mta.values import now_us
from webmail import signatures
from webmail.compose import Written
from webmail.own_html import mail_html, own_text

AT = now_us()
EVIL = st.sampled_from(
    [
        "\r\nBcc: evil@x.test",
        "\nX-Evil: 1\n",
        "\r\n\r\n<b>",
        "=?utf-8?q?x?=",
        "\0",
        "\u2028",
        '"',
        "<>",
        "é",
        "漢",
        "a" * 300,
    ]
)
TEXT = st.lists(
    st.one_of(EVIL, st.text(st.characters(exclude_categories=["Cs"]), max_size=20)), max_size=6
).map("".join)
PEOPLE = st.lists(
    st.tuples(
        TEXT, st.sampled_from(["ben@outside.test", "grüße@bücher.test", "no address", "a@b\r\nBcc: c@d.test"])
    ),
    max_size=3,
)
FIELDS = {"bcc", "cc", "content-transfer-encoding", "content-type", "date", "disposition-notification-to", "from", "message-id", "mime-version", "subject", "to", "in-reply-to", "references", "reply-to"}  # fmt: skip
HTML = st.lists(
    st.sampled_from(
        [
            "<p>One</p>",
            "<p style='position:fixed'>Two</p>",
            "<script>alert(1)</script>",
            "<style>p{}</style>",
            '<img src="https://x.test/pixel">',
            "<table><tr><td>x</td></tr></table>",
            '<a href="javascript:x">y</a>',
            '<p class="a" onclick="b">Three</p>',
            "<ul><li>Four</li></ul>",
        ]
    ),
    max_size=6,
).map("".join)


def draft(written: Written, html: str, quoted: str, signature: str) -> DraftInfo:
    own = "" if written.plain else mail_html(html, ())
    fields = DraftFields(
        identity="ann@example.test",
        from_name="Ann \r\nBcc: x@x.test",
        to=written.to,
        cc=written.cc,
        bcc=written.bcc,
        subject=written.subject,
        html=own,
        plain=written.plain,
        written=written.text,
        receipt=written.receipt,
        quoted_html=quoted,
        signature_html=signature,
        in_reply_to="p@x.test\r\nX: y",
        references=("a@x.test", "b@x.test>\r\nX-Evil: 1"),
    )
    text = signatures.assembled(
        written.own_text() if written.plain else own_text(own), fields, "> quoted" if quoted else ""
    )
    return DraftInfo(1, 1, replace(fields, text=text), (), None, None, "id@example.test", AT, "open", False)


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    subject=TEXT,
    to=PEOPLE,
    cc=PEOPLE,
    html=HTML,
    text=TEXT,
    plain=st.booleans(),
    receipt=st.booleans(),
    quoted=st.booleans(),
    signed=st.booleans(),
)
def test_whatever_is_written_becomes_a_sound_message(
    subject: str,
    to: Any,
    cc: Any,
    html: str,
    text: str,
    plain: bool,
    receipt: bool,
    quoted: bool,
    signed: bool,
) -> None:
    written = Written.from_json(
        {"subject": subject, "to": to, "cc": cc, "text": text, "plain": plain, "receipt": receipt}
    )
    made = draft(
        written,
        html,
        '<div class="mailstead_quote"><table><tr><td>old</td></tr></table></div>' if quoted else "",
        signatures.block("<p>Ann</p>") if signed else "",
    )
    raw = mime.from_draft(0, made, at=AT, with_bcc=False)
    head = raw.partition(b"\r\n\r\n")[0]
    assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    names = [
        line.partition(b":")[0].decode().lower() for line in head.split(b"\r\n") if line[:1] not in b" \t"
    ]
    assert set(names) <= FIELDS and len(set(names)) == len(names) and "bcc" not in names
    found = message_from_bytes(raw, policy=policy.default)
    assert isinstance(found, EmailMessage) and not [part.defects for part in found.walk() if part.defects]
    assert " ".join(str(found["Subject"]).split()) == " ".join(written.subject.split())
    assert found["In-Reply-To"].startswith("<p@x.test")
    assert bool(found["Disposition-Notification-To"]) == receipt
    types = [part.get_content_type() for part in found.walk()]
    if plain:
        assert types == ["text/plain"] and found["Content-Type"].params["format"] == "flowed"
        return
    rich = bool(made.fields.body)
    assert types == (["multipart/alternative", "text/plain", "text/html"] if rich else ["text/plain"])
    if rich:
        shown = found.get_body(("html",)).get_content()  # type: ignore[union-attr]
        assert not any(
            bad in shown
            for bad in ("<script", "<style", "onclick", "javascript:", "https://x.test", "position:fixed")
        )
        assert ("<table" in shown) == quoted
        assert ("-- " in shown) == signed


@pytest.mark.parametrize("plain", [True, False])
def test_the_smallest_message_is_one(plain: bool, db: None) -> None:
    made = draft(Written.from_json({"plain": plain}), "", "", "")
    found = message_from_bytes(
        mime.from_draft(mailstore.create_mailspace(), made, at=AT, with_bcc=True), policy=policy.default
    )
    assert found.get_content_type() == "text/plain" and not found.defects
