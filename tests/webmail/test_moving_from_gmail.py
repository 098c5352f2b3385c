"""Moving in from Gmail through the pages: filters out of mailFilters.xml, mail and labels out of Takeout's mbox."""

from __future__ import annotations

import io
import re
import zipfile
from email.header import Header
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given
from hypothesis import strategies as st

from hosting.models import Grant
from mta.archive.gmail_filters import MAX_VALUE, GmailFilter
from mta.filters import service as filters
from mta.filters.service import Actions
from mta.mailstore import service as mailstore
from mta.message import criteria as c
from mta.values import FLAGGED, SEEN
from tests.mta.archive.gmail_files import feed
from tests.webmail.mail_world import CAUSE, Reader
from webmail import bringing, chores
from webmail.gmail_rules import Here, translated
from webmail.models import Chore
from webmail.search_box import Names, parse
from webmail.tasks import WORKERS

IMPORT = "/mail/settings/filters/import/"
HERE = Here((), frozenset(), lambda line: parse(line, Names()))


@pytest.fixture
def own_data(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


def shown(who: Reader, *found: dict[str, str]) -> str:
    answer = who.client.post(IMPORT, {"file": SimpleUploadedFile("mailFilters.xml", feed(*found))})
    assert answer.status_code == 200
    return str(answer.content.decode())


def made(who: Reader, page: str, *, take: list[str] | None = None) -> list[filters.Rule]:
    carried = re.search(r'name="gmail" value="([^"]+)"', page)
    assert carried
    chosen = re.findall(r'name="take" value="(\d+)" checked', page) if take is None else take
    answer = who.client.post(IMPORT, {"gmail": carried[1], "take": chosen})
    assert answer.status_code == 302
    return list(filters.rules(who.space))


# --- filters
def test_filters_of_gmail_are_shown_first_and_then_made(ann: Reader) -> None:
    page = shown(
        ann,
        {
            "from": "ada@x.test|ben@x.test",
            "to": "me",
            "subject": "weekly report",
            "hasTheWord": '"the plan" OR list:news.x.test',
            "doesNotHaveTheWord": "draft -in:chats",
            "hasAttachment": "true",
            "excludeChats": "true",
            "size": "2",
            "sizeOperator": "s_sl",
            "sizeUnit": "s_smb",
            "label": "Work/Größe",
            "shouldArchive": "true",
            "shouldMarkAsRead": "true",
            "shouldStar": "true",
            "shouldNeverSpam": "true",
            "shouldAlwaysMarkAsImportant": "true",
        },
        {"from": "spam@x.test", "shouldTrash": "true", "shouldNeverMarkAsImportant": "true"},
    )
    assert "2 of 2 filters can be made. Nothing is made yet." in page
    assert "Label Work/Größe" in page
    assert not filters.rules(ann.space)
    first, second = made(ann, page)
    label = mailstore.mailbox(ann.space, "Work/Größe")
    assert first.query == (
        "from:(ada@x.test OR ben@x.test) to:me subject:(weekly report) has:attachment larger:2M "
        '"the plan" OR list:news.x.test -draft'
    )
    assert first.actions == Actions(
        skip_inbox=True, labels=(label.id,), star=True, read=True, important=True, never_spam=True
    )
    assert (first.enabled, second.enabled, first.stop) == (True, True, False)
    assert second.actions == Actions(delete=True, important=False)
    assert second.criteria == c.Words("spam@x.test", "from", phrase=True, prefix=False)
    assert "2 entries were added." in ann.page("/mail/settings/filters/")


def test_only_what_was_chosen_is_made_and_a_label_that_is_here_is_used(ann: Reader) -> None:
    label = mailstore.create_mailbox(ann.space, "Work", cause=CAUSE)
    page = shown(ann, {"from": "a@x.test", "label": "work"}, {"from": "b@x.test", "label": "Other"})
    (only,) = made(ann, page, take=["0", "7", "x"])
    assert only.actions.labels == (label.id,)
    assert "Other" not in {each.name for each in mailstore.mailboxes(ann.space)}


def test_five_hundred_filters_come_in_a_few_statements_and_twice_makes_no_second(
    ann: Reader, django_assert_max_num_queries: Any
) -> None:
    """A transaction for each took seven seconds."""
    export = [
        {"from": f"p{n}@x.test", "label": f"Lists/{n % 100}", "shouldArchive": "true"} for n in range(500)
    ]
    page = shown(ann, *export)
    assert "500 of 500 filters can be made." in page
    with django_assert_max_num_queries(450):  # a hundred labels among them
        assert len(made(ann, page)) == 500
    assert [each.query for each in filters.rules(ann.space)] == [f"from:p{n}@x.test" for n in range(500)]
    assert len(made(ann, page)) == 500
    assert "500 were here already." in ann.page("/mail/settings/filters/")


def test_forwarding_waits_until_the_address_has_agreed(ann: Reader) -> None:
    page = shown(ann, {"from": "a@x.test", "forwardTo": "Other@Y.test", "shouldTrash": "true"})
    assert "other@y.test has to agree first" in page
    (rule,) = made(ann, page)
    assert not rule.enabled, "else mail would be thrown away that nobody gets"
    assert rule.actions.forward == ("other@y.test",)
    (target,) = filters.forwarding(ann.space)
    assert (target.address, target.confirmed, target.enabled) == ("other@y.test", False, False)


@pytest.mark.parametrize(
    ("properties", "says", "brought", "off"),
    [
        (
            {"from": "a", "smartLabelToApply": "^smartlabel_social", "shouldStar": "true"},
            "categories",
            True,
            False,
        ),
        ({"from": "a", "smartLabelToApply": "^smartlabel_social"}, "Nothing is left", False, False),
        ({"from": "a", "cannedResponse": "x", "shouldStar": "true"}, "write it anew", True, False),
        ({"from": "a", "label": "Trash", "shouldStar": "true"}, "no label here", True, False),
        ({"shouldStar": "true"}, "names no mail", False, False),
        ({"hasTheWord": "in:inbox", "shouldStar": "true"}, "names no mail", False, False),
        ({"hasTheWord": "a -is:starred", "shouldStar": "true"}, "as it arrives", False, False),
        ({"hasTheWord": "a label:work", "shouldStar": "true"}, "Left out: label:work", True, True),
        ({"hasTheWord": "has:drive", "shouldStar": "true"}, "has:drive", True, True),
        ({"hasTheWord": "category:social", "shouldStar": "true"}, "category:", True, True),
        ({"hasTheWord": "a AROUND 3 b", "shouldStar": "true"}, "AROUND", True, True),
        ({"from": "a", "size": "much", "sizeOperator": "s_sl", "shouldStar": "true"}, "size", True, True),
        ({"from": "a", "newThing": "x", "shouldStar": "true"}, "newThing", True, True),
        ({"from": "a", "forwardTo": "nobody", "shouldStar": "true"}, "not a mail address", True, True),
        ({"from": " OR ".join(["a@x.test"] * 200), "shouldStar": "true"}, "too much", False, False),
        ({"hasTheWord": "(" * 12 + "a b" + ")" * 12, "shouldStar": "true"}, "too much", False, False),
    ],
)
def test_what_cannot_be_brought_is_said_and_nothing_does_more_than_it_did(
    properties: dict[str, str], says: str, brought: bool, off: bool
) -> None:
    found = translated(GmailFilter(tuple(properties.items())), HERE)
    assert says in " ".join(found.notes)
    assert (found.entry is not None, found.off) == (brought, off)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                "from to subject hasTheWord doesNotHaveTheWord hasAttachment size sizeOperator sizeUnit label forwardTo "
                "shouldTrash x".split()
            ),
            st.one_of(
                st.text(max_size=60),
                st.text(alphabet='()"{}-+|: OR*ab@.', max_size=60),
                st.sampled_from(["true", "s_sl", "s_smb", "3", "x" * MAX_VALUE]),
            ),
        ),
        max_size=8,
    )
)
def test_any_filter_becomes_one_or_sentences_say_why_not(properties: list[tuple[str, str]]) -> None:
    found = translated(GmailFilter(tuple(properties)), HERE)
    assert found.entry is not None or found.notes
    if found.entry is not None:
        assert c.load(found.entry["criteria"]) == parse(found.line, Names()).criteria
        assert not isinstance(c.load(found.entry["criteria"]), c.All)


