"""What a client is told of its mailbox: always a true story, whatever happens between two commands."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from mta.values import FLAGGED, SEEN, MailboxInfo, ViewChanges, ViewRow
from mta.wire.imap.view import Selection, View, altered, view_of


def _info(messages: int, uidnext: int, modseq: int) -> MailboxInfo:
    return MailboxInfo(1, "INBOX", "inbox", None, True, 7, uidnext, modseq, messages, 0, 0, 0, 0)


def _row(uid: int, flags: int = 0, keywords: tuple[str, ...] = (), modseq: int = 1) -> ViewRow:
    return ViewRow(uid, 100 + uid, flags, keywords, modseq)


def _selection(*uids: int) -> Selection:
    selection = Selection(_info(len(uids), max(uids, default=0) + 1, 10), read_only=False, first_recent=1000)
    rows = tuple(_row(uid) for uid in uids)
    selection.build(ViewChanges(rows, (), 10, selection.uidnext), None)
    return selection


def test_expunges_are_told_highest_first_and_only_when_allowed() -> None:
    selection = _selection(3, 5, 8, 9)
    selection.learn(ViewChanges((), (5, 9), 11, 10))
    assert selection.report(expunges=False) == []
    assert selection.view.by_sequence(((2, 2),)).tolist() == [5]
    assert selection.report() == [b"* 4 EXPUNGE\r\n", b"* 2 EXPUNGE\r\n"]
    assert selection.view.uids.tolist() == [3, 8]
    assert selection.report() == []


def test_new_mail_may_be_told_while_an_expunge_waits() -> None:
    selection = _selection(1, 2)
    selection.learn(ViewChanges((_row(3),), (1,), 11, 4))
    assert selection.report(expunges=False) == [b"* 3 EXISTS\r\n", b"* 0 RECENT\r\n"]
    assert selection.report() == [b"* 1 EXPUNGE\r\n"]
    assert selection.exists == 2


def test_mail_that_came_and_went_unseen_is_not_mentioned() -> None:
    selection = _selection(1)
    selection.learn(ViewChanges((_row(2),), (), 11, 3))
    selection.learn(ViewChanges((), (2,), 12, 3))
    assert selection.report() == []


def test_what_went_between_select_and_first_need_still_has_its_number() -> None:
    selection = Selection(_info(3, 4, 10), read_only=False, first_recent=1000)
    whole = ViewChanges((_row(1), _row(3), _row(4, modseq=12)), (), 12, 5)
    since = ViewChanges((_row(4, modseq=12),), (2,), 12, 5)
    selection.build(whole, since)
    assert selection.view.uids.tolist() == [1, 2, 3]
    assert selection.report() == [b"* 2 EXPUNGE\r\n", b"* 3 EXISTS\r\n", b"* 0 RECENT\r\n"]


def test_flags_that_moved_between_select_and_first_need_are_told() -> None:
    selection = Selection(_info(2, 3, 10), read_only=False, first_recent=1000)
    moved = _row(2, SEEN, modseq=12)
    selection.build(ViewChanges((_row(1), moved), (), 12, 3), ViewChanges((moved,), (), 12, 3))
    assert selection.report() == [b"* 2 FETCH (FLAGS (\\Seen))\r\n"]
    assert selection.report() == []


def test_a_mailbox_that_only_grows_needs_no_view() -> None:
    selection = Selection(_info(2, 3, 10), read_only=False, first_recent=3)
    assert selection.grow(ViewChanges((), (), 10, 3)) == []
    assert selection.grow(ViewChanges((_row(3), _row(4)), (), 11, 5)) == [
        b"* 4 EXISTS\r\n",
        b"* 2 RECENT\r\n",
    ]
    assert selection.grow(ViewChanges((_row(4, SEEN),), (), 12, 5)) is None
    assert selection.needs_view
    whole = ViewChanges((_row(1), _row(2), _row(3), _row(4, SEEN)), (), 12, 5)
    selection.build(whole, ViewChanges((_row(4, SEEN),), (), 12, 5))
    assert (selection.exists, selection.recent()) == (4, 2)
    assert selection.report() == [b"* 4 FETCH (FLAGS (\\Seen \\Recent))\r\n"]


def test_a_silent_store_is_silent_unless_somebody_else_changed_it_too() -> None:
    selection = _selection(1, 2)
    selection.expect([1, 2], "add", SEEN, ())
    selection.learn(ViewChanges((_row(1, SEEN, (), 11), _row(2, SEEN | FLAGGED, (), 12)), (), 12, 3))
    assert selection.report() == [b"* 2 FETCH (FLAGS (\\Seen \\Flagged))\r\n"]


def test_a_store_is_answered_for_every_message_once() -> None:
    selection = _selection(1, 2)
    selection.learn(ViewChanges((_row(1, SEEN, (), 11),), (), 11, 3))
    told = selection.report(expunges=False, with_uid=True, always=frozenset((1, 2)))
    assert told == [
        b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n",
        b"* 2 FETCH (UID 2 FLAGS ())\r\n",
    ]


def test_a_keyword_is_announced_before_it_is_used() -> None:
    selection = _selection(1)
    selection.learn(ViewChanges((_row(1, 0, ("Later",), 11),), (), 11, 2))
    first, second = selection.report()
    assert first.startswith(b"* FLAGS (")
    assert b"Later" in first
    assert second == b"* 1 FETCH (FLAGS (Later))\r\n"


def test_store_modes() -> None:
    assert altered(SEEN, ("a",), "add", FLAGGED, ("b",)) == (SEEN | FLAGGED, ("a", "b"))
    assert altered(SEEN | FLAGGED, ("a", "b"), "remove", SEEN, ("a",)) == (FLAGGED, ("b",))
    assert altered(SEEN, ("a",), "replace", FLAGGED, ("c",)) == (FLAGGED, ("c",))


def test_sets_are_resolved_against_what_was_told() -> None:
    view = view_of([_row(uid) for uid in (2, 4, 9)])
    assert view.by_uid(((3, 0),)).tolist() == [4, 9]
    assert view.by_uid(((50, 0),)).tolist() == [9]  # RFC 3501 §6.4.8: * is at least the last
    assert view.by_sequence(((2, 0),)).tolist() == [4, 9]
    assert view.exceeds(((4, 4),))
    assert not view.exceeds(((1, 0),))
    assert View().by_uid(((1, 0),)).tolist() == []
    assert View().exceeds(((0, 0),))


changes = st.lists(
    st.one_of(
        st.tuples(st.just("new"), st.just(0)),
        st.tuples(st.just("flag"), st.integers(0, 30)),
        st.tuples(st.just("expunge"), st.integers(0, 30)),
        st.tuples(st.just("tell"), st.booleans()),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(changes)
def test_a_client_that_believes_every_response_ends_with_the_truth(steps: list[tuple[str, int]]) -> None:
    selection = _selection(1, 2, 3)
    truth = {1: 0, 2: 0, 3: 0}
    client = [0, 0, 0]  # flags by position
    following, modseq = 4, 10
    for step, what in [*steps, ("tell", True)]:
        modseq += 1
        uid = list(truth)[what % len(truth)] if truth else 0
        if step == "new":
            truth[following] = 0
            selection.learn(ViewChanges((_row(following, 0, (), modseq),), (), modseq, following + 1))
            following += 1
        elif step == "flag" and uid:
            truth[uid] ^= SEEN
            selection.learn(ViewChanges((_row(uid, truth[uid], (), modseq),), (), modseq, following))
        elif step == "expunge" and uid:
            del truth[uid]
            selection.learn(ViewChanges((), (uid,), modseq, following))
        elif step == "tell":
            _believe(client, selection.report(expunges=bool(what)))
    uids = selection.view.uids.tolist()
    assert uids == sorted(truth)
    assert len(client) == len(uids)
    assert list(selection.view.flags) == [truth[uid] for uid in uids]
    # Flags of messages that were announced by EXISTS are fetched by the client when it wants them.
    assert all(known in (None, flags) for known, flags in zip(client, selection.view.flags, strict=True))


def _believe(client: list[int | None], lines: list[bytes]) -> None:
    for line in lines:
        if found := re.fullmatch(rb"\* (\d+) EXPUNGE\r\n", line):
            del client[int(found[1]) - 1]
        elif found := re.fullmatch(rb"\* (\d+) EXISTS\r\n", line):
            assert int(found[1]) >= len(client)
            client += [None] * (int(found[1]) - len(client))
        elif found := re.fullmatch(rb"\* (\d+) FETCH \(FLAGS \((.*)\)\)\r\n", line):
            client[int(found[1]) - 1] = SEEN if b"\\Seen" in found[2] else 0
