"""The address book's pages: look, add, change, delete, groups, merge, other contacts, import and export."""

from __future__ import annotations

import base64
import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from mta.mailstore import service as mailstore
from tests.webmail.mail_world import Reader
from webmail.contacts import service as contacts
from webmail.contacts.models import Contact
from webmail.contacts.values import Person

pytestmark = pytest.mark.django_db
BOOK = "/mail/contacts/"


def keep(who: Reader, name: str, *emails: str, **more: object) -> int:
    person = Person(name=name, emails=tuple(("", each) for each in emails), **more)  # type: ignore[arg-type]
    return contacts.add(who.space, person).id


def picture(kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (300, 200), "#1c6650").save(out, kind)
    return out.getvalue()


def asked(who: Reader, typed: str) -> dict[str, list[object]]:
    return who.get(f"/mail/compose/people/?q={typed}").json()


# --- looking ------------------------------------------------------------------------------------------------
def test_an_empty_book_says_what_to_do(ann: Reader) -> None:
    page = ann.page(BOOK)
    assert "The address book is empty." in page
    assert BOOK + "import/" in page


def test_the_left_column_leads_to_the_book(ann: Reader) -> None:
    assert f'href="{BOOK}"' in ann.page("/mail/inbox/")


def test_people_stand_under_their_letters_and_are_found_by_any_word(ann: Reader) -> None:
    keep(ann, "Ödön Kiss", "odon@x.test", organisation="Harbour Ltd")
    keep(ann, "Ada Lovelace", "ada@x.test", phones=(("work", "+44 20 1234"),))
    keep(ann, "42 Things", "things@x.test")
    page = ann.page(BOOK)
    names = re.findall(r'contact-name"[^>]*>([^<]+)<', page)
    assert names == ["42 Things", "Ada Lovelace", "Ödön Kiss"]
    assert re.findall(r'contacts-letter">(.)<', page) == ["#", "A", "O"]
    for query, found in (
        ("ada", "Ada"),
        ("harb", "Ödön"),
        ("1234", "Ada"),
        ("odon@", "Ödön"),
        ("LOVE ad", "Ada"),
    ):
        assert re.findall(r'contact-name"[^>]*>(\S+) ', ann.page(f"{BOOK}?q={query}")) == [found], query
    assert re.findall(r'contact-name"[^>]*>(\S+) ', ann.page(f"{BOOK}?letter=%23")) == ["42"]
    assert "Nobody of that name." in ann.page(f"{BOOK}?q=zzz")


def test_pages_follow_each_other_by_name_with_a_constant_number_of_queries(
    ann: Reader, django_assert_num_queries: object
) -> None:
    contacts.import_csv(
        ann.space,
        b"Name,E-mail 1 - Value\r\n" + b"".join(b"Person %03d,p%d@x.test\r\n" % (n, n) for n in range(230)),
    )
    seen: list[str] = []
    address, counts = BOOK, set()
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    ann.page(BOOK)
    while address:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            page = ann.page(address)
        counts.add(len(caught))
        seen += re.findall(r'contact-name"[^>]*>([^<]+)<', page)
        found = re.search(r'href="([^"]+)" data-test="older"', page)
        address = found[1].replace("&amp;", "&") if found else ""
    assert seen == [f"Person {n:03}" for n in range(230)]
    assert len(counts) == 1, counts


def test_a_card_shows_everything_and_the_conversations_with_them(ann: Reader) -> None:
    ann.receive(subject="Engine drawings", sender="Ada <ada@x.test>")
    ann.sent(subject="Your drawings", to="ada@x.test")
    ann.receive(subject="Something else", sender="Ben <ben@x.test>")
    id_ = keep(
        ann,
        "Ada Lovelace",
        "ada@x.test",
        title="Countess",
        places=(("home", "12 Square\nLondon"),),
        links=(("", "javascript:alert(1)"), ("", "https://ada.test/")),
        note="Likes <b>engines</b>",
    )
    page = ann.page(f"{BOOK}{id_}/")
    assert "Engine drawings" in page and "Your drawings" in page and "Something else" not in page
    assert "You wrote to them once" in page and "they wrote once" in page
    assert 'href="javascript:' not in page and 'href="https://ada.test/"' in page
    assert "Likes &lt;b&gt;" in page and "12 Square\nLondon" in page


def test_an_address_leads_to_its_contact_or_to_the_form_that_adds_it(ann: Reader) -> None:
    id_ = keep(ann, "Ada", "ada@x.test")
    assert ann.get(f"{BOOK}of/?email=ADA@x.test")["Location"] == f"{BOOK}{id_}/"
    address = ann.get(f"{BOOK}of/?email=ben@x.test&name=Ben+O")["Location"]
    page = ann.page(address)
    assert 'value="ben@x.test"' in page and 'value="Ben O"' in page


