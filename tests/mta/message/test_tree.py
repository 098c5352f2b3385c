"""The MIME tree: its numbers, its offsets, and content that comes out whole."""

import base64
import binascii
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.message.tree import (
    MAX_DEPTH,
    MAX_PARTS,
    body_section,
    decoded,
    decoded_text,
    find,
    parse_tree,
    safe_filename,
    walk,
)

from .samples import ALTERNATIVE_WITH_FILE, RFC3501
from .strategies import MODEST, mailish


def numbers(raw: bytes) -> list[str]:
    return [f"{part.number} {part.content_type}" for part in walk(parse_tree(raw))]


def test_parts_are_numbered_as_in_the_rfc():
    assert numbers(RFC3501) == [
        " multipart/mixed",
        "1 text/plain",
        "2 application/octet-stream",
        "3 message/rfc822",
        "3 multipart/mixed",
        "3.1 text/plain",
        "3.2 application/octet-stream",
        "4 multipart/mixed",
        "4.1 image/gif",
        "4.2 message/rfc822",
        "4.2 multipart/mixed",
        "4.2.1 text/plain",
        "4.2.2 multipart/alternative",
        "4.2.2.1 text/plain",
        "4.2.2.2 text/richtext",
    ]


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("1", b"one"),
        ("1.MIME", b"Content-Type: text/plain\r\n\r\n"),
        ("3.HEADER", b"Subject: three\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"),
        ("3.1", b"three one"),
        ("4.2.2.1", b"four two two one"),
        ("4.2.HEADER.FIELDS", b"Subject: four two\r\n\r\n"),
        ("4.2.HEADER.FIELDS.NOT", b"Content-Type: multipart/mixed; boundary=d\r\n\r\n"),
        ("HEADER.FIELDS", b"Subject: root\r\n\r\n"),
        ("header", b"Subject: root\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n"),
        ("4.2.2.1.MIME", b"Content-Type: text/plain\r\n\r\n"),
        ("5", None),
        ("1.1", None),
        ("1.HEADER", None),
        ("1.TEXT", None),
        ("MIME", None),
        ("0", None),
        ("01", None),
        ("1.", None),
        ("nonsense", None),
    ],
)
def test_sections_are_the_bytes_that_imap_names(section, expected):
    assert body_section(RFC3501, parse_tree(RFC3501), section, ["SUBJECT"]) == expected


def test_a_section_of_a_message_is_its_header_and_its_text():
    tree = parse_tree(RFC3501)
    inner = body_section(RFC3501, tree, "3")
    assert inner == body_section(RFC3501, tree, "3.HEADER") + body_section(RFC3501, tree, "3.TEXT")
    assert inner.startswith(b"Subject: three") and inner.endswith(b"--b--")
    assert body_section(RFC3501, tree, "") == RFC3501


def test_a_message_of_one_part_has_a_part_one():
    raw = b"Subject: x\r\n\r\nhello"
    tree = parse_tree(raw)
    assert tree.number == "1"
    assert body_section(raw, tree, "1") == body_section(raw, tree, "TEXT") == b"hello"


def test_an_inner_message_of_one_part_has_a_part_one():
    raw = b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nhello"
    tree = parse_tree(raw)
    assert body_section(raw, tree, "1.1") == body_section(raw, tree, "1.TEXT") == b"hello"
    assert body_section(raw, tree, "1.HEADER") == b"Subject: in\r\n\r\n"


def test_what_a_part_says_of_itself():
    part = find(parse_tree(ALTERNATIVE_WITH_FILE), "2")
    assert part.content_type == "application/pdf"
    assert (part.disposition, part.filename, part.encoding) == ("attachment", "plän.pdf", "base64")
    assert decoded(ALTERNATIVE_WITH_FILE, part) == b"hello"
    html = find(parse_tree(ALTERNATIVE_WITH_FILE), "1.2")
    assert decoded_text(ALTERNATIVE_WITH_FILE, html) == "<p>Hello <b>Ann</b>, see the file.</p>"


def test_the_line_end_before_a_delimiter_is_not_content():
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n\n--b\n\n--b--\n"
    tree = parse_tree(raw)
    assert [raw[child.body_start : child.body_end] for child in tree.children] == [b"x\n", b""]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Content-Type: multipart/mixed\r\n\r\nhello", ["1 text/plain"]),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\nhello", ["1 text/plain"]),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b", [" multipart/mixed", "1 text/plain"]),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--bb\r\ny\r\n--b  \r\n\r\nz", [" multipart/mixed", "1 text/plain", "2 text/plain"]),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n--b\r\n", ["1 text/plain"]),
        (b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\ny", [" multipart/digest", "1 message/rfc822", "1.1 text/plain"]),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: header cut\r\n--b\r\n\r\nz", [" multipart/mixed", "1 text/plain", "2 text/plain"]),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nno header here\r\n--b--", [" multipart/mixed", "1 text/plain"]),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--b\r\n\r\ny\r\n--c\r\n", [" multipart/mixed", "1 multipart/mixed", "1.1 text/plain", "2 text/plain"]),
        (b"Content-Type: nonsense\r\n\r\nx", ["1 text/plain"]),
        (b"Content-Type: text/\r\n\r\nx", ["1 text/plain"]),
        (b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA==", ["1 message/rfc822"]),
        (b"", ["1 text/plain"]),
        (b"only text", ["1 text/plain"]),
    ],
)  # fmt: skip
def test_broken_mime_still_has_a_tree(raw, expected):
    assert numbers(raw) == expected


