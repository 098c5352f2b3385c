"""Moving in from another host while mail programs are connected, and on to the next account."""

from __future__ import annotations

import os
import poplib
from pathlib import Path

from tests.clients.conftest import Person


def _dovecot(folder: Path, letters: list[bytes]) -> None:
    """A Maildir with what Dovecot keeps beside it."""
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True)
    listed = ["3 V1275660208 N99\n"]
    for number, raw in enumerate(letters, 1):
        name = f"{1_600_000_000 + number}.M1P1.old"
        path = folder / "cur" / f"{name}:2,{'S' if number % 2 else 'Fa'}"
        path.write_bytes(raw.replace(b"\r\n", b"\n"))
        os.utime(path, (1_600_000_000 + number, 1_600_000_000 + number))
        listed.append(f"{number} {'Pold-uidl-1 ' if number == 1 else ''}:{name}\n")
    (folder / "dovecot-uidlist").write_text("".join(listed))
    (folder / "dovecot-keywords").write_text("0 $Label1\n")


def test_mail_moves_in_under_connected_programs_and_out_again(
    person: Person, friend: Person, oddities: list[bytes], tmp_path: Path
) -> None:
    _dovecot(tmp_path / "Maildir", oddities)
    with person.mailbox() as client:
        said = person.product.manage("import_mail", person.address, str(tmp_path / "Maildir"))
        assert said.startswith(f"Imported {len(oddities)} messages")
        assert client.noop()[0] == "OK"
        assert client.response("EXISTS")[1][-1] == str(len(oddities)).encode()
        assert len(client.search(None, "KEYWORD $Label1 FLAGGED")[1][0].split()) == len(oddities) // 2
        assert b'"13-Sep-2020 12:26:41 +0000"' in client.fetch("1", "(INTERNALDATE)")[1][0]
    assert person.messages() == oddities
    pop = poplib.POP3(person.host, person.port("pop3"), timeout=20)
    pop.user(person.address)
    pop.pass_(person.password)
    assert pop.uidl()[1][:2] == [b"1 old-uidl-1", b"2 00000002%08x" % 1275660208]
    pop.quit()

    again = person.product.manage("import_mail", person.address, str(tmp_path / "Maildir"))
    assert f"{len(oddities)} were there already" in again
    person.product.manage("export_mail", person.address, str(tmp_path / "out.zip"))
    person.product.manage("import_mail", friend.address, str(tmp_path / "out.zip"))
    assert friend.messages() == oddities
    with person.mailbox() as mine, friend.mailbox() as theirs:
        wanted = "(FLAGS INTERNALDATE RFC822.SIZE)"
        assert theirs.fetch("1:*", wanted)[1] == mine.fetch("1:*", wanted)[1]
    for whose in (person, friend):
        assert "as it should be" in whose.product.ask("doctor", "--store", "--account", whose.address)
