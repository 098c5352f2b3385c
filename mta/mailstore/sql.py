"""Plain SELECT, INSERT, and UPDATE for the delivery path, where building ORM queries cost four fifths.

Table and column names come from this package's own code, never from a caller; values are always
parameters. Works the same on SQLite and PostgreSQL.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

import psycopg
from django.db import connection

WRITTEN_OUT = 100
FEW = 3  # rows that PostgreSQL is told one by one


_as_json = json.JSONEncoder(ensure_ascii=False).encode


def as_json(value: object) -> str:
    """A value for a JSON column, written as PostgreSQL gives it back: what is kept can be compared as text."""
    return _as_json(value)


def select(statement: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall()


def select_wide(statement: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The same for rows with much in them: PostgreSQL sends them in binary, bytes not as text twice as long."""
    if connection.vendor != "postgresql":
        return select(statement, params)
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(statement, params, binary=True).fetchall()


def marks(values: Collection[Any]) -> str:
    """Placeholders for an IN list; never empty, so that SQL stays valid."""
    return ", ".join(["%s"] * len(values)) or "NULL"


def among(column: str, ids: Collection[int] | Collection[str]) -> tuple[str, list[Any]]:
    """A condition that a column is one of some ids (or words), however many, and its parameters.

    Short lists are written out; long ones travel as one parameter, since SQLite takes no more than some
    thousand of them.
    """
    if len(ids) <= WRITTEN_OUT:
        return f"{column} IN ({marks(ids)})", list(ids)
    if connection.vendor == "postgresql":
        return f"{column} = ANY(%s)", [list(ids)]
    return f"{column} IN (SELECT value FROM json_each(%s))", [json.dumps(list(ids))]


def execute(statement: str, params: Sequence[Any]) -> int:
    """Run a statement; returns how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.rowcount


def insert(table: str, values: dict[str, Any]) -> int:
    """Insert one row; returns its id."""
    with connection.cursor() as cursor:
        cursor.execute(_insert(table, tuple(values), 1, "RETURNING id"), list(values.values()))
        return cursor.fetchone()[0]


def insert_rows(
    table: str, rows: Sequence[dict[str, Any]], *, json_columns: Collection[str] = ()
) -> list[int]:
    """Insert rows of the same columns; returns their ids in the same order (as Django's bulk_create relies on, too)."""
    ids: list[int] = []
    with connection.cursor() as cursor:
        for start in range(0, len(rows), WRITTEN_OUT):
            piece = rows[start : start + WRITTEN_OUT]
            names = tuple(piece[0])
            if connection.vendor == "postgresql" and len(piece) > FEW:
                texts = [[_hexadecimal(value) for value in row.values()] for row in piece]
                cursor.execute(
                    _insert_recorded(table, names, json_columns, "RETURNING id"), [_records(names, texts)]
                )
            else:
                flat = [value for row in piece for value in row.values()]
                cursor.execute(_insert(table, names, len(piece), "RETURNING id"), flat)
            ids += [row[0] for row in cursor.fetchall()]
    return ids


def insert_many(
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    json_columns: Collection[str] = (),
) -> None:
    """Insert rows; the values of JSON columns come as text."""
    _many(table, columns, rows, "", json_columns)


def insert_new(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows, leaving alone those that are there already."""
    _many(table, columns, rows, "ON CONFLICT DO NOTHING", ())


def update_many(
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    json_columns: Collection[str] = (),
) -> None:
    """Overwrite some columns of rows, each given as its id and the values."""
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql" or len(rows) <= FEW:
            cursor.executemany(_update(table, tuple(columns)), [(*values, id_) for id_, *values in rows])
            return
        pairs = ", ".join(f'"{name}" = {_recorded(name, json_columns)}' for name in columns)
        cursor.execute(
            f'UPDATE "{table}" t SET {pairs} FROM json_populate_recordset(NULL::"{table}", %s) r WHERE t.id = r.id',
            [_records(("id", *columns), rows)],
        )


def update(table: str, id_: int, values: dict[str, Any]) -> None:
    """Overwrite some columns of one row."""
    with connection.cursor() as cursor:
        cursor.execute(_update(table, tuple(values)), [*values.values(), id_])


def _many(
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    tail: str,
    json_columns: Collection[str],
) -> None:
    """SQLite takes row after row; PostgreSQL all of them as one parameter, since parsing thousands of marks
    costs psycopg more than the server needs for the rest."""
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.executemany(_insert(table, tuple(columns), 1, tail), rows)
        elif len(rows) <= FEW:
            flat = [value for row in rows for value in row]
            cursor.execute(_insert(table, tuple(columns), len(rows), tail), flat)
        else:
            cursor.execute(
                _insert_recorded(table, tuple(columns), json_columns, tail), [_records(columns, rows)]
            )


def _insert_recorded(table: str, columns: Sequence[str], json_columns: Collection[str], tail: str) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(_recorded(name, json_columns) for name in columns)
    return (
        f'INSERT INTO "{table}" ({names}) SELECT {values}'
        f' FROM json_populate_recordset(NULL::"{table}", %s) r {tail}'
    )


def _hexadecimal(value: object) -> object:
    """Bytes as PostgreSQL reads them from text."""
    return "\\x" + value.hex() if isinstance(value, bytes) else value


def _records(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return json.dumps([dict(zip(columns, row, strict=True)) for row in rows], ensure_ascii=False)


def _recorded(name: str, json_columns: Collection[str]) -> str:
    """A column of a record; text that is JSON itself is taken out of its quotes first."""
    return f"(r.\"{name}\" #>> '{{}}')::jsonb" if name in json_columns else f'r."{name}"'


@cache
def _insert(table: str, columns: tuple[str, ...], count: int, tail: str) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    marks = "(" + ", ".join(["%s"] * len(columns)) + ")"
    return f'INSERT INTO "{table}" ({names}) VALUES {", ".join([marks] * count)} {tail}'


@cache
def _update(table: str, columns: tuple[str, ...]) -> str:
    pairs = ", ".join(f'"{name}" = %s' for name in columns)
    return f'UPDATE "{table}" SET {pairs} WHERE id = %s'
