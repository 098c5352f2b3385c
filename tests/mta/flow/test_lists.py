"""Distribution lists: who may post, what members here and elsewhere get, and members whose mail comes back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from mta.directory import ListInfo, Member
from mta.flow import bounce, lists, local, receive, submit
from mta.flow.errors import MayNotPost
from mta.flow.lists import Posted
from mta.flow.passage import Arrival, Recipient, Unwanted
from mta.message.headers import decode_text, first, parse_header, split_message
from mta.message.report import RecipientReport, build_dsn
from mta.queue import service as queue
from mta.queue.models import Outgoing, QueuedRecipient
from mta.queue.values import FAILED, REPORT, Outcome
from mta.tracing import service as tracing
from mta.trust.verdict import Evidence, Verdict
from mta.values import now_us
from tests.mail import mail

NO = Outcome(FAILED, "no mailbox", 550, "5.1.1", "5.1.1 who?", "mx.outside.test", "192.0.2.1")
GENUINE = Verdict((Evidence("dmarc", "pass", domain="outside.test"),), author="outside.test")


def member(number: int, address: str) -> Member:
    return Member(
        number,
        address,
        bounces_to=f"news-bounces+{number}.abc@a.test",
        leave_to=f"news-leave+{number}.abc@a.test",
        leave_url=f"https://mail.a.test/lists/leave/{number}.abc/",
    )


def news(
    *addresses: str, policy: str = "members", posters: tuple[str, ...] | None = None, **more
) -> ListInfo:
    members = tuple(member(number, address) for number, address in enumerate(addresses, 1))
    may = frozenset(addresses if posters is None else posters)
    made = ListInfo(1, "news@a.test", "The News", policy, may, members, owner_address="news-owner@a.test")
    return replace(made, **more)


@pytest.fixture
def given(office) -> Callable[..., None]:
    def give(*addresses: str, **more) -> None:
        office.directory.entries["news@a.test"] = news(*addresses, owners=(office.ben,), **more)
        office.directory.entries["news-owner@a.test"] = office.ben

    return give


def arrive(
    office, raw: bytes, *to: str, sender: str = "ada@outside.test", verdict: Verdict = GENUINE
) -> receive.Accepted:
    recipients = tuple(
        Recipient(each, office.directory.resolve(each).targets) for each in to or ("news@a.test",)
    )
    arrival = Arrival(raw, sender, recipients, "mx.outside.test", "192.0.2.7", "mail.a.test", "ESMTP")
    return receive.receive(arrival, verdict).result()


def header(raw: bytes, name: str) -> str:
    end, _body = split_message(raw)
    return decode_text(first(parse_header(raw[:end]), name) or b"")


def copies() -> dict[str, tuple[str, bytes]]:
    """By address: the envelope sender of the copy that waits for it, and its bytes."""
    rows = QueuedRecipient.objects.filter(delivered_at=None).values_list("address", "outgoing_id")
    return {address: (Outgoing.objects.get(pk=id_).sender, queue.raw(id_)) for address, id_ in rows}


def test_members_here_get_it_in_their_inbox_and_members_elsewhere_a_copy_of_their_own(office, given):
    given("ann@a.test", "ada@outside.test", "x@far.test")
    accepted = arrive(office, mail(to="news@a.test"))
    (got,) = office.box(office.ann, "inbox")
    assert got.reasons["placement"] == "Sent to the list The News, news@a.test"
    raw = office.raw(office.ann, "inbox")
    assert raw.startswith(
        b"Return-Path: <news-bounces+1.abc@a.test>\r\nDelivered-To: news@a.test\r\nReceived:"
    )
    assert office.box(office.ben, "inbox") == []
    sent = copies()
    assert {address: sender for address, (sender, _raw) in sent.items()} == {
        "ada@outside.test": "news-bounces+2.abc@a.test",
        "x@far.test": "news-bounces+3.abc@a.test",
    }
    kinds = [event.kind for event in tracing.timeline(accepted.trace_id)]
    assert (kinds.count("placed"), kinds.count("forwarded")) == (1, 2)


def test_a_copy_says_which_list_it_is_of_and_how_to_leave_it_under_the_lists_signature(office, given):
    given("x@far.test", "ada@outside.test")
    earlier = "List-Id: <other.far.test>\r\nList-Unsubscribe: <https://far.test/all>\r\nPrecedence: bulk"
    arrive(office, mail(extra=earlier))
    raw = copies()["x@far.test"][1]
    assert header(raw, "list-id") == "The News <news.a.test>"
    assert header(raw, "list-post") == "<mailto:news@a.test>"
    assert header(raw, "list-owner") == "<mailto:news-owner@a.test>"
    assert header(raw, "list-unsubscribe") == (
        "<https://mail.a.test/lists/leave/1.abc/>, <mailto:news-leave+1.abc@a.test>"
    )
    assert header(raw, "list-unsubscribe-post") == "List-Unsubscribe=One-Click"
    for once in (b"List-Id:", b"List-Unsubscribe:", b"Precedence:"):
        assert raw.count(once) == 1
    signature = header(raw, "dkim-signature")
    assert "d=a.test" in signature
    signed = re.sub(r"\s", "", signature).partition(";h=")[2].partition(";")[0].split(":")
    assert {"list-unsubscribe", "list-unsubscribe-post", "list-id", "from"} <= set(signed)
    assert header(raw, "from") == "Ada Lovelace <ada@outside.test>"


@pytest.mark.parametrize("published", ["quarantine", "reject"])
def test_the_list_is_the_author_where_the_authors_domain_enforces_dmarc(office, given, published):
    given("ann@a.test", "x@far.test", "ada@outside.test")
    arrive(office, mail(), verdict=replace(GENUINE, published=published))
    raw = copies()["x@far.test"][1]
    assert header(raw, "from") == "Ada Lovelace via The News <news@a.test>"
    assert header(raw, "reply-to") == "Ada Lovelace <ada@outside.test>"
    assert header(raw, "x-original-from") == "Ada Lovelace <ada@outside.test>"
    assert header(office.raw(office.ann, "inbox"), "from") == "Ada Lovelace <ada@outside.test>"


def test_where_answers_go_stays_as_its_author_wants_it(office, given):
    given("x@far.test", "ada@outside.test")
    raw = mail(extra="Reply-To: Desk <desk@outside.test>")
    arrive(office, raw, verdict=replace(GENUINE, published="reject"))
    assert header(copies()["x@far.test"][1], "reply-to") == "Desk <desk@outside.test>"


@pytest.mark.parametrize("published", ["", "none"])
def test_without_such_a_policy_the_author_stays(office, given, published):
    given("x@far.test", "ada@outside.test")
    arrive(office, mail(), verdict=replace(GENUINE, published=published))
    raw = copies()["x@far.test"][1]
    assert header(raw, "from") == "Ada Lovelace <ada@outside.test>"
    assert b"Reply-To" not in raw


def test_the_body_arrives_byte_for_byte(office, given):
    given("x@far.test", policy="anyone")
    raw = mail(body="Caf\u00e9 \u2014  two spaces \t\r\n.\r\n-- \r\nAda")
    arrive(office, raw)
    _end, body = split_message(raw)
    sent = copies()["x@far.test"][1]
    assert sent[split_message(sent)[1] :] == raw[body:]


@pytest.mark.parametrize(
    ("policy", "posters", "said"),
    [
        ("members", ("x@far.test",), "Only members may post to news@a.test"),
        ("listed", ("boss@a.test",), "Only a few addresses may post to news@a.test"),
    ],
)
def test_who_may_not_post_is_refused_when_nobody_else_gets_it(office, given, policy, posters, said):
    given("ann@a.test", policy=policy, posters=posters)
    with pytest.raises(Unwanted) as refused:
        arrive(office, mail())
    assert (refused.value.code, refused.value.enhanced) == (550, "5.7.1")
    assert said in str(refused.value)
    assert office.box(office.ann, "inbox") == office.box(office.ben, "junk") == []


def test_what_a_list_does_not_take_goes_to_its_owner_when_others_do(office, given):
    given("x@far.test")
    arrive(office, mail(), "news@a.test", "ann@a.test")
    assert len(office.box(office.ann, "inbox")) == 1
    (held,) = office.box(office.ben, "junk")
    assert held.reasons["placement"] == "Only members may post to news@a.test."
    assert copies() == {}


def test_anyone_may_post_where_the_list_says_so(office, given):
    given("ann@a.test", policy="anyone")
    arrive(office, mail(sender="nobody@nowhere.test"))
    assert len(office.box(office.ann, "inbox")) == 1


def test_a_member_with_a_detail_or_in_capitals_is_that_member(office, given):
    given("ann@a.test", "ada@outside.test")
    arrive(office, mail(sender="ADA+work@Outside.test"))
    assert len(office.box(office.ann, "inbox")) == 1


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict((Evidence("dmarc", "fail", domain="outside.test"),), "outside.test"),
        Verdict(
            (Evidence("dmarc", "fail", domain="outside.test"),), "outside.test", "quarantine", "quarantine"
        ),
    ],
)
def test_a_forged_member_is_no_member(office, given, verdict):
    given("ben@a.test", "ada@outside.test")
    with pytest.raises(Unwanted):
        arrive(office, mail(), verdict=verdict)


def test_a_member_of_ours_who_has_not_signed_in_is_believed_with_a_proof_only(office, given):
    given("ann@a.test", "ben@a.test")
    raw = mail(sender="ben@a.test")
    with pytest.raises(Unwanted, match="really sent"):
        arrive(office, raw, sender="ben@a.test", verdict=Verdict(author="a.test"))
    signed = Verdict((Evidence("dkim", "pass", domain="a.test"),), "a.test")
    arrive(office, raw, sender="ben@a.test", verdict=signed)
    assert len(office.box(office.ann, "inbox")) == 1


def test_doubtful_mail_goes_to_the_owner_alone(office, given):
    given("ann@a.test", "x@far.test", policy="anyone")
    arrive(office, mail(), verdict=Verdict((Evidence("dnsbl", "listed", "It is listed.", score=12.0),)))
    assert (office.box(office.ann, "inbox"), copies()) == ([], {})
    assert len(office.box(office.ben, "junk")) == 1


@pytest.mark.parametrize(
    "extra",
    ["X-Loop: news@a.test", "List-Id: News <news.a.test>", "Delivered-To: News@A.test"],
)
def test_what_has_been_through_the_list_does_not_go_round(office, given, extra):
    given("ann@a.test", policy="anyone")
    with pytest.raises(Unwanted, match="been through"):
        arrive(office, mail(extra=extra))


@pytest.mark.parametrize(
    ("sender", "extra"), [("", ""), ("ada@outside.test", "Auto-Submitted: auto-replied")]
)
def test_automatic_answers_and_reports_are_not_passed_on(office, given, sender, extra):
    given("ann@a.test", policy="anyone")
    with pytest.raises(Unwanted, match="automatic"):
        arrive(office, mail(extra=extra), sender=sender)


def test_who_is_written_to_and_on_the_list_gets_one_copy(office, given):
    given("ann@a.test", "both@a.test", "away@a.test", policy="anyone")
    arrive(office, mail(), "ann@a.test", "news@a.test")
    (got,) = office.box(office.ann, "inbox")
    assert got.reasons["placement"] == "Sent to ann@a.test"
    assert len(office.box(office.ben, "inbox")) == 1
    assert copies()["away@outside.test"][0] == "news-bounces+3.abc@a.test"


def test_a_list_on_a_list_gets_it_and_a_circle_ends(office, given):
    given("ann@a.test", "all@a.test", policy="anyone")
    below = ListInfo(2, "all@a.test", "All", "members", frozenset({"news@a.test"}), (
        member(7, "x@far.test"), member(8, "news@a.test"),
    ), owner_address="all-owner@a.test")  # fmt: skip
    office.directory.entries["all@a.test"] = below
    arrive(office, mail())
    assert len(office.box(office.ann, "inbox")) == 1
    assert set(copies()) == {"x@far.test"}


def test_our_own_people_post_through_the_web_client(office, given):
    given("ann@a.test", "ben@a.test", "x@far.test")
    office.send("news@a.test")
    (got,) = office.box(office.ben, "inbox")
    assert (got.from_.email, got.subject) == ("ann@a.test", "Lunch")
    sender, raw = copies()["x@far.test"]
    assert sender == "news-bounces+3.abc@a.test"
    assert raw.count(b"DKIM-Signature:") == 2  # the author's, still good, and the list's
    assert len(office.box(office.ann, "inbox")) == 1  # members get what they post


def test_who_may_not_post_hears_it_before_anything_is_sent(office, given):
    given("ben@a.test")
    with pytest.raises(MayNotPost, match="Only members"):
        office.send("news@a.test", "x@far.test")
    assert copies() == {}
    assert office.box(office.ann, "sent") == []


def test_a_posting_that_waited_to_be_taken_back_goes_to_the_list_then(office, given):
    given("ann@a.test", "ben@a.test", "x@far.test")
    sent = office.send("news@a.test", undo_seconds=5)
    assert office.box(office.ben, "inbox") == []
    later = now_us() + 10_000_000
    claims = queue.claim(limit=10, now=later)
    local.deliver(queue.outgoing(sent.outgoing), queue.raw(sent.outgoing), claims)
    assert len(office.box(office.ben, "inbox")) == 1
    assert "x@far.test" in copies()


def test_a_mail_program_posts_too(office, given):
    given("ann@a.test", "ben@a.test")
    submit.submit_raw(
        mail(sender="ann@a.test", to="news@a.test"),
        login=office.login,
        mail_from="ann@a.test",
        recipients=("news@a.test",),
        client="laptop",
        ip="192.0.2.7",
    )
    assert header(office.raw(office.ben, "inbox"), "list-id") == "The News <news.a.test>"


# --- members who cannot be reached
def test_a_refused_copy_counts_for_its_member_and_the_owner_hears_of_a_pause(office, given):
    given("x@far.test", "y@far.test", policy="anyone")
    office.directory.pauses[1] = "x@far.test"
    arrive(office, mail())
    for claimed in queue.claim(limit=10, now=now_us()):
        info = queue.outgoing(claimed.outgoing)
        bounce.settle(info, [(claimed, NO)], raw=queue.raw(claimed.outgoing))
    assert sorted(office.directory.bounced) == [(1, 1), (1, 2)]
    told = Outgoing.objects.get(kind=REPORT)
    assert [each.address for each in queue.recipients(told.id)] == ["news-owner@a.test"]
    text = queue.raw(told.id).decode()
    assert "x@far.test is paused on the list The News" in text and "5.1.1 who?" in text
    assert office.box(office.ben, "inbox") == []  # and no report besides


def report(status: str = "5.1.1", action: str = "failed") -> bytes:
    about = RecipientReport("x@far.test", action, status, diagnostic="550 no such user")  # type: ignore[arg-type]
    return build_dsn(
        [about], mail(), to="news-bounces+1.abc@a.test", reporting_mta="mx.far.test", message_id="r@far.test",
        when_us=now_us(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "counted"),
    [
        (report(), [(1, 1)]),
        (report(status="4.4.1"), []),
        (report(status="4.4.1", action="delayed"), []),
        (mail(subject="I am away"), []),
    ],
)
def test_a_report_from_beyond_counts_only_when_it_is_final(office, given, raw, counted):
    given("x@far.test")
    arrive(office, raw, "news-bounces+1.abc@a.test", sender="")
    assert office.directory.bounced == counted
    assert office.box(office.ben, "inbox") == []


def test_a_letter_to_the_address_for_leaving_ends_it(office, given):
    given("x@far.test")
    arrive(office, mail(sender="x@far.test"), "news-leave+1.abc@a.test")
    assert office.directory.left == [(1, 1)]


def test_a_masked_address_counts_what_comes_through_it(office):
    office.directory.entries["shop-x7k@a.test"] = office.ann
    office.directory.masks["shop-x7k@a.test"] = 9
    arrive(office, mail(), "shop-x7k@a.test")
    office.send("shop-x7k@a.test")
    assert office.directory.used == [9, 9]


def test_a_posting_to_no_list_is_nothing(office):
    found = lists.spread((), Posted(mail(), "ada@outside.test"))
    assert (found.mailspaces, found.outgoing, found.refused) == ((), (), ())


def test_what_would_be_too_much_for_all_members_elsewhere_is_refused(office, given, monkeypatch):
    monkeypatch.setattr(lists, "MOST_COPIED", 3000)
    given("ann@a.test", *(f"m{number}@far.test" for number in range(5)), policy="anyone")
    with pytest.raises(Unwanted, match=r"too big for news@a\.test: 1 MB to 5 members elsewhere"):
        arrive(office, mail(body="x" * 900))
    given("ann@a.test", "m1@far.test", policy="anyone")
    arrive(office, mail(body="x" * 900))
    assert set(copies()) == {"m1@far.test"}


def test_hundreds_of_members_elsewhere_get_a_copy_each(office, given):
    people = [f"m{number}@far{number % 7}.test" for number in range(250)]
    given(*people, policy="anyone")
    arrive(office, mail())
    sent = copies()
    assert set(sent) == set(people)
    assert len({sender for sender, _raw in sent.values()}) == 250
    assert header(sent["m9@far2.test"][1], "list-unsubscribe").startswith(
        "<https://mail.a.test/lists/leave/10."
    )
