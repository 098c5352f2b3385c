"""Mirroring an account both ways with offlineimap.

Without TLS: about once in twenty times, its library hangs in STARTTLS when the session tickets of TLS 1.3 come
before the answer to its next command; other programs here speak TLS.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.conftest import Person

Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sync(program: Program, person: Person, tmp_path: Path) -> Callable[[], None]:
    (tmp_path / "rc").write_text(f"""
[general]
metadata = {tmp_path}/state
accounts = work
ui = basic
fsync = no
[Account work]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {tmp_path}/mail
utime_from_header = no
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {person.port("imap")}
remoteuser = {person.address}
remotepass = {person.password}
ssl = no
starttls = no
folderfilter = lambda folder: folder in ("INBOX", "Sent", "Plans/Äpfel", "Plans/&AMQ-pfel")
""")

    def run() -> None:
        program("offlineimap", "-o", "-c", tmp_path / "rc")

    return run


def _files(folder: Path) -> list[Path]:
    return [file for part in ("new", "cur") for file in sorted((folder / part).iterdir())]


def _content(file: Path) -> bytes:
    """A file as the server has it, without the line that offlineimap adds to what it uploads."""
    return _plain(file.read_bytes().replace(b"\n", b"\r\n"))


def _plain(raw: bytes) -> bytes:
    return re.sub(rb"X-OfflineIMAP: .*\r\n", b"", raw)


def test_messages_and_flags_travel_both_ways(
    sync: Callable[[], None], person: Person, letters: list[bytes], tmp_path: Path
) -> None:
    with person.mailbox(readonly=False) as client:
        for raw in letters:
            assert client.append("INBOX", "", None, raw)[0] == "OK"
        client.create('"Plans/&AMQ-pfel"')
    sync()
    inbox = tmp_path / "mail" / "INBOX"
    assert sorted(map(_content, _files(inbox))) == sorted(letters)
    first, second, third, *_ = _files(inbox)
    subjects = [re.search(rb"Subject: (.*)", file.read_bytes())[1] for file in (first, second, third)]  # type: ignore[index]
    first.rename(inbox / "cur" / f"{first.name.partition(':2,')[0]}:2,FRS")
    second.unlink()
    new = tmp_path / "mail" / "Sent" / "cur" / "1.1.host:2,S"
    new.write_bytes(letters[6].replace(b"\r\n", b"\n"))
    with person.mailbox(readonly=False) as client:
        client.store(client.search(None, "SUBJECT", f'"{subjects[2].decode()}"')[1][0], "+FLAGS", "\\Flagged")
    sync()
    assert [_plain(raw) for raw in person.messages("Sent")] == [letters[6]]
    assert len(person.messages()) == len(letters) - 1
    with person.mailbox() as client:
        assert len(client.search(None, "ANSWERED FLAGGED SEEN")[1][0].split()) == 1
        assert len(client.search(None, "FLAGGED")[1][0].split()) == 2
    flags = {file.name.partition(":2,")[2] for file in _files(inbox)}
    assert {"FRS", "F"} <= flags
    before = sorted(file.name for file in tmp_path.glob("mail/*/*/*"))
    sync()
    assert sorted(file.name for file in tmp_path.glob("mail/*/*/*")) == before


def test_odd_messages_are_mirrored_byte_for_byte(
    sync: Callable[[], None], person: Person, oddities: list[bytes], tmp_path: Path
) -> None:
    with person.mailbox(readonly=False) as client:
        for raw in oddities:
            assert client.append("INBOX", "", None, raw)[0] == "OK"
    sync()
    assert sorted(map(_content, _files(tmp_path / "mail" / "INBOX"))) == sorted(oddities)
