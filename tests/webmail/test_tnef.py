"""Outlook's envelope: what lies in it comes out, and hostile ones end soon."""

from __future__ import annotations

import struct
import time
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.mailstore import service as mailstore
from tests.webmail.mail_world import Reader
from webmail.tnef import MAX_BODY, MAX_FILES, html_of_rtf, opened, unpacked_rtf


def attribute(level: int, name: int, value: bytes, kind: int = 6) -> bytes:
    return (
        struct.pack("<BHHI", level, name, kind, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)
    )


def properties(*each: tuple[int, int, bytes]) -> bytes:
    out = struct.pack("<I", len(each))
    for kind, name, value in each:
        out += struct.pack("<HH", kind, name)
        if kind in (0x1E, 0x1F, 0x102):
            out += struct.pack("<II", 1, len(value)) + value + b"\0" * (-len(value) % 4)
        else:
            out += value
    return out


def envelope(*attributes: bytes) -> bytes:
    return struct.pack("<IH", 0x223E9F78, 1) + b"".join(attributes)


def packed_rtf(rtf: bytes) -> bytes:
    """As MS-OXRTFCP wraps it, without any compression: eight letters to a control byte."""
    body = b"".join(b"\0" + rtf[at : at + 8] for at in range(0, len(rtf), 8))
    return struct.pack("<IIII", len(body) + 12, len(rtf), 0x75465A4C, 0) + body


PLAN = b"the plan"
FILE = (
    attribute(2, 0x9002, b"\0" * 14)
    + attribute(2, 0x8010, b"PLAN~1.DOC\0")
    + attribute(2, 0x800F, PLAN)
    + attribute(
        2,
        0x9005,
        properties(
            (0x03, 0x3705, struct.pack("<I", 1)),
            (0x1F, 0x3707, "Plan für März.doc\0".encode("utf-16-le")),
            (0x1E, 0x370E, b"application/msword\0"),
        ),
    )
)
WHOLE = envelope(
    attribute(1, 0x9007, struct.pack("<II", 1252, 0)),
    attribute(1, 0x9003, properties((0x1E, 0x1000, b"Dear Ann\r\nsee the plan\0"))),
    FILE,
)


def test_files_come_out_with_their_long_names() -> None:
    found = opened(WHOLE)
    assert [(file.name, file.type, file.data) for file in found.files] == [
        ("Plan für März.doc", "application/msword", PLAN)
    ]
    assert found.text == "Dear Ann\nsee the plan"


def test_names_lead_nowhere() -> None:
    evil = envelope(
        attribute(2, 0x9002, b""), attribute(2, 0x8010, b"..\\..\\etc\\passwd\0"), attribute(2, 0x800F, b"x")
    )
    assert opened(evil).files[0].name == "passwd"


def test_an_rtf_body_gives_back_the_html_it_was_made_of() -> None:
    rtf = (
        rb"{\rtf1\ansi\ansicpg1252\fromhtml1 {\fonttbl{\f0 Arial;}}{\*\htmltag19 <html>}{\*\htmltag64 <p>}"
        rb"\htmlrtf {\htmlrtf0 Gr\'fc\'dfe \u8364?{\*\htmltag84 &amp;}\htmlrtf }\htmlrtf0 {\*\htmltag72 </p>}{\*\htmltag27 </html>}}"
    )
    assert unpacked_rtf(packed_rtf(rtf)) == rtf
    made = opened(envelope(attribute(1, 0x9003, properties((0x102, 0x1009, packed_rtf(rtf))))))
    assert made.html == "<html><p>Grüße €&amp;</p></html>"
    assert "Hello &lt;b>" in html_of_rtf(rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}Hello <b>\par}")


