"""The three protocols, with curl, which checks the certificate."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.conftest import Person

Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def curl(program: Program, person: Person) -> Program:
    signing = ("-u", f"{person.address}:{person.password}", "--cacert", person.certificate)
    return lambda *arguments, **more: program("curl", "-sS", "--max-time", "30", *signing, *arguments, **more)


def test_imap_lists_searches_reads_and_uploads(
    curl: Program, person: Person, letters: list[bytes], tmp_path: Path
) -> None:
    person.receives(*letters[:2])
    url = f"imaps://127.0.0.1:{person.port('imaps')}"
    listed = curl(f"{url}/").stdout
    assert all(name in listed for name in ("INBOX", "Drafts", "Sent", "Archive", "Junk", "Trash"))
    assert curl(f"{url}/INBOX?SUBJECT%20%22Letter%202%22").stdout.split() == ["*", "SEARCH", "2"]
    curl("-o", "one.eml", f"{url}/INBOX;MAILINDEX=1")
    assert (tmp_path / "one.eml").read_bytes() == person.messages()[0]
    curl("-T", "one.eml", f"{url}/Archive")
    assert person.messages("Archive") == [person.messages()[0]]


def test_imap_over_starttls(curl: Program, person: Person, letters: list[bytes], tmp_path: Path) -> None:
    person.receives(letters[0])
    curl("--ssl-reqd", "-o", "one.eml", f"imap://localhost:{person.port('imap')}/INBOX;UID=1")
    assert (tmp_path / "one.eml").read_bytes().endswith(letters[0])


@pytest.mark.parametrize(("scheme", "service"), [("pop3", "pop3"), ("pop3s", "pop3s")])
def test_pop3_lists_and_reads(
    curl: Program, person: Person, letters: list[bytes], tmp_path: Path, scheme: str, service: str
) -> None:
    person.receives(*letters[:3])
    url = f"{scheme}://127.0.0.1:{person.port(service)}"
    sizes = [line.split() for line in curl("--ssl-reqd", f"{url}/").stdout.splitlines()]
    assert [number for number, _size in sizes] == ["1", "2", "3"]
    curl("--ssl-reqd", "-o", "three.eml", f"{url}/3")
    raw = (tmp_path / "three.eml").read_bytes()
    assert raw.endswith(letters[2])
    assert len(raw) == int(sizes[2][1])


@pytest.mark.parametrize(("scheme", "service"), [("smtp", "submission"), ("smtps", "submissions")])
def test_smtp_sends(
    curl: Program, person: Person, friend: Person, tmp_path: Path, scheme: str, service: str
) -> None:
    (tmp_path / "letter.eml").write_bytes(
        f"From: {person.address}\r\nTo: {friend.address}\r\nSubject: From curl\r\n\r\nHello\r\n".encode()
    )
    envelope = ("--mail-from", person.address, "--mail-rcpt", friend.address, "-T", "letter.eml")
    curl("--ssl-reqd", f"{scheme}://127.0.0.1:{person.port(service)}/laptop", *envelope)
    (raw,) = friend.messages()
    assert b"Subject: From curl" in raw
    # What a sparing client leaves out is added (RFC 6409 §8).
    assert b"\r\nMessage-ID: <" in raw
    assert b"\r\nDate: " in raw
