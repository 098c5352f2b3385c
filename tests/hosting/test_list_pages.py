"""The panel's pages of lists and of a domain's other names: what their forms do and say."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from hosting import domains, lists
from hosting.lists import Wanted
from hosting.models import AuditEntry, Domain, ListMember, MailingList
from tests.hosting.conftest import TEST, World

pytestmark = pytest.mark.django_db
LISTS = "/panel/domains/bakery.test/lists/"
WANTED = {"local_part": "news", "list_name": "News", "policy": "members", "owner": "ann@bakery.test"}


@pytest.fixture
def panel(world: World) -> Client:
    client = Client()
    client.force_login(world.postmaster)
    return client


def test_a_list_is_made_filled_changed_and_removed(panel: Client) -> None:
    made = panel.post(LISTS, WANTED)
    news = MailingList.objects.get()
    assert made["Location"] == f"{LISTS}{news.pk}/"
    page = f"{LISTS}{news.pk}/"
    panel.post(page, {"members": "ann@bakery.test\nX <x@far.test>"})
    shown = panel.get(page).content.decode()
    assert "2 members are added." in shown and shown.count('data-test="member"') == 2
    changed = WANTED | {
        "what": "settings",
        "list_name": "The News",
        "policy": "listed",
        "posters": "ann@bakery.test",
    }
    assert panel.post(page, changed).status_code == 302
    news.refresh_from_db()
    assert (news.name, news.policy, news.posters) == ("The News", "listed", ["ann@bakery.test"])
    assert "The News" in panel.get(LISTS).content.decode()
    assert panel.post(f"{page}remove/").status_code == 302
    assert not MailingList.objects.exists()
    verbs = list(AuditEntry.objects.filter(verb__startswith="list.").values_list("verb", flat=True))
    assert sorted(verbs) == ["list.add", "list.change", "list.members", "list.remove"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (WANTED | {"list_name": ""}, "required"),
        (WANTED | {"local_part": "ann"}, "ann@bakery.test exists already."),
        (WANTED | {"policy": "listed"}, "List at least one address that may post."),
        (WANTED | {"owner": "eve@garage.test"}, "The owner is an account with mail of the same customer."),
    ],
)
def test_what_cannot_be_a_list_is_said_beside_its_field(
    panel: Client, fields: dict[str, str], said: str
) -> None:
    answer = panel.post(LISTS, fields)
    assert answer.status_code == 422 and said in answer.content.decode()


def test_a_paste_with_a_slip_adds_nobody_and_names_it(panel: Client, world: World) -> None:
    news = lists.add(world.domain, "news", wanted=Wanted("News"), actor=TEST)
    answer = panel.post(f"{LISTS}{news.pk}/", {"members": "good@far.test\nnonsense"})
    assert answer.status_code == 422
    assert "“nonsense” is not an e-mail address." in answer.content.decode()
    assert not ListMember.objects.exists()


def test_a_paused_member_shows_why_and_is_resumed(panel: Client, world: World) -> None:
    news = lists.add(world.domain, "news", wanted=Wanted("News"), actor=TEST)
    lists.add_members(news, ["x@far.test", "y@far.test"], actor=TEST)
    member = news.members.get(address="x@far.test")
    for _n in range(3):
        lists.bounced(news.pk, member.pk, said="550 No such user")
    page = f"{LISTS}{news.pk}/"
    shown = panel.get(f"{page}?state=paused").content.decode()
    assert "550 No such user" in shown and shown.count('data-test="member"') == 1
    panel.post(f"{page}members/{member.pk}/", {"do": "resume"})
    member.refresh_from_db()
    assert member.state == "active"
    panel.post(f"{page}members/{member.pk}/", {"do": "remove"})
    assert not news.members.filter(pk=member.pk).exists()


def test_pages_cost_the_same_for_many(panel: Client, world: World) -> None:
    news = lists.add(world.domain, "news", wanted=Wanted("News"), actor=TEST)
    lists.add_members(news, ["x@far.test"], actor=TEST)

    def cost(address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert panel.get(address).status_code == 200
        return len(queries)

    names = "/panel/domains/bakery.test/names/"
    pages = (LISTS, f"{LISTS}{news.pk}/", names, "/panel/domains/")
    few = [cost(page) for page in pages]
    for number in range(5):
        more = lists.add(world.domain, f"more{number}", wanted=Wanted("More"), actor=TEST)
        lists.add_members(more, ["x@far.test"], actor=TEST)
        domains.add(f"baker{number}.test", tenant=world.customer, alias_of=world.domain, actor=TEST)
    lists.add_members(news, [f"m{number}@far.test" for number in range(30)], actor=TEST)
    assert [cost(page) for page in pages] == few


def test_another_name_is_added_and_removed_by_who_may_add_domains(world: World) -> None:
    client = Client()
    client.force_login(world.owner)
    page = "/panel/domains/bakery.test/names/"
    made = client.post(page, {"name": "Bäcker.test"})
    assert made["Location"] == "/panel/domains/xn--bcker-gra.test/"
    other = Domain.objects.get(name="xn--bcker-gra.test")
    assert other.alias_of == world.domain
    assert other.state == Domain.PENDING  # a customer's, until its records are seen
    own = client.get(made["Location"]).content.decode()
    assert "Another name of bakery.test." in own and "Add an account" not in own
    assert "bäcker.test" in client.get(page).content.decode()
    assert "another name of bakery.test" in client.get("/panel/domains/").content.decode()
    assert client.post(page, {"name": "garage.test"}).status_code == 422
    assert client.post(f"/panel/domains/{other.name}/names/remove/")["Location"] == page
    assert not Domain.objects.filter(pk=other.pk).exists()
