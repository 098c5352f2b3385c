"""Words, HTML as text, snippets and subjects."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.message.text import (
    bare_subject,
    base_subject,
    html_to_text,
    is_reply_subject,
    shallow_html,
    snippet,
    words,
)

from .strategies import MODEST


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World 42", ["hello", "world", "42"]),
        ("Ångström Straße ﬁn ＡＢ", ["angstrom", "strasse", "fin", "ab"]),
        ("e\u0301te\u0301", ["ete"]),
        ("東京都", ["東京", "京都"]),
        ("a漢b", ["a", "漢", "b"]),
        ("がか", ["がか"]),
        ("한국어", ["한국", "국어"]),
        ("สวัสดี", ["สว", "วส", "สด"]),
        ("ann.lee@mail.example.test", ["annlee", "ann", "lee", "mail", "example", "test"]),
        ("ann@b.test", ["ann", "b", "test"]),
        ("foo_bar-baz", ["foo", "bar", "baz"]),
        ("İstanbul", ["istanbul"]),
        ("x" * 100, ["x" * 40]),
        ("", []),
        ("--- !!!", []),
    ],
)
def test_words_are_what_the_index_holds(text, expected):
    assert words(text) == expected


def test_words_are_limited():
    assert len(words("a " * 50_000)) == 20_000
    assert len(words("漢" * 50_000)) == 20_000
    assert words("a b c", limit=2) == ["a", "b"]


@MODEST
@given(st.text(max_size=200))
def test_words_are_letters_and_digits_only(text):
    found = words(text)
    assert all(word.isalnum() and len(word) <= 40 for word in found)
    assert words(" ".join(found)) == found or any(len(word) == 2 for word in found)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one<p>two", "one\n\ntwo"),
        ("a<br>b", "a\nb"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("<ul><li>a<li>b</ul>", "• a\n• b"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"),
        ("<style>p{}</style><script>x()</script><title>t</title>hi", "hi"),
        ('<p style="Display : none">x</p><p hidden>y</p>z', "z"),
        ('<a href="https://x.test/">here</a>', "here (https://x.test/)"),
        ('<a href="https://x.test/">https://x.test</a>', "https://x.test"),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ('<img alt="logo">', "logo"),
        ("a &lt;b&gt; &amp; &#x41;", "a <b> & A"),
        ("no markup", "no markup"),
        ("a\u200b\u200b\n\n  b", "a b"),
        ("<!-- x --><![CDATA[y]]>z", "z"),
        ("<svg><text>x</text></svg>y", "y"),
        ("", ""),
        ("<" * 50, "<" * 50),
    ],
)
def test_html_as_text(html, text):
    assert html_to_text(html) == text


def test_links_can_be_left_out():
    assert html_to_text('<a href="https://x.test/">here</a>', links=False) == "here"


def test_html_that_nests_too_deep_loses_its_tags():
    assert "<" not in shallow_html("<div>" * 5000 + "x")
    balanced = "<p>a<br>" * 5000 + "<div>x</div>" * 5000
    assert shallow_html(balanced) == balanced
    assert html_to_text("<b>" * 5000 + "x") == "x"


@MODEST
@given(
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "<div", ">", "<", "a", " ", "&", "&#0;", "<!--", "-->", "<br>", '"', "=", "\x00", "\x1e", "\ud800", "<a href=http://x>", "</a>", "<pre>", "é"]
        )
    ).map("".join)
)  # fmt: skip
def test_any_html_has_a_storable_text(html):
    text = html_to_text(html)
    assert not any(char < " " and char not in "\n\t" for char in text)
    text.encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello\n\n  there", "Hello there"),
        ("On Monday, Ann wrote:\n> old\n\nnew", "new"),
        ("> old\nnew\n-- \nAnn", "new"),
        ("Am 1.1.2026 schrieb Ann:\n> alt", "Am 1.1.2026 schrieb Ann: alt"),
        ("-----Original Message-----\nold", "old"),
        ("=======\nnews", "news"),
        ("> only\n> quoted", "only quoted"),
        ("", ""),
    ],
)
def test_a_snippet_is_what_was_written_first(text, expected):
    assert snippet(text) == expected


def test_a_snippet_is_cut_at_a_word():
    cut = snippet("word " * 100, 50)
    assert len(cut) <= 50 and cut.endswith("word…")
    assert len(snippet("x" * 500, 50)) == 50


@pytest.mark.parametrize(
    ("subject", "bare", "reply"),
    [
        ("Hello", "Hello", False),
        ("Re: Hello", "Hello", True),
        ("RE: re : Fwd:  Hello  there", "Hello there", True),
        ("AW: WG: Hello", "Hello", True),
        ("SV: Antw: RES: TR: Hello", "Hello", True),
        ("Re[2]: Hello", "Hello", True),
        ("Re (3): Hello", "Hello", True),
        ("[list] Re: [list] Hello", "Hello", True),
        ("[list] Hello", "Hello", False),
        ("[only]", "[only]", False),
        ("Hello (fwd)", "Hello", True),
        ("[Fwd: Hello]", "Hello", True),
        ("Re: [Fwd: Re: Hello]", "Hello", True),
        ("回复：你好", "你好", True),
        ("Refund: x", "Refund: x", False),
        ("Report", "Report", False),
        ("Re:", "", True),
        ("", "", False),
    ],
)
def test_base_subjects(subject, bare, reply):
    assert bare_subject(subject) == (bare, reply)
    assert base_subject(subject) == bare.casefold()
    assert is_reply_subject(subject) is reply


@MODEST
@given(
    st.lists(st.sampled_from(["Re:", "[x]", "fwd", "(fwd)", "[Fwd:", "]", " ", "a", "AW :", "["])).map(
        "".join
    )
)
def test_a_base_subject_is_its_own(subject):
    base = bare_subject(subject)[0]
    assert bare_subject(base)[0] == base or len(subject) > 100


@pytest.mark.parametrize(
    "html",
    [
        "<div><!--</div>-->" * 30_000,
        "<div title='</div>'>" * 30_000,
        "<svg>" + "<td>" * 60_000 + "</x>" * 60_000,
        "<x><!--</x>-->" * 19_000 + "</y>" * 60_000,
    ],
    ids=["ends in comments", "ends in attributes", "cells in a drawing", "ends of nothing"],
)
def test_depth_hidden_from_a_quick_look_costs_little_time(html: str) -> None:
    started = time.process_time()
    html_to_text(html)
    assert time.process_time() - started < 3
