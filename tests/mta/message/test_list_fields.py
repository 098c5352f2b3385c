"""The header of a list's copies: whatever was posted, it says what the list says, once, and nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.message import list_fields
from mta.message.headers import decode_text, parse_header, split_message
from mta.message.list_fields import Heading
from tests.mail import mail

NEWS = Heading("News", "news@a.test", "news-owner@a.test")
OURS = ("list-id", "list-post", "list-owner", "precedence", "x-loop")


def fields(raw: bytes) -> dict[str, list[str]]:
    end, _body = split_message(raw)
    found: dict[str, list[str]] = {}
    for field in parse_header(raw[:end]):
        found.setdefault(field.name, []).append(decode_text(field.value))
    return found


@given(st.binary(max_size=400), st.text(max_size=60), st.booleans())
def test_any_bytes_keep_their_body_and_get_each_field_once(junk: bytes, name: str, rewrite: bool) -> None:
    raw = b"List-Id: <old.test>\r\nFrom: x@y.test\r\n" + junk + b"\r\n\r\nbody " + junk
    _end, body = split_message(raw)
    done = list_fields.headed(raw, Heading(name, "news@a.test", "o@a.test"), rewrite_from=rewrite)
    assert done.endswith(raw[body:])
    found = fields(done)
    assert all(len(found[each]) == 1 for each in OURS)
    if rewrite:
        assert len(found["from"]) == 1 and "news@a.test" in found["from"][0]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("The News", "The News <news.a.test>"),
        ('Says "hi", friends', '"Says \\"hi\\", friends" <news.a.test>'),
        ("Grüße", "Grüße <news.a.test>"),
        ("x\r\nBcc: eve@evil.test", '"x Bcc: eve@evil.test" <news.a.test>'),
    ],
)
def test_its_name_cannot_begin_a_field(name: str, shown: str) -> None:
    done = list_fields.headed(mail(), Heading(name, "news@a.test", "o@a.test"), rewrite_from=False)
    assert fields(done)["list-id"] == [shown]
    assert "bcc" not in fields(done)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("news@a.test", "news.a.test"),
        ("News.Letter@a.test", "news.letter.a.test"),
        ('"odd one"@a.test', "list-6f6464206f6e65.a.test"),
        ("josé@a.test", "list-6a6f73c3a9.a.test"),
    ],
)
def test_every_address_has_an_id_that_is_a_label(address: str, found: str) -> None:
    assert list_fields.list_id(address) == found


def test_where_only_named_people_post_readers_are_told_so() -> None:
    closed = Heading("Board", "board@a.test", "board-owner@a.test", open_to_all=False)
    assert fields(list_fields.headed(mail(), closed, rewrite_from=False))["list-post"] == ["NO"]


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        ("Ada <ada@x.test>", "Ada via News <news@a.test>"),
        ("ada@x.test", "ada via News <news@a.test>"),
        ('"Eve <eve@evil.test>" <ada@x.test>', '"Eve <eve@evil.test> via News" <news@a.test>'),
        ("nobody at all", "Somebody via News <news@a.test>"),
    ],
)
def test_the_list_writes_in_the_authors_name(sender: str, shown: str) -> None:
    assert fields(list_fields.headed(mail(sender=sender), NEWS, rewrite_from=True))["from"] == [shown]


def test_one_click_is_only_offered_over_https() -> None:
    plain = list_fields.leaving("l+1.a@a.test", "http://mail.a.test/lists/leave/1.a/")
    assert plain == b"List-Unsubscribe: <http://mail.a.test/lists/leave/1.a/>,\r\n <mailto:l+1.a@a.test>\r\n"
    assert b"One-Click" in list_fields.leaving("l+1.a@a.test", "https://mail.a.test/lists/leave/1.a/")


@pytest.mark.parametrize(
    ("extra", "passed"),
    [
        ("X-Loop: NEWS@a.test", True),
        ("List-Id: whatever <NEWS.a.test>", True),
        ("List-Id: <news.b.test>", False),
        ("X-Loop: news@b.test", False),
        ("Subject: X-Loop: news@a.test", False),
    ],
)
def test_a_message_that_was_here_is_known_again(extra: str, passed: bool) -> None:
    raw = mail(extra=extra)
    assert list_fields.has_passed(parse_header(raw[: split_message(raw)[0]]), "news@a.test") is passed
