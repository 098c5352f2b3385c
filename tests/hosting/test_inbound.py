"""What a domain does with doubtful mail, and who of its administrators sees and settles what is held."""

from __future__ import annotations

import pytest
from django.test import Client

from hosting import inbound
from hosting.errors import NotAllowed, NotFound
from hosting.models import Account, AuditEntry
from mta import directory
from mta.directory import InboundPolicy
from mta.mailstore import service as mailstore
from mta.mailstore.service import Door
from mta.values import INBOX, QUARANTINE, Cause
from tests.hosting.conftest import World
from tests.mail import mail

pytestmark = pytest.mark.django_db
PAGE = "/panel/domains/bakery.test/doubtful/"


def hold(account: Account, subject: str = "You have won", *, kind: str = "spam") -> int:
    space = account.mailspace
    assert space is not None
    prepared = mailstore.prepare(mail(sender="Lotto <win@lotto.test>", subject=subject))
    reasons = {"placement": "It is full of what spam is made of", "held": kind}

    def work(door: Door) -> int:
        return door.store(space, prepared, QUARANTINE, cause=Cause("smtp"), reasons=reasons).message

    return mailstore.commit({space}, work)


def client(account: Account) -> Client:
    made = Client()
    made.force_login(account)
    return made


def test_a_domain_begins_with_the_usual_policy_and_changes_it(world: World) -> None:
    ask = directory.current().inbound_policy
    assert inbound.policy(world.domain) == InboundPolicy() == ask("bakery.test")
    strict = InboundPolicy(junk_at=3.5, refuse_at=10.0, hold_spam=False, hold_forged=True, greylist=False)
    assert inbound.set_policy(world.domain, strict, actor=world.actor("postmaster"))
    assert ask("bakery.test") == ask("BAKERY.test") == strict
    assert ask("garage.test") == ask("unknown.test") == InboundPolicy()
    assert not inbound.set_policy(world.domain, strict, actor=world.actor("postmaster"))
    entry = AuditEntry.objects.get(verb="domain.inbound")
    assert entry.before == {
        "junk_at": 5.0,
        "refuse_at": 15.0,
        "hold_spam": True,
        "hold_forged": False,
        "greylist": True,
    }


@pytest.mark.parametrize("who", ["support", "billing", "reader", "ann", "eve", "other_seller"])
def test_who_may_not_edit_the_domain_may_not_change_it(world: World, who: str) -> None:
    with pytest.raises((NotAllowed, NotFound)):
        inbound.set_policy(world.domain, InboundPolicy(junk_at=7.0), actor=world.actor(who))
    assert inbound.policy(world.domain) == InboundPolicy()


def test_administrators_see_what_is_held_for_their_people_and_nobody_elses(world: World) -> None:
    mine, _other = hold(world.ann, "For Ann"), hold(world.eve, "For Eve")
    for who in ("admin", "seller", "owner", "postmaster", "support"):
        found = inbound.held_for(world.domain, actor=world.actor(who))
        assert [(each.account, each.held.message) for each in found] == [(world.ann, mine)], who
    for who in ("billing", "reader", "other_seller"):
        assert inbound.held_for(world.domain, actor=world.actor(who)) == (), who


def test_a_release_lands_in_the_inbox_and_in_the_audit(world: World) -> None:
    assert world.ann.mailspace is not None
    message = hold(world.ann, kind="virus")
    page = client(world.postmaster).get(PAGE).content.decode()
    assert "win@lotto.test" in page
    assert "You have won" in page
    fields = {"account": world.ann.pk, "message": message, "do": "release"}
    answer = client(world.postmaster).post(PAGE + "settle/", fields, follow=True)
    assert "It is in the Inbox of ann@bakery.test now." in answer.content.decode()
    inbox = mailstore.mailbox_by_role(world.ann.mailspace, INBOX)
    assert mailstore.message(world.ann.mailspace, message).boxes == (inbox.id,)
    entry = AuditEntry.objects.get(verb="held.release")
    assert (entry.object_name, entry.after["sender"]) == ("ann@bakery.test", "win@lotto.test")
    (line,) = mailstore.history(world.ann.mailspace, limit=1)
    assert (line.verb, line.session, line.actor) == ("release", "the panel", world.postmaster.username)


@pytest.mark.parametrize("who", ["reader", "billing", "other_seller", "eve", "ann"])
def test_nobody_else_settles_it(world: World, who: str) -> None:
    message = hold(world.ann)
    fields = {"account": world.ann.pk, "message": message, "do": "release"}
    assert client(getattr(world, who)).post(PAGE + "settle/", fields).status_code == 404
    own = {"account": world.eve.pk, "message": hold(world.eve), "do": "delete"}
    assert client(world.postmaster).post(PAGE + "settle/", own).status_code == 404
    assert mailstore.held_counts([world.ann.mailspace or 0]) == {world.ann.mailspace: 1}


def test_the_form_saves_what_it_says_and_refuses_what_it_does_not_offer(world: World) -> None:
    form = {"junk_at": "3.5", "refuse_at": "25", "hold_spam": "0", "hold_forged": "1"}
    answer = client(world.owner).post(PAGE, form, follow=True)
    assert "Saved." in answer.content.decode()
    world.domain.refresh_from_db()
    assert inbound.policy(world.domain) == InboundPolicy(3.5, 25.0, False, True, False)
    for wrong in ({"junk_at": "-1"}, {"junk_at": "nan"}, {"hold_spam": "2"}, {"refuse_at": ""}):
        assert client(world.owner).post(PAGE, form | wrong).status_code == 422
    assert client(world.support).post(PAGE, form | {"junk_at": "7"}).status_code == 403
    assert inbound.policy(world.domain).junk_at == 3.5
