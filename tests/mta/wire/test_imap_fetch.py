"""What FETCH cuts out of a message, quickly or the long way round: the same bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.message.tree import body_section, parse_tree
from mta.wire.imap.commands import Item, Section
from mta.wire.imap.fetch import HEAD_FIELDS, Opened, cut, marks_seen, plan

PIECES = st.sampled_from(
    [b"Subject: x", b"X-Y:  z", b"\r\n", b"\n", b"\r", b" folded", b"\r\n\r\n", b"body", b":", b"From me", b"\xff",
     b"Content-Type: multipart/mixed; boundary=b", b"--b", b"--b--"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.lists(PIECES, max_size=20).map(b"".join), st.binary(max_size=100)),
    st.sampled_from(["HEADER", "TEXT", "HEADER.FIELDS", "HEADER.FIELDS.NOT", ""]),
)
def test_the_short_way_to_a_section_gives_the_same_bytes(raw: bytes, part: str) -> None:
    section = Section(part, b"", ("Subject", "x-y") if "FIELDS" in part else ())
    long_way = body_section(raw, parse_tree(raw), part, section.fields)
    assert cut(Opened(raw), [section]) == (long_way,)


@settings(max_examples=50, deadline=None)
@given(st.lists(PIECES, max_size=20).map(b"".join))
def test_header_and_text_are_the_message(raw: bytes) -> None:
    header, text = cut(Opened(raw), [Section("HEADER", b""), Section("TEXT", b"")])
    assert header is not None
    assert text is not None
    assert header + text == raw


def test_a_plan_asks_only_for_what_it_needs() -> None:
    assert plan([Item("FLAGS"), Item("UID")], uid=True).from_view
    assert plan([Item("ENVELOPE")], uid=False).columns == ("uid", "envelope")
    kept = plan([Section("HEADER.FIELDS", b"", tuple(HEAD_FIELDS), peek=True)], uid=False)
    assert kept.from_head
    assert kept.columns == ("uid", "message", "size", "head", "head_complete")
    assert not plan([Section("HEADER.FIELDS", b"", ("Subject", "X-Mailer"))], uid=False).from_head


@pytest.mark.parametrize(
    ("section", "marks"), [(Section("", b""), True), (Section("", b"", peek=True), False)]
)
def test_peeking_is_not_reading(section: Section, marks: bool) -> None:
    assert marks_seen([section]) is marks
