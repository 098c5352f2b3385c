"""Real mail programs and libraries against a running installation, as its users point them at it.

Every test has an account of its own on the installation that the process shares (fixture `product`). A
program that is not installed skips its tests, and `manage.py test` tells so.
"""

from __future__ import annotations

import imaplib
import itertools
import os
import shutil
import smtplib
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.product import Product

PASSWORD = "right horse battery"
DOMAIN = "clients.test"
_ROOM = 80  # accounts made at once: one process instead of one for each test

_MAKE = f"""
from hosting import accounts, domains
from hosting.actor import system
actor = system("tests")
domain = domains.find({DOMAIN!r})
for number in range({_ROOM}):
    accounts.add(domain, f"user{{number}}", password={PASSWORD!r}, full_name=f"User {{number}}", actor=actor)
"""


class Person:
    """Somebody with a mailbox on the installation, and where their programs connect."""

    host = "127.0.0.1"
    password = PASSWORD

    def __init__(self, address: str, product: Product) -> None:
        self.address = address
        self.product = product
        self.certificate = product.data_dir / "tls" / "cert.pem"

    def port(self, service: str) -> int:
        return self.product.port(service)

    def receives(self, *messages: bytes) -> None:
        """Mail from outside, over SMTP."""
        with smtplib.SMTP(self.host, self.port("smtp"), timeout=20) as smtp:
            for raw in messages:
                smtp.sendmail("ada@outside.test", [self.address], raw)

    @contextmanager
    def mailbox(self, name: str = "INBOX", *, readonly: bool = True) -> Iterator[imaplib.IMAP4]:
        """A mailbox, opened with the standard library."""
        with imaplib.IMAP4(self.host, self.port("imap"), timeout=20) as client:
            client.login(self.address, self.password)
            assert client.select(name, readonly)[0] == "OK"
            yield client

    def messages(self, name: str = "INBOX") -> list[bytes]:
        """Whole messages in UID order, as IMAP gives them."""
        with self.mailbox(name) as client:
            data = client.uid("FETCH", "1:*", "(BODY.PEEK[])")[1]
        return [part[1] for part in data if isinstance(part, tuple)]


@pytest.fixture(scope="session")
def _addresses(product: Product) -> Iterator[str]:
    product.add_domain(DOMAIN)
    product.ask("shell", "-c", _MAKE)
    return iter(f"user{number}@{DOMAIN}" for number in range(_ROOM))


@pytest.fixture
def person(_addresses: Iterator[str], product: Product) -> Person:
    """An account with an empty mailbox."""
    return Person(next(_addresses), product)


@pytest.fixture
def friend(_addresses: Iterator[str], product: Product) -> Person:
    """Another one, to write to."""
    return Person(next(_addresses), product)


@pytest.fixture
def trusting(product: Product) -> ssl.SSLContext:
    """TLS that trusts the installation's own certificate, and checks it."""
    return ssl.create_default_context(cafile=str(product.data_dir / "tls" / "cert.pem"))


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program in an empty home folder; it fails the test unless it exits with `code`."""

    def run(*arguments: str | Path, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [str(each) for each in arguments]
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed")
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "xterm"},
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    return run


@pytest.fixture
def letters() -> list[bytes]:
    """Messages that a careless server or client would change: 8-bit, long lines, dots, no text, blank ends."""
    numbers = itertools.count(1)

    def letter(body: bytes, *headers: bytes) -> bytes:
        number = next(numbers)
        lines = [
            b"From: Ada Lovelace <ada@outside.test>",
            b"To: you@clients.test",
            b"Subject: Letter %d" % number,
            b"Message-ID: <letter%d@outside.test>" % number,
            b"Date: Mon, 12 Oct 2026 10:00:0%d +0000" % number,
            *headers,
        ]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    return [
        letter("Grüße aus Zürich\r\n".encode(), b"Content-Type: text/plain; charset=utf-8"),
        letter(b"Caf\xe9\r\n", b"Content-Type: text/plain; charset=iso-8859-1"),
        letter(b".\r\n..\r\n.dots at the start\r\n"),
        letter(b"x" * 900 + b"\r\n" + b"From the start of a line\r\n"),
        letter(b""),
        letter(b"one\r\n\r\n\r\n"),
        letter(
            b'--b\r\nContent-Type: text/html\r\n\r\n<p>Hello\r\n--b\r\nContent-Disposition: attachment; filename="a.bin"\r\n'
            b"Content-Transfer-Encoding: base64\r\n\r\nAAECAwQ=\r\n--b--\r\n",
            b'Content-Type: multipart/mixed; boundary="b"',
        ),
    ]


@pytest.fixture
def oddities() -> list[bytes]:
    """What a copy through a mail program must not change, with the line ends of the wire."""
    start = b"From: Ada Lovelace <ada@outside.test>\r\nTo: you@clients.test\r\nDate: Mon, 12 Oct 2026 10:00:00 +0000\r\n"
    inner = start + b"Subject: inside\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n"
    inner += b"--in\r\n\r\nplain\r\n--in\r\nContent-Type: text/html\r\n\r\n<p>html\r\n--in--\r\n"
    nested = b'Content-Type: multipart/mixed; boundary="out"\r\n\r\npreamble\r\n--out\r\nContent-Type: message/rfc822\r\n\r\n'
    bodies = {
        "8-bit": b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe \xff\xfe\r\n",
        "no final newline": b"\r\nthe end",
        "long lines": b"\r\n" + b"x" * 20_000 + b"\r\n" + b"y" * 998 + b"\r\n",
        "empty body": b"\r\n",
        "blank ends": b"\r\none\r\n\r\n\r\n",
        "From lines": b"\r\nFrom the start\r\n>From\r\nFrom ada@outside.test Mon Oct 12 10:00:00 2026\r\n",
        "dots": b"\r\n.\r\n..\r\n.dot\r\n",
        "nested": nested + inner + b"\r\n--out--\r\nepilogue",
        "spaces": b"X-Folded: one\r\n \ttwo\r\n\tthree  \r\n\r\n \r\n\t\r\ntrailing   \r\n",
        "5 MB": b"\r\n" + b"\r\n".join([b"A" * 76] * 67_000) + b"\r\n",
    }
    return [
        start + b"Subject: %s\r\nMessage-ID: <odd%d@outside.test>\r\n" % (name.encode(), number) + body
        for number, (name, body) in enumerate(bodies.items())
    ]
