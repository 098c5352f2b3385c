"""IMAP sessions against a real store: bytes kept, work saved, trouble survived."""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mta.mailstore import service as mailstore
from mta.serve.imap import idling, messages, signing_in
from mta.serve.imap import session as sessions
from tests.mail import mail
from tests.mta.serve.imap_dialogue import CAUSE, Client, Server, serving

pytestmark = pytest.mark.django_db


def _inbox(server: Server) -> int:
    return mailstore.mailbox(server.mailspace, "INBOX").id


def _fill(server: Server, count: int) -> None:
    mailstore.append_many(
        server.mailspace,
        _inbox(server),
        [mailstore.Incoming(mail(subject=f"number {number}")) for number in range(count)],
        cause=CAUSE,
    )


def _fetch_whole(client: Client, tag: str, what: str) -> bytes:
    """The bytes of the only literal in the answer to a FETCH."""
    client.line(f"{tag} {what}")
    head = client.expect_line()
    size = int(head[head.rindex("{") + 1 : -1])
    data = client.expect_bytes(size)
    assert client.expect_line() == ")"
    assert client.expect_line().startswith(f"{tag} OK")
    return data


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(min_size=1, max_size=3000).map(lambda data: data.replace(b"\0", b"x")))
def test_any_bytes_come_back_as_they_went_in(db: None, raw: bytes) -> None:
    with serving() as server:
        client = server.connect().sign_in()
        client.send(b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(raw), raw))
        assert "APPENDUID" in client.expect_line()
        client.ok("b SELECT INBOX")
        assert _fetch_whole(client, "c", "FETCH 1 BODY[]") == raw
        assert _fetch_whole(client, "d", "UID FETCH 1 BODY.PEEK[]") == raw
        header = _fetch_whole(client, "e", "FETCH 1 RFC822.HEADER")
        text = _fetch_whole(client, "f", "FETCH 1 BODY.PEEK[TEXT]")
        assert header + text == raw
        first = client.command("g FETCH 1 (ENVELOPE BODYSTRUCTURE BODY RFC822.SIZE)")
        assert len(first) == 2
        assert f"RFC822.SIZE {len(raw)}" in first[0]


def test_a_message_of_several_megabytes_is_spooled_and_kept() -> None:
    raw = mail(body="x" * 70 + "\r\n") + b"0123456789" * 300_000
    with serving(max_message_size=5_000_000) as server:
        client = server.connect().sign_in()
        client.send(b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(raw), raw))
        assert "APPENDUID" in client.expect_line()
        client.ok("b SELECT INBOX")
        assert _fetch_whole(client, "c", "FETCH 1 BODY.PEEK[]") == raw
        server.desk.calls.clear()
        pieces = [
            _fetch_whole(client, "d", f"FETCH 1 BODY.PEEK[]<{at}.500000>")
            for at in range(0, len(raw), 500_000)
        ]
        assert b"".join(pieces) == raw


def test_select_and_flags_of_ten_thousand_need_one_look_at_the_store() -> None:
    with serving() as server:
        _fill(server, 300)
        server.connect().sign_in().ok("a SELECT INBOX")  # takes \Recent
        client = server.connect().sign_in()
        server.desk.calls.clear()
        client.ok("a SELECT INBOX")
        assert "changes" not in server.desk.calls[:1]
        client.ok("b FETCH 1:* FLAGS")
        looked = server.desk.calls.count("changes")
        client.ok("c FETCH 1:* (UID FLAGS)")
        assert server.desk.calls.count("changes") == looked
        assert "fetch" not in server.desk.calls


def test_header_fields_that_are_kept_apart_need_no_message() -> None:
    with serving() as server:
        _fill(server, 3)
        client = server.connect().sign_in()
        client.ok("a SELECT INBOX")
        asked = "FETCH 1:* BODY.PEEK[HEADER.FIELDS (DATE FROM SUBJECT)]"
        from_columns = client.ok(f"b {asked}")
        whole = client.ok(
            "c FETCH 1:* (BODY.PEEK[HEADER.FIELDS (DATE FROM SUBJECT)] BODY.PEEK[HEADER.FIELDS (X)])"
        )
        assert [line for line in from_columns if line.startswith(("From", "Subject", "Date"))] == [
            line for line in whole if line.startswith(("From", "Subject", "Date"))
        ]


