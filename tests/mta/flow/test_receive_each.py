"""Mail whose recipients each have an answer (LMTP, RFC 2033): an address is refused only if nobody behind it has it."""

from __future__ import annotations

import pytest

from mta.flow import receive
from mta.flow.passage import Accepted, Arrival, Recipient
from mta.mailstore import service as mailstore
from mta.queue.models import Outgoing
from mta.trust.verdict import Evidence, Verdict
from tests.mail import mail
from tests.mta.flow.test_lists import GENUINE, news

BAD = Verdict((Evidence("spam", "spam", "It looks bad.", score=20.0),), author="outside.test")


def lies(office, mailspace: int) -> tuple[int, int, int]:
    """How many are in Inbox, Junk, and held."""
    return (
        len(office.box(mailspace, "inbox")),
        len(office.box(mailspace, "junk")),
        len(mailstore.held([mailspace])),
    )


def handed(office, *addresses: str, verdict: Verdict = BAD) -> Accepted:
    to = tuple(Recipient(each, office.directory.resolve(each).targets) for each in addresses)
    arrival = Arrival(mail(), "ada@outside.test", to, "mx", "127.0.0.1", "mail.a.test", "LMTP", each=True)
    return receive.receive(arrival, verdict).result()


@pytest.mark.parametrize("more", [(), ("ann@a.test",)])
def test_an_alias_of_whom_some_hold_it_is_not_refused(office, more):
    office.directory.entries["team@a.test"] = ["ann@a.test", "ben@a.test", "out@far.test"]
    accepted = handed(office, "team@a.test", *more)
    assert accepted.refused == {}
    assert (lies(office, office.ann), lies(office, office.ben)) == ((0, 0, 1), (0, 0, 1))
    assert Outgoing.objects.count() == 0


def test_an_alias_with_a_list_that_does_not_take_it_is_not_refused_for_that(office):
    office.directory.entries["news@a.test"] = news("x@far.test", owners=(office.ben,))
    office.directory.entries["team@a.test"] = ["ann@a.test", "news@a.test"]
    accepted = handed(office, "team@a.test", "news@a.test", verdict=GENUINE)
    assert set(accepted.refused) == {"news@a.test"}
    assert (lies(office, office.ann), lies(office, office.ben)) == ((1, 0, 0), (0, 0, 0))


def test_an_address_of_which_nobody_takes_it_is_refused(office):
    office.directory.entries["away2@a.test"] = ["out@far.test"]
    accepted = handed(office, "away2@a.test", "ann@a.test")
    assert set(accepted.refused) == {"away2@a.test"}
    assert lies(office, office.ann) == (0, 0, 1)
