"""Outside pictures: who sees them, how they come, and what nobody learns by them."""

from __future__ import annotations

import os
import re
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mta.mailstore import service as mailstore
from mta.values import INBOX, JUNK
from tests.webmail.mail_world import CAUSE, Reader
from tests.webmail.picture_server import PictureServer, png
from webmail import pictures, tasks
from webmail.models import Preferences, ShownSender
from webmail.redraw import NoPicture, redrawn

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_internet(settings: Any, tmp_path: Path) -> None:
    settings.ALLOW_PRIVATE_NETWORKS = True
    settings.DATA_DIR = tmp_path


@pytest.fixture
def shop() -> Iterator[PictureServer]:
    with PictureServer() as server:
        yield server


def newsletter(shop: PictureServer, *, sender: str = "Shop <news@shop.test>") -> bytes:
    body = (
        f'<p>Hello</p><img src="{shop.url}/harbour.png" alt="The harbour" width="300" height="80">'
        f'<img src="{shop.url}/gone.png" width="20" height="20"><img src="{shop.url}/o.gif" width="1" height="1">'
    )
    return f"From: {sender}\r\nTo: ann@example.test\r\nSubject: News\r\nContent-Type: text/html\r\n\r\n{body}".encode()


def message_of(who: Reader, thread: int) -> int:
    return mailstore.conversation(who.space, thread).messages[0].id


def sources(page: str) -> list[str]:
    return re.findall(r'<img src="(/mail/picture/[^"]+)"', page)


def frame_of(page: str) -> str:
    match = re.search(r'<iframe [^>]*src="([^"]+)"', page)
    assert match
    return match[1].replace("&amp;", "&")


def test_pictures_are_held_back_until_asked_for_and_trackers_for_good(
    ann: Reader, shop: PictureServer
) -> None:
    thread = ann.receive(raw=newsletter(shop))
    message = message_of(ann, thread)
    page = ann.page(f"/mail/inbox/{thread}/")
    assert "Pictures held back" in page
    assert "3 pictures" in page
    assert "1 of them only counts readers" in page
    assert "Always for news@shop.test" in page
    assert sources(ann.page(frame_of(page))) == []
    said = ann.client.post(f"/mail/pictures/{message}/", headers={"X-Mailstead": "1"}).json()
    shown = ann.page(f"/mail/body/{message}/?pictures={said['pictures']}")
    assert len(sources(shown)) == 2
    assert shop.asked == []
    answer = ann.get(sources(shown)[0])
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert Image.open(BytesIO(answer.content)).size == (40, 30)
    assert shop.asked == ["/harbour.png"]
    assert not {"cookie", "referer"} & set(shop.heard[0])
    missing = ann.get(sources(shown)[1])
    assert missing["Content-Type"] == "image/svg+xml"
    assert shop.asked == ["/harbour.png", "/gone.png"]
    for address in sources(shown):
        ann.get(address)
    assert shop.asked == ["/harbour.png", "/gone.png"]


def test_without_scripts_show_leads_back_to_the_conversation(ann: Reader, shop: PictureServer) -> None:
    thread = ann.receive(raw=newsletter(shop))
    message = message_of(ann, thread)
    answer = ann.client.post(f"/mail/pictures/{message}/", {"next": f"/mail/inbox/{thread}/"}, follow=True)
    page = answer.content.decode()
    assert "Pictures held back" not in page
    assert len(sources(ann.page(frame_of(page)))) == 2
    for next_ in ("https://evil.test/", "//evil.test", "/sign-out/", "/mail/../sign-out/"):
        where = ann.client.post(f"/mail/pictures/{message}/", {"next": next_})["Location"]
        assert where.startswith("/mail/")
    # The word is this person's, for this message.
    other = message_of(ann, ann.receive(raw=newsletter(shop)))
    word = pictures.once(ann.account.pk, message)
    assert sources(ann.page(f"/mail/body/{other}/?pictures={word}")) == []
    assert (
        sources(ann.page(f"/mail/body/{message}/?pictures={pictures.once(ann.account.pk + 1, message)}"))
        == []
    )
    assert sources(ann.page(f"/mail/body/{message}/?pictures=shown")) == []


def test_always_is_remembered_for_believable_senders(ann: Reader, shop: PictureServer) -> None:
    thread = ann.receive(raw=newsletter(shop))
    message = message_of(ann, thread)
    ann.client.post(f"/mail/pictures/{message}/always/", headers={"X-Mailstead": "1"})
    assert [each.address for each in ShownSender.objects.filter(account=ann.account)] == ["news@shop.test"]
    later = ann.receive(raw=newsletter(shop, sender="Other Name <News@Shop.test>"))
    page = ann.page(f"/mail/inbox/{later}/")
    assert "Pictures held back" not in page
    assert len(sources(ann.page(frame_of(page)))) == 2
    stranger = ann.receive(raw=newsletter(shop, sender="Shop <news@shop.test.evil.test>"))
    assert "Pictures held back" in ann.page(f"/mail/inbox/{stranger}/")


