"""A page of a list while others write."""

from __future__ import annotations

from typing import Any

from django.db import connection

from mta.mailstore import service as mailstore
from tests.mta.mailstore.conftest import Space


def test_mail_that_arrives_while_the_newest_page_is_read_does_not_make_it_the_second(space: Space) -> None:
    inbox = space.box("inbox").id
    space.deliver(subject="first")
    arrived: list[bool] = []

    def deliver_meanwhile(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = execute(sql, params, many, context)
        if "mailstore_threadrow" in sql and not arrived:
            arrived.append(True)
            space.deliver(subject="second")
        return found

    with connection.execute_wrapper(deliver_meanwhile):
        page = mailstore.threads(space.id, inbox)
    assert arrived
    assert (page.position, page.has_newer) == (0, False)
