"""What people type into the search box, and what the store is asked."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.message.criteria import (
    All,
    And,
    Before,
    Contains,
    Flag,
    HasAttachment,
    InMailbox,
    Keyword,
    Larger,
    Not,
    Or,
    Since,
    Smaller,
    Words,
)
from mta.values import INBOX, JUNK, TRASH, MailboxInfo
from webmail.search_box import Names, parse


def box(id_: int, name: str, role: str = "") -> MailboxInfo:
    return MailboxInfo(id_, name, role, None, True, 1, 1, 1, 0, 0, 0, 0, 0)


NOW = datetime(2026, 4, 16, 12, tzinfo=UTC)
NAMES = Names(
    mailboxes=(
        box(1, "INBOX", INBOX),
        box(2, "Junk", JUNK),
        box(3, "Trash", TRASH),
        box(4, "Work/Big projects"),
    ),
    own=("ann@example.test", "info@example.test"),
    zone=ZoneInfo("Europe/Berlin"),
    now=NOW,
)


def words(text: str, where: str = "any", *, phrase: bool = False, prefix: bool = False) -> Words:
    return Words(text, where, phrase=phrase, prefix=prefix)  # type: ignore[arg-type]


def berlin(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=NAMES.zone).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("text", "criteria"),
    [
        ("", All()),
        ("lamp", words("lamp")),
        ("lamp repair", And((words("lamp"), words("repair")))),
        ('"lamp repair"', words("lamp repair", phrase=True)),
        ("+lamp", words("lamp")),
        ("-lamp", Not(words("lamp"))),
        ("lam*", words("lam", prefix=True)),
        ("日本", words("日本", prefix=True)),
        ("a OR b", Or((words("a"), words("b")))),
        ("x a OR b", And((words("x"), Or((words("a"), words("b")))))),
        ("a AND b", And((words("a"), words("b")))),
        ("{a b}", Or((words("a"), words("b")))),
        ("-(a b)", Not(And((words("a"), words("b"))))),
        ("from:ada", words("ada", "from")),
        ("FROM:ada", words("ada", "from")),
        ("from:ada@x.test", words("ada@x.test", "from", phrase=True)),
        ('from:"Ada Lovelace"', words("Ada Lovelace", "from", phrase=True)),
        ("from:(ada OR ben)", Or((words("ada", "from"), words("ben", "from")))),
        ("to:ada", Or((words("ada", "to"), words("ada", "cc"), words("ada", "bcc")))),
        ("cc:ada", words("ada", "cc")),
        (
            "from:me",
            Or(
                (
                    words("ann@example.test", "from", phrase=True),
                    words("info@example.test", "from", phrase=True),
                )
            ),
        ),
        ("subject:quarterly", words("quarterly", "subject")),
        ("list:<dev.example.test>", Contains("list-id", "dev.example.test")),
        ("list:dev", Contains("list-id", "dev")),
        (
            "list:Dev@example.test",
            Or(
                (
                    Contains("list-id", "dev.example.test"),
                    And((Contains("list-id", ""), words("dev@example.test", "to", phrase=True))),
                )
            ),
        ),
        ("rfc822msgid:<a@b>", Contains("message-id", "<a@b>")),
        ("rfc822msgid:a@b", Contains("message-id", "<a@b>")),
        ("deliveredto:sales@example.test", Contains("delivered-to", "sales@example.test")),
        (
            "deliveredto:me",
            Or((Contains("delivered-to", "ann@example.test"), Contains("delivered-to", "info@example.test"))),
        ),
        (
            "from:(me OR ben)",
            Or(
                (
                    words("ann@example.test", "from", phrase=True),
                    words("info@example.test", "from", phrase=True),
                    words("ben", "from"),
                )
            ),
        ),
        (
            "-{from:ada subject:lamp}",
            Not(Or((words("ada", "from"), words("lamp", "subject")))),
        ),
        (
            "((a OR b) c) OR d",
            Or((And((Or((words("a"), words("b"))), words("c"))), words("d"))),
        ),
        ("is:read", Flag("seen")),
        ("is:muted", Keyword("$Muted")),
        ("in:unread", Not(Flag("seen"))),
        ("label:work/big-projects", InMailbox(4)),
        ('label:"Work/Big projects"', InMailbox(4)),
        ("has:userlabels", InMailbox(4)),
        ("size:1.5M", Larger(1536 * 1024)),
        ("larger:10MB", Larger(10 * 1024 * 1024)),
        ("smaller:500K", Smaller(500 * 1024)),
        ("is:unread", Not(Flag("seen"))),
        ("is:starred", Flag("flagged")),
        ("is:important", Keyword("$Important")),
        ("has:attachment", HasAttachment()),
        ("has:pdf", Or((words("pdf", "filename"), words("kindoffilepdf", "filename")))),
        ("has:nouserlabels", Not(InMailbox(4))),
        ("filename:pdf", words("pdf", "filename", prefix=True)),
        ("filename:report.pdf", words("report.pdf", "filename", phrase=True, prefix=True)),
        ("in:inbox", InMailbox(1)),
        ("label:work-big-projects", InMailbox(4)),
        ('label:"big projects"', InMailbox(4)),
        ("in:nowhere", Not(All())),
        ("larger:10M", Larger(10 * 1024 * 1024)),
        ("size:500", Larger(500)),
        ("smaller:2k", Smaller(2048)),
        ("after:2026/04/16", Since("internal", berlin(2026, 4, 16))),
        ("newer:2026-04-16", Since("internal", berlin(2026, 4, 16))),
        ("before:04/16/2026", Before("internal", berlin(2026, 4, 16))),
        ("after:1776290400", Since("internal", 1776290400_000_000)),
        (
            "newer_than:2d",
            Since("internal", int(datetime(2026, 4, 14, 12, tzinfo=UTC).timestamp()) * 1_000_000),
        ),
        (
            "older_than:1y",
            Before("internal", int(datetime(2025, 4, 16, 12, tzinfo=UTC).timestamp()) * 1_000_000),
        ),
        (
            "newer_than:3m",
            Since("internal", int(datetime(2026, 1, 16, 12, tzinfo=UTC).timestamp()) * 1_000_000),
        ),
        # What is no operator, or makes no sense, is text.
        ("https://x.test/a", words("https://x.test/a", phrase=True)),
        ("is:purple", words("is:purple")),
        ("larger:huge", words("larger:huge")),
        ("before:2026-13-45", words("before:2026-13-45")),
        ("( lamp", words("lamp")),
        ("lamp )", words("lamp")),
        ('"lamp', words("lamp", phrase=True)),
        ("OR lamp", words("lamp")),
        ("lamp OR", words("lamp")),
        ("-", All()),
        ("!!!", All()),
        ("from:", words("from:")),
    ],
)
def test_a_line_means_what_it_says(text: str, criteria: object) -> None:
    assert parse(text, NAMES).criteria == criteria


def test_spam_and_trash_are_searched_only_when_they_are_named() -> None:
    assert not parse("lamp", NAMES).everywhere
    assert parse("lamp in:anywhere", NAMES).everywhere
    assert parse("in:trash lamp", NAMES).everywhere
    assert parse("in:spam", NAMES).criteria == InMailbox(2)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='abOR AND-+:(){}"*/\\ \n\x00from:is:in:日', max_size=200))
def test_no_line_is_an_error(text: str) -> None:
    parse(text, NAMES)


@pytest.mark.parametrize(
    "text", ["(" * 1000, "-" * 1000, "{(" * 400 + "a", "from:" * 200, "a OR " * 200, '"' * 999]
)
def test_a_hostile_line_is_bounded(text: str) -> None:
    parse(text, NAMES)
