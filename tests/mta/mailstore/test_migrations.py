"""Mail that an older version stored is all there after the schema of this one was made (SQLite, in a folder of its own)."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
MIGRATE = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "webmail.settings"
django.setup()
from django.core.management import call_command
call_command("migrate", *sys.argv[1:], verbosity=0)
"""


def _migrate(folder: Path, *target: str) -> None:
    environment = {**os.environ, "DATA_DIR": str(folder)}
    environment.pop("DATABASE_URL", None)
    subprocess.run(
        [sys.executable, "-c", MIGRATE, *target], env=environment, cwd=ROOT, check=True, timeout=120
    )


def _insert(database: sqlite3.Connection, table: str, **values: Any) -> None:
    """A row; what is not given is 0 or empty."""
    columns = database.execute(f"PRAGMA table_info(mailstore_{table})").fetchall()
    row = {
        name: values.get(name, None if not not_null else 0 if "int" in kind or kind == "bool" else "")
        for _, name, kind, not_null, _, _ in columns
    }
    names = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("?" * len(row))
    database.execute(f"INSERT INTO mailstore_{table} ({names}) VALUES ({marks})", list(row.values()))


def test_placements_counts_and_header_texts_are_made_from_what_an_older_version_kept(tmp_path: Path) -> None:
    _migrate(tmp_path, "mailstore", "0003")
    with sqlite3.connect(tmp_path / "mailstead.sqlite3") as database:
        _insert(database, "mailspace", id=1, clock=9)
        _insert(database, "mailbox", id=1, mailspace_id=1, name="INBOX", uidnext=4, recent_uid=2)
        for id_, flags, modseq in ((1, 0, 3), (2, 1, 8), (3, 5, 6), (7, 0, 7)):
            _insert(
                database,
                "message",
                **{"id": id_, "mailspace_id": 1, "flags": flags, "keywords": "$Todo", "size": 100 + id_},
                **{
                    "internal_date": id_,
                    "modseq": modseq,
                    "subject_text": f"subject {id_}",
                    "bcc_text": "eve",
                },
                **{"addresses": "{}", "attachments": "[]", "reasons": "{}", "head": b"x" * 5000},
            )
        place = {"mailspace_id": 1, "mailbox_id": 1, "expunged_modseq": None, "expunged_at": None}
        _insert(database, "placement", **place, id=1, uid=1, message_id=1, modseq=3)
        _insert(database, "placement", **place, id=2, uid=2, message_id=2, modseq=4, deleted=1)
        gone = {**place, "expunged_modseq": 9, "expunged_at": 5}
        _insert(database, "placement", **gone, id=5, uid=3, message_id=3, modseq=9)
        database.execute("DELETE FROM mailstore_message WHERE id = 7")
    database.close()
    _migrate(tmp_path)
    with sqlite3.connect(tmp_path / "mailstead.sqlite3") as database:
        live = "SELECT uid, flags, keywords, size, internal_date, deleted, modseq FROM mailstore_placement"
        assert database.execute(f"{live} WHERE expunged_modseq IS NULL ORDER BY uid").fetchall() == [
            (1, 0, "$Todo", 101, 1, 0, 3),
            (2, 1, "$Todo", 102, 2, 1, 8),
        ]
        assert database.execute("SELECT recent, deleted FROM mailstore_mailbox").fetchall() == [(1, 1)]
        texts = "SELECT message_id, subject_text, bcc_text FROM mailstore_headertext ORDER BY message_id"
        assert database.execute(texts).fetchall() == [(n, f"subject {n}", "eve") for n in (1, 2, 3)]
        assert database.execute("SELECT DISTINCT length(head), uidl FROM mailstore_message").fetchall() == [
            (5000, "")
        ]
        given_out = (
            "SELECT name, seq FROM sqlite_sequence WHERE name IN ('mailstore_message', 'mailstore_placement')"
        )
        assert sorted(database.execute(given_out).fetchall()) == [
            ("mailstore_message", 7),  # no id comes back
            ("mailstore_placement", 5),
        ]
    database.close()