def test_pipelined_commands_are_answered_in_order() -> None:
    with serving() as server:
        client = server.connect()
        client.send(
            b"a LOGIN ann secret\r\nb SELECT INBOX\r\nc APPEND INBOX {4+}\r\n\r\nhi\r\n"
            b"d FETCH 1 RFC822.SIZE\r\ne LOGOUT\r\n"
        )
        lines = []
        while line := client.expect_line():
            lines.append(line)
        assert [line[:4] for line in lines if line[0] in "abcde"] == ["a OK", "b OK", "c OK", "d OK", "e OK"]
        assert "* 1 FETCH (RFC822.SIZE 4)" in lines


def test_a_bug_is_answered_and_the_session_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: Any, **_more: Any) -> Any:
        raise ZeroDivisionError("secret detail")

    with serving() as server:
        client = server.connect().sign_in()
        client.ok("a SELECT INBOX")
        monkeypatch.setattr(messages.mailstore, "expunge", broken)
        with caplog.at_level(logging.ERROR):
            answer = client.command("b EXPUNGE")[-1]
        assert answer.startswith("b NO [SERVERBUG]")
        assert "secret" not in answer
        assert "ZeroDivisionError" in caplog.text
        monkeypatch.undo()
        client.ok("c EXPUNGE")


def test_a_password_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), serving() as server:
        client = server.connect()
        client.command("a LOGIN ann hunter2hunter2")
        client.command("b AUTHENTICATE PLAIN AGFubgBodW50ZXIyaHVudGVyMg==")
        client.sign_in()
    assert "hunter2" not in caplog.text
    assert "aHVudGVyMg" not in caplog.text


def test_guessing_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_in, "MOST_FAILURES", 2)
    with serving() as server:
        client = server.connect()
        assert "AUTHENTICATIONFAILED" in client.command("a LOGIN ann wrong")[-1]
        client.line("b LOGIN ann wrong2")
        assert client.expect_line().startswith("* BYE")
        assert client.hung_up()


def test_who_says_nothing_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "LOGIN_SECONDS", 0.2)
    with serving() as server:
        client = server.connect()
        client.send(b"a NOO")
        assert client.expect_line() == "* BYE Nothing heard for too long"
        assert client.hung_up()


def test_an_idle_client_is_told_when_the_house_closes() -> None:
    with serving() as server:
        waiting, idling = server.connect().sign_in(), server.connect().sign_in()
        idling.ok("a SELECT INBOX")
        idling.line("b IDLE")
        assert idling.expect_line().startswith("+")
        server.loop.call_soon_threadsafe(server.house.stopping.set)
        for wake in list(server.house.at_stop):
            server.loop.call_soon_threadsafe(wake)
        for client in (waiting, idling):
            assert client.expect_line().startswith("* BYE [UNAVAILABLE]")
            assert client.hung_up()


@pytest.mark.parametrize(
    "last",
    [
        b"",
        b"a",
        b"a LOGIN {5}\r\nan",
        b"a AUTHENTICATE PLAIN\r\nAGFub",
        b"a LOGIN ann secret\r\nb APPEND INBOX {500+}\r\nhalf of it",
        b"a LOGIN ann secret\r\nb APPEND INBOX {500000+}\r\n" + b"x" * 300_000,
        b"a LOGIN ann secret\r\nb SELECT INBOX\r\nc IDLE\r\n",
        b"a LOGIN ann secret\r\nb SELECT INBOX\r\nc FETCH 1:* BODY[]\r\n",
        b"a LOGIN ann secret\r\nb SELECT INBOX\r\nc IDLE\r\nDO",
    ],
)
def test_a_client_that_vanishes_leaves_nothing_behind(last: bytes) -> None:
    with serving() as server:
        _fill(server, 3)
        client = server.connect(greeting=False)
        client.send(last)
        client.expect_line()
        client.close()
        assert not server.watchers
        assert not server.house.at_stop
        assert mailstore.mailbox(server.mailspace, "INBOX").messages == 3


