"""Gmail's export of filters is read, and nothing that only looks like one does any harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.archive import gmail_filters
from mta.archive.gmail_filters import GmailFilter, NotFilters, read
from tests.mta.archive.gmail_files import feed


def test_every_property_of_every_filter_is_read() -> None:
    found = read(
        feed({"from": "a@x.test", "label": "Größe/<b>"}, {"hasTheWord": '"a & b"', "shouldTrash": "true"})
    )
    assert [dict(each.properties) for each in found] == [
        {"from": "a@x.test", "label": "Größe/<b>"},
        {"hasTheWord": '"a & b"', "shouldTrash": "true"},
    ]
    assert found[1].says("shouldTrash")
    assert not found[0].says("shouldTrash")


def test_a_name_that_comes_twice_keeps_both() -> None:
    one = GmailFilter((("label", ""), ("label", "A"), ("label", "B"), ("label", "A")))
    assert (one.get("label"), one.every("label")) == ("A", ("A", "B"))


def test_entries_without_properties_and_properties_of_no_entry_are_nothing() -> None:
    assert read(feed({})) == ()
    assert read(feed().replace(b"<title>", b"<apps:property name='from' value='x'/><title>")) == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"<feed/>",
        b"<feed xmlns='http://www.w3.org/2005/Atom'>",
        b"<html xmlns='http://www.w3.org/1999/xhtml'/>",
        b"<?xml version='1.0' encoding='utf-7'?><feed xmlns='http://www.w3.org/2005/Atom'/>",
        b"<?xml version='1.0' encoding='shift_jis'?><feed xmlns='http://www.w3.org/2005/Atom'/>",
        b"<feed xmlns='http://www.w3.org/2005/Atom'>" + b"<a>" * 50 + b"</a>" * 50 + b"</feed>",
        b"<!DOCTYPE feed><feed xmlns='http://www.w3.org/2005/Atom'/>",
        b"<!DOCTYPE feed [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
        b"<feed xmlns='http://www.w3.org/2005/Atom'><title>&x;</title></feed>",
        b"<!DOCTYPE feed [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]>"
        b"<feed xmlns='http://www.w3.org/2005/Atom'><title>&b;</title></feed>",
        b"<!DOCTYPE feed SYSTEM 'http://x.test/feed.dtd'><feed xmlns='http://www.w3.org/2005/Atom'/>",
        feed({"from": "x" * 10_001}),
        feed(*({"from": "x"} for _ in range(1_001))),
        feed({f"n{at}": "x" for at in range(101)}),
        b" " * 2_000_001,
    ],
)
def test_what_is_no_such_file_or_too_much_is_refused(data: bytes) -> None:
    with pytest.raises(NotFilters):
        read(data)


PIECES = st.sampled_from(
    [
        b"<feed xmlns='http://www.w3.org/2005/Atom' xmlns:apps='http://schemas.google.com/apps/2006'>",
        b"<entry>",
        b"</entry>",
        b"</feed>",
        b"<apps:property name='from' value='x'/>",
        b"<apps:property/>",
        b"&amp;",
        b"&x;",
        b"<!DOCTYPE x>",
        b"<![CDATA[",
        b"]]>",
        b"<?xml version='1.0' encoding='x'?>",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\0",
    ]
)


@given(
    st.one_of(
        st.binary(max_size=300), st.lists(st.one_of(PIECES, st.binary(max_size=8)), max_size=15).map(b"".join)
    )
)
def test_reading_never_fails_otherwise(data: bytes) -> None:
    gmail_filters.is_xml(data)
    try:
        found = read(data)
    except NotFilters:
        return
    assert all(each.properties for each in found)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=4), st.binary(min_size=4, max_size=4))
def test_a_damaged_export_is_read_or_refused(places: list[int], bytes_: bytes) -> None:
    data = bytearray(feed({"from": "a@x.test", "label": "L"}, {"to": "me", "shouldArchive": "true"}))
    for place, byte in zip(places, bytes_, strict=False):
        data[place % len(data)] = byte
    try:
        read(bytes(data))
    except NotFilters:
        return
