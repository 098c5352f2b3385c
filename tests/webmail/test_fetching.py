"""What the fetcher asks and what it never asks: the whole table of tricks, and hostile servers on loopback."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mta import resolver
from mta.resolver import Answer as Answered
from tests.fake_resolver import FakeResolver
from webmail import fetching
from webmail.fetching import Failed, Reach, Refused, fetch, is_public, target_of

PUBLIC = Reach()
LAB = Reach(private=True)


@pytest.mark.parametrize(
    "address",
    [
        *"127.0.0.1 127.255.255.254 0.0.0.0 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1".split(),
        *"192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1".split(),
        *"255.255.255.255 ::1 :: fe80::1 fc00::1 fd00:ec2::254 ff02::1 fec0::1 2001:db8::1 100::1".split(),
        *"::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 ::ffff:a9fe:a9fe 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe".split(),
        *"64:ff9b:1::1 2002:7f00:1:: 2002:a00:1::1 2001:0:53aa:64c::1 localhost 0x7f.1 2130706433 1.2.3".split(),
        "",
    ],
)
def test_addresses_that_are_not_everybodys_are_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", "1.1.1.1 93.184.215.14 2606:4700::1111 ::ffff:1.1.1.1 64:ff9b::101:101".split()
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *"http://127.0.0.1/ http://127.1/ http://0x7f.1/ http://0x7f000001/ http://2130706433/ http://0177.0.0.1/".split(),
        *"http://017700000001/ http://127.0.0.01/ http://1.2.3.4.5/ http://0/ http://[::1]/ http://[::]/".split(),
        *"http://[::ffff:127.0.0.1]/ http://[fe80::1%25eth0]/ http://169.254.169.254/latest/ http://[fd00:ec2::254]/".split(),
        *"http://a@a.test/ http://a:b@a.test/ http://a.test@127.0.0.1/ http://a.test:22/ http://a.test:8080/".split(),
        *"https://a.test:80/ http://a.test:443/ ftp://a.test/ file:///etc/passwd gopher://a.test/ //a.test/ /x data:,x".split(),
        *"http:/// http://.../ http://a..b/ http://-a.test/ http://a_b%00.test/ http://a.test:x/ http://[::1".split(),
        *"http://\u2025/ http://①②⑦.0.0.1/ http://127。0。0。1/ javascript:alert(1)".split(),
        "http://a.test/\r\nHost: b.test",
        "http://a.test/ x",
        "http://a.test\\@b.test/",
        f"http://a.test/{'x' * 5000}",
    ],
)
def test_what_is_no_plain_address_of_a_public_web_server_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        fetch(url, reach=PUBLIC)


def test_a_proper_address_is_asked_for_as_it_stands() -> None:
    found = target_of("https://Bücher.test/ä b".replace(" ", "%20") + "?q=1&r=%2F", PUBLIC)
    assert found.url == "https://xn--bcher-kva.test/%C3%A4%20b?q=1&r=%2F"
    assert (found.host, found.port) == ("xn--bcher-kva.test", 443)


@pytest.mark.parametrize("found", [["10.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["169.254.169.254"]])
def test_a_name_with_any_address_inside_is_refused(found: list[str]) -> None:
    with resolver.use(FakeResolver({"127-0-0-1.nip.test": {"A": found}})), pytest.raises(Refused):
        fetch("http://127-0-0-1.nip.test/", reach=PUBLIC)


def test_a_name_is_resolved_once_and_just_that_address_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that answers otherwise the second time (DNS rebinding) is not asked a second time."""

    class Rebinding(FakeResolver):
        async def addresses(self, host: str) -> Answered[str]:
            found = await super().addresses(host)
            self.zone = {"a.test": {"A": ["127.0.0.1"]}}
            return found

    connected: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    names = Rebinding({"a.test": {"A": ["93.184.215.14"]}})
    with resolver.use(names):
        with pytest.raises(Failed):
            fetch("http://a.test/", reach=PUBLIC)
        assert connected == [("93.184.215.14", 80)]
        assert names.asked == [("a.test", "AAAA"), ("a.test", "A")]
        with pytest.raises(Refused):
            fetch("http://a.test/", reach=PUBLIC)
    assert len(connected) == 1


def test_a_demonstration_asks_nobody_outside_this_machine() -> None:
    for url in ("http://1.1.1.1:8000/", "http://127.0.0.1/"):
        with pytest.raises(Refused):
            fetch(url, reach=Reach(sandbox=True))
    with resolver.use(FakeResolver({"a.test": {"A": ["1.1.1.1"]}})), pytest.raises(Refused):
        fetch("http://a.test:8000/", reach=Reach(sandbox=True))


# --- servers ------------------------------------------------------------------------------------------------
Answer = Callable[[socket.socket, bytes], None]


