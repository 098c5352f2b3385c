"""Invitations: what an iCalendar part asks for, what a card shows of it, and the answer by mail.

RFC 5545 is read with the icalendar library, within bounds; every field of it is text to us, never markup and never a
link. RFC 5546 decides what may be answered: a REQUEST, by one of its attendees, to its organiser and to nobody else.
Who has answered what is not stored twice: the answers stand in the reader's own sent mail, and an update or a
cancellation that came later in the same conversation counts. Pure but for `answer`. Called by webmail/letters.py and
webmail/views/invitation.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from icalendar import Calendar, Event, vCalAddress, vText

from hosting.access import Sender
from mta.flow import submit
from mta.mailstore.service import ConversationMessage
from mta.message import build
from mta.message.address import Address, BadAddress, canonical_domain, parse_addresses, split
from mta.message.build import Outgoing
from mta.message.headers import one_line
from mta.message.tree import decoded, parse_tree, walk
from mta.values import Cause
from webmail.calendar_zones import zones_of_one_calendar

MAX_PART = 256 * 1024
MAX_LINES = 4000
MOST_PARTS = 3  # calendars of one message that are tried
MAX_TEXT = 500
MAX_NOTE = 2000
MOST_GUESTS = 100
YES, MAYBE, NO = "ACCEPTED", "TENTATIVE", "DECLINED"
ANSWERS = {"yes": YES, "maybe": MAYBE, "no": NO}
LONGEST = timedelta(days=366)
YEARS = range(1900, 2200)  # beside the first and the last year there is no room for another zone


class CannotAnswer(Exception):
    """The invitation takes no answer, or not from this reader; the text says why."""


@dataclass(frozen=True, slots=True)
class Guest:
    name: str
    email: str
    state: str  # PARTSTAT


@dataclass(frozen=True, slots=True)
class Invitation:
    """One event of one message. Times are aware, or dates for whole days; `end` is exclusive, as in iCalendar."""

    method: str  # REQUEST, CANCEL, REPLY, PUBLISH …
    uid: str
    sequence: int
    summary: str
    starts: datetime | date
    ends: datetime | date | None
    floating: bool  # a time of no zone: the same on every clock
    place: str
    note: str
    organiser: Guest
    guests: tuple[Guest, ...]
    repeats: str
    recurrence_id: datetime | date | None = None  # of a series: which day is meant

    @property
    def whole_day(self) -> bool:
        return not isinstance(self.starts, datetime)


@dataclass(frozen=True, slots=True)
class Card:
    """An invitation as the reader sees it. `said` is the reader's answer so far; `state` is "open", "answered",
    "cancelled", "replaced" or "told" (nothing to answer); `words` is the one sentence about it."""

    invitation: Invitation
    month: str
    day: str
    weekday: str
    when: str
    zone: str
    state: str
    words: str
    said: str = ""
    by: tuple[str, ...] = ()

    @property
    def may_answer(self) -> bool:
        return self.state in ("open", "answered")


# --- reading ------------------------------------------------------------------------------------------------
def has_invitation(message: ConversationMessage) -> bool:
    """Whether it is worth reading the bytes for one: cheap, from what is stored."""
    return is_answer(message) or any(
        file.type in ("text/calendar", "application/ics") or file.name.lower().endswith(".ics")
        for file in message.attachments
    )


def is_answer(message: ConversationMessage) -> bool:
    """Whether it is an answer that was sent from here."""
    return isinstance(message.reasons, dict) and message.reasons.get("calendar") == "REPLY"


def find(raw: bytes) -> Invitation | None:
    """The first event of the first calendar part; None when there is none that can be read."""
    if b"calendar" not in raw.lower() and b".ics" not in raw.lower():
        return None
    tried = 0
    for part in walk(parse_tree(raw)):
        named = part.filename.lower().endswith(".ics") if part.filename else False
        if part.content_type not in ("text/calendar", "application/ics") and not named:
            continue
        tried += 1
        if tried > MOST_PARTS:
            return None
        found = read(decoded(raw, part), method=part.params.get("method", ""))
        if found is not None:
            return found
    return None


def read(data: bytes, *, method: str = "") -> Invitation | None:
    """One calendar's bytes. Never raises: what the library does not take is no invitation."""
    if len(data) > MAX_PART or data.count(b"\n") > MAX_LINES:
        return None
    with zones_of_one_calendar():
        return _read(data, method)