# --- changing -----------------------------------------------------------------------------------------------
def test_a_contact_is_added_changed_deleted_and_comes_back(ann: Reader) -> None:
    form = {
        "name": "Ada",
        "emails_label": ["work", ""],
        "emails_value": ["ada@x.test", ""],
        "phones_label": [""],
        "phones_value": ["123"],
        "note": "one\r\ntwo",
        "new_group": "Engine",
    }
    made = ann.client.post(f"{BOOK}new/", form)
    id_ = int(made["Location"].rstrip("/").rpartition("/")[2])
    kept = contacts.contact(ann.space, id_).person
    assert (kept.emails, kept.phones, kept.note, kept.groups) == (
        (("work", "ada@x.test"),),
        (("", "123"),),
        "one\ntwo",
        ("Engine",),
    )
    assert asked(ann, "ada")["people"] == [["Ada", "ada@x.test"]]

    changed = ann.client.post(
        f"{BOOK}{id_}/edit/", form | {"name": "Countess", "emails_value": ["c@x.test", ""]}
    )
    assert asked(ann, "countess")["people"] == [["Countess", "c@x.test"]]
    assert asked(ann, "ada")["people"] == []
    past = changed["Location"].rpartition("=")[2]
    assert f'value="{past}"' in ann.page(changed["Location"])
    ann.client.post(f"{BOOK}undo/", {"past": past})
    assert contacts.contact(ann.space, id_).person.name == "Ada"

    deleted = ann.client.post(f"{BOOK}{id_}/delete/")
    assert ann.get(f"{BOOK}{id_}/").status_code == 404
    assert asked(ann, "ada")["people"] == []
    ann.client.post(f"{BOOK}undo/", {"past": deleted["Location"].rpartition("=")[2]})
    assert contacts.contact(ann.space, id_).person.groups == ("Engine",)
    assert asked(ann, "ada")["people"] == [["Ada", "ada@x.test"]]


def test_what_is_wrong_is_said_and_nothing_typed_is_lost(ann: Reader) -> None:
    response = ann.client.post(
        f"{BOOK}new/", {"name": "Ada", "emails_label": [""], "emails_value": ["nowhere"], "note": "Keep me"}
    )
    page = response.content.decode()
    assert "“nowhere” is not an address." in page and "Keep me" in page and 'value="nowhere"' in page
    assert "Give a name" in ann.client.post(f"{BOOK}new/", {"name": " "}).content.decode()
    assert not Contact.objects.filter(mailspace=ann.space).exists()


def test_a_line_of_a_contact_that_makes_no_sense_is_marked_with_what_was_typed(ann: Reader) -> None:
    def marked(**sent: object) -> tuple[str, ...]:
        page = ann.client.post(f"{BOOK}new/", {"name": "Ada", **sent}).content.decode()
        (found,) = re.findall(r'<(?:input|textarea)[^>]*aria-invalid="true"[^>]*>', page)
        name, value = (re.search(f' {each}="([^"]*)"', found) for each in ("name", "value"))
        described = re.search(r'aria-describedby="([^"]*)"', found)
        assert name and value and described and f'<p class="error" id="{described[1]}">' in page
        return name[1], value[1]

    assert marked(emails_label="", emails_value="nowhere") == ("emails_value", "nowhere")
    assert marked(emails_label="ada@x.test", emails_value="") == ("emails_label", "ada@x.test")
    assert marked(phones_label="work", phones_value="") == ("phones_value", "")
    assert not Contact.objects.filter(mailspace=ann.space).exists()
    form = ann.page(f"{BOOK}new/")
    assert form.index('name="emails_value"') < form.index('name="emails_label"')
    assert ">Mail addresses<" in form

    # A value that is taken away takes its label along.
    id_ = keep(ann, "Ada", phones=(("work", "123"),))
    gone = {"name": "Ada", "phones_label": "work", "phones_value": ""}
    assert ann.client.post(f"{BOOK}{id_}/edit/", gone).status_code == 302
    assert contacts.contact(ann.space, id_).person.phones == ()


def test_a_picture_is_drawn_anew_and_what_is_none_is_refused(ann: Reader) -> None:
    id_ = keep(ann, "Ada", "ada@x.test")
    form = {"name": "Ada", "emails_label": [""], "emails_value": ["ada@x.test"]}
    data = picture() + b"secret tail"
    ann.client.post(f"{BOOK}{id_}/edit/", form | {"photo": SimpleUploadedFile("a.png", data)})
    response = ann.get(f"{BOOK}{id_}/photo/")
    assert response["Content-Type"] == "image/jpeg"
    assert Image.open(io.BytesIO(response.content)).size == (192, 192)
    assert b"secret" not in response.content
    ann.client.post(f"{BOOK}{id_}/edit/", form | {"photo": SimpleUploadedFile("a.png", b"<svg onload=x>")})
    assert "no picture" in ann.page(f"{BOOK}{id_}/")
    ann.client.post(f"{BOOK}{id_}/edit/", form | {"no_photo": "1"})
    assert ann.get(f"{BOOK}{id_}/photo/").status_code == 404


