"""Every page of the panel as every role, on own and foreign objects; and what the forms do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from hosting import aliases, domains, lists, urls
from hosting.models import Account, Address, Domain, MailingList, Role, Tenant
from tests.hosting.conftest import PASSWORD, TEST, World

pytestmark = pytest.mark.django_db

PEOPLE = ("admin", "seller", "owner", "postmaster", "support", "billing", "reader", "other_seller", "ann")
# Pages that name no object: who gets them (200), everybody else 404.
ROLES = set(PEOPLE) - {"ann"}
ADDERS = {"admin", "seller", "owner", "other_seller"}
PLAIN = {
    "overview": ROLES,
    "find": ROLES,
    "tenants": ROLES,
    "tenant_add": ADDERS - {"owner"},
    "domains": ROLES,
    "domain_add": ADDERS,
    "accounts": ROLES,
    "account_add": ADDERS | {"postmaster"},
    "audit": ROLES,
}
# Pages of an object of North's customer Bakery: what each role gets. Missing people get 404.
SEE = dict.fromkeys(("admin", "seller", "owner", "support", "billing", "reader"), 200)
SEE_DOMAIN = SEE | {"postmaster": 200}
EDIT_ALIAS = dict.fromkeys(("admin", "seller", "owner", "support", "postmaster"), 302) | {
    "billing": 403,
    "reader": 403,
}
OF_BAKERY = {
    "tenant": ("GET", SEE),
    "tenant_suspend": (
        "POST",
        {"admin": 302, "seller": 302, "billing": 302, "owner": 404, "support": 403, "reader": 403},
    ),
    "tenant_resume": (
        "POST",
        {"admin": 302, "seller": 302, "billing": 302, "owner": 404, "support": 403, "reader": 403},
    ),
    "domain": ("GET", SEE_DOMAIN),
    "domain_records": ("GET", SEE_DOMAIN),
    "domain_zone": ("GET", SEE_DOMAIN),
    "domain_suspend": (
        "POST",
        dict.fromkeys(("admin", "seller", "owner"), 302)
        | dict.fromkeys(("support", "billing", "reader", "postmaster"), 403),
    ),
    "domain_resume": (
        "POST",
        dict.fromkeys(("admin", "seller", "owner"), 302)
        | dict.fromkeys(("support", "billing", "reader", "postmaster"), 403),
    ),
    "aliases": ("GET", SEE_DOMAIN),
    "catch_all": (
        "POST",
        dict.fromkeys(("admin", "seller", "owner", "postmaster"), 302)
        | dict.fromkeys(("support", "billing", "reader"), 403),
    ),
    "alias": ("GET", SEE_DOMAIN),
    "alias_remove": ("POST", EDIT_ALIAS),
    "lists": ("GET", SEE_DOMAIN),
    "list": ("GET", SEE_DOMAIN),
    "list_member": ("POST", EDIT_ALIAS),
    "list_remove": ("POST", EDIT_ALIAS),
    "doubtful": ("GET", SEE_DOMAIN),
    "held_settle": ("POST", {}),  # without a message that is held
    "names": ("GET", SEE_DOMAIN),
    "name_remove": (
        "POST",
        dict.fromkeys(("admin", "seller", "owner"), 302)
        | dict.fromkeys(("support", "billing", "reader"), 403),
    ),
    "account": ("GET", SEE_DOMAIN),
    "account_password": ("POST", EDIT_ALIAS),
    "account_pop3": ("POST", EDIT_ALIAS),
    "account_suspend": ("POST", EDIT_ALIAS),
    "account_resume": ("POST", EDIT_ALIAS),
}
NOT_OF_THE_PANEL = {
    "sign_in",
    "sign_out",
    "setup",
    "setup_host",
    "setup_doors",
    "setup_reach",
    "setup_domain",
    "list_leave",
}


@dataclass
class Site:
    world: World
    alias: Address
    list: MailingList
    other_name: Domain

    def client(self, who: str) -> Client:
        client = Client()
        client.force_login(getattr(self.world, who))
        return client

    def url(self, name: str) -> str:
        """The page of that name for the Bakery's objects."""
        world = self.world
        if name in PLAIN:
            return reverse(f"hosting:{name}")
        if name.startswith("tenant"):
            return reverse(f"hosting:{name}", args=[world.customer.pk])
        if name.startswith("account"):
            return reverse(f"hosting:{name}", args=[world.ann.pk])
        if name in ("alias", "alias_remove"):
            return reverse(f"hosting:{name}", args=[world.domain.name, self.alias.pk])
        if name == "list_member":
            member = self.list.members.get()
            return reverse("hosting:list_member", args=[world.domain.name, self.list.pk, member.pk])
        if name in ("list", "list_remove"):
            return reverse(f"hosting:{name}", args=[world.domain.name, self.list.pk])
        if name == "name_remove":
            return reverse("hosting:name_remove", args=[self.other_name.name])
        return reverse(f"hosting:{name}", args=[world.domain.name])


