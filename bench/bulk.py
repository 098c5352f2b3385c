"""Rows by the hundred thousand, as quickly as each database takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, models


def columns(model: type[models.Model]) -> list[str]:
    return [one.column for one in model._meta.concrete_fields if one.column]


def places(model: type[models.Model]) -> dict[str, int]:
    return {name: place for place, name in enumerate(columns(model))}


@contextmanager
def index_at_the_end() -> Iterator[None]:
    """PostgreSQL: the full-text index is made once, at the end, instead of word by word."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes"
            " WHERE tablename = 'mailstore_searchtext' AND indexdef LIKE '%USING gin%'"
        )
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f'DROP INDEX "{name}"')
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET maintenance_work_mem = '512MB'")
            for _, definition in found:
                cursor.execute(definition)
            cursor.execute("ANALYZE")


def insert(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor, cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(columns))
    connection.ensure_connection()
    connection.connection.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows)  # noqa: S608


def follow_sequence(model: type[models.Model]) -> None:
    """PostgreSQL: no id that was written is given out again. (SQLite's AUTOINCREMENT sees to it by itself.)"""
    if connection.vendor == "postgresql":
        table = model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence(%s, 'id'), (SELECT MAX(id) FROM {table}))",  # noqa: S608
                [table],
            )
