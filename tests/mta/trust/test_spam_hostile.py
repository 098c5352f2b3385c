"""What strangers send to the spam filter: bounded work and a bounded answer, whatever the bytes."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.message.parse import parse_message
from mta.trust.spam import features, judging, links, pages
from mta.trust.spam.bayes import Counts, Source, chi2_above, combined, likeness, worth
from mta.trust.spam.signs import SIGNS

HEAD = b"From: a@b.test\r\nTo: ann@example.test\r\nSubject: hello\r\n"
PAGE = HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n"
NESTED = HEAD + b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (each, each) for each in range(1_000)
)

HOSTILE: dict[str, Callable[[], bytes]] = {
    "100,000 headers": lambda: b"X-A: b\r\n" * 100_000 + b"\r\nbody",
    "100,000 subjects": lambda: b"Subject: REPLY NOW!!!\r\n" * 100_000 + b"\r\nbody",
    "a header line of 10 MB": lambda: HEAD + b"X-Long: " + b"a" * 10_000_000 + b"\r\n\r\nbody",
    "a subject of 10 MB": lambda: b"Subject: " + b"A! " * 3_300_000 + b"\r\n\r\nbody",
    "100,000 recipients": lambda: b"From: a@b.test\r\nTo: " + b"x@y.test, " * 100_000 + b"\r\n\r\nbody",
    "100,000 parts": lambda: (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: text/html\r\n\r\n<a href=http://x.test>y</a>\r\n" * 100_000
    ),
    "1,000 levels": lambda: NESTED + b"body",
    "a page of 10 MB": lambda: PAGE + b"<p style='display:none'>word " * 400_000,
    "100,000 links": lambda: PAGE + b"<a href='http://x.test/?u=http://y.test'>http://z.test</a>" * 100_000,
    "50,000 open elements with styles": lambda: PAGE + b"<div style='display:none'>" * 50_000,
    "one word of 5 MB": lambda: HEAD + b"\r\n" + b"a" * 5_000_000,
    "dots and dashes": lambda: HEAD + b"\r\n" + b"a.b-c_d*" * 200_000,
    "only @": lambda: HEAD + b"\r\n" + b"@" * 500_000,
    "addresses without end": lambda: HEAD + b"\r\n" + b"a" * 70 + b"@" + b"b." * 200_000,
    "URLs without end": lambda: HEAD + b"\r\n" + b"http://" * 200_000,
    "invisible characters": lambda: HEAD + b"\r\n" + "a\u200b".encode() * 200_000,
    "letters of two alphabets": lambda: HEAD + b"\r\n" + "aа".encode() * 200_000,
    "a search text of empty lines": lambda: HEAD + b"\r\n" + b"\n" * 1_000_000,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_no_message_makes_it_work_long_or_say_much(what: str) -> None:
    raw = HOSTILE[what]()
    facts = parse_message(raw)
    begun = time.thread_time()
    found = features.read(raw, facts)
    evidence = judging.judge(found)
    spent = time.thread_time() - begun
    assert spent < 2.0, f"{spent:.1f} s of processor time"
    assert len(found.tokens) <= features.MOST_TOKENS
    assert len(evidence.reason) < 1_500
    assert judging.LEAST_POINTS <= evidence.score <= judging.MOST_POINTS


@given(st.binary(max_size=2_000))
def test_any_bytes_have_features(raw: bytes) -> None:
    found = features.read(raw)
    assert all(name in SIGNS for name, _detail in found.signs)
    assert all("\0" not in token and len(token) < 400 for token in found.tokens)
    assert judging.judge(found).reason.endswith(".")


@given(st.binary(max_size=600))
def test_any_page_has_features(html: bytes) -> None:
    judging.judge(features.read(PAGE + html))


@given(st.text(max_size=300), st.text(max_size=100))
def test_any_text_is_a_link_or_none(url: str, text: str) -> None:
    links.shown_host(text)
    for each in (url, f"http://{url}", f"https://{url}/{text}"):
        link = links.read(each, text)
        if link is not None:
            assert link.host
            assert len(links.registered(link.host)) <= len(link.host)


@given(
    st.lists(
        st.sampled_from(
            [
                "<div style='display:none'>",
                "</div>",
                "<a href='http://x.test'>",
                "</a>",
                "word ",
                "<p>",
                "<b style='color:#fff;background:white'>",
                "<table>",
                "<td>",
                "<script>",
            ]
        ),
        max_size=60,
    )
)
def test_hidden_elements_inside_each_other_are_taken_out_once(pieces: list[str]) -> None:
    page = pages.read("".join(pieces))
    assert page.hidden + len("".join(page.text.split())) <= 4 * len(pieces)


@given(st.lists(st.floats(0.004, 0.996), max_size=200))
def test_the_combined_probability_is_one(values: list[float]) -> None:
    assert 0.0 <= combined(values) <= 1.0


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.1, 1e6), st.floats(0.1, 1e6))
def test_a_word_is_worth_something_between_0_and_1(
    spam: float, ham: float, all_spam: float, all_ham: float
) -> None:
    if spam or ham:
        assert 0.0 < worth(spam, ham, spam_total=all_spam, ham_total=all_ham) < 1.0


def test_chi_square_is_that_of_the_tables() -> None:
    assert chi2_above(5.991, 2) == pytest.approx(0.05, abs=1e-3)
    assert chi2_above(18.307, 10) == pytest.approx(0.05, abs=1e-3)


def test_without_both_kinds_nothing_is_said() -> None:
    only_spam = Source(Counts(10, 0), {"word": Counts(10, 0)})
    assert likeness(["word"], [only_spam]).spam == 0.5


@pytest.mark.parametrize(
    ("html", "sign"),
    [
        ("<a href='http://evil.test/'>https://www.bank.test/login</a>", "link-shows-other"),
        ("<a href='http://192.0.2.1/x'>here</a>", "link-number"),
        ("<a href='http://paypal.com@evil.test/'>here</a>", "link-user"),
        ("<a href='http://paypal.com.evil.test/'>here</a>", "link-brand"),
        ("<a href='http://shop.evil.top/'>here</a>", "link-cheap"),
        ("<a href='http://bit.ly/x'>here</a>", "link-short"),
        ("<a href='http://x.test'><img src='http://x.test/a.png'></a>", "picture-only"),
        ("<div style='font-size:0'>" + "secret words " * 60 + "</div>hello", "hidden-text"),
        ("<form><input name=password></form>", "form"),
        ("send it to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "wallet"),
    ],
)
def test_each_sign_is_seen(html: str, sign: str) -> None:
    found = features.read(PAGE + html.encode())
    assert sign in dict(found.signs)


@pytest.mark.parametrize(
    "html",
    [
        "<a href='https://www.bank.test/login'>www.bank.test</a>",
        "<a href='http://bank.test/a'>https://www.bank.test/b</a>",
        "<a href='http://x.test/a.pdf'>report.pdf</a>",
        "<div style='display:none;max-height:0'>What you read in this letter</div><p>Hello, the news of May</p>",
        "<span style='font-size:0.9em'>small words</span>",
        "<a href='https://www.paypal.com/x'>here</a>",
        "<p style='color:#fff;background:#000'>a dark page</p>",
    ],
)
def test_what_is_usual_is_no_sign(html: str) -> None:
    assert (
        dict(
            features.read(
                PAGE.replace(b"a@b.test", b"a@bank.test").replace(
                    b"hello\r\n",
                    b"hello\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@b.test>\r\n",
                )
                + html.encode()
            ).signs
        )
        == {}
    )
