"""Distribution lists and other names of a domain: made, who may, what they resolve to, who leaves and who is paused."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hosting import accounts, aliases, domains, list_tokens, lists
from hosting.directory import Directory
from hosting.errors import BadName, LimitReached, NameTaken, NotFound
from hosting.lists import Wanted
from hosting.models import Domain, ListMember, MailingList
from mta.directory import BOUNCE, LEAVE, ListTarget, LocalTarget, Resolution
from tests.hosting.conftest import PASSWORD, TEST, World

pytestmark = pytest.mark.django_db
directory = Directory()


def news(world: World, *members: str, **wanted: object) -> MailingList:
    made = lists.add(world.domain, "news", wanted=Wanted("News", **wanted), actor=TEST)  # type: ignore[arg-type]
    if members:
        lists.add_members(made, members, actor=TEST)
    return made


# --- what they resolve to
def test_an_address_of_a_list_is_one_query(world: World) -> None:
    made = news(world)
    with CaptureQueriesContext(connection) as queries:
        found = directory.resolve("News+x@Bakery.test")
    assert found.targets == (ListTarget(made.pk, "News+x@Bakery.test"),)
    assert len(queries) == 1


def test_services_of_a_list_need_the_word_that_was_sent(world: World) -> None:
    made = news(world, "x@far.test")
    member = made.members.get()
    info = directory.mailing_list(made.pk)
    assert info is not None
    (told,) = info.members
    assert directory.resolve(told.bounces_to.upper()).targets == (
        ListTarget(made.pk, told.bounces_to.upper(), BOUNCE, member.pk),
    )
    assert directory.resolve(told.leave_to).targets == (ListTarget(made.pk, told.leave_to, LEAVE, member.pk),)
    for forged in (
        "news-bounces@bakery.test",
        f"news-bounces+{member.pk}.0123456789abcdef@bakery.test",
        told.bounces_to.replace("bounces", "leave"),
        told.leave_to.replace("leave", "bounces"),
        f"news-leave+{member.pk}@bakery.test",
        "ann-leave+1.x@bakery.test",
    ):
        assert directory.resolve(forged) == Resolution("unknown"), forged
    assert len(told.bounces_to.partition("@")[0]) <= 64


@pytest.mark.parametrize("address", ["news-owner@bakery.test", "news-request@bakery.test"])
def test_the_owner_is_reached_beside_the_list(world: World, address: str) -> None:
    made = news(world, owner="ann@bakery.test")
    assert directory.resolve(address).targets == (LocalTarget(world.ann.mailspace or 0, address),)
    accounts.suspend(world.ann, actor=TEST)
    assert directory.resolve(address).targets == (LocalTarget(world.postmaster.mailspace or 0, address),)
    assert lists.owners(made.pk) == [world.postmaster.mailspace]


def test_an_alias_may_lead_to_a_list(world: World) -> None:
    made = news(world)
    aliases.add(world.domain, "everybody", targets=["news@bakery.test"], actor=TEST)
    assert directory.resolve("everybody@bakery.test").targets == (
        ListTarget(made.pk, "everybody@bakery.test"),
    )


# --- making and changing them
def test_names_are_given_out_once(world: World) -> None:
    accounts.add(world.domain, "club-owner", password=PASSWORD, actor=TEST)
    with pytest.raises(NameTaken):
        lists.add(world.domain, "club", wanted=Wanted("Club"), actor=TEST)
    news(world)
    with pytest.raises(NameTaken):
        news(world)
    for taken in ("news", "news-bounces"):
        with pytest.raises(NameTaken):
            accounts.add(world.domain, taken, password=PASSWORD, actor=TEST)
        with pytest.raises(NameTaken):
            aliases.add(world.domain, taken, targets=["x@y.test"], actor=TEST)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(""),
        Wanted("News", policy="nobody"),
        Wanted("News", policy="listed"),
        Wanted("News", posters=["no address"]),
        Wanted("News", owner="eve@garage.test"),
        Wanted("News", owner="owner"),  # staff without mail
    ],
)
def test_a_list_that_makes_no_sense_is_not_made(world: World, wanted: Wanted) -> None:
    with pytest.raises(BadName):
        lists.add(world.domain, "news", wanted=wanted, actor=TEST)
    assert not MailingList.objects.exists()


def test_a_long_name_leaves_room_for_what_follows_it(world: World) -> None:
    with pytest.raises(BadName, match="26"):
        lists.add(world.domain, "n" * 27, wanted=Wanted("News"), actor=TEST)


def test_members_are_pasted_in_any_form(world: World) -> None:
    pasted = 'Ann <ann@bakery.test>, "X, Y" <x@far.test>;\nBEN@far.test\r\n  ben@FAR.test\n'
    made = news(world)
    added = lists.add_members(made, lists.parse_members(pasted.replace('"X, Y" ', "X ")), actor=TEST)
    assert added.added == 3
    assert set(made.members.values_list("address", flat=True)) == {
        "ann@bakery.test",
        "x@far.test",
        "ben@far.test",
    }
    assert lists.add_members(made, ["new@far.test", "x@far.test"], actor=TEST) == lists.Added(1, 1, ())
    with pytest.raises(BadName, match="nonsense"):
        lists.add_members(made, ["good@far.test", "nonsense"], actor=TEST)
    with pytest.raises(BadName, match="own member"):
        lists.add_members(made, ["NEWS@bakery.test"], actor=TEST)
    assert made.members.count() == 4


def test_a_list_has_an_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_MEMBERS", 2)
    with pytest.raises(LimitReached):
        news(world, "a@x.test", "b@x.test", "c@x.test")


def test_lists_of_others_do_not_exist(world: World) -> None:
    made = news(world, "x@far.test")
    for name in ("other_seller", "eve"):
        with pytest.raises(NotFound):
            lists.add_members(made, ["y@far.test"], actor=world.actor(name))
        with pytest.raises(NotFound):
            lists.remove(made, actor=world.actor(name))
    other = lists.add(world.other_domain, "cars", wanted=Wanted("Cars"), actor=TEST)
    client = Client()
    client.force_login(world.postmaster)
    assert client.get(f"/panel/domains/bakery.test/lists/{other.pk}/").status_code == 404
    member = lists.add_members(other, ["z@far.test"], actor=TEST) and other.members.get()
    address = f"/panel/domains/bakery.test/lists/{made.pk}/members/{member.pk}/"
    assert client.post(address, {"do": "remove"}).status_code == 404
    assert other.members.count() == 1


# --- what the flow asks and tells
def test_who_may_post_follows_the_policy(world: World) -> None:
    made = news(world, "x@far.test", "gone@far.test", posters=["boss@bakery.test"])
    made.members.filter(address="gone@far.test").update(state=ListMember.LEFT)

    def posters() -> set[str]:
        info = directory.mailing_list(made.pk)
        assert info is not None
        return set(info.posters)

    assert posters() == {"x@far.test"}
    made.members.filter(address="x@far.test").update(state=ListMember.PAUSED)
    assert posters() == {"x@far.test"}
    lists.change(made, wanted=Wanted("News", policy="listed", posters=["boss@bakery.test"]), actor=TEST)
    assert posters() == {"boss@bakery.test"}
    info = directory.mailing_list(made.pk)
    assert info is not None and info.members == ()
    assert directory.mailing_list(made.pk + 999) is None


def test_asking_for_a_list_costs_the_same_for_many_members(world: World) -> None:
    made = news(world, *(f"m{n}@far.test" for n in range(50)))
    with CaptureQueriesContext(connection) as queries:
        info = directory.mailing_list(made.pk)
    assert info is not None and len(info.members) == 50
    assert len(queries) <= 5


def test_three_hard_bounces_pause_and_resuming_starts_anew(world: World) -> None:
    made = news(world, "x@far.test")
    member = made.members.get()
    assert [directory.list_bounced(made.pk, member.pk, said="550 who?") for _n in range(4)] == [
        "", "", "x@far.test", "",
    ]  # fmt: skip
    member.refresh_from_db()
    assert (member.state, member.reason, member.bounces) == ("paused", "550 who?", 3)
    lists.resume_member(member, actor=TEST)
    member.refresh_from_db()
    assert (member.state, member.reason, member.bounces) == ("active", "", 0)
    assert directory.list_bounced(made.pk + 1, member.pk, said="another list") == ""


def test_bounces_long_ago_are_forgiven(world: World) -> None:
    made = news(world, "x@far.test", pause_after=2)
    member = made.members.get()
    assert directory.list_bounced(made.pk, member.pk, said="no") == ""
    made.members.update(bounced_at=timezone.now() - lists.FORGIVEN - timedelta(days=1))
    assert directory.list_bounced(made.pk, member.pk, said="no") == ""
    assert directory.list_bounced(made.pk, member.pk, said="no") == "x@far.test"


def test_who_has_left_is_not_pasted_back_nor_resumed(world: World) -> None:
    made = news(world, "x@far.test")
    member = made.members.get()
    directory.list_left(made.pk, member.pk)
    assert lists.add_members(made, ["x@far.test"], actor=TEST) == lists.Added(0, 0, ("x@far.test",))
    lists.resume_member(member, actor=TEST)
    member.refresh_from_db()
    assert member.state == "left"


# --- the page to leave
def test_the_link_shows_and_the_button_acts(world: World) -> None:
    made = news(world, "x@far.test")
    info = directory.mailing_list(made.pk)
    assert info is not None
    path = re.sub(r"^https?://[^/]+", "", info.members[0].leave_url)
    client = Client(enforce_csrf_checks=True)
    for _each in range(2):
        page = client.get(path)
        assert page.status_code == 200 and "Leave News?" in page.content.decode()
        assert page["Referrer-Policy"] == "no-referrer"
    assert made.members.get().state == "active"
    # RFC 8058 §3.2: neither cookie nor token of ours
    done = client.post(path, {"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200 and "You have left the list." in done.content.decode()
    assert made.members.get().state == "left"
    assert "You have left" in client.get(path).content.decode()


@pytest.mark.parametrize("token", ["1.0000000000000000", "x", "1", "9" * 40 + ".ab", ".", "1.é"])
def test_a_link_that_is_not_ours_leads_nowhere(world: World, token: str) -> None:
    news(world, "x@far.test")
    client = Client()
    assert client.get(f"/lists/leave/{token}/").status_code == 404
    assert client.post(f"/lists/leave/{token}/").status_code == 404
    assert ListMember.objects.get().state == "active"


def test_tokens_are_for_one_purpose_and_survive_a_new_secret(settings, world: World) -> None:
    token = list_tokens.make(list_tokens.LEAVE, 7)
    assert list_tokens.read(list_tokens.LEAVE, token.upper()) == 7
    assert list_tokens.read(list_tokens.BOUNCES, token) == 0
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret"
    assert list_tokens.read(list_tokens.LEAVE, token) == 7
    settings.SECRET_KEY_FALLBACKS = []
    assert list_tokens.read(list_tokens.LEAVE, token) == 0


# --- other names of a domain
@pytest.fixture
def other_name(world: World) -> Domain:
    return domains.add("bäcker.test", tenant=world.customer, alias_of=world.domain, actor=TEST)


@pytest.mark.parametrize("address", ["ann@bäcker.test", "ANN@xn--bcker-gra.test", "ann+x@XN--BCKER-GRA.test"])
def test_every_address_is_good_with_another_name_in_both_forms(
    world: World, other_name: Domain, address: str
) -> None:
    with CaptureQueriesContext(connection) as queries:
        found = directory.resolve(address)
    assert found.targets == (LocalTarget(world.ann.mailspace or 0, address),)
    assert len(queries) == 1
    assert directory.may_send_as(world.ann.pk, address.replace("bäcker", "xn--bcker-gra"))
    assert not directory.may_send_as(world.eve.pk, address)


def test_another_name_has_keys_and_the_policy_of_its_domain(world: World, other_name: Domain) -> None:
    Domain.objects.filter(pk=world.domain.pk).update(junk_at=3.5)
    assert directory.is_local_domain(other_name.name)
    assert len(directory.signing_keys(other_name.name)) == 2
    assert directory.inbound_policy(other_name.name).junk_at == 3.5
    assert directory.inbound_policy("bakery.test").junk_at == 3.5
    assert directory.resolve(f"postmaster@{other_name.name}").targets == (
        LocalTarget(world.postmaster.mailspace or 0, f"postmaster@{other_name.name}"),
    )
    assert directory.resolve(f"nobody@{other_name.name}").kind == "unknown"


def test_another_name_has_no_addresses_of_its_own(world: World, other_name: Domain) -> None:
    with pytest.raises(BadName):
        accounts.add(other_name, "ben", password=PASSWORD, actor=TEST)
    with pytest.raises(BadName):
        aliases.add(other_name, "ben", targets=["x@y.test"], actor=TEST)
    with pytest.raises(BadName):
        domains.add("third.test", tenant=world.customer, alias_of=other_name, actor=TEST)
    with pytest.raises(BadName):
        domains.add("third.test", tenant=world.other_customer, alias_of=world.domain, actor=TEST)
    with pytest.raises(NameTaken):
        domains.add(other_name.name, tenant=world.other_customer, actor=TEST)


def test_a_suspended_or_waiting_name_does_not_take_mail(world: World, other_name: Domain) -> None:
    address = f"ann@{other_name.name}"
    domains.suspend(other_name, actor=TEST, keep_mail=False)
    assert directory.resolve(address) == Resolution("suspended")
    domains.resume(other_name, actor=TEST)
    domains.suspend(world.domain, actor=TEST, keep_mail=False)
    assert directory.resolve(address) == Resolution("suspended")
    domains.resume(world.domain, actor=TEST)
    Domain.objects.filter(pk=other_name.pk).update(state="pending")
    assert directory.resolve(address) == Resolution("elsewhere")
    assert not directory.may_send_as(world.ann.pk, address)


def test_removing_a_name_keeps_the_addresses(world: World, other_name: Domain) -> None:
    with pytest.raises(BadName):
        domains.remove_alias(world.domain, actor=TEST)
    domains.remove_alias(other_name, actor=TEST)
    assert directory.resolve(f"ann@{other_name.name}").kind == "elsewhere"
    assert directory.resolve("ann@bakery.test").kind == "ours"


def test_people_sign_in_as_before(world: World, other_name: Domain) -> None:
    def sign_in(name: str) -> object:
        return directory.sign_in(name, PASSWORD, protocol="imap", peer="192.0.2.7")

    assert sign_in("ann@bakery.test")
    assert sign_in(f"ann@{other_name.name}") is None
