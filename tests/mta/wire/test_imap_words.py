"""The small languages of IMAP: sequence sets, mailbox names, dates, sections, patterns."""

from __future__ import annotations

import itertools
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.message import criteria as cr
from mta.wire import sasl
from mta.wire.imap import names, responses, sequences
from mta.wire.imap.commands import Item, Section
from mta.wire.imap.fetch_items import fetch_items
from mta.wire.imap.scanner import BadSyntax, Scanner
from mta.wire.imap.search import Returns, search_program

numbers = st.integers(0, sequences.MAX_NUMBER)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20).map(tuple))
def test_a_sequence_set_reads_as_it_prints(ranges: sequences.Ranges) -> None:
    assert sequences.parse(sequences.show(ranges)) == ranges


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8), st.integers(0, 50))
def test_a_resolved_set_names_exactly_the_numbers_meant(pairs: list[tuple[int, int]], highest: int) -> None:
    meant: set[int] = set()
    for low, high in pairs:
        first, last = low or highest, high or highest
        if first and last:
            meant |= set(range(min(first, last), max(first, last) + 1))
    resolved = sequences.resolve(tuple(pairs), highest)
    assert {number for low, high in resolved for number in range(low, high + 1)} == meant
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(resolved))


@pytest.mark.parametrize(
    "text", [b"", b"0", b"1,", b",1", b"1:", b":1", b"1:2:3", b"a", b"4294967296", b"1 2"]
)
def test_what_is_no_sequence_set_is_refused(text: bytes) -> None:
    with pytest.raises(sequences.BadSet):
        sequences.parse(text)


text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)


@given(text)
def test_a_mailbox_name_survives_modified_utf7(name: str) -> None:
    wire = names.encode(name)
    assert wire.isascii()
    expected = "INBOX" + name[5:] if name.partition("/")[0].upper() == "INBOX" else name
    assert names.decode(wire) == expected


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 §5.1.3
        ("Entwürfe", b"Entw&APw-rfe"),
        ("R&D", b"R&-D"),
        ("🐎", b"&2D3cDg-"),
    ],
)
def test_known_names_print_as_the_standard_says(name: str, wire: bytes) -> None:
    assert names.encode(name) == wire
    assert names.decode(wire) == name


@pytest.mark.parametrize(
    "wire", [b"a&b", b"&!!-", b"&AB/-", b"&2D0-", b"\xff", b"x" * 2000, b"&AAA-", b"a\x01"]
)
def test_names_that_cannot_be_read_are_refused(wire: bytes) -> None:
    with pytest.raises(names.BadName):
        names.decode(wire)


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*", "a/b", True), ("%", "a/b", False), ("%", "a", True), ("a/%", "a/b", True), ("a%", "a/b", False),
        ("*b", "a/b", True), ("%/%", "a/b", True), ("inbox", "INBOX", True), ("inb*", "INBOX/a", True), ("inbox/A", "INBOX/a", False), ("a", "A", False), ("", "a", False),
        ("a*", "a", True), ("%%%%a", "bba", True),
    ],
)  # fmt: skip
def test_list_patterns(pattern: str, name: str, fits: bool) -> None:
    assert names.matches(pattern, name) is fits


def test_a_hostile_pattern_takes_no_time() -> None:
    started = time.perf_counter()
    names.matches("*a%" * 300 + "b", "a" * 250)
    assert time.perf_counter() - started < 1.0


def _scan(text: bytes) -> Scanner:
    return Scanner([text])


@pytest.mark.parametrize(
    ("written", "microseconds"),
    [
        (b'" 1-Jan-1970 00:00:00 +0000"', 0),
        (b'"01-Jan-1970 01:00:01 +0100"', 1_000_000),
        (b'"31-Dec-1969 19:00:00 -0500"', 0),
        (b'"29-Feb-2024 23:59:60 +0000"', 1_709_251_199_000_000),
    ],
)
def test_date_times(written: bytes, microseconds: int) -> None:
    assert _scan(written).date_time() == microseconds


@settings(max_examples=50)
@given(st.integers(-62_000_000_000, 250_000_000_000))
def test_internal_dates_read_as_they_print(seconds: int) -> None:
    at = seconds * 1_000_000
    assert _scan(responses.internal_date(at)).date_time() == at


@pytest.mark.parametrize("written", [b'"30-Feb-2026 00:00:00 +0000"', b'"1-Xxx-2026 00:00:00 +0000"', b'"x"',
                                     b'"01-Jan-2026 25:00:00 +0000"', b'"01-Jan-0000 00:00:00 +0000"',
                                     b'"01-Jan-2026 00:00:00 +9999"'])  # fmt: skip