def test_compression_refers_back() -> None:
    # "{\rtf1 " lies in the dictionary from the start: a reference of 7 letters at 0.
    data = (
        struct.pack("<IIII", 20, 9, 0x75465A4C, 0)
        + b"\x01"
        + struct.pack(">H", 0 << 4 | 5)
        + b"ab"
        + b"\0" * 4
    )
    assert unpacked_rtf(data)[:9] == b"{\\rtf1\\ab"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x" * 100,
        WHOLE[: len(WHOLE) // 2],
        struct.pack("<IH", 0x223E9F78, 1) + struct.pack("<BHHI", 2, 0x800F, 6, 0xFFFFFFFF),
        envelope(*[attribute(2, 0x9002, b"")] * 5000),
        envelope(attribute(1, 0x9003, struct.pack("<I", 0xFFFFFFFF) + b"\0" * 100_000)),
        envelope(attribute(1, 0x9003, struct.pack("<IHHI", 1, 0x101E, 0x1000, 0xFFFFFFFF) + b"\0" * 400_000)),
        envelope(
            attribute(
                1,
                0x9003,
                struct.pack("<IHH", 1, 0x1E, 0x8000) + b"\0" * 16 + struct.pack("<II", 1, 0xFFFFFFF0),
            )
        ),
        envelope(*[attribute(1, 0x8001, b"")] * 200_000),
    ],
    ids=range(9),
)
def test_damaged_and_endless_envelopes_end_soon(data: bytes) -> None:
    started = time.process_time()
    assert len(opened(data).files) <= MAX_FILES
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "rtf",
    [
        b"{" * 500_000,
        b"\\u1?" * 300_000,
        b"\\par" * 400_000,
        b"{\\*\\htmltag " * 100_000,
        b"\\uc8\\u1" * 200_000,
        b"\\'41" * 400_000,
        b"x" * 2_000_000,
    ],
    ids=range(7),
)
def test_large_rtf_ends_soon(rtf: bytes) -> None:
    started = time.process_time()
    html_of_rtf(rtf)
    assert time.process_time() - started < 3


def test_compressed_rtf_grows_to_its_limit_only() -> None:
    loop = struct.pack("<IIII", 0xFFFFFFFF, 0xFFFFFFFF, 0x75465A4C, 0) + (b"\xff" + b"\x00\x0f" * 8) * 300_000
    started = time.process_time()
    assert len(unpacked_rtf(loop)) <= MAX_BODY
    assert time.process_time() - started < 4


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(0, len(WHOLE) - 1))
def test_no_bytes_break_it(noise: bytes, at: int) -> None:
    opened(noise)
    opened(WHOLE[:at] + noise + WHOLE[at:])
    opened(WHOLE[:at] + noise + WHOLE[at + len(noise) :])
    unpacked_rtf(b"\0" * 8 + b"LZFu" + noise)
    html_of_rtf(noise)


def outlook(data: bytes = WHOLE, text: str = "") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Bob <bob@x.test>", "ann@example.test", "Plan"
    message.set_content(text)
    message.add_attachment(data, maintype="application", subtype="ms-tnef", filename="winmail.dat")
    return message.as_bytes()


@pytest.mark.django_db
def test_what_lies_in_a_winmail_dat_is_shown_and_downloaded(ann: Reader, eve: Reader) -> None:
    thread = ann.receive(raw=outlook())
    page = ann.page(f"/mail/inbox/{thread}/")
    assert "Plan für März.doc" in page
    assert "winmail.dat" not in page
    assert "see the plan" in page  # there was no other text
    message = mailstore.conversation(ann.space, thread).messages[0].id
    address = f"/mail/packed/{message}/2/1/plan.doc"
    answer = ann.get(address)
    assert answer.content == PLAN
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert eve.get(address).status_code == 404
    for wrong in ("2/0/x", "2/2/x", "1/1/x", "9/1/x"):
        assert ann.get(f"/mail/packed/{message}/{wrong}").status_code == 404
    damaged = ann.page(f"/mail/inbox/{ann.receive(raw=outlook(b'nothing', 'Hello'))}/")
    assert "winmail.dat" in damaged


@pytest.mark.django_db
def test_pictures_in_the_envelope_stand_in_its_text(ann: Reader) -> None:
    picture = (
        attribute(2, 0x9002, b"\0" * 14)
        + attribute(2, 0x8010, b"LAMP.PNG\0")
        + attribute(2, 0x800F, b"\x89PNG\r\n")
        + attribute(2, 0x9005, properties((0x1E, 0x3712, b"lamp@x\0"), (0x1E, 0x370E, b"image/png\0")))
    )
    html = attribute(1, 0x9003, properties((0x102, 0x1013, b"<p>See</p><img src='cid:lamp@x'>")))
    message = mailstore.conversation(
        ann.space,
        ann.receive(raw=outlook(envelope(attribute(1, 0x9007, struct.pack("<II", 1252, 0)), html, picture))),
    ).messages[0]
    address = f"/mail/packed/{message.id}/2/1/picture?inline"
    assert f'src="{address}"' in ann.page(f"/mail/body/{message.id}/")
    answer = ann.get(address)
    assert (answer["Content-Type"], answer.content) == ("image/png", b"\x89PNG\r\n")
