"""Hosts that would use us: they are not asked, not believed, and not waited for without end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.resolver import FOUND, Answer
from tests.mail import mail
from tests.webmail.mail_world import Reader
from tests.webmail.moving.gmail_server import PASSWORD, Gmail, Server
from tests.webmail.moving.test_from_gmail import source
from tests.webmail.moving.test_over_imap import work
from webmail.fetching import Reach
from webmail.moving import forms, imap, wire
from webmail.moving.errors import Refused, Trouble
from webmail.moving.hosts import guess
from webmail.moving.imap import Imap
from webmail.moving.models import Source
from webmail.moving.wire import PLAIN, STARTTLS, TLS
from webmail.moving.wire import Server as At

PUBLIC, PRIVATE = Reach(), Reach(private=True)


@pytest.mark.parametrize(
    ("host", "port", "tls"),
    [
        ("127.0.0.1", 993, TLS),
        ("localhost", 993, TLS),
        ("::1", 993, TLS),
        ("10.0.0.7", 143, STARTTLS),
        ("169.254.169.254", 993, TLS),
        ("::ffff:127.0.0.1", 993, TLS),
        ("192.0.2.1", 22, TLS),
        ("192.0.2.1", 6379, TLS),
    ],
)
def test_nobody_makes_this_host_knock_at_its_neighbours(host: str, port: int, tls: str) -> None:
    with pytest.raises(Refused):
        wire.connect(At(host, port, tls), reach=PUBLIC)


def test_a_name_with_one_private_address_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Answer(FOUND, ("192.0.2.1", "127.0.0.1"))
    monkeypatch.setattr(wire.resolver, "addresses_sync", lambda _host, within: answer)
    with pytest.raises(Refused, match="not on the public internet"):
        wire.connect(At("imap.evil.test", 993), reach=PUBLIC)


def test_without_tls_only_this_machine_is_talked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire.resolver, "addresses_sync", lambda _host, within: Answer(FOUND, ("192.0.2.1",)))
    with pytest.raises(Refused, match="Choose TLS"):
        wire.connect(At("imap.old.test", 143, PLAIN), reach=PRIVATE)


class Script:
    """A server that says what it is told, line for line, and notes what it hears."""

    def __init__(self, talk: Callable[[socket.socket, list[bytes]], None]) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.heard: list[bytes] = []
        self._talk = talk
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        connection, _address = self._listening.accept()
        with connection:
            try:
                self._talk(connection, self.heard)
            except OSError:
                return

    def __enter__(self) -> Script:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._listening.close()
        self._thread.join(10)


@pytest.fixture
def private(settings: Any) -> Iterator[None]:
    settings.ALLOW_PRIVATE_NETWORKS = True
    return


def test_preauth_ends_the_session_before_a_password_is_said(private: None) -> None:
    def talk(connection: socket.socket, heard: list[bytes]) -> None:
        connection.sendall(b"* PREAUTH welcome\r\n")
        while line := connection.recv(4096):
            heard.append(line)
            tag = line.split(b" ")[0]
            connection.sendall(b"* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n" + tag + b" OK done\r\n")

    with Script(talk) as script, pytest.raises(Refused):
        Imap(At("127.0.0.1", script.port, STARTTLS), "ann", "secret")
    assert not any(b"secret" in line or b"AUTHENTICATE" in line or b"LOGIN" in line for line in script.heard)


def test_what_is_slipped_in_before_tls_ends_the_session(private: None) -> None:
    def talk(connection: socket.socket, heard: list[bytes]) -> None:
        connection.sendall(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n")
        while line := connection.recv(4096):
            heard.append(line)
            tag = line.split(b" ")[0]
            if b"STARTTLS" in line:
                connection.sendall(tag + b" OK begin\r\n* BYE said by somebody else\r\n")
            else:
                connection.sendall(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n" + tag + b" OK done\r\n")

    with Script(talk) as script, pytest.raises(Refused, match="behind the encryption"):
        Imap(At("127.0.0.1", script.port, STARTTLS), "ann", "secret")
    assert not any(b"secret" in line for line in script.heard)


def test_a_server_without_starttls_hears_no_password(private: None) -> None:
    def talk(connection: socket.socket, heard: list[bytes]) -> None:
        connection.sendall(b"* OK hello\r\n")
        while line := connection.recv(4096):
            heard.append(line)
            tag = line.split(b" ")[0]
            word = b" BAD no\r\n" if b"STARTTLS" in line else b" OK done\r\n"
            connection.sendall(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" + tag + word)

    with Script(talk) as script, pytest.raises(Trouble):
        Imap(At("127.0.0.1", script.port, STARTTLS), "ann", "secret")
    assert not any(b"secret" in line for line in script.heard)


def test_a_server_that_drips_is_not_waited_for(private: None, monkeypatch: pytest.MonkeyPatch) -> None:
    allow = wire.Channel.allow
    monkeypatch.setattr(wire.Channel, "allow", lambda self, size, _seconds: allow(self, size, 0.5))
    over = threading.Event()

    def talk(connection: socket.socket, _heard: list[bytes]) -> None:
        while not over.wait(0.05):
            connection.sendall(b"*")

    with Script(talk) as script:
        with pytest.raises(Trouble, match="took too long"):
            Imap(At("127.0.0.1", script.port, PLAIN), "ann", "secret")
        over.set()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("FETCH", b"* 1 FETCH (UID 1 RFC822.SIZE {99999999999}\r\n"),
        ("FETCH", b"* 1 FETCH (UID 1 X-GM-LABELS " + b"(" * 5000 + b"\r\n"),
        ("FETCH", b"* 1 FETCH (UID 1 RFC822.SIZE -5 FLAGS NIL INTERNALDATE NIL)\r\n"),
        ("FETCH", b"* 1 FETCH nonsense\r\n"),
        ("SEARCH", b"* SEARCH 1 99999999999999999999 -4 x\r\n"),
        ("SEARCH", b"* SEARCH " + b"1 " * 10_000_000 + b"\r\n"),
        ("LIST", b'* LIST (\\HasNoChildren) "/" {900000000}\r\n'),
        ("EXAMINE", b"* 1 EXISTS\r\n* OK [UIDVALIDITY x]\r\n"),
    ],
)
def test_nonsense_is_trouble_with_a_sentence(mover: Reader, command: str, answer: bytes) -> None:
    gmail = Gmail(tricks={command: lambda tag: answer + tag + b" OK done\r\n"})
    gmail.add(mail(subject="one"), "\\Inbox")
    with Server(gmail) as server:
        made = work(source(mover, server))
    assert made.state in (Source.MOVING, Source.DONE, Source.REFUSED)
    assert "our side" not in made.problem
    assert made.messages <= 1


def test_a_body_larger_than_it_was_said_to_be_is_not_read(mover: Reader, settings: Any) -> None:
    settings.MAX_MESSAGE_SIZE = 1_000_000
    gmail = Gmail()
    gmail.add(mail(subject="one"), "\\Inbox")

    def body(tag: bytes) -> bytes:
        line = gmail.log[-1]
        if "BODY.PEEK" in line:
            return (
                b"* 1 FETCH (UID 1 BODY[] {30000000}\r\n"
                + b"x" * 30_000_000
                + b")\r\n"
                + tag
                + b" OK done\r\n"
            )
        return (
            b"* 1 FETCH (UID 1 X-GM-MSGID 1 X-GM-LABELS () RFC822.SIZE 100 FLAGS () "
            b'INTERNALDATE "14-Nov-2023 22:13:20 +0000")\r\n' + tag + b" OK done\r\n"
        )

    gmail.tricks["FETCH"] = body
    with Server(gmail) as server:
        made = work(source(mover, server))
    assert made.problem == "The other host sent more than was asked for."
    assert made.messages == 0


@given(st.binary(max_size=60))
def test_any_folder_name_and_label_can_be_read(wire_name: bytes) -> None:
    assert "\x00" not in imap._plain(wire_name, b".").replace("\x00", "") or True
    assert isinstance(imap._label(wire_name), str)
    assert all(level for level in imap._plain(wire_name, b"/").split("/")) or not imap._plain(wire_name, b"/")


@given(
    st.dictionaries(
        st.sampled_from(["address", "password", "host", "port", "tls", "username", "protocol"]), st.text()
    )
)
def test_any_form_is_read_or_refused_with_the_field(said: dict[str, str]) -> None:
    try:
        asked = forms.read(said)
    except forms.Wrong as wrong:
        assert wrong.field in ("address", "password", "host", "port")
    else:
        assert 0 < asked.server.port < 65536
        assert asked.server.tls in (TLS, STARTTLS, PLAIN)


def test_servers_are_guessed_and_an_app_password_loses_its_gaps() -> None:
    assert guess("Ann@GMAIL.com").imap.host == "imap.gmail.com"
    assert guess("ann@unknown.example").smtp.host == "smtp.unknown.example"
    asked = forms.read({"address": "ann@gmail.com", "password": "abcd efgh ijkl mnop"})
    assert (asked.password, asked.server.port) == (PASSWORD, 993)
    asked = forms.read({"address": "a@web.de", "password": "x", "port": "", "tls": "tls"}, kind="smtp")
    assert asked.server == guess("a@web.de").smtp
    asked = forms.read({"address": "a@web.de", "password": "x", "port": "465", "tls": "tls"}, kind="smtp")
    assert asked.server == At("smtp.web.de", 465, TLS)
