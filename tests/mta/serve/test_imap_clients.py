"""IMAP over real sockets, with the libraries people write mail programs with."""

from __future__ import annotations

import imaplib
import ssl
import statistics
import threading
import time
from typing import Any

import imapclient
import pytest

from mta.mailstore import service as mailstore
from mta.values import Cause
from tests.mail import mail
from tests.sidecar import PASSWORD, FakeDirectory, RunningSidecar, Wire, put

ANN = "ann@example.test"


@pytest.fixture
def ann(people: FakeDirectory) -> int:
    return people.people[ANN]


def _ask(wire: Wire, command: bytes) -> list[bytes]:
    """Lines up to and with the tagged answer."""
    wire.send(command + b"\r\n")
    tag = command.split()[0] + b" "
    lines = [wire.line()]
    while lines[-1] and not lines[-1].startswith(tag):
        lines.append(wire.line())
    return lines


def test_imaplib_reads_flags_appends_and_removes(sidecar: RunningSidecar, ann: int) -> None:
    raw = mail(subject="Hallo", body="zwölf Boxkämpfer")
    put(ann, raw)
    client = imaplib.IMAP4(*sidecar.address("IMAP_LISTEN"), timeout=10)
    client.login(ANN, PASSWORD)
    assert client.select("INBOX") == ("OK", [b"1"])
    assert client.fetch("1", "(RFC822)")[1][0][1] == raw  # type: ignore[index]
    assert client.search(None, "SEEN") == ("OK", [b"1"])
    client.store("1", "+FLAGS", "(\\Flagged)")
    assert b"\\Flagged" in client.fetch("1", "(FLAGS)")[1][0]  # type: ignore[operator]
    kind, data = client.append(
        "INBOX", "\\Seen", imaplib.Time2Internaldate(1_700_000_000), mail(subject="Two")
    )
    assert kind == "OK"
    assert b"APPENDUID" in data[0]
    assert client.uid("SEARCH", "SUBJECT", '"two"') == ("OK", [b"2"])
    client.uid("COPY", "2", "Archive")
    client.store("1:*", "+FLAGS.SILENT", "(\\Deleted)")
    assert client.expunge()[1] == [b"2", b"1"]
    assert client.status("Archive", "(MESSAGES)") == ("OK", [b"Archive (MESSAGES 1)"])
    client.close()
    client.logout()


def test_imapclient_finds_its_way_around(
    sidecar: RunningSidecar, ann: int, client_tls: ssl.SSLContext
) -> None:
    host, port = sidecar.address("IMAPS_LISTEN")
    with imapclient.IMAPClient(host, port, ssl=True, ssl_context=client_tls, timeout=10) as client:
        client.login(ANN, PASSWORD)
        assert client.find_special_folder(b"\\Sent") == "Sent"
        client.create_folder("Entwürfe & mehr")
        assert "Entwürfe & mehr" in [name for _flags, _delimiter, name in client.list_folders()]
        assert client.namespace().personal == (("", "/"),)
        client.append("INBOX", mail(subject="Grüße"), flags=["\\Flagged", "$Work"])
        client.select_folder("INBOX")
        (uid,) = client.search(["FLAGGED", "KEYWORD", "$Work"])
        found = client.fetch([uid], ["ENVELOPE", "FLAGS", "BODYSTRUCTURE", "INTERNALDATE", "BODY.PEEK[]"])[
            uid
        ]
        assert found[b"ENVELOPE"].from_[0].mailbox == b"ada"
        assert b"$Work" in found[b"FLAGS"]
        client.move([uid], "Entwürfe & mehr")
        assert client.folder_status("Entwürfe & mehr", ["MESSAGES"]) == {b"MESSAGES": 1}
        assert client.search("ALL") == []
        client.rename_folder("Entwürfe & mehr", "Später")
        client.delete_folder("Später")
        assert client.capabilities()