def test_dates_that_do_not_exist_are_refused(written: bytes) -> None:
    with pytest.raises(BadSyntax):
        _scan(written).date_time()


@given(st.binary(max_size=80).filter(lambda data: b"\0" not in data))
def test_any_string_prints_so_that_it_reads_back(data: bytes) -> None:
    printed = responses.quoted(data)
    if printed.startswith(b'"'):
        assert _scan(printed).string() == data
        assert b"\r" not in printed
        assert b"\n" not in printed
    else:
        assert printed == b"{%d}\r\n%b" % (len(data), data)


@pytest.mark.parametrize(
    ("written", "items"),
    [
        (b"FAST", (Item("FLAGS"), Item("INTERNALDATE"), Item("RFC822.SIZE"))),
        (b"(uid Flags)", (Item("UID"), Item("FLAGS"))),
        (b"BODY", (Item("BODY"),)),
        (b"BODY[]", (Section("", b"BODY[]"),)),
        (b"BODY.PEEK[1.2.TEXT]<5.10>", (Section("1.2.TEXT", b"BODY[1.2.TEXT]<5>", (), (5, 10), peek=True),)),
        (b"body[header.fields.not (\"a b\" X)]",
         (Section("HEADER.FIELDS.NOT", b'BODY[HEADER.FIELDS.NOT ("a b" X)]', ("a b", "X")),)),
        (b"RFC822", (Section("", b"RFC822"),)),
    ],
)  # fmt: skip
def test_fetch_items(written: bytes, items: tuple[Item | Section, ...]) -> None:
    scanner = _scan(written)
    assert fetch_items(scanner) == items
    scanner.end()


def test_a_search_reads_as_criteria() -> None:
    key, returns, charset = search_program(
        _scan(b'RETURN () UNSEEN OR FROM a (2:4 SINCE 1-Jan-1970) NOT TEXT "b c"')
    )
    assert (returns, charset) == (Returns(), "")
    assert key == cr.And(
        (
            cr.Not(cr.Flag("seen")),
            cr.Or((cr.Contains("from", "a"), cr.And((cr.Sequence(((2, 4),)), cr.Since("internal", 0))))),
            cr.Not(cr.Words("b c", "any", phrase=True)),
        )
    )


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (b"ALL " * 1000 + b"ALL", "More than 1000 search keys"),
        (b"NOT " * 1000 + b"ALL", "Search keys nested more than 20 deep"),
        (b"OR ALL " * 1000 + b"ALL", "Search keys nested more than 20 deep"),
        (b"(" * 1000 + b"ALL" + b")" * 1000, "Search keys nested more than 20 deep"),
        (b"1," * 100_000 + b"1", "More than 10000 elements in a sequence set"),
        (b"UID " + b"1:2," * 100_000 + b"1", "More than 10000 elements in a sequence set"),
        (b"SUBJECT " + b"x" * 10_001, "This text is too long to search for"),
        (b"OLDER 4294967296", "Number too large"),
        (b"MODSEQ 9223372036854775808", "Mod-sequence too large"),
        (b"EMAILID ?", "Expected an object id"),
    ],
)
def test_a_search_is_bounded(keys: bytes, text: str) -> None:
    with pytest.raises(BadSyntax, match=text):
        search_program(_scan(keys))


@given(st.binary(max_size=60))
def test_no_bytes_after_search_raise_anything_else(data: bytes) -> None:
    for before in (b"", b"RETURN (", b"OR FROM a ", b"UID ", b"YOUNGER ", b"CHARSET "):
        with suppress(BadSyntax):
            search_program(_scan(before + data))


@given(
    st.text(min_size=1).filter(lambda x: "\0" not in x), st.text(min_size=1).filter(lambda x: "\0" not in x)
)
def test_plain_credentials_read_as_they_print(username: str, password: str) -> None:
    try:
        username.encode(), password.encode()
    except UnicodeEncodeError:
        return
    assert sasl.plain(sasl.encode_plain(sasl.Plain(username, password))) == sasl.Plain(username, password)


@pytest.mark.parametrize(
    "line", [b"", b"=", b"!!!", b"YQ==", b"AGEA", b"AABi", b"AGEAYgBj", b"AP8AYg==", b"A" * 20_000]
)
def test_bad_credentials_are_refused(line: bytes) -> None:
    with pytest.raises(sasl.BadResponse):
        sasl.plain(line)
