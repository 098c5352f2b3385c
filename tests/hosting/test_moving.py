"""`import_mail` and `export_mail`, as an administrator runs them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from hosting import accounts, domains, tenants
from hosting.actor import system
from hosting.models import Account, AuditEntry
from mta.archive import reading
from mta.archive.values import Piece, Wishes
from mta.mailstore import importing
from mta.mailstore import service as mailstore
from tests.hosting.conftest import PASSWORD
from tests.mail import mail

ACTOR = system("test")
FROM = b"From ada@x.test Mon Oct 12 10:00:00 2026\n"


@pytest.fixture
def ann(db: None) -> Account:
    provider = tenants.add_provider(name="Host", actor=ACTOR)
    domain = domains.add("host.test", tenant=provider, actor=ACTOR)
    return accounts.add(domain, "ann", password=PASSWORD, actor=ACTOR, quota_bytes=0)


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def run(*args: object, code: int = 0, **options: object) -> str:
    """What a command prints; it must end with the exit status `code`."""
    out = io.StringIO()
    try:
        call_command(*map(str, args), stdout=out, stderr=out, **options)
    except CommandError as error:
        assert error.returncode == code, error
        return out.getvalue() + str(error)
    assert code == 0, out.getvalue()
    return out.getvalue()


def counts(account: Account) -> dict[str, int]:
    assert account.mailspace is not None
    return {box.name: box.messages for box in mailstore.mailboxes(account.mailspace) if box.messages}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of mbox files."""
    folder = tmp_path / "mail"
    folder.mkdir()
    for name, number in (("Inbox", 3), ("Sent Items", 1), ("Work", 2)):
        text = b"".join(FROM + mail().replace(b"\r\n", b"\n") + b"\n" for _ in range(number))
        (folder / name).write_bytes(text)
    return folder


def test_an_import_says_what_it_did_and_can_be_repeated_and_taken_back(ann: Account, source: Path) -> None:
    said = run("import_mail", "ann@host.test", source)
    assert said.startswith("Imported 6 messages (")
    assert "  INBOX: 3\n  Sent: 1\n  Work (new): 2\n" in said
    assert counts(ann) == {"INBOX": 3, "Sent": 1, "Work": 2}
    again = run("import_mail", "Ann@host.test", source)
    assert again.startswith("Imported 0 messages")
    assert "6 were there already" in again
    action = said.rpartition("--undo ")[2].strip()
    assert run("import_mail", "ann@host.test", "--undo", action).startswith("6 messages were taken back")
    assert counts(ann) == {}
    assert [entry.verb for entry in AuditEntry.objects.filter(verb__contains="import").order_by("id")] == [
        "account.import",
        "account.import.undo",
    ]
    assert run("import_mail", "ann@host.test", "--undo", action, code=1)


def test_one_may_stop_it_and_go_on(ann: Account, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = reading.read

    def read(path: Path, wishes: Wishes) -> Iterator[Piece]:
        for number, piece in enumerate(whole(path, wishes)):
            if number == 5:
                raise KeyboardInterrupt
            yield piece

    with monkeypatch.context() as patched:
        patched.setattr(reading, "read", read)
        patched.setattr(importing, "CHUNK", 2)
        said = run("import_mail", "ann@host.test", source, code=130)
    assert "Stopped; 2 messages are stored" in said
    assert sum(counts(ann).values()) == 2
    assert run("import_mail", "ann@host.test", source).startswith("Imported 4 messages")


def test_a_dry_run_stores_nothing(ann: Account, source: Path) -> None:
    said = run("import_mail", "ann@host.test", source, "--dry-run")
    assert said.startswith("Would import 6 messages")
    assert counts(ann) == {}
    assert not AuditEntry.objects.filter(verb="account.import").exists()


def test_what_could_not_be_read_is_named_and_the_exit_status_tells(ann: Account, source: Path) -> None:
    (source / "bad.eml").write_bytes(b"\0")
    said = run("import_mail", "ann@host.test", source, code=3)
    assert "bad.eml: holds NUL bytes" in said
    assert sum(counts(ann).values()) == 6


def test_a_full_quota_is_told_before_anything_is_stored(ann: Account, source: Path) -> None:
    accounts.set_quota(ann, 1200, actor=ACTOR)
    said = run("import_mail", "ann@host.test", source, code=4)
    assert "left of 1.172 KB" in said
    assert counts(ann) == {}
    run("import_mail", "ann@host.test", source, "--over-quota")
    assert sum(counts(ann).values()) == 6
    # Nothing is missing: that needs no room.
    assert "6 were there already" in run("import_mail", "ann@host.test", source)


@pytest.mark.parametrize(
    ("address", "path", "words"),
    [
        ("nobody@host.test", "", "no account"),
        ("ann@host.test", "gone", "No such file"),
        ("ann@host.test", "list.txt", "no message"),
        ("ann@host.test", "empty", "no mail"),
        ("ann@host.test", None, "Name the file"),
    ],
)
def test_mistakes_are_told_in_words(
    ann: Account, tmp_path: Path, address: str, path: str | None, words: str
) -> None:
    (tmp_path / "list.txt").write_text("shopping list")
    (tmp_path / "empty").mkdir()
    args = [] if path is None else [tmp_path / path]
    assert words in run("import_mail", address, *args, code=1)


@pytest.mark.parametrize(("name", "format_"), [("a.zip", ""), ("a.mbox", ""), ("a", "eml"), ("a", "")])
def test_an_export_is_private_never_overwrites_and_comes_back(
    ann: Account, source: Path, tmp_path: Path, name: str, format_: str
) -> None:
    run("import_mail", "ann@host.test", source)
    path = tmp_path / "out" / name
    path.parent.mkdir()
    args = ["export_mail", "ann@host.test", path, *(["--format", format_] if format_ else [])]
    assert run(*args).startswith("Exported 6 messages (")
    for file in path.parent.rglob("*"):
        assert file.stat().st_mode & 0o077 == 0, file
    assert [each.name for each in path.parent.iterdir()] == [name]
    assert "nothing is ever overwritten" in run(*args, code=1)
    assert [each.name for each in path.parent.iterdir()] == [name]
    assert "6 were there already" in run("import_mail", "ann@host.test", path)


def test_one_mailbox_is_one_mbox_file(ann: Account, source: Path, tmp_path: Path) -> None:
    run("import_mail", "ann@host.test", source)
    assert "of one mailbox " in run("export_mail", "ann@host.test", tmp_path / "w.mbox", "--mailbox", "Work")
    assert (tmp_path / "w.mbox").read_bytes().count(b"\nX-Mailstead-Export") == 2
    assert "  Work: 0, 2 there already" in run("import_mail", "ann@host.test", tmp_path / "w.mbox")
    assert "there are INBOX" in run(
        "export_mail", "ann@host.test", tmp_path / "x", "--mailbox", "Nope", code=1
    )


def test_an_export_that_fails_leaves_nothing(ann: Account, tmp_path: Path) -> None:
    assert run("export_mail", "ann@host.test", tmp_path / "no" / "folder" / "a.zip", code=1)
    assert list(tmp_path.iterdir()) == []
