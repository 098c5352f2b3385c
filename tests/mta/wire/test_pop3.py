"""The POP3 engine without a socket: dialogues, any split, any bytes."""

from __future__ import annotations

import base64
import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.wire import sasl
from mta.wire.pop3 import (
    LONGEST_LINE,
    MOST_ERRORS,
    MOST_SIGN_INS,
    Close,
    Maildrop,
    Pop3,
    Retrieve,
    Send,
    SignIn,
    StartTls,
    Update,
    multiline,
    top,
    unique_ids,
)
from mta.wire.pop3.text import PIECE, multiline_pieces

MESSAGES = {501: b"Subject: one\r\n\r\n.dot\r\nline\r\n", 502: b"Subject: two\r\n\r\nbody without an end"}


def drop() -> Maildrop:
    return Maildrop([1, 2], list(MESSAGES), [len(raw) for raw in MESSAGES.values()])


class Client:
    """Plays the front end: answers what the engine asks, and keeps what it sent."""

    def __init__(self, *, offers_tls: bool = True, plaintext_ok: bool = True) -> None:
        self.engine = Pop3(hostname="mail.test", offers_tls=offers_tls, plaintext_ok=plaintext_ok)
        self.sent = b""
        self.asked: list[object] = []
        self.closed = False

    def feed(self, *pieces: bytes) -> bytes:
        self.sent = b""
        for piece in pieces:
            self.engine.receive(piece)
            while (event := self.engine.next()) is not None:
                self._act(event)
        return self.sent

    def _act(self, event: object) -> None:
        match event:
            case Send(data=data):
                self.sent += data
                return
            case SignIn(credentials=given):
                if given.password == "right":
                    self.engine.opened(drop())
                elif given.password == "busy":
                    self.engine.refused("Another session has this mailbox open", "IN-USE")
                else:
                    self.engine.refused("Wrong name or password", "AUTH")
            case Retrieve(number=number):
                self.engine.retrieved(list(MESSAGES.values())[number - 1])
            case Update():
                self.engine.updated()
            case StartTls(data=data):
                self.sent += data
                self.engine.secured()
            case Close():
                self.closed = True
        self.asked.append(event)


@pytest.fixture
def signed_in() -> Client:
    client = Client()
    client.feed(b"USER ann\r\nPASS right\r\n")
    return client


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"STAT", b"+OK 2 %d\r\n" % sum(map(len, MESSAGES.values()))),
        (b"LIST", b"+OK 2 messages\r\n1 28\r\n2 35\r\n.\r\n"),
        (b"list 2", b"+OK 2 35\r\n"),
        (b"UIDL", b"+OK 2 messages\r\n1 501\r\n2 502\r\n.\r\n"),
        (b"UIDL 1", b"+OK 1 501\r\n"),
        (b"RETR 1", b"+OK 28 octets\r\nSubject: one\r\n\r\n..dot\r\nline\r\n.\r\n"),
        (b"RETR 2", b"+OK 35 octets\r\nSubject: two\r\n\r\nbody without an end\r\n.\r\n"),
        (b"TOP 1 0", b"+OK Top of message follows\r\nSubject: one\r\n\r\n.\r\n"),
        (b"TOP 1 1", b"+OK Top of message follows\r\nSubject: one\r\n\r\n..dot\r\n.\r\n"),
        (b"TOP 1 999999999", b"+OK Top of message follows\r\nSubject: one\r\n\r\n..dot\r\nline\r\n.\r\n"),
        (b"RETR 3", b"-ERR No such message\r\n"),
        (b"RETR 0", b"-ERR No such message\r\n"),
        (b"RETR -1", b"-ERR A number is missing\r\n"),
        (b"RETR \xc2\xb2", b"-ERR A number is missing\r\n"),
        (b"RETR", b"-ERR A number is missing\r\n"),
        (b"TOP 1", b"-ERR A number is missing\r\n"),
        (b"LIST 99999999999999999999", b"-ERR A number is missing\r\n"),
        (b"USER ann", b"-ERR Unknown command here\r\n"),
        (b"STLS", b"-ERR Unknown command here\r\n"),
        (b"NOOP", b"+OK Here\r\n"),
        (b"LANG", b"+OK Languages follow\r\nen English\r\ni-default Default language\r\n.\r\n"),
        (b"LANG EN-gb", b"+OK en English it is\r\n"),
        (b"LANG *", b"+OK en English it is\r\n"),
        (b"LANG i-default", b"+OK i-default English it is\r\n"),
        (b"LANG de", b"-ERR That language is not spoken here\r\n"),
        (b"UTF8", b"-ERR Unknown command here\r\n"),
        (b"", b"-ERR Unknown command here\r\n"),
        (b"\xff\xfe", b"-ERR This line cannot be understood\r\n"),
        (b"STAT \0", b"-ERR This line cannot be understood\r\n"),
    ],
)
def test_answers_in_the_transaction_state(signed_in: Client, command: bytes, answer: bytes) -> None:
    assert signed_in.feed(command + b"\r\n") == answer


