"""Moving and deleting over IMAP with mutt, which keeps its own cache of headers; and our mbox files in it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from mta.archive import writing
from mta.archive.values import Folder, Letter
from mta.values import ANSWERED, DELETED, FLAGGED, SEEN
from tests.clients.conftest import Person

Program = Callable[..., subprocess.CompletedProcess[str]]


def test_it_flags_moves_and_expunges(
    program: Program, person: Person, letters: list[bytes], tmp_path: Path
) -> None:
    person.receives(*letters[:5])
    rc = tmp_path / "muttrc"
    rc.write_text(f"""
set from="{person.address}" imap_user="{person.address}" imap_pass="{person.password}"
set folder="imap://127.0.0.1:{person.port("imap")}/" spoolfile="+INBOX"
set ssl_starttls=yes ssl_force_tls=yes ssl_verify_host=no ssl_verify_dates=no
set certificate_file="{person.certificate}" ssl_ca_certificates_file="{person.certificate}"
set header_cache="{tmp_path}/cache" message_cachedir="{tmp_path}/cache" imap_condstore=yes imap_qresync=yes
set move=no quit=yes delete=yes confirmappend=no wait_key=no mark_old=no
""")
    program("mutt", "-v")

    def press(keys: str) -> None:
        program("script", "-qec", f"mutt -n -F {rc} -e 'push \"{keys}\"'", "/dev/null")

    press("<search>~s Letter.1<enter><flag-message><sync-mailbox><quit>")
    press("<tag-pattern>~s Letter.2<enter><tag-prefix><save-message>=Archive<enter><sync-mailbox><quit>")
    press("<delete-pattern>~s Letter.3<enter><sync-mailbox><quit>")
    assert [raw.endswith(letters[1]) for raw in person.messages("Archive")] == [True]
    with person.mailbox() as client:
        assert len(client.search(None, "ALL")[1][0].split()) == 3
        assert client.search(None, "FLAGGED")[1] == client.search(None, "SUBJECT", '"Letter 1"')[1]
    # Another program changes it; mutt's cache must follow (QRESYNC).
    with person.mailbox(readonly=False) as client:
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
    (tmp_path / "note").write_text("grep -a '^Subject:' >>list\n")
    press("<tag-pattern>~A<enter><tag-prefix><pipe-message>sh note<enter><untag-pattern>~A<enter><quit>")
    assert sorted((tmp_path / "list").read_text().splitlines()) == ["Subject: Letter 4", "Subject: Letter 5"]


def test_it_reads_an_exported_mbox(program: Program, letters: list[bytes], tmp_path: Path) -> None:
    flags = (0, SEEN, SEEN | ANSWERED, SEEN | FLAGGED, 0, SEEN, DELETED)
    with writing.archive(tmp_path / "out.mbox", "mbox", alone=True) as archive:
        archive.add(
            Folder("Work", uidvalidity=7, uidnext=8),
            [
                Letter(raw, ("Work",), flags=flag, internal_date=1_700_000_000_000_000, uid=uid)
                for uid, (raw, flag) in enumerate(zip(letters, flags, strict=True), 1)
            ],
        )
        archive.finish("")
    program("mutt", "-v")
    (tmp_path / "note").write_text("grep -a '^Subject:' >>$1\n")
    (tmp_path / "muttrc").write_text(
        "set folder=. pipe_split=yes wait_key=no mark_old=no quit=yes delete=no move=no\n"
    )
    for name, pattern in (("unread", "~U"), ("read", "~R"), ("replied", "~Q"), ("flagged", "~F")):
        keys = f"<tag-pattern>{pattern}<enter><tag-prefix><pipe-message>sh note {name}<enter><exit>"
        program("script", "-qec", f"mutt -n -R -F muttrc -f out.mbox -e 'push \"{keys}\"'", "/dev/null")

    def listed(name: str) -> list[str]:
        return [line[-1] for line in (tmp_path / name).read_text().splitlines()]

    assert (listed("unread"), listed("read")) == (["1", "5", "7"], ["2", "3", "4", "6"])
    assert (listed("replied"), listed("flagged")) == (["3"], ["4"])