@contextmanager
def server(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """A server on loopback that does what `answer` does; gives its port and what it was asked."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                sock, _peer = listener.accept()
            except OSError:
                return
            try:
                sock.settimeout(5)
                with closing(tls.wrap_socket(sock, server_side=True) if tls else sock) as talking:
                    asked = talking.recv(65536)
                    heard.append(asked)
                    answer(talking, asked)
            except OSError:
                pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], heard
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def says(data: bytes) -> Answer:
    return lambda sock, asked: sock.sendall(data)


OK = b"HTTP/1.1 200 OK\r\nContent-Type: image/png; x=y\r\nContent-Length: 2\r\n\r\nhi"


@pytest.fixture(autouse=True)
def names() -> Iterator[FakeResolver]:
    here = {"A": ["127.0.0.1"]}
    with resolver.use(FakeResolver({"a.test": here, "b.test": here})) as _nothing:
        yield resolver.current()  # type: ignore[misc]


def test_an_answer_comes_and_nothing_is_told_about_the_reader(names: FakeResolver) -> None:
    with server(says(OK)) as (port, heard):
        found = fetch(f"http://a.test:{port}/x?y=1", reach=LAB)
    assert (found.status, found.kind, found.data) == (200, "image/png", b"hi")
    said = heard[0].decode().lower()
    assert said.startswith("get /x?y=1 http/1.1\r\nhost: a.test:")
    assert not any(word in said for word in ("cookie", "referer", "mailstead", "python", "authorization"))
    assert len([each for each in names.asked if each[1] == "A"]) == 1  # the name is asked for once


def test_a_post_brings_its_body() -> None:
    with server(says(OK)) as (port, heard):
        fetch(
            f"http://a.test:{port}/u",
            method="POST",
            body=b"List-Unsubscribe=One-Click",
            content_type="application/x-www-form-urlencoded",
            redirects=0,
            reach=LAB,
        )
    assert heard[0].endswith(b"\r\n\r\nList-Unsubscribe=One-Click")
    assert b"Content-Length: 26" in heard[0]


def test_redirects_are_followed_but_each_is_judged_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def moved(to: str) -> Answer:
        return says(f"HTTP/1.1 302 Found\r\nLocation: {to}\r\n\r\n".encode())

    with server(says(OK)) as (there, _heard), server(moved(f"http://b.test:{there}/")) as (here, _also):
        assert fetch(f"http://a.test:{here}/", reach=LAB).url == f"http://b.test:{there}/"
    for target in ("file:///etc/passwd", "//a@b.test/", "http://0x7f.1/"):
        with server(moved(target)) as (port, _heard), pytest.raises(Refused):
            fetch(f"http://a.test:{port}/", reach=LAB)
    with server(moved("/again")) as (port, heard), pytest.raises(Failed, match="redirects"):
        fetch(f"http://a.test:{port}/", reach=LAB)
    assert len(heard) == 4
    # A public server that points inside: what is public is changed for the first address only.
    monkeypatch.setattr(fetching, "is_public", lambda address: address == "127.0.0.1")
    with server(moved("http://10.0.0.1/")) as (port, _heard):
        monkeypatch.setattr(fetching, "_PORTS", {"http": port, "https": 443})
        with pytest.raises(Refused, match=r"10\.0\.0\.1"):
            fetch(f"http://a.test:{port}/", reach=PUBLIC)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 3000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nBB8\r\n" + b"x" * 3000 + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 5000,
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000,
        b"220 mail.example ESMTP\r\n",
        b"\x00\xff" * 10,
        b"",
    ],
    ids=range(9),
)
def test_answers_that_are_too_large_or_none_fail(data: bytes) -> None:
    with server(says(data)) as (port, _heard), pytest.raises(Failed):
        fetch(f"http://a.test:{port}/", limit=2000, reach=LAB)


def test_a_server_that_drips_meets_the_deadline() -> None:
    def drip(sock: socket.socket, asked: bytes) -> None:
        for _each in range(100):
            sock.sendall(b"H")
            time.sleep(0.05)

    started = time.monotonic()
    with server(drip) as (port, _heard), pytest.raises(Failed):
        fetch(f"http://a.test:{port}/", seconds=0.4, reach=LAB)
    assert time.monotonic() - started < 3


def test_a_name_that_is_not_answered_meets_the_deadline() -> None:
    with resolver.use(FakeResolver({"a.test": resolver.Temporary("no server")})), pytest.raises(Failed):
        fetch("http://a.test/", reach=PUBLIC)


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, private = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, private)
    return context, cert


def test_tls_is_checked_against_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, cert = _certificate(tmp_path, "a.test")
    trusting = ssl.create_default_context(cafile=str(cert))
    with server(says(OK), tls=context) as (port, _heard):
        with pytest.raises(Failed, match="CERTIFICATE"):
            fetch(f"https://a.test:{port}/", reach=LAB)
        monkeypatch.setattr(fetching, "_tls", lambda: trusting)
        assert fetch(f"https://a.test:{port}/", reach=LAB).data == b"hi"
        with pytest.raises(Failed, match="CERTIFICATE"):
            fetch(f"https://b.test:{port}/", reach=LAB)
