"""Fetching over IMAP with getmail."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.conftest import Person

Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("delete", [False, True])
def test_each_message_is_fetched_once(
    program: Program, person: Person, letters: list[bytes], tmp_path: Path, delete: bool
) -> None:
    person.receives(*letters[:4])
    (tmp_path / "mail").mkdir()
    # Through a program: getmail writes no Maildir as root, which is who runs these tests in a container.
    (tmp_path / "rc").write_text(
        f"[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = localhost\nport = {person.port('imaps')}\n"
        f"username = {person.address}\npassword = {person.password}\nca_certs = {person.certificate}\n"
        f'mailboxes = ("INBOX",)\n[destination]\ntype = MDA_external\npath = /bin/sh\n'
        f'arguments = ("-c", "cat > $(mktemp {tmp_path}/mail/XXXXXXXX)")\nallow_root_commands = true\n'
        f"[options]\ndelete = {delete}\nread_all = false\ndelivered_to = false\nreceived = false\n"
    )
    for _ in range(2):
        program("getmail", f"--getmaildir={tmp_path}", "--rcfile=rc")
    # It says where it found a message.
    got = [re.sub(rb"X-getmail-.*\n", b"", file.read_bytes()) for file in (tmp_path / "mail").iterdir()]
    assert len(got) == 4
    wanted = [raw.replace(b"\r\n", b"\n").rstrip() for raw in letters[:4]]
    assert all(any(each.rstrip().endswith(raw) for each in got) for raw in wanted)
    assert len(person.messages()) == (0 if delete else 4)