def test_a_boundary_that_is_another_ones_beginning_is_its_own():
    raw = (
        b"Content-Type: multipart/mixed; boundary=ab\r\n\r\n--ab\r\nContent-Type: multipart/mixed; boundary=abc\r\n\r\n"
        b"--abc\r\n\r\nx\r\n--abc--\r\n--ab\r\n\r\ny\r\n--ab--\r\n"
    )
    assert numbers(raw) == [" multipart/mixed", "1 multipart/mixed", "1.1 text/plain", "2 text/plain"]


def test_nesting_and_number_of_parts_are_bounded():
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(1000)
    )
    assert len(numbers(deep)) == MAX_DEPTH + 1
    chain = b"Content-Type: message/rfc822\r\n\r\n" * 1000
    assert len(numbers(chain)) == MAX_DEPTH + 1
    wide = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 3000
    assert len(numbers(wide)) == MAX_PARTS


@pytest.mark.parametrize(
    ("encoding", "body", "content"),
    [
        ("base64", b"aGVs\r\nbG8=\r\n", b"hello"),
        ("BASE64", b"aGVsbG8", b"hello"),
        ("base64", b"aGVs!bG8=\r\n-- \r\nfooter", None),
        ("base64", b"aGVsbG8=aGVsbG8=", b"hellohello"),
        ("quoted-printable", b"a=3Db=\r\nc=E9 =\r\nd=zz", b"a=bc\xe9 d=zz"),
        ("x-uuencode", b"begin 644 f\r\n%:&5L;&\\ \r\n`\r\nend\r\n", b"hello"),
        ("x-uuencode", b"no uuencode", b"no uuencode"),
        ("8bit", b"\xff\x00", b"\xff\x00"),
        ("nonsense", b"abc", b"abc"),
    ],
)
def test_transfer_encodings_are_undone(encoding, body, content):
    raw = b"Content-Transfer-Encoding: " + encoding.encode() + b"\r\n\r\n" + body
    got = decoded(raw, parse_tree(raw))
    assert got == content if content is not None else got.startswith(b"hello")


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("utf-8", "utf-8"),
        ("iso-2022-jp", "iso2022_jp"),
        ("Shift_JIS", "cp932"),
        ("gb18030", "gb18030"),
        ("big5", "big5"),
        ("euc-kr", "euc-kr"),
    ],
)
def test_text_in_the_charsets_of_east_asia(charset, codec):
    raw = f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode() + "一二三".encode(codec)
    assert decoded_text(raw, parse_tree(raw)) == "一二三"


def test_html_that_names_its_own_charset():
    raw = b'Content-Type: text/html\r\n\r\n<meta http-equiv=x content="text/html; charset=koi8-r">\xf0'
    assert decoded_text(raw, parse_tree(raw)).endswith("П")


def test_text_can_be_stored():
    raw = b"\r\na\0b\x1b\r\nc\rd\xed\xa0\x80"
    assert "\0" not in decoded_text(raw, parse_tree(raw))
    decoded_text(raw, parse_tree(raw)).encode()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\tmp\\a.txt", "a.txt"),
        ("..", ""),
        ("a\r\nb.txt", "a b.txt"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("cod\u202etxt.exe", "codtxt.exe"),
    ],
)
def test_file_names_are_names_and_nothing_else(name, safe):
    assert safe_filename(name) == safe


@MODEST
@given(mailish)
def test_sections_put_together_are_the_message(raw):
    tree = parse_tree(raw)
    assert body_section(raw, tree, "HEADER") + body_section(raw, tree, "TEXT") == raw
    for part in walk(tree):
        assert 0 <= part.header_start <= part.header_end <= part.body_start <= part.body_end <= len(raw)
        assert find(tree, part.number) is not None
        if part.message is not None:
            whole = body_section(raw, tree, part.number)
            number = part.number
            if find(tree, number) is part:
                header = body_section(raw, tree, f"{number}.HEADER")
                assert header + body_section(raw, tree, f"{number}.TEXT") == whole
        end = part.body_start
        for child in part.children:
            assert end <= child.header_start <= child.body_end <= part.body_end
            end = child.body_end
        decoded(raw, part)
        decoded_text(raw, part).encode()


@MODEST
@given(st.binary(max_size=300))
def test_encoders_and_decoder_agree(data):
    for encoding, encode in (("base64", base64.encodebytes), ("quoted-printable", quopri.encodestring)):
        raw = b"Content-Transfer-Encoding: " + encoding.encode() + b"\n\n" + encode(data)
        assert decoded(raw, parse_tree(raw)).rstrip(b"\n") == data.rstrip(b"\n")
    lines = b"".join(binascii.b2a_uu(data[at : at + 45]) for at in range(0, len(data), 45))
    raw = b"Content-Transfer-Encoding: uuencode\n\nbegin 644 x\n" + lines + b"`\nend\n"
    assert decoded(raw, parse_tree(raw)) == data