def test_a_new_picture_takes_the_place_of_the_one_that_came_with_the_card(ann: Reader) -> None:
    old = base64.b64encode(picture()).decode()
    card = f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada\r\nPHOTO;ENCODING=b;TYPE=PNG:{old}\r\nEND:VCARD\r\n"
    contacts.import_vcards(ann.space, card.encode())
    assert old.encode() in b"".join(contacts.export_vcards(ann.space))
    id_ = contacts.contacts(ann.space)[0][0].id
    assert contacts.set_photo(ann.space, id_, picture("JPEG"))
    written = b"".join(contacts.export_vcards(ann.space))
    assert old.encode() not in written and b"PHOTO" in written


def test_an_import_that_is_repeated_completes_and_undo_puts_back_both(ann: Reader) -> None:
    keep(ann, "Ada", "ada@x.test")
    table = b"Name,E-mail 1 - Value,Phone 1 - Value\r\nAda,ada@x.test,123\r\nBen,ben@x.test,\r\nBen,ben@x.test,\r\n"
    done = contacts.import_csv(ann.space, table)
    assert (done.added, done.changed, done.known) == (1, 1, 0)
    again = contacts.import_csv(ann.space, table)
    assert (again.added, again.changed, again.known, again.undo) == (0, 0, 2, None)
    assert done.undo is not None and contacts.undo(ann.space, done.undo)
    (ada,), _older = contacts.contacts(ann.space)
    assert ada.person.phones == ()
    assert not contacts.undo(ann.space, done.undo)


def test_groups_are_filled_offered_to_writers_and_removed_without_their_people(ann: Reader) -> None:
    ids = [keep(ann, "Ada", "ada@x.test"), keep(ann, "Ben", "ben@x.test"), keep(ann, "No address")]
    made = ann.client.post(f"{BOOK}groups/", {"name": "Engine room"})
    group = int(made["Location"].rpartition("=")[2])
    ann.client.post(f"{BOOK}several/", {"do": "group", "group": group, "ids": ids})
    assert asked(ann, "eng")["people"] == [
        ["Engine room", [["Ada", "ada@x.test"], ["Ben", "ben@x.test"]]],
    ]
    assert asked(ann, "eng&not=ADA@x.test")["people"] == [["Engine room", [["Ben", "ben@x.test"]]]]
    ann.client.post(f"{BOOK}several/", {"do": "ungroup", "group": group, "ids": ids[:1]})
    assert re.findall(r'contact-name"[^>]*>([^<]+)<', ann.page(f"{BOOK}?group={group}")) == [
        "Ben",
        "No address",
    ]
    ann.client.post(f"{BOOK}groups/{group}/", {"name": "Boiler"})
    assert [each.name for each in contacts.groups(ann.space)] == ["Boiler"]
    ann.client.post(f"{BOOK}groups/{group}/", {"do": "remove"})
    assert contacts.groups(ann.space) == () and contacts.count(ann.space) == 3


def test_several_are_deleted_at_once_and_come_back(ann: Reader) -> None:
    ids = [keep(ann, f"Person {n}", f"p{n}@x.test") for n in range(5)]
    gone = ann.client.post(f"{BOOK}several/", {"do": "delete", "ids": ids[:3]})
    assert contacts.count(ann.space) == 2
    ann.client.post(f"{BOOK}undo/", {"past": gone["Location"].rpartition("=")[2]})
    assert contacts.count(ann.space) == 5


def test_duplicates_are_shown_as_one_before_they_become_one_and_again_two(ann: Reader) -> None:
    first = keep(ann, "Ada Lovelace", "ada@x.test", note="engines", groups=("Friends",))
    second = keep(ann, "Ada L", "ada@x.test", "ada@y.test", phones=(("", "123"),), groups=("Work",))
    keep(ann, "Ben Okafor", "ben@x.test")
    page = ann.page(f"{BOOK}duplicates/")
    assert "Ben Okafor" not in page
    address = re.search(r'href="([^"]+merge/[^"]+)"', page)
    assert address
    shown = ann.page(address[1].replace("&amp;", "&"))
    assert "ada@y.test" in shown and "engines" in shown
    assert contacts.count(ann.space) == 3
    done = ann.client.post(f"{BOOK}merge/", {"ids": [first, second]})
    whole = contacts.contact(ann.space, first).person
    assert [value for _l, value in whole.emails] == ["ada@x.test", "ada@y.test"]
    assert (whole.groups, whole.note) == (("Friends", "Work"), "engines")
    assert contacts.count(ann.space) == 2
    assert "Everybody is here once." in ann.page(f"{BOOK}duplicates/")
    ann.client.post(f"{BOOK}undo/", {"past": done["Location"].rpartition("=")[2]})
    assert contacts.contact(ann.space, first).person.emails == (("", "ada@x.test"),)
    assert contacts.contact(ann.space, second).person.groups == ("Work",)


