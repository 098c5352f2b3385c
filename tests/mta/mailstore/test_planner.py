"""SQLite reads rows by their ids, and what is rare by its own index, however much mail there is."""

from __future__ import annotations

import pytest
from django.db import connection

from mta.mailstore import planner

pytestmark = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL keeps its own statistics")

LIVE = "mailspace_id = 1 AND mailbox_id = 2 AND expunged_modseq IS NULL"
MANY = ", ".join(map(str, range(50)))


def plan(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + statement)
        return " / ".join(row[3] for row in cursor.fetchall())


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (f"SELECT subject FROM mailstore_message WHERE mailspace_id = 1 AND id IN ({MANY})", "INTEGER PRIMARY KEY"),
        (f"SELECT data FROM mailstore_blob WHERE mailspace_id = 1 AND id IN ({MANY})", "INTEGER PRIMARY KEY"),
        (f"SELECT uid FROM mailstore_placement WHERE {LIVE} AND (flags & 1) = 0", "placement_unseen"),
        (f"SELECT uid FROM mailstore_placement WHERE {LIVE} AND (flags & 4) = 4", "placement_flagged"),
        (f"SELECT uid FROM mailstore_placement WHERE {LIVE} AND deleted", "placement_deleted"),
        (f"SELECT uid FROM mailstore_placement WHERE {LIVE} AND keywords > ''", "placement_keywords"),
        (f"SELECT uid FROM mailstore_placement WHERE {LIVE} AND modseq > 5", "placement_changed"),
        (f"SELECT flags FROM mailstore_placement WHERE {LIVE} AND uid BETWEEN 5 AND 9", "autoindex_mailstore_placement"),
        (f"SELECT uid FROM mailstore_placement WHERE {LIVE} AND message_id IN ({MANY})", "placement_live"),
        ("SELECT id FROM mailstore_message WHERE mailspace_id = 1 AND internal_date > 5 LIMIT 9", "message_date"),
        ("SELECT id FROM mailstore_message WHERE mailspace_id = 1 AND NOT indexed ORDER BY id", "message_unindexed"),
        ("SELECT id FROM mailstore_message WHERE mailspace_id = 1 AND COALESCE(sent_at, internal_date) < 5", "message_sent"),
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_the_right_index_is_taken(statement: str, expected: str) -> None:
    assert expected in plan(statement)


@pytest.mark.django_db
def test_every_index_of_a_mail_table_has_its_numbers() -> None:
    planner.teach()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name LIKE 'mailstore!_%%' ESCAPE '!'"
            " AND tbl_name NOT LIKE 'mailstore!_fts%%' ESCAPE '!'"
        )
        indexes = {row[0] for row in cursor.fetchall()}
        cursor.execute("SELECT idx FROM sqlite_stat1")
        known = {row[0] for row in cursor.fetchall()}
    # The key of a table WITHOUT ROWID goes by the table's name.
    missing = {name for name in indexes - known if name.removeprefix("sqlite_autoindex_")[:-2] not in known}
    assert not missing
