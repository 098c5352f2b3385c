"""Set-up: the one-time link, the pages behind it, and the same in a terminal."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from hosting import first_run, host, host_check
from hosting.errors import AlreadySetUp, BadName
from hosting.models import Account, Domain, Role, SetupLink, Tenant
from mta import resolver
from tests.fake_resolver import FakeResolver
from tests.hosting.conftest import PASSWORD, World

pytestmark = pytest.mark.django_db
ADMIN = {"username": "root", "password": PASSWORD, "full_name": "Rita"}


@pytest.fixture(autouse=True)
def own_folder(settings: object, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    return tmp_path


def test_the_link_makes_the_administrator_once_and_leads_on(client: Client) -> None:
    token = first_run.make_link()
    assert b"A place for your mail" in client.get(f"/setup/{token}").content
    answer = client.post(f"/setup/{token}", ADMIN)
    assert answer["Location"] == "/setup/host/"
    role = Role.objects.get(account__username="root")
    assert (role.kind, role.tenant and role.tenant.kind) == ("owner", "provider")
    assert client.get(f"/setup/{token}").status_code == 404
    assert Client().post(f"/setup/{token}", ADMIN | {"username": "two"}).status_code == 404
    assert Account.objects.count() == 1


def test_the_steps_after_it_end_at_the_domains_records(client: Client, own_folder: Path) -> None:
    client.post(f"/setup/{first_run.make_link()}", ADMIN)
    assert client.post("/setup/host/", {"hostname": "mx.bakery.test"})["Location"] == "/setup/doors/"
    assert (own_folder / "mailstead.env").read_text() == "MAIL_HOSTNAME=mx.bakery.test\n"
    doors = client.get("/setup/doors/").content.decode()
    assert "SMTP_LISTEN" in doors and "mx.bakery.test" in doors
    answer = client.post("/setup/domain/", {"name": "bakery.test"}, follow=True)
    assert answer.redirect_chain[-1][0] == "/panel/domains/bakery.test/"
    assert "10 mx.bakery.test" in answer.content.decode()


@pytest.mark.parametrize(
    ("known", "offered"),
    [
        ("localhost", ""),
        ("localhost.localdomain", ""),
        ("3f2a9c", ""),
        ("127.0.0.1", ""),
        ("mx.bakery.test", "mx.bakery.test"),
    ],
)
def test_only_a_host_name_that_would_be_taken_is_offered(
    client: Client, settings: Any, known: str, offered: str
) -> None:
    settings.MAIL_HOSTNAME = known
    client.post(f"/setup/{first_run.make_link()}", ADMIN)
    assert client.get("/setup/host/").context["form"]["hostname"].value() == offered


def test_a_spent_or_old_or_made_up_link_says_so(client: Client) -> None:
    token = first_run.make_link()
    newer = first_run.make_link()
    assert not first_run.is_valid(token) and first_run.is_valid(newer)
    assert client.get("/setup/made-up").status_code == 404
    SetupLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = client.post(f"/setup/{newer}", ADMIN)
    assert answer.status_code == 404 and b"manage.py setup --print-link" in answer.content
    assert not Account.objects.exists()


def test_a_weak_password_does_not_spend_the_link(client: Client) -> None:
    token = first_run.make_link()
    assert client.post(f"/setup/{token}", ADMIN | {"password": "short"}).status_code == 422
    assert client.post(f"/setup/{token}", ADMIN).status_code == 302


def test_no_link_once_there_is_an_administrator(world: World, client: Client) -> None:
    with pytest.raises(AlreadySetUp):
        first_run.make_link()
    assert b"This host is set up" in client.get("/setup/anything").content


def test_only_the_digest_of_a_token_is_stored() -> None:
    token = first_run.make_link()
    assert token not in str(SetupLink.objects.values().get())


@pytest.mark.parametrize("page", ["host", "doors", "reach", "domain"])
def test_the_steps_are_the_providers_alone(world: World, client: Client, page: str) -> None:
    assert client.get(f"/setup/{page}/").status_code == 302
    for who in (world.seller, world.owner, world.postmaster, world.ann):
        client.force_login(who)
        assert client.get(f"/setup/{page}/").status_code == 404


@pytest.mark.parametrize("name", ["", "localhost", "a b.test", "mx.test\nSECRET_KEY=x", "mx.test'"])
def test_what_cannot_be_a_host_name_is_not_kept(own_folder: Path, name: str) -> None:
    with pytest.raises(BadName):
        host.save_name(name)
    assert not (own_folder / "mailstead.env").exists()


def test_saving_keeps_the_other_lines(own_folder: Path) -> None:
    (own_folder / "mailstead.env").write_text("RELAY_PORT=2526\n")
    host.save_name("mx.test.example")
    assert host.saved() == {"RELAY_PORT": "2526", "MAIL_HOSTNAME": "mx.test.example"}
    assert (own_folder / "mailstead.env").stat().st_mode & 0o077 == 0


def test_what_stands_in_the_way_is_said_in_words(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MAIL_HOSTNAME = "mx.host.example"  # type: ignore[attr-defined]
    zone = {
        "mx.host.example": {"A": ["203.0.113.9"]},
        "9.113.0.203.in-addr.arpa": {"PTR": ["dsl.provider.example"]},
        "203.0.113.9": {"PTR": ["dsl.provider.example"]},
        "gmail.com": {"MX": [(10, "mx.gmail.example")]},
    }
    monkeypatch.setattr(host_check, "is_local", lambda name: False)
    monkeypatch.setattr(host_check, "_answers", lambda name, port: False)
    with resolver.use(FakeResolver(zone)):
        name, reverse, way_out = host_check.run()
    assert (name.state, reverse.state, way_out.state) == ("good", "warn", "danger")
    assert "PTR" in reverse.todo and "port 25" in way_out.said and "RELAY_SMARTHOST" in way_out.todo


def test_the_slow_part_of_the_doors_page_is_its_own(client: Client) -> None:
    client.post(f"/setup/{first_run.make_link()}", ADMIN)
    with resolver.use(FakeResolver({})):
        page = client.get("/setup/reach/").content.decode()
    assert page.count('class="record"') == 3 and "nobody finds this host" in page


def run(*args: str, stdin: str = "") -> str:
    out = io.StringIO()
    given = {} if args[0] == "domain" else {"stdin": io.StringIO(stdin)}
    call_command(*args, stdout=out, **given)
    return out.getvalue()


def test_setup_in_a_terminal_does_the_same() -> None:
    said = run("setup", "--username", "root", "--hostname", "mx.a.test", "--domain", "a.test", stdin=PASSWORD)
    assert "root administers this host." in said and "a.test. 3600 IN MX 10 mx.a.test." in said
    assert Account.objects.get().check_password(PASSWORD)
    with pytest.raises(CommandError, match="administrator already"):
        run("setup", "--print-link")


def test_setup_prints_a_link_that_works(client: Client) -> None:
    url = run("setup", "--print-link").strip()
    assert url.startswith("http://127.0.0.1:8000/setup/")
    assert client.get(url.removeprefix("http://127.0.0.1:8000")).status_code == 200


def test_domains_and_accounts_from_the_command_line() -> None:
    assert "MX 10" in run("domain", "add", "A.test")
    assert run(
        "account", "add", "Ann@a.test", "--name", "Ann A", "--quota", "5GB", stdin=f"{PASSWORD}\n"
    ) == ("Added ann@a.test.\n")
    assert run("account", "list", "--domain", "a.test") == "ann@a.test\tactive\t5 GB\tAnn A\n"
    assert run("domain", "list") == "a.test\tactive\t1\tMail host\n"
    run("account", "passwd", "ann@a.test", stdin="another good one\r\n")
    assert Account.objects.get().check_password("another good one")
    run("account", "suspend", "ANN@a.test")
    assert Account.objects.get().state == "suspended"
    run("account", "resume", "ann@a.test")
    run("domain", "suspend", "a.test")
    assert Domain.objects.get().state == "suspended"
    run("domain", "resume", "a.test")
    assert Tenant.objects.get().kind == "provider"


@pytest.mark.parametrize(
    ("args", "stdin", "said"),
    [
        (("account", "add", "x@nowhere.test"), PASSWORD, "is not a domain here"),
        (("account", "add", "plain"), PASSWORD, "is not a domain here"),
        (("account", "add", "x@a.test"), "", "one line on standard input"),
        (("account", "add", "x@a.test"), "short\n", "too short"),
        (("account", "add", "x@a.test", "--quota", "much"), PASSWORD, "not a size"),
        (("account", "passwd", "x@a.test"), PASSWORD, "no account"),
        (("domain", "add", "a.test"), "", "on this host already"),
        (("domain", "add", "b.test", "--tenant", "Nobody"), "", "No tenant"),
        (("domain", "suspend", "b.test"), "", "not a domain here"),
    ],
)
def test_mistakes_on_the_command_line_are_one_sentence(args: tuple[str, ...], stdin: str, said: str) -> None:
    run("domain", "add", "a.test")
    with pytest.raises(CommandError, match=said):
        run(*args, stdin=stdin)
