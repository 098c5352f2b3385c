"""mbox: what is written comes back byte for byte, however it is read; what other programs wrote is understood."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.archive import mbox
from mta.archive.values import Folder, Letter, Unreadable
from mta.values import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN

WORK = Folder("Work; or = %", uidvalidity=1_700_000_000, uidnext=100)
MODEST = settings(max_examples=200, deadline=None, derandomize=True)
_LINES = st.sampled_from(
    [
        *(
            b"From ann Thu Jan  1 00:00:00 2026",
            b">From x",
            b">>From y",
            b"From - ",
            b"from",
            b"",
            b"",
            b"\r",
            b"text",
        ),
        *(
            b"Status: open",
            b"X-Mailstead-Export: date=1; lines=kept; end=open",
            b"X-UID: 9",
            b"x" * 300,
            b" ",
            b"\xff",
        ),
    ]
)
_ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\n", b"\r\r\n"])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Messages, and things that are hardly any."""
    start = draw(st.sampled_from([b"Subject: x\r\n", b"", b"From: a\r\nStatus: open\r\n\r\n", b"X: y\n"]))
    middle = b"".join(draw(_LINES) + draw(_ENDS) for _ in range(draw(st.integers(0, 8))))
    return start + middle + draw(st.sampled_from([b"", b"no end", b"\r\n\r\n", b"\n", b"\r"]))


@st.composite
def letters(draw: st.DrawFn) -> Letter:
    words = st.lists(st.sampled_from(["$Forwarded", "Work", "a;b=%", "$Label1"]), unique=True, max_size=3)
    return Letter(
        raw=draw(messages()),
        folders=("Work",),
        flags=draw(st.integers(0, 31)),
        keywords=tuple(draw(words)),
        internal_date=draw(st.integers(0, 4_000_000_000_000_000)),
        uid=draw(st.integers(1, 1 << 31)),
        uidl=draw(st.sampled_from(["", "0001;x=2", "%08X"])),
        same=draw(st.sampled_from(["", "17"])),
    )


