"""The trace: appended with what it tells of, read back in order, cut to what a reader may know."""

import pytest
from django.db import transaction

from mta.tracing import service as tracing
from mta.tracing.service import Event

pytestmark = pytest.mark.django_db


def event(kind: str = tracing.RECEIVED, at: int = 1, trace_id: str = "t1", **more: object) -> Event:
    return Event(trace_id=trace_id, kind=kind, at=at, **more)  # type: ignore[arg-type]


def test_a_timeline_is_in_order_and_complete() -> None:
    steps = (event(at=5, size=10, detail={"helo": "mx.test"}), event(tracing.PLACED, at=5, mailspace=7))
    tracing.record(steps)
    tracing.record([event(at=6, trace_id="other")])
    assert tracing.timeline("t1") == steps


def test_events_of_a_failed_transaction_never_happened() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        tracing.record([event()])
        raise RuntimeError
    assert tracing.timeline("t1") == ()


def test_search_is_newest_first_and_pages_by_time() -> None:
    tracing.record(event(at=n, trace_id=f"t{n}", sender="Ann@Example.test") for n in range(1, 6))
    first = tracing.search(sender="ann@example.test", limit=2)
    assert [found.at for found in first] == [5, 4]
    second = tracing.search(sender="ann@example.test", limit=2, before=first[-1].at)
    assert [found.at for found in second] == [3, 2]


def test_search_by_recipient_message_id_kind_and_time() -> None:
    tracing.record(
        [
            event(at=1, recipient="ben@example.test", message_id="a@x"),
            event(tracing.PLACED, at=2, recipient="ben@example.test"),
            event(at=3, recipient="eve@example.test", message_id="b@x"),
        ]
    )
    assert [found.at for found in tracing.search(recipient="BEN@example.test")] == [2, 1]
    assert [found.at for found in tracing.search(message_id="b@x")] == [3]
    assert [found.at for found in tracing.search(kinds=[tracing.PLACED])] == [2]
    assert [found.at for found in tracing.search(since=2, before=3)] == [2]


def test_a_reader_sees_own_domains_and_mailspaces_only() -> None:
    tracing.record([event(at=1, domain="a.test"), event(at=2, domain="b.test", mailspace=9), event(at=3)])
    assert [found.at for found in tracing.search(domains=["a.test"])] == [1]
    assert [found.at for found in tracing.search(mailspaces=[9])] == [2]
    assert [found.at for found in tracing.search(domains=["a.test"], mailspaces=[9])] == [2, 1]
    assert tracing.search(domains=[]) == ()


def test_pruning_goes_in_portions() -> None:
    tracing.record(event(at=n) for n in range(10))
    assert tracing.prune(8, limit=5) == 5
    assert tracing.prune(8, limit=5) == 3
    assert tracing.prune(8) == 0
    assert [found.at for found in tracing.search()] == [9, 8]


def test_trace_ids_sort_by_time_and_do_not_repeat() -> None:
    ids = [tracing.new_trace_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(len(made) == 26 and made.isalnum() and made == made.lower() for made in ids)
