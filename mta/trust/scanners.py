"""Other servers that judge mail, when settings name them: Rspamd over HTTP, clamd over its INSTREAM command.

Each has a short time; one that does not answer is left alone for a while, and the message counts as unscanned. What
they say is parsed with bounds: nothing of it is trusted further than its few fields. Called by `flow.scanning`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from mta.message.headers import one_line
from mta.trust.verdict import Evidence

log = logging.getLogger(__name__)

SECONDS = 8.0
LEARNING_SECONDS = 20.0
RESTS = 30.0  # seconds that a scanner which did not answer is left alone
MOST_ANSWER = 1 << 20
CHUNK = 256 * 1024
MOST_POINTS, LEAST_POINTS = 15.0, -3.0
RSPAMD, CLAMD = "rspamd", "clamd"

T = TypeVar("T")
_resting: dict[str, float] = {}


class NoAnswer(Exception):
    """The scanner did not say anything that can be used."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a scanner is told beside the message."""

    ip: str = ""
    helo: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What the scanners said. `virus` is the name of one; `unscanned` names who did not answer."""

    evidence: tuple[Evidence, ...] = ()
    virus: str = ""
    unscanned: tuple[str, ...] = ()

    def plus(self, other: Found) -> Found:
        return Found(
            self.evidence + other.evidence, self.virus or other.virus, self.unscanned + other.unscanned
        )


async def scan(raw: bytes, envelope: Envelope, *, rspamd: str = "", clamd: str = "") -> Found:
    """Ask both at the same time; never raises, and never takes longer than SECONDS."""
    found = Found()
    for each in await asyncio.gather(_rspamd(raw, envelope, rspamd), _clamd(raw, clamd)):
        found = found.plus(each)
    return found


async def _within(name: str, url: str, ask: Callable[[], Awaitable[T]]) -> T | None:
    """What is asked, or None if there was no answer in time; then the scanner rests."""
    if _resting.get(url, 0.0) > time.monotonic():
        return None
    try:
        async with asyncio.timeout(SECONDS):
            return await ask()
    except (OSError, TimeoutError, NoAnswer, EOFError, asyncio.LimitOverrunError, ValueError) as trouble:
        log.warning("%s did not answer: %s", name, trouble or type(trouble).__name__)
        if not isinstance(trouble, NoAnswer):
            _resting[url] = time.monotonic() + RESTS
        return None


# --- Rspamd
async def _rspamd(raw: bytes, envelope: Envelope, url: str) -> Found:
    if not url:
        return Found()
    answer = await _within(
        RSPAMD, url, lambda: _post(url, "/checkv2", raw, _headers(envelope), seconds=SECONDS)
    )
    evidence = rspamd_evidence(answer[1]) if answer and answer[0] == 200 else None
    return Found(unscanned=(RSPAMD,)) if evidence is None else Found((evidence,))


def _headers(envelope: Envelope) -> list[tuple[str, str]]:
    wanted = [("IP", envelope.ip), ("Helo", envelope.helo), ("From", envelope.sender)]
    wanted += [("Rcpt", each) for each in envelope.recipients[:100]]
    return [(name, value) for name, value in wanted if value]


def rspamd_evidence(body: bytes) -> Evidence | None:
    """Rspamd's answer as evidence; None if it is none. Its own threshold for refusing becomes ours."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not isinstance(said.get("action"), str):
        return None
    score, most = _number(said.get("score")), _number(said.get("required_score"))
    points = score * MOST_POINTS / most if most > 0 else score
    points = round(max(LEAST_POINTS, min(MOST_POINTS, points)), 2)
    action = re.sub(r"[^a-z ]", "", said["action"].lower())[:30] or "none"
    names = _symbols(said.get("symbols"))
    reason = f"Rspamd says “{action}”" + (f" because of {', '.join(names)}." if names else ".")
    return Evidence("rspamd", action.replace(" ", "-"), reason, "", points)


def _symbols(found: Any) -> list[str]:
    """The names of what counted most against it."""
    if not isinstance(found, Mapping):
        return []
    scored = [
        (_number(value.get("score")), re.sub(r"\W", "", name, flags=re.ASCII)[:40])
        for name, value in list(found.items())[:1_000]
        if isinstance(name, str) and isinstance(value, Mapping)
    ]
    return [name for score, name in sorted(scored, reverse=True)[:4] if score > 0 and name]


def _number(value: Any) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6
    return float(value) if usable else 0.0


