"""COPY and multi-append of more messages than one transaction holds: all of them, or none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mta.mailstore import errors, mailops, rows, whole
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.mailstore.models import Change
from mta.values import now_us
from tests.mail import mail

from .conftest import WEB, Space

MINUTE = 60_000_000


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if seven messages were five hundred."""
    monkeypatch.setattr(rows, "CHUNK", 7)
    monkeypatch.setattr(mailops, "APPENDS_AT_ONCE", 7)
    yield


def _fill(space: Space, number: int) -> None:
    incoming = [mailstore.Incoming(mail(subject=f"Number {n}")) for n in range(number)]
    mailstore.append_many(space.id, space.box("inbox").id, incoming, cause=WEB)


def _copy(space: Space, uids: range) -> Any:
    return mailstore.copy(space.id, space.box("inbox").id, uids, space.box("archive").id, cause=WEB)


def _fail_in_chunk(monkeypatch: pytest.MonkeyPatch, number: int, error: BaseException) -> None:
    """The number'th chunk from now on fails before it is committed."""
    calls = iter(range(1, 100))
    placing = mailops._lying_in

    def lying_in(*args: Any) -> set[int]:
        if next(calls) == number:
            raise error
        return placing(*args)

    monkeypatch.setattr(mailops, "_lying_in", lying_in)


def test_many_messages_are_stored_and_copied_as_one_command_that_undo_takes_back(space: Space) -> None:
    _fill(space, 20)
    copied = _copy(space, range(1, 21))
    assert copied.source == copied.target == tuple(range(1, 21))
    assert [(line.verb, line.count) for line in mailstore.history(space.id)] == [("copy", 20), ("append", 20)]
    mailstore.undo(space.id, mailstore.history(space.id)[0].action, cause=WEB)
    assert space.box("archive").messages == 0 and space.box("inbox").messages == 20
    assert not Change.objects.filter(is_open=True).exists() and differences(space.id) == []


def test_a_copy_that_fails_half_way_leaves_nothing(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    _fill(space, 20)
    _fail_in_chunk(monkeypatch, 3, errors.OverQuota("full"))
    with pytest.raises(errors.OverQuota):
        _copy(space, range(1, 21))
    assert space.box("archive").messages == 0 and space.box("archive").uidnext > 1
    assert [line.verb for line in mailstore.history(space.id)] == ["append"]
    assert not Change.objects.filter(is_open=True).exists() and differences(space.id) == []


def test_an_append_that_passes_the_quota_half_way_leaves_nothing(space: Space) -> None:
    mailstore.set_quota(space.id, 10 * len(mail()))
    with pytest.raises(errors.OverQuota):
        _fill(space, 20)
    assert space.box("inbox").messages == 0 and mailstore.usage(space.id).used == 0
    assert differences(space.id) == []


def test_what_a_crash_left_is_taken_back_when_nobody_goes_on_with_it(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(space, 20)
    with monkeypatch.context() as crashing:
        crashing.setattr(whole, "take_back", lambda *_: None)
        _fail_in_chunk(crashing, 3, SystemExit())
        with pytest.raises(SystemExit):
            _copy(space, range(1, 21))
    assert space.box("archive").messages == 14
    with pytest.raises(errors.NothingToUndo):
        mailstore.undo(space.id, Change.objects.filter(is_open=True)[0].action, cause=WEB)
    assert whole.take_back_abandoned(now=now_us()) == 0  # somebody may be at it
    assert whole.take_back_abandoned(now=now_us() + 5 * MINUTE) == 1
    assert space.box("archive").messages == 0
    assert not Change.objects.filter(is_open=True).exists() and differences(space.id) == []


def test_a_command_that_was_taken_back_meanwhile_ends_with_an_error(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(space, 20)
    calls = iter(range(1, 100))
    commit = whole.commit

    def slow_commit(*args: Any) -> Any:
        if next(calls) == 3:
            whole.take_back_abandoned(now=now_us() + 5 * MINUTE)
        return commit(*args)

    monkeypatch.setattr(whole, "commit", slow_commit)
    with pytest.raises(errors.Interrupted):
        _copy(space, range(1, 21))
    assert space.box("archive").messages == 0 and differences(space.id) == []


def test_uids_that_are_not_there_are_passed_over(space: Space) -> None:
    _fill(space, 3)
    assert _copy(space, range(100, 130)).source == ()
    mixed = mailstore.copy(
        space.id, space.box("inbox").id, [2, *range(100, 130)], space.box("archive").id, cause=WEB
    )
    assert mixed.source == (2,)
    assert not Change.objects.filter(is_open=True).exists() and differences(space.id) == []
