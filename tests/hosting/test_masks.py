"""Masked addresses: made, counted, shut and opened again; whose they are; what may be written from them."""

from __future__ import annotations

import pytest
from django.utils import timezone

from hosting import access, accounts, domains, masks
from hosting.directory import Directory
from hosting.errors import LimitReached, NotFound
from hosting.models import Address, AuditEntry, Grant, Identity, Mask
from mta.directory import LocalTarget, Resolution
from mta.values import now_us
from tests.hosting.conftest import TEST, World

pytestmark = pytest.mark.django_db
directory = Directory()


def make(world: World, note: str = "") -> Mask:
    return masks.make(world.ann, world.ann.mailspace or 0, note=note, actor=TEST)


@pytest.mark.parametrize(
    ("note", "stem"),
    [
        ("shop.example", "shop"),
        ("www.shop.co.uk", "shop"),
        ("for the Bücherei", "bucherei"),
        ("", "mask"),
        ("日本", "mask"),
        ("'; DROP TABLE--", "mask"),
        ("a" * 100, "a" * 20),
    ],
)
def test_its_name_says_what_it_is_for_and_cannot_be_guessed(world: World, note: str, stem: str) -> None:
    local, _at, domain = str(make(world, note).address).partition("@")
    assert domain == "bakery.test"
    assert local[:-5].startswith(stem.split("-")[0]) and local[-5] == "-" and len(local[-4:]) == 4
    assert str(make(world, note).address) != f"{local}@{domain}"


def test_mail_to_it_comes_and_is_counted(world: World) -> None:
    mask = make(world, "shop.example")
    address = str(mask.address)
    assert directory.resolve(address.upper()).targets == (
        LocalTarget(world.ann.mailspace or 0, address.upper(), mask.pk),
    )
    assert directory.resolve(f"{address.replace('@', '+x@')}").kind == "ours"
    before = timezone.now()
    directory.mask_used(mask.pk, at=now_us())
    directory.mask_used(mask.pk, at=now_us())
    mask.refresh_from_db()
    assert mask.used == 2
    assert mask.last_used_at is not None and mask.last_used_at >= before.replace(microsecond=0)


def test_one_may_write_from_it_and_it_is_offered_apart(world: World) -> None:
    address = str(make(world).address)
    assert directory.may_send_as(world.ann.pk, address)
    assert not directory.may_send_as(world.eve.pk, address)
    assert [(each.address == address, each.is_mask) for each in access.senders_for(world.ann.pk)] == [
        (False, False),
        (True, True),
    ]


def test_a_shut_one_is_refused_plainly_even_with_a_catch_all(world: World) -> None:
    mask = make(world)
    address = str(mask.address)
    domains.set_catch_all(world.domain, Address.objects.get(account=world.ann), actor=TEST)
    masks.set_open(mask, False, actor=TEST)
    assert directory.resolve(address) == Resolution("unknown")
    assert directory.resolve(address.replace("@", "+tag@")) == Resolution("unknown")
    assert not directory.may_send_as(world.ann.pk, address)
    assert not Identity.objects.filter(address=address).exists()
    masks.set_open(mask, True, actor=TEST)
    assert directory.resolve(address).kind == "ours"
    assert directory.may_send_as(world.ann.pk, address)
    verbs = AuditEntry.objects.filter(object_name=address).order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["mask.add", "mask.close", "mask.open"]
    assert not AuditEntry.objects.filter(after__icontains="shop").exists()  # what it is for is hers alone


def test_a_removed_one_leaves_nothing(world: World) -> None:
    mask = make(world)
    address = str(mask.address)
    masks.remove(mask, actor=TEST)
    assert directory.resolve(address).kind == "unknown"
    assert not Identity.objects.filter(address=address).exists()
    assert not Address.objects.filter(local_part=address.partition("@")[0]).exists()


def test_they_are_the_owners_alone(world: World) -> None:
    mask = make(world)
    space = world.ann.mailspace or 0
    Grant.objects.create(account=world.eve, mailspace=space, right=Grant.READ)
    Grant.objects.create(account=world.eve, mailspace=space, right=Grant.SEND_AS)
    assert list(masks.of(world.ann, space)) == [mask]
    assert list(masks.of(world.eve, space)) == []
    for who in (world.eve, world.admin):  # no role reaches them, nor does a guest's right
        with pytest.raises(NotFound):
            masks.find(who, space, mask.pk)
        with pytest.raises(NotFound):
            masks.make(who, space, actor=TEST)


def test_there_is_an_end_to_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masks, "MOST", 2)
    make(world), make(world)
    with pytest.raises(LimitReached):
        make(world)


def test_the_one_a_message_came_through_is_found_by_what_delivery_wrote(world: World) -> None:
    mask = make(world)
    space = world.ann.mailspace or 0
    assert masks.through(space, [str(mask.address).upper()]) == mask
    assert masks.through(space, [str(mask.address).replace("@", "+a@")]) == mask
    domains.add("other.test", tenant=world.customer, alias_of=world.domain, actor=TEST)
    assert masks.through(space, [str(mask.address).replace("bakery", "other")]) == mask
    assert masks.through(space, ["ann@bakery.test"]) is None
    assert masks.through(space, []) is None
    assert masks.through(world.eve.mailspace or 0, [str(mask.address)]) is None


def test_a_mask_takes_no_name_that_somebody_has(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts.add(world.domain, "mask-aaaa", password="correct horse battery", actor=TEST)
    letters = iter("aaaa" + "bbbb")
    monkeypatch.setattr(masks.secrets, "choice", lambda _letters: next(letters))
    assert make(world).address.local_part == "mask-bbbb"
