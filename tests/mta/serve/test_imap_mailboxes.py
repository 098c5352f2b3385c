"""What commands about mailboxes cost, and what they do when many ask."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mta.mailstore import service as mailstore
from tests.mta.serve.imap_dialogue import CAUSE, Client, serving


def lines_of(client: Client, command: str) -> tuple[list[str], int]:
    """The untagged lines of an answer, and how many queries it took."""
    with CaptureQueriesContext(connection) as queries:
        client.line(f"t {command}")
        lines = []
        while not (line := client.expect_line()).startswith("t "):
            lines.append(line)
    assert line.startswith("t OK"), line
    return lines, len(queries)


@pytest.mark.django_db
def test_a_list_with_every_count_is_one_query_however_many_mailboxes_there_are() -> None:
    wanted = "MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ MAILBOXID APPENDLIMIT"
    with serving() as server:
        client = server.connect()
        client.ok("a LOGIN ann secret")
        few, before = lines_of(client, f'LIST "" "*" RETURN (STATUS ({wanted}))')
        for number in range(60):
            mailstore.create_mailbox(server.mailspace, f"Project {number % 7}/Part {number}", cause=CAUSE)
        many, after = lines_of(client, f'LIST "" "*" RETURN (STATUS ({wanted}))')
        assert len(many) == len(few) + 2 * (60 + 7)
        assert before == after == 1
        _lines, with_sizes = lines_of(client, 'LIST "" "*" RETURN (STATUS (DELETED-STORAGE))')
        assert with_sizes == 2


@pytest.mark.django_db
def test_only_parents_of_what_was_selected_are_listed_for_their_children() -> None:
    with serving() as server:
        client = server.connect()
        client.ok("a LOGIN ann secret")
        for name in ("Work/Now/Urgent", "Work/Later", "Home"):
            client.ok(f'a CREATE "{name}"')
        for name in ("Work", "Work/Now", "Work/Later", "Home"):
            client.ok(f'a UNSUBSCRIBE "{name}"')
        lines, _queries = lines_of(client, 'LIST (SUBSCRIBED RECURSIVEMATCH) "" ("Work" "Work/%" "Home")')
        assert lines == [
            '* LIST (\\HasChildren) "/" Work ("CHILDINFO" ("SUBSCRIBED"))',
            '* LIST (\\HasChildren) "/" Work/Now ("CHILDINFO" ("SUBSCRIBED"))',
        ]