def test_nothing_of_a_mailbox_is_told_before_signing_in() -> None:
    client = Client()
    for command in (b"STAT", b"LIST", b"UIDL", b"RETR 1", b"TOP 1 1", b"DELE 1", b"RSET"):
        assert client.feed(command + b"\r\n") == b"-ERR Sign in first\r\n"


def test_deletions_wait_for_quit_and_can_be_taken_back(signed_in: Client) -> None:
    assert signed_in.feed(b"DELE 1\r\n").startswith(b"+OK")
    assert signed_in.feed(b"DELE 1\r\n") == b"-ERR No such message\r\n"
    assert signed_in.feed(b"RETR 1\r\n") == b"-ERR No such message\r\n"
    assert signed_in.feed(b"STAT\r\n") == b"+OK 1 35\r\n"
    assert signed_in.feed(b"LIST\r\n") == b"+OK 1 messages\r\n2 35\r\n.\r\n"
    signed_in.feed(b"RSET\r\nDELE 2\r\nQUIT\r\n")
    assert signed_in.asked[-2:] == [Update((2,)), Close()]


def test_quit_lets_the_maildrop_go_before_it_says_goodbye(signed_in: Client) -> None:
    assert signed_in.feed(b"QUIT\r\nSTAT\r\n") == b"+OK Goodbye\r\n"
    assert signed_in.asked[-2:] == [Update(()), Close()]
    assert signed_in.closed


def test_quit_before_signing_in_has_nothing_to_let_go() -> None:
    client = Client()
    assert client.feed(b"QUIT\r\n") == b"+OK Goodbye\r\n"
    assert client.asked == [Close()]


def test_deletions_that_fail_are_said_and_end_the_session(signed_in: Client) -> None:
    engine = Pop3(hostname="mail.test", offers_tls=False, plaintext_ok=True)
    engine.receive(b"USER ann\r\nPASS right\r\nDELE 1\r\nQUIT\r\nNOOP\r\n")
    events = []
    while (event := engine.next()) is not None:
        events.append(event)
        if isinstance(event, SignIn):
            engine.opened(drop())
        if isinstance(event, Update):
            engine.refused("Not now", "SYS/TEMP")
    assert events[-3:] == [Update((1,)), Send(b"-ERR [SYS/TEMP] Not now\r\n"), Close()]


def test_a_password_may_hold_blanks() -> None:
    client = Client()
    client.feed(b"USER ann\r\nPASS two  words \r\n")
    (asked,) = client.asked
    assert isinstance(asked, SignIn)
    assert asked.credentials.password == "two  words "


def test_auth_plain_with_and_without_an_initial_response() -> None:
    words = base64.b64encode(b"\0ann\0right")
    assert Client().feed(b"AUTH PLAIN " + words + b"\r\n") == b"+OK 2 messages\r\n"
    assert Client().feed(b"AUTH PLAIN\r\n", words + b"\r\n") == b"+ \r\n+OK 2 messages\r\n"
    assert Client().feed(b"AUTH PLAIN\r\n", b"*\r\n") == b"+ \r\n-ERR Sign-in given up\r\n"
    assert b"-ERR" in Client().feed(b"AUTH PLAIN\r\n", b"!!!\r\n")
    assert b"-ERR" in Client().feed(b"AUTH PLAIN " + base64.b64encode(b"ann") + b"\r\n")
    assert b"-ERR" in Client().feed(b"AUTH CRAM-MD5\r\n")


def test_refusals_carry_their_codes() -> None:
    client = Client()
    assert client.feed(b"USER ann\r\nPASS wrong\r\n").endswith(b"-ERR [AUTH] Wrong name or password\r\n")
    assert client.feed(b"USER ann\r\nPASS busy\r\n").endswith(
        b"-ERR [IN-USE] Another session has this mailbox open\r\n"
    )
    assert client.feed(b"PASS right\r\n") == b"-ERR USER comes first\r\n"


