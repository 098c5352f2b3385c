"""Every operator of the search box on real mail: which letters a line finds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from mta.mailstore import service as mailstore
from mta.values import FLAGGED, JUNK, SEEN, TRASH, now_us
from tests.mail import mail
from tests.webmail.mail_world import CAUSE, Reader
from webmail.search_box import Names, parse

DAY = 86_400_000_000


def with_file(subject: str, name: str, type_: str) -> bytes:
    return mail(subject=subject, sender="Zoe <zoe@files.test>").replace(
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n",
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n"
        b"--b\r\nContent-Type: " + type_.encode() + b'\r\nContent-Disposition: attachment; filename="'
        + name.encode() + b'"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n',
    )  # fmt: skip


def fill(ann: Reader) -> dict[str, int]:
    """Letters, each of a conversation of its own; their subjects are one word that names them."""
    me = ann.account.username
    threads: dict[str, int] = {}

    def put(name: str, raw: bytes, *, role: str = "inbox", flags: int = SEEN, ago: int = 1) -> None:
        stored = mailstore.append(
            ann.space, ann.role(role), raw, flags=flags, internal_date=now_us() - ago * DAY, cause=CAUSE
        )
        threads[name] = stored.thread

    put(
        "apple",
        mail(
            subject="apple",
            sender="Ada Lovelace <ada@x.test>",
            to=f"Ann <{me}>",
            body="Crème brûlée, the red fox runs",
        ),
        flags=0,
    )
    put(
        "pear",
        mail(
            subject="pear",
            sender="Ben <ben@y.test>",
            to="Team <team@y.test>",
            extra=f"Cc: {me}\r\nDelivered-To: sales@example.test",
            body="the fox red",
        ),
        ago=40,
    )
    put(
        "plum",
        mail(
            subject="plum",
            sender="Cy <cy@z.test>",
            extra="List-Id: Gardeners <garden.lists.test>",
            message_id="exact@id.test",
            body="running " * 400,
        ),
        ago=400,
    )
    put(
        "fig",
        mail(
            subject="fig", sender=f"Ann <{me}>", to="ada@x.test", extra="Bcc: hidden@h.test", body="Greetings"
        ),
        role="sent",
        flags=SEEN | FLAGGED,
    )
    put("report", with_file("report", "Quarterly-Report.pdf", "application/pdf"))
    put("photo", with_file("photo", "beach.jpg", "image/jpeg"))
    put("sheet", with_file("sheet", "budget.xlsx", "application/octet-stream"))
    put("letter", with_file("letter", "offer.docx", "application/octet-stream"))
    put("slides", with_file("slides", "talk.pptx", "application/octet-stream"))
    put("meeting", with_file("meeting", "invite.ics", "text/calendar"))
    put("junked", mail(subject="junked", body="the fox"), role=JUNK)
    put("binned", mail(subject="binned", body="the fox"), role=TRASH)
    label = mailstore.create_mailbox(ann.space, "Work/Big projects", cause=CAUSE).id
    mailstore.apply_labels(ann.space, [threads["pear"]], add=[label], remove=[], cause=CAUSE)
    mailstore.mute(ann.space, [threads["plum"]], on=True, cause=CAUSE)
    mailstore.mark_important(ann.space, [threads["apple"]], on=True, cause=CAUSE)
    mailstore.snooze(ann.space, [threads["photo"]], until=now_us() + DAY, cause=CAUSE)
    mailstore.archive(ann.space, [threads["sheet"]], cause=CAUSE)
    return threads


def ago(days: int, form: str) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime(form)


FILES = "report photo sheet letter slides meeting"
TEXTS = "apple pear plum fig"
ALL = f"{TEXTS} {FILES}"

TABLE: tuple[tuple[str | Callable[[], str], str], ...] = (
    # names, addresses, domains, me, quotes, groups
    ("from:ada", "apple"), ("from:ada@x.test", "apple"), ("from:x.test", "apple"), ('from:"Ada Lovelace"', "apple"), ("from:me", "fig"),
    ("from:(ada OR ben)", "apple pear"), ("to:me", "apple pear plum " + FILES), ("to:ada", "fig"), ("to:hidden", "fig"), ("cc:me", "pear"),
    ("bcc:hidden@h.test", "fig"), ("subject:plum", "plum"), ('subject:"plum"', "plum"), ("subject:(fig OR pear)", "fig pear"),
    # technical ones
    ("deliveredto:sales@example.test", "pear"), ("list:garden", "plum"), ("list:garden.lists.test", "plum"), ("list:<garden.lists.test>", "plum"),
    ("rfc822msgid:exact@id.test", "plum"), ("rfc822msgid:<exact@id.test>", "plum"), ("rfc822msgid:exact", ""),
    # days
    (lambda: f"before:{ago(39, '%Y/%m/%d')}", "pear plum"), (lambda: f"older:{ago(39, '%m/%d/%Y')}", "pear plum"), (lambda: f"before:{ago(40, '%Y-%m-%d')}", "plum"),
    (lambda: f"after:{ago(41, '%Y-%m-%d')} before:{ago(20, '%Y/%m/%d')}", "pear"), (lambda: f"newer:{ago(41, '%s')} older:{ago(20, '%s')}", "pear"),
    ("older_than:1y", "plum"), ("older_than:1m", "pear plum"), ("older_than:30d", "pear plum"), ("newer_than:12h", ""), ("newer_than:2m older_than:2d", "pear"),
    # places and states
    ("label:work-big-projects", "pear"), ('label:"work/big projects"', "pear"), ('label:"Big projects"', "pear"), ("in:work/big-projects", "pear"),
    ("in:inbox", "apple pear report letter slides meeting"), ("in:sent", "fig"), ("in:drafts", ""), ("in:trash", "binned"), ("in:spam", "junked"), ("in:archive", "sheet plum"),
    ("in:snoozed", "photo"), ("in:scheduled", ""), ("in:anywhere fox", "apple pear junked binned"),
    ("is:unread", "apple"), ("is:read fox", "pear"), ("is:starred", "fig"), ("is:important", "apple"), ("is:snoozed", "photo"), ("is:muted", "plum"),
    # files
    ("has:attachment", FILES), ("has:userlabels", "pear"), ("has:nouserlabels from:ada", "apple"), ("has:image", "photo"), ("has:pdf", "report"), ("has:document", "letter"),
    ("has:spreadsheet", "sheet"), ("has:presentation", "slides"), ("has:invite", "meeting"),
    ("filename:pdf", "report"), ("filename:quarterly", "report"), ("filename:Quarterly-Report.pdf", "report"), ("budget", "sheet"),
    ("larger:2K", "plum"), ("size:2000", "plum"), ("smaller:2K fox", "apple pear"), ("larger:10M", ""),
    # words: whole, without case and accents; phrases; and, or, not, groups
    ("CREME brulee", "apple"), ("crème", "apple"), ("run", ""), ("+running", "plum"), ('"red fox"', "apple"), ('"fox red"', "pear"), ("red fox", "apple pear"),
    ("red AND fox -runs", "pear"), ("apple OR plum", "apple plum"), ("{apple plum}", "apple plum"), ("fox -from:ben", "apple"), ("-(apple OR pear) -has:attachment", "plum fig"),
    ("(apple OR plum) (from:ada OR from:ben)", "apple"), ('-"red fox" red', "pear"), ("and", ""),
    # what is no operator is text, and no slip is an error
    ("foo:bar", ""), ("is:purple", ""), ("(apple", "apple"), ('"apple', "apple"), ("apple OR", "apple"), ("apple )", "apple"), ("-", ALL), ("from:", ""), ("before:soon", ""),
)  # fmt: skip


@pytest.mark.django_db
def test_each_line_finds_what_it_says(ann: Reader) -> None:
    """Spec 8.6 and the table of operators."""
    fill(ann)
    names = Names(tuple(mailstore.mailboxes(ann.space)), (ann.account.username,), UTC, datetime.now(UTC))
    wrong = {}
    for each, wanted in TABLE:
        line = each if isinstance(each, str) else each()
        asked = parse(line, names)
        page = mailstore.search_threads(ann.space, asked.criteria, include_junk_trash=asked.everywhere)
        found, expected = {row.subject for row in page.rows}, set(wanted.split())
        if found != expected:
            wrong[line] = (found - expected, expected - found)
    assert wrong == {}, "line: (too many, missing)"
