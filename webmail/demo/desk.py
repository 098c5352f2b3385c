"""What Ann has set up for herself: an address book with faces and groups, filters, signature, template, an automatic
reply that rests, and her own face. Pictures are drawn here, of nobody."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

from PIL import Image, ImageDraw

from hosting.models import Account
from mta.filters import service as filters
from mta.filters.service import Actions, AutoReply
from mta.mailstore import service as mailstore
from mta.values import LABEL, Cause
from webmail import own_looks, own_pictures
from webmail.contacts import service as contacts
from webmail.contacts.service import Person
from webmail.demo.people import COLLEAGUES, FRIENDS
from webmail.models import Preferences
from webmail.search_box import Names, parse

_SIDE = 256
_SKINS = ("#8d5a3c", "#e8b98f", "#c68a5f", "#f1cfae", "#6f4428", "#d9a47a")
_GROUNDS = ("#dfe9df", "#f3e3cf", "#dbe5ee", "#eddfe6", "#e6e6d4", "#d9e8e6")
_CLOTHES = ("#1c6650", "#a96b0b", "#2a5a86", "#8a3b5c", "#4f5952", "#6a4fa0")
_HAIR = ("#2b1d16", "#6d4a2f", "#b98a52", "#4a4a4a", "#1f2024", "#93532c")
CIRCLES = {"Boat club": (0, 4, 6, 10), "Studio": (0, 10)}
ANNS_FILTERS = (  # name, query, label, whether it passes the Inbox
    ("Receipts", 'subject:(receipt OR "your order")', "Receipts", True),
    ("Garden", "list:members.allotments.test", "Garden", False),
)
LOGO = (220, 56)


def portrait(number: int) -> bytes:
    """Head and shoulders of a person who is not there."""
    size = _SIDE * 4  # drawn large: the way down makes round what was jagged
    picture = Image.new("RGB", (size, size), _GROUNDS[number % len(_GROUNDS)])
    pen = ImageDraw.Draw(picture)

    def disc(x: float, y: float, wide: float, high: float, colour: str) -> None:
        pen.ellipse([(x - wide) * size, (y - high) * size, (x + wide) * size, (y + high) * size], fill=colour)

    hair = _HAIR[number % len(_HAIR)]
    disc(0.5, 1.02, 0.38, 0.3, _CLOTHES[(number * 5 + 1) % len(_CLOTHES)])
    disc(0.5, 0.42, 0.235, 0.27 if number % 2 else 0.245, hair)
    if number % 3 == 0:
        disc(0.5, 0.56, 0.25, 0.22, hair)
    disc(0.5, 0.73, 0.09, 0.12, _SKINS[number % len(_SKINS)])
    disc(0.5, 0.47, 0.175, 0.215, _SKINS[number % len(_SKINS)])
    return _png(picture.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS))


def mark() -> bytes:
    """The mark below Ann's letters: a hull, a mast, two sails."""
    wide, high = (each * 4 for each in LOGO)
    picture = Image.new("RGB", (wide, high), "white")
    pen = ImageDraw.Draw(picture)
    pen.polygon([(24, 150), (200, 150), (168, 200), (56, 200)], fill="#1c6650")
    pen.polygon([(104, 20), (104, 138), (34, 138)], fill="#a96b0b")
    pen.polygon([(120, 40), (120, 138), (182, 138)], fill="#d9a47a")
    for line, length in ((70, 600), (118, 460), (166, 320)):
        pen.rounded_rectangle([250, line, 250 + length, line + 16], 8, fill="#4f5952")
    return _png(picture.resize(LOGO, Image.Resampling.LANCZOS))


def _png(picture: Image.Image) -> bytes:
    written = BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


def set_up(ann: Account, mailspace: int, preferences: Preferences) -> None:
    own_pictures.set_face(preferences, portrait(3))
    _people(mailspace)
    _filters(mailspace, ann.username)
    _signature(ann)
    own_looks.save_template(
        ann,
        None,
        name="Thanks, and a date",
        subject="Thank you, {first name}",
        html="<p>Dear {first name},</p><p>thank you for writing. Would {weekday} suit you?</p><p>{my first name}</p>",
    )
    filters.set_auto_reply(
        mailspace,
        AutoReply(
            enabled=False,
            subject="On the water until Monday",
            text="I am sailing and read mail again on Monday. Ben Okafor knows everything about the catalogue.",
            only_known=True,
        ),
    )


def _people(mailspace: int) -> None:
    """Friends and colleagues; every other one has a face."""
    for number, each in enumerate((*FRIENDS, *COLLEAGUES)):
        groups = [name for name, members in CIRCLES.items() if number in members]
        if each in COLLEAGUES:
            groups.append("Studio")
        person = Person(
            name=each.name,
            emails=(("work" if each in COLLEAGUES else "home", each.email),),
            groups=tuple(dict.fromkeys(groups)),
        )
        if number == 0:
            person = replace(
                person,
                organisation="Harbour Studio",
                title="Boat builder",
                birthday="1986-06-14",
                phones=(("mobile", "+44 20 7946 0018"),),
                places=(("home", "3 Ropewalk\nHarbour End"),),
                note="Has the key to the boat house.",
            )
        kept = contacts.add(mailspace, person)
        if number % 2 == 0:
            contacts.set_photo(mailspace, kept.id, portrait(number))


def _filters(mailspace: int, owner: str) -> None:
    boxes = mailstore.mailboxes(mailspace)
    labels = {box.name: box.id for box in boxes if box.role == LABEL}
    for name, query, label, passes in ANNS_FILTERS:
        filters.add_rule(
            mailspace,
            name=name,
            query=query,
            criteria=parse(query, Names(own=(owner,))).criteria,
            actions=Actions(labels=(labels[label],), skip_inbox=passes),
            cause=Cause("web", "demonstration", owner),
        )


def _signature(ann: Account) -> None:
    drawn = own_pictures.keep(ann.pk, mark())
    html = (
        "<p><strong>Ann Lindqvist</strong></p><p>Harbour Studio, wooden boats and printed matter</p>"
        f'<p><img src="{own_pictures.address(drawn.pk)}" alt="A small boat"></p>'
    )
    kept = own_looks.save_signature(ann, None, name="Harbour Studio", html=html)
    own_looks.choose_first(ann, kept, [ann.username])