def test_guessing_passwords_ends_the_session() -> None:
    client = Client()
    for _ in range(MOST_SIGN_INS):
        client.feed(b"USER ann\r\nPASS wrong\r\n")
    assert client.closed


def test_too_many_errors_end_the_session() -> None:
    client = Client()
    assert client.feed(b"NONSENSE\r\n" * 100).count(b"-ERR") == MOST_ERRORS
    assert client.closed


def test_passwords_are_not_taken_in_clear() -> None:
    client = Client(plaintext_ok=False)
    capabilities = client.feed(b"CAPA\r\n")
    assert b"STLS" in capabilities
    assert b"USER" not in capabilities
    assert b"SASL" not in capabilities
    assert b"UTF8\r\n" in capabilities
    for command in (b"USER ann", b"PASS right", b"AUTH PLAIN AGFubgByaWdodA=="):
        assert client.feed(command + b"\r\n").startswith(b"-ERR Passwords are only taken")
    client.feed(b"STLS\r\n")
    capabilities = client.feed(b"CAPA\r\n")
    assert b"USER\r\n" in capabilities
    assert b"STLS" not in capabilities


def test_capabilities_are_the_same_before_and_after_signing_in() -> None:
    client = Client()
    before = client.feed(b"CAPA\r\n").split(b"\r\n")
    client.feed(b"USER ann\r\nPASS right\r\n")
    after = client.feed(b"CAPA\r\n").split(b"\r\n")
    assert before == [
        b"+OK Capabilities follow",
        b"TOP",
        b"UIDL",
        b"RESP-CODES",
        b"AUTH-RESP-CODE",
        b"PIPELINING",
        b"EXPIRE NEVER",
        b"LANG",
        b"UTF8 USER",
        b"USER",
        b"SASL PLAIN",
        b"STLS",
        b"IMPLEMENTATION Mailstead",
        b".",
        b"",
    ]
    assert after == [line for line in before if line != b"STLS"]


def test_utf8_is_asked_for_before_signing_in_and_names_may_be_in_it() -> None:
    client = Client()
    assert client.feed(b"UTF8\r\n") == b"+OK UTF-8 it is\r\n"
    assert client.feed(b"UTF8 USER\r\n").startswith(b"-ERR")
    client.feed("USER jürgen\r\nPASS gruß\r\n".encode())
    (asked,) = client.asked
    assert isinstance(asked, SignIn)
    assert (asked.credentials.username, asked.credentials.password) == ("jürgen", "gruß")


def test_what_was_said_before_tls_does_not_count_after_it() -> None:
    client = Client()
    assert client.feed(b"USER ann\r\nSTLS\r\nUSER eve\r\nPASS right\r\n").endswith(b"+OK Begin TLS\r\n")
    assert client.feed(b"PASS right\r\n") == b"-ERR USER comes first\r\n"


def test_a_line_without_an_end_is_dropped_and_the_session_goes_on(signed_in: Client) -> None:
    assert signed_in.feed(*[b"x" * 10_000] * 20) == b""
    assert signed_in.feed(b"\r\nNOOP\r\n") == b"-ERR Line too long\r\n+OK Here\r\n"
    assert (
        signed_in.feed(b"y" * (LONGEST_LINE + 1) + b"\r\nNOOP\r\n") == b"-ERR Line too long\r\n+OK Here\r\n"
    )


@pytest.mark.parametrize("start", [b"", b"AUTH PLAIN\r\n", b"USER ann\r\nPASS right\r\n"])
def test_a_line_that_never_ends_costs_nothing(start: bytes) -> None:
    client = Client()
    client.feed(start)
    for _ in range(100):
        assert client.feed(b"\0" * 64_000) == b""
        assert len(client.engine._buffer) < 70_000
    assert client.feed(b"\r\nNOOP\r\n") == b"-ERR Line too long\r\n+OK Here\r\n"


def test_a_sasl_answer_may_be_long_but_not_for_ever() -> None:
    client = Client()
    client.feed(b"AUTH PLAIN\r\n")
    words = base64.b64encode(b"\0ann\0" + b"p" * 6000)
    assert client.feed(words + b"\r\n") == b"-ERR [AUTH] Wrong name or password\r\n"
    client.feed(b"AUTH PLAIN\r\n")
    assert client.feed(b"A" * (sasl.MAX_RESPONSE + 1) + b"\r\n") == b"-ERR Line too long\r\n"


