"""Folders, files and .zip archives as people have them; and those that are made to do harm."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest

from mta.archive import reading, trees
from mta.archive.values import Broken, Folder, Letter, Passed, Piece, Unreadable, Wishes
from mta.values import FLAGGED, SEEN

MAIL = b"From: ada@x.test\nSubject: %s\nDate: Mon, 12 Oct 2026 10:00:00 +0000\n\ntext\n"
FROM = b"From ada@x.test Mon Oct 12 10:00:00 2026\n"


def mail(subject: str) -> bytes:
    return MAIL % subject.encode()


def read(path: Path, **wishes: object) -> list[Piece]:
    return list(reading.read(path, Wishes(**wishes)))  # type: ignore[arg-type]


def told(pieces: list[Piece]) -> list[tuple[str, str]]:
    """(folder, subject) of the letters, in order."""
    return [
        (folder, piece.raw.split(b"Subject: ")[1].split(b"\r\n")[0].decode())
        for piece in pieces
        if isinstance(piece, Letter)
        for folder in piece.folders
    ]


def broken(pieces: list[Piece]) -> dict[str, str]:
    return {piece.where: piece.reason for piece in pieces if isinstance(piece, Broken)}


def make(path: Path, data: bytes = b"", *, at: int | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if at is not None:
        os.utime(path, (at, at))


@pytest.fixture
def dovecot(tmp_path: Path) -> Path:
    """A Maildir as Dovecot leaves it."""
    root = tmp_path / "Maildir"
    make(root / "cur" / "1276528487.M1P1.h,S=77,W=82:2,Sa", mail("second"), at=1276528400)
    make(root / "new" / "1276528488.M2P1.h", mail("first"))
    make(root / "cur" / "1276528489.M3P1.h:2,F", mail("unlisted"))
    (root / "tmp").mkdir()
    make(
        root / "dovecot-uidlist",
        b"3 V1275660208 N9\n2 Pmine :1276528488.M2P1.h\n7 :1276528487.M1P1.h,S=77,W=82:2,S\n",
    )
    make(root / "dovecot-keywords", b"0 $Label1\n")
    make(root / "subscriptions", b"V\t2\n\nINBOX\nWork\tPl&AOQ-ne\n")
    make(root / "dovecot.index.log", b"\0\1\2")
    make(root / ".Work.Pl&AOQ-ne" / "cur" / "1276528490.M4P1.h:2,", mail("deep"))
    make(root / ".Sent Items" / "cur" / "1276528491.M5P1.h:2,S", mail("sent"))
    for folder in (".Work.Pl&AOQ-ne", ".Sent Items"):
        (root / folder / "new").mkdir()
    return root


def test_dovecots_maildir(dovecot: Path) -> None:
    pieces = read(dovecot)
    assert told(pieces) == [
        ("INBOX", "first"),
        ("INBOX", "second"),
        ("INBOX", "unlisted"),
        ("Sent", "sent"),
        ("Work/Pläne", "deep"),
    ]
    first, second, third, *_ = [piece for piece in pieces if isinstance(piece, Letter)]
    assert (first.uidl, second.uidl, third.uidl) == (
        "mine",
        f"00000007{1275660208:08x}",
        "",
    )
    assert (second.flags, second.keywords, second.internal_date) == (SEEN, ("$Label1",), 1276528400_000000)
    assert third.flags == FLAGGED
    assert second.raw == mail("second").replace(b"\n", b"\r\n")
    folders = {piece.name: piece for piece in pieces if isinstance(piece, Folder)}
    assert folders["INBOX"].uidvalidity == 1275660208
    assert {name: folder.subscribed for name, folder in folders.items()} == {
        "INBOX": True,
        "Work/Pläne": True,
        "Sent": False,
    }
    assert broken(pieces) == {}


def test_a_maildir_in_a_zip(dovecot: Path, tmp_path: Path) -> None:
    path = tmp_path / "mail.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(dovecot.rglob("*")):
            packed.write(file, file.relative_to(dovecot.parent))
    assert told(read(path)) == told(read(dovecot))


def test_one_can_choose_folders_and_keep_their_names(dovecot: Path) -> None:
    assert told(read(dovecot, only=("sent items",))) == [("Sent", "sent")]
    assert [folder for folder, _ in told(read(dovecot, skip=("INBOX", "work")))] == ["Sent"]
    assert ("Sent Items", "sent") in told(read(dovecot, by_name=False))


def test_thunderbirds_folders(tmp_path: Path) -> None:
    root = tmp_path / "profile"
    make(root / "Inbox", FROM + mail("in") + b"\n")
    make(root / "Inbox.msf", b"// index")
    make(root / "Inbox.sbd" / "Plans", FROM + mail("plan") + b"\n")
    make(root / "Trash", b"")
    make(root / "notes.txt", b"shopping")
    pieces = read(root)
    assert told(pieces) == [("INBOX", "in"), ("Plans", "plan")]
    assert [piece.where for piece in pieces if isinstance(piece, Passed)] == ["Trash", "notes.txt"]


def test_eml_files_in_folders_apples_and_mhs(tmp_path: Path) -> None:
    root = tmp_path / "mail"
    make(root / "one.eml", mail("one"))
    make(root / "Work" / "10.eml", mail("ten"))
    make(root / "Work" / "9.eml", mail("nine"))
    apple = mail("apple")
    make(root / "Old.mbox" / "Messages" / "1.emlx", b"%d\n%b<?xml version='1.0'?>" % (len(apple), apple))
    make(root / "mh" / "1", mail("mh"))
    make(root / "Gone.mbox" / "mbox", FROM + mail("apple mbox") + b"\n")
    pieces = read(root)
    assert set(told(pieces)) == {
        ("INBOX", "one"),
        ("Work", "nine"),
        ("Work", "ten"),
        ("Old/Messages", "apple"),
        ("mh", "mh"),
        ("Gone", "apple mbox"),
    }
    assert told(pieces).index(("Work", "nine")) < told(pieces).index(("Work", "ten"))
    assert all(piece.raw.endswith(b"text\r\n") for piece in pieces if isinstance(piece, Letter))
    dates = {piece.internal_date for piece in pieces if isinstance(piece, Letter)}
    assert dates == {1791799200_000000}


def test_single_files(tmp_path: Path) -> None:
    make(tmp_path / "a.eml", mail("a"))
    make(tmp_path / "Sent Messages.mbox", FROM + mail("b") + b"\n" + FROM + mail("c"))
    assert told(read(tmp_path / "a.eml")) == [("INBOX", "a")]
    assert told(read(tmp_path / "Sent Messages.mbox")) == [("Sent", "b"), ("Sent", "c")]


def test_google_takeout_with_labels(tmp_path: Path) -> None:
    labelled = FROM + b"X-Gmail-Labels: Inbox,Trips\n" + mail("x") + b"\n" + FROM + mail("bare") + b"\n"
    with zipfile.ZipFile(tmp_path / "takeout.zip", "w") as packed:
        packed.writestr("Takeout/Mail/All mail Including Spam and Trash.mbox", labelled)
        packed.writestr("Takeout/archive_browser.html", "<html>")
    pieces = read(tmp_path / "takeout.zip")
    assert told(pieces)[:2] == [("INBOX", "x"), ("Trips", "x")]
    assert len(told(pieces)) == 3


def test_gmails_views_are_passed_by_and_all_mail_comes_last(tmp_path: Path) -> None:
    for folder in ("[Gmail]/All Mail", "[Gmail]/Starred", "[Gmail]/Important", "[Gmail]/Sent Mail", "INBOX"):
        make(tmp_path / folder / "cur" / "1.h:2,S", mail(folder))
        (tmp_path / folder / "new").mkdir()
    pieces = read(tmp_path)
    assert [folder for folder, _ in told(pieces)] == ["INBOX", "Sent", "Archive"]
    assert {piece.folders[0]: piece.late for piece in pieces if isinstance(piece, Letter)} == {
        "Sent": False,
        "INBOX": False,
        "Archive": True,
    }


# --- hostile and broken


def test_broken_files_are_named_and_do_not_stop_the_rest(tmp_path: Path) -> None:
    make(tmp_path / "a.eml", b"")
    make(tmp_path / "b.eml", mail("nul") + b"\0")
    make(tmp_path / "c.eml", b"\x89PNG not mail")
    make(tmp_path / "d.eml", mail("big") + b"x" * 5000)
    make(tmp_path / "e.mbox", b"no From line\n")
    make(tmp_path / "f.pst", b"!BDN" + b"\0" * 100)
    make(tmp_path / "g.eml", mail("good"))
    make(tmp_path / "h.mbox", FROM + b"\n" + FROM + mail("after") + FROM + mail("nul") + b"\0\n")
    pieces = read(tmp_path, largest=4000)
    assert told(pieces) == [("INBOX", "good"), ("h", "after")]
    found = broken(pieces)
    assert {name.partition(",")[0] for name in found} == {
        "a.eml",
        "b.eml",
        "c.eml",
        "d.eml",
        "e.mbox",
        "f.pst",
        "h.mbox",
    }
    assert "NUL" in found["b.eml"]
    assert "readpst" in found["f.pst"]
    assert sum(name.startswith("h.mbox, message") for name in found) == 2


def test_a_file_that_was_cut_short_is_told_and_taken(tmp_path: Path) -> None:
    make(tmp_path / "cur" / "1276528487.M1P1.h,S=500:2,S", mail("short"))
    (tmp_path / "new").mkdir()
    pieces = read(tmp_path)
    assert told(pieces) == [("INBOX", "short")]
    assert "cut short" in next(iter(broken(pieces).values()))


def test_links_fifos_and_unreadable_files_are_left_alone(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    make(secret / "1.eml", mail("secret"))
    root = tmp_path / "mail"
    make(root / "good.eml", mail("good"))
    (root / "link.eml").symlink_to(secret / "1.eml")
    (root / "folder").symlink_to(secret)
    (root / ".Sent").symlink_to(secret)
    os.mkfifo(root / "pipe.eml")
    pieces = read(root)
    assert told(pieces) == [("INBOX", "good")]
    assert set(broken(pieces)) == {"link.eml", "folder", ".Sent", "pipe.eml"}


def test_names_in_a_zip_cannot_lead_out_of_it(tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    link = zipfile.ZipInfo("link.eml")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as packed:
        for name in ("../up.eml", "/abs.eml", "a/../../b.eml", "C:\\x.eml", "..\\back.eml", "good.eml"):
            packed.writestr(name, mail(name.replace("/", "_")))
        packed.writestr(link, "/etc/passwd")
    pieces = read(path)
    assert told(pieces) == [("INBOX", "good.eml")]
    assert len(broken(pieces)) == 6


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "BOMB_SIZE", 1 << 20)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("bomb.mbox", FROM + b"Subject: x\n\n" + b"\n" * (8 << 20))
        packed.writestr("inner.zip", b"PK\3\4" + b"\0" * 100)
        packed.writestr("good.eml", mail("good"))
    pieces = read(path)
    assert told(pieces) == [("INBOX", "good")]
    assert set(broken(pieces)) == {"bomb.mbox", "inner.zip"}


def test_entries_that_overlap_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "overlap.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.eml", mail("a") * 50)
        packed.writestr("b.eml", mail("b"))
        packed.filelist[1].header_offset = packed.filelist[0].header_offset
    with pytest.raises(Unreadable, match="overlap"):
        read(path)


def test_a_huge_table_of_contents_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for number in range(200):
            packed.writestr(f"{number}.eml", b"")
    monkeypatch.setattr(trees, "LARGEST_DIRECTORY", 1000)
    with pytest.raises(Unreadable, match="too many"):
        read(path)


def test_a_zip_that_was_cut_short_is_told(tmp_path: Path) -> None:
    path = tmp_path / "short.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.eml", mail("a") * 50)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(Unreadable, match="or was cut short"):
        read(path)


def test_a_damaged_or_encrypted_entry_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.eml", mail("a") + os.urandom(4000).replace(b"\0", b"x"))
        packed.writestr("b.eml", mail("b"))
        packed.writestr("c.eml", mail("c"))
    data = bytearray(path.read_bytes())
    data[600:650] = b"x" * 50
    place = data.rfind(b"PK\1\2")  # the last entry's
    data[place + 8] |= 1  # encrypted
    path.write_bytes(data)
    pieces = read(path)
    assert told(pieces) == [("INBOX", "b")]
    assert set(broken(pieces)) == {"a.eml", "c.eml"}


@pytest.mark.parametrize("data", [b"", b"shopping list", b"\x1f\x8b\x08", b"PK\5\6"])
def test_a_file_that_is_no_mail_is_refused_by_its_name(tmp_path: Path, data: bytes) -> None:
    make(tmp_path / "what", data)
    with pytest.raises(Unreadable, match="what"):
        read(tmp_path / "what")


def test_deep_trees_end(tmp_path: Path) -> None:
    path = tmp_path
    for _ in range(60):
        path /= "d"
    make(path / "x.eml", mail("deep"))
    pieces = read(tmp_path)
    assert told(pieces) == []
    assert list(broken(pieces).values()) == ["lies too deep"]


def test_the_size_of_an_archive_is_known_without_reading_it(dovecot: Path, tmp_path: Path) -> None:
    assert reading.size(dovecot) >= sum(
        len(piece.raw) * 0.95 for piece in read(dovecot) if isinstance(piece, Letter)
    )
    make(tmp_path / "a.mbox", b"x" * 10)
    assert reading.size(tmp_path / "a.mbox") == 10
