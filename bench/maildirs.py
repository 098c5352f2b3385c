"""Fill Dovecot's Maildirs with the corpus: files as its own LMTP would have written them."""

from __future__ import annotations

import os
from pathlib import Path

from bench import corpus
from bench.peers import owner_ids


def fill(maildir: Path, count: int, kind: str) -> bool:
    """Make a Maildir with the first `count` messages of a corpus, unless it is there; True if it was made."""
    done = maildir / f".bench-{count}"
    if done.exists():
        return False
    uid, gid = owner_ids()
    for folder in (maildir.parent, maildir, *(maildir / name for name in ("cur", "new", "tmp"))):
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, uid, gid)
        folder.chmod(0o755)
    for i in range(count):
        _write(maildir / "cur", i, kind, owner=(uid, gid))
    done.touch()
    return True


def _write(folder: Path, i: int, kind: str, *, owner: tuple[int, int]) -> None:
    raw = corpus.message(i, kind)
    kept = raw.replace(b"\r\n", b"\n")  # mail_save_crlf=no, as Debian has it
    at = int(corpus.arrived(i).timestamp())
    flags = "F" * corpus.is_flagged(i) + "S" * (not corpus.is_unread(i))
    path = folder / f"{at}.M{i:07}P1.bench,S={len(kept)},W={len(raw)}:2,{flags}"
    with path.open("wb") as file:
        file.write(kept)
    os.chown(path, *owner)
    path.chmod(0o600)
    os.utime(path, (at, at))
