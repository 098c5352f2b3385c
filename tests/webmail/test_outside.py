"""The page "Outside world": only in a demonstration, only for people who have signed in."""

import pytest
from django.test import Client

from hosting.models import Account, Tenant
from mta.sandbox.main import folder
from mta.sandbox.shelf import Shelf
from mta.sandbox.zone import Zone
from tests.mail import mail

PAGES = ["/outside/", "/outside/write/", "/outside/records/"]


@pytest.fixture
def visitor(db, settings, tmp_path) -> Client:
    settings.DEMO_SANDBOX = True
    settings.DATA_DIR = tmp_path
    settings.SMTP_LISTEN = [("127.0.0.1", 9)]  # nobody listens there
    tenant = Tenant.objects.create(name="Us", kind="provider")
    client = Client()
    client.force_login(Account.objects.create(username="admin@a.test", tenant=tenant))
    return client


@pytest.mark.parametrize("page", PAGES)
def test_in_a_real_installation_there_is_no_such_page(visitor, settings, page):
    settings.DEMO_SANDBOX = False
    assert visitor.get(page).status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_strangers_are_asked_to_sign_in(visitor, page):
    answer = Client().get(page)
    assert (answer.status_code, answer["Location"]) == (302, f"/?next={page.replace('/', '%2F')}")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_itself_when_nothing_has_happened_yet(visitor, page):
    assert visitor.get(page).status_code == 200


def test_what_arrived_is_listed_and_can_be_read_without_its_html_doing_anything(visitor):
    raw = mail(subject="<b>Lunch</b>", sender="Ann <ann@a.test>", body="<script>alert(1)</script>")
    kept = Shelf(folder()).add(raw, sender="ann@a.test", recipients=("carl@outside.test",))
    assert "&lt;b&gt;Lunch&lt;/b&gt;" in visitor.get("/outside/").content.decode()
    page = visitor.get(f"/outside/{kept.id}/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "carl@outside.test" in page
    original = visitor.get(f"/outside/{kept.id}/original/")
    assert original.content == raw
    assert original["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert visitor.get("/outside/0000000000000000-00000000/").status_code == 404


def test_what_our_server_does_not_take_is_said_next_to_the_field(visitor):
    letter = {"sender": "carl@outside.test", "recipient": "ann@a.test", "subject": "Hi", "text": "Hello"}
    assert "Our server refused it" in visitor.post("/outside/write/", letter).content.decode()
    answer = visitor.post("/outside/write/", letter | {"recipient": "nobody"})
    assert "An address has a name" in answer.content.decode()


def test_records_are_published_and_withdrawn(visitor):
    page = visitor.post("/outside/records/", {"records": "nonsense"}).content.decode()
    assert "Line 1 is not a DNS record" in page
    answer = visitor.post("/outside/records/", {"records": "a.test. IN MX 10 mail.a.test."}, follow=True)
    assert "10 mail.a.test." in answer.content.decode()
    visitor.post("/outside/records/withdraw/", {"name": "a.test", "type": "MX"})
    assert Zone(folder()).records() == {}
    assert visitor.get("/outside/records/withdraw/").status_code == 405
