"""Connections by a proxy: it says who is there, before TLS and before the first word; nobody else may."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from mta.serve import proxy
from mta.tracing import service as tracing
from mta.wire.proxy import SIGNATURE
from tests.mail import mail
from tests.sidecar import FakeDirectory, RunningSidecar, Wire, stored

FIRST = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\r\n"
SECOND = SIGNATURE + b"\x21\x11\0\x0c" + bytes([192, 0, 2, 7, 198, 51, 100, 1]) + struct.pack("!HH", 4711, 25)
LOCAL = SIGNATURE + b"\x20\0\0\0"

PORTS = ["SMTP_LISTEN", "SUBMISSION_LISTEN", "IMAP_LISTEN", "POP3_LISTEN"]
TLS_PORTS = ["SUBMISSIONS_LISTEN", "IMAPS_LISTEN", "POP3S_LISTEN"]
GREETINGS = (b"220 ", b"* OK ", b"+OK ")


@pytest.fixture
def proxied(
    people: FakeDirectory, free_ports: None, server_tls: ssl.SSLContext, settings: Any
) -> Iterator[RunningSidecar]:
    settings.PROXY_FROM = [ipaddress.ip_network("127.0.0.0/8")]
    with RunningSidecar(server_tls) as running:
        yield running


def connect(sidecar: RunningSidecar, port: str) -> socket.socket:
    return socket.create_connection(sidecar.address(port), timeout=10)


@pytest.mark.parametrize("header", [FIRST, SECOND, LOCAL, b"PROXY UNKNOWN\r\n"])
@pytest.mark.parametrize("port", PORTS)
def test_after_the_header_the_session_begins(proxied: RunningSidecar, port: str, header: bytes) -> None:
    with connect(proxied, port) as client:
        client.sendall(header)
        assert client.recv(100).startswith(GREETINGS)


@pytest.mark.parametrize("header", [FIRST, SECOND])
@pytest.mark.parametrize("port", TLS_PORTS)
def test_the_header_comes_before_the_handshake(
    proxied: RunningSidecar, client_tls: ssl.SSLContext, port: str, header: bytes
) -> None:
    with connect(proxied, port) as client:
        client.sendall(header)
        with client_tls.wrap_socket(client, server_hostname="localhost") as secured:
            assert secured.recv(100).startswith(GREETINGS)


def test_the_trace_names_the_client_and_not_the_proxy(proxied: RunningSidecar, people: FakeDirectory) -> None:
    with Wire(proxied.address("SMTP_LISTEN"), greeting=False) as wire:
        wire.send(SECOND)
        assert wire.reply().startswith("220")
        assert wire.ask("EHLO client.test").startswith("250")
        assert wire.ask("MAIL FROM:<joe@outside.test>").startswith("250")
        assert wire.ask("RCPT TO:<ann@example.test>").startswith("250")
        assert wire.ask("DATA").startswith("354")
        answer = wire.ask(mail() + b".")
    assert tracing.timeline(answer.split()[-1])[0].ip == "192.0.2.7"
    assert b"[192.0.2.7]" in stored(people.people["ann@example.test"])[0]


@pytest.mark.parametrize("header", [FIRST.replace(b"192.0.2.7", b"127.0.0.9"), LOCAL])
def test_not_a_byte_of_what_follows_the_header_is_lost(proxied: RunningSidecar, header: bytes) -> None:
    with Wire(proxied.address("SMTP_LISTEN"), greeting=False) as wire:
        wire.send(header + b"EHLO client.test\r\nMAIL FROM:<joe@outside.test>\r\n")
        assert [wire.reply()[:3] for _ in range(3)] == ["220", "250", "250"]


def test_a_password_in_clear_is_judged_by_the_client_s_address(proxied: RunningSidecar) -> None:
    with Wire(proxied.address("SUBMISSION_LISTEN"), greeting=False) as wire:
        wire.send(FIRST)
        wire.reply()
        assert "AUTH" not in wire.ask("EHLO laptop.test")


@pytest.mark.parametrize(
    "words",
    [
        b"EHLO client.test\r\nNOOP\r\n",
        b"PROXY TCP4 192.0.2.7\r\n",
        FIRST[:-2] + b"\n" + FIRST,
        b"\x16\x03\x01" * 9,
    ],
)
def test_without_a_header_a_proxy_is_not_listened_to(proxied: RunningSidecar, words: bytes) -> None:
    with connect(proxied, "SMTP_LISTEN") as client:
        client.sendall(words)
        with suppress(ConnectionResetError):  # closed with bytes of ours unread
            assert client.recv(100) == b""


@pytest.mark.parametrize("port", ["SMTP_LISTEN", "IMAPS_LISTEN"])
def test_a_header_that_does_not_come_is_not_waited_for(
    proxied: RunningSidecar, monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    monkeypatch.setattr(proxy, "SECONDS", 0.3)
    for said in (b"", FIRST[:20], SECOND[:20]):
        with connect(proxied, port) as client:
            client.sendall(said)
            assert client.recv(100) == b""


def test_from_anybody_else_a_header_is_one_more_unknown_command(sidecar: RunningSidecar) -> None:
    with Wire(sidecar.address("SMTP_LISTEN")) as wire:
        wire.send(FIRST)
        assert wire.reply().startswith("500 5.5.1")


@pytest.mark.parametrize("port", TLS_PORTS)
def test_a_client_that_begins_no_handshake_hears_nothing(sidecar: RunningSidecar, port: str) -> None:
    with connect(sidecar, port) as client:
        client.sendall(b"EHLO client.test\r\n")
        with suppress(ConnectionResetError):
            assert not client.recv(100).startswith(GREETINGS)
