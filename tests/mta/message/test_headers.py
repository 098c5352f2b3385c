"""Header fields and their values, as senders really write them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.message.charsets import codec_name, decode_charset
from mta.message.encoded_words import decode_words, encode_words
from mta.message.headers import (
    decode_text,
    message_ids,
    one_line,
    parse_date,
    parse_header,
    parse_params,
    select_fields,
    split_message,
    unfold,
)

from .strategies import MODEST, mailish


@pytest.mark.parametrize(
    ("raw", "split"),
    [
        (b"A: b\r\n\r\nbody", (6, 8)),
        (b"A: b\n\nbody", (5, 6)),
        (b"A: b\r\n", (6, 6)),
        (b"A: b", (4, 4)),
        (b"\r\nbody", (0, 2)),
        (b"\nbody", (0, 1)),
        (b"", (0, 0)),
        (b"no header at all\r\n\r\nbody", (0, 0)),
        (b"A: b\r\n \r\nC: d\r\n\r\nbody", (15, 17)),
    ],
)
def test_the_header_ends_at_the_blank_line(raw, split):
    assert split_message(raw) == split


def test_fields_keep_their_bytes():
    raw = b"From x\r\nSubject : one\r\n two\r\nbroken line\r\nX-A:b\nLast: c"
    fields = parse_header(raw)
    assert [(field.name, field.value) for field in fields] == [
        ("subject", b" one\r\n two"),
        ("x-a", b"b"),
        ("last", b" c"),
    ]
    assert fields[0].raw == b"Subject : one\r\n two\r\n"


def test_chosen_fields_come_with_the_blank_line():
    fields = parse_header(b"A: 1\r\nB: 2\r\nA: 3")
    assert select_fields(fields, {"a"}) == b"A: 1\r\nA: 3\r\n\r\n"
    assert select_fields(fields, {"a"}, not_=True) == b"B: 2\r\n\r\n"
    assert select_fields(fields, {"z"}) == b"\r\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b" Hello\r\n  world ", "Hello world"),
        (b"=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"),
        (b"=?ISO-8859-1?Q?Gr=FC=DFe?= aus =?utf-8?q?K=C3=B6ln?=", "Grüße aus Köln"),
        (b"=?utf-8?b?5p2x?=\r\n =?utf-8?b?5Lqs?=", "東京"),
        (b"=?utf-8?b?5p0=?= =?utf-8?b?sQ==?=", "東"),  # one character in two words
        (b"=?iso-2022-jp?B?GyRCRWw1fhsoQg==?=", "東京"),
        (b"=?gb2312?B?xOO6ww==?=", "你好"),
        (b"=?koi8-r?B?8NLJ18XU?=", "Привет"),
        (b"=?windows-1251?Q?=CF=F0?=", "Пр"),
        (b"=?utf-8*en?q?hi?=", "hi"),
        (b"Gr\xc3\xbc\xc3\x9fe", "Grüße"),
        (b"Gr\xfc\xdfe", "Grüße"),
        (b"=?x-unknown?q?caf=E9?=", "café"),
        (b"=?utf-8?q?broken", "=?utf-8?q?broken"),
        (b"=?utf-8?b?!!!?= x", "x"),
        (b"a\0b\x07c\x1b[31m", "abc[31m"),
        (b"=?utf-8?q?a=0D=0AB:_c?=", "a B: c"),
        (b"=?utf-7?q?+ADw-script+AD4-?=", "+ADw-script+AD4-"),
        (b"a=?utf-8?q?b?=c", "abc"),
        (b"=?utf-8?q?a b?=", "a b"),
    ],
)
def test_text_reads_as_its_writer_meant_it(value, text):
    assert decode_text(value) == text


@pytest.mark.parametrize(
    ("value", "main", "params"),
    [
        (b"text/plain; charset=UTF-8", "text/plain", {"charset": "UTF-8"}),
        (
            b'TEXT/HTML ; Charset = "utf-8" ; format=flowed',
            "text/html",
            {"charset": "utf-8", "format": "flowed"},
        ),
        (b'multipart/mixed;\r\n\tboundary="a;b=\\"c"', "multipart/mixed", {"boundary": 'a;b="c'}),
        (b"a/b; name*=utf-8''%E2%82%AC%20x", "a/b", {"name": "€ x"}),
        (b"a/b; name*0*=utf-8''%E2; name*1*=%82%AC; name*2=.pdf", "a/b", {"name": "€.pdf"}),
        (b"a/b; name*1=b; name*0=a", "a/b", {"name": "ab"}),
        (b"a/b; name*0=x.; name*1=e; name*2=xe; name=a.txt", "a/b", {"name": "x.exe"}),
        (b'a/b; name="=?utf-8?q?J=C3=B6rg?=.pdf"', "a/b", {"name": "Jörg.pdf"}),
        (b"a/b; name=J\xf6rg.pdf", "a/b", {"name": "Jörg.pdf"}),
        (b"text/plain; charset=us-ascii (plain text)", "text/plain", {"charset": "us-ascii"}),
        (b"a/b; name=a b.pdf", "a/b", {"name": "a b.pdf"}),
        (b"a/b; x; =y; name=first; name=second", "a/b", {"name": "first"}),
        (b'a/b; name="never closed', "a/b", {"name": "never closed"}),
        (b"", "", {}),
        (b";;;", "", {}),
    ],
)
def test_parameters_in_all_their_forms(value, main, params):
    assert parse_params(value) == (main, params)


@pytest.mark.parametrize(
    ("value", "iso"),
    [
        (b"Mon, 23 Nov 2026 04:03:05 +0000", "2026-11-23T04:03:05"),
        (b"23 Nov 2026 04:03 +0100", "2026-11-23T03:03:00"),
        (b"Mon, 23 Nov 26 04:03:05 GMT", "2026-11-23T04:03:05"),
        (b"Mon, 23 Nov 2026 04:03:05 -0800 (PST)", "2026-11-23T12:03:05"),
        (b"Mon, 23 Nov 2026 04:03:05 EST", "2026-11-23T09:03:05"),
        (b"Monday, 23-Nov-99 04:03:05 UT", "1999-11-23T04:03:05"),
        (b" Mon,\r\n 23 Nov 2026\r\n 04:03:05 +0000", "2026-11-23T04:03:05"),
        (b"Mon Nov 23 04:03:05 2026", "2026-11-23T04:03:05"),
        (b"yesterday", None),
        (b"", None),
        (b"Mon, 99 Nov 2026 99:03:05 +0000", None),
        (b"1 Foo 2026 00:00:00 +0000", None),
    ],
)
def test_dates_are_moments(value, iso):
    expected = int(datetime.fromisoformat(iso).replace(tzinfo=UTC).timestamp()) * 1_000_000 if iso else None
    assert parse_date(value) == expected


def test_message_ids_lose_brackets_and_repetitions():
    assert message_ids(b" <a@b>\r\n <c@d> <a@b>") == ("a@b", "c@d")
    assert message_ids(b"<a\r\n @b>") == ("a@b",)
    assert message_ids(b"a@b") == ("a@b",)
    assert message_ids(b'Your message of "Monday"') == ()
    assert message_ids(b"<a\0b@c>") == ("ab@c",)
    assert message_ids(b"<" + b"x" * 900 + b"@c>") == ("x" * 500,)


def test_of_too_many_ids_the_root_and_the_latest_stay():
    value = b" ".join(b"<%d@x>" % number for number in range(500))
    ids = message_ids(value)
    assert len(ids) == 100 and ids[0] == "0@x" and ids[-1] == "499@x" and ids[1] == "401@x"


def test_folding_is_undone():
    assert unfold(b" a\r\n b\n\tc ") == b"a b\tc"


@pytest.mark.parametrize(
    "label",
    ["utf-7", "UTF7", "idna", "punycode", "unicode_escape", "zip", "hex", "rot13", "nope", "\0", "u" * 99],
)
def test_encodings_that_are_no_charsets_are_refused(label):
    assert codec_name(label) is None
    assert decode_charset(b"+ADw-", label) == "+ADw-"


@pytest.mark.parametrize("label", ["utf-8", "ISO-8859-15", "windows-1252", "iso-2022-jp", "iso-2022-kr", "shift_jis", "euc-jp", "gb18030", "gbk", "big5", "euc-kr", "koi8-u", "windows-1255", "tis-620", "hz-gb-2312", "utf-16", "macintosh", "cp437", "iso-8859-8-i"])  # fmt: skip
def test_the_charsets_of_real_mail_are_known(label):
    assert codec_name(label)


def test_a_wrong_label_does_not_lose_the_text():
    assert decode_charset("Grüße".encode(), "us-ascii") == "Grüße"
    assert decode_charset("Grüße".encode("cp1252"), "utf-8") == "Grüße"
    assert decode_charset("Grüße 東".encode()[:-1], "utf-8").startswith("Grüße ")
    assert decode_charset("“hi”".encode("cp1252"), "iso-8859-1") == "“hi”"


@MODEST
@given(st.text(max_size=120))
def test_encoded_words_read_back(text):
    words = encode_words(text)
    assert all(len(word) <= 75 and word.isascii() for word in words)
    assert decode_words(" ".join(words)) == text


@MODEST
@given(mailish)
def test_reading_values_never_raises_and_can_be_stored(raw):
    texts = [decode_text(raw), *message_ids(raw), parse_params(raw)[0], *parse_params(raw)[1].values()]
    parse_date(raw)
    for text in texts:
        assert text == one_line(text) or "\n" not in text
        assert "\0" not in text
        text.encode()


@MODEST
@given(mailish)
def test_a_header_is_never_longer_than_its_message(raw):
    header_end, body_start = split_message(raw)
    assert 0 <= header_end <= body_start <= len(raw)
    assert raw[header_end:body_start] in (b"", b"\n", b"\r\n")
    for field in parse_header(raw[:header_end]):
        assert field.raw in raw