async def teach(raw: bytes, url: str, *, spam: bool) -> bool:
    """Tell Rspamd's controller what a message is; whether it took it (one learned before is taken, too)."""
    path = "/learnspam" if spam else "/learnham"
    try:
        async with asyncio.timeout(LEARNING_SECONDS):
            status, body = await _post(url, path, raw, [], seconds=LEARNING_SECONDS)
    except (OSError, TimeoutError, NoAnswer, EOFError, asyncio.LimitOverrunError, ValueError) as trouble:
        log.warning("rspamd did not learn: %s", trouble or type(trouble).__name__)
        return False
    return status in (200, 204, 208) or b"already learned" in body


async def _post(
    url: str, path: str, body: bytes, headers: list[tuple[str, str]], *, seconds: float
) -> tuple[int, bytes]:
    """One request of HTTP/1.1 and its answer (RFC 9112), over a connection of its own."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NoAnswer(f"{url!r} is no address of Rspamd's")
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 11334)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    lines = [f"POST {parts.path.rstrip('/')}{path} HTTP/1.1", f"Host: {host}:{port}", "Connection: close"]
    if parts.password:
        lines.append(f"Password: {_value(unquote(parts.password))}")
        if parts.username:
            both = f"{unquote(parts.username)}:{unquote(parts.password)}".encode()
            lines.append(f"Authorization: Basic {base64.b64encode(both).decode()}")
    lines += [f"{name}: {_value(value)}" for name, value in headers]
    lines += [f"Content-Length: {len(body)}", "", ""]
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure or None, limit=64 * 1024)
    try:
        writer.write("\r\n".join(lines).encode("utf-8", "replace"))
        writer.write(body)
        await writer.drain()
        return await _answer(reader)
    finally:
        writer.close()


def _value(text: str) -> str:
    """A header's value on one line."""
    return one_line(text)[:1_000]


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    match = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    if match is None:
        raise NoAnswer("that was no HTTP")
    length = re.search(rb"\r\ncontent-length:[ \t]{0,10}(\d{1,10})", head, re.IGNORECASE)
    if length is None and re.search(rb"\r\ntransfer-encoding:[ \t]{0,10}chunked", head, re.IGNORECASE):
        raise NoAnswer("an answer in chunks")
    size = min(int(length[1]), MOST_ANSWER) if length else MOST_ANSWER
    body = b""
    while len(body) < size and (more := await reader.read(size - len(body))):
        body += more
    return int(match[1]), body


# --- clamd
async def _clamd(raw: bytes, url: str) -> Found:
    if not url:
        return Found()
    answer = await _within(CLAMD, url, lambda: _instream(raw, url))
    return Found(unscanned=(CLAMD,)) if answer is None else clamd_found(answer)


def clamd_found(answer: bytes) -> Found:
    """clamd's line: "stream: OK", "stream: NAME FOUND", or an error, which is no answer."""
    text = one_line(answer[:2_000].decode("ascii", "replace").strip("\0\r\n "))
    if text == "stream: OK":
        return Found((Evidence("virus", "pass", "No virus was found."),))
    match = re.fullmatch(r"stream: (.{1,200}) FOUND", text)
    if match is None:
        log.warning("clamd could not scan: %s", text[:200])
        return Found(unscanned=(CLAMD,))
    name = re.sub(r"\([0-9a-f]{32}:\d+\)$", "", match[1])
    return Found((Evidence("virus", "fail", f"It carries the virus {name}.", name),), virus=name)


async def _instream(raw: bytes, url: str) -> bytes:
    reader, writer = await _connect(url)
    try:
        writer.write(b"zINSTREAM\0")
        for start in range(0, len(raw), CHUNK):
            piece = raw[start : start + CHUNK]
            writer.write(struct.pack("!I", len(piece)) + piece)
            await writer.drain()
        writer.write(struct.pack("!I", 0))
        await writer.drain()
        return await reader.readuntil(b"\0")
    except (ConnectionResetError, BrokenPipeError):
        # It says that a stream is too long and hangs up; what it said may still be read.
        return await reader.read(2_000)
    finally:
        writer.close()


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if url.startswith("/") or url.startswith("unix:"):
        return await asyncio.open_unix_connection("/" + url.removeprefix("unix:").lstrip("/"), limit=4_096)
    parts = urlsplit(url if "://" in url else f"tcp://{url}")
    if not parts.hostname:
        raise NoAnswer(f"{url!r} is no address of clamd's")
    return await asyncio.open_connection(parts.hostname, parts.port or 3310, limit=4_096)