@pytest.mark.parametrize(
    "data", [b"<", b"<html></html>", feed(), b"<!DOCTYPE feed>" + feed().partition(b"?>")[2], b"nonsense"]
)
def test_a_file_that_is_no_file_of_filters_is_said(ann: Reader, data: bytes) -> None:
    answer = ann.client.post(IMPORT, {"file": SimpleUploadedFile("mailFilters.xml", data)})
    assert answer.status_code == 302
    assert "filter" in ann.page("/mail/settings/filters/")
    assert ann.client.post(IMPORT, {"gmail": "not base64 é"}).status_code == 302
    assert not filters.rules(ann.space)


def test_only_the_owner_of_a_mailbox_brings_filters_and_what_they_say_is_shown_as_text(
    ann: Reader, eve: Reader
) -> None:
    page = shown(ann, {"from": "<script>x</script>", "label": "<img src=x>", "shouldStar": "true"})
    assert "<script>x" not in page
    assert "<img src=x" not in page
    Grant.objects.create(account=eve.account, mailspace=ann.space, right=Grant.ORGANISE)
    eve.client.post("/mail/settings/mailbox/", {"mailspace": str(ann.space)})
    carried = re.search(r'name="gmail" value="([^"]+)"', page)
    assert carried
    assert eve.client.post(IMPORT, {"gmail": carried[1], "take": ["0"]}).status_code == 404
    assert not filters.rules(ann.space)