def test_no_command_is_read_while_an_answer_is_awaited() -> None:
    engine = Pop3(hostname="mail.test", offers_tls=False, plaintext_ok=True)
    engine.receive(b"USER ann\r\nPASS right\r\nSTAT\r\n")
    assert isinstance(engine.next(), Send)
    assert isinstance(engine.next(), SignIn)
    assert engine.next() is None
    engine.opened(Maildrop())
    assert engine.next() == Send(b"+OK 0 messages\r\n")
    assert engine.next() == Send(b"+OK 0 0\r\n")


# --- the maildrop


def test_imported_ids_are_kept_and_no_two_messages_have_one() -> None:
    imported = {1: "0000001a4c", 2: "0000001a4c", 3: "7", 4: "two words", 5: "x" * 71, 9: "elsewhere"}
    names = unique_ids([1, 2, 3, 4, 5, 7], imported)
    assert names == {1: "0000001a4c", 3: "7", 7: "7.7"}
    shown = Maildrop(range(6), [1, 2, 3, 4, 5, 7], [0] * 6, named=names)
    assert [shown.unique_id(number) for number in range(1, 7)] == ["0000001a4c", "2", "7", "4", "5", "7.7"]
    assert b"".join(shown.ids_listed()) == b"1 0000001a4c\r\n2 2\r\n3 7\r\n4 4\r\n5 5\r\n6 7.7\r\n"


def test_long_lists_come_in_pieces() -> None:
    client = Client()
    engine = client.engine
    engine.receive(b"USER ann\r\nPASS right\r\nLIST\r\nUIDL\r\nNOOP\r\n")
    sent = []
    while (event := engine.next()) is not None:
        if isinstance(event, SignIn):
            engine.opened(Maildrop(range(2500), range(2500), range(2500)))
        else:
            assert isinstance(event, Send)
            sent.append(event.data)
    assert max(map(len, sent)) < 20_000
    lines = b"".join(sent).split(b"\r\n")
    assert lines.count(b".") == 2
    assert lines[-2] == b"+OK Here"
    assert b"2500 2499" in lines


@given(st.lists(st.tuples(st.integers(0, 7), st.booleans()), max_size=12))
def test_counts_follow_the_marks(steps: list[tuple[int, bool]]) -> None:
    seen = Maildrop([3, 5, 8, 9, 11], [30, 50, 80, 90, 110], [1, 10, 100, 1000, 10000])
    marked: set[int] = set()
    for number, restore in steps:
        if restore:
            seen.restore()
            marked.clear()
        elif number in seen:
            seen.delete(number)
            marked.add(number)
    left = [number for number in range(1, 6) if number not in marked]
    assert seen.count == len(left)
    assert seen.octets == sum(10 ** (number - 1) for number in left)
    assert list(seen.following(1)) == left
    assert b"".join(seen.sizes_listed()).count(b"\r\n") == len(left)
    assert seen.deleted_uids() == tuple([3, 5, 8, 9, 11][number - 1] for number in sorted(marked))


# --- properties ----------------------------------------------------------------------------------------------
words = st.sampled_from(
    [b"USER ann", b"PASS right", b"PASS x", b"STAT", b"LIST", b"LIST 1", b"UIDL", b"RETR 1", b"TOP 2 1", b"DELE 1",
     b"RSET", b"NOOP", b"CAPA", b"AUTH PLAIN", b"AUTH", b"AGFubgByaWdodA==", b"UTF8", b"LANG", b"LANG en", b"UIDL 2", b"LIST 3", b"*", b"bogus", b"", b"x" * 600, b"QUIT"]
)  # fmt: skip


@given(st.lists(words, max_size=12), st.lists(st.integers(0, 1500), max_size=10))
@settings(max_examples=150, deadline=None)
def test_any_split_gives_the_same_answers(commands: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(command + b"\r\n" for command in commands)
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[start:end] for start, end in itertools.pairwise(edges)]
    assert Client().feed(*pieces) == Client().feed(whole)


@given(
    st.sampled_from(
        [b"RETR 1\r\n", b"retr 2\n", b"RETR 3\r\n", b"RETR 1\r\nNOOP\r\n", b"RETR 1", b"NOOP\r\n"]
    )
)
def test_a_single_retr_answered_at_once_says_the_same(data: bytes) -> None:
    slow, quick = Client(), Client()
    for client in (slow, quick):
        client.feed(b"USER ann\r\nPASS right\r\nDELE 2\r\nRSET\r\n")
    number = quick.engine.single_retr(data)
    if number:
        assert quick.engine.reply(list(MESSAGES.values())[number - 1]) == slow.feed(data)
    else:
        assert quick.feed(data) == slow.feed(data)
    assert quick.feed(b"\r\nSTAT\r\n") == slow.feed(b"\r\nSTAT\r\n")


