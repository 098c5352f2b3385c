"""METRICS_LISTEN over a real socket: what is counted, what is asked, and what a stranger may send."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from mta import metrics
from mta.queue import service as queue
from mta.queue.values import NewOutgoing, NewRecipient
from mta.serve.metrics import _depth
from tests.mail import mail
from tests.sidecar import FakeDirectory, RunningSidecar, Wire

BASE = Path(__file__).resolve().parents[3]


@pytest.fixture
def watched(
    people: FakeDirectory, free_ports: None, server_tls: ssl.SSLContext, settings: Any
) -> Iterator[RunningSidecar]:
    settings.METRICS_LISTEN = [("127.0.0.1", 0)]
    _depth._kept = None
    with RunningSidecar(server_tls) as running:
        yield running


def get(sidecar: RunningSidecar, path: str) -> tuple[int, str]:
    host, port = sidecar.address("METRICS_LISTEN")
    try:
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=15) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def value(text: str, name: str) -> float:
    """The figure of one line; 0 where there is none yet."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_a_message_and_a_refusal_are_counted(watched: RunningSidecar) -> None:
    names = {
        "accepted": 'mailstead_messages_total{outcome="accepted",protocol="smtp",reason="2.0.0"}',
        "unknown": 'mailstead_recipients_total{outcome="unknown",protocol="smtp"}',
        "connections": 'mailstead_connections_total{protocol="smtp"}',
        "open": 'mailstead_connections_open{protocol="smtp"}',
    }
    status, before = get(watched, "/metrics")
    assert status == 200
    with Wire(watched.address("SMTP_LISTEN")) as wire:
        for command in ("EHLO client.test", "MAIL FROM:<x@outside.test>"):
            assert wire.ask(command).startswith("250")
        assert wire.ask("RCPT TO:<nobody@example.test>").startswith("550 5.1.1")
        assert wire.ask("RCPT TO:<ann@example.test>").startswith("250")
        assert wire.ask("DATA").startswith("354")
        assert wire.ask(mail() + b".").startswith("250")
        _status, after = get(watched, "/metrics")
        rise = {key: value(after, name) - value(before, name) for key, name in names.items()}
        assert rise == {"accepted": 1, "unknown": 1, "connections": 1, "open": 1}


def test_the_queue_is_counted_by_state(watched: RunningSidecar) -> None:
    recipients = tuple(NewRecipient(f"{who}@outside.test") for who in "abc")
    queue.enqueue(NewOutgoing("web", "ann@example.test", b"x", recipients))
    _status, text = get(watched, "/metrics")
    assert value(text, 'mailstead_queue_recipients{state="queued"}') == 3
    assert 0 <= value(text, "mailstead_queue_late_seconds") < 600


def test_health_is_the_databases(watched: RunningSidecar) -> None:
    assert get(watched, "/healthz") == (200, "ok\n")


def test_a_server_that_is_about_to_end_says_so(watched: RunningSidecar) -> None:
    host, port = watched.address("METRICS_LISTEN")
    with Wire((host, port), greeting=False) as wire:
        wire.send(b"GET /healthz HTTP/1.1\r\n")
        assert get(watched, "/healthz")[0] == 200  # the first one has been let in by now
        watched.sidecar.house.stopping.set()
        wire.send(b"\r\n")
        assert wire.line().startswith(b"HTTP/1.1 503")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\n\r\n", 405),
        (b"HEAD /healthz HTTP/1.0\r\n\r\n", 200),
        (b"GET /healthz?x=1 HTTP/1.1\r\nHost: here\r\n\r\n", 200),
        (b"EHLO client.test\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400),
        (b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n", 400),
    ],
)
def test_what_it_is_sent_has_an_answer(watched: RunningSidecar, request_: bytes, status: int) -> None:
    with Wire(watched.address("METRICS_LISTEN"), greeting=False) as wire:
        wire.send(request_)
        assert wire.line().split(b" ")[1] == str(status).encode()


@pytest.mark.django_db
def test_every_name_is_explained() -> None:
    """What has no line in docs/metrics.md, nobody will find."""
    told = (BASE / "docs" / "metrics.md").read_text()
    names = {metric.name for metric in metrics.REGISTRY.collect()} | {
        metric.name for metric in _depth_of_nothing()
    }
    assert {name for name in names if f"`{name}" not in told} == set()
    mentioned = set(re.findall(r"`(mailstead_[a-z_]+?)(?:_total)?[`{]", told))
    assert mentioned == names


def _depth_of_nothing() -> list[Any]:
    _depth._kept = None
    try:
        return list(_depth.collect())
    finally:
        _depth._kept = None


COUNTS = """
import os, sys
os.environ["PROMETHEUS_MULTIPROC_DIR"] = sys.argv[1]
from mta import metrics
metrics.SIGN_INS.labels("imap", "accepted").inc(int(sys.argv[2]))
metrics.OPEN.labels("imap").inc(int(sys.argv[2]))
if sys.argv[3] == "shows":
    print(metrics.text().decode())
elif sys.argv[3] == "forks":
    if os.fork():
        os.wait()
    else:
        metrics.SIGN_INS.labels("imap", "accepted").inc(100)
        os._exit(0)
"""


def test_the_counts_of_all_processes_are_added_up_and_the_dead_hold_nothing_open(tmp_path: Path) -> None:
    def run(count: int, how: str) -> str:
        command = [sys.executable, "-c", COUNTS, str(tmp_path), str(count), how]
        environment = os.environ | {"PYTHONPATH": str(BASE)}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    run(3, "ends")
    run(4, "forks")
    shown = run(5, "shows")
    assert value(shown, 'mailstead_sign_ins_total{protocol="imap",result="accepted"}') == 112
    assert value(shown, 'mailstead_connections_open{protocol="imap"}') == 5
    metrics.begin_anew(tmp_path)
    assert not list(tmp_path.glob("*.db"))


def test_metrics_cost_no_query_when_nobody_looks(watched: RunningSidecar) -> None:
    assert _depth._kept is None
    get(watched, "/metrics")
    kept = _depth._kept
    get(watched, "/metrics")
    assert kept is not None and _depth._kept == kept


def test_a_database_that_is_gone_is_an_ill_server_that_still_shows_its_counts(
    watched: RunningSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_anything: object, **_more: object) -> None:
        raise ConnectionError("gone")

    _depth._kept = None
    with monkeypatch.context() as patched:
        patched.setattr(BaseDatabaseWrapper, "cursor", gone)
        assert get(watched, "/healthz") == (503, "the database does not answer\n")
        status, text = get(watched, "/metrics")
    assert status == 200 and "mailstead_connections_total" in text and "mailstead_queue" not in text