# --- mail
LABELS = [  # labels as the person's language has them, where the mail is to be, flags, important
    ("Inbox,Opened", {"INBOX"}, SEEN, False),
    ("Posteingang,Ungelesen,Wichtig", {"INBOX"}, 0, True),
    ("Recibidos,No leídos,Destacados", {"INBOX"}, FLAGGED, False),
    ("受信トレイ,未読,重要,スター付き", {"INBOX"}, FLAGGED, True),
    ("Sent,Opened", {"Sent"}, SEEN, False),
    ("Gesendet,Geöffnet", {"Sent"}, SEEN, False),
    ("Enviados,Abierto", {"Sent"}, SEEN, False),
    ("送信済み,開封済み", {"Sent"}, SEEN, False),
    ("Archived,Opened,Work/Plans/2026", {"Work/Plans/2026"}, SEEN, False),
    ('Archiviert,Geöffnet,Kategorie: Werbung,"Müller, Söhne"', {"Müller, Söhne"}, SEEN, False),
    ("Archivado,Abierto,Categoría: Promociones", {"Archive"}, SEEN, False),
    ("アーカイブ済み,開封済み,カテゴリ: ソーシャル,旅行/京都", {"旅行/京都"}, SEEN, False),
    ("Spam,Unread,Work", {"Junk"}, 0, False),
    ("迷惑メール,未読", {"Junk"}, 0, False),
    ("Trash,Opened,Trips", {"Trash"}, SEEN, False),
    ("Papierkorb,Geöffnet", {"Trash"}, SEEN, False),
    ("Papelera,Abierto", {"Trash"}, SEEN, False),
    ("ゴミ箱,開封済み", {"Trash"}, SEEN, False),
    ("Chat,Opened", {"Chat"}, SEEN, False),
    ("Borradores,Entwürfe,下書き", {"Drafts"}, SEEN, False),
]
MESSAGES = 300


def takeout() -> bytes:
    """`All mail Including Spam and Trash.mbox`, each kind of labels in turn, encoded as Takeout does."""

    def one(at: int) -> bytes:
        labels = LABELS[at % len(LABELS)][0]
        said = labels if labels.isascii() else Header(labels, "utf-8", maxlinelen=75).encode()
        return (
            f"From {1_800_000_000_000_000_000 + at}@xxx Mon Mar 02 10:{at // 60:02}:{at % 60:02} +0000 2026\n"
            f"X-GM-THRID: {1_800_000_000_000_000_000 + at}\nX-Gmail-Labels: {said}\n"
            f"Message-ID: <{at}@x.test>\nFrom: ada@x.test\nTo: ann@example.org\nSubject: Kind {at % len(LABELS)}\n"
            f"Date: Mon, 2 Mar 2026 10:{at // 60:02}:{at % 60:02} +0000\n\n>From {at}\n\n"
        ).encode()

    return b"".join(map(one, range(MESSAGES)))