@pytest.fixture
def site(world: World, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr("hosting.dns.check.refresh", lambda domain, *, not_more_often: None)
    news = lists.add(world.domain, "news", wanted=lists.Wanted("News"), actor=TEST)
    lists.add_members(news, ["x@far.test"], actor=TEST)
    return Site(
        world,
        aliases.add(world.domain, "info", targets=["ann@bakery.test"], actor=TEST),
        news,
        domains.add("baker.test", tenant=world.customer, alias_of=world.domain, actor=TEST),
    )


def test_every_address_of_the_panel_has_its_line_in_the_tables() -> None:
    named = {pattern.name for pattern in urls.urlpatterns if isinstance(pattern, URLPattern)}
    assert named == set(PLAIN) | set(OF_BAKERY) | NOT_OF_THE_PANEL


@pytest.mark.parametrize("who", PEOPLE)
def test_pages_without_an_object(site: Site, who: str) -> None:
    client = site.client(who)
    got = {name: client.get(site.url(name)).status_code for name in PLAIN}
    assert got == {name: 200 if who in may else 404 for name, may in PLAIN.items()}


@pytest.mark.parametrize("who", PEOPLE)
def test_pages_of_an_object_for_each_role(site: Site, who: str) -> None:
    client = site.client(who)
    data = {"password": "another good one", "deletes": "trash"}
    got, wanted = {}, {}
    for name, (method, table) in OF_BAKERY.items():
        send = client.get if method == "GET" else client.post
        wanted[name] = table.get(who, 404)
        if name in ("alias_remove", "list_remove", "name_remove") and wanted[name] == 302:
            continue
        got[name] = send(site.url(name), data if method == "POST" else {}).status_code
    assert got == {name: wanted[name] for name in got}


def test_strangers_are_sent_to_sign_in_and_come_back(site: Site) -> None:
    client = Client()
    for name in [*PLAIN, *OF_BAKERY]:
        method = OF_BAKERY.get(name, ("GET", {}))[0]
        answer = client.get(site.url(name)) if method == "GET" else client.post(site.url(name))
        assert answer.status_code == 302 and answer["Location"].startswith("/?next="), name
    target = client.get("/panel/domains/")["Location"]
    answer = client.post(target, {"username": "seller", "password": PASSWORD, "next": "/panel/domains/"})
    assert answer["Location"] == "/panel/domains/"


def test_lists_hold_nothing_of_others(site: Site) -> None:
    client = site.client("seller")
    for name in ("overview", "tenants", "domains", "accounts", "audit"):
        page = client.get(site.url(name)).content.decode()
        assert "garage" not in page.lower() and "South" not in page, name
    assert b"garage" not in client.get("/panel/find/?q=gar").content
    assert b"bakery.test" in client.get("/panel/find/?q=bak").content
    assert client.get("/panel/accounts/?domain=garage.test").status_code == 404


@pytest.mark.parametrize("name", ["domains", "accounts", "tenants", "audit", "find"])
@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "q=%F0%9F%98%80",
        "after=x",
        "before=",
        "after=%00&after=1",
        "after=" + "9" * 30,
        "after=a&after=" + "9" * 30,
        "after=1&after=2",
        "at=-5&after=a",
    ],
)
def test_odd_queries_are_just_lists(site: Site, name: str, query: str) -> None:
    assert site.client("admin").get(f"{site.url(name)}?{query}").status_code == 200


