"""Who visits a new demonstration: four messages over SMTP, once; and a scanner that knows the one with the virus."""

import asyncio
from datetime import UTC, datetime

import pytest

from mta.message.headers import parse_header, split_message
from mta.sandbox import post, scanner, visitors, zone
from mta.sandbox.post import NotDelivered
from mta.sandbox.visitors import EICAR, FORGED, GOOD, SPAM, VIRUS, VISITS
from mta.trust import dkim_check, dmarc_record, scanners, spf_record
from mta.trust.asking import Asking
from mta.trust.scanners import Envelope
from mta.trust.signatures import Body
from tests.fake_resolver import FakeResolver

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def delivered(monkeypatch):
    """What our own server is given, instead of a server."""
    found = []
    monkeypatch.setattr(post, "is_open", lambda: True)
    monkeypatch.setattr(post, "deliver", lambda raw, **envelope: found.append((raw, envelope)))
    return found


def test_each_comes_once(tmp_path, delivered):
    visitors.invite(tmp_path)
    assert visitors.due(tmp_path) == (GOOD, SPAM, FORGED, VIRUS)
    for _ in range(2):
        visitors.come(tmp_path, told_to_stop=lambda: False)
    assert [envelope["sender"] for _raw, envelope in delivered] == [each.sender for each in VISITS.values()]
    assert {envelope["recipient"] for _raw, envelope in delivered} == {"ann@example.test"}
    assert visitors.due(tmp_path) == ()


def test_nobody_comes_uninvited_or_after_the_end(tmp_path, delivered):
    visitors.come(tmp_path, told_to_stop=lambda: False)
    visitors.invite(tmp_path)
    visitors.come(tmp_path, told_to_stop=lambda: True)
    assert delivered == []
    assert len(visitors.due(tmp_path)) == 4


def test_what_is_refused_is_not_tried_for_ever(tmp_path, monkeypatch, delivered):
    tries = []

    def refuse(raw, **envelope):
        tries.append(envelope["sender"])
        raise NotDelivered("not now")

    monkeypatch.setattr(post, "deliver", refuse)
    visitors.invite(tmp_path)
    visitors.come(tmp_path, told_to_stop=lambda: False)
    assert len(tries) == 4 * visitors._TRIES
    assert visitors.due(tmp_path) == ()


def test_the_good_one_is_signed_with_the_key_that_it_publishes(tmp_path, delivered):
    records = zone.read(visitors.invite(tmp_path))
    visitors.come(tmp_path, told_to_stop=lambda: False)
    raw = delivered[0][0]
    header_end, body_start = split_message(raw)
    fields = parse_header(raw[:header_end])
    texts = {
        name: {"TXT": [text.strip('"') for text in types.get("TXT", ())]} for name, types in records.items()
    }

    async def judge():
        judged = await dkim_check.keys(Asking(FakeResolver(texts)), fields, at=int(NOW.timestamp()))
        return dkim_check.verify(judged, fields, Body(raw, body_start))

    assert [(each.result, each.domain) for each in asyncio.run(judge())] == [("pass", "castell-bindery.test")]
    assert "12.0.0.127.in-addr.arpa" in records
    [policy] = texts["_dmarc.northern-savings.test"]["TXT"]
    assert dmarc_record.parse(policy).policy == "reject"
    assert spf_record.is_spf(texts["northern-savings.test"]["TXT"][0])


def test_only_the_one_with_the_virus_has_it():
    found = {name: scanner.has_virus(visitors.letter(visit, at=NOW)) for name, visit in VISITS.items()}
    assert found == {GOOD: False, SPAM: False, FORGED: False, VIRUS: True}
    assert scanner.has_virus(b"Subject: x\r\n\r\n" + EICAR)


def test_the_scanner_speaks_as_clamd_does():
    async def ask():
        server = await scanner.serve("127.0.0.1", 0)
        url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            raws = [visitors.letter(VISITS[name], at=NOW) for name in (VIRUS, GOOD)]
            return [await scanners.scan(raw, Envelope(), clamd=url) for raw in raws]
        finally:
            server.close()

    virus, good = asyncio.run(ask())
    assert virus.virus == "Eicar-Test-Signature"
    assert (good.virus, good.unscanned, good.evidence[0].result) == ("", (), "pass")
