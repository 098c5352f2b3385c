"""Mail that something speaks against: where it goes, who refuses it, and what filters may still do with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.directory import InboundPolicy
from mta.filters import service as filters
from mta.filters.service import Actions
from mta.flow import placement, receive, weighing
from mta.flow.passage import Arrival, ComeAgain, Recipient, Unwanted
from mta.flow.placement import Decision, Refusal
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.message import criteria as c
from mta.queue.models import Outgoing
from mta.tracing import service as tracing
from mta.trust.verdict import Evidence, Verdict
from mta.values import INBOX, JUNK, QUARANTINE
from tests.mail import mail
from tests.mta.flow.conftest import CAUSE, Office

FORGED = Verdict((Evidence("dmarc", "fail", domain="bank.test"),), author="bank.test", policy="reject")
VIRUS = Verdict(virus="Eicar-Test")


def spam(points: float, reason: str = "It reads like spam.") -> Verdict:
    return Verdict((Evidence("spf", "pass", "In order."), Evidence("dnsbl", "listed", reason, score=points)))


def decide(verdict: Verdict, **policy: object) -> Decision | Refusal:
    return placement.decide(verdict, address="ann@a.test", policy=InboundPolicy(**policy))  # type: ignore[arg-type]


# --- the decision


def test_points_decide_between_inbox_junk_and_quarantine() -> None:
    found = [decide(spam(points)) for points in (-3.0, 4.9, 5.0, 14.9, 15.0)]
    assert [each.role for each in found if isinstance(each, Decision)] == [
        INBOX,
        INBOX,
        JUNK,
        JUNK,
        QUARANTINE,
    ]
    assert found[2] == Decision(JUNK, "It reads like spam", for_score=True)
    assert decide(spam(4.9), junk_at=4.0) == Decision(JUNK, "It reads like spam", for_score=True)
    refused = decide(spam(15.0), hold_spam=False)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.enhanced) == (550, "5.7.1")
    assert refused.instead.role == QUARANTINE


def test_small_signs_are_told_as_what_they_are() -> None:
    found = decide(Verdict(tuple(Evidence("spam", "sign", f"Sign {n}.", score=1.0) for n in range(6))))
    assert found == Decision(JUNK, "Many small signs of spam come together", for_score=True)


def test_what_the_authors_domain_asks_for_is_done() -> None:
    refused = decide(FORGED)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.enhanced) == (550, "5.7.26")
    held = decide(FORGED, hold_forged=True)
    assert isinstance(held, Decision)
    assert (held.role, held.for_score) == (QUARANTINE, False)
    junk = decide(replace(FORGED, policy="quarantine"))
    assert isinstance(junk, Decision)
    assert (junk.role, "bank.test" in junk.reason) == (JUNK, True)
    assert decide(replace(FORGED, policy="")) == Decision(INBOX, "Sent to ann@a.test")


def test_a_virus_is_held_whatever_else_speaks_for_it() -> None:
    found = decide(replace(VIRUS, evidence=(Evidence("known", "yes", score=-20.0),)))
    assert found == Decision(QUARANTINE, "A virus scanner found “Eicar-Test” in it")
    assert placement.not_onward(VIRUS, policy=InboundPolicy()) is not None


@given(
    st.lists(st.tuples(st.floats(-30, 30), st.text(max_size=20)), max_size=8),
    st.sampled_from(["", "quarantine", "reject"]),
    st.booleans(),
    st.booleans(),
)
def test_more_points_never_help_a_message(
    found: list[tuple[float, str]], asked: str, hold_spam: bool, hold_forged: bool
) -> None:
    """Inbox < Junk < quarantine or refusal, and every decision gives its reason."""
    verdict = Verdict(
        tuple(Evidence("spam", "x", reason, score=points) for points, reason in found), "b.test", asked
    )
    worse = verdict.plus([Evidence("dnsbl", "listed", "Listed.", score=3.0)])
    ranks = []
    for each in (verdict, worse):
        outcome = decide(each, hold_spam=hold_spam, hold_forged=hold_forged)
        assert outcome.reason
        ranks.append(2 if isinstance(outcome, Refusal) else [INBOX, JUNK, QUARANTINE].index(outcome.role))
    assert ranks[0] <= ranks[1]


# --- one answer for all recipients


@pytest.fixture
def sound(db: None, office: Office) -> Iterator[Office]:
    yield office
    assert differences(office.ann) == differences(office.ben) == []


def arrive(office: Office, verdict: Verdict, *to: str, trusted: bool = False, later: int = 0) -> str:
    recipients = to or ("ann@a.test",)
    arrival = Arrival(
        raw=mail(sender="bills@shop.test", subject="Your order"),
        sender="bills@shop.test",
        recipients=tuple(Recipient(each, office.directory.resolve(each).targets) for each in recipients),
        client_name="mx.shop.test",
        ip="192.0.2.7",
        hostname="mail.a.test",
        protocol="ESMTPS",
        trusted=trusted,
    )
    weighed = receive.weigh(receive.trace(arrival, verdict))
    placed = receive.place(replace(weighed, at=weighed.at + later))
    return receive.store(placed).result().trace_id


def roles(office: Office, mailspace: int) -> list[str]:
    """The roles of a person's mailboxes that hold something."""
    return sorted(each.role for each in mailstore.mailboxes(mailspace) if each.messages)


