"""What is written here, read elsewhere: Python's email package, mutt, NeoMutt and our own reader show the same.

One message has everything: rich text, a picture in it, the original that it answers, a file, and six scripts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from mta.mailstore import service as mailstore
from tests.webmail.mail_world import Reader
from tests.webmail.test_compose_pages import ask, attach, done, in_box, save

pytestmark = pytest.mark.django_db
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f0005"
    "0001ff56c72f0d0000000049454e44ae426082"
)
SCRIPTS = "Grüße, Привет, שלום, مرحبا, こんにちは, नमस्ते 🛶"
SUBJECT = "Boote für Sonntag: こんにちは"
PLAN = "Plan für שבת.txt"
ORIGINAL = (
    b"From: Ada <ada@outside.test>\r\nTo: ann@example.test\r\nSubject: Boats\r\n"
    b"Message-ID: <boats@outside.test>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b'<table bgcolor="#ffeecc"><tr><td style="color:#aa0000">The <b>old</b> boat</td></tr></table>\r\n'
)


@pytest.fixture
def written(ann: Reader) -> bytes:
    """The copy in Sent of an answer with everything in it."""
    thread = ann.receive(raw=ORIGINAL)
    parent = mailstore.conversation(ann.space, thread).messages[0].id
    draft = save(ann, mode="reply", message=parent, subject=SUBJECT, html="<p>x</p>")["draft"]
    picture = json.loads(attach(ann, draft, "boat.png", PNG, "image/png", inline="1").content)
    attach(ann, draft, PLAN, "Zwölf Uhr".encode(), "text/plain")
    html = (
        f"<p>{SCRIPTS}</p><p><strong>Bold</strong>, <em>slanted</em> and "
        '<a href="https://boats.test/?a=1&amp;b=2">a link</a></p>'
        f'<ul><li><p>oars</p></li><li><p>rope</p></li></ul><p><img src="{picture["url"]}" alt="boat"></p>'
    )
    done(ask(ann, "save/", {"draft": draft, "to": [["Jürgen, Groß", "j@outside.test"]], "subject": SUBJECT,
                            "html": html, "mode": "reply", "message": parent}))  # fmt: skip
    done(ask(ann, f"{draft}/send/", {}))
    (sent,) = in_box(ann, "sent")
    return mailstore.raw(ann.space, sent.id)


def test_pythons_email_package_reads_all_of_it(written: bytes) -> None:
    found = message_from_bytes(written, policy=policy.default)
    assert [part.defects for part in found.walk() if part.defects] == []
    assert (found["Subject"], found["To"].addresses[0].display_name) == (SUBJECT, "Jürgen, Groß")
    assert found["In-Reply-To"] == found["References"] == "<boats@outside.test>"
    kinds = [part.get_content_type() for part in found.walk()]
    assert kinds[:2] == ["multipart/mixed", "multipart/alternative"] or kinds[0] == "multipart/mixed"
    text = found.get_body(("plain",)).get_content()
    html = found.get_body(("html",)).get_content()
    for part in (text, html):
        assert SCRIPTS in part
        assert "old" in part and "boats.test" in part
    assert "<strong>" in html and "#ffeecc" in html  # the original keeps its colours
    (picture,) = [part for part in found.walk() if part.get_content_type() == "image/png"]
    assert picture.get_content() == PNG
    assert f"cid:{picture['Content-ID'].strip('<>')}" in html
    (file,) = [part for part in found.iter_attachments() if part.get_filename() == PLAN]
    assert file.get_content().rstrip("\n") == "Zwölf Uhr"
    for line in written.split(b"\r\n"):
        assert len(line) <= 998
    assert b"\n" not in written.replace(b"\r\n", b"")


@pytest.mark.parametrize("program", ["mutt", "neomutt"])
def test_mail_programs_of_the_terminal_show_it(program: str, written: bytes, tmp_path: Path) -> None:
    if not shutil.which(program) or not shutil.which("script"):
        pytest.skip(f"{program} is not installed")
    (tmp_path / "box").write_bytes(
        b"From a Mon Nov 23 14:00:00 2026\n" + written.replace(b"\r\n", b"\n") + b"\n"
    )
    (tmp_path / "rc").write_text(
        "set folder=. pipe_decode=yes wait_key=no quit=yes delete=no move=no charset=utf-8\n"
        "set header_cache= \nalternative_order text/plain text/html\n"
    )
    for keys in ("<pipe-message>cat >shown<enter><exit>",):
        subprocess.run(
            ["script", "-qec", f"{program} -n -R -F rc -f box -e 'push \"{keys}\"'", "/dev/null"],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "xterm", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
    shown = (tmp_path / "shown").read_text(errors="replace")
    assert f"Subject: {SUBJECT}" in shown
    assert "Jürgen, Groß" in shown
    assert SCRIPTS in shown
    assert "oars" in shown and "The old boat" in shown
    assert "Zwölf Uhr" in shown


def test_our_own_reader_shows_it(ann: Reader, written: bytes) -> None:
    (sent,) = in_box(ann, "sent")
    page = ann.page(f"/mail/message/{sent.id}/")
    assert PLAN in page
    body = ann.page(f"/mail/body/{sent.id}/")
    assert SCRIPTS in body
    assert "<strong>Bold</strong>" in body
    assert f"/mail/inline/{sent.id}/" in body
    assert "old" in body
