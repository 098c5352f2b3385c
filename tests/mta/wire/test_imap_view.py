"""What a client is told of its mailbox: always a true story, whatever happens between two commands."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from mta.values import DELETED, FLAGGED, SEEN, MailboxInfo, ViewChanges, ViewRow
from mta.wire.imap.uids import Uids
from mta.wire.imap.view import Selection, altered


def _info(messages: int, uidnext: int, modseq: int, recent: int = 0) -> MailboxInfo:
    return MailboxInfo(
        1, "INBOX", "inbox", None, True, 7, uidnext, modseq, messages, 0, 0, 0, 0, recent=recent
    )


def _row(uid: int, flags: int = 0, keywords: tuple[str, ...] = (), modseq: int = 1) -> ViewRow:
    return ViewRow(uid, 100 + uid, flags, keywords, modseq)


def _selection(*uids: int, **options: bool) -> Selection:
    info = _info(len(uids), max(uids, default=0) + 1, 10)
    selection = Selection(info, read_only=False, first_recent=1000, **options)
    assert selection.show(Uids.of(uids))
    return selection


def _told(selection: Selection, **how: bool) -> list[bytes]:
    return [line for line in selection.report(**how) if line]  # type: ignore[arg-type]


def test_expunges_are_told_highest_first_and_only_when_allowed() -> None:
    selection = _selection(3, 5, 8, 9)
    selection.learn(ViewChanges((), (5, 9), 11, 10))
    assert _told(selection, expunges=False) == []
    assert list(selection.uids.by_sequence(((2, 2),))) == [5]
    assert _told(selection) == [b"* 4 EXPUNGE\r\n", b"* 2 EXPUNGE\r\n"]
    assert list(selection.uids) == [3, 8]
    assert _told(selection) == []


def test_a_client_that_can_resynchronise_is_told_uids() -> None:
    selection = _selection(3, 5, 8, 9, 10, qresync=True)
    selection.learn(ViewChanges((_row(3, SEEN, (), 11),), (5, 9, 10, 77), 11, 11))
    assert _told(selection, expunges=False) == [b"* 1 FETCH (UID 3 FLAGS (\\Seen))\r\n"]
    assert _told(selection) == [b"* VANISHED 5,9:10\r\n"]
    assert selection.exists == 2


def test_a_saved_search_loses_what_is_expunged() -> None:
    selection = _selection(1, 2, 3)
    selection.saved = Uids([(2, 3)])
    selection.learn(ViewChanges((), (2,), 11, 4))
    _told(selection)
    assert list(selection.saved) == [3]


def test_new_mail_may_be_told_while_an_expunge_waits() -> None:
    selection = _selection(1, 2)
    selection.learn(ViewChanges((_row(3),), (1,), 11, 4))
    assert _told(selection, expunges=False) == [b"* 3 EXISTS\r\n", b"* 0 RECENT\r\n"]
    assert selection.told_modseq == 10, "the client does not know all of 11 yet"
    assert _told(selection) == [b"* 1 EXPUNGE\r\n"]
    assert (selection.exists, selection.told_modseq) == (2, 11)


def test_mail_that_came_and_went_unseen_is_not_mentioned() -> None:
    selection = _selection(1)
    selection.learn(ViewChanges((_row(2),), (), 11, 3))
    selection.learn(ViewChanges((), (2,), 12, 3))
    assert _told(selection) == []


def test_a_view_that_does_not_fit_what_was_told_is_not_taken() -> None:
    selection = Selection(_info(3, 4, 10), read_only=False, first_recent=1000)
    assert not selection.show(Uids([(1, 2)]))
    assert selection.needs_view


def test_a_mailbox_that_only_grows_needs_no_view() -> None:
    selection = Selection(_info(2, 3, 10, recent=1), read_only=False, first_recent=2)
    assert selection.recent() == 1
    assert selection.grow(ViewChanges((), (), 10, 3)) == []
    assert selection.grow(ViewChanges((_row(3), _row(4)), (), 11, 5)) == [
        b"* 4 EXISTS\r\n",
        b"* 3 RECENT\r\n",
    ]
    flagged = ViewChanges((_row(4, SEEN),), (), 12, 5)
    assert selection.grow(flagged) is None
    assert selection.needs_view
    assert (selection.uidnext, selection.modseq) == (5, 11), "the moment whose UIDs have to be read"
    assert selection.show(Uids([(1, 4)]))
    selection.learn(flagged)
    assert (selection.exists, selection.recent()) == (4, 3)
    assert _told(selection) == [b"* 4 FETCH (FLAGS (\\Seen \\Recent))\r\n"]


def test_a_silent_store_is_silent_unless_somebody_else_changed_it_too() -> None:
    selection = _selection(1, 2)
    selection.expect({1: (SEEN, ()), 2: (SEEN, ())})
    selection.learn(ViewChanges((_row(1, SEEN, (), 11), _row(2, SEEN | FLAGGED, (), 12)), (), 12, 3))
    assert _told(selection) == [b"* 2 FETCH (FLAGS (\\Seen \\Flagged))\r\n"]


def test_who_asked_for_mod_sequences_gets_them_even_after_a_silent_store() -> None:
    selection = _selection(1, 2, tell_modseq=True)
    selection.expect({2: (SEEN, ())})
    selection.learn(ViewChanges((_row(2, SEEN, (), 12),), (), 12, 3))
    assert _told(selection) == [b"* 2 FETCH (MODSEQ (12))\r\n"]


def test_what_was_expected_is_not_expected_for_ever() -> None:
    selection = _selection(1)
    selection.expect({1: (SEEN, ())})
    selection.learn(ViewChanges((_row(1, SEEN, (), 11),), (), 11, 2))
    assert _told(selection) == []
    selection.learn(ViewChanges((_row(1, SEEN, (), 12),), (), 12, 2))
    assert _told(selection) == [b"* 1 FETCH (FLAGS (\\Seen))\r\n"]


def test_a_store_is_answered_for_every_message_once() -> None:
    selection = _selection(1, 2)
    selection.learn(ViewChanges((_row(1, SEEN, (), 11),), (), 11, 3))
    before = {1: _row(1), 2: _row(2, SEEN)}
    assert list(selection.report(expunges=False, with_uid=True, always=before))[1:] == [
        b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n",
        b"* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n",
    ]


def test_a_keyword_is_announced_before_it_is_used() -> None:
    selection = _selection(1)
    selection.learn(ViewChanges((_row(1, 0, ("Later",), 11),), (), 11, 2))
    first, second = _told(selection)
    assert first.startswith(b"* FLAGS (")
    assert b"Later" in first
    assert second == b"* 1 FETCH (FLAGS (Later))\r\n"
    assert selection.announce(["Later", "$Junk"]) == b""
    assert b"Later" in selection.permanent_flags()


def test_the_second_revision_knows_no_recent_messages() -> None:
    selection = Selection(_info(1, 2, 10, recent=1), read_only=False, first_recent=1, rev2=True)
    assert selection.show(Uids([(1, 1)]))
    selection.learn(ViewChanges((_row(1, SEEN, (), 11), _row(2, 0, (), 12)), (), 12, 3))
    assert _told(selection) == [b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n", b"* 2 EXISTS\r\n"]


def test_store_modes() -> None:
    assert altered(SEEN, ("a",), "add", FLAGGED, ("b",)) == (SEEN | FLAGGED, ("a", "b"))
    assert altered(SEEN, ("Work",), "add", 0, ("work",)) == (SEEN, ("Work",))
    assert altered(SEEN | FLAGGED, ("a", "b"), "remove", SEEN, ("A",)) == (FLAGGED, ("b",))
    assert altered(SEEN, ("a",), "replace", FLAGGED | DELETED, ("c",)) == (FLAGGED | DELETED, ("c",))


changes = st.lists(
    st.one_of(
        st.tuples(st.just("new"), st.just(0)),
        st.tuples(st.just("flag"), st.integers(0, 30)),
        st.tuples(st.just("silent"), st.integers(0, 30)),
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
    client: list[int | None] = [0, 0, 0]  # flags by position
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
        elif step == "silent" and uid:
            at = selection.uids.index(uid)
            if at < 0:
                continue
            # What the client knows of it, changed by its own STORE, which nobody else's change came between.
            _believe(client, _told(selection, expunges=False))
            truth[uid] ^= FLAGGED
            if client[at] is not None:
                client[at] ^= FLAGGED
            selection.expect({uid: (truth[uid], ())})
            selection.learn(ViewChanges((_row(uid, truth[uid], (), modseq),), (), modseq, following))
        elif step == "expunge" and uid:
            del truth[uid]
            selection.learn(ViewChanges((), (uid,), modseq, following))
        elif step == "tell":
            _believe(client, _told(selection, expunges=bool(what)))
    uids = list(selection.uids)
    assert uids == sorted(truth)
    assert len(client) == len(uids)
    # Flags of messages that were announced by EXISTS are fetched by the client when it wants them.
    assert all(known in (None, truth[uid]) for known, uid in zip(client, uids, strict=True))


def _believe(client: list[int | None], lines: list[bytes]) -> None:
    for line in lines:
        if found := re.fullmatch(rb"\* (\d+) EXPUNGE\r\n", line):
            del client[int(found[1]) - 1]
        elif found := re.fullmatch(rb"\* (\d+) EXISTS\r\n", line):
            assert int(found[1]) >= len(client)
            client += [None] * (int(found[1]) - len(client))
        elif found := re.fullmatch(rb"\* (\d+) FETCH \(FLAGS \((.*)\)\)\r\n", line):
            client[int(found[1]) - 1] = (SEEN if b"\\Seen" in found[2] else 0) | (
                FLAGGED if b"\\Flagged" in found[2] else 0
            )
