"""How messages begin, what is quoted, and what the writer's own HTML becomes."""

from __future__ import annotations

import pytest

from hosting.access import Sender
from mta.mailstore import service as mailstore
from mta.mailstore.service import ConversationMessage, DraftFile
from mta.values import INBOX, Cause
from tests.mail import mail
from webmail import quoting
from webmail.answering import FORWARD, REPLY, REPLY_ALL, open_answer, open_new, quotation
from webmail.own_html import mail_html, own_text, paragraphs
from webmail.people import read_people, write_people, wrong_people

CAUSE = Cause("import", "test")
ANN = Sender(1, "ann@example.test", "Ann Weber", True)
SALES = Sender(1, "sales@example.test", "", False)
US = (ANN, SALES)


def pairs(*emails: str) -> tuple[tuple[str, str], ...]:
    return tuple(("", email) for email in emails)


@pytest.fixture
def space(db: None) -> int:
    return mailstore.create_mailspace()


def arrived(space: int, raw: bytes | None = None, **message: str) -> ConversationMessage:
    box = mailstore.mailbox_by_role(space, INBOX).id
    data = raw if raw is not None else mail(**message)  # type: ignore[arg-type]
    return mailstore.message(space, mailstore.append(space, box, data, cause=CAUSE).message)


# --- who is answered, from which address
def test_a_reply_goes_to_the_sender_or_where_the_sender_wants_it(space: int) -> None:
    plain = open_answer(REPLY, arrived(space), US)
    assert (plain.to, plain.cc) == ((("Ada Lovelace", "ada@outside.test"),), ())
    listed = open_answer(REPLY, arrived(space, extra="Reply-To: desk@outside.test"), US)
    assert listed.to == pairs("desk@outside.test")


def test_a_reply_to_all_keeps_cc_and_drops_own_addresses_and_doubles(space: int) -> None:
    parent = arrived(
        space,
        to="Ann <ANN@example.test>, ben@x.test, sales@example.test",
        extra="Cc: cy@x.test, Ben <ben@x.test>, ann@example.test",
    )
    found = open_answer(REPLY_ALL, parent, US)
    assert found.to == (("Ada Lovelace", "ada@outside.test"), ("", "ben@x.test"))
    assert found.cc == pairs("cy@x.test")


def test_an_answer_to_an_own_message_goes_on_to_its_recipients(space: int) -> None:
    own = arrived(space, sender="Ann <ann@example.test>", to="ben@x.test", extra="Cc: cy@x.test")
    assert open_answer(REPLY, own, US).to == pairs("ben@x.test")
    everyone = open_answer(REPLY_ALL, own, US)
    assert (everyone.to, everyone.cc) == (pairs("ben@x.test"), pairs("cy@x.test"))


def test_an_answer_comes_from_the_address_that_was_written_to(space: int) -> None:
    assert open_answer(REPLY, arrived(space, to="Sales@Example.test"), US).sender == SALES
    assert open_answer(REPLY, arrived(space, to="list@x.test"), US).sender == ANN


def test_an_answer_continues_the_chain_of_references(space: int) -> None:
    parent = arrived(space, message_id="c@x", references="a@x b@x")
    found = open_answer(REPLY, parent, US)
    assert (found.in_reply_to, found.references) == ("c@x", ("a@x", "b@x", "c@x"))
    only_parent = arrived(space, message_id="e@x", extra="In-Reply-To: <d@x>")
    assert open_answer(REPLY, only_parent, US).references == ("d@x", "e@x")


def test_a_long_chain_keeps_its_first_and_its_last(space: int) -> None:
    parent = arrived(space, message_id="end@x", references=" ".join(f"r{n}@x" for n in range(90)))
    found = open_answer(REPLY, parent, US).references
    assert (len(found), found[0], found[-1]) == (50, "r0@x", "end@x")


@pytest.mark.parametrize(
    ("subject", "reply", "forward"),
    [
        ("Lunch", "Re: Lunch", "Fwd: Lunch"),
        ("Re: AW: Re: Lunch", "Re: Lunch", "Fwd: Lunch"),
        ("Fwd: Lunch", "Re: Lunch", "Fwd: Lunch"),
        ("", "Re:", "Fwd:"),
    ],
)
def test_subjects_say_once_what_they_are(space: int, subject: str, reply: str, forward: str) -> None:
    parent = arrived(space, subject=subject)
    assert open_answer(REPLY, parent, US).subject == reply
    assert open_answer(FORWARD, parent, US).subject == forward


def test_a_mailto_address_fills_people_subject_and_body_and_nothing_else() -> None:
    found = open_new(
        US,
        "ada%40x.test,ben@y.test?subject=Hello%20there&cc=cy@z.test&bcc=d@z.test"
        "&body=One%0D%0A%3Cb%3ETwo&attach=/etc/passwd&from=evil@x.test",
    )
    assert (found.to, found.cc, found.bcc) == (
        pairs("ada@x.test", "ben@y.test"),
        pairs("cy@z.test"),
        pairs("d@z.test"),
    )
    assert (found.subject, found.html) == ("Hello there", "<p>One</p><p>&lt;b&gt;Two</p>")
    assert (found.sender, found.files) == (ANN, ())


def test_a_mailto_plus_is_a_plus_and_a_line_break_makes_no_header() -> None:
    found = open_new(US, "a+b@x.test?subject=1+1%0D%0ABcc:%20evil@x.test")
    assert found.to == pairs("a+b@x.test")
    assert found.subject == "1+1 Bcc: evil@x.test"


