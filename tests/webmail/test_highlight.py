"""Which words of a search are marked, and where."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webmail.test_search_box import NAMES
from webmail.highlight import highlights, mark, mark_html, mark_query, read
from webmail.search_box import parse


def marked(query: str, text: str) -> str:
    return re.sub(r"</?mark>", "|", mark(text, highlights(parse(query, NAMES).criteria)))


@pytest.mark.parametrize(
    ("query", "text", "shown"),
    [
        ("lamp", "A lamp, two lamps", "A |lamp|, two lamps"),
        ("LÁMP", "a Lamp", "a |Lamp|"),
        ("cafe", "Café and cafe\u0301", "|Café| and |cafe\u0301|"),
        ("lam*", "lamps", "|lamps|"),
        ('"two lamps"', "two lamps, lamps two", "|two lamps|, lamps two"),
        ("two lamps", "lamps two", "|lamps| |two|"),
        ("-lamp shade", "lamp shade", "lamp |shade|"),
        ("from:ada subject:(plan OR map)", "Ada's map", "|Ada|&#x27;s |map|"),
        ("is:unread before:2026/04/16 larger:2M filename:plan", "unread plan", "unread plan"),
        ("from:ada@x.test", "ada@x.test and x", "|ada@x.test| and x"),
        ("東京", "新東京駅", "新|東京|駅"),
        ("lamp", "<b>lamp</b>", "&lt;b&gt;|lamp|&lt;/b&gt;"),
        ("lamp", "", ""),
    ],
)
def test_words_are_marked_as_the_index_finds_them(query: str, text: str, shown: str) -> None:
    assert marked(query, text) == shown


@given(st.text(max_size=80), st.lists(st.text(max_size=8), max_size=5))
def test_marking_changes_nothing_but_the_marks(text: str, wanted: list[str]) -> None:
    made = mark(text, read(wanted))
    assert html.unescape(re.sub(r"</?mark>", "", made)) == html.unescape(html.escape(text))
    assert made.count("<mark>") == made.count("</mark>")


def test_an_address_asks_for_so_much_only() -> None:
    assert read(["a  b", "", *["x"] * 40]) == ("a b", *["x"] * 18)


def test_in_html_only_texts_are_marked() -> None:
    found = mark_html('<a title="lamp > b" href="/lamp">a lamp &amp; <b>lamp</b></a>', ("lamp",))
    assert found == (
        '<a title="lamp > b" href="/lamp">a <mark>lamp</mark> &amp; <b><mark>lamp</mark></b></a>'
    )


def test_what_is_to_be_marked_travels_in_an_address() -> None:
    assert read(parse_qs(mark_query(("lamp", "two words", "lam*")))["mark"]) == ("lamp", "two words", "lam*")
