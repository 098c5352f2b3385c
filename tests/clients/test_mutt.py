"""Moving and deleting over IMAP with mutt, which keeps its own cache of headers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

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