def judged(who: Reader, raw: bytes, evidence: list[list[str]]) -> int:
    prepared = mailstore.prepare(raw)

    def work(door: Any) -> int:
        placed = door.store(who.space, prepared, INBOX, reasons={"evidence": evidence}, cause=CAUSE)
        return int(placed.thread)

    return int(mailstore.submit([who.space], work).result())


@pytest.mark.parametrize(
    ("evidence", "shown"),
    [
        ([["dmarc", "fail", "", "shop.test"], ["dkim", "pass", "", "evil.test"]], False),
        ([["spf", "fail", "", "shop.test"]], False),
        ([["spf", "softfail", "", "shop.test"], ["dkim", "fail", "", ""]], False),
        ([["dmarc", "pass", "", "shop.test"]], True),
        ([["spf", "fail", "", ""], ["dkim", "pass", "", "shop.test"]], True),
        ([["spf", "none", "", ""]], True),
    ],
)
def test_who_failed_authentication_is_asked_about_again(
    ann: Reader, shop: PictureServer, evidence: list[list[str]], shown: bool
) -> None:
    ShownSender.objects.create(account=ann.account, address="news@shop.test")
    page = ann.page(f"/mail/inbox/{judged(ann, newsletter(shop), evidence)}/")
    assert ("Pictures held back" not in page) is shown
    assert bool(sources(ann.page(frame_of(page)))) is shown
    assert "Always for" not in page


def test_everybodys_may_be_shown_but_never_those_of_spam(ann: Reader, shop: PictureServer) -> None:
    Preferences.objects.create(account=ann.account, pictures=Preferences.SHOW)
    page = ann.page(f"/mail/inbox/{ann.receive(raw=newsletter(shop))}/")
    assert "Pictures held back" not in page
    assert sources(ann.page(frame_of(page)))
    junk = ann.page(f"/mail/spam/{ann.receive(raw=newsletter(shop), role=JUNK)}/")
    assert "Pictures held back" in junk
    assert "Always for" not in junk
    assert sources(ann.page(frame_of(junk))) == []


def test_a_picture_answers_only_the_reader_it_was_named_to(
    ann: Reader, eve: Reader, shop: PictureServer
) -> None:
    address = pictures.address_of(ann.account.pk, ann.space, f"{shop.url}/harbour.png")
    assert eve.get(address).status_code == 404
    assert ann.get(address.replace("/mail/picture/", "/mail/picture/x")).status_code == 404
    assert (
        ann.get(pictures.address_of(ann.account.pk, eve.space, f"{shop.url}/harbour.png")).status_code == 404
    )
    assert shop.asked == []
    ann.get(address)
    # What Ann has read makes nothing faster for Eve: his is asked for anew.
    eve.get(pictures.address_of(eve.account.pk, eve.space, f"{shop.url}/harbour.png"))
    assert shop.asked == ["/harbour.png"] * 2


def test_a_mail_reaches_nothing_inside_however_it_names_it(
    ann: Reader, shop: PictureServer, settings: Any
) -> None:
    """By the whole way: mail, frame, address of ours. In a real installation this machine is not the web."""
    settings.ALLOW_PRIVATE_NETWORKS = False
    port = shop.url.rpartition(":")[2]
    hosts = f"127.0.0.1:{port} 127.1:{port} 0x7f.1:{port} 2130706433:{port} [::1]:{port} [::ffff:127.0.0.1]:{port} localhost:{port} 169.254.169.254 a@127.0.0.1:{port}".split()
    body = "".join(f'<img src="http://{each}/harbour.png" width=40 height=30>' for each in hosts)
    thread = ann.receive(raw=f"From: x@x.test\r\nContent-Type: text/html\r\n\r\n{body}".encode())
    message = message_of(ann, thread)
    said = ann.client.post(f"/mail/pictures/{message}/", headers={"X-Mailstead": "1"}).json()
    addresses = sources(ann.page(f"/mail/body/{message}/?pictures={said['pictures']}"))
    assert len(addresses) == len(hosts)
    assert {ann.get(each)["Content-Type"] for each in addresses} == {"image/svg+xml"}
    assert shop.asked == []


def test_one_picture_asked_for_at_once_is_fetched_once(shop: PictureServer) -> None:
    shop.hold.clear()
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(pictures.load(1, f"{shop.url}/harbour.png")))
        for _n in range(6)
    ]
    for thread in threads:
        thread.start()
    while not shop.asked:
        time.sleep(0.01)
    shop.hold.set()
    for thread in threads:
        thread.join(10)
    assert shop.asked == ["/harbour.png"]
    assert len({id(each) and each.data for each in found}) == 1  # type: ignore[attr-defined]