def test_recent_is_for_the_first_session_only() -> None:
    with serving() as server:
        _fill(server, 2)
        looking = server.connect().sign_in()
        assert "* 0 RECENT" in looking.ok("a EXAMINE INBOX")
        first = server.connect().sign_in()
        assert "* 2 RECENT" in first.ok("a SELECT INBOX")
        _fill(server, 1)
        server.ring()
        assert "* 3 RECENT" in first.ok("b NOOP")
        first.ok("c LOGOUT")
        second = server.connect().sign_in()
        assert "* 0 RECENT" in second.ok("a SELECT INBOX")


def test_one_persons_numbers_mean_nothing_in_anothers_mailbox() -> None:
    with serving() as server:
        other = mailstore.create_mailspace()
        theirs = mailstore.mailbox(other, "INBOX").id
        mailstore.append(other, theirs, mail(subject="private"), cause=CAUSE)
        client = server.connect().sign_in()
        client.ok("a SELECT INBOX")
        assert client.ok("b UID FETCH 1:* BODY.PEEK[]") == ["b OK Fetched"]
        assert client.ok("c UID SEARCH SUBJECT private")[0] == "* SEARCH"


def test_the_journal_says_which_program_changed_what() -> None:
    with serving() as server:
        _fill(server, 1)
        client = server.connect().sign_in()
        client.ok('a ID ("name" "Testbird\x01")')
        client.ok("b SELECT INBOX")
        client.ok("c STORE 1 +FLAGS (\\Flagged)")
        newest = mailstore.history(server.mailspace)[0]
        assert (newest.cause, newest.session, newest.actor) == (
            "imap",
            "Testbird on 127.0.0.1",
            "ann@example.test",
        )


def test_a_thousand_messages_are_stored_moved_and_removed() -> None:
    with serving() as server:
        _fill(server, 1100)
        client = server.connect().sign_in()
        client.ok("a SELECT INBOX")
        assert len(client.ok("b STORE 1:* +FLAGS (\\Seen)")) == 1101
        client.ok("c STORE 1:550 +FLAGS.SILENT (\\Deleted)")
        lines = client.ok("d EXPUNGE")
        assert lines[0] == "* 550 EXPUNGE"
        assert len(lines) == 551
        lines = client.ok("e MOVE 1:* Archive")
        assert "COPYUID" in lines[0]
        assert len(lines) == 552
        assert mailstore.mailbox(server.mailspace, "Archive").messages == 550


