"""Rspamd, clamd and lists over the DNS: what they say, and that nobody waits for them when they say nothing."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.resolver import FOUND, NO_NAME, Answer, Temporary
from mta.trust import dnsbl, scanners
from mta.trust.scanners import Envelope, Found
from mta.trust.verdict import Evidence
from tests import ports
from tests.eventually import eventually

LETTER = b"From: a@b.test\r\nTo: ann@example.test\r\nSubject: hello\r\n\r\nHow are you?\r\n"
# The test file of EICAR, in two parts so that no scanner takes this file for one.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD" + rb"-ANTIVIRUS-TEST-FILE!$H+H*"
WHO = Envelope("192.0.2.1", "mail.b.test", "a@b.test", ("ann@example.test",))


@pytest.fixture(autouse=True)
def rested() -> Iterator[None]:
    scanners._resting.clear()
    yield
    scanners._resting.clear()


@asynccontextmanager
async def server(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    made = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield made.sockets[0].getsockname()[1]
    finally:
        made.close()


# --- Rspamd
def test_rspamd_is_told_the_envelope_and_its_points_become_ours() -> None:
    heard = b""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        heard = await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(len(LETTER))
        symbols = {"BAYES_SPAM": {"score": 5.1}, "R_SPF_ALLOW": {"score": -0.2}, "URL<b>": {"score": 7}}
        said = {"action": "add header", "score": 7.5, "required_score": 15.0, "symbols": symbols}
        body = json.dumps(said).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async def ask() -> Found:
        async with server(answer) as port:
            return await scanners.scan(LETTER, WHO, rspamd=f"http://127.0.0.1:{port}")

    (found,) = asyncio.run(ask()).evidence
    assert (found.method, found.result, found.score) == ("rspamd", "add-header", 7.5)
    assert found.reason == "Rspamd says “add header” because of URLb, BAYES_SPAM."
    assert b"POST /checkv2 HTTP/1.1\r\n" in heard
    assert b"\r\nIP: 192.0.2.1\r\nHelo: mail.b.test\r\nFrom: a@b.test\r\nRcpt: ann@example.test\r\n" in heard


def test_a_sender_cannot_write_headers_into_the_request() -> None:
    assert scanners._value("a@b.test\r\nIP: 127.0.0.1\r\n\r\n") == "a@b.test IP: 127.0.0.1"


@given(st.one_of(st.binary(max_size=400), st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=9)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(
        st.sampled_from(["action", "score", "required_score", "symbols", "x"]), inner, max_size=5
    )),
    max_leaves=12,
).map(lambda said: json.dumps(said).encode())))  # fmt: skip
def test_whatever_rspamd_says_is_evidence_with_bounded_points_or_none(body: bytes) -> None:
    found = scanners.rspamd_evidence(body)
    if found is not None:
        assert scanners.LEAST_POINTS <= found.score <= scanners.MOST_POINTS
        assert len(found.reason) < 400


def test_a_nested_answer_of_a_megabyte_is_none() -> None:
    assert scanners.rspamd_evidence(b"[" * 1_000_000) is None


# --- clamd
@given(st.binary(max_size=300))
def test_whatever_clamd_says_is_a_virus_or_not_or_no_answer(line: bytes) -> None:
    found = scanners.clamd_found(line)
    assert found.virus or found.unscanned or found.evidence


def test_clamd_gets_the_message_in_pieces_and_names_the_virus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanners, "CHUNK", 10)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(10) == b"zINSTREAM\0"
        whole = b""
        while size := struct.unpack("!I", await reader.readexactly(4))[0]:
            whole += await reader.readexactly(size)
        writer.write(b"stream: Eicar-Test-Signature FOUND\0" if EICAR in whole else b"stream: OK\0")
        await writer.drain()
        writer.close()

    async def ask(raw: bytes) -> Found:
        async with server(answer) as port:
            return await scanners.scan(raw, WHO, clamd=f"tcp://127.0.0.1:{port}")

    bad = asyncio.run(ask(LETTER + EICAR))
    assert bad.virus == "Eicar-Test-Signature"
    assert bad.evidence[0].reason == "It carries the virus Eicar-Test-Signature."
    good = asyncio.run(ask(LETTER))
    assert (good.virus, good.evidence[0].result, good.unscanned) == ("", "pass", ())


def test_a_stream_that_is_too_long_is_no_answer() -> None:
    assert scanners.clamd_found(b"INSTREAM size limit exceeded. ERROR\0") == Found(unscanned=("clamd",))


# --- nobody there
def test_who_does_not_answer_costs_his_time_once_and_is_left_alone_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scanners, "SECONDS", 0.2)
    calls = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await reader.read()
        writer.close()

    async def ask() -> list[Found]:
        async with server(silent) as port:
            urls = {"rspamd": f"http://127.0.0.1:{port}", "clamd": f"tcp://127.0.0.1:{port}"}
            return [await scanners.scan(LETTER, WHO, **urls) for _ in range(3)]

    found = asyncio.run(ask())
    assert [each.unscanned for each in found] == [("rspamd", "clamd")] * 3
    assert calls == 2


@pytest.mark.parametrize(
    "reply", [b"", b"\0" * 70_000, b"HTTP/1.1 500 no\r\n\r\n", b"SSH-2.0-x\r\n\r\n", b"stream: "]
)
def test_nonsense_is_no_answer(reply: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(reply)
        writer.close()

    async def ask() -> Found:
        async with server(answer) as port:
            return await scanners.scan(
                LETTER, WHO, rspamd=f"http://127.0.0.1:{port}", clamd=f"tcp://127.0.0.1:{port}"
            )

    assert asyncio.run(ask()) == Found(unscanned=("rspamd", "clamd"))


def test_nobody_listens() -> None:
    port = ports.reserved()
    begun = time.monotonic()
    found = asyncio.run(scanners.scan(LETTER, WHO, clamd=f"tcp://127.0.0.1:{port}"))
    assert found.unscanned == ("clamd",)
    assert time.monotonic() - begun < scanners.SECONDS


# --- lists
class Lists:
    """Answers for names of lists only; `trouble` names have no answer."""

    def __init__(self, listed: dict[str, str], trouble: str = "-") -> None:
        self.listed, self.trouble, self.asked = listed, trouble, list[str]()

    async def addresses(self, host: str) -> Answer[str]:
        self.asked.append(host)
        if host.endswith(self.trouble):
            raise Temporary("no answer")
        said = self.listed.get(host)
        return Answer(FOUND, (said,), host) if said else Answer(NO_NAME)


def look_up(ip: str, known: Lists) -> dict[str, float]:
    asked = dnsbl.look_up(ip, lists=[("bad.test", 4.0), ("worse.test", 6.0)], resolver=known)  # type: ignore[arg-type]
    return {each.domain: each.score for each in asyncio.run(asked)}


def test_lists_add_their_points_up_to_a_most() -> None:
    known = Lists({"8.8.8.8.bad.test": "127.0.0.2", "8.8.8.8.worse.test": "127.0.0.10"})
    assert look_up("8.8.8.8", known) == {"bad.test": 4.0, "worse.test": 4.0}


def test_an_address_of_version_6_is_asked_for_by_its_nibbles() -> None:
    known = Lists({})
    look_up("2a00:1450:4001::5", known)
    assert known.asked[0] == "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.4.0.5.4.1.0.0.a.2.bad.test"


def test_a_list_that_is_silent_refuses_or_answers_everything_says_nothing() -> None:
    known = Lists(
        {"8.8.8.8.bad.test": "127.255.255.254", "9.9.9.9.bad.test": "203.0.113.5"}, trouble="worse.test"
    )
    assert look_up("8.8.8.8", known) == {}
    assert look_up("9.9.9.9", known) == {}


@pytest.mark.parametrize("ip", ["127.0.0.1", "10.1.2.3", "fe80::1", "nonsense", ""])
def test_private_addresses_are_never_asked_about(ip: str) -> None:
    known = Lists({})
    assert look_up(ip, known) == {}
    assert known.asked == []


# --- the real ones
@pytest.mark.skipif(shutil.which("clamd") is None, reason="clamd is not installed")
def test_a_real_clamd_finds_eicar(tmp_path: Path) -> None:
    port = ports.reserved()
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "test.ndb").write_text(f"Eicar-Test-Signature:0:*:{EICAR.hex()}\n")
    config = tmp_path / "clamd.conf"
    config.write_text(
        f"DatabaseDirectory {tmp_path}/db\nTCPSocket {port}\nTCPAddr 127.0.0.1\nForeground yes\n"
        f"PidFile {tmp_path}/pid\nTemporaryDirectory {tmp_path}\n"
    )
    with _running(["clamd", f"--config-file={config}"], port, log=tmp_path / "log"):
        url = f"tcp://127.0.0.1:{port}"
        bad = asyncio.run(scanners.scan(LETTER + EICAR, WHO, clamd=url))
        assert bad.virus.startswith("Eicar-Test-Signature")
        good = asyncio.run(scanners.scan(LETTER, WHO, clamd=url))
        assert [each.result for each in good.evidence] == ["pass"]


RSPAMD_CONF = """
options {{
  pidfile = "{folder}/pid"; temp_dir = "{folder}"; control_socket = "{folder}/control mode=0600";
  url_tld = "{folder}/tld"; disable_hyperscan = true; filters = ""; local_addrs = "127.0.0.0/8";
  dns {{ timeout = 0.1s; retransmits = 1; nameserver = ["127.0.0.1:9"]; }}
}}
logging {{ type = "console"; level = "warning"; }}
actions {{ reject = 15; add_header = 6; greylist = 4; }}
classifier "bayes" {{
  tokenizer {{ name = "osb"; }}
  backend = "sqlite3"; min_tokens = 3; min_learns = 1;
  statfile {{ symbol = "BAYES_HAM"; path = "{folder}/ham.sqlite"; spam = false; }}
  statfile {{ symbol = "BAYES_SPAM"; path = "{folder}/spam.sqlite"; spam = true; }}
}}
group "statistics" {{ symbol "BAYES_SPAM" {{ weight = 9.0; }} symbol "BAYES_HAM" {{ weight = -3.0; }} }}
worker "controller" {{ bind_socket = "127.0.0.1:{port}"; count = 1; secure_ip = "127.0.0.1"; password = "q1"; }}
"""
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


@pytest.mark.skipif(shutil.which("rspamd") is None, reason="Rspamd is not installed")
def test_a_real_rspamd_judges_and_learns(tmp_path: Path) -> None:
    port = ports.reserved()
    (tmp_path / "tld").write_text("com\ntest\n")
    config = tmp_path / "rspamd.conf"
    config.write_text(RSPAMD_CONF.format(folder=tmp_path, port=port))
    who = ["-u", "root", "-g", "root"] if os.geteuid() == 0 else []
    with _running(["rspamd", "-f", "-i", *who, "-c", str(config)], port, log=tmp_path / "log"):
        url = f"http://127.0.0.1:{port}"

        def judged(raw: bytes) -> Evidence:
            (found,) = asyncio.run(scanners.scan(raw, WHO, rspamd=url)).evidence
            return found

        assert judged(LETTER).result == "no-action"
        worst = judged(LETTER + GTUBE + b"\r\n")
        assert (worst.result, worst.score) == ("reject", scanners.MOST_POINTS)
        spam = LETTER.replace(
            b"How are you?", b"Buy cheap pills now, enlarge your fortune, click quickly here"
        )
        ham = LETTER.replace(
            b"How are you?", b"The minutes of our meeting in the old mill are attached, greetings"
        )
        assert asyncio.run(scanners.teach(ham, url, spam=False))
        assert asyncio.run(scanners.teach(spam, url, spam=True))
        assert asyncio.run(scanners.teach(spam, url, spam=True))  # known already: as good as learned


@contextmanager
def _running(command: list[str], port: int, *, log: Path) -> Iterator[None]:
    """A server, once it listens; ended afterwards."""
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        try:
            eventually(lambda: _listens(port) or process.poll() is not None, "it listens", within=90)
            assert process.poll() is None, log.read_text()
            yield
        finally:
            process.terminate()
            process.wait(30)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