def test_the_shelf_keeps_what_was_looked_at_lately_and_no_more_than_its_size(
    shop: PictureServer, settings: Any
) -> None:
    for number in range(8):
        shop.files[f"/{number}.png"] = png(200 + number, 200, "#ff0000")
        pictures.load(1, f"{shop.url}/{number}.png")
    kept = sorted(Path(settings.DATA_DIR, "pictures").glob("??/*"))
    assert len(kept) == 8
    for age, path in enumerate(kept):
        os.utime(path, (time.time() - 10_000 * age,) * 2)
    sizes = sum(path.stat().st_size for path in kept)
    assert pictures.prune(sizes // 2) <= sizes // 2
    left = sorted(Path(settings.DATA_DIR, "pictures").glob("??/*"))
    assert left
    assert set(left) == set(kept[: len(left)])
    assert not any("shop" in path.name or "png" in path.name for path in kept)


def test_pictures_of_new_mail_are_fetched_when_it_comes_for_who_wants_that(
    ann: Reader, shop: PictureServer
) -> None:
    tasks.fetch_pictures()
    ann.receive(raw=newsletter(shop))
    ann.receive(raw=newsletter(shop).replace(b"harbour", b"spam"), role=JUNK)
    tasks.fetch_pictures()
    assert shop.asked == []
    Preferences.objects.create(account=ann.account, pictures_at_delivery=True)
    tasks.fetch_pictures()
    assert sorted(shop.asked) == ["/gone.png", "/harbour.png"]
    tasks.fetch_pictures()
    assert len(shop.asked) == 2


def test_mail_is_darkened_by_preference_or_for_one_message(ann: Reader) -> None:
    raw = b"From: a@x.test\r\nContent-Type: text/html\r\n\r\n<p style='color:#000'>Hi</p>"
    address = f"/mail/body/{message_of(ann, ann.receive(raw=raw))}/"
    assert "light-dark(#000" not in ann.page(address)
    assert "light-dark(#000" in ann.page(f"{address}?dark=1")
    Preferences.objects.create(account=ann.account, dark_mail=True)
    assert "light-dark(#000" in ann.page(address)
    assert "light-dark(#000" not in ann.page(f"{address}?dark=0")


# --- drawing anew -------------------------------------------------------------------------------------------
def as_bytes(image: Image.Image, kind: str, **how: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **how)  # type: ignore[arg-type]
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises far more than it has."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<?xml version='1.0'?><svg/>",
        b"<html><script>alert(1)</script>",
        b"body{background:url(//evil.test)}",
        b"%PDF-1.4",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"P6\n10 10\n255\n" + b"x" * 300,
        bomb(60_000, 60_000),
        bomb(8000, 8000),
        png()[:60],
    ],
    ids=range(12),
)
def test_what_is_no_honest_picture_is_none(data: bytes) -> None:
    with pytest.raises(NoPicture):
        redrawn(data)


def test_pictures_lose_everything_but_their_pixels() -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    exif[0x0112] = 6  # lies on its side
    photo = as_bytes(Image.new("RGB", (80, 40), "red"), "JPEG", exif=exif, comment=b"<script>")
    made = redrawn(photo + b"<script>alert(1)</script>")
    assert made.type == "image/jpeg"
    assert not re.search(rb"secret|script|Exif", made.data)
    assert Image.open(BytesIO(made.data)).size == (40, 80)
    for kind, type_ in (
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("BMP", "image/png"),
        ("GIF", "image/png"),
    ):
        assert redrawn(as_bytes(Image.new("RGB", (9, 9), "blue"), kind)).type == type_
    assert redrawn(as_bytes(Image.new("CMYK", (9, 9)), "JPEG")).type == "image/jpeg"
    assert redrawn(as_bytes(Image.new("I;16", (9, 9)), "PNG")).type == "image/png"
    assert max(Image.open(BytesIO(redrawn(as_bytes(Image.new("RGB", (5000, 100)), "PNG")).data)).size) == 2400


def test_animations_move_within_bounds() -> None:
    frames = [Image.new("RGB", (20, 20), (shade * 40, 0, 0)) for shade in range(6)]
    moving = as_bytes(
        frames[0], "GIF", save_all=True, append_images=frames[1:], duration=80, loop=0, comment=b"hidden"
    )
    made = redrawn(moving)
    assert made.type == "image/gif"
    assert b"hidden" not in made.data
    assert getattr(Image.open(BytesIO(made.data)), "n_frames", 1) > 1
    many = as_bytes(
        frames[0], "GIF", save_all=True, append_images=[frames[n % 6] for n in range(1, 400)], duration=20
    )
    assert redrawn(many).type == "image/png"
