"""Manners as decisions: what follows from how a client behaves, with a clock that the test turns."""

from __future__ import annotations

import asyncio
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.limits.ledger import Ledger
from mta.limits.policy import Policy
from mta.limits.rates import Rate
from mta.serve import statuses
from mta.serve.hello import judge_hello
from mta.serve.manners import Manners, Visit, greet
from mta.serve.peers import address_of, is_in, network_of

OUTSIDE = "203.0.113.9"
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def house(policy: Policy | None = None) -> tuple[Manners, Clock]:
    clock = Clock()
    clock.now = 600 * 2000.0
    manners = Manners(
        policy or Policy(),
        hostname="mail.example.test",
        exempt=(LOOPBACK,),
        ledger=Ledger(clock=clock),
        clock=clock,
    )
    return manners, clock


def a_visit(manners: Manners, ip: str = OUTSIDE, protocol: str = "smtp") -> Visit:
    return manners.visit(ip, protocol=protocol, our_ip="192.0.2.1")


# --- the door


def test_an_address_and_its_network_have_limits_at_once() -> None:
    manners, _ = house(Policy(connections_per_address=2, connections_per_network=3))
    first = [manners.enter("203.0.113.1", "imap") for _ in range(3)]
    assert [each is not None for each in first] == [True, True, False]
    assert manners.enter("203.0.113.2", "smtp") is not None
    assert manners.enter("203.0.113.3", "pop3") is None
    assert manners.enter("203.0.114.3", "pop3") is not None
    assert first[0] is not None
    first[0].leave()
    first[0].leave()
    assert manners.enter("203.0.113.3", "pop3") is not None
    assert manners.inside == 4


def test_who_has_signed_in_takes_no_place_of_its_address_any_more() -> None:
    """An office has one address and many people, and each of them several connections."""
    manners, _ = house(Policy(connections=4, connections_per_address=1))
    entries = []
    for _ in range(4):
        entry = manners.enter("203.0.113.1", "imap")
        assert entry is not None
        assert manners.enter("203.0.113.1", "imap") is None
        entry.signed_in()
        entries.append(entry)
    assert manners.inside == 4 and manners.enter("203.0.113.2", "imap") is None  # the house is full
    for entry in entries:
        entry.leave()
    assert manners.inside == 0 and manners.ledger.held("open:203.0.113.1") == 0


def test_an_address_and_its_network_have_limits_in_time() -> None:
    manners, clock = house(Policy(connection_rate=Rate(3, 60), connection_rate_network=Rate(5, 60)))

    def come_and_go(ip: str) -> bool:
        entry = manners.enter(ip, "smtp")
        if entry is not None:
            entry.leave()
        return entry is not None

    assert [come_and_go("203.0.113.1") for _ in range(4)] == [True, True, True, False]
    assert [come_and_go("203.0.113.2") for _ in range(3)] == [True, True, False]
    assert come_and_go("198.51.100.1")
    clock.now += 121
    assert come_and_go("203.0.113.1")
    assert manners.inside == 0


def test_exempt_networks_have_only_the_limit_of_the_house() -> None:
    manners, _ = house(Policy(connections=5, connections_per_address=1, connection_rate=Rate(1, 60)))
    entries = [manners.enter("127.0.0.1", "smtp") for _ in range(6)]
    assert [each is not None for each in entries] == [True] * 5 + [False]


def test_whoever_is_refused_leaves_nothing_behind() -> None:
    manners, clock = house(Policy(connections_per_address=9, connections_per_network=1))
    entry = manners.enter("203.0.113.1", "smtp")
    for _ in range(100):
        assert manners.enter("203.0.113.2", "smtp") is None
    assert entry is not None
    entry.leave()
    assert manners.inside == 0 and manners.ledger.held("open:203.0.113.2") == 0
    clock.now += 600
    assert manners.enter("203.0.113.2", "smtp") is not None