def test_other_contacts_are_kept_with_one_click(ann: Reader) -> None:
    ann.sent(to="Ada Lovelace <ada@x.test>")
    ann.receive(sender="Stranger <once@x.test>")
    page = ann.page(f"{BOOK}other/")
    assert "ada@x.test" in page and "once@x.test" not in page
    ann.client.post(f"{BOOK}keep/", {"name": "Ada Lovelace", "email": "ada@x.test"})
    assert "ada@x.test" not in ann.page(f"{BOOK}other/")
    assert contacts.contact_of(ann.space, "ada@x.test").person.name == "Ada Lovelace"  # type: ignore[union-attr]


# --- in and out ---------------------------------------------------------------------------------------------
def bring(who: Reader, name: str, data: bytes) -> str:
    return who.client.post(f"{BOOK}import/", {"file": SimpleUploadedFile(name, data)}).content.decode()


def test_a_card_comes_and_goes_without_losing_anything_and_never_twice(ann: Reader) -> None:
    card = (
        b"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:urn:uuid:1\r\nFN:Ada Lovelace\r\nEMAIL;TYPE=work:ada@x.test\r\n"
        b"X-OWN;A=b:something\r\nKEY:data:application/pgp-keys;base64,AAAA\r\nEND:VCARD\r\n"
    )
    page = bring(ann, "book.vcf", card)
    assert "1 contact is new." in page
    assert "1 was here already." in bring(ann, "book.vcf", card)
    assert contacts.count(ann.space) == 1
    assert b"".join(ann.get(f"{BOOK}export/")) == card
    (id_,) = Contact.objects.values_list("pk", flat=True)
    person = contacts.contact(ann.space, id_).person
    contacts.change(ann.space, id_, Person(name="Ada King", emails=person.emails))
    written = b"".join(ann.get(f"{BOOK}export/"))
    assert b"FN:Ada King\r\n" in written and b"Lovelace" not in written
    assert b"X-OWN;A=b:something\r\nKEY:data:application/pgp-keys;base64,AAAA" in written
    past = re.search(r'name="past" value="(\d+)"', page)
    assert past
    ann.client.post(f"{BOOK}undo/", {"past": past[1]})
    assert contacts.count(ann.space) == 0


def test_what_is_no_address_book_is_refused_and_what_cannot_be_read_is_named(ann: Reader) -> None:
    assert "neither a vCard file nor a table" in bring(ann, "x.vcf", b"\x89PNG\r\n")
    page = bring(ann, "x.vcf", b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:\r\nNOTE:nobody\r\nEND:VCARD\r\n")
    assert "could not be read" in page
    assert contacts.count(ann.space) == 0


def test_a_shared_mailbox_that_may_only_be_read_shows_but_changes_nothing(ann: Reader, eve: Reader) -> None:
    from hosting.models import Grant

    id_ = keep(ann, "Ada", "ada@x.test")
    Grant.objects.create(account=eve.account, mailspace=ann.space, right="read")
    eve.client.post("/mail/settings/mailbox/", {"mailspace": ann.space})
    session = eve.client.session
    session["mailspace"] = ann.space
    session.save()
    page = eve.page(f"{BOOK}{id_}/")
    assert "Ada" in page and 'data-test="edit"' not in page
    assert eve.client.post(f"{BOOK}{id_}/delete/").status_code == 404
    assert contacts.count(ann.space) == 1


def test_a_mailbox_of_somebody_else_is_not_changed_by_numbers(ann: Reader, eve: Reader) -> None:
    id_ = keep(ann, "Ada Secret", "ada@x.test", groups=("Private",))
    group = contacts.groups(ann.space)[0].id
    own = keep(eve, "Own", "own@x.test")
    past = contacts.delete(ann.space, [keep(ann, "Gone", "gone@x.test")])
    for do in ("delete", "group", "ungroup", "merge"):
        eve.client.post(f"{BOOK}several/", {"do": do, "ids": [id_, own], "group": group})
    eve.client.post(f"{BOOK}merge/", {"ids": [id_, own]})
    eve.client.post(f"{BOOK}undo/", {"past": past})
    assert [each.person.called for each in contacts.contacts(ann.space)[0]] == ["Ada Secret"]
    assert contacts.groups(ann.space)[0].count == 1
    assert b"Secret" not in b"".join(eve.get(f"{BOOK}export/?group={group}"))
    assert eve.get(f"{BOOK}?group={group}").status_code == 404
    assert mailstore.clocks([ann.space])
