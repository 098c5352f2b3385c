"""Archives into a mailspace and out again: nothing is lost, nothing is stored twice, a person can take it back."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from mta.archive import reading, writing
from mta.archive.values import Broken, Folder, Letter, Piece, Wishes
from mta.mailstore import doctor, folders
from mta.mailstore import service as mailstore
from mta.values import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Cause
from tests.mail import mail
from tests.mta.mailstore.conftest import WEB, Space

IMPORT = Cause("import", "a test")
AT = 1_700_000_000_123_456


def take(space: Space, pieces: Iterable[Piece], **terms: object) -> mailstore.Tally:
    tally = mailstore.import_letters(
        space.id,
        pieces,
        cause=IMPORT,
        terms=mailstore.Terms(**terms),  # type: ignore[arg-type]
        report=lambda broken: None,
        progress=lambda tally: None,
    )
    assert doctor.differences(space.id) == []
    return tally


def held(space: Space) -> dict[str, list[tuple[bytes, int, frozenset[str], int | None]]]:
    """What a person has: per mailbox, bytes, flags, keywords and dates in order of UIDs."""
    return {
        box.name: [
            (letter.raw, letter.flags, frozenset(letter.keywords), letter.internal_date)
            for letter in mailstore.letters(space.id, box)
        ]
        for box in mailstore.mailboxes(space.id)
    }


def an_odd_mailbox(space: Space) -> None:
    """Messages, folders and flags that a careless format would change."""
    boxes = [
        "Work",
        "Work/Plans. 2026",
        "Äpfel & Birnen",
        "INBOX/Below",
        "cur",
        "..hidden",
        "x" * 250,
        "a:b*c%41\\d",
        "Work.mbox",
    ]
    for name in boxes:
        mailstore.create_mailbox(space.id, name, cause=WEB, colour=3 if name == "Work" else None)
    mailstore.subscribe(space.id, "Work", False)
    raws = [
        mail(subject="plain"),
        mail(subject="no end").rstrip(b"\r\n"),
        mail(subject="from", body="From me to you\r\n>From\r\n>From x\r\nFrom ann Thu Jan  1 00:00:00 2026"),
        mail(subject="bare") + b"one\ntwo\r\nthree\r\r\nfour\rfive",
        mail(subject="only LF").replace(b"\r\n", b"\n"),
        b"Status: open\r\nX-Keywords: theirs\r\nX-Gmail-Labels: Inbox\r\nSubject: own fields\r\n\r\n",
        b"X-Mailstead-Export: date=1; lines=kept; end=open\r\n\r\nforged\r\n\r\n",
        b"Subject: \xff\xfe 8 bit\r\n\r\n" + bytes(range(1, 256)) + b"\r\n\r\n\r\n",
        b"\r\nno header\r\n",
        mail(subject="long", body="x" * 100_000),
    ]
    flags = (0, SEEN, ANSWERED | FLAGGED, SEEN | DRAFT, DELETED, DELETED | SEEN, FLAGGED, 0, 0, SEEN)
    for place, name in enumerate(["INBOX", "Sent", "Archive", *boxes]):
        box = space.box(name)
        incoming = [
            mailstore.Incoming(
                raw, flag, ("$Forwarded", f"k{number}") if number % 2 else (), AT + number + place
            )
            for number, (raw, flag) in enumerate(zip(raws, flags, strict=True))
        ]
        mailstore.append_many(space.id, box.id, incoming, cause=WEB)
    many = [mailstore.Incoming(mail(), 0, (f"word{number}", "a,b"), AT) for number in range(40)]
    mailstore.append_many(space.id, space.box("Work").id, many, cause=WEB)


@pytest.mark.parametrize("format_", writing.FORMATS)
def test_what_is_exported_comes_back_byte_for_byte(space: Space, tmp_path: Path, format_: str) -> None:
    an_odd_mailbox(space)
    path = tmp_path / "out"
    with writing.archive(path, format_) as archive:
        for box in mailstore.mailboxes(space.id):
            archive.add(mailstore.folder_of(box), mailstore.letters(space.id, box))
        archive.finish("ann@example.test")
    assert [name.name for name in tmp_path.iterdir()] == ["out"]
    other = Space(mailstore.create_mailspace())
    tally = take(other, reading.read(path, Wishes()))
    assert tally.broken == tally.passed == 0
    assert held(other) == held(space)
    shown = {box.name: (box.subscribed, box.colour, box.messages) for box in mailstore.mailboxes(space.id)}
    assert {
        box.name: (box.subscribed, box.colour, box.messages) for box in mailstore.mailboxes(other.id)
    } == shown
    again = take(other, reading.read(path, Wishes()))
    assert sum(again.stored.values()) == 0
    assert sum(again.there.values()) == sum(len(those) for those in held(space).values())


@pytest.mark.parametrize("format_", writing.FORMATS)
def test_a_message_under_two_labels_stays_one_message(space: Space, tmp_path: Path, format_: str) -> None:
    message = space.deliver()
    label = mailstore.create_mailbox(space.id, "Label", cause=WEB)
    thread = mailstore.message(space.id, message).thread
    mailstore.label(space.id, [thread], label.id, cause=WEB)
    with writing.archive(tmp_path / "out", format_) as archive:
        for box in mailstore.mailboxes(space.id):
            archive.add(mailstore.folder_of(box), mailstore.letters(space.id, box))
        archive.finish("")
    other = Space(mailstore.create_mailspace())
    take(other, reading.read(tmp_path / "out", Wishes()))
    assert mailstore.usage(other.id).messages == 1
    assert [box.messages for box in (other.box("inbox"), other.box("Label"))] == [1, 1]


def test_only_what_is_missing_is_stored_and_twice_means_twice(space: Space) -> None:
    one, two = mail(subject="one"), b"Subject: without an id\r\n\r\nx\r\n"
    take(space, [Letter(one, ("INBOX",)), Letter(two, ("INBOX",))])
    tally = take(space, [Letter(raw, ("INBOX",)) for raw in (one, one, two, mail(subject="new"))])
    assert (tally.stored["INBOX"], tally.there["INBOX"]) == (2, 2)
    # The same bytes in another mailbox are another matter.
    tally = take(space, [Letter(one, ("Sent",))])
    assert (tally.stored["Sent"], tally.there["Sent"]) == (1, 0)


def test_labels_make_one_message_in_several_mailboxes(space: Space) -> None:
    raw = mail()
    letter = Letter(raw, ("INBOX", "Trips", "Trips"), flags=SEEN, internal_date=AT)
    tally = take(space, [letter])
    assert dict(tally.stored) == {"INBOX": 1, "Trips": 1}
    assert tally.messages == 1
    assert mailstore.usage(space.id).messages == 1
    more = take(space, [Letter(raw, ("INBOX", "Trips", "Later"))])
    assert dict(more.stored) == {"Later": 1}
    assert mailstore.usage(space.id).messages == 1
    assert len(held(space)["Later"]) == 1


def test_labels_that_come_before_a_message_has_its_first_place_count_it_once(space: Space) -> None:
    letters = [Letter(mail(subject="a"), ("INBOX", "Work")), Letter(mail(subject="b"), ("Sent", "Work"))]
    assert take(space, letters).messages == 2
    assert mailstore.usage(space.id).messages == 2
    assert doctor.differences(space.id) == []


def test_an_import_makes_so_many_mailboxes_and_keeps_the_mail_of_the_others(space: Space) -> None:
    letters = [Letter(mail(subject=name), (name,)) for name in ("A", "B", "C", "D")]
    tally = take(space, letters, most_new=2)
    assert (tally.created, tally.unmade, tally.broken) == (["A", "B"], 2, 0)
    assert tally.stored == {"A": 1, "B": 1, "Archive": 2}


def test_pieces_of_one_import_are_one_line_of_the_journal(space: Space) -> None:
    action = mailstore.new_action()
    for name in ("Work", "INBOX", "Lists"):
        take(space, [Letter(mail(subject=name), (name,))], action=action)
    (line,) = mailstore.history(space.id)
    assert (line.verb, line.count, line.mailbox) == ("import", 3, "")


def test_what_all_mail_repeats_is_not_stored_again(space: Space) -> None:
    one, two = mail(), mail()
    tally = take(
        space,
        [Letter(one, ("INBOX",)), Letter(one, ("Archive",), late=True), Letter(two, ("Archive",), late=True)],
    )
    assert dict(tally.stored) == {"INBOX": 1, "Archive": 1}
    assert held(space)["Archive"][0][0] == two


def test_a_dry_run_changes_nothing_and_says_the_same(space: Space) -> None:
    pieces = [Folder("New"), Letter(mail(), ("New", "INBOX")), Letter(mail(), ("INBOX",)), Broken("x", "y")]
    before = mailstore.clocks([space.id])
    trial = take(space, pieces, dry_run=True)
    assert mailstore.clocks([space.id]) == before
    tally = take(space, pieces)
    assert (trial.stored, trial.created, trial.size, trial.broken) == (
        tally.stored,
        tally.created,
        tally.size,
        tally.broken,
    )


def test_undo_takes_messages_and_new_mailboxes_back(space: Space) -> None:
    kept = space.deliver()
    tally = take(
        space, [Letter(mail(), ("INBOX",)), Letter(mail(), ("New/Deep",)), Letter(mail(), ("New/Deep",))]
    )
    assert tally.created == ["New/Deep"]
    done = mailstore.undo(space.id, tally.action, cause=WEB)
    assert (done.messages, done.skipped) == (3, 0)
    assert {box.name for box in mailstore.mailboxes(space.id)}.isdisjoint({"New", "New/Deep"})
    assert [letter.same or letter.raw for letter in mailstore.letters(space.id, space.box("inbox"))] == [
        mailstore.raw(space.id, kept)
    ]
    assert doctor.differences(space.id) == []


def test_more_than_a_chunk_is_one_action(space: Space) -> None:
    tally = take(space, (Letter(mail(subject=f"n{number}"), ("INBOX",)) for number in range(1100)))
    assert tally.stored["INBOX"] == 1100
    lines = mailstore.history(space.id)
    assert [(line.verb, line.cause, line.count, line.action) for line in lines] == [
        ("import", "import", 1100, tally.action)
    ]
    assert mailstore.undo(space.id, tally.action, cause=WEB).messages == 1100


def test_an_import_stops_where_the_quota_is_full_unless_told_to_go_on(space: Space) -> None:
    mailstore.set_quota(space.id, 10_000)
    letters = [Letter(mail(body="x" * 4000), ("INBOX",)) for _ in range(5)]
    tally = take(space, letters)
    assert tally.over_quota
    assert tally.stored["INBOX"] == 0  # the chunk is all or nothing
    assert take(space, letters, over_quota=True).stored["INBOX"] == 5


def test_uidvalidity_outdoes_the_old_hosts(space: Space) -> None:
    theirs = 3_000_000_000
    take(
        space,
        [
            Folder("INBOX", uidvalidity=theirs),
            Folder("Work", uidvalidity=theirs + 5),
            Letter(mail(), ("Work",)),
        ],
    )
    assert space.box("inbox").uidvalidity > theirs  # it had never held anything
    assert space.box("Work").uidvalidity > theirs + 5
    assert mailstore.create_mailbox(space.id, "Later", cause=WEB).uidvalidity > theirs + 5
    before = space.box("Work").uidvalidity
    take(space, [Folder("Work", uidvalidity=3_900_000_000), Folder("Work", uidvalidity=4_294_967_295)])
    assert space.box("Work").uidvalidity == before  # programs know what is in it
    assert mailstore.create_mailbox(space.id, "Last", cause=WEB).uidvalidity < 4_000_000_000


def test_uidls_are_kept_where_they_are_free(space: Space) -> None:
    own = space.deliver()
    letters = [
        Letter(mail(), ("INBOX",), uidl=uidl)
        for uidl in ("0000000a4fe1", "0000000a4fe1", str(own), "bad one", "x" * 71)
    ]
    take(space, letters)
    known = [letter.uidl for letter in mailstore.letters(space.id, space.box("inbox"))]
    assert known[1] == "0000000a4fe1"
    assert len(set(known)) == 6
    assert all(uidl.isdecimal() for uidl in known if uidl != "0000000a4fe1")


def test_mail_that_waited_elsewhere_does_not_wait_for_ever_here(space: Space) -> None:
    take(space, [Letter(mail(), ("Snoozed",)), Letter(mail(), ("Scheduled",))])
    assert (space.box("inbox").messages, space.box("drafts").messages) == (1, 1)


def test_words_dates_and_places_that_cannot_be_are_made_fit(space: Space) -> None:
    letters = [
        Letter(
            mail(), ("  /deep//x/",), keywords=("two words", "ok", "OK", "(", "é" * 100), internal_date=-5
        ),
        Letter(mail(), ("/".join("abcdefghijklmnopqrstuvwxyz"),), internal_date=1 << 62),
        Letter(mail(), ("x" * 400,)),
    ]
    assert sum(take(space, letters).stored.values()) == 3
    (letter,) = mailstore.letters(space.id, space.box("deep/x"))
    assert letter.internal_date == 0
    assert {"two_words", "ok", "_"} <= set(letter.keywords)


def test_what_finds_no_room_for_a_mailbox_goes_to_the_archive(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MOST", 10)
    tally = take(space, [Letter(mail(), (f"Label {number}",)) for number in range(5)])
    assert tally.broken == 5 - len(tally.created) > 0
    assert space.box("archive").messages == tally.broken
    assert mailstore.usage(space.id).messages == 5


def test_the_same_word_for_two_messages_of_one_folder_makes_one_of_them(space: Space) -> None:
    raw = mail()
    take(
        space,
        [
            Letter(raw, ("Junk",), same="1"),
            Letter(raw, ("Junk",), same="1"),
            Letter(raw, ("Sent",), same="1"),
        ],
    )
    assert mailstore.usage(space.id).messages == 1


def test_everything_can_go_below_or_into_one_mailbox(space: Space) -> None:
    letters = [Letter(mail(), ("INBOX",)), Letter(mail(), ("Work",))]
    assert dict(take(space, letters, into="Old").stored) == {"Old": 1, "Old/Work": 1}
    assert dict(take(space, letters, into="Flat", flat=True).stored) == {"Flat": 2}
    assert dict(take(space, [Letter(mail(), ("Sent",))], into="Old", seen=True).stored) == {"Old/Sent": 1}
    assert next(iter(mailstore.letters(space.id, space.box("Old/Sent")))).flags == SEEN


@pytest.mark.parametrize("seed", range(6))
def test_conversations_are_those_of_mail_that_came_one_by_one(space: Space, seed: int) -> None:
    chance = random.Random(seed)
    raws: list[bytes] = []
    for number in range(120):
        old = [f"id{chance.randrange(130)}@x" for _ in range(chance.choice((0, 0, 1, 3)))]
        subject = chance.choice(("Lunch", "Re: Lunch", "Dinner", "Re: Dinner", f"Only {number}"))
        sender = chance.choice(("ada@x.test", "ben@x.test"))
        to = chance.choice(("ann@example.test", "ada@x.test"))
        raws.append(
            mail(subject=subject, sender=sender, to=to, message_id=f"id{number}@x", references=" ".join(old))
        )
    take(space, [Letter(raw, ("INBOX",), internal_date=AT + at) for at, raw in enumerate(raws)])
    other = Space(mailstore.create_mailspace())
    for at, raw in enumerate(raws):
        mailstore.append(other.id, other.box("inbox").id, raw, internal_date=AT + at, cause=WEB)

    def conversations(of: Space) -> set[frozenset[bytes]]:
        found = defaultdict(set)
        box = of.box("inbox")
        for message, thread in mailstore.fetch(of.id, box.id, range(1, 121), ("message", "thread")):
            found[thread].add(mailstore.raw(of.id, message))
        return {frozenset(raws) for raws in found.values()}

    assert conversations(space) == conversations(other)
    assert len(conversations(space)) > 20