# --- people as they are typed
def test_a_typed_list_becomes_people_and_what_is_no_address_stays_as_typed() -> None:
    found = read_people('"Weber, Ann" <aw@x.test>; b@y.test\nnonsense, c@')
    assert found[:2] == (("Weber, Ann", "aw@x.test"), ("", "b@y.test"))
    assert wrong_people(found) == [email for _name, email in found[2:]]
    assert read_people(write_people(found[:2])) == found[:2]


# --- the original
NEWSLETTER = b"""From: News <news@shop.test>
To: ann@example.test
Subject: Offers
Date: Mon, 12 Oct 2026 10:00:00 +0000
Message-ID: <n@shop.test>
MIME-Version: 1.0
Content-Type: multipart/related; boundary=b

--b
Content-Type: text/html; charset=utf-8

<html><head><style>.x td{color:red} td{background:#fff}</style></head><body>
<table class="x" width="600"><tr><td style="padding:4px">Tea<script>alert(1)</script>
<img src="cid:logo"><img src="https://shop.test/pixel.png" onerror="x()"></td></tr></table></body></html>
--b
Content-Type: image/png; name=logo.png
Content-ID: <logo>
Content-Disposition: inline
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--b--
""".replace(b"\n", b"\r\n")


def test_the_original_keeps_tables_colours_and_pictures_and_loses_what_could_run(space: int) -> None:
    found = quotation(space, REPLY, arrived(space, NEWSLETTER))
    assert '<table class="x" width="600">' in found.html
    assert 'style="background:#fff;color:red;padding:4px"' in found.html
    assert '<img src="cid:logo">' in found.html and "https://shop.test/pixel.png" in found.html
    assert found.pictures == ("logo",)
    for gone in ("<script", "<style", "onerror", "alert"):
        assert gone not in found.html


def test_its_writer_sees_the_original_without_asking_outside_for_pictures(space: int) -> None:
    found = quotation(space, REPLY, arrived(space, NEWSLETTER))
    page = quoting.shown(found.html, picture={"logo": "/files/1/"}.get)
    assert 'src="/files/1/"' in page and "shop.test/pixel" not in page


def test_the_text_of_the_original_is_quoted_line_by_line(space: int) -> None:
    found = quotation(space, REPLY, arrived(space, body="One\r\n\r\n  Two\r\n> older"))
    assert "On 12 Oct 2026, Ada Lovelace wrote:" in found.html
    assert quoting.as_text(found.html) == ("On 12 Oct 2026, Ada Lovelace wrote:\n> One\n>\n> Two\n>> older")


def test_a_name_cannot_bring_markup_into_the_quotation(space: int) -> None:
    found = quotation(space, REPLY, arrived(space, sender='"<img src=x>" <a@x.test>'))
    assert "<img" not in found.html


def test_a_forwarded_original_stands_under_its_own_head(space: int) -> None:
    found = quotation(space, FORWARD, arrived(space, subject="Plan & <more>"))
    text = quoting.as_text(found.html)
    assert text.startswith("---------- Forwarded message ----------\nFrom: Ada Lovelace <ada@outside.test>\n")
    assert "Subject: Plan & <more>\nTo: ann@example.test\n" in text
    assert "> " not in text


def test_very_deep_html_is_quoted_in_time(space: int) -> None:
    raw = b"Content-Type: text/html\r\n\r\n<style>div{color:red}</style>" + b"<div>" * 20_000 + b"end"
    assert "end" in quotation(space, REPLY, arrived(space, raw)).html


# --- the writer's own part
def test_the_writers_html_is_what_the_editor_makes_and_nothing_else() -> None:
    made = mail_html(
        '<p onclick="x()" style="position:fixed">Hi <b>you</b><script>1</script></p><iframe src="//x"></iframe>'
        '<p><a href="javascript:x()" target="_blank">a</a><a href="https://x.test">b</a></p><p></p>'
        '<p><img src="https://x.test/a.png"><img src="data:image/png;base64,AA==">x</p>',
        (),
    )
    assert made == (
        '<div dir="auto"><p style="margin:0">Hi <b>you</b></p><p style="margin:0"><a>a</a>'
        '<a href="https://x.test">b</a></p><p style="margin:0"><br></p><p style="margin:0">x</p></div>'
    )


def test_pictures_of_the_draft_are_sent_by_content_id_and_no_others() -> None:
    files = (DraftFile(7, "a.png", "image/png", 10, "c7@x", True),)
    made = mail_html('<p><img src="/mail/compose/3/files/7/"><img src="/mail/compose/3/files/8/"></p>', files)
    assert made.count("<img") == 1
    assert 'src="cid:c7@x"' in made


def test_nothing_written_is_nothing() -> None:
    assert mail_html("<p></p><p> </p>", ()) == ""


def test_the_text_part_has_a_line_for_each_line_and_a_dot_for_each_item() -> None:
    html = mail_html(
        "<p>Dear Ben,</p><p></p><p>two things:</p><ul><li><p>tea</p></li><li><p>maps</p></li></ul>"
        '<p>See <a href="https://x.test/m">the map</a></p>',
        (),
    )
    assert own_text(html) == ("Dear Ben,\n\ntwo things:\n\n• tea\n• maps\n\nSee the map (https://x.test/m)")
    assert own_text(paragraphs("a\n\nb <c>\nd")) == "a\n\nb <c>\nd"
