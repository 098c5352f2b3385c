"""Letters that each show one thing of the conversation: who vouches for a sender and who only looks like one, lists that
let go with one click, invitations that change and are cancelled. Pure, like the rest of the corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage

from webmail.demo import files
from webmail.demo.letter import Letter
from webmail.demo.people import ANN, COLLEAGUES, FRIENDS, Person

Write = Callable[[Person, list[Person], str, datetime], EmailMessage]
Pack = Callable[[EmailMessage], bytes]


def stories(write: Write, pack: Pack, now: datetime) -> Iterator[Letter]:
    """All of them; `write` begins a message, `pack` gives its bytes."""
    yield from _lookalike(write, pack, now)
    yield from _forged(write, pack, now)
    yield from _breakfast(write, pack, now)


def _lookalike(write: Write, pack: Pack, now: datetime) -> Iterator[Letter]:
    """One letter away from a friend."""
    at = now - timedelta(hours=7, minutes=12)
    message = write(Person("Ada Marlowe", "ada@harbour-studlo.test"), [ANN], "A quick favour", at)
    message.set_content(
        "Ann,\n\nI am in a meeting and cannot talk. Could you buy four gift cards for the printers and send me"
        " the numbers? I pay you back tonight.\n\nAda\n"
    )
    yield Letter(pack(message), at, seen=True, papers=("pass", "pass", "none"))


def _forged(write: Write, pack: Pack, now: datetime) -> Iterator[Letter]:
    """A bank that is none; its real domain disowns it."""
    at = now - timedelta(hours=26)
    message = write(Person("Harbour Bank", "no-reply@harbour-bank.test"), [ANN], "Your account is locked", at)
    message.set_content(
        "Dear customer,\n\nwe noticed a sign-in from far away. Confirm who you are within 24 hours:\n"
        "https://harbour-bank.confirm-login.test/ann\n\nHarbour Bank\n"
    )
    spam = "harbour-bank.test does not vouch for it"
    yield Letter(pack(message), at, box="junk", seen=False, papers=("fail", "none", "fail"), spam=spam)


def _breakfast(write: Write, pack: Pack, now: datetime) -> Iterator[Letter]:
    """An invitation that is moved, and another that is called off."""
    nadia, priya = COLLEAGUES[1], COLLEAGUES[3]
    start = (now + timedelta(days=6)).replace(hour=8, minute=30, second=0, microsecond=0)
    first = ""
    for place, (subject, shift) in enumerate((("Print room breakfast", 0), ("Re: Print room breakfast", 1))):
        at = now - timedelta(days=1, hours=6 - 3 * place)
        message = write(nadia, [ANN, priya], subject, at)
        if place:
            message["In-Reply-To"] = message["References"] = first
        first = first or str(message["Message-ID"])
        message.set_content("Coffee, rolls and the new paper samples.\n\nNadia\n")
        invite = files.invitation(
            "Print room breakfast",
            start + timedelta(days=shift),
            nadia.email,
            ANN.email,
            "Harbour studio, second floor",
            "breakfast-7@harbour-studio.test",
            sequence=place,
            organiser_name=nadia.name,
        )
        message.add_attachment(
            invite, "text", "calendar", filename="invite.ics", params={"method": "REQUEST"}
        )
        yield Letter(pack(message), at, seen=place == 0, papers=("pass", "pass", "pass"))
    at = now - timedelta(days=2)
    message = write(FRIENDS[5], [ANN], "Cancelled: Choir rehearsal", at)
    message.set_content("No rehearsal this week, the hall is being painted.\n\nGrace\n")
    gone = files.invitation(
        "Choir rehearsal",
        start + timedelta(days=2, hours=10),
        FRIENDS[5].email,
        ANN.email,
        "St. Brendan's hall",
        "choir-22@obrien-family.test",
        method="CANCEL",
        sequence=2,
        organiser_name=FRIENDS[5].name,
    )
    message.add_attachment(gone, "text", "calendar", filename="cancelled.ics", params={"method": "CANCEL"})
    yield Letter(pack(message), at, seen=True, papers=("pass", "pass", "pass"))