def _read(data: bytes, method: str) -> Invitation | None:
    try:
        calendar = Calendar.from_ical(data)
        events = [each for each in calendar.subcomponents if each.name == "VEVENT"]
        if not isinstance(calendar, Calendar) or not events:
            return None
        # Of a series with exceptions the master says what it is; an update of one day has only that day.
        event = next((each for each in events if "RECURRENCE-ID" not in each), events[0])
        return _invitation(event, str(calendar.get("METHOD", "") or method or "PUBLISH").upper()[:20])
    except Exception:  # a parser of strangers' text; whatever it stumbles over stays an attachment
        return None


def _invitation(event: Any, method: str) -> Invitation | None:
    starts, floating = _moment(event.get("DTSTART"))
    if starts is None:
        return None
    return Invitation(
        method=method,
        uid=str(event.get("UID", ""))[:MAX_TEXT],
        sequence=_whole(event.get("SEQUENCE")),
        summary=_line(event.get("SUMMARY")),
        starts=starts,
        ends=_end(event, starts),
        floating=floating,
        place=_line(event.get("LOCATION")),
        note=str(event.get("DESCRIPTION", "") or "").strip()[:MAX_NOTE],
        organiser=_guest(event.get("ORGANIZER")),
        guests=tuple(_guest(each) for each in _several(event.get("ATTENDEE"))[:MOST_GUESTS]),
        repeats=_repeats(event.get("RRULE")),
        recurrence_id=_moment(event.get("RECURRENCE-ID"))[0],
    )


def _line(value: Any) -> str:
    return one_line(str(value or ""))[:MAX_TEXT]


def _whole(value: Any) -> int:
    try:
        return min(max(int(value or 0), 0), 2**31 - 1)
    except (TypeError, ValueError):
        return 0


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _moment(value: Any) -> tuple[datetime | date | None, bool]:
    """(when, whether it has no zone of its own). A time without a zone is taken in the reader's."""
    found = getattr(value, "dt", None)
    if not isinstance(found, date) or found.year not in YEARS:
        return None, False
    if isinstance(found, datetime):
        if found.tzinfo is None:
            return found.replace(tzinfo=_zone()), True
        return found if isinstance(found.tzinfo, ZoneInfo) else found.astimezone(UTC), False
    return found, False


def _zone() -> ZoneInfo:
    zone = timezone.get_current_timezone()
    return zone if isinstance(zone, ZoneInfo) else ZoneInfo("UTC")


def _end(event: Any, starts: datetime | date) -> datetime | date | None:
    ends, _floating = _moment(event.get("DTEND"))
    if ends is None:
        lasts = getattr(event.get("DURATION"), "dt", None)
        if isinstance(lasts, timedelta) and timedelta(0) < lasts <= LONGEST:
            ends = starts + lasts
    if ends is None or isinstance(ends, datetime) != isinstance(starts, datetime):
        return None
    return ends if ends > starts else None


def _guest(value: Any) -> Guest:
    """Only a mailto names somebody; the name is text that the writer chose."""
    if value is None:
        return Guest("", "", "")
    params = getattr(value, "params", {})
    text = str(value)
    email = text[7:].partition("?")[0].strip() if text.lower().startswith("mailto:") else ""
    return Guest(
        one_line(str(params.get("CN", "")))[:100],
        one_line(email)[:320],
        str(params.get("PARTSTAT", "")).upper()[:20],
    )


