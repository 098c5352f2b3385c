"""Address books in files: what programs write is read, what is written is read again, and nothing breaks a parser."""

from __future__ import annotations

import base64
import io
import time

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from webmail.contacts import cards, tables
from webmail.contacts.values import Person, merged, tidy

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=30)
EMAIL = st.from_regex(r"[a-z0-9.]{1,10}@[a-z]{1,8}\.test", fullmatch=True)
LABEL = st.sampled_from(["", "home", "work", "mobile"])
PEOPLE = st.builds(
    Person,
    name=TEXT,
    nickname=TEXT,
    organisation=TEXT,
    title=TEXT,
    birthday=st.sampled_from(["", "1985-04-12"]),
    note=TEXT,
    emails=st.lists(st.tuples(LABEL, EMAIL), max_size=3).map(tuple),
    phones=st.lists(st.tuples(LABEL, st.from_regex(r"\+?[0-9]{3,12}", fullmatch=True)), max_size=3).map(
        tuple
    ),
)


def bare(person: Person) -> dict[str, object]:
    return {
        field: getattr(person, field)
        for field in ("nickname", "title", "birthday", "note", "emails", "phones", "groups", "uid")
    }


@settings(max_examples=120, deadline=None)
@given(PEOPLE)
def test_what_is_written_as_a_card_is_read_again(person: Person) -> None:
    person = tidy(person)
    if person.is_empty:
        return
    (again,), unread = cards.read(cards.write(person).encode())
    assert not unread
    assert bare(again) == bare(person)
    assert again.called == person.called


@settings(max_examples=60, deadline=None)
@given(PEOPLE)
def test_what_is_written_as_a_table_is_read_again(person: Person) -> None:
    person = tidy(person)
    if person.is_empty:
        return
    (again,), _unread = tables.read(tables.head() + tables.write([person]))
    assert (again.emails, again.phones) == (person.emails, person.phones)


@settings(max_examples=100, deadline=None)
@given(PEOPLE, PEOPLE)
def test_changing_what_is_known_leaves_the_rest_of_a_card_as_it_was(first: Person, second: Person) -> None:
    first, second = tidy(first), tidy(second)
    if first.is_empty or second.is_empty:
        return
    own = "X-OWN;TYPE=a:keep\\, me\r\n and this\r\n"
    card = cards.write(first).replace("END:VCARD", own + "END:VCARD")
    from dataclasses import replace

    changed = cards.write(replace(second, card=card))
    assert own in changed
    (again,), _unread = cards.read(changed.encode())
    assert bare(again) == bare(second)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=400), st.sampled_from([b"", b"BEGIN:VCARD\r\n", b"BEGIN:VCARD\nVERSION:3.0\nFN:x\n"])
)
def test_no_bytes_break_a_reader(data: bytes, head: bytes) -> None:
    cards.read(head + data + b"\r\nEND:VCARD\r\n")
    tables.read(data)
    tables.read(b"Name,E-mail 1 - Value\n" + data)


def test_what_iphones_google_and_outlook_write_as_cards_is_read() -> None:
    text = (
        "BEGIN:VCARD\nVERSION:3.0\nPRODID:-//Apple Inc.//iOS//EN\nN:Lovelace;Ada;;Dr.;\nFN:Dr. Ada Lovelace\n"
        "ORG:Analytical\\, Ltd;Engines\nitem1.EMAIL;type=INTERNET;type=pref:ada@x.test\n"
        "item1.X-ABLabel:_$!<Work>!$_\nitem2.TEL:+44 1\nitem2.X-ABLabel:Boot\n"
        "ADR;type=HOME:;;12 St James's Square;London;;SW1;UK\nBDAY;value=date:1815-12-10\nEND:VCARD\n"
        "BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Wei=C3=9F;J=C3=B6rg\n"
        "EMAIL;PREF;HOME:joerg@x.test\nEND:VCARD\n"
        "BEGIN:VCARD\nVERSION:4.0\nFN:Ben\nTEL;TYPE=cell;VALUE=uri:tel:+1-555\nEMAIL:ben@x.test\n"
        "CATEGORIES:Friends,Old\\, dear\nUID:urn:uuid:b\nEND:VCARD\n"
        "BEGIN:VCARD\nVERSION:4.0\nKIND:group\nFN:Crew\nMEMBER:urn:uuid:b\nEND:VCARD\n"
    )
    for data in (text.encode(), text.replace("\n", "\r\n").encode("utf-16"), b"\xef\xbb\xbf" + text.encode()):
        (ada, joerg, ben), unread = cards.read(data)
        assert not unread
        assert (ada.name, ada.organisation) == ("Dr. Ada Lovelace", "Analytical, Ltd, Engines")
        assert (ada.emails, ada.phones) == ((("work", "ada@x.test"),), (("boot", "+44 1"),))
        assert ada.places == (("home", "12 St James's Square\nSW1 London\nUK"),)
        assert ada.birthday == "1815-12-10"
        assert (joerg.name, joerg.emails) == ("Jörg Weiß", (("home", "joerg@x.test"),))
        assert (ben.phones, ben.groups) == ((("cell", "+1-555"),), ("Friends", "Old, dear", "Crew"))