def test_a_reseller_adds_a_customer_with_its_administrator(site: Site) -> None:
    client = site.client("seller")
    form = {
        "name": "Florist",
        "kind": "customer",
        "username": "flora",
        "password": "a good long one",
        "max_domains": "2",
        "storage": "10 GB",
    }
    answer = client.post("/panel/customers/add/", form)
    tenant = Tenant.objects.get(name="Florist")
    assert answer["Location"] == f"/panel/customers/{tenant.pk}/"
    assert (tenant.parent, tenant.max_domains, tenant.max_quota_bytes) == (
        site.world.reseller,
        2,
        10 * 1024**3,
    )
    flora = Client()
    assert flora.post("/", {"username": "flora", "password": "a good long one"})["Location"] == "/panel/"
    again = client.post("/panel/customers/add/", form)
    assert again.status_code == 422 and b"You have a customer of that name already." in again.content


def test_an_administrator_may_name_the_owner_of_a_new_customer(site: Site) -> None:
    Role.objects.filter(account=site.world.seller).update(kind=Role.ADMINISTRATOR)
    form = {"name": "Florist", "kind": "customer", "username": "flora", "password": "a good long one"}
    assert site.client("seller").post("/panel/customers/add/", form).status_code == 302


def test_adding_a_domain_leads_to_its_records(site: Site) -> None:
    client = site.client("seller")
    form = {"name": "Cake.Test", "tenant": site.world.customer.pk}
    answer = client.post("/panel/domains/add/", form, follow=True)
    assert answer.redirect_chain[-1][0] == "/panel/domains/cake.test/"
    page = answer.content.decode()
    for part in ("mail.example.test", "v=spf1", "_domainkey.cake.test", "v=DMARC1", "data-copy"):
        assert part in page
    again = client.post("/panel/domains/add/", form)
    assert again.status_code == 422 and b"is on this host already" in again.content
    foreign = client.post(
        "/panel/domains/add/", form | {"tenant": site.world.other_customer.pk, "name": "x.test"}
    )
    assert foreign.status_code == 422 and not Domain.objects.filter(name="x.test").exists()


def test_the_zone_file_can_be_pasted(site: Site) -> None:
    answer = site.client("owner").get(site.url("domain_zone"))
    lines = answer.content.decode().splitlines()
    assert answer["Content-Disposition"] == 'attachment; filename="bakery.test.zone"'
    assert lines[0] == "bakery.test. 3600 IN MX 10 mail.example.test."
    assert all(len(piece) <= 257 for line in lines for piece in line.split(" ") if piece.startswith('"'))


def test_adding_an_account_and_its_errors_stand_by_their_fields(site: Site) -> None:
    client = site.client("postmaster")
    form = {
        "local_part": "bob",
        "domain": "bakery.test",
        "full_name": "Bob",
        "password": PASSWORD,
        "quota": "2 GB",
    }
    answer = client.post("/panel/accounts/add/", form)
    account = Account.objects.get(username="bob@bakery.test")
    assert answer["Location"] == f"/panel/accounts/{account.pk}/"
    assert account.quota_bytes == 2 * 1024**3
    page = client.post("/panel/accounts/add/", form).content.decode()
    assert "bob@bakery.test exists already." in page and 'id="id_local_part_error"' in page
    page = client.post(
        "/panel/accounts/add/", form | {"local_part": "c", "password": "short"}
    ).content.decode()
    assert 'id="id_password_error"' in page and "short" not in page.split("<form", 2)[2].split("too short")[0]
    answer = client.post("/panel/accounts/add/", form | {"local_part": "d", "domain": "garage.test"})
    assert answer.status_code == 422


def test_name_and_storage_are_changed_on_the_accounts_page(site: Site) -> None:
    client = site.client("seller")
    assert client.post(site.url("account"), {"full_name": "Ann B", "quota": "500 MB"}).status_code == 302
    ann = Account.objects.get(pk=site.world.ann.pk)
    assert (ann.full_name, ann.quota_bytes) == ("Ann B", 500 * 1024**2)
    assert b'value="500 MB"' in client.get(site.url("account")).content
    assert client.post(site.url("account"), {"full_name": "", "quota": "much"}).status_code == 422
    assert client.post(site.url("account"), {"quota": "9" * 19 + " TB"}).status_code == 422


