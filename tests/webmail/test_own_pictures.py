"""Pictures in signatures, one's own face, and the faces of the address book beside mail."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from tests.webmail.mail_world import Reader
from tests.webmail.test_compose_pages import ask, done, save, sent_mail
from webmail import own_pictures
from webmail.contacts import service as contacts
from webmail.contacts.service import Person
from webmail.models import OwnPicture, Preferences, Signature

pytestmark = pytest.mark.django_db
UPLOAD = "/mail/settings/pictures/"


def picture(
    colour: str = "teal", *, size: tuple[int, int] = (40, 20), kind: str = "PNG", **more: Any
) -> bytes:
    written = BytesIO()
    Image.new("RGB", size, colour).save(written, kind, **more)
    return written.getvalue()


def upload(who: Reader, data: bytes, name: str = "logo.png") -> Any:
    return who.client.post(UPLOAD, {"file": SimpleUploadedFile(name, data, "image/png")})


def signed_with_picture(who: Reader) -> tuple[str, int]:
    """(the picture's address here, the signature) as the settings make them."""
    url = upload(who, picture()).json()["url"]
    html = f'<p>Ann</p><p><img src="{url}" alt="Logo" onerror="x()"><img src="https://evil.test/x.png"></p>'
    who.client.post("/mail/settings/signature/", {"name": "Work", "html": html})
    return url, Signature.objects.get(account=who.account).pk


# --- signatures
def test_a_picture_in_a_signature_goes_along_as_a_part_of_the_message(ann: Reader) -> None:
    url, signature = signed_with_picture(ann)
    kept = Signature.objects.get(pk=signature).html
    assert kept.count("<img") == 1 and "cid:" in kept and "evil" not in kept and "onerror" not in kept
    assert f'src="{url}"' in ann.page(f"/mail/settings/signature/{signature}/").replace("&quot;", '"')
    (shown,) = [each for each in done(ask(ann, "signatures/"))["signatures"] if each["id"] == signature]
    assert f'src="{url}"' in shown["html"] and ann.get(url)["Content-Type"] == "image/png"
    made = save(ann, html="<p>Hello</p>", signature=signature)
    assert made["files"] == []  # it is no attachment to take off
    done(ask(ann, f"{made['draft']}/send/", {}))
    found = sent_mail(ann)
    (name,) = re.findall(r'src="cid:([^"]+)"', found.get_body(("html",)).get_content())
    (part,) = [each for each in found.walk() if each["Content-ID"] == f"<{name}>"]
    assert part.get_content_type() == "image/png" and part.get_content_disposition() == "inline"
    assert [each.get_content_type() for each in found.walk()][:2] == ["multipart/alternative", "text/plain"]
    assert differences(ann.space) == []


def test_another_signature_or_plain_text_takes_the_picture_off_again(ann: Reader) -> None:
    _url, signature = signed_with_picture(ann)
    made = save(ann, html="<p>Hello</p>", signature=signature)

    def files() -> int:
        return len(mailstore.draft(ann.space, made["draft"]).attachments)

    assert files() == 1
    again = save(ann, draft=made["draft"], html="<p>Hello you</p>")
    assert files() == 1 and again["version"] == mailstore.draft(ann.space, made["draft"]).version
    for content, expected in (
        ({"signature": None}, 0),
        ({"signature": signature}, 1),
        ({"plain": True, "text": "Hello"}, 0),
        ({"html": "<p>Hello</p>"}, 1),
    ):
        save(ann, draft=made["draft"], **({"html": "<p>Hello</p>"} | content))
        assert files() == expected, content


def test_a_logo_is_no_attachment_that_was_spoken_of(ann: Reader) -> None:
    _url, signature = signed_with_picture(ann)
    made = save(ann, html="<p>The plan is attached.</p>", subject="Plan", signature=signature, check=True)
    assert [each["kind"] for each in made["worries"]] == ["file"]


def test_what_is_uploaded_is_drawn_anew_and_bounded(ann: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    place = b"GPSLatitude 48.2"
    url = upload(ann, picture(size=(3000, 1500), kind="JPEG", comment=place)).json()["url"]
    kept = ann.get(url).content
    assert place not in kept and Image.open(BytesIO(kept)).size == (600, 300)
    for data in (
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 99,
        b"x" * 5_000_001,
    ):
        assert upload(ann, data).status_code == 422
    monkeypatch.setattr(own_pictures, "TOGETHER", 2 * len(kept))
    assert upload(ann, picture(size=(600, 300), kind="JPEG")).status_code == 200
    full = upload(ann, picture(size=(600, 300), kind="JPEG"))
    assert full.status_code == 422 and "full" in full.json()["text"]
    monkeypatch.setattr(own_pictures, "LARGEST", 50)
    assert "goes along with every message" in upload(ann, picture()).json()["text"]
    OwnPicture.objects.update(created_at="2020-01-01T00:00:00Z")  # never saved in a signature
    monkeypatch.undo()
    upload(ann, picture())
    assert OwnPicture.objects.filter(account=ann.account).count() == 1


def test_nobody_sees_or_uses_somebody_elses_picture(ann: Reader, eve: Reader) -> None:
    url, signature = signed_with_picture(ann)
    assert eve.get(url).status_code == 404
    cid = OwnPicture.objects.get().content_id
    html = f'<p>Eve</p><img src="{url}"><img src="cid:{cid}">'
    eve.client.post("/mail/settings/signature/", {"name": "Mine", "html": html})
    assert "<img" not in Signature.objects.get(account=eve.account).html
    made = save(eve, html="<p>Hi</p>", signature=signature)
    assert mailstore.draft(eve.space, made["draft"]).attachments == ()


# --- faces
def test_the_first_card_takes_a_face_which_the_web_client_then_shows(ann: Reader, eve: Reader) -> None:
    thread = ann.sent(subject="Mine")
    photo = SimpleUploadedFile("me.jpg", picture(size=(300, 200), kind="JPEG"), "image/jpeg")
    assert 'name="photo"' in ann.page("/mail/inbox/")
    assert ann.client.post("/mail/welcome/", {"full_name": "Ann", "photo": photo}).status_code == 302
    face = f'src="/mail/face/?v={Preferences.objects.get(account=ann.account).face}"'
    assert face in ann.page("/mail/inbox/")
    assert ann.page(f"/mail/sent/{thread}/").count(face) >= 3  # the menu, twice, and the letter
    shown = ann.get("/mail/face/")
    assert Image.open(BytesIO(shown.content)).size == (192, 192)
    assert eve.get("/mail/face/").status_code == 404
    bad = SimpleUploadedFile("me.jpg", b"no picture", "image/jpeg")
    ann.client.post("/mail/settings/accounts/", {"full_name": "Ann", "photo": bad})
    assert "no picture that can be shown" in ann.page("/mail/settings/accounts/")
    assert ann.get("/mail/face/").status_code == 200
    ann.client.post("/mail/settings/accounts/", {"full_name": "Ann", "no_photo": "1"})
    assert ann.get("/mail/face/").status_code == 404 and "/mail/face/" not in ann.page("/mail/inbox/")


def test_people_of_the_address_book_have_their_faces_in_lists_conversations_and_suggestions(
    ann: Reader, eve: Reader
) -> None:
    kept = contacts.add(ann.space, Person(name="Ada Stone", emails=(("", "Ada@Outside.test"),)))
    contacts.set_photo(ann.space, kept.id, picture())
    threads = [who.receive(sender="Ada Stone <ada@outside.test>", subject="Hi") for who in (ann, eve)]
    face = f'src="/mail/contacts/{kept.id}/photo/?v='
    for page in ("/mail/inbox/", f"/mail/inbox/{threads[0]}/", "/mail/search/?q=Hi"):
        assert face in ann.page(page), page
    assert "/photo/" not in eve.page("/mail/inbox/")  # it is Ann's address book
    said = done(ask(ann, "people/?q=ada"))
    assert said["people"] == [["Ada Stone", "Ada@Outside.test"]] or said["people"][0][0] == "Ada Stone"
    assert said["faces"]["ada@outside.test"].startswith(f"/mail/contacts/{kept.id}/photo/?v=")
    (url,) = set(re.findall(r"/mail/contacts/\d+/photo/\?v=\d+", ann.page("/mail/inbox/")))
    assert "immutable" in ann.get(url)["Cache-Control"]
    contacts.delete(ann.space, [kept.id])
    assert face not in ann.page("/mail/inbox/")


def test_faces_cost_a_list_one_query_however_long_it_is(ann: Reader) -> None:
    def cost() -> int:
        ann.page("/mail/inbox/")
        with CaptureQueriesContext(connection) as queries:
            ann.page("/mail/inbox/")
        return len([each for each in queries if "contacts_contactemail" in each["sql"]])

    for count in (1, 12):
        for number in range(count):
            who = f"p{count}{number}@x.test"
            kept = contacts.add(ann.space, Person(name=f"P {number}", emails=(("", who),)))
            contacts.set_photo(ann.space, kept.id, picture())
            ann.receive(sender=who, subject=f"S {count} {number}")
        assert cost() == 1