def _repeats(rule: Any) -> str:
    if rule is None:
        return ""
    every = str(next(iter(rule.get("FREQ", [""])), "")).upper()
    step = _whole(next(iter(rule.get("INTERVAL", [1])), 1))
    if step > 1:
        return _("repeats")
    return {
        "DAILY": _("every day"),
        "WEEKLY": _("every week"),
        "MONTHLY": _("every month"),
        "YEARLY": _("every year"),
    }.get(every, _("repeats"))


# --- the card -----------------------------------------------------------------------------------------------
def cards(found: Mapping[int, Invitation], own: frozenset[str], order: Sequence[int]) -> dict[int, Card]:
    """The cards of a conversation: `found` by message id, `order` oldest first. Answers of the reader's own among
    them show in the card they answer; an older form of an event says that it is no longer the one that counts."""
    made: dict[int, Card] = {}
    for place, message in enumerate(order):
        if message not in found:
            continue
        here = found[message]
        later = [found[each] for each in order[place + 1 :] if each in found and _same(found[each], here)]
        made[message] = card(here, own, later)
    return made


def _same(one: Invitation, other: Invitation) -> bool:
    return bool(one.uid) and (one.uid, one.recurrence_id) == (other.uid, other.recurrence_id)


def card(here: Invitation, own: frozenset[str], later: Iterable[Invitation] = ()) -> Card:
    """One invitation with what came of it later."""
    starts = here.starts
    local = timezone.localtime(starts) if isinstance(starts, datetime) else datetime.combine(starts, time())
    made = Card(
        here,
        month=date_format(local, "M"),
        day=date_format(local, "j"),
        weekday=date_format(local, "D"),
        when=when(here),
        zone="" if here.whole_day or here.floating else timezone.get_current_timezone_name(),
        state="told",
        words="",
    )
    later = tuple(later)
    cancelled = next(
        (each for each in later if each.method == "CANCEL" and each.sequence >= here.sequence), None
    )
    newer = next((each for each in later if each.method == "REQUEST" and each.sequence > here.sequence), None)
    if here.method == "CANCEL" or cancelled is not None:
        return replace(made, state="cancelled", words=_("This event has been cancelled."))
    if newer is not None:
        return replace(made, state="replaced", words=_("A later message changes this event."))
    if here.method == "REPLY":
        return replace(made, words=_reply_words(here))
    if here.method != "REQUEST":
        return made
    me = invited(here, own)
    if here.organiser.email.lower() in own:
        return replace(made, words=_("You invited to this event."))
    if not here.organiser.email or me is None:
        return replace(
            made, words=_("You are not on the list of those invited, so there is nothing to answer.")
        )
    said = next((_answer_in(each, own) for each in reversed(later) if _answer_in(each, own)), "") or (
        me.state if me.state in ANSWERS.values() else ""
    )
    if said:
        return replace(made, state="answered", said=said, words=answer_words(said))
    return replace(made, state="open", words=_("Will you be there?"))


def invited(here: Invitation, own: frozenset[str]) -> Guest | None:
    return next((guest for guest in here.guests if guest.email.lower() in own), None)


def _answer_in(reply: Invitation, own: frozenset[str]) -> str:
    """The reader's own answer, when this is one."""
    if reply.method != "REPLY":
        return ""
    guest = invited(reply, own)
    return guest.state if guest is not None and guest.state in ANSWERS.values() else ""


def answer_words(said: str) -> str:
    return {
        YES: _("You said yes."),
        MAYBE: _("You said maybe."),
        NO: _("You said no."),
    }[said]


def _reply_words(here: Invitation) -> str:
    guest = next(iter(here.guests), Guest("", "", ""))
    words = {
        YES: _("%(name)s will be there."),
        MAYBE: _("%(name)s may be there."),
        NO: _("%(name)s will not be there."),
    }.get(guest.state, _("%(name)s has answered."))
    return words % {"name": guest.name or guest.email}


