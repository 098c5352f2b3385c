"""Distribution lists against who would misuse them; and nothing that was accepted may end nowhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mta.directory import InboundPolicy
from mta.flow import lists, quarantine, receive
from mta.flow.lists import Posted
from mta.flow.passage import Arrival, Recipient, Unwanted
from mta.mailstore import service as mailstore
from mta.trust.models import Unscanned
from mta.trust.verdict import Evidence, Verdict
from mta.values import now_us
from tests.mail import mail
from tests.mta.flow.test_lists import GENUINE, arrive, copies, news

EVIL = Verdict(
    (Evidence("dmarc", "pass", domain="evil.test"), Evidence("spf", "pass", domain="evil.test")),
    author="evil.test",
)
SEVERAL = Verdict((Evidence("dmarc", "permerror"), Evidence("spf", "pass", domain="evil.test")))
VIRUS = replace(GENUINE, virus="EICAR")


def put(office, number: int, name: str, *members: str, owner: int | None = None, **more) -> None:
    """A list into the directory; Ben looks after it."""
    made = news(*members, policy=more.pop("policy", "anyone"), **more)
    owners = (office.ben if owner is None else owner,)
    office.directory.entries[name] = replace(
        made, id=number, address=name, owner_address="ben@a.test", owners=owners
    )


def lies(office, mailspace: int) -> tuple[int, int, int]:
    """How many are in Inbox, Junk, and held."""
    return (
        len(office.box(mailspace, "inbox")),
        len(office.box(mailspace, "junk")),
        len(mailstore.held([mailspace])),
    )


# --- who may post
@pytest.mark.parametrize(
    ("author", "extra", "verdict"),
    [
        ("evil@evil.test", "Sender: x@far.test", EVIL),
        ("evil@evil.test", "Sender: ann@a.test", EVIL),
        ("evil@evil.test, ann@a.test", "", SEVERAL),
        ("x@far.test, evil@evil.test", "", EVIL),
        ("x@far.test", "", EVIL),  # where the checks read another author than the list does
        ("x@far.test", "", SEVERAL),
    ],
)
@pytest.mark.parametrize("policy", ["members", "listed"])
def test_a_member_who_is_not_the_one_certain_author_opens_no_list(office, author, extra, verdict, policy):
    put(office, 1, "news@a.test", "ann@a.test", "x@far.test", policy=policy)
    with pytest.raises(Unwanted):
        arrive(office, mail(sender=author, extra=extra), sender="evil@evil.test", verdict=verdict)
    assert lies(office, office.ann) == (0, 0, 0)
    assert copies() == {}


def test_without_checks_the_one_author_is_believed(office, settings):
    settings.INBOUND_CHECKS = False
    put(office, 1, "news@a.test", "ann@a.test", "x@far.test", policy="members")
    arrive(office, mail(sender="x@far.test"), verdict=Verdict())
    assert lies(office, office.ann) == (1, 0, 0)


def test_what_a_list_on_a_list_believes_is_the_author(office):
    put(office, 1, "news@a.test", "in@a.test")
    put(office, 2, "in@a.test", "ann@a.test", "news@a.test", policy="members")
    unknown = Verdict((Evidence("dmarc", "none", domain="outside.test"),), author="outside.test")
    arrive(office, mail(), verdict=unknown)
    assert (lies(office, office.ann), lies(office, office.ben)) == ((1, 0, 0), (0, 0, 0))
    forged = Verdict((Evidence("dmarc", "fail", domain="outside.test"),), author="outside.test")
    arrive(office, mail(subject="Forged"), verdict=forged)
    assert (lies(office, office.ann), lies(office, office.ben)) == ((1, 0, 0), (0, 1, 0))


# --- what nobody should open
def test_a_virus_is_held_for_the_owner_of_a_list(office):
    put(office, 1, "news@a.test", "x@far.test")
    arrive(office, mail(), "news@a.test", "ann@a.test", verdict=VIRUS)
    assert lies(office, office.ben) == (0, 0, 1)
    (held,) = mailstore.held([office.ben])
    assert quarantine.kind(held) == quarantine.VIRUS
    assert copies() == {}


def test_what_is_refused_as_forged_is_held_for_the_owner_as_that(office):
    put(office, 1, "news@a.test", "x@far.test")
    office.directory.entries["cat@b.test"] = office.ann
    asked = replace(GENUINE, policy="reject", published="reject")
    office.directory.policies["b.test"] = InboundPolicy(hold_forged=True)
    arrive(office, mail(), "news@a.test", "cat@b.test", verdict=asked)
    assert lies(office, office.ben) == (0, 0, 1)
    assert [quarantine.kind(each) for each in mailstore.held([office.ben])] == [quarantine.FORGED]


def test_a_list_on_a_list_whose_domain_refuses_it_holds_it(office):
    """The upper list's domain takes more than the lower one's."""
    put(office, 1, "news@a.test", "in@b.test", "ann@a.test")
    put(office, 2, "in@b.test", "x@far.test")
    office.directory.policies["b.test"] = InboundPolicy(junk_at=1.0, refuse_at=2.0)
    doubtful = replace(GENUINE, evidence=(*GENUINE.evidence, Evidence("spam", "spam", "Hm.", score=3.0)))
    arrive(office, mail(), verdict=doubtful)
    assert (lies(office, office.ann), lies(office, office.ben)) == ((1, 0, 0), (0, 0, 1))
    assert copies() == {}


def test_copies_that_no_scanner_has_seen_are_looked_at_later(office):
    put(office, 1, "news@a.test", "ann@a.test", "ben@a.test")
    arrive(office, mail(), verdict=replace(GENUINE, unscanned=("clamd",)))
    rows = {row.mailspace_id: row.envelope for row in Unscanned.objects.all()}
    assert set(rows) == {office.ann, office.ben}
    assert {envelope["ip"] for envelope in rows.values()} == {"192.0.2.7"}


# --- bounds
def spread(office, raw: bytes, *to: str) -> lists.Spread:
    targets = [each for address in to for each in office.directory.resolve(address).targets]
    return lists.spread(targets, Posted(raw, "ada@outside.test", GENUINE, at=now_us()))


def test_lists_on_lists_are_bounded_together(office, monkeypatch):
    raw = mail(body="x" * 900)
    monkeypatch.setattr(lists, "MOST_COPIED", 12 * len(raw))
    put(office, 1, "news@a.test", "l2@a.test", "l3@a.test", "l4@a.test")
    for number in (2, 3, 4):
        # One of each is on all three, and has one copy.
        people = ["all@far.test", *(f"u{each}@x{number}.test" for each in range(4))]
        put(office, number, f"l{number}@a.test", *people)
    found = spread(office, raw, "news@a.test")
    assert len(found.outgoing) == 9
    (kept,) = found.batches
    assert (set(kept.who), kept.decision.role) == ({office.ben}, "junk")
    assert "too big for l4@a.test" in kept.decision.reason


def test_lists_that_are_written_to_together_are_bounded_together(office, monkeypatch):
    raw = mail()
    monkeypatch.setattr(lists, "MOST_COPIED", 5 * len(raw))
    for number in (1, 2):
        put(office, number, f"l{number}@a.test", *(f"u{each}@x{number}.test" for each in range(3)))
    found = spread(office, raw, "l1@a.test", "l2@a.test")
    assert len(found.outgoing) == 3
    assert [target.address for target, _why in found.refused] == ["l2@a.test"]


# --- nothing that was accepted ends nowhere
def test_what_lists_are_too_deep_for_goes_to_the_owner(office):
    for number in range(1, 6):
        put(office, number, f"l{number}@a.test", f"l{number + 1}@a.test" if number < 5 else "ann@a.test")
    arrive(office, mail(), "l1@a.test")
    assert lies(office, office.ann) == (0, 0, 0)
    (kept,) = office.box(office.ben, "junk")
    assert kept.reasons["placement"] == "It came to l5@a.test through too many other lists."
    arrive(office, mail(), "l2@a.test")
    assert lies(office, office.ann) == (1, 0, 0)


def test_a_list_that_is_too_deep_one_way_and_not_another_gets_it(office):
    for number in range(1, 6):
        put(office, number, f"l{number}@a.test", f"l{number + 1}@a.test" if number < 5 else "ann@a.test")
    put(office, 1, "l1@a.test", "l2@a.test", "l5@a.test")
    arrive(office, mail(), "l1@a.test")
    assert (lies(office, office.ann), lies(office, office.ben)) == ((1, 0, 0), (0, 0, 0))


def test_what_a_list_without_an_owner_does_not_take_is_for_the_owner_of_the_list_above(office):
    put(office, 1, "news@a.test", "in@a.test")
    put(office, 2, "in@a.test", "ann@a.test", policy="members")
    office.directory.entries["in@a.test"] = replace(office.directory.entries["in@a.test"], owners=())
    arrive(office, mail())
    assert (lies(office, office.ann), lies(office, office.ben)) == ((0, 0, 0), (0, 1, 0))


def test_a_list_with_nobody_on_it_says_so(office):
    put(office, 1, "news@a.test")
    with pytest.raises(Unwanted, match=r"Nobody is on news@a\.test"):
        arrive(office, mail())
    arrive(office, mail(), "news@a.test", "ann@a.test")
    assert (lies(office, office.ann), lies(office, office.ben)) == ((1, 0, 0), (0, 1, 0))


def test_a_circle_of_lists_with_nobody_in_it_is_the_owners(office):
    put(office, 1, "l1@a.test", "l2@a.test")
    put(office, 2, "l2@a.test", "l1@a.test")
    arrive(office, mail(), "l1@a.test")
    assert lies(office, office.ben) == (0, 1, 0)


def test_doubtful_mail_for_a_list_that_nobody_looks_after_is_refused(office):
    put(office, 1, "news@a.test", "ann@a.test", "x@far.test")
    office.directory.entries["news@a.test"] = replace(office.directory.entries["news@a.test"], owners=())
    doubtful = Verdict((Evidence("dnsbl", "listed", "It is listed.", score=8.0),))
    with pytest.raises(Unwanted, match="Nobody looks after"):
        arrive(office, mail(), verdict=doubtful)


def test_a_list_that_was_deleted_meanwhile_refuses(office):
    put(office, 1, "news@a.test", "ann@a.test")
    targets = office.directory.resolve("news@a.test").targets
    del office.directory.entries["news@a.test"]
    arrival = Arrival(
        mail(), "ada@outside.test", (Recipient("news@a.test", targets),), "mx", "192.0.2.7", "mail.a.test", "ESMTP"
    )  # fmt: skip
    with pytest.raises(Unwanted, match="no list"):
        receive.receive(arrival, GENUINE)


def test_a_person_who_writes_to_an_address_for_reports_reaches_the_owner(office):
    put(office, 1, "news@a.test", "ann@a.test", "x@far.test")
    arrive(office, mail(sender="x@far.test"), "news-bounces+2.abc@a.test", sender="x@far.test")
    assert (lies(office, office.ben), office.directory.bounced) == ((1, 0, 0), [])
    arrive(office, mail(subject="Away"), "news-bounces+2.abc@a.test", sender="")
    assert lies(office, office.ben) == (1, 1, 0)


def test_who_owns_one_list_and_is_on_another_has_the_copy_of_a_member(office):
    put(office, 1, "news@a.test", "x@far.test", policy="members")
    put(office, 2, "open@a.test", "ben@a.test", owner=office.ann)
    arrive(office, mail(), "news@a.test", "open@a.test")
    assert lies(office, office.ben) == (1, 0, 0)
