"""Mirroring a mailbox with mbsync (isync)."""

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
    (tmp_path / "mail").mkdir()
    (tmp_path / "mbsyncrc").write_text(f"""
IMAPAccount work
Host 127.0.0.1
Port {person.port("imap")}
User {person.address}
Pass "{person.password}"
SSLType STARTTLS
CertificateFile {person.certificate}

IMAPStore far
Account work

MaildirStore near
Path {tmp_path}/mail/
Inbox {tmp_path}/mail/INBOX
SubFolders Verbatim

Channel work
Far :far:
Near :near:
Patterns INBOX Archive Sent
Create Near
Expunge Both
SyncState *
""")

    def run() -> None:
        program("mbsync", "-q", "-c", tmp_path / "mbsyncrc", "-a")

    return run


def _files(folder: Path) -> list[Path]:
    return [file for part in ("new", "cur") for file in sorted((folder / part).iterdir())]


def _content(file: Path) -> bytes:
    """A file as the server has it: mbsync keeps LF line ends."""
    return _plain(file.read_bytes().replace(b"\n", b"\r\n"))


def _plain(raw: bytes) -> bytes:
    """Without the line that mbsync adds to what it copies."""
    return re.sub(rb"X-TUID: .*\r\n", b"", raw)


def test_a_mailbox_is_mirrored_byte_for_byte_and_only_once(
    sync: Callable[[], None], person: Person, letters: list[bytes], tmp_path: Path
) -> None:
    person.receives(*letters)
    sync()
    inbox = tmp_path / "mail" / "INBOX"
    mirrored = {_content(file) for file in _files(inbox)}
    assert mirrored == set(person.messages())
    assert all(any(copy.endswith(raw) for copy in mirrored) for raw in letters)
    names = [file.name for file in _files(inbox)]
    sync()
    assert [file.name for file in _files(inbox)] == names
    assert len(person.messages()) == len(letters)


def test_flags_new_messages_and_removals_travel_both_ways(
    sync: Callable[[], None], person: Person, letters: list[bytes], tmp_path: Path
) -> None:
    person.receives(*letters[:3])
    sync()
    inbox, archive = tmp_path / "mail" / "INBOX", tmp_path / "mail" / "Archive"
    first, second, third = _files(inbox)
    first.rename(inbox / "cur" / f"{first.name.partition(':')[0]}:2,FRS")
    second.unlink()
    (archive / "cur" / "1.1.host:2,S").write_bytes(letters[4].replace(b"\r\n", b"\n"))
    with person.mailbox(readonly=False) as client:  # somebody reads the third on the phone
        client.store("3", "+FLAGS", "(\\Seen $Work)")
    sync()
    with person.mailbox() as client:
        uids = client.uid("FETCH", "1:*", "(FLAGS)")[1]
    flags = b" ".join(part for part in uids if isinstance(part, bytes))
    assert flags.count(b"UID") == 2
    assert {b"\\Seen", b"\\Answered", b"\\Flagged"} <= set(re.split(rb"[ ()]", flags.split(b")")[0] + b" "))
    assert [_plain(raw) for raw in person.messages("Archive")] == [letters[4]]
    left = {file.name.partition(":")[0]: file.name.partition(":2,")[2] for file in _files(inbox)}
    assert left == {first.name.partition(":")[0]: "FRS", third.name.partition(":")[0]: "S"}
    sync()
    assert len(person.messages("Archive")) == 1
    assert len(person.messages()) == 2 == len(_files(inbox))


def test_a_mailbox_with_odd_messages_is_copied_in_and_out_again_byte_for_byte(
    sync: Callable[[], None], person: Person, oddities: list[bytes], tmp_path: Path
) -> None:
    # In: from a Maildir on this side.
    archive = tmp_path / "mail" / "Archive"
    for part in ("cur", "new", "tmp"):
        (archive / part).mkdir(parents=True)
    for number, raw in enumerate(oddities):
        (archive / "cur" / f"{1_700_000_000 + number}.{number}.host:2,S").write_bytes(
            raw.replace(b"\r\n", b"\n")
        )
    sync()
    stored = person.messages("Archive")
    assert sorted(map(_plain, stored)) == sorted(oddities)
    # Out: into another Maildir that has never seen them.
    (tmp_path / "mail").rename(tmp_path / "first")
    (tmp_path / "mail").mkdir()
    sync()
    out = _files(tmp_path / "mail" / "Archive")
    assert sorted(map(_content, out)) == sorted(oddities)
    assert all(file.name.endswith(":2,S") for file in out)
    # And back into an empty mailbox of the server.
    with person.mailbox("Archive", readonly=False) as client:
        client.store("1:*", "+FLAGS", "\\Deleted")
        client.expunge()
    (tmp_path / "mail").rename(tmp_path / "second")
    (tmp_path / "mail" / "Archive").mkdir(parents=True)
    for part in ("cur", "new", "tmp"):
        (archive / part).mkdir()
    for number, file in enumerate(out):
        moved = tmp_path / "second" / "Archive" / file.parent.name / file.name
        (archive / "cur" / f"{number}.x.host:2,").write_bytes(moved.read_bytes())
    sync()
    assert sorted(map(_plain, person.messages("Archive"))) == sorted(oddities)
