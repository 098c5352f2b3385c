"""Small, quick clients for the benchmarks: an SMTP sender, an IMAP reader, a web session.

They check every answer: a benchmark that loses mail or reads nonsense fails instead of being fast.
"""

from __future__ import annotations

import asyncio
import http.client
import re
import socket
from urllib.parse import urlencode


async def send_all(port: int, sender: str, recipients: list[str], message: bytes, count: int) -> None:
    """Send `count` copies over one connection, recipients in turn; each must be answered 250."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def expect(code: bytes) -> None:
        line = await reader.readline()
        while line[3:4] == b"-":
            line = await reader.readline()
        if not line.startswith(code):
            raise AssertionError(f"expected {code!r}, got {line!r}")

    await expect(b"220")
    writer.write(b"EHLO bench.test\r\n")
    await expect(b"250")
    body = re.sub(rb"(?m)^\.", b"..", message)
    for number in range(count):
        to = recipients[number % len(recipients)]
        writer.write(f"MAIL FROM:<{sender}>\r\n".encode())
        await expect(b"250")
        writer.write(f"RCPT TO:<{to}>\r\n".encode())
        await expect(b"250")
        writer.write(b"DATA\r\n")
        await expect(b"354")
        writer.write(body + b".\r\n")
        await expect(b"250")
    writer.write(b"QUIT\r\n")
    await expect(b"221")
    writer.close()


class Imap:
    """One signed-in IMAP connection that reads whole responses."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._file = self._socket.makefile("rb")
        self._file.readline()
        self._tag = 0
        self.command(f'LOGIN "{user}" "{password}"')

    def command(self, text: str) -> list[bytes]:
        """Send a command; returns its untagged lines. The tagged answer must be OK."""
        self._tag += 1
        tag = f"a{self._tag}".encode()
        self._socket.sendall(tag + b" " + text.encode() + b"\r\n")
        lines = []
        while True:
            line = self._file.readline()
            if line.startswith(tag + b" "):
                if not line.startswith(tag + b" OK"):
                    raise AssertionError(line)
                return lines
            if not line:
                raise AssertionError("the server hung up")
            lines.append(line)

    def close(self) -> None:
        self._socket.close()


class Web:
    """One signed-in web session with a kept connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> bytes:
        """The body of a page; redirects are followed."""
        return self._request("GET", path, None)

    def sign_in(self, user: str, password: str) -> None:
        page = self.get("/").decode()
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        token = found[1] if found else self._cookies.get("csrftoken", "")
        form = {"username": user, "password": password, "csrfmiddlewaretoken": token}
        self._request("POST", "/", urlencode(form))

    def _request(self, method: str, path: str, body: str | None) -> bytes:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self._cookies[key] = rest.split(";")[0]
        if answer.status in (301, 302, 303):
            return self._request("GET", answer.headers["Location"], None)
        if answer.status != 200:
            raise AssertionError(f"{path}: {answer.status}")
        return content