class _Packed:
    """A client that talks deflate (RFC 4978)."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._out = zlib.compressobj(6, zlib.DEFLATED, -15)
        self._in = zlib.decompressobj(-15)
        self._heard = b""

    def say(self, text: bytes) -> None:
        self._client.send(self._out.compress(text) + self._out.flush(zlib.Z_SYNC_FLUSH))

    def line(self) -> bytes:
        while b"\r\n" not in self._heard:
            self._heard += self._in.decompress(self._client.expect_bytes(1))
        line, _, self._heard = self._heard.partition(b"\r\n")
        return line


def test_a_compressed_conversation() -> None:
    with serving() as server:
        client = server.connect().sign_in()
        assert client.command("a COMPRESS LZW")[-1].startswith("a NO [CANNOT]")
        client.ok("b COMPRESS DEFLATE")
        packed = _Packed(client)
        packed.say(b"c COMPRESS DEFLATE\r\nd NOOP\r\n")
        assert packed.line().startswith(b"c NO [COMPRESSIONACTIVE]")
        assert packed.line() == b"d OK Done"
        packed.say(b"e APPEND INBOX {200000}\r\n")
        assert packed.line().startswith(b"+ ")
        packed.say(b"x" * 199_998 + b"\r\n\r\n")
        assert packed.line().startswith(b"e OK [APPENDUID")
        packed.say(b"f SELECT INBOX\r\ng IDLE\r\n")
        while not packed.line().startswith(b"+ "):
            pass
        packed.say(b"DONE\r\n")
        assert packed.line() == b"g OK Idle ended"


def test_who_says_to_compress_and_does_not_is_told_in_few_words() -> None:
    with serving() as server:
        client = server.connect().sign_in()
        client.ok("b COMPRESS DEFLATE")
        client.line("c NOOP")
        assert client.hung_up()


def test_an_account_has_a_limit_of_connections() -> None:
    with serving() as server:
        server.house.per_account = 2
        server.connect().sign_in()
        second = server.connect().sign_in()
        third = server.connect()
        assert third.command("a LOGIN ann secret")[-1].startswith("a NO [LIMIT] ")
        second.close()
        server.clients.remove(second)
        server.house.accounts.clear()  # what the listener does when a connection has ended
        third.sign_in()


def test_one_look_at_the_store_answers_everybody_who_idles() -> None:
    with serving() as server:
        clients = [server.connect().sign_in() for _ in range(8)]
        for client in clients:
            client.ok("a SELECT INBOX")
            client.line("b IDLE")
            assert client.expect_line().startswith("+ ")
        time.sleep(0.05)
        while server.desk.pump():
            pass
        server.desk.calls.clear()
        box = mailstore.mailbox(server.mailspace, "INBOX")
        mailstore.append(server.mailspace, box.id, b"Subject: x\r\n\r\n", cause=CAUSE)
        server.ring()
        for client in clients:
            assert client.expect_line() == "* 1 EXISTS"
        assert len(server.desk.calls) <= 2, server.desk.calls


def test_numbers_mean_what_the_client_knew_when_it_sent_them() -> None:
    """RFC 9051 §5.5: a command that is on its way already must not meet other numbers."""
    with serving() as server:
        _fill(server, 3)
        client, other = server.connect().sign_in(), server.connect().sign_in()
        client.ok("a SELECT INBOX")
        other.ok("a SELECT INBOX")
        other.ok("b STORE 1 +FLAGS.SILENT (\\Deleted)")
        other.ok("c EXPUNGE")
        server.ring()
        client.send(b"d NOOP\r\ne FETCH 3 (UID)\r\n")
        assert client.expect_line() == "d OK Done"
        assert client.expect_line() == "* 3 FETCH (UID 3)"
        assert client.expect_line().startswith("e OK")
        assert client.ok("f NOOP") == ["* 1 EXPUNGE", "f OK Done"]


def test_what_a_command_removed_is_told_before_it_ends_whatever_comes_after_it() -> None:
    with serving() as server:
        _fill(server, 3)
        client = server.connect().sign_in()
        client.ok("a SELECT INBOX")
        client.ok("b STORE 1 +FLAGS.SILENT (\\Deleted)")
        client.send(b"c EXPUNGE\r\nd UID MOVE 3 Archive\r\ne UID FETCH 2 (UID)\r\n")
        assert [client.expect_line() for _ in range(2)] == ["* 1 EXPUNGE", "c OK Expunged"]
        assert client.expect_line().startswith("* OK [COPYUID ")
        assert [client.expect_line() for _ in range(2)] == ["* 2 EXPUNGE", "d OK Moved"]
        assert [client.expect_line() for _ in range(2)] == ["* 1 FETCH (UID 2)", "e OK Fetched"]


def test_thousands_of_commands_at_once_let_others_have_their_turn() -> None:
    with serving() as server:
        client = server.connect()
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        waiting = asyncio.run_coroutine_threadsafe(others(), server.loop)
        client.send(b"a CAPABILITY\r\n")
        client.expect_line()
        client.expect_line()
        before = turns
        client.send(b"b NOOP\r\n" * 5000 + b"c LOGOUT\r\n")
        assert client.hung_up()
        assert turns - before > 90
        waiting.cancel()


def test_an_idle_client_hears_now_and_then_that_we_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idling, "STILL_HERE_SECONDS", 0.1)
    with serving() as server:
        client = server.connect().sign_in()
        client.ok("a SELECT INBOX")
        client.line("b IDLE")
        assert client.expect_line().startswith("+ ")
        assert client.expect_line() == "* OK Still here"
        server.desk.calls.clear()
        assert client.expect_line() == "* OK Still here"
        assert server.desk.calls == [], "nobody looks at the store for that"
        client.line("DONE")
        while not client.expect_line().startswith("b OK"):
            pass