@pytest.mark.parametrize(
    ("ip", "address", "network"),
    [
        ("203.0.113.9", "203.0.113.9", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/48"),
        ("", "", ""),
    ],
)
def test_what_counts_as_an_address_and_a_network(ip: str, address: str, network: str) -> None:
    assert (address_of(ip), network_of(ip)) == (address, network)


def test_what_lies_in_a_network() -> None:
    networks = [ipaddress.ip_network("203.0.113.0/24"), ipaddress.ip_network("2001:db8::/32")]
    for ip in ("203.0.113.9", "::ffff:203.0.113.9", "2001:db8::1%eth0"):
        assert is_in(ip, networks) and not is_in(ip, [])
    for ip in ("203.0.114.9", "2001:db9::1", "", "nonsense", "203.0.113"):
        assert not is_in(ip, networks)


@given(st.one_of(st.ip_addresses().map(str), st.text(max_size=100)))
def test_any_peer_has_a_bounded_key(ip: str) -> None:
    assert len(address_of(ip)) <= 64 and len(network_of(ip)) <= 64


# --- the greeting


def test_strangers_wait_for_the_greeting_and_friends_do_not() -> None:
    manners, clock = house(Policy(greeting_delay=2.5))
    assert a_visit(manners).greeting_delay == 2.5
    assert a_visit(manners, "127.0.0.1").greeting_delay == 0
    assert a_visit(manners, protocol="submission").greeting_delay == 0
    assert a_visit(manners, protocol="lmtp").greeting_delay == 0
    a_visit(manners).accepted(1)
    assert a_visit(manners).greeting_delay == 0
    clock.now += 3 * 86_400
    assert a_visit(manners).greeting_delay == 2.5


def test_who_speaks_before_the_greeting_is_refused() -> None:
    async def arrive(says: bytes) -> object:
        manners, _ = house(Policy(greeting_delay=0.01))
        reader = asyncio.StreamReader()
        if says:
            reader.feed_data(says)
        return (await greet(a_visit(manners), reader, asyncio.Event())).reply

    assert asyncio.run(arrive(b"EHLO bot\r\n")) == statuses.SPOKE_EARLY
    assert asyncio.run(arrive(b"")) is None


def test_a_house_that_closes_does_not_wait_for_its_greeting() -> None:
    async def arrive() -> None:
        manners, _ = house(Policy(greeting_delay=60))
        stopping = asyncio.Event()
        stopping.set()
        await asyncio.wait_for(greet(a_visit(manners), asyncio.StreamReader(), stopping), 5)

    asyncio.run(arrive())


# --- the name


@pytest.mark.parametrize(
    ("name", "result", "impossible"),
    [
        ("mx.outside.test", "pass", False),
        ("mx.outside.test.", "pass", False),
        ("xn--bcher-kva.example", "pass", False),
        ("bücher.example", "pass", False),
        ("under_score.example", "pass", False),
        ("mail.example.test", "impossible", True),
        ("MAIL.Example.Test.", "impossible", True),
        ("localhost", "impossible", True),
        ("localhost.localdomain", "impossible", True),
        ("[127.0.0.1]", "impossible", True),
        ("[IPv6:::1]", "impossible", True),
        ("127.1.2.3", "impossible", True),
        ("[192.0.2.1]", "impossible", True),
        ("192.0.2.1", "impossible", True),
        ("[203.0.113.9]", "neutral", False),
        ("203.0.113.9", "neutral", False),
        ("[198.51.100.77]", "fail", False),
        ("198.51.100.77", "fail", False),
        ("WIN-4D3J", "fail", False),
        ("a..b", "fail", False),
        ("-a.example", "fail", False),
        ("a!b.example", "fail", False),
        ("[nonsense]", "fail", False),
    ],
)
def test_what_a_name_says(name: str, result: str, impossible: bool) -> None:
    found, cannot_be = judge_hello(name, ip=OUTSIDE, our_name="mail.example.test", our_ip="192.0.2.1")
    assert (found.method, found.result, cannot_be) == ("helo", result, impossible)
    assert (found.score > 0) == (result != "pass")
    assert found.reason.endswith(".") or result == "pass"


def test_what_is_on_this_machine_may_say_so() -> None:
    for ip, name in (("127.0.0.1", "localhost"), ("::1", "mail.example.test"), ("192.0.2.1", "[192.0.2.1]")):
        found, cannot_be = judge_hello(name, ip=ip, our_name="mail.example.test", our_ip="192.0.2.1")
        assert (found.result, cannot_be) == ("pass", False)


@given(st.text(max_size=255), st.text(max_size=60), st.text(max_size=60))
def test_any_name_is_judged(name: str, ip: str, ours: str) -> None:
    judge_hello(name, ip=ip, our_name="mail.example.test", our_ip=ours)


def test_the_impossible_is_refused_or_weighed_or_let_pass_as_the_setting_says() -> None:
    for mode, reply, score in (
        ("strict", statuses.NOT_YOUR_NAME, None),
        ("score", None, 4.0),
        ("off", None, None),
    ):
        visit = a_visit(house(Policy(hello=mode))[0])
        assert visit.hello("localhost").reply == reply
        assert (visit.evidence[0].score if visit.evidence else None) == score


def test_mail_programs_and_our_own_machines_may_say_what_they_like() -> None:
    manners, _ = house()
    for visit in (a_visit(manners, protocol="submission"), a_visit(manners, "127.0.0.1")):
        assert not visit.hello("localhost") and visit.evidence == ()


# --- the conversation


def test_errors_make_answers_slower_until_there_are_too_many() -> None:
    visit = a_visit(house(Policy(errors=8, errors_before_delay=2, longest_delay=3))[0])
    judgements = [visit.failed() for _ in range(8)]
    assert [each.delay for each in judgements] == [0, 0, 0.5, 1, 2, 3, 3, 0]
    assert judgements[-1].reply == statuses.TOO_MANY_ERRORS and judgements[-1].ends


def test_exempt_networks_do_not_wait_but_may_not_err_more_than_others() -> None:
    visit = a_visit(house(Policy(errors=8, errors_before_delay=2))[0], "127.0.0.1")
    judgements = [visit.failed() for _ in range(8)]
    assert {each.delay for each in judgements} == {0} and judgements[-1].ends


def test_an_accepted_message_wipes_the_slate() -> None:
    visit = a_visit(house(Policy(errors=3))[0])
    for _ in range(5):
        assert not visit.failed().ends and not visit.failed().ends
        visit.accepted(1)


def test_commands_that_move_nothing_are_few_and_others_many() -> None:
    visit = a_visit(house(Policy(idle_commands=5, commands=50))[0])
    assert not any(visit.command("MAIL") for _ in range(40))
    assert not any(visit.command("NOOP") for _ in range(5))
    assert visit.command("RSET").reply == statuses.TOO_MANY_COMMANDS
    visit = a_visit(house(Policy(idle_commands=5, commands=50))[0])
    assert [visit.command("MAIL").ends for _ in range(51)] == [False] * 50 + [True]


def test_a_session_without_a_message_ends_and_one_with_messages_goes_on() -> None:
    manners, clock = house(Policy(session_seconds=100))
    visit = a_visit(manners)
    for _ in range(5):
        clock.now += 90
        assert not visit.command("MAIL")
        visit.accepted(1)
    clock.now += 101
    assert visit.command("MAIL").reply == statuses.TOO_LONG


def test_a_message_that_trickles_is_not_waited_for() -> None:
    visit = a_visit(house(Policy(data_rate=200))[0])
    assert not visit.is_too_slow(0, 59)
    assert visit.is_too_slow(10_000, 60)
    assert not visit.is_too_slow(12_000, 60)
    assert visit.is_too_slow(12_000, 120)
    assert not a_visit(house(Policy(data_rate=0))[0]).is_too_slow(0, 1e6)


def test_recipients_have_a_limit_for_the_message_and_one_for_the_minute() -> None:
    manners, clock = house(Policy(recipients=100, recipient_rate=Rate(150, 60)))
    visit = a_visit(manners)
    assert not any(visit.recipient(number) for number in range(100))
    assert visit.recipient(100).reply == statuses.TOO_MANY_RECIPIENTS
    other = a_visit(manners)
    assert not any(other.recipient(number) for number in range(50))
    assert other.recipient(50).reply == statuses.TOO_FAST
    assert not a_visit(manners, "198.51.100.1").recipient(0)
    other.signed_in = True
    assert not other.recipient(50)
    clock.now += 121
    assert not visit.recipient(0)


# --- who tries names

TRIES = Policy(unknown_rate=Rate(10, 600), unknown_rate_network=Rate(25, 600), longest_delay=4)


def test_who_tries_names_is_slowed_then_sent_away_then_not_let_in_and_then_forgiven() -> None:
    manners, clock = house(TRIES)
    visit = a_visit(manners)
    delays = []
    for number in range(11):
        judgement = visit.unknown()
        delays.append(judgement.delay)
        assert judgement.ends == (number == 10)
    assert delays[:5] == [0] * 5 and delays[5:10] == sorted(delays[5:10]) and delays[9] == 4
    assert a_visit(manners).arrived().reply == statuses.TRIED_NAMES
    assert visit.recipient(0).reply == statuses.TRIED_NAMES_HERE
    assert not a_visit(manners, "198.51.100.1").arrived()
    clock.now += 1200
    assert not a_visit(manners).arrived()


def test_names_tried_over_many_connections_and_addresses_of_a_network_count_together() -> None:
    manners, _ = house(TRIES)
    ends = [a_visit(manners, f"203.0.113.{number}").unknown().ends for number in range(26)]
    assert ends == [False] * 25 + [True]
    assert a_visit(manners, "203.0.113.200").arrived()
    assert not a_visit(manners, "203.0.114.200").arrived()


def test_a_provider_with_many_known_recipients_may_have_unknown_ones() -> None:
    manners, _ = house(TRIES)
    for _ in range(60):
        visit = a_visit(manners)
        visit.accepted(1)
        assert not visit.unknown()
    assert not a_visit(manners).arrived()


def test_exempt_networks_are_only_stopped_within_one_connection() -> None:
    manners, _ = house(Policy(unknown=30, unknown_rate=Rate(10, 600)))
    visit = a_visit(manners, "127.0.0.1")
    assert [visit.unknown().ends for _ in range(31)] == [False] * 30 + [True]
    assert not a_visit(manners, "127.0.0.1").arrived()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["failed", "unknown", "accepted", "recipient", "command", "hello", "wait"]),
            st.integers(0, 400),
        ),
        max_size=300,
    )
)
def test_no_behaviour_waits_longer_than_the_longest_delay_and_who_ends_is_told(
    steps: list[tuple[str, int]],
) -> None:
    manners, clock = house(TRIES)
    visit = a_visit(manners)
    for what, number in steps:
        if what == "wait":
            clock.now += number
        elif what == "accepted":
            visit.accepted(number % 5)
        else:
            match what:
                case "failed" | "unknown":
                    judgement = getattr(visit, what)()
                case "recipient":
                    judgement = visit.recipient(number)
                case "command":
                    judgement = visit.command("NOOP")
                case _:
                    judgement = visit.hello("a" * number)
            assert 0 <= judgement.delay <= 4
            assert judgement.reply is not None or not judgement.ends
            if judgement.ends:
                assert judgement.reply is not None and judgement.reply.code in {421, 554}
                break
