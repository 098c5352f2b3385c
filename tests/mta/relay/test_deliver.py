"""Handing a message over, against a server that follows a script."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mta.queue import reasons
from mta.queue.values import DEFERRED, DELIVERED, FAILED
from mta.relay.deliver import Carrier, Parcel, Patience, To
from mta.relay.route import Target
from mta.relay.world import Smarthost, World
from tests.scripted_sink import CLOSE, GARBAGE, SILENT, ScriptedSink

RAW = b"Subject: x\r\n\r\n.dot\r\nhello\r\n"
WORLD = World("mail.us.test", allow_private=True)
QUICK = Patience(connect=2, command=0.3, data=0.3, whole=5)


def parcel(*addresses, raw=RAW, **more):
    return Parcel("ann@us.test", raw, tuple(To(address) for address in addresses or ("ben@b.test",)), **more)


def target(sink, host="mx.b.test"):
    return Target(host, sink.host, sink.port)


async def closed_port():
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    return port


def send(sink, *parcels, before=(), patience=QUICK, world=WORLD):
    """Send parcels through one carrier: the list of their outcomes."""

    async def play():
        async with sink:
            targets = (
                *[Target("dead.b.test", "127.0.0.1", await closed_port()) for _ in before],
                target(sink),
            )
            async with Carrier(targets, world, patience=patience) as carrier:
                return [await carrier.send(each) for each in parcels or [parcel()]]

    return asyncio.run(play())


@pytest.fixture(scope="session")
def tls(tmp_path_factory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sink")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "pair.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_a_message_arrives_byte_for_byte_and_the_outcome_says_who_took_it():
    sink = ScriptedSink()
    (outcomes,) = send(sink)
    outcome = outcomes["ben@b.test"]
    assert (outcome.state, outcome.code, outcome.enhanced, outcome.text) == (
        DELIVERED, 250, "2.0.0", "2.0.0 stored",
    )  # fmt: skip
    assert (outcome.remote, outcome.ip, outcome.tls) == ("mx.b.test", "127.0.0.1", "")
    assert sink.messages == [RAW]
    assert sink.commands[0] == "EHLO mail.us.test"
    assert f"MAIL FROM:<ann@us.test> SIZE={len(RAW)}" in sink.commands


def test_each_recipient_has_its_own_answer():
    sink = ScriptedSink(replies={"RCPT": ["250 ok", "550 5.1.1 who?", "452 4.2.2 full", "250 ok"]})
    (outcomes,) = send(sink, parcel("a@b.test", "b@b.test", "c@b.test", "d@b.test"))
    assert {address: (each.state, each.reason) for address, each in outcomes.items()} == {
        "a@b.test": (DELIVERED, reasons.DELIVERED),
        "b@b.test": (FAILED, reasons.NO_MAILBOX),
        "c@b.test": (DEFERRED, reasons.FULL),
        "d@b.test": (DELIVERED, reasons.DELIVERED),
    }
    assert len(sink.messages) == 1


def test_when_no_recipient_is_accepted_no_message_is_sent():
    sink = ScriptedSink(replies={"RCPT": ["550 5.1.1 who?"]})
    first, second = send(sink, parcel("a@b.test"), parcel("b@b.test"))
    assert first["a@b.test"].state == second["b@b.test"].state == FAILED
    assert sink.messages == []
    assert "RSET" in sink.commands


@pytest.mark.parametrize(
    ("verb", "reply", "state", "reason"),
    [
        ("MAIL", "550 5.7.1 not you", FAILED, reasons.POLICY),
        ("MAIL", "451 4.3.0 later", DEFERRED, reasons.WAIT),
        ("RCPT", "552 5.2.2 full", FAILED, reasons.FULL),
        ("RCPT", "552 5.5.3 too many recipients", DEFERRED, reasons.BUSY),
        ("RCPT", "450 4.7.1 greylisted", DEFERRED, reasons.WAIT),
        ("RCPT", "550 no", FAILED, reasons.NO_MAILBOX),
        ("DATA", "554 5.7.1 no", FAILED, reasons.POLICY),
        ("DATA", "451 later", DEFERRED, reasons.WAIT),
        ("END", "552 5.3.4 too big", FAILED, reasons.TOO_BIG),
        ("END", "554 5.6.0 spam", FAILED, reasons.REFUSED_CONTENT),
        ("END", "451 4.3.0 disk", DEFERRED, reasons.WAIT),
        ("END", CLOSE, DEFERRED, reasons.LOST),
        ("END", SILENT, DEFERRED, reasons.SLOW),
        ("RCPT", CLOSE, DEFERRED, reasons.LOST),
        ("MAIL", SILENT, DEFERRED, reasons.SLOW),
        ("MAIL", GARBAGE, DEFERRED, reasons.WAIT),
        ("GREETING", CLOSE, DEFERRED, reasons.LOST),
        ("GREETING", SILENT, DEFERRED, reasons.SLOW),
        ("GREETING", GARBAGE, DEFERRED, reasons.WAIT),
        ("GREETING", "554 5.7.1 go away", DEFERRED, reasons.POLICY),
        ("GREETING", "421 busy", DEFERRED, reasons.BUSY),
        ("EHLO", CLOSE, DEFERRED, reasons.LOST),
    ],
)
def test_trouble_at_any_step_has_its_outcome(verb, reply, state, reason):
    outcome = send(ScriptedSink(replies={verb: [reply]}))[0]["ben@b.test"]
    assert outcome.state == state, outcome
    if reply != GARBAGE:
        assert outcome.reason == reason, outcome


def test_after_a_dead_target_the_next_one_is_tried():
    sink = ScriptedSink()
    assert send(sink, before=[1, 2])[0]["ben@b.test"].state == DELIVERED


def test_a_target_that_greets_with_a_refusal_is_passed_over():
    async def play():
        async with ScriptedSink(replies={"GREETING": ["554 no"]}) as bad, ScriptedSink() as good:
            carrier = Carrier((target(bad, "bad"), target(good, "good")), WORLD, patience=QUICK)
            async with carrier:
                return await carrier.send(parcel())

    assert asyncio.run(play())["ben@b.test"].remote == "good"


def test_a_connection_lost_after_the_message_is_not_sent_elsewhere_at_once():
    async def play():
        async with ScriptedSink(replies={"END": [CLOSE]}) as first, ScriptedSink() as second:
            carrier = Carrier((target(first), target(second)), WORLD, patience=QUICK)
            async with carrier:
                return await carrier.send(parcel()), second.sessions

    outcomes, sessions = asyncio.run(play())
    assert (outcomes["ben@b.test"].state, sessions) == (DEFERRED, 0)


def test_without_any_reachable_target_the_recipients_wait():
    async def play():
        async with Carrier(
            (Target("dead", "127.0.0.1", await closed_port()),), WORLD, patience=QUICK
        ) as carrier:
            return await carrier.send(parcel())

    outcome = asyncio.run(play())["ben@b.test"]
    assert (outcome.state, outcome.reason, outcome.remote) == (DEFERRED, reasons.UNREACHABLE, "dead")


def test_one_session_carries_several_messages():
    sink = ScriptedSink()
    send(sink, *[parcel(raw=b"Subject: %d\r\n\r\n" % number) for number in range(5)])
    assert (sink.sessions, len(sink.messages)) == (1, 5)


def test_a_session_that_died_between_messages_is_opened_anew():
    sink = ScriptedSink(replies={"MAIL": ["250 ok", CLOSE, "250 ok"]})
    first, second = send(sink, parcel(), parcel())
    assert first["ben@b.test"].state == second["ben@b.test"].state == DELIVERED
    assert sink.sessions == 2


def test_encryption_is_used_when_it_is_offered(tls):
    sink = ScriptedSink(tls=tls)
    outcome = send(sink)[0]["ben@b.test"]
    assert outcome.tls.startswith("TLSv1.")
    assert sink.encrypted == [True]
    assert [command for command in sink.commands if command.startswith("EHLO")] == ["EHLO mail.us.test"] * 2


def test_encryption_offered_but_broken_falls_back_to_plain_text():
    broken = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # without a certificate no handshake succeeds
    sink = ScriptedSink(tls=broken)
    outcome = send(sink)[0]["ben@b.test"]
    assert (outcome.state, outcome.tls) == (DELIVERED, "")
    assert sink.encrypted == [False]


def test_encryption_refused_for_now_goes_on_in_the_same_session(tls):
    sink = ScriptedSink(tls=tls, replies={"STARTTLS": ["454 not now"]})
    assert send(sink)[0]["ben@b.test"].state == DELIVERED
    assert sink.sessions == 1


def test_a_server_that_knows_no_ehlo_is_greeted_with_helo():
    sink = ScriptedSink(replies={"EHLO": ["502 what?"]})
    assert send(sink)[0]["ben@b.test"].state == DELIVERED
    assert "HELO mail.us.test" in sink.commands
    assert "MAIL FROM:<ann@us.test>" in sink.commands


def test_a_message_over_the_announced_size_is_not_even_begun():
    sink = ScriptedSink(extensions=["SIZE 10"])
    outcome = send(sink)[0]["ben@b.test"]
    assert (outcome.state, outcome.reason) == (FAILED, reasons.TOO_BIG)
    assert not any(command.startswith("MAIL") for command in sink.commands)


def test_letters_beyond_ascii_need_a_server_that_understands_them():
    no = send(ScriptedSink(), parcel("jörg@b.test"))[0]["jörg@b.test"]
    assert (no.state, no.reason) == (FAILED, reasons.NO_UTF8)
    sink = ScriptedSink(extensions=["SMTPUTF8"])
    assert send(sink, parcel("jörg@b.test"))[0]["jörg@b.test"].state == DELIVERED
    assert "MAIL FROM:<ann@us.test> SMTPUTF8" in sink.commands
    assert "RCPT TO:<jörg@b.test>" in sink.commands


def test_eight_bit_content_is_announced_and_delivery_reports_are_passed_on():
    sink = ScriptedSink(extensions=["8BITMIME", "DSN"])
    wanted = Parcel(
        "ann@us.test", b"\r\n\xc3\xa4\r\n", (To("b@b.test", "NEVER", "rfc822;b@b.test"),), "HDRS", "id1"
    )
    send(sink, wanted)
    assert "MAIL FROM:<ann@us.test> BODY=8BITMIME RET=HDRS ENVID=id1" in sink.commands
    assert "RCPT TO:<b@b.test> NOTIFY=NEVER ORCPT=rfc822;b@b.test" in sink.commands


def test_many_recipients_go_in_hundreds():
    sink = ScriptedSink()
    addresses = [f"u{number}@b.test" for number in range(250)]
    (outcomes,) = send(sink, parcel(*addresses))
    assert set(outcomes) == set(addresses)
    assert (len(sink.messages), sink.sessions) == (3, 1)


def test_the_whole_attempt_has_an_end_and_keeps_what_is_known():
    sink = ScriptedSink(replies={"END": ["250 ok", SILENT]})
    addresses = [f"u{number}@b.test" for number in range(150)]
    (outcomes,) = send(sink, parcel(*addresses), patience=Patience(connect=2, command=60, data=60, whole=0.6))
    assert outcomes["u0@b.test"].state == DELIVERED
    assert (outcomes["u149@b.test"].state, outcomes["u149@b.test"].reason) == (DEFERRED, reasons.SLOW)


def test_a_smart_host_is_signed_in_to_but_never_in_the_clear_from_afar(tls):
    world = World("mail.us.test", smarthost=Smarthost("smart.test", 1, "me", "secret"))
    sink = ScriptedSink(extensions=["AUTH PLAIN"])
    assert send(sink, world=world)[0]["ben@b.test"].state == DELIVERED
    assert any(command.startswith("AUTH PLAIN") for command in sink.commands)
    # A certificate nobody vouches for ends it: the password is not for whoever answers.
    sink = ScriptedSink(extensions=["AUTH PLAIN"], tls=tls)
    assert send(sink, world=world)[0]["ben@b.test"].reason == reasons.TLS
    assert not any(command.startswith("AUTH") for command in sink.commands)


def test_what_a_server_says_is_stored_without_its_control_characters():
    sink = ScriptedSink(replies={"RCPT": ["550-5.1.1 who\x07\r\n550 5.1.1 knows\x1b[31m"]})
    assert send(sink)[0]["ben@b.test"].text == "5.1.1 who 5.1.1 knows [31m"
