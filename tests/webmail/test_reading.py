"""Which part is read, what is folded away, and that nothing a person wrote is ever hidden."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from webmail.plain import text_to_html
from webmail.reading import CLIP, Earlier, earlier, fold_html, read, split_quote
from webmail.sanitize import clean

ORIGINAL = "Dear Ann,\n\nCould you bring the keys on Thursday?\nBen has the other set in Rotterdam.\n\nAda\n"


def mail(body: str, content_type: str = "text/plain; charset=utf-8", head: str = "") -> bytes:
    return (
        f"From: a@x.test\r\nContent-Type: {content_type}\r\n{head}\r\n{body}".replace("\n", "\r\n")
        .replace("\r\r", "\r")
        .encode()
    )


KNOWN = earlier([mail(ORIGINAL)])
QUOTED = "".join(f"> {line}\n" for line in ORIGINAL.strip().split("\n"))


def test_of_alternatives_the_rich_one_is_read() -> None:
    raw = mail(
        "--b\nContent-Type: text/plain\n\nplain\n--b\nContent-Type: text/html\n\n<p>rich</p>\n--b--\n",
        'multipart/alternative; boundary="b"',
    )
    assert read(raw).html.strip() == "<p>rich</p>"


def test_texts_beside_each_other_are_read_in_order_and_attached_ones_are_not() -> None:
    raw = mail(
        "--b\n\none\n--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=x.txt\n\nfile\n--b\n\ntwo\n--b--\n",
        'multipart/mixed; boundary="b"',
    )
    assert read(raw).text.split() == ["one", "two"]


def test_flowed_lines_are_joined() -> None:
    raw = mail("A long line \nthat goes on\nand ends\n> quoted \n> too\n", "text/plain; format=flowed")
    assert read(raw).text.split("\n")[:3] == ["A long line that goes on", "and ends", "> quoted too"]


def test_a_message_that_cannot_be_read_says_why() -> None:
    raw = mail(
        "--b\nContent-Type: application/octet-stream\n\nx\n--b--\n", 'multipart/encrypted; boundary="b"'
    )
    assert "encrypted" in read(raw).note


def test_long_bodies_are_cut_and_can_be_asked_for_whole() -> None:
    raw = mail("word " * 60_000)
    assert read(raw).clipped
    assert len(read(raw).text) <= CLIP
    assert not read(raw, whole=True).clipped


@pytest.mark.parametrize(
    "attribution",
    [
        "On Mon, 3 May 2026 at 10:00, Ada Lovelace <ada@x.test> wrote:",
        "On Mon, 3 May 2026 at 10:00,\nAda Lovelace <ada@x.test> wrote:",
        "Am 3. Mai 2026 schrieb Ada Lovelace:",
        "Le 3 mai 2026 à 10:00, Ada a écrit :",
        "",
    ],
)
def test_the_quotation_at_the_end_is_folded_with_its_attribution(attribution: str) -> None:
    answer = "Yes, gladly."
    shown, folded = split_quote(f"{answer}\n\n{attribution}\n{QUOTED}", KNOWN)
    assert shown == answer
    assert "Rotterdam" in folded


def test_what_stands_in_no_earlier_message_is_never_folded() -> None:
    text = f"See below.\n\n{QUOTED}".replace("Rotterdam", "Antwerp, which I had not told you before")
    assert split_quote(text, KNOWN) == (text, "")
    assert split_quote(f"Yes.\n\n{QUOTED}", Earlier()) == (f"Yes.\n\n{QUOTED}", "")


def test_answers_between_the_lines_stay_visible() -> None:
    text = "> Could you bring the keys on Thursday?\nYes.\n> Ben has the other set in Rotterdam.\nI know.\n"
    assert split_quote(text, KNOWN)[1] == ""
    text = f"See inside.\n\n{QUOTED}\n> I have written my answer right here, sorry\n"
    assert split_quote(text, KNOWN)[1] == ""


def test_a_message_that_is_only_a_quotation_is_shown() -> None:
    assert split_quote(QUOTED, KNOWN)[1] == ""


HTML_QUOTES = [
    '<div dir="ltr">Yes.</div><br><div class="gmail_quote"><div class="gmail_attr">On Mon, 3 May 2026, Ada wrote:<br></div><blockquote class="gmail_quote">{}</blockquote></div>',
    '<p>Yes.</p><div class="moz-cite-prefix">Am 03.05.26 um 10:00 schrieb Ada:<br></div><blockquote type="cite">{}</blockquote>',
    '<div>Yes.</div><div><br><blockquote type="cite"><div>On 3 May 2026, at 10:00, Ada wrote:</div><br>{}</blockquote></div>',
    '<p>Yes.</p><div><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> Ada &lt;ada@x.test&gt;<br><b>Sent:</b> 3 May 2026<br><b>To:</b> Ann<br><b>Subject:</b> Keys</p></div>{}</div>',
    "<p>Yes.</p><p>On 3 May 2026, Ada wrote:</p><blockquote>{}</blockquote>",
]
INNER = "".join(f"<p>{line}</p>" for line in ORIGINAL.split("\n") if line)


@pytest.mark.parametrize("form", HTML_QUOTES)
def test_quotations_of_all_mail_programs_are_folded(form: str) -> None:
    folded = fold_html(form.format(INNER), KNOWN)
    before, mark, after = folded.partition('<details class="trimmed">')
    assert mark
    assert "Yes." in before
    assert "Rotterdam" not in before
    assert "Rotterdam" in after


@pytest.mark.parametrize("form", HTML_QUOTES)
def test_html_answers_within_a_quotation_stay_visible(form: str) -> None:
    inside = INNER.replace("</p>", "</p><p>My own answer stands right here</p>", 1)
    assert "<details" not in fold_html(form.format(inside), KNOWN)


@pytest.mark.parametrize("form", HTML_QUOTES[:3])
def test_text_after_a_quotation_keeps_it_open(form: str) -> None:
    assert "<details" not in fold_html(
        form.format(INNER) + "<p>And one more thing about the lamp.</p>", KNOWN
    )


def test_plain_text_stays_text() -> None:
    shown = text_to_html("<b>x</b> & https://x.test/a?b=1&c=2. mail ada@x.test now", compose="/mail/compose/")
    assert "&lt;b&gt;x&lt;/b&gt; &amp; " in shown
    assert '<a href="https://x.test/a?b=1&amp;c=2" target="_blank" rel="noopener noreferrer">' in shown
    assert ">https://x.test/a?b=1&amp;c=2</a>. mail" in shown
    assert '<a href="/mail/compose/?mailto=ada@x.test">ada@x.test</a>' in shown


def test_quoted_lines_become_quotations() -> None:
    assert (
        text_to_html("a\n> b\n> > c\nd", compose="/")
        == "a<blockquote>b\n<blockquote>c</blockquote></blockquote>d"
    )


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="<>&\"'> \nhttps://w.x@-_", max_size=200))
def test_no_plain_text_makes_markup_of_its_own(text: str) -> None:
    import re

    tags = re.findall(r"<[^>]*>", text_to_html(text, compose="/c/"))
    assert all(
        re.fullmatch(
            r'</?blockquote>|</a>|<a href="[^"<>]*"( target="_blank" rel="noopener noreferrer")?>', tag
        )
        for tag in tags
    )


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    found = read(raw)
    fold_html(found.html, KNOWN)
    split_quote(found.text, KNOWN)


@pytest.mark.parametrize(
    "html",
    ["<div>" * 20_000, "<blockquote>" * 8_000 + "x", "<p>" * 20_000, ("<div class=gmail_quote>" * 4_000)],
)
def test_deep_markup_costs_little_time(html: str) -> None:
    started = time.monotonic()
    fold_html(html, KNOWN)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "text",
    [
        ">" * 100_000,
        "> \n" * 30_000,
        "On " * 30_000 + "wrote:\n> x",
        "From: x\n" * 20_000,
        "a@" * 50_000,
        "http://" * 15_000,
    ],
)
def test_hostile_plain_text_costs_little_time(text: str) -> None:
    started = time.monotonic()
    split_quote(text, KNOWN)
    text_to_html(text[:CLIP], compose="/")
    assert time.monotonic() - started < 2


def test_an_empty_text_beside_the_real_one_is_left_out() -> None:
    raw = mail(
        "--b\nContent-Type: text/plain\n\n\n--b\nContent-Type: text/html\n\n<p>rich</p>\n--b--\n",
        'multipart/mixed; boundary="b"',
    )
    assert read(raw).html.strip() == "<p>rich</p>"
    raw = mail(
        "--b\nContent-Type: text/plain\n\nplain\n--b\nContent-Type: text/html\n\n \n--b--\n",
        'multipart/mixed; boundary="b"',
    )
    assert read(raw).text.strip() == "plain"


@pytest.mark.parametrize(
    "opened",
    [
        "<!--", "<style>p{", "<img src='https://evil.test/?", '<a href="https://evil.test/?', "<a href='https://evil.test/'>",
        "<plaintext>", "<textarea>", "<xmp>", "<title>", "<script>", "<noscript>", "<select>", "<svg><style>", "<math><title>",
        "<frameset>", "<iframe>", "<template>", "<b hidden><p title='", "<![CDATA[", "<?x ", "<table><td><form action=x>",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_no_part_takes_in_the_next_one(opened: str, kind: str) -> None:
    """Parts beside each other may come from different people: each is a document of its own."""
    raw = mail(
        f"--b\nContent-Type: text/html\n\n<p>first</p>{opened}\n--b\nContent-Type: text/{kind}\n\nthe second\n--b\n"
        "Content-Type: text/html\n\n'>\"></a>--></style></script><p>third\n--b--\n",
        'multipart/mixed; boundary="b"',
    )
    found = clean(read(raw).html, picture=lambda name: None, outside=lambda url: url)
    tree = LexborHTMLParser(found.html)
    assert tree.body is not None
    for text in ("first", "the second", "third"):
        assert text in tree.body.text()
    assert not any("second" in (value or "") for node in tree.css("*") for value in node.attributes.values())
    assert not any("second" in node.text() for node in tree.css("a"))


def test_utf_7_is_no_way_to_hide_markup() -> None:
    raw = mail("+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "text/html; charset=utf-7")
    assert "<script" not in read(raw).html