class Trickle(io.BytesIO):
    """A file that gives as many bytes at a time as it likes."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__(data)
        self.step = step

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self.step)


def read(
    data: bytes, *, quoting: str = "mboxrd", step: int = 1 << 20, largest: int = 10_000
) -> list[mbox.Found]:
    return [
        mbox.read(entry, folder="Work", quoting=quoting, where="")
        for entry in mbox.entries(Trickle(data, step), largest=largest)
    ]


def letters_of(data: bytes, **how: object) -> list[Letter]:
    return [found.letter for found in read(data, **how) if found.letter is not None]  # type: ignore[arg-type]


@MODEST
@given(st.lists(letters(), min_size=1, max_size=4), st.integers(1, 400))
def test_what_is_written_is_read_back_whatever_the_blocks(written: list[Letter], step: int) -> None:
    file = io.BytesIO()
    for number, letter in enumerate(written):
        mbox.write(file, letter, first_of=WORK if number == 0 else None)
    found = read(file.getvalue(), step=step)
    assert [each.letter for each in found] == written
    assert (found[0].uidvalidity, found[0].folder) == (1_700_000_000, WORK.name)


@MODEST
@given(st.binary(max_size=400), st.integers(1, 50))
def test_no_bytes_do_more_than_be_refused(data: bytes, step: int) -> None:
    for start in (b"", b"From a Thu Jan  1 00:00:00 2026\n"):
        try:
            once = [entry.data for entry in mbox.entries(io.BytesIO(start + data), largest=100)]
            again = [entry.data for entry in mbox.entries(Trickle(start + data, step), largest=100)]
        except Unreadable:
            continue
        assert once == again


@given(
    st.lists(st.tuples(st.integers(1, 28), st.binary(max_size=60)), min_size=1, max_size=6),
    st.integers(0, 60),
)
def test_the_newest_first_are_the_same_messages_in_another_order(
    written: list[tuple[int, bytes]], largest: int
) -> None:
    data = b"".join(
        b"From x@y.test Sat Jan %02d 10:00:00 2026\nSubject: a\n\n%s\n\n" % (day, body)
        for day, body in written
    )
    plain = list(mbox.entries(io.BytesIO(data), largest=largest))
    sorted_ = list(mbox.newest_first(io.BytesIO(data), largest=largest))
    assert sorted(sorted_, key=lambda entry: entry.offset) == plain
    dates = [mbox.date_of(entry.from_line) or 0 for entry in sorted_]
    assert dates == sorted(dates, reverse=True)


def test_dovecot_and_mutt_flags_are_understood_and_taken_out() -> None:
    (letter,) = letters_of(
        b"From ann@x.test Thu Jan  1 10:00:00 2026\n"
        b"Subject: one\nStatus: RO\nX-Status: AFT\nX-Keywords: $Label1 Work   \nX-UID: 12\n"
        b"Content-Length: 5\nTo: me\n\ntext\n\n"
    )
    assert letter.raw == b"Subject: one\r\nTo: me\r\n\r\ntext\r\n"
    assert letter.flags == SEEN | ANSWERED | FLAGGED | DRAFT
    assert letter.keywords == ("$Label1", "Work")
    assert letter.uid == 12
    assert letter.internal_date == int(datetime(2026, 1, 1, 10, tzinfo=UTC).timestamp()) * 1_000_000


def test_dovecots_note_to_itself_is_no_message_but_tells_uidvalidity() -> None:
    found = read(
        b"From MAILER-DAEMON Thu Jan  1 00:00:00 2026\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n"
        b"X-IMAP: 1275660208 0000000012\nStatus: RO\n\nThis text is part of the internal format\n\n"
        b"From a Thu Jan  1 00:00:00 2026\nSubject: real\n\nx\n"
    )
    assert [each.letter is None for each in found] == [True, False]
    assert found[0].uidvalidity == 1275660208


def test_thunderbird_flags_and_what_it_had_deleted() -> None:
    found = letters_of(
        b"From - Thu Jan 01 00:00:00 2026\nX-Mozilla-Status: 1003\nX-Mozilla-Keys: $label2 trip   \nSubject: kept\n\nx\n\n"
        b"From - Thu Jan 01 00:00:00 2026\nX-Mozilla-Status: 0009\nSubject: deleted\n\nx\n\n"
    )
    assert [letter.raw for letter in found] == [b"Subject: kept\r\n\r\nx\r\n"]
    assert found[0].flags == SEEN | ANSWERED
    assert found[0].keywords == ("$Forwarded", "$label2", "trip")


@pytest.mark.parametrize(
    ("labels", "folders", "flags", "keywords"),
    [
        (b"Inbox,Important,Unread", ("INBOX",), 0, ("$Important",)),
        (b"Archived,Opened", ("Archive",), SEEN, ()),
        (b"Sent,Starred,Category Updates", ("Sent",), SEEN | FLAGGED, ()),
        (b'Inbox,"Trips, 2024",Work/Plans,Opened', ("INBOX", "Trips, 2024", "Work/Plans"), SEEN, ()),
        (b"=?UTF-8?Q?Posteingang,Ungelesen,Pers=C3=B6nlich?=", ("INBOX", "Persönlich"), 0, ()),
        (b"Spam,\n Unread", ("Junk",), 0, ()),
    ],
)
def test_google_takeout_labels(
    labels: bytes, folders: tuple[str, ...], flags: int, keywords: tuple[str, ...]
) -> None:
    (letter,) = letters_of(
        b"From 1234567890123456789@xxx Wed Jul 02 09:08:07 +0000 2025\n"
        b"X-GM-THRID: 1234567890123456789\nX-Gmail-Labels: " + labels + b"\nSubject: x\n\ny\n\n"
    )
    assert (letter.folders, letter.flags, letter.keywords) == (folders, flags, keywords)
    assert letter.raw == b"Subject: x\r\n\r\ny\r\n"
    assert letter.internal_date == int(datetime(2025, 7, 2, 9, 8, 7, tzinfo=UTC).timestamp()) * 1_000_000


def test_quoting_is_undone_as_the_person_says() -> None:
    data = b"From a Thu Jan  1 00:00:00 2026\nSubject: x\n\n>From a\n>>From b\n\n"
    start = b"Subject: x\r\n\r\n"
    assert letters_of(data)[0].raw == start + b"From a\r\n>From b\r\n"
    assert letters_of(data, quoting="mboxo")[0].raw == start + b"From a\r\n>>From b\r\n"
    assert letters_of(data, quoting="none")[0].raw == start + b">From a\r\n>>From b\r\n"


def test_a_sentence_that_begins_with_from_does_not_cut_a_message() -> None:
    data = b"From a Thu Jan  1 00:00:00 2026\nSubject: x\n\nSee below.\n\nFrom what I hear, all is well.\n"
    assert len(letters_of(data)) == 1


def test_crlf_files_without_blank_lines_between_messages() -> None:
    one = b"From a@b Thu Jan  1 00:00:00 2026\r\nSubject: x\r\n\r\ntext\r\n"
    assert [letter.raw for letter in letters_of(one * 3)] == [b"Subject: x\r\n\r\ntext\r\n"] * 3


@pytest.mark.parametrize(
    ("line", "hour"),
    [
        (b"From a Thu Jan  1 10:00:00 2026", 10),
        (b"From a Thu Jan  1 10:00 2026", 10),
        (b"From a Thu Jan  1 10:00:00 +0200 2026", 8),
        (b"From a Thu Jan  1 10:00:00 2026 -0300", 13),
        (b"From a Thu, Jan 1 10:00:00 UTC 2026", 10),
    ],
)
def test_dates_of_from_lines(line: bytes, hour: int) -> None:
    assert mbox.date_of(line) == int(datetime(2026, 1, 1, hour, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    "line", [b"From a", b"From a Thu Jan 99 10:00:00 2026", b"From a Thu Jan  1 99:00:00 2026"]
)
def test_impossible_dates_are_none(line: bytes) -> None:
    assert mbox.date_of(line) is None


@pytest.mark.parametrize("data", [b"Subject: x\n\ny\n", b"\0" * 100, b"x" * 5000, b"From " + b"x" * 5000])
def test_what_does_not_begin_with_a_from_line_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable, match="From line"):
        list(mbox.entries(io.BytesIO(data), largest=1000))


def test_an_empty_file_holds_nothing() -> None:
    assert list(mbox.entries(io.BytesIO(b"\n\r\n"), largest=1000)) == []


@pytest.mark.parametrize(
    "ending", [b"", b"\n", b"\n\nFrom z Thu Jan  1 00:00:00 2026\nSubject: after\n\nx\n"]
)
def test_a_line_of_many_megabytes_is_passed_over_in_bounded_memory(ending: bytes) -> None:
    class Endless:
        """64 MB without a line end, made as they are read."""

        def __init__(self) -> None:
            self.left, self.rest = 64, b"From a Thu Jan  1 00:00:00 2026\nSubject: big\n\n"

        def read(self, size: int) -> bytes:
            if self.left:
                self.left -= 1
                start, self.rest = self.rest, b"" if self.left else ending
                return start + b"x" * (1 << 20)
            data, self.rest = self.rest, b""
            return data

    found = list(mbox.entries(Endless(), largest=1 << 20))  # type: ignore[arg-type]
    assert found[0].data is None
    assert len(found) == (2 if b"From" in ending else 1)
    if len(found) == 2:
        assert found[1].data == b"Subject: after\n\nx\n"


def test_deleted_and_seen_are_told_apart() -> None:
    file = io.BytesIO()
    mbox.write(file, Letter(b"A: b\r\n\r\n", ("Work",), flags=DELETED, internal_date=5, uid=1))
    assert b"Status: O\nX-Status: D\n" in file.getvalue()
    assert letters_of(file.getvalue())[0].internal_date == 5
