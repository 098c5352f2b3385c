"""What FETCH prints and cuts out of messages, quickly or the long way round: the same bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.message.headers import parse_header, select_fields
from mta.message.parse import HEAD_FIELDS, parse_message
from mta.message.tree import body_section, parse_tree
from mta.wire.imap import responses
from mta.wire.imap.commands import Item, Section
from mta.wire.imap.fetch import (
    Opened,
    Printer,
    Source,
    UnknownEncoding,
    announced,
    cut,
    from_head,
    head_lines,
    internal_dates,
    marks_seen,
    plan,
)
from mta.wire.imap.fetch_items import fetch_items
from mta.wire.imap.scanner import Scanner

PIECES = st.sampled_from(
    [b"Subject: x", b"X-Y:  z", b"\r\n", b"\n", b"\r", b" folded", b"\r\n\r\n", b"body", b":", b"From me", b"\xff",
     b"Content-Type: multipart/mixed; boundary=b", b"--b", b"--b--", b"SUBJECT \t:y", b"\tx", b" ", b"Date:", b"\r\n \r\n"]
)  # fmt: skip
MESSAGES = st.one_of(st.lists(PIECES, max_size=20).map(b"".join), st.binary(max_size=100))


@settings(max_examples=300, deadline=None)
@given(MESSAGES, st.sampled_from(["HEADER", "TEXT", "HEADER.FIELDS", "HEADER.FIELDS.NOT", ""]))
def test_the_short_way_to_a_section_gives_the_same_bytes(raw: bytes, part: str) -> None:
    section = Section(part, b"", ("Subject", "x-y", "a b", "\xff", ":") if "FIELDS" in part else ())
    long_way = body_section(raw, parse_tree(raw), part, section.fields)
    assert cut(Opened(raw), [section]) == (long_way,)


@settings(max_examples=500, deadline=None)
@given(MESSAGES, st.sets(st.sampled_from(["Subject", "DATE", "from", "content-type"]), min_size=1))
def test_the_kept_head_gives_the_same_fields_as_the_message(raw: bytes, names: set[str]) -> None:
    section = Section("HEADER.FIELDS", b"", tuple(names))
    facts = parse_message(raw)
    assert facts.head_complete
    assert from_head([facts.head], section) == list(cut(Opened(raw), [section]))
    assert head_lines(raw) == facts.head
    wanted = {name.lower() for name in names}
    assert from_head([facts.head], section) == [select_fields(parse_header(facts.head), wanted)]


HEADS = st.lists(MESSAGES.map(lambda raw: parse_message(raw).head), max_size=5)


@settings(max_examples=500, deadline=None)
@given(HEADS, st.sets(st.sampled_from(sorted(HEAD_FIELDS)), min_size=1), st.booleans())
def test_many_kept_heads_are_cut_as_one_is(heads: list[bytes], names: set[str], nul: bool) -> None:
    if nul and heads:
        heads[0] = b"Date: a\0b\r\n \0\r\n" + heads[0]
    for wanted in (names, set(HEAD_FIELDS) - names):
        section = Section("HEADER.FIELDS", b"", tuple(name.title() for name in wanted))
        assert from_head(heads, section) == [select_fields(parse_header(head), wanted) for head in heads]


@settings(max_examples=50, deadline=None)
@given(st.lists(PIECES, max_size=20).map(b"".join))
def test_header_and_text_are_the_message(raw: bytes) -> None:
    header, text = cut(Opened(raw), [Section("HEADER", b""), Section("TEXT", b"")])
    assert header is not None
    assert text is not None
    assert header + text == raw


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999), max_size=5))
def test_dates_out_of_tables_are_those_of_the_calendar(moments: list[int]) -> None:
    assert internal_dates(moments) == [responses.internal_date(moment) for moment in moments]


@given(st.integers(-(2**63), 2**63 - 1))
def test_no_moment_is_without_a_date(moment: int) -> None:
    assert len(internal_dates([moment])[0]) == len('" 1-Jan-1970 00:00:00 +0000"')


def test_a_plan_asks_only_for_what_it_needs() -> None:
    assert plan([Item("FLAGS"), Item("UID")], uid=True).flags_only
    assert not plan([Item("FLAGS"), Item("MODSEQ")], uid=True).flags_only
    assert plan([Item("ENVELOPE")], uid=False).columns == ("uid", "envelope")
    kept = plan([Section("HEADER.FIELDS", b"", tuple(HEAD_FIELDS), peek=True)], uid=False)
    assert kept.source is Source.HEAD
    assert kept.columns == ("uid", "head")
    other = [Section("HEADER.FIELDS", b"", ("Subject", "X-Mailer")), Section("HEADER", b"")]
    assert plan(other, uid=False).source is Source.HEADER
    assert plan([*other, Section("TEXT", b"")], uid=False).source is Source.MESSAGE


@pytest.mark.parametrize(
    ("section", "marks"), [(Section("", b""), True), (Section("", b"", peek=True), False)]
)
def test_peeking_is_not_reading(section: Section, marks: bool) -> None:
    assert marks_seen([section]) is marks


# --- printing


def _plan(items: bytes, **more: bool) -> Printer:
    return Printer(plan(fetch_items(Scanner([items])), uid=False, **more), first_recent=6)


COLUMNS = {
    "uid": (5, 9),
    "flags": (1, 4),
    "deleted": (0, 1),
    "keywords": ("", "$Work x"),
    "size": (10, 20),
    "modseq": (7, 8),
    "email_id": (3, 4),
    "thread": (1, 2),
    "saved_at": (0, 86_400_000_000),
    "internal_date": (1_000_000, 2_000_000),
    "snippet": ("Hi 100%", "Grüße"),
    "envelope": (b"(NIL)", b'("%d")'),
    "head": (b"Subject: a\r\n", b"To: b\r\nSubject: 50%\r\n c\r\n"),
}


def test_every_column_is_printed_as_the_grammar_says() -> None:
    printer = _plan(
        b"(UID FLAGS RFC822.SIZE MODSEQ EMAILID THREADID SAVEDATE INTERNALDATE PREVIEW (LAZY) ENVELOPE)"
    )
    assert printer.lines([2, 3], COLUMNS) == (
        b"* 2 FETCH (UID 5 FLAGS (\\Seen) RFC822.SIZE 10 MODSEQ (7) EMAILID (M3) THREADID (T1)"
        b' SAVEDATE " 1-Jan-1970 00:00:00 +0000" INTERNALDATE " 1-Jan-1970 00:00:01 +0000" PREVIEW "Hi 100%"'
        b" ENVELOPE (NIL))\r\n"
        b"* 3 FETCH (UID 9 FLAGS (\\Flagged \\Deleted \\Recent $Work x) RFC822.SIZE 20 MODSEQ (8) EMAILID (M4)"
        b' THREADID (T2) SAVEDATE " 2-Jan-1970 00:00:00 +0000" INTERNALDATE " 1-Jan-1970 00:00:02 +0000"'
        b' PREVIEW {7}\r\nGr\xc3\xbc\xc3\x9fe ENVELOPE ("%d"))\r\n'
    )


def test_header_fields_are_printed_from_heads() -> None:
    printer = _plan(b"(BODY.PEEK[HEADER.FIELDS (Subject)]<1.6> UID BODY.PEEK[HEADER.FIELDS (to)])")
    assert printer.lines([1, 2], COLUMNS) == (
        b"* 1 FETCH (BODY[HEADER.FIELDS (Subject)]<1> {6}\r\nubject UID 5 BODY[HEADER.FIELDS (to)] {2}\r\n\r\n)\r\n"
        b"* 2 FETCH (BODY[HEADER.FIELDS (Subject)]<1> {6}\r\nubject UID 9 BODY[HEADER.FIELDS (to)] {9}\r\n"
        b"To: b\r\n\r\n)\r\n"
    )


def test_sections_are_printed_between_columns() -> None:
    printer = _plan(b"(BODY.PEEK[1.MIME] BODY.PEEK[2] UID RFC822.TEXT BINARY.SIZE[1] RFC822.SIZE)")
    printed = b"".join(printer.pieces([1, 2], COLUMNS, [(b"a%", None, b"", b"xyz"), (b"", b"b", b"c", None)]))
    assert printed == (
        b"* 1 FETCH (BODY[1.MIME] {2}\r\na% BODY[2] NIL UID 5 RFC822.TEXT {0}\r\n BINARY.SIZE[1] 3 RFC822.SIZE 10)\r\n"
        b"* 2 FETCH (BODY[1.MIME] {0}\r\n BODY[2] {1}\r\nb UID 9 RFC822.TEXT {1}\r\nc BINARY.SIZE[1] 0 RFC822.SIZE 20)\r\n"
    )


@pytest.mark.parametrize(
    ("section", "data", "expected"),
    [
        (Section("", b""), b"abc", (b"{3}\r\n", b"abc")),
        (Section("", b"", partial=(2, 5)), b"abc", (b"{1}\r\n", b"c")),
        (Section("", b"", partial=(3, 1)), b"abc", (b"{0}\r\n", b"")),
        (Section("", b"", partial=(4_000_000_000, 1)), b"abc", (b"{0}\r\n", b"")),
        (Section("9", b""), None, (b"NIL", b"")),
        (Section("1", b"", decoded=True), b"a\0b", (b"~{3}\r\n", b"a\0b")),
        (Section("1", b"", partial=(0, 1), decoded=True), b"a\0b", (b"{1}\r\n", b"a")),
        (Section("1", b"", decoded=True, size_only=True), b"a\0b", (b"3", b"")),
    ],
)
def test_a_section_announces_its_length(section: Section, data: bytes | None, expected: object) -> None:
    assert announced(section, data) == expected


ENCODED = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\nAGE=\r\n"
    b"--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41=\r\nB\r\n"
    b"--b\r\nContent-Transfer-Encoding: x-secret\r\n\r\n???\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ntext\r\n"
    b"--b--\r\n"
)


@pytest.mark.parametrize(
    ("part", "data"),
    [("1", b"\0a"), ("2", b"AB"), ("4", b"Subject: in\r\n\r\ntext"), ("5", None), ("", ENCODED), ("4.1", b"text")],
)  # fmt: skip
def test_binary_takes_the_transfer_encoding_away(part: str, data: bytes | None) -> None:
    assert Opened(ENCODED).section(Section(part, b"", decoded=True)) == data


def test_an_unknown_transfer_encoding_is_said() -> None:
    with pytest.raises(UnknownEncoding):
        Opened(ENCODED).section(Section("3", b"", decoded=True))


ENCODINGS = st.sampled_from([b"base64", b"quoted-printable", b"x-uuencode", b"8bit", b"binary", b"own"])
LEAVES = st.sampled_from([b"text/plain", b"message/rfc822", b"multipart/mixed; boundary=b", b"image/png"])


@settings(max_examples=200, deadline=None)
@given(ENCODINGS, LEAVES, MESSAGES, st.sampled_from(["1", "2", "1.1", "1.2", "2.1.1", ""]))
def test_whatever_a_part_holds_it_is_decoded_or_refused(
    encoding: bytes, kind: bytes, body: bytes, number: str
) -> None:
    head = b"Content-Type: %b\r\nContent-Transfer-Encoding: %b\r\n\r\n" % (kind, encoding)
    raw = b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n" + head + body + b"\r\n--o--\r\n"
    for each in (raw, head + body):
        try:
            data = Opened(each).section(Section(number, b"", decoded=True))
        except UnknownEncoding:
            assert encoding == b"own" or b"Encoding" in each
        else:
            assert data is None or isinstance(data, bytes)