def test_starttls_forgets_what_was_said_before_it(
    sidecar: RunningSidecar, ann: int, client_tls: ssl.SSLContext
) -> None:
    wire = Wire(sidecar.address("IMAP_LISTEN"), greeting=False)
    assert b"STARTTLS" in wire.line()
    wire.send(b"a STARTTLS\r\nevil LOGIN ann@example.test wrong\r\nevil2 NOOP\r\n")
    assert wire.line().startswith(b"a OK")
    wire.start_tls(client_tls)
    lines = _ask(wire, b"b CAPABILITY")
    assert b"evil" not in b"".join(lines)
    assert b"STARTTLS" not in lines[0]
    assert _ask(wire, b"c STARTTLS")[-1].startswith(b"c BAD")
    assert b" OK " in _ask(wire, b'd LOGIN ann@example.test "' + PASSWORD.encode() + b'"')[-1]
    wire.send(b"e APPEND INBOX {3000000+}\r\n" + b"x" * 3_000_000 + b"\r\n")
    assert wire.line().startswith(b"e OK")
    wire.close()


def test_a_broken_handshake_ends_quietly(
    sidecar: RunningSidecar, ann: int, caplog: pytest.LogCaptureFixture
) -> None:
    wire = Wire(sidecar.address("IMAP_LISTEN"), greeting=False)
    wire.line()
    wire.send(b"a STARTTLS\r\n")
    assert wire.line().startswith(b"a OK")
    wire.send(b"b LOGIN ann@example.test wrong\r\n" * 50)
    wire.socket.settimeout(5)
    try:
        rest = b"".join(iter(wire.line, b""))
    except ConnectionError:
        rest = b""
    assert b"b NO" not in rest
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_new_mail_reaches_an_idle_client_at_once(sidecar: RunningSidecar, ann: int) -> None:
    with imapclient.IMAPClient(*sidecar.address("IMAP_LISTEN"), ssl=False, timeout=10) as client:
        client.login(ANN, PASSWORD)
        client.select_folder("INBOX")
        client.idle()
        for number in range(1, 4):
            put(ann, mail(subject=str(number)))
            seen: list[Any] = []
            until = time.monotonic() + 5
            while (number, b"EXISTS") not in seen and time.monotonic() < until:
                seen += client.idle_check(timeout=1)
            assert (number, b"EXISTS") in seen
        client.idle_done()


def test_two_people_at_once_never_see_each_others_mail(
    sidecar: RunningSidecar, people: FakeDirectory
) -> None:
    wrong: list[str] = []

    def read(address: str) -> None:
        name = address.partition("@")[0]
        for _ in range(15):
            client = imaplib.IMAP4(*sidecar.address("IMAP_LISTEN"), timeout=10)
            client.login(address, PASSWORD)
            client.select("INBOX")
            data = client.fetch("1:*", "(BODY.PEEK[TEXT])")[1]
            text = b"".join(part[1] for part in data if isinstance(part, tuple))
            if text.strip() != f"for {name}".encode():
                wrong.append(f"{address}: {text!r}")
            client.logout()

    for address, mailspace in people.people.items():
        put(mailspace, mail(body=f"for {address.partition('@')[0]}"))
    threads = [threading.Thread(target=read, args=(address,)) for address in list(people.people) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_long_listing_does_not_hold_up_others(sidecar: RunningSidecar, ann: int) -> None:
    """10,000 envelopes are read while somebody else's NOOPs are answered."""
    inbox = mailstore.mailbox(ann, "INBOX").id
    message = mail()
    mailstore.append_many(ann, inbox, [mailstore.Incoming(message)] * 3000, cause=Cause("import", "a test"))
    reader, other = (Wire(sidecar.address("IMAP_LISTEN"), greeting=False) for _ in range(2))
    for wire in (reader, other):
        wire.line()
        _ask(wire, b'a LOGIN ann@example.test "' + PASSWORD.encode() + b'"')
        _ask(wire, b"b SELECT INBOX")
    waits: list[float] = []
    finished = threading.Event()

    def poke() -> None:
        while not finished.is_set():
            began = time.perf_counter()
            _ask(other, b"n NOOP")
            waits.append(time.perf_counter() - began)

    poking = threading.Thread(target=poke)
    poking.start()
    started = time.perf_counter()
    lines = _ask(reader, b"c FETCH 1:* (FLAGS ENVELOPE)")
    took = time.perf_counter() - started
    finished.set()
    poking.join()
    assert len(lines) == 3001
    assert took < 3.0
    assert statistics.median(waits) < 0.5
    reader.close()
    other.close()
