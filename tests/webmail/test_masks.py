"""Masked addresses in the settings, in the window that writes, in an answer and in "Why is this here"."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hosting.models import Address, Domain, Grant, Mask, Target
from mta.mailstore import service as mailstore
from mta.mailstore.service import Door, prepare
from mta.values import INBOX
from tests.mail import mail
from tests.webmail.mail_world import CAUSE, Reader

pytestmark = pytest.mark.django_db
OUR_SCRIPT = {"X-Mailstead": "compose"}


@pytest.fixture(autouse=True)
def domain(ann: Reader) -> Domain:
    return Domain.objects.create(name=ann.account.username.partition("@")[2], tenant=ann.account.tenant)


def make(who: Reader, note: str = "shop.example") -> Mask:
    answer = who.client.post("/mail/settings/masks/", {"note": note})
    assert answer.status_code == 302, answer.content
    who.page("/mail/settings/masks/")  # what was said about it is read
    return Mask.objects.order_by("-id")[0]


def delivered(who: Reader, address: str, **message: str) -> int:
    """A message that came through an address of theirs; its id."""
    prepared = prepare(mail(to=address, **message))

    def work(door: Door) -> int:
        prefix = b"Delivered-To: " + address.encode() + b"\r\n"
        return door.store(who.space, prepared, INBOX, prefix=prefix, trace_id="t1", cause=CAUSE).message

    return mailstore.commit({who.space}, work)


def test_two_clicks_make_one(ann: Reader) -> None:
    page = ann.page("/mail/settings/masks/")  # the first leads here
    assert 'data-test="mask-make"' in page
    mask = make(ann)
    assert str(mask.address).startswith("shop-")
    assert Target.objects.get(address=mask.address).mailspace == ann.space
    page = ann.page("/mail/settings/masks/")
    assert str(mask.address) in page and "shop.example" in page
    assert "Nothing came through it yet." in page


def test_one_click_disables_it_and_another_brings_it_back(ann: Reader) -> None:
    mask = make(ann)
    address = f"/mail/settings/masks/{mask.pk}/"
    assert ann.client.post(address, {"do": "disable"}).status_code == 302
    assert Address.objects.get(pk=mask.address_id).closed
    assert "Disabled" in ann.page("/mail/settings/masks/")
    ann.client.post(address, {"do": "enable"})
    assert not Address.objects.get(pk=mask.address_id).closed
    ann.client.post(address, {"do": "note", "note": "another shop"})
    assert "another shop" in ann.page("/mail/settings/masks/")
    ann.client.post(address, {"do": "delete"})
    assert not Mask.objects.exists()


def test_the_page_costs_the_same_for_many(ann: Reader) -> None:
    make(ann)
    ann.page("/mail/settings/masks/")
    with CaptureQueriesContext(connection) as few:
        ann.page("/mail/settings/masks/")
    for number in range(5):
        make(ann, f"shop{number}.example")
    ann.page("/mail/settings/masks/")
    with CaptureQueriesContext(connection) as many:
        ann.page("/mail/settings/masks/")
    assert len(many) == len(few)


def test_who_is_a_guest_in_the_mailbox_has_no_such_page(ann: Reader) -> None:
    Grant.objects.filter(account=ann.account, right=Grant.OWN).update(right=Grant.ORGANISE)
    assert ann.get("/mail/settings/masks/").status_code == 404
    assert ann.client.post("/mail/settings/masks/", {"note": "x"}).status_code == 404


def test_a_mailbox_without_a_domain_here_says_so(ann: Reader, domain: Domain) -> None:
    domain.delete()
    answer = ann.client.post("/mail/settings/masks/", {"note": "x"})
    assert answer.status_code == 422
    assert "no address of a domain here" in answer.content.decode()


def test_the_window_that_writes_makes_one_for_its_message(ann: Reader) -> None:
    answer = ann.client.post(
        "/mail/compose/mask/", json.dumps({"note": "shop.example"}), "application/json", headers=OUR_SCRIPT
    )
    address = answer.json()["address"]
    assert address.startswith("shop-")
    saved = ann.client.post(
        "/mail/compose/save/",
        json.dumps(
            {"from": address, "to": [["", "order@shop.example"]], "subject": "Order", "html": "<p>Hi</p>"}
        ),
        "application/json",
        headers=OUR_SCRIPT,
    ).json()
    assert mailstore.draft(ann.space, saved["draft"]).fields.identity == address


def test_an_answer_is_from_the_mask_that_the_message_came_through(ann: Reader) -> None:
    mask = make(ann)
    message = delivered(ann, str(mask.address), sender="Shop <order@shop.example>")
    begun = ann.get(f"/mail/compose/opening/?mode=reply&message={message}", **OUR_SCRIPT).json()
    assert begun["from"] == str(mask.address)
    assert str(mask.address) in [each["address"] for each in begun["senders"]]
    other = ann.get("/mail/compose/opening/?mode=new", **OUR_SCRIPT).json()
    assert str(mask.address) not in [each["address"] for each in other["senders"]]
    parts = ann.get("/mail/compose/window/").content.decode()
    assert str(mask.address) not in parts and "From a new masked address" in parts
    assert str(mask.address) not in ann.page("/mail/settings/accounts/")


def test_why_is_this_here_names_it_and_can_disable_it(ann: Reader) -> None:
    mask = make(ann)
    message = delivered(ann, str(mask.address))
    page = ann.page(f"/mail/why/{message}/")
    assert f"It came through your masked address {mask.address}, for shop.example." in page
    assert 'data-test="mask-disable"' in page
    back = ann.client.post(f"/mail/settings/masks/{mask.pk}/", {"do": "disable", "message": str(message)})
    assert back["Location"] == f"/mail/why/{message}/"
    page = ann.page(f"/mail/why/{message}/")
    assert "masked address" in page and 'data-test="mask-disable"' not in page
    plain = delivered(ann, ann.account.username)
    assert "masked address" not in ann.page(f"/mail/why/{plain}/")


def test_what_came_through_it_is_one_search_away(ann: Reader) -> None:
    mask = make(ann)
    Mask.objects.update(used=2, last_used_at="2026-11-20T10:00:00Z")
    page = ann.page("/mail/settings/masks/")
    assert "2 messages" in page
    assert f"/mail/search/?q=deliveredto%3A{str(mask.address).replace('@', '%40')}" in page