def when(here: Invitation) -> str:
    """`Friday, 27 November 2026, 15:00–16:00` on the reader's clock."""
    long_day = pgettext("date format of an event", "l, j F Y")
    starts, ends = here.starts, here.ends
    if not isinstance(starts, datetime):
        last = (
            ends - timedelta(days=1) if ends is not None else starts
        )  # DTEND is the day after (RFC 5545 §3.6.1)
        first = date_format(starts, long_day)
        shown = first if last <= starts else f"{first} – {date_format(last, long_day)}"
    else:
        begin = timezone.localtime(starts)
        shown = date_format(begin, f"{long_day}, H:i")
        if isinstance(ends, datetime):
            end = timezone.localtime(ends)
            same_day = end.date() == begin.date()
            shown += (
                f"–{date_format(end, 'H:i')}" if same_day else f" – {date_format(end, f'{long_day}, H:i')}"
            )
    return f"{shown} ({here.repeats})" if here.repeats else shown


# --- answering ----------------------------------------------------------------------------------------------
def answer(
    mailspace: int,
    account: int,
    message: ConversationMessage,
    here: Invitation,
    said: str,
    *,
    senders: Sequence[Sender],
    cause: Cause,
) -> str:
    """Send the answer to the organiser (RFC 5546 §3.2.3) and give the sentence about it. Raises CannotAnswer, or what
    `submit.submit_letter` raises."""
    state = ANSWERS.get(said)
    own = {sender.address.lower(): sender for sender in senders if sender.mailspace == mailspace}
    guest = invited(here, frozenset(own))
    organiser = _address(here.organiser)
    if state is None or here.method != "REQUEST" or guest is None or organiser is None:
        raise CannotAnswer(_("This invitation takes no answer from you."))
    sender = own[guest.email.lower()]
    words = {
        YES: _("Accepted: %s"),
        MAYBE: _("Perhaps: %s"),
        NO: _("Declined: %s"),
    }[state]
    subject = words % (here.summary or message.subject)
    submit.submit_letter(
        mailspace,
        account,
        Outgoing(
            from_=Address(sender.name, *split(sender.address)),
            to=(organiser,),
            subject=subject,
            text=f"{subject}\n{when(here)}\n",
            message_id=build.new_message_id(split(sender.address)[1]),
            date=datetime.now(UTC),
            in_reply_to=message.message_id,
            references=tuple(dict.fromkeys((*message.references, message.message_id)))[-50:]
            if message.message_id
            else (),
            calendar=("REPLY", reply(here, guest, sender, state)),
        ),
        cause=cause,
        thread=message.thread,  # the card finds its answer there
        reasons={"calendar": "REPLY"},
    )
    return answer_words(state)


def reply(here: Invitation, guest: Guest, sender: Sender, state: str) -> str:
    """The iCalendar text of the answer: UID, SEQUENCE and the one attendee who answers (RFC 5546 §3.2.3)."""
    calendar = Calendar()
    calendar.add("PRODID", "-//Mailstead//Mailstead//EN")
    calendar.add("VERSION", "2.0")
    calendar.add("METHOD", "REPLY")
    event = Event()
    event.add("UID", here.uid)
    event.add("SEQUENCE", here.sequence)
    event.add("DTSTAMP", datetime.now(UTC))
    event.add("DTSTART", here.starts)
    if here.ends is not None:
        event.add("DTEND", here.ends)
    if here.recurrence_id is not None:
        event.add("RECURRENCE-ID", here.recurrence_id)
    event.add("SUMMARY", here.summary)
    event.add("ORGANIZER", vCalAddress(f"mailto:{here.organiser.email}"))
    attendee = vCalAddress(f"mailto:{guest.email}")
    attendee.params["PARTSTAT"] = vText(state)
    if sender.name:
        attendee.params["CN"] = vText(sender.name)
    event.add("ATTENDEE", attendee)
    calendar.add_component(event)
    return str(calendar.to_ical().decode("utf-8"))


def _address(organiser: Guest) -> Address | None:
    try:
        found = parse_addresses(organiser.email, 2)
        if len(found) != 1 or not found[0].local:
            return None
        return Address(organiser.name, found[0].local, canonical_domain(found[0].domain))
    except BadAddress:
        return None