def test_how_an_inbox_behaves_over_pop3_is_changed_on_the_accounts_page(site: Site) -> None:
    client, address = site.client("support"), reverse("hosting:account_pop3", args=[site.world.ann.pk])
    given = {"deletes": "erase", "marks_read": "on", "newest": "250"}
    assert client.post(address, given).status_code == 302
    ann = Account.objects.get(pk=site.world.ann.pk)
    assert (ann.pop3_erases, ann.pop3_marks_read, ann.pop3_newest) == (True, True, 250)
    assert b'value="250"' in client.get(site.url("account")).content
    assert client.post(address, {"deletes": "trash", "newest": ""}).status_code == 302
    ann.refresh_from_db()
    assert (ann.pop3_erases, ann.pop3_marks_read, ann.pop3_newest) == (False, False, 0)
    for wrong in (
        {"deletes": "burn"},
        {"deletes": "trash", "newest": "0"},
        {"deletes": "trash", "newest": "x"},
    ):
        assert client.post(address, wrong).status_code == 422
    assert b"changed POP3 for" in client.get("/panel/changes/").content


def test_without_a_pop3_door_there_is_nothing_to_choose(site: Site, settings: Any) -> None:
    settings.POP3_LISTEN = settings.POP3S_LISTEN = []
    assert b'data-test="pop3"' not in site.client("support").get(site.url("account")).content


def test_suspending_ends_open_sessions(site: Site) -> None:
    pia = site.client("postmaster")
    assert pia.get("/panel/").status_code == 200
    address = reverse("hosting:account_suspend", args=[site.world.postmaster.pk])
    site.client("seller").post(address, {"reason": "left", "keep_mail": "on"})
    assert pia.get("/panel/")["Location"].startswith("/?next=")
    found = Account.objects.get(pk=site.world.postmaster.pk)
    assert (found.state, found.receives) == ("suspended", True)


def test_a_new_password_ends_sessions_elsewhere_but_not_here(site: Site) -> None:
    here, elsewhere = site.client("postmaster"), site.client("postmaster")
    address = reverse("hosting:account_password", args=[site.world.postmaster.pk])
    here.post(address, {"password": "another good one"})
    assert here.get("/panel/").status_code == 200
    assert elsewhere.get("/panel/").status_code == 302


def test_the_catch_all_takes_a_name_of_this_domain_only(site: Site) -> None:
    client = site.client("owner")
    for wanted, status in (("ann", 302), ("ann@bakery.test", 302), ("ghost", 422), ("eve@garage.test", 422)):
        assert client.post(site.url("catch_all"), {"catch_all": wanted}).status_code == status, wanted
    assert str(Domain.objects.get(pk=site.world.domain.pk).catch_all) == "ann@bakery.test"
    client.post(site.url("catch_all"), {"catch_all": ""})
    assert Domain.objects.get(pk=site.world.domain.pk).catch_all is None


def test_aliases_are_added_changed_and_removed(site: Site) -> None:
    client = site.client("support")
    client.post(site.url("aliases"), {"local_part": "team", "targets": "ann@bakery.test, x@far.test"})
    alias = Address.objects.get(local_part="team")
    address = reverse("hosting:alias", args=["bakery.test", alias.pk])
    assert client.post(address, {"targets": "nobody"}).status_code == 422
    assert client.post(address, {"targets": "pia@bakery.test"}).status_code == 302
    assert client.post(f"{address}remove/").status_code == 302
    assert not Address.objects.filter(local_part="team").exists()
    own = Address.objects.get(account=site.world.ann)
    assert client.get(reverse("hosting:alias", args=["bakery.test", own.pk])).status_code == 404