def test_a_single_retr_waits_while_something_else_goes_on(signed_in: Client) -> None:
    engine = signed_in.engine
    assert engine.single_retr(b"RETR 1\r\n") == 1
    engine.receive(b"NO")
    assert engine.single_retr(b"RETR 1\r\n") == 0
    engine.receive(b"OP\r\nRETR 2\r\n")
    engine.next()
    assert engine.next() == Retrieve(2, whole=True)
    assert engine.single_retr(b"RETR 1\r\n") == 0
    assert Client().engine.single_retr(b"RETR 1\r\n") == 0
    signed_in.feed(b"DELE 1\r\n")
    assert engine.single_retr(b"RETR 1\r\n") == 0


@given(st.lists(st.binary(max_size=60), max_size=10))
@settings(max_examples=150, deadline=None)
def test_no_bytes_make_it_raise(pieces: list[bytes]) -> None:
    Client().feed(*pieces)
    signed_in = Client()
    signed_in.feed(b"USER ann\r\nPASS right\r\n", *pieces)


letters = st.lists(st.sampled_from([b"\r\n", b".", b"\n", b"\r", b"a", b"\0", b"\xff"]), max_size=25).map(
    b"".join
)


def read_by_crlf(reply: bytes) -> bytes:
    """A client by the book: lines end with CR LF."""
    lines: list[bytes] = []
    for line in re.split(rb"(?<=\r\n)", reply):
        if line == b".\r\n":
            return b"".join(lines)
        lines.append(line[1:] if line.startswith(b".") else line)
    raise AssertionError("no end")


def read_by_lf(reply: bytes) -> bytes:
    """A client as there are many: lines end with LF, with or without CR."""
    lines: list[bytes] = []
    for line in reply.split(b"\n"):
        bare = line.removesuffix(b"\r")
        if bare == b".":
            return b"".join(lines)
        lines.append((line[1:] if line.startswith(b"..") else line) + b"\n")
    raise AssertionError("no end")


@given(letters)
@settings(max_examples=300)
def test_a_message_comes_out_whole_whoever_reads_it(message: bytes) -> None:
    whole = message if message.endswith(b"\r\n") or not message else message + b"\r\n"
    reply = multiline(message)
    assert read_by_lf(reply) == whole
    if not re.search(rb"(?<!\r)\n\.", whole):  # see the comment at _DOT
        assert read_by_crlf(reply) == whole


@given(st.lists(letters, max_size=5), st.sampled_from([b"x", b"x\r\n", b".", b"\n.", b"\r\n."]))
@settings(max_examples=60, deadline=None)
def test_a_large_message_comes_in_pieces_and_means_the_same(parts: list[bytes], filler: bytes) -> None:
    message = (filler * (PIECE // len(filler))).join([b"", *parts])
    pieces = list(multiline_pieces(message))
    assert b"".join(pieces) == multiline(message)
    if b"\r\n" in filler:
        assert max(map(len, pieces)) < 2 * PIECE


@given(letters)
def test_stuffing_is_what_the_standard_says(message: bytes) -> None:
    """Against the plainest way to write it, where lines end with CR LF only."""
    clean = (
        message.replace(b"\r\n", b"\0\0").replace(b"\n", b"").replace(b"\r", b"").replace(b"\0\0", b"\r\n")
    )
    lines = clean.split(b"\r\n")
    plain = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
    assert multiline(clean) == plain + (b".\r\n" if plain.endswith(b"\r\n") or not plain else b"\r\n.\r\n")


@given(st.integers(0, 40_000))
@settings(max_examples=30, deadline=None)
def test_top_counts_lines_however_many(lines: int) -> None:
    body = [b"%d" % number for number in range(20_000)]
    raw = b"Subject: x\r\n\r\n" + b"\r\n".join(body)
    wanted = b"".join(line + b"\r\n" for line in body[:lines]) if lines < len(body) else b"\r\n".join(body)
    assert top(raw, lines) == b"Subject: x\r\n\r\n" + wanted


@given(letters, st.integers(0, 20))
def test_top_is_a_beginning_of_the_message(message: bytes, lines: int) -> None:
    raw = b"Subject: x\r\n\r\n" + message
    part = top(raw, lines)
    assert raw.startswith(part)
    assert part.count(b"\n") <= 2 + lines or part == raw
