"""The people, companies and lists that write in the demonstration corpus. Invented, all of them."""

from __future__ import annotations

from typing import NamedTuple


class Person(NamedTuple):
    name: str
    email: str

    @property
    def first(self) -> str:
        return self.name.split()[0]


ANN = Person("Ann Lindqvist", "ann@example.test")
BEN = Person("Ben Okafor", "ben@example.test")

FRIENDS = (
    Person("Ada Marlowe", "ada@harbour-studio.test"),
    Person("Chiara Bellini", "chiara.bellini@posta.test"),
    Person("Dmitri Volkov", "dmitri@severmail.test"),
    Person("Emiko Tanaka", "emiko@hanamail.test"),
    Person("Farid Haddad", "farid.haddad@outside.test"),
    Person("Grace O'Brien", "grace@obrien-family.test"),
    Person("Henrik Sørensen", "henrik@nordlys.test"),
    Person("Inés Castillo", "ines.castillo@correo.test"),
    Person("Jörg Weißmüller", "joerg@werkstatt-weiss.test"),
    Person("Katarzyna Nowak", "kasia@poczta-nowak.test"),
    Person("Liam Murphy", "liam.murphy@harbour-studio.test"),
    Person("Mei Chen", "mei.chen@yunmail.test"),
)
COLLEAGUES = (
    BEN,
    Person("Nadia Rahman", "nadia@harbour-studio.test"),
    Person("Oscar Lund", "oscar@harbour-studio.test"),
    Person("Priya Natarajan", "priya@riverbank.test"),
    Person("Quentin Dubois", "quentin.dubois@atelier-dubois.test"),
    Person("Rosa Almeida", "rosa@riverbank.test"),
)
COMPANIES = (
    Person("Northwind Rail", "tickets@northwind-rail.test"),
    Person("Fern & Kettle", "orders@fernandkettle.test"),
    Person("City Library", "notices@city-library.test"),
    Person("Bright Energy", "billing@bright-energy.test"),
    Person("Harbour Bank", "no-reply@harbour-bank.test"),
    Person("Parcel Post", "tracking@parcel-post.test"),
)
NEWSLETTERS = (
    Person("The Slow Letter", "hello@slow-letter.test"),
    Person("Garden Weekly", "post@garden-weekly.test"),
    Person("Tiny Tools", "issues@tiny-tools.test"),
)
LIST = Person("Allotment Society", "members@allotments.test")
