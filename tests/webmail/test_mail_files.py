"""Attachments, originals, downloads: other people's bytes, handed out so that nothing of them runs."""

from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage

import pytest

from mta.mailstore import service as mailstore
from tests.webmail.mail_world import Reader

pytestmark = pytest.mark.django_db

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(50)


def letter(*files: tuple[str, str, bytes], html: str = "", inline: tuple[str, bytes] | None = None) -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "Ada <ada@x.test>", "Files"
    message.set_content("See the files.")
    if html:
        message.add_alternative(html, subtype="html")
    if inline:
        message.get_payload()[-1].add_related(inline[1], "image", "png", cid=f"<{inline[0]}>")  # type: ignore[union-attr,index]
    for name, kind, data in files:
        main, _, sub = kind.partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return message.as_bytes().replace(b"\n", b"\r\n")


def receive(ann: Reader, raw: bytes) -> tuple[int, int]:
    thread = ann.receive(raw=raw)
    return thread, mailstore.conversation(ann.space, thread).messages[0].id


def test_a_file_comes_back_byte_for_byte_as_a_download(ann: Reader) -> None:
    thread, message = receive(ann, letter(("Bericht ü.pdf", "application/pdf", b"%PDF\x00\xff")))
    page = ann.page(f"/mail/inbox/{thread}/")
    assert "Bericht ü.pdf" in page
    response = ann.get(f"/mail/attachment/{message}/2/whatever.pdf")
    assert response.content == b"%PDF\x00\xff"
    assert response["Content-Disposition"] == "attachment; filename*=utf-8''Bericht%20%C3%BC.pdf"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"


@pytest.mark.parametrize(
    "kind", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "application/javascript"]
)
def test_nothing_that_could_run_is_ever_shown(ann: Reader, kind: str) -> None:
    _thread, message = receive(ann, letter(("x.html", kind, b"<script>alert(1)</script>")))
    response = ann.get(f"/mail/attachment/{message}/2/x.html?inline")
    assert response["Content-Disposition"].startswith("attachment")
    assert "sandbox" in response["Content-Security-Policy"]


def test_pictures_may_be_looked_at(ann: Reader) -> None:
    thread, message = receive(ann, letter(("a.png", "image/png", PICTURE)))
    assert f'<img src="/mail/thumbnail/{message}/2/"' in ann.page(f"/mail/inbox/{thread}/")
    assert ann.get(f"/mail/attachment/{message}/2/a.png?inline")["Content-Disposition"].startswith("inline")


def test_pictures_within_the_text_are_shown_there_and_not_listed_again(ann: Reader) -> None:
    raw = letter(
        html='<p>Look: <img src="cid:lamp%40x"><img src="cid:lamp@x"></p>', inline=("lamp@x", PICTURE)
    )
    thread, message = receive(ann, raw)
    assert "/mail/attachment/" not in ann.page(f"/mail/inbox/{thread}/")
    body = ann.page(f"/mail/body/{message}/")
    assert f'src="/mail/inline/{message}/lamp@x"' in body
    assert ann.get(f"/mail/inline/{message}/lamp@x").content == PICTURE


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..\\..\\x.exe",
        "a\r\nX-Evil: 1",
        'quo"te.txt',
        "\u202etxt.exe",
        "a" * 400,
        "/",
        "",
    ],
)
def test_names_are_only_names(ann: Reader, name: str) -> None:
    raw = letter(("PLACE", "application/octet-stream", b"x")).replace(
        b'"PLACE"', b'"' + name.replace('"', '\\"').replace("\r\n", " ").encode() + b'"'
    )
    thread, message = receive(ann, raw)
    ann.page("/mail/inbox/")
    ann.page(f"/mail/inbox/{thread}/")
    response = ann.get(f"/mail/attachment/{message}/2/x")
    assert response.content == b"x"
    assert "X-Evil" not in response.headers
    assert "/" not in response["Content-Disposition"].partition(";")[2]
    zipped = ann.get(f"/mail/attachments/{message}/")
    with zipfile.ZipFile(io.BytesIO(b"".join(zipped.streaming_content))) as archive:
        assert all(
            "/" not in each and "\\" not in each and each not in ("", "..") for each in archive.namelist()
        )


def test_all_files_come_in_one_archive_with_names_of_their_own(ann: Reader) -> None:
    _thread, message = receive(ann, letter(("a.txt", "text/plain", b"1"), ("a.txt", "text/plain", b"2")))
    response = ann.get(f"/mail/attachments/{message}/")
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"a.txt": b"1", "a (2).txt": b"2"}


def test_the_original_is_shown_as_text_and_downloaded_byte_for_byte(ann: Reader) -> None:
    raw = b"From: a@x.test\r\nSubject: <script>\r\nX: \xff\xfe\r\n\r\n<b>\xe9</b>\r\n"
    _thread, message = receive(ann, raw)
    page = ann.page(f"/mail/original/{message}/")
    assert "&lt;b&gt;" in page
    assert "<script>\n" not in page
    response = ann.get(f"/mail/download/{message}/")
    assert response.content == raw
    assert response["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("part", ["9", "1.9.9", "", "x", "0", "-1", "1" * 300])
def test_parts_that_are_not_there_are_not_found(ann: Reader, part: str) -> None:
    _thread, message = receive(ann, letter(("a.txt", "text/plain", b"1")))
    assert ann.get(f"/mail/attachment/{message}/{part}/x").status_code == 404


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"no header at all",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        + b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * 1000,
        b"Content-Type: text/html; charset=no-such\r\n\r\n<p>\xff\xfe",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        b"From: \xff\xfe\r\nSubject: =?utf-8?q?=00=0A?=\r\n\r\n" + b"x" * 5000,
        b"Content-Type: text/html\r\n\r\n" + b"<div>" * 20_000,
    ],
)
def test_malformed_mail_is_listed_opened_and_downloaded(ann: Reader, raw: bytes) -> None:
    thread, message = receive(ann, raw)
    for address in (
        "/mail/inbox/",
        f"/mail/inbox/{thread}/",
        f"/mail/body/{message}/",
        f"/mail/original/{message}/",
        f"/mail/message/{message}/",
    ):
        assert ann.get(address).status_code == 200
    assert ann.get(f"/mail/download/{message}/").content == raw


def test_long_bodies_are_cut_with_a_way_to_the_whole(ann: Reader) -> None:
    thread, message = receive(ann, b"Content-Type: text/html\r\n\r\n" + b"<p>word</p>" * 20_000)
    assert f"/mail/body/{message}/?whole=1" in ann.page(f"/mail/inbox/{thread}/")
    assert len(ann.get(f"/mail/body/{message}/?whole=1").content) > len(
        ann.get(f"/mail/body/{message}/").content
    )
