"""Reading over IMAP and sending over submission, with neomutt."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.conftest import Person

Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def muttrc(person: Person, tmp_path: Path) -> Path:
    name = person.address.replace("@", "%40")
    secret = person.password.replace(" ", "%20")
    rc = tmp_path / "muttrc"
    rc.write_text(f"""
set from="{person.address}" realname="User" use_from=yes
set imap_user="{person.address}" imap_pass="{person.password}"
set folder="imap://127.0.0.1:{person.port("imap")}/" spoolfile="+INBOX" record="+Sent"
set smtp_url="smtp://{name}:{secret}@127.0.0.1:{person.port("submission")}/"
set ssl_starttls=yes ssl_force_tls=yes ssl_verify_host=no ssl_verify_dates=no
set certificate_file="{person.certificate}" ssl_ca_certificates_file="{person.certificate}"
set header_cache="" message_cachedir="" move=no quit=yes delete=yes confirmappend=no wait_key=no
set pipe_decode=yes pipe_split=yes mark_old=no
""")
    return rc


def _open(program: Program, muttrc: Path, keys: str) -> None:
    """Open the inbox in a terminal of its own and press keys."""
    program("neomutt", "-v")
    with muttrc.open("a") as rc:
        rc.write(f'push "{keys}"\n')
    program("script", "-qec", f"neomutt -n -F {muttrc}", "/dev/null")


def test_it_lists_the_inbox_and_reads_a_message(
    program: Program, muttrc: Path, person: Person, letters: list[bytes], tmp_path: Path
) -> None:
    person.receives(*letters[:3])
    (tmp_path / "note").write_text("grep -a '^Subject:' >>list\n")
    _open(
        program,
        muttrc,
        "<tag-pattern>~A<enter><tag-prefix><pipe-message>sh note<enter><untag-pattern>~A<enter>"
        "<first-entry><display-message><exit><sync-mailbox><quit>",
    )
    listed = (tmp_path / "list").read_text().splitlines()
    assert sorted(listed) == [f"Subject: Letter {number}" for number in (1, 2, 3)]
    with person.mailbox() as client:
        assert client.search(None, "SEEN")[1] != [b""]


def test_it_moves_a_message_to_another_folder(
    program: Program, muttrc: Path, person: Person, letters: list[bytes]
) -> None:
    person.receives(*letters[:2])
    _open(
        program,
        muttrc,
        "<tag-pattern>~s 'Letter 2'<enter><tag-prefix><save-message>=Archive<enter><sync-mailbox><quit>",
    )
    assert [raw.endswith(letters[1]) for raw in person.messages("Archive")] == [True]
    assert [raw.endswith(letters[0]) for raw in person.messages()] == [True]


def test_it_sends_from_a_script(
    program: Program, muttrc: Path, person: Person, friend: Person, tmp_path: Path
) -> None:
    (tmp_path / "plan.txt").write_text("The plan\n")
    arguments = ("-e", "unset record", "-s", "Grüße", "-a", tmp_path / "plan.txt", "--", friend.address)
    program("neomutt", "-n", "-F", muttrc, *arguments, stdin="Here is the plan.\n")
    (raw,) = friend.messages()
    assert b"Subject: =?utf-8?" in raw
    assert b'filename="plan.txt"' in raw


def test_it_answers_and_keeps_a_copy(
    program: Program, muttrc: Path, person: Person, friend: Person, tmp_path: Path
) -> None:
    person.receives(
        f"From: {friend.address}\r\nSubject: Noon\r\nMessage-ID: <noon@x.test>\r\n\r\nLunch?\r\n".encode()
    )
    (tmp_path / "answer").write_text("With pleasure.\n")
    with muttrc.open("a") as rc:
        rc.write('set editor="cp answer" abort_unmodified=no include=no fast_reply=yes\n')
    _open(program, muttrc, "<reply><send-message><sync-mailbox><quit>")
    (raw,) = friend.messages()
    assert b"Subject: Re: Noon" in raw
    assert b"In-Reply-To: <noon@x.test>" in raw
    (kept,) = person.messages("Sent")
    assert b"With pleasure." in kept
    with person.mailbox() as client:
        assert client.search(None, "ANSWERED")[1] == [b"1"]
