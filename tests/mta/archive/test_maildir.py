"""Maildir: names are taken apart and made, Dovecot's lists are read, nothing in them can do harm."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.archive import lines, maildir, naming
from mta.archive.values import Letter
from mta.values import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN

MODEST = settings(max_examples=200, deadline=None, derandomize=True)
_RAW = st.lists(st.sampled_from([b"a", b"\r\n", b"\n", b"\r", b"\r\r\n", b"From "]), max_size=12).map(
    b"".join
)


@MODEST
@given(
    raw=_RAW,
    flags=st.integers(0, 31),
    forwarded=st.booleans(),
    at=st.integers(1_000_000_000_000, 99_999_999_999_999_999),
    uid=st.integers(1, 1 << 32),
    same=st.sampled_from(["", "17"]),
    letters=st.sets(st.sampled_from("abcxyz")).map(lambda found: "".join(sorted(found))),
)
def test_a_name_that_is_written_is_read_back(
    raw: bytes, flags: int, forwarded: bool, at: int, uid: int, same: str, letters: str
) -> None:
    words = (maildir.FORWARDED,) if forwarded else ()
    letter = Letter(raw, (), flags, words, internal_date=at, uid=uid, same=same)
    file = maildir.write_name(letter, letters=letters)
    name = maildir.name(file)
    assert (name.flags, name.forwarded, name.letters, name.same) == (flags, forwarded, letters, same)
    assert name.at == at
    assert maildir.moment(name, at) == at
    stored = lines.to_lf(raw) if lines.is_regular(raw) else raw
    assert name.stored == len(stored)
    assert (stored if name.kept else lines.to_crlf(stored)) == raw


@MODEST
@given(st.text(max_size=80))
def test_any_file_name_is_read(file: str) -> None:
    maildir.name(file)
    naming.from_maildir(file)
    naming.from_path((file,))
    naming.fit(file)


@pytest.mark.parametrize(
    ("file", "flags", "letters", "at"),
    [
        ("1276528487.M364837P9451.kurkku,S=1355,W=1394:2,FSab", FLAGGED | SEEN, "ab", 1276528487_364837),
        ("1204680122.27c448.host:2,DRT", DRAFT | ANSWERED | DELETED, "", 1204680122_000000),
        ("1204680122_0.27.host!2,S", SEEN, "", 1204680122_000000),
        ("1204680122.27.host;2,S", SEEN, "", 1204680122_000000),
        ("1204680122.27.host", 0, "", 1204680122_000000),
        ("message", 0, "", None),
    ],
)
def test_names_of_other_programs(file: str, flags: int, letters: str, at: int | None) -> None:
    name = maildir.name(file)
    assert (name.flags, name.letters, name.at) == (flags, letters, at)


def test_a_copied_files_own_time_says_nothing() -> None:
    name = maildir.name("1276528487.M364837P9451.host:2,S")
    earlier = 1_000_000_000_000_000
    assert maildir.moment(name, earlier) == earlier  # Dovecot's INTERNALDATE of what was saved later
    assert maildir.moment(name, 1_700_000_000_000_000) == 1276528487_364837
    assert maildir.moment(maildir.name("x"), earlier) == earlier


def test_dovecots_lists() -> None:
    listed = maildir.read_uidlist(
        io.BytesIO(
            b"3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1\n"
            b"25006 :1276528487.M364837P9451.kurkku,S=1355,W=1394:2,\n"
            b"25017 W2481 Pold-uidl :1276533073.M242911P3632.kurkku:2,F\n"
            b"nonsense\n\xff\n25018 no colon\n99999999999999 :x\n"
        )
    )
    assert (listed.uidvalidity, listed.uidnext) == (1275660208, 25022)
    assert listed.messages == {
        "1276528487.M364837P9451.kurkku,S=1355,W=1394": maildir.Listed(25006),
        "1276533073.M242911P3632.kurkku": maildir.Listed(25017, "old-uidl"),
    }
    old = maildir.read_uidlist(io.BytesIO(b"1 1275660208 3\n1 1204680122.a.host\n2 1204680123.b.host:2,S\n"))
    assert (old.uidvalidity, {file: each.uid for file, each in old.messages.items()}) == (
        1275660208,
        {"1204680122.a.host": 1, "1204680123.b.host": 2},
    )
    assert maildir.read_keywords(io.BytesIO(b"0 $Label1\n1 Work\n27 toomany\nx y\n3\n")) == {
        "a": "$Label1",
        "b": "Work",
    }


@MODEST
@given(st.binary(max_size=300))
def test_damaged_lists_tell_what_they_can(data: bytes) -> None:
    for start in (b"", b"3 V1 N2\n", b"1 1 2\n", b"V\t2\n\n"):
        maildir.read_uidlist(io.BytesIO(start + data))
        maildir.read_keywords(io.BytesIO(start + data))
        maildir.read_subscriptions(io.BytesIO(start + data))


def test_lists_that_are_written_are_read_back() -> None:
    line = maildir.uidlist_line("1.M000001Q7.x,S=1:2,S", uid=7, uidl="abc", keywords=["a,b", "c d%"])
    listed = maildir.read_uidlist(io.BytesIO(maildir.uidlist_header(5, 9) + line))
    assert listed == maildir.UidList(5, 9, {"1.M000001Q7.x,S=1": maildir.Listed(7, "abc", ("a,b", "c d%"))})
    names = ["INBOX", "Work", "Work/Äpfel & Co.", "a\\b"]
    assert maildir.read_subscriptions(io.BytesIO(maildir.write_subscriptions(names))) == frozenset(names)
    old = maildir.read_subscriptions(io.BytesIO(b"INBOX.Sent\nWork.Sub\nINBOX\n"))
    assert old == {"Sent", "Work/Sub", "INBOX"}


@pytest.mark.parametrize(
    ("format_", "uidl"),
    [
        ("%08Xu%08Xv", "0000000c4c08e3b0"),
        ("%v.%u", "1275650992.12"),
        ("%u", "12"),
        ("%f", "file"),
        ("a%%%u", "a%12"),
        ("", ""),
    ],
)
def test_uidls_as_dovecot_makes_them(format_: str, uidl: str) -> None:
    assert maildir.uidl(format_, uid=12, uidvalidity=1275650992, file="file") == uidl
    assert maildir.uidl(format_, uid=0, uidvalidity=1, file="file") == ""


@MODEST
@given(
    st.lists(st.text(min_size=1, max_size=12).filter(lambda level: "/" not in level), min_size=1, max_size=3)
)
def test_folder_names_survive_a_maildir_and_a_file_system(levels: list[str]) -> None:
    name = "/".join(levels)
    if naming.fit(name) != name or levels[0].upper() == "INBOX":
        return
    assert "/".join(naming.from_maildir(naming.to_maildir(name))) == name
    path = naming.to_path(name)
    assert "/".join(naming.from_path(path)) == name
    assert not any(part in ("", ".", "..", "cur", "new", "tmp") or part.startswith(".") for part in path)


@pytest.mark.parametrize(
    ("source", "here"),
    [
        *(
            ("INBOX", "INBOX"),
            ("Inbox", "INBOX"),
            ("Sent Items", "Sent"),
            ("INBOX/Sent", "Sent"),
            ("Deleted Items", "Trash"),
        ),
        *(("[Gmail]/Sent Mail", "Sent"), ("[Google Mail]/Bin", "Trash"), ("[Gmail]/All Mail", "Archive")),
        *(("Junk E-mail", "Junk"), ("Spam", "Junk"), ("Entwürfe", "Drafts"), ("Gesendete Elemente", "Sent")),
        *(
            ("Archives/2024", "Archive/2024"),
            ("Work", "Work"),
            ("Work/Sent", "Work/Sent"),
            ("Papierkorb", "Trash"),
        ),
    ],
)
def test_usual_names_lead_to_our_mailboxes(source: str, here: str) -> None:
    assert naming.mailbox_for(source) == here
