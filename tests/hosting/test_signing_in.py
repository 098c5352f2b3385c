"""The sign-in page, its redirects, and what a session is."""

from __future__ import annotations

import pytest
from django.test import Client

from hosting import accounts
from hosting.models import Account
from tests.hosting.conftest import PASSWORD, TEST, World

pytestmark = pytest.mark.django_db


def test_the_form_is_one_page_with_name_password_and_a_button(client: Client) -> None:
    page = client.get("/").content.decode()
    form = page.split('data-test="sign-in"', 1)[1].split("</form>", 1)[0]
    assert 'name="username"' in form and 'name="password"' in form and 'type="password"' in form
    assert page.count('<button type="submit"') == 1
    assert client.get("/")["Cache-Control"].startswith("max-age=0, no-cache, no-store")


@pytest.mark.parametrize(
    ("who", "where"),
    [("admin@host.test", "/panel/"), ("seller", "/panel/"), ("Ann@Bakery.test", "/mail/inbox/")],
)
def test_a_role_lands_in_the_panel_and_everybody_else_in_the_inbox(
    world: World, client: Client, who: str, where: str
) -> None:
    answer = client.post("/", {"username": who, "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, where)
    assert client.get("/")["Location"] == where  # signed in: straight there


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.test/",
        "https://evil.test/",
        "javascript:alert(1)",
        "http:///evil.test",
        "/\\evil.test",
        "\x00",
    ],
)
def test_next_never_leads_away(world: World, client: Client, wanted: str) -> None:
    answer = client.post("/", {"username": "seller", "password": PASSWORD, "next": wanted})
    assert answer["Location"] == "/panel/"


def test_a_wrong_password_is_said_and_not_repeated(world: World, client: Client) -> None:
    answer = client.post("/", {"username": "ann@bakery.test", "password": "so very wrong"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Name and password do not belong together" in page
    assert "so very wrong" not in page and 'value="ann@bakery.test"' in page
    assert "_auth_user_id" not in client.session


def test_a_suspended_account_is_told_nothing_more(world: World, client: Client) -> None:
    accounts.suspend(world.ann, actor=TEST)
    page = client.post("/", {"username": "ann@bakery.test", "password": PASSWORD}).content.decode()
    assert "or the account is suspended" in page


def test_the_session_key_changes_at_sign_in_and_the_cookie_is_kept_from_scripts(
    world: World, client: Client
) -> None:
    session = client.session
    session["seen"] = "before"
    session.save()
    before = session.session_key
    answer = client.post("/", {"username": "seller", "password": PASSWORD})
    cookie = answer.cookies["mailstead_session"]
    assert cookie.value != before
    assert cookie["httponly"] and cookie["samesite"] == "Lax"


def test_signing_out_takes_a_post_and_ends_the_session(world: World, client: Client) -> None:
    client.post("/", {"username": "seller", "password": PASSWORD})
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/")["Location"] == "/"
    assert client.get("/panel/").status_code == 302


def test_sign_in_needs_the_token_against_forged_forms(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/", {"username": "seller", "password": PASSWORD}).status_code == 403


def test_the_last_sign_in_is_noted(world: World, client: Client) -> None:
    client.post("/", {"username": "seller", "password": PASSWORD})
    assert Account.objects.get(username="seller").last_login is not None


def test_the_panel_of_somebody_with_mail_leads_to_their_mail(world: World, client: Client) -> None:
    client.force_login(world.admin)
    assert b'href="/mail/inbox/"' in client.get("/panel/").content
    client.force_login(world.seller)
    assert b'href="/mail/inbox/"' not in client.get("/panel/").content


def test_who_has_no_role_has_no_panel(world: World, client: Client) -> None:
    client.force_login(world.ann)
    assert client.get("/panel/").status_code == 404
