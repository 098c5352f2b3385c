"""Live events: rings reach the streams of those who may hear, and waiting costs no database connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.db import connections
from django.test import AsyncClient, Client

from hosting.models import Tenant
from mta.mailstore import service as mailstore
from mta.values import SEEN
from tests.eventually import eventually
from tests.webmail.mail_world import Reader
from webmail import events

LONG = 5.0  # seconds that a test waits for what comes at once


@pytest.fixture(autouse=True)
def soon_over(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No thread, and no connection of one, is left behind when a test ends."""
    monkeypatch.setattr(events, "LINGER", 0.0)
    yield
    eventually(lambda: events.exchange._bells is None, "the bells have stopped")


async def rung(lines: AsyncIterator[bytes]) -> str:
    """The data of the next ring."""
    async with asyncio.timeout(LONG):
        async for line in lines:
            if b"data: " in line:
                return line.split(b"data: ")[1].strip().decode()
    raise AssertionError("the stream ended")


async def _opened(reader: Reader, **headers: Any) -> Any:
    client = AsyncClient()
    client.cookies = reader.client.cookies
    response = await client.get("/mail/events/", headers=headers)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/event-stream"
    return response


@pytest.mark.django_db(transaction=True)
def test_a_ring_tells_where_the_mailspace_is_now(ann: Reader, eve: Reader) -> None:
    async def scenario() -> None:
        response = await _opened(ann)
        lines = aiter(response.streaming_content)
        try:
            space, clock = (await rung(lines)).split(":")
            assert int(space) == ann.space
            await sync_to_async(eve.receive)()  # nothing of hers is heard
            await sync_to_async(ann.receive)()
            assert int((await rung(lines)).split(":")[1]) > int(clock)
        finally:
            await lines.aclose()

    async_to_sync(scenario)()


@pytest.mark.django_db(transaction=True)
def test_a_browser_that_comes_again_is_told_at_once_what_it_missed_and_only_that(ann: Reader) -> None:
    async def scenario() -> None:
        clock = (await sync_to_async(mailstore.clocks)([ann.space]))[ann.space]
        response = await _opened(ann, **{"Last-Event-ID": f"{ann.space}:{clock}"})
        lines = aiter(response.streaming_content)
        try:
            assert b"retry" in await anext(lines)
            waiting = asyncio.ensure_future(rung(lines))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            await sync_to_async(ann.receive)()
            assert int((await waiting).split(":")[1]) > clock
        finally:
            await lines.aclose()

    async_to_sync(scenario)()


@pytest.mark.django_db(transaction=True)
def test_many_streams_wait_without_a_connection_while_pages_load(ann: Reader) -> None:
    async def scenario() -> None:
        streams = [aiter((await _opened(ann)).streaming_content) for _ in range(60)]
        try:
            await asyncio.gather(*(rung(lines) for lines in streams))
            held = [1 for _ in connections.all(initialized_only=True) if _.connection is not None]
            assert len(held) <= 1
            waiting = [asyncio.ensure_future(rung(lines)) for lines in streams]
            await sync_to_async(ann.page)("/mail/inbox/")
            await sync_to_async(ann.receive)()
            assert len(await asyncio.gather(*waiting)) == 60
        finally:
            for lines in streams:
                await lines.aclose()

    async_to_sync(scenario)()
    assert not events.exchange._listeners


@pytest.mark.django_db(transaction=True)
def test_who_loads_a_page_again_does_not_wait_for_threads_to_end(
    ann: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event loop starts the bells: were they stopping just then, every page of everybody would wait half a second."""

    async def scenario() -> None:
        exchange, listener = events.Exchange(), events.Listener([ann.space])
        monkeypatch.setattr(events, "LINGER", 60.0)
        exchange.join(listener)
        bells = exchange._bells
        for _ in range(3):
            exchange.leave(listener)
            exchange.join(listener)
            assert exchange._bells is bells
        monkeypatch.setattr(events, "LINGER", 0.0)
        exchange.leave(listener)
        await sync_to_async(eventually)(lambda: exchange._bells is None, "the bells have stopped")

    async_to_sync(scenario)()


@pytest.mark.django_db(transaction=True)
def test_strangers_hear_nothing(host: Tenant) -> None:
    async def scenario() -> None:
        response = await AsyncClient().get("/mail/events/")
        assert response.status_code == 204

    async_to_sync(scenario)()
    assert settings.LOGIN_URL == "/"


# --- what is asked after a ring
@pytest.mark.django_db
def test_the_rows_that_changed_are_told_and_those_that_left(ann: Reader) -> None:
    kept, gone = ann.receive(subject="Kept"), ann.receive(subject="Gone")
    clock = mailstore.clocks([ann.space])[ann.space]
    assert ann.get(f"/mail/live/rows/inbox/?since={clock}").json()["rows"] == []
    ann.do("archive", [gone])
    ann.do("read", [kept])
    fresh = ann.receive(subject="Fresh")
    news = ann.get(f"/mail/live/rows/inbox/?since={clock}").json()
    assert [row["id"] for row in news["rows"]] == [fresh, kept]
    assert news["gone"] == [gone]
    assert news["clock"] > clock
    assert news["counts"]["inbox"] == [1, True]
    assert news["title"].startswith("Inbox (1)")
    assert news["total"] == 2
    assert f'id="row-{fresh}"' in news["rows"][0]["html"]


@pytest.mark.django_db
def test_an_open_conversation_learns_of_new_messages(ann: Reader) -> None:
    thread = ann.receive(message_id="a@x", flags=SEEN)
    ann.sent(subject="Re: Lunch", message_id="b@x", references="a@x")
    news = ann.get(f"/mail/live/conversation/{thread}/").json()
    assert [message["own"] for message in news["messages"]] == [False, True]


@pytest.mark.django_db
def test_strangers_are_told_to_sign_in_again() -> None:
    assert Client().get("/mail/live/rows/inbox/", headers={"X-Mailstead": "1"}).status_code == 401
