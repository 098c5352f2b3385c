"""What SQLite's planner is told about the mail tables, whose real numbers it would only know after an ANALYZE.

Without statistics it believes that a mailspace has ten messages, reads all of its index instead of fifty rows by
their ids, and gets slower with every message. So it is told the proportions of a large installation, the same in
every one: plans do not change with what happens to lie in the tables. PostgreSQL keeps its own statistics.
Called after each migration.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction

PREFIX, FULL_TEXT = "mailstore_", "mailstore_fts"
ROWS = 1_000_000
# Rows with the same value, by the first columns of an index. What is not named here is nearly unique.
_EQUAL = {
    ("mailspace_id",): 10_000,
    ("mailspace_id", "mailbox_id"): 2_500,
    ("mailspace_id", "box"): 1_000,
    ("mailspace_id", "state"): 100,
    ("mailspace_id", "role"): 10,
}
_OTHERWISE = 4
PARTIAL = 50  # a partial index has so many times fewer rows
# But not these.
_NARROW = frozenset(
    (
        "placement_live",
        "placement_changed",
        "placement_date",
        "thread_row_read",
        "mailbox_name",
        "mailbox_role",
    )
)


def teach(using: str = "default", **_signal: Any) -> None:
    """Write the statistics anew; a signal's handler."""
    connection = connections[using]
    if connection.vendor != "sqlite":
        return
    with transaction.atomic(using), connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
        tables = [name for name in names if name.startswith(PREFIX) and not name.startswith(FULL_TEXT)]
        if not tables:
            return
        cursor.execute("ANALYZE mailstore_mailspace")  # makes the table of statistics
        cursor.execute("DELETE FROM sqlite_stat1 WHERE substr(tbl, 1, %s) = %s", [len(PREFIX), PREFIX])
        for table in tables:
            for index, stat in _statistics(cursor, table):
                cursor.execute(
                    "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (%s, %s, %s)", [table, index, stat]
                )
        cursor.execute("ANALYZE sqlite_master")  # reads them


def _statistics(cursor: Any, table: str) -> list[tuple[str, str]]:
    cursor.execute(f'PRAGMA index_list("{table}")')
    found = []
    for _, name, unique, origin, partial in cursor.fetchall():
        cursor.execute(f'PRAGMA index_xinfo("{name}")')
        columns = [row[2] for row in cursor.fetchall() if row[5]]
        share = PARTIAL if partial and name not in _NARROW else 1
        stat = [ROWS // share]
        for width in range(1, len(columns) + 1):
            equal = _EQUAL.get(tuple(columns[:width]), min(stat[-1], _OTHERWISE))
            stat.append(max(1, equal // (share if equal > _OTHERWISE else 1)))
        if unique:
            stat[-1] = 1
        # The key of a table WITHOUT ROWID is its rows; it goes by the table's name.
        shown = table if origin == "pk" and _is_clustered(cursor, table) else name
        found.append((shown, " ".join(map(str, stat))))
    return found


def _is_clustered(cursor: Any, table: str) -> bool:
    cursor.execute("SELECT sql FROM sqlite_master WHERE name = %s", [table])
    return cursor.fetchone()[0].upper().strip().endswith("WITHOUT ROWID")
