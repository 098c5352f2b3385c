"""POP3 with the programs that Debian packages: curl, fetchmail, getmail, mpop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mta.mailstore import service as mailstore
from mta.mailstore.models import Message
from tests.mail import mail
from tests.sidecar import PASSWORD, FakeDirectory, RunningSidecar, put, stored

ANN = "ann@example.test"
DOTS = mail(subject="dots", body=".\r\n..\r\nFrom here on\r\n.end")


@pytest.fixture
def ann(people: FakeDirectory) -> int:
    return people.people[ANN]


def test_curl_lists_and_retrieves(
    sidecar: RunningSidecar, ann: int, tmp_path: Path, program: Callable[..., str]
) -> None:
    host, port = sidecar.address("POP3_LISTEN")
    for raw in (mail(subject="first"), DOTS):
        put(ann, raw)
    who = ("curl", "-sS", "--user", f"{ANN}:{PASSWORD}")
    assert program(*who, f"pop3://{host}:{port}/", cwd=tmp_path).split() == [
        "1",
        str(len(stored(ann)[0])),
        "2",
        str(len(DOTS)),
    ]
    program(*who, "-o", "two", f"pop3://{host}:{port}/2", cwd=tmp_path)
    assert (tmp_path / "two").read_bytes() == DOTS
    program(*who, "-X", "TOP 1 0", "-o", "top", f"pop3://{host}:{port}/", cwd=tmp_path)
    assert (tmp_path / "top").read_bytes() == stored(ann)[0].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def test_curl_over_tls(
    sidecar: RunningSidecar, ann: int, tmp_path: Path, program: Callable[..., str]
) -> None:
    host, port = sidecar.address("POP3_LISTEN")
    put(ann, DOTS)
    who = ("curl", "-sS", "-k", "--user", f"{ANN}:{PASSWORD}")
    program(*who, "--ssl-reqd", "-o", "stls", f"pop3://{host}:{port}/1", cwd=tmp_path)
    host, port = sidecar.address("POP3S_LISTEN")
    program(*who, "-o", "tls", f"pop3s://{host}:{port}/1", cwd=tmp_path)
    assert (tmp_path / "stls").read_bytes() == (tmp_path / "tls").read_bytes() == DOTS


def test_fetchmail_keeps_mail_and_sees_what_is_new(
    sidecar: RunningSidecar, ann: int, tmp_path: Path, program: Callable[..., str]
) -> None:
    host, port = sidecar.address("POP3_LISTEN")
    rc = tmp_path / "rc"
    rc.write_text(
        f'poll {host} protocol POP3 service {port} uidl user "{ANN}" password "{PASSWORD}" '
        f'keep sslproto "" mda "cat >> {tmp_path}/got"\n'
    )
    rc.chmod(0o600)
    put(ann, mail(subject="first"))
    for subject in ("second", "third"):
        put(ann, mail(subject=subject))
        program("fetchmail", "-f", "rc", "--nosyslog", cwd=tmp_path)
    got = (tmp_path / "got").read_text()
    assert [got.count(f"Subject: {subject}") for subject in ("first", "second", "third")] == [1, 1, 1]
    assert len(stored(ann)) == 3


def test_getmail_takes_mail_away_byte_for_byte(
    sidecar: RunningSidecar, ann: int, tmp_path: Path, program: Callable[..., str]
) -> None:
    host, port = sidecar.address("POP3_LISTEN")
    (tmp_path / "mail").mkdir()
    (tmp_path / "rc").write_text(
        f"[retriever]\ntype = SimplePOP3Retriever\nserver = {host}\nport = {port}\nusername = {ANN}\n"
        f"password = {PASSWORD}\n\n[destination]\ntype = MDA_external\npath = /bin/sh\n"
        f'arguments = ("-c", "cat > $(mktemp {tmp_path}/mail/XXXXXXXX)")\nallow_root_commands = true\n\n'
        "[options]\ndelete = true\ndelivered_to = false\nreceived = false\n"
    )
    originals = [mail(subject="first"), DOTS]
    for raw in originals:
        put(ann, raw)
    program("getmail", f"--getmaildir={tmp_path}", "--rcfile=rc", cwd=tmp_path)
    # What getmail puts in front is its own.
    got = [path.read_bytes().partition(b"\n")[2] for path in (tmp_path / "mail").iterdir()]
    assert sorted(got) == sorted(raw.replace(b"\r\n", b"\n") for raw in originals)
    assert stored(ann) == []
    assert len(stored(ann, "trash")) == 2


def test_mpop_pipelines_and_does_not_fetch_again_what_was_imported(
    sidecar: RunningSidecar, ann: int, tmp_path: Path, program: Callable[..., str]
) -> None:
    host, port = sidecar.address("POP3_LISTEN")
    rc = tmp_path / "rc"
    rc.write_text(
        f"account a\nhost {host}\nport {port}\nuser {ANN}\npassword {PASSWORD}\ntls off\nauth plain\n"
        f"keep on\npipelining on\nuidls_file {tmp_path}/seen\nreceived_header off\ndelivery mda cat >> {tmp_path}/got\n"
    )
    rc.chmod(0o600)
    ids = [put(ann, mail(subject=f"number {number}")) for number in range(30)]
    imported = [f"0000{number:04x}5f3a" for number in range(30)]
    for message, uidl in zip(ids, imported, strict=True):
        Message.objects.filter(id=message).update(uidl=uidl)
    program("mpop", "-C", "rc", "a", cwd=tmp_path)
    # The same mail on another host, under other ids; it brought its unique ids along.
    for message in ids:
        Message.objects.filter(id=message).update(uidl="")
    inbox = mailstore.mailbox_by_role(ann, "inbox").id
    again = [row.message for row in mailstore.changes(ann, inbox).rows]
    for message, uidl in zip(again, imported, strict=True):
        Message.objects.filter(id=message).update(uidl=uidl)
    put(ann, mail(subject="after the move"))
    program("mpop", "-C", "rc", "a", cwd=tmp_path)
    got = (tmp_path / "got").read_text()
    assert got.count("Subject: number") == 30
    assert got.count("Subject: after the move") == 1