def test_what_nobody_wants_is_refused_and_the_trace_tells_of_it(sound: Office) -> None:
    with pytest.raises(Unwanted) as refused:
        arrive(sound, FORGED, "ann@a.test", "ben@a.test")
    assert (refused.value.code, refused.value.enhanced) == (550, "5.7.26")
    assert roles(sound, sound.ann) == roles(sound, sound.ben) == []
    told = [each for each in tracing.search() if each.kind == tracing.REFUSED]
    assert {each.recipient for each in told} == {"ann@a.test", "ben@a.test"}
    assert told[0].trace_id in str(refused.value)


def test_a_domain_is_asked_once_what_it_wants_however_many_recipients_it_has(
    sound: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = sound.directory.inbound_policy

    def counted(domain: str) -> InboundPolicy:
        asked.append(domain)
        return ask(domain)

    monkeypatch.setattr(sound.directory, "inbound_policy", counted)
    sound.directory.entries["cleo@b.test"] = sound.ben
    arrive(sound, Verdict(), "ann@a.test", "ben@a.test", "cleo@b.test")
    assert asked == ["a.test", "b.test"]


def test_who_alone_refuses_gets_it_held(sound: Office) -> None:
    sound.directory.policies["a.test"] = InboundPolicy(hold_forged=False)
    sound.directory.entries["cleo@b.test"] = sound.ben
    sound.directory.policies["b.test"] = InboundPolicy(hold_forged=True)
    arrive(sound, FORGED, "ann@a.test", "cleo@b.test")
    assert roles(sound, sound.ann) == roles(sound, sound.ben) == [QUARANTINE]
    (held,) = mailstore.held([sound.ann])
    assert "bank.test" in held.reasons["placement"]


@pytest.mark.parametrize("verdict", [FORGED, VIRUS, spam(30.0)], ids=["forged", "virus", "spam"])
def test_nothing_bad_is_sent_on_in_our_name(sound: Office, verdict: Verdict) -> None:
    sound.directory.entries["away@a.test"] = ["out@x.test"]
    with pytest.raises(Unwanted):
        arrive(sound, verdict, "ann@a.test", "away@a.test")
    assert not Outgoing.objects.exists()
    assert roles(sound, sound.ann) == []


def test_what_was_found_stands_with_the_message_and_on_the_trace(sound: Office) -> None:
    verdict = replace(spam(9.0), results=b"Authentication-Results: mail.a.test; spf=pass\r\n")
    trace_id = arrive(sound, verdict)
    (message,) = sound.box(sound.ann, "junk")
    assert message.reasons["placement"] == "It reads like spam"
    assert message.reasons["evidence"][:2] == [
        ["spf", "pass", "In order.", "", 0.0],
        ["dnsbl", "listed", "It reads like spam.", "", 9.0],
    ]
    events = {each.kind: each for each in tracing.timeline(trace_id)}
    message_score = round(sum(each[4] for each in message.reasons["evidence"]), 2)
    assert message_score != 9.0  # what the mailspace's own filter says counts, too
    assert events[tracing.VERIFIED].detail == {
        "spf": "pass: In order.",
        "dnsbl": "listed: It reads like spam.",
    }
    assert events[tracing.PLACED].detail == {
        "mailbox": "junk",
        "reason": "It reads like spam",
        "score": message_score,
    }
    raw = mailstore.raw(sound.ann, message.id)
    assert b"\r\nAuthentication-Results: mail.a.test; spf=pass\r\nReceived: from mx.shop.test" in raw


# --- greylisting


def points(office: Office, wanted: float) -> Verdict:
    """A verdict that comes to so many points together with what the mailspace's own filter says."""
    raw = mail(sender="bills@shop.test", subject="Your order")
    own = weighing.weigh(mailstore.prepare(raw), raw, Verdict(), mailspace=office.ann).score
    return Verdict((Evidence("dnsbl", "listed", "Listed somewhere.", score=wanted - own),))


MINUTE = 60 * 1_000_000


def test_a_doubtful_stranger_is_asked_to_come_again_and_then_believed(sound: Office) -> None:
    doubtful = points(sound, 4.5)
    with pytest.raises(ComeAgain) as asked:
        arrive(sound, doubtful)
    assert (asked.value.code, asked.value.enhanced) == (451, "4.7.1")
    with pytest.raises(ComeAgain):
        arrive(sound, doubtful, later=MINUTE)
    assert roles(sound, sound.ann) == []
    arrive(sound, doubtful, later=5 * MINUTE)
    arrive(sound, doubtful, later=6 * MINUTE)
    assert len(sound.box(sound.ann, INBOX)) == 2


def test_only_the_doubtful_wait_and_only_where_their_recipients_want_it(sound: Office) -> None:
    arrive(sound, points(sound, 2.0))
    arrive(sound, points(sound, 6.0))
    arrive(sound, points(sound, 4.5), trusted=True)
    sound.directory.entries["cleo@b.test"] = sound.ben
    sound.directory.policies["b.test"] = InboundPolicy(greylist=False)
    arrive(sound, points(sound, 4.5), "ann@a.test", "cleo@b.test")
    assert (len(sound.box(sound.ann, INBOX)), len(sound.box(sound.ann, JUNK))) == (3, 1)


# --- filters


def never_spam(office: Office) -> None:
    filters.add_rule(
        office.ann,
        name="Mine",
        query="",
        criteria=c.Words("order", "subject"),
        actions=Actions(never_spam=True),
        cause=CAUSE,
    )


@pytest.mark.parametrize(("points", "role"), [(9.0, JUNK), (30.0, QUARANTINE)])
def test_never_spam_wins_over_points_of_spam(sound: Office, points: float, role: str) -> None:
    arrive(sound, spam(points))
    assert roles(sound, sound.ann) == [role]
    never_spam(sound)
    arrive(sound, spam(points))
    assert roles(sound, sound.ann) == sorted([role, INBOX])
    (message,) = sound.box(sound.ann, INBOX)
    assert message.reasons["placement"] == "Your filter “Mine” put it here"


def test_no_filter_lets_a_virus_out(sound: Office) -> None:
    never_spam(sound)
    filters.block(sound.ann, "shop.test")
    arrive(sound, VIRUS)
    assert roles(sound, sound.ann) == [QUARANTINE]
