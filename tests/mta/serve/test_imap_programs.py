"""IMAP with the mail programs that Debian packages: mbsync, fetchmail, curl, neomutt."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mta.mailstore import service as mailstore
from tests.mail import mail
from tests.sidecar import PASSWORD, FakeDirectory, RunningSidecar, put, stored

ANN = "ann@example.test"


@pytest.fixture
def ann(people: FakeDirectory) -> int:
    return people.people[ANN]


def test_mbsync_mirrors_a_mailbox_both_ways(
    sidecar: RunningSidecar, ann: int, tmp_path: Path, program: Callable[..., str]
) -> None:
    host, port = sidecar.address("IMAP_LISTEN")
    originals = [mail(subject=f"number {number}", body="ü" * number) for number in range(30)]
    for raw in originals:
        put(ann, raw)
    (tmp_path / "rc").write_text(
        f'IMAPAccount a\nHost {host}\nPort {port}\nUser {ANN}\nPass "{PASSWORD}"\nSSLType None\nAuthMechs LOGIN\n\n'
        "IMAPStore far\nAccount a\n\n"
        f"MaildirStore near\nPath {tmp_path}/mail/\nInbox {tmp_path}/mail/INBOX\nSubFolders Verbatim\n\n"
        "Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n"
    )
    (tmp_path / "mail").mkdir()
    program("mbsync", "-c", "rc", "-a", cwd=tmp_path)
    inbox = tmp_path / "mail" / "INBOX"
    files = [file for folder in ("cur", "new") for file in (inbox / folder).iterdir()]
    # mbsync keeps LF line ends and adds a line of its own.
    assert sorted(re.sub(rb"X-TUID:.*\n", b"", file.read_bytes()) for file in files) == sorted(
        raw.replace(b"\r\n", b"\n") for raw in originals
    )

    files[0].unlink()
    (inbox / "cur" / "1.new.host:2,S").write_bytes(mail(subject="written here").replace(b"\r\n", b"\n"))
    program("mbsync", "-c", "rc", "-a", cwd=tmp_path)
    subjects = {raw.split(b"Subject: ")[1].split(b"\r\n")[0] for raw in stored(ann)}
    assert b"written here" in subjects
    assert len(stored(ann)) == 30


def test_curl_lists_reads_searches_and_uploads(
    sidecar: RunningSidecar, ann: int, tmp_path: Path, program: Callable[..., str]
) -> None:
    host, port = sidecar.address("IMAPS_LISTEN")
    raw = mail(subject="for curl")
    put(ann, raw)
    base = ("curl", "-sS", "-k", "-u", f"{ANN}:{PASSWORD}")
    assert "Drafts" in program(*base, f"imaps://{host}:{port}/", cwd=tmp_path)
    assert program(*base, f"imaps://{host}:{port}/INBOX;UID=1", cwd=tmp_path).encode() == raw
    found = program(*base, f"imaps://{host}:{port}/INBOX?SUBJECT%20curl", cwd=tmp_path)
    assert found.strip() == "* SEARCH 1"
    (tmp_path / "mail.eml").write_bytes(mail(subject="uploaded"))
    program(*base, "-T", "mail.eml", f"imaps://{host}:{port}/Archive", cwd=tmp_path)
    assert mailstore.mailbox(ann, "Archive").messages == 1


def test_fetchmail_takes_mail_away(
    sidecar: RunningSidecar, ann: int, tmp_path: Path, program: Callable[..., str]
) -> None:
    host, port = sidecar.address("IMAP_LISTEN")
    put(ann, mail(subject="first"))
    put(ann, mail(subject="second"))
    rc = tmp_path / "rc"
    rc.write_text(
        f'poll {host} protocol IMAP service {port} user "{ANN}" password "{PASSWORD}" '
        f'fetchall no keep sslproto "" mda "cat >> {tmp_path}/got"\n'
    )
    rc.chmod(0o600)
    program("fetchmail", "-f", "rc", "--nosyslog", cwd=tmp_path)
    got = (tmp_path / "got").read_text()
    assert "Subject: first" in got
    assert "Subject: second" in got
    assert stored(ann) == []


def test_neomutt_opens_the_inbox(
    sidecar: RunningSidecar, ann: int, tmp_path: Path, program: Callable[..., str]
) -> None:
    host, port = sidecar.address("IMAP_LISTEN")
    put(ann, mail(subject="for mutt"))
    (tmp_path / "rc").write_text(
        f'set imap_user="{ANN}"\nset imap_pass="{PASSWORD}"\nset ssl_force_tls=no\nset ssl_starttls=no\n'
        f'set folder="imap://{host}:{port}/"\nset spoolfile="+INBOX"\nset header_cache=""\n'
        'push "<tag-pattern>~s mutt<enter><tag-prefix><save-message>=Archive<enter><sync-mailbox><quit>"\n'
        "set confirmappend=no\nset delete=yes\nset quit=yes\nset move=no\n"
    )
    program("script", "-qec", "neomutt -n -F rc", "/dev/null", cwd=tmp_path)
    assert mailstore.mailbox(ann, "Archive").messages == 1
    assert mailstore.mailbox(ann, "INBOX").messages == 0