def test_a_list_is_paged_by_where_the_last_page_ended(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from hosting import paging

    monkeypatch.setattr(paging.page, "__kwdefaults__", {"size": 2})
    client = site.client("admin")
    seen: list[str] = []
    pages = []
    url = "/panel/accounts/"
    while url:
        page = client.get(url).context["page"]
        pages.append((page.first, page.last, [row.username for row in page.rows]))
        seen += [row.username for row in page.rows]
        url = f"/panel/accounts/{page.older_url}" if page.older_url else ""
    assert seen == sorted(seen) and len(seen) == Account.objects.count() == page.total
    back = client.get(f"/panel/accounts/{page.newer_url}").context["page"]
    assert (back.first, back.last, [row.username for row in back.rows]) == pages[-2]


@pytest.mark.parametrize("name", ["overview", "tenants", "domains", "accounts", "audit"])
def test_queries_of_a_page_do_not_grow_with_its_rows(
    site: Site, name: str, django_assert_max_num_queries: object
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from hosting import accounts, tenants

    client = site.client("admin")
    client.get(site.url(name))
    with CaptureQueriesContext(connection) as few:
        client.get(site.url(name))
    for number in range(6):
        tenants.add(parent=site.world.provider, kind="customer", name=f"More {number}", actor=TEST)
        made = domains.add(f"more{number}.test", tenant=site.world.customer, actor=TEST)
        accounts.add(made, "someone", password=PASSWORD, actor=TEST)
    with CaptureQueriesContext(connection) as many:
        client.get(site.url(name))
    assert len(many) <= len(few) + 1


def test_every_page_hears_the_key_its_search_field_names(site: Site) -> None:
    client = site.client("admin")
    for name in ("overview", "domains", "domain", "account_add"):
        page = client.get(site.url(name)).content.decode()
        assert '<kbd class="key"' in page and "js/find" in page, name


def _step_states(page: str) -> list[str]:
    steps = page.partition('<div class="wizard">')[2].partition("</ol>")[0]
    return re.findall(r'data-state="(\w+)"', steps)


def test_the_steps_of_a_new_domain_call_its_records_done_only_when_they_are(site: Site) -> None:
    client, name = site.client("admin"), "new.test"
    domains.add(name, tenant=site.world.customer, actor=TEST)
    account, live = f"/panel/accounts/add/?domain={name}", f"/panel/domains/{name}/records/"
    for good, total, here, there in (
        (0, 0, ["done", "current", "todo"], ["done", "todo", "current"]),
        (3, 5, ["done", "current", "todo"], ["done", "todo", "current"]),
        (5, 5, ["done", "done", "current"], ["done", "done", "current"]),
    ):
        Domain.objects.filter(name=name).update(dns_good=good, dns_total=total)
        assert _step_states(client.get(f"/panel/domains/{name}/").content.decode()) == here
        assert _step_states(client.get(live).content.decode()) == here, "the live part draws them too"
        assert _step_states(client.get(account).content.decode()) == there


def test_no_domain_is_guessed_where_there_are_several(site: Site) -> None:
    client, address = site.client("admin"), "/panel/accounts/add/"
    assert client.get(address).context["form"]["domain"].value() == ""
    form = {"local_part": "bob", "domain": "", "password": PASSWORD}
    assert client.post(address, form).status_code == 422
    named = client.get(f"{address}?domain=garage.test").context["form"]
    assert named["domain"].value() == "garage.test"
    only = site.client("postmaster").get(address).context["form"]
    assert only["domain"].value() == "bakery.test"


def test_what_was_not_checked_yet_is_not_called_right(site: Site) -> None:
    client = site.client("admin")
    Domain.objects.update(state=Domain.ACTIVE, dns_total=0, dns_good=0)
    assert "were not checked so far" in client.get(site.url("overview")).content.decode()
    Domain.objects.exclude(name="host.test").update(dns_total=5, dns_good=5)
    assert "1 domain was not checked yet." in client.get(site.url("overview")).content.decode()
    Domain.objects.update(dns_total=5, dns_good=5)
    assert "is as mail needs it" in client.get(site.url("overview")).content.decode()
    Domain.objects.filter(name="host.test").update(dns_good=4)
    assert "1 record is not right" in client.get(site.url("overview")).content.decode()


@pytest.mark.parametrize(
    ("pool", "asked", "left"),
    [(10 * 1024, "11 GB", "10 GB"), (1536, "2 GB", "1.5 GB"), (500, "1 GB", "500 MB")],
)
def test_storage_left_is_told_in_the_words_of_the_other_pages(
    site: Site, pool: int, asked: str, left: str
) -> None:
    Account.objects.update(quota_bytes=0)
    Tenant.objects.filter(pk=site.world.customer.pk).update(max_quota_bytes=pool * 1024**2)
    answer = site.client("admin").post(site.url("account"), {"full_name": "Ann", "quota": asked})
    assert f"Bakery has {left} of storage left to give." in answer.content.decode()


def test_a_refused_sign_in_name_is_told_why_and_has_the_cursor(site: Site) -> None:
    form = {"name": "Florist", "kind": "customer", "username": "flora@florist.test", "password": PASSWORD}
    answer = site.client("seller").post("/panel/customers/add/", form)
    page = answer.content.decode()
    assert answer.status_code == 422 and "A sign-in name holds no @" in page and "“flora”" in page
    assert re.findall(r"<input[^>]* autofocus[^>]*>", page)[0].count('name="username"') == 1
    assert page.count(" autofocus") == 1