def test_a_cards_picture_is_drawn_anew_and_never_fetched() -> None:
    out = io.BytesIO()
    Image.new("RGB", (400, 300)).save(out, "PNG")
    data = base64.b64encode(out.getvalue()).decode()
    for line in (f"PHOTO;ENCODING=b;TYPE=PNG:{data}", f"PHOTO:data:image/png;base64,{data}"):
        (person,), _unread = cards.read(
            f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:A\r\n{line}\r\nEND:VCARD\r\n".encode()
        )
        assert Image.open(io.BytesIO(person.photo)).size == (192, 192)
    (person,), _unread = cards.read(b"BEGIN:VCARD\nFN:A\nPHOTO;VALUE=uri:http://127.0.0.1/x.png\nEND:VCARD\n")
    assert person.photo == b""


def test_googles_outlooks_and_thunderbirds_columns_are_recognised() -> None:
    google = (
        "First Name,Middle Name,Last Name,Organization Name,Notes,Labels,E-mail 1 - Label,E-mail 1 - Value,"
        "E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value,Address 1 - Formatted,Address 1 - City\r\n"
        'Ada,King,Lovelace,Analytical,"one\ntwo",* myContacts ::: Friends,* Work,ada@x.test ::: ada@y.test,'
        'Home,a@z.test,Mobile,+44 1,"12 Square\nLondon",London\r\n'
    )
    (ada,), unread = tables.read(google.encode())
    assert not unread
    assert (ada.name, ada.organisation, ada.note, ada.groups) == (
        "Ada King Lovelace",
        "Analytical",
        "one\ntwo",
        ("Friends",),
    )
    assert ada.emails == (("work", "ada@x.test"), ("work", "ada@y.test"), ("home", "a@z.test"))
    assert (ada.phones, ada.places) == ((("mobile", "+44 1"),), (("", "12 Square\nLondon"),))

    outlook = (
        "Title;First Name;Last Name;Company;Business Street;Business City;Business Postal Code;Mobile Phone;"
        "Birthday;Categories;E-mail Address;E-mail Type;E-mail 2 Address;Hobby\r\n"
        "Dr.;Jörg;Weiß;Werk GmbH;Am Kai 1;Köln;50667;+49 1;0/0/00;Kunden;joerg@x.test;SMTP;j@y.test;Boats\r\n"
    )
    for data in (outlook.encode("cp1252"), outlook.encode("utf-16"), b"\xef\xbb\xbf" + outlook.encode()):
        (joerg,), _unread = tables.read(data)
        assert (joerg.name, joerg.organisation, joerg.birthday) == ("Jörg Weiß", "Werk GmbH", "")
        assert [value for _l, value in joerg.emails] == ["joerg@x.test", "j@y.test"]
        assert joerg.places == (("work", "Am Kai 1\n50667 Köln"),)
        assert (joerg.groups, joerg.note) == (("Kunden",), "hobby: Boats")

    thunderbird = (
        "First Name,Last Name,Display Name,Nickname,Primary Email,Secondary Email,Screen Name,Work Phone,"
        "Mobile Number,Home Address,Home City,Web Page 1,Birth Year,Birth Month,Birth Day,Notes\r\n"
        "Ben,Okafor,Ben Okafor,Benny,ben@x.test,b@y.test,,1,2,Quay 3,Cork,https://b.test,1990,4,2,hi\r\n"
    )
    (ben,), _unread = tables.read(thunderbird.encode())
    assert (ben.name, ben.nickname, ben.birthday, ben.note) == ("Ben Okafor", "Benny", "1990-04-02", "hi")
    assert (ben.phones, ben.links) == ((("work", "1"), ("mobile", "2")), (("work", "https://b.test"),))


def test_a_table_for_a_spreadsheet_holds_no_formula() -> None:
    written = tables.write([tidy(Person(name="=HYPERLINK(1)", phones=(("", "+44 20"),)))]).decode()
    assert written.startswith("'=HYPERLINK") and ",+44 20," in written


def test_large_and_hostile_files_are_read_in_a_moment() -> None:
    began = time.perf_counter()
    cards.read(b"BEGIN:VCARD\r\n" * 20_000)
    cards.read(b"BEGIN:VCARD\r\nFN:" + b"x" * 3_000_000 + b"\r\nEND:VCARD\r\n")
    cards.read(b"BEGIN:VCARD\r\nFN:x\r\n" + b"EMAIL;TYPE=a:a@b\r\n" * 5_000 + b"END:VCARD\r\n")
    cards.read(
        b"BEGIN:VCARD\r\nFN:x\r\nN:" + b";" * 100_000 + b"\r\nADR:" + b"\\;" * 50_000 + b"\r\nEND:VCARD\r\n"
    )
    tables.read(b"Name" + b",x" * 50_000 + b"\n" + b'"' * 100_000)
    assert time.perf_counter() - began < 20


def test_merging_keeps_the_first_name_and_every_value_once() -> None:
    whole = merged(
        [
            Person(name="Ada", emails=(("", "ada@x.test"),), note="a"),
            Person(name="Ada L", title="Countess", emails=(("", "ADA@x.test"), ("", "b@x.test")), note="b"),
        ]
    )
    assert (whole.name, whole.title, whole.note) == ("Ada", "Countess", "a\nb")
    assert whole.emails == (("", "ada@x.test"), ("", "b@x.test"))