def brought(who: Reader, name: str, data: bytes) -> dict[str, Any]:
    assert (
        who.client.post("/mail/settings/import/", {"file": SimpleUploadedFile(name, data)}).status_code == 302
    )
    assert chores.work(WORKERS) == 1
    return dict(Chore.objects.get().data)


@pytest.mark.parametrize("ending", ["mbox", "zip"])
def test_the_newest_of_takeout_comes_first(ann: Reader, own_data: Path, ending: str) -> None:
    data, name = takeout(), "All mail.mbox"
    if ending == "zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"Takeout/Mail/{name}", data)
        data, name = packed.getvalue(), "takeout-1.zip"
    assert brought(ann, name, data)["messages"] == MESSAGES
    box = mailstore.mailbox(ann.space, "INBOX")
    dates = [each.internal_date or 0 for each in mailstore.letters(ann.space, box)]  # in the order they came
    assert dates == sorted(dates, reverse=True)
    assert len(set(dates)) > 50
    (line,) = mailstore.history(ann.space)
    assert (line.verb, line.count, line.undone) == ("import", MESSAGES, False)
    assert "brought in 300 messages" in ann.page("/mail/changes/")


def test_a_file_makes_so_many_labels_and_keeps_the_mail_of_the_others(ann: Reader, own_data: Path) -> None:
    data = b"".join(
        b"From x Mon Mar 02 10:00:00 +0000 2026\nX-GM-THRID: 1\nX-Gmail-Labels: L%d\nSubject: s%d\n\nText\n\n"
        % (n, n)
        for n in range(530)
    )
    assert brought(ann, "all.mbox", data)["unmade"] == 30
    boxes = mailstore.mailboxes(ann.space)
    assert sum(not each.role for each in boxes) == 500
    assert mailstore.mailbox(ann.space, "Archive").messages == 30
    assert "Labels beyond the first 500 were not made" in ann.page("/mail/settings/import/")


def test_a_file_of_nothing_but_from_lines_is_given_up_and_can_be_stopped(
    ann: Reader, own_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    progress = chores.Work.progress
    monkeypatch.setattr(chores.Work, "progress", lambda work, *much: steps.append(1) or progress(work, *much))
    monkeypatch.setattr(bringing, "MOST_BROKEN", 2_000)
    brought(ann, "empty.mbox", b"From x Mon Mar 02 10:00:00 +0000 2026\n" * 50_000)
    row = Chore.objects.get()
    assert (row.state, row.problem) == (
        Chore.FAILED,
        "Too much of this file is no mail. What could be read is here.",
    )
    assert len(steps) >= 2_000, "each piece is a moment at which it can be stopped"


def test_takeout_comes_with_labels_and_states_in_any_language(ann: Reader, own_data: Path) -> None:
    data, name = takeout(), "All mail Including Spam and Trash.mbox"
    sent = {"file": SimpleUploadedFile(name, data)}
    assert ann.client.post("/mail/settings/import/", sent).status_code == 302
    assert chores.work(WORKERS) == 1
    assert Chore.objects.get().data["messages"] == MESSAGES
    assert "300 messages have come." in ann.page("/mail/settings/import/")
    boxes = {each.name: each for each in mailstore.mailboxes(ann.space)}
    of_each = MESSAGES // len(LABELS)
    for place in set().union(*(places for _labels, places, _flags, _important in LABELS)):
        kinds = [kind for kind, (_labels, places, *_rest) in enumerate(LABELS) if place in places]
        assert boxes[place].messages == of_each * len(kinds), place
    strange = {each.name for each in boxes.values() if not each.role and each.messages}
    assert strange == {"Work/Plans/2026", "Müller, Söhne", "旅行/京都", "Chat"}, "no state became a label"
    assert boxes["INBOX"].unseen == of_each * 3
    lines = mailstore.threads(ann.space, boxes["INBOX"].id, limit=100).rows
    for line in lines:
        _labels, _places, flags, important = LABELS[int(line.subject.removeprefix("Kind "))]
        assert (line.unread, line.starred, line.important) == (
            not flags & SEEN,
            bool(flags & FLAGGED),
            important,
        ), line.subject
