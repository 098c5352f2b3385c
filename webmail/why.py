"""Why is this here: a message's way into its place, in three sentences and with what a reader can put right.

Pure: `Story` in, `Why` out. How it came (who handed it over, how, and who vouches for it), why it lies where it lies
(delivery, a person, a mail program, a rule, a mute), and what can be done about it, with a button for each. Says only
what is known, and says so when nothing is. Built from the store by webmail/views/why.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from mta.mailstore.service import Placed
from mta.trust.verdict import Evidence
from mta.values import ARCHIVE, DRAFTS, INBOX, JUNK, SCHEDULED, SENT, SNOOZED, TRASH
from webmail.evidence import METHODS, Known

KEEP_TRASH_DAYS = 30
SKIPPED = "skip inbox"  # the journal's verb for an answer in a muted conversation


@dataclass(frozen=True, slots=True)
class Place:
    """A place by the name a reader knows it by; `role` as in mta.values, "" for a label."""

    title: str
    role: str


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known. `here` is the placing that is asked about, `first` how the message came into the mailbox,
    `places` the places by mailbox id; `me` the reader's sign-in name; `session` from where an own message was sent."""

    known: Known
    here: Placed
    first: Placed
    places: Mapping[int, Place]
    me: str
    sender: str  # a name, or else the address
    address: str
    reason: str = ""  # the sentence of delivery, for Spam
    own: bool = False
    draft: bool = False
    muted: bool = False
    automatic: bool = False
    session: str = ""
    also: tuple[str, ...] = ()  # titles of other places
    filters: tuple[str, ...] = ()  # names of the filters that did something to it as it arrived
    arrived: int = 0
    mask: str = ""  # the masked address that it came through, with what it is for
    mask_for: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence; `details` are its grounds, for those who want codes. `state` is its node on the thread line."""

    title: str
    text: str
    state: str = "read"
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Correction:
    """A button: a verb of webmail/views/actions.py, with the fields it needs; `whole` for the whole conversation."""

    text: str
    verb: str
    fields: tuple[tuple[str, str], ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Why:
    came: Said
    placed: Said
    can: Said
    corrections: tuple[Correction, ...] = ()
    filter: str = ""  # the name of the filter that was applied to it later
    blocked: bool = False  # it is in Spam because its sender is blocked

    @property
    def sentences(self) -> tuple[Said, Said, Said]:
        return self.came, self.placed, self.can


def explain(story: Story) -> Why:
    """The three sentences."""
    said, corrections = _can(story)
    applied = story.here.session if story.here.cause == "filter" else ""
    came = _came(story)
    if story.mask:
        came = replace(came, text=f"{came.text} {_through(story)}")
    return Why(came, _placed(story), said, corrections, applied, _is_blocked(story))


def _through(story: Story) -> str:
    names = {"mask": story.mask, "note": story.mask_for}
    if story.mask_for:
        return _("It came through your masked address %(mask)s, for %(note)s.") % names
    return _("It came through your masked address %(mask)s.") % names


# --- how it came --------------------------------------------------------------------------------------------
def _came(story: Story) -> Said:
    title = pgettext("first step of Why is this here", "How it came")
    if story.draft:
        return Said(title, _("You are writing it; it has not been sent."), "draft")
    if story.own:
        return Said(title, _sent(story), "delivered")
    known, at = story.known, _when(story.arrived)
    if known.came == "outside":
        carried = (
            _("over an encrypted connection") if known.tls else _("over a connection that was not encrypted")
        )
        text, state = _vouched(
            story,
            _("%(host)s handed it to us %(at)s, %(carried)s")
            % {"host": known.host, "at": at, "carried": carried},
        )
        return Said(title, text, state, _grounds(known))
    if known.came == "signed-in":
        said = _(
            "%(who)s sent it from a mail program %(at)s, signed in on this host, so the sender is certain."
        )
        return Said(title, said % {"who": story.address, "at": at}, "delivered", _grounds(known))
    if known.came == "here" and (story.automatic or not story.known.mailed_by):
        return Said(title, _("This host wrote it itself %(at)s.") % {"at": at}, "delivered")
    if known.came == "here":
        said = _("%(who)s sent it on this host %(at)s; it never left the house, so the sender is certain.")
        return Said(title, said % {"who": story.address, "at": at}, "delivered")
    return Said(title, _brought(story), "read", _noted(known))


def _sent(story: Story) -> str:
    at = _when(story.arrived)
    if story.session:
        return _("You sent it from web mail %(at)s, in %(session)s.") % {"at": at, "session": story.session}
    first = story.first
    if first.verb == "append":
        return _("You sent it; %(program)s put this copy here %(at)s.") % {
            "program": first.session or _("a mail program"),
            "at": _when(first.at),
        }
    if first.verb == "import":
        return _("You sent it %(at)s; this copy came with your %(import)s.") % {
            "at": at,
            "import": first.session or _("import"),
        }
    return _("You sent it %(at)s.") % {"at": at}


def _brought(story: Story) -> str:
    first, at = story.first, _when(story.first.at)
    if first.verb == "import":
        return _("It came with your %(import)s %(at)s, from the mailbox you had before.") % {
            "import": first.session or _("import"),
            "at": at,
        }
    if first.verb in ("append", "copy"):
        return _("%(program)s put it into this mailbox %(at)s.") % {
            "program": first.session or _("A mail program"),
            "at": at,
        }
    return _("It has been here since %(at)s; how it came is no longer on record.") % {"at": _moment(first.at)}


def _vouched(story: Story, said: str) -> tuple[str, str]:
    """The sentence with who vouches for the sender; red only when the sender's own domain disowns it."""
    domain = story.address.rpartition("@")[2]
    dmarc = story.known.result("dmarc")
    names = {"said": said, "domain": domain}
    if dmarc == "pass":
        return _("%(said)s, and %(domain)s vouches for it.") % names, "delivered"
    if dmarc == "fail":
        return _("%(said)s, but %(domain)s does not vouch for it.") % names, "failed"
    if story.known.result("spf") == "pass" or story.known.result("dkim") == "pass":
        return _("%(said)s, and part of its papers are in order.") % names, "delivered"
    if "temperror" in (dmarc, story.known.result("spf"), story.known.result("dkim")):
        return _("%(said)s; whether it is from %(domain)s could not be checked just then.") % names, "read"
    if story.known.checked:
        return _("%(said)s, and nothing proves that it is from %(domain)s.") % names, "retry"
    return _("%(said)s; whether it is from %(domain)s was not checked.") % names, "read"


def _grounds(known: Known) -> tuple[str, ...]:
    lines = [" · ".join(each for each in (f"{known.host} [{known.ip}]", known.tls) if each)]
    findings = [known.found(method) for method in METHODS]
    return (*lines, *(_ground(each) for each in findings if each))


def _ground(found: Evidence) -> str:
    """The code, and what it means in a sentence where delivery wrote one."""
    code = (found.method.upper(), found.result, found.domain and f"({found.domain})")
    return ": ".join(part for part in (" ".join(each for each in code if each), found.reason) if part)


def _noted(known: Known) -> tuple[str, ...]:
    if not known.noted:
        return ()
    words = ", ".join(f"{each.method.upper()} {each.result}" for each in known.noted)
    return (_("%(host)s noted: %(words)s") % {"host": known.noted_by, "words": words},)


# --- why it lies where it lies ------------------------------------------------------------------------------
def _placed(story: Story) -> Said:
    place = _place(story, story.here.mailbox)
    title = _("Why it is in %(place)s") % {"place": place.title}
    text, state = _why(story, place)
    if story.also:
        text += " " + _("It is also in %(places)s.") % {"places": ", ".join(story.also)}
    return Said(title, text, state, _weighed(story.known) if place.role in (JUNK, INBOX) else ())


def _weighed(known: Known) -> tuple[str, ...]:
    """What counted for and against it as it arrived, the heaviest first; nothing where all of it is light."""
    counted = sorted(
        (each for each in known.checked if each.score and each.reason), key=lambda each: -abs(each.score)
    )
    if not counted:
        return ()
    total = sum(each.score for each in known.checked)
    lines = [f"{each.score:+.1f}  {each.reason}" for each in counted]
    return (*lines, _("%(total)s points of spam together") % {"total": f"{total:.1f}"})


def _why(story: Story, place: Place) -> tuple[str, str]:
    here = story.here
    if place.role == SNOOZED and here.wake_at:
        return _("You put it aside until %(at)s.") % {"at": _moment(here.wake_at)}, "queued"
    if _is_blocked(story):
        return _("It was delivered to Spam: %(reason)s.") % {"reason": story.reason.rstrip(".")}, "retry"
    if story.filters and (here.verb == "" or here.cause == "filter"):
        return _filtered(story, place), "read"
    if here.verb in ("", "import", "append", SKIPPED):
        return _as_it_came(story, place)
    return _moved(story, place), "read"


def _as_it_came(story: Story, place: Place) -> tuple[str, str]:
    if place.role == DRAFTS:
        return _("Drafts keeps what you write until you send it."), "draft"
    if place.role == SENT:
        return _("Sent keeps a copy of what you send."), "delivered"
    if story.here.verb == "import":
        return _("It lay in a folder of that name before the import."), "read"
    if story.here.verb == "append":
        return _("The mail program chose the place."), "read"
    if place.role == JUNK:
        if story.reason:
            return _("It was delivered to Spam: %(reason)s.") % {"reason": story.reason.rstrip(".")}, "retry"
        return _("It was delivered to Spam; the reason is no longer on record."), "retry"
    if story.muted or story.here.verb == SKIPPED:
        if place.role == INBOX:
            return _("You muted this conversation, but this message is addressed to you."), "read"
        return _("It went past the Inbox because you muted this conversation."), "read"
    if place.role == INBOX and story.known.delivered_to:
        said = _("It was sent to %(address)s, and nothing spoke against it.")
        return said % {"address": story.known.delivered_to}, "read"
    if place.role == INBOX:
        return _("It was delivered here, and nothing spoke against it."), "read"
    if story.reason:
        return _("It was delivered here: %(reason)s.") % {"reason": story.reason.rstrip(".")}, "read"
    return _("It was delivered here."), "read"


def _is_blocked(story: Story) -> bool:
    """Whether delivery put it into Spam for its sender's sake."""
    return story.here.cause == "filter" and story.here.verb == "junk" and bool(story.reason)


def _filtered(story: Story, place: Place) -> str:
    names = ", ".join(f"“{each}”" for each in story.filters)
    if place.role == INBOX:
        said = ngettext(
            "It was delivered here; your filter %(names)s was applied to it.",
            "It was delivered here; your filters %(names)s were applied to it.",
            len(story.filters),
        )
    else:
        said = ngettext(
            "Your filter %(names)s put it here as it arrived.",
            "Your filters %(names)s put it here as it arrived.",
            len(story.filters),
        )
    return said % {"names": names}


def _moved(story: Story, place: Place) -> str:
    here = story.here
    who, at = _who(story), _when(here.at)
    names = {"who": who, "at": at, "place": place.title}
    if here.cause == "filter":
        return _("Your filter %(who)s put it here %(at)s.") % names
    sources = [_place(story, mailbox).title for mailbox in here.left if mailbox in story.places]
    names["source"] = ", ".join(sources)
    if here.verb == "archive":
        return _("%(who)s archived it %(at)s.") % names
    if here.verb == "delete":
        return _("%(who)s deleted it %(at)s.") % names
    if here.verb == "junk":
        return _("%(who)s reported it as spam %(at)s.") % names
    if here.verb == "not junk":
        return _("%(who)s said %(at)s that it is not spam.") % names
    if here.verb == "release":
        return _("%(who)s released it from the quarantine %(at)s.") % names
    if here.verb == "label":
        return _("%(who)s labelled it %(at)s.") % names
    if here.verb == "copy":
        return _("%(who)s copied it here %(at)s.") % names
    if here.verb in ("unsnooze", "wake"):
        return _("It came back from Snoozed %(at)s.") % names
    if here.verb.startswith(("undo", "redo")):
        return _("%(who)s undid a change %(at)s, which brought it back.") % names
    if here.verb == "rewind":
        return _("%(who)s put the mailbox back to an earlier state %(at)s.") % names
    if here.verb == "delete mailbox":
        return _("%(who)s removed the folder it was in %(at)s.") % names
    if sources:
        return _("%(who)s moved it here from %(source)s %(at)s.") % names
    return _("%(who)s moved it here %(at)s.") % names


def _who(story: Story) -> str:
    """You, a program of yours, somebody else with access, or the host itself."""
    here = story.here
    if here.cause == "filter":
        return f"“{here.session}”" if here.session else ""
    if here.cause == "task":
        return "Mailstead"
    if here.cause in ("imap", "pop3"):
        return here.session or _("A mail program")
    if here.actor and here.actor != story.me:
        return here.actor
    return pgettext("the reader as the one who did it", "You")


# --- what can be done ---------------------------------------------------------------------------------------
def _can(story: Story) -> tuple[Said, tuple[Correction, ...]]:
    text, corrections = _choices(story, _place(story, story.here.mailbox))
    return Said(pgettext("third step of Why is this here", "What you can do"), text, "todo"), corrections


def _choices(story: Story, place: Place) -> tuple[str, tuple[Correction, ...]]:
    here = story.here
    if story.filters and here.verb == "":
        said = _("If that was not meant, change the filter or turn it off; what it did to other mail stays.")
        if place.role == JUNK:
            return said, (Correction(_("Not spam"), "unjunk-messages"),)
        inbox_too = Correction(_("Move to Inbox"), "move-messages", (("target", "inbox"),))
        return said, () if place.role == INBOX else (inbox_too,)
    undo = Correction(_("Undo the move"), "undo", (("action", here.action),))
    inbox = Correction(_("Move to Inbox"), "move-messages", (("target", "inbox"),))
    # A move of a program's, a rule's or another person's is what people come here to take back.
    strange = here.cause in ("imap", "pop3", "filter") or (here.actor and here.actor != story.me)
    if strange and here.undoable and here.action and here.verb not in ("append", "import", SKIPPED):
        return (
            _(
                "If that was not meant, undo it; everything else that happened in the same step comes back, too."
            ),
            (undo,),
        )
    if place.role == JUNK:
        said = _("If it is not spam, say so, and it goes back to the Inbox.")
        return said, (Correction(_("Not spam"), "unjunk-messages"),)
    if place.role == TRASH:
        said = _("It is deleted for good after %(days)d days in Trash; until then it can go back.")
        return said % {"days": KEEP_TRASH_DAYS}, (inbox,)
    if story.muted or here.verb == SKIPPED:
        said = _("Unmute the conversation, and the next answer comes to the Inbox again.")
        return said, (Correction(_("Unmute"), "unmute", whole=True),)
    if place.role == SNOOZED:
        return _("If you want it now, bring it back."), (
            Correction(_("Bring it back now"), "unsnooze", whole=True),
        )
    if place.role in (DRAFTS, SCHEDULED):
        return _("Go on writing, or discard it."), ()
    if place.role == SENT or story.own:
        if story.known.came == "here":
            return _("Nothing to put right. How its delivery stands is said above its text."), ()
        return _("Nothing to put right."), ()
    if place.role == INBOX:
        said = _("If you did not want it, report it as spam; you can take that back.")
        return said, (Correction(_("Report spam"), "junk-messages"),)
    if here.undoable and here.action and here.verb not in ("append", "import"):
        return _("If that was a slip, take it back."), (undo,)
    if place.role == ARCHIVE:
        return _("If you still have to do something about it, put it into the Inbox."), (inbox,)
    return _("If it should be in front of you, put it into the Inbox as well."), (inbox,)


# --- words --------------------------------------------------------------------------------------------------
def _place(story: Story, mailbox: int) -> Place:
    return story.places.get(mailbox, Place(_("a folder that is gone"), ""))


def _when(moment: int) -> str:
    """`at 14:02` today, `on 3 May at 14:02` this year, with the year before that."""
    at = timezone.localtime(datetime.fromtimestamp(moment / 1_000_000, UTC))
    today = timezone.localdate()
    if at.date() == today:
        return pgettext("time of day, in a sentence", "at %s") % date_format(at, "H:i")
    day = date_format(at, "j M" if at.year == today.year else "j M Y")
    return pgettext("day and time, in a sentence", "on %(day)s at %(time)s") % {
        "day": day,
        "time": date_format(at, "H:i"),
    }


def _moment(moment: int) -> str:
    """The same to stand after a preposition: `14:02`, `3 May, 14:02`."""
    at = timezone.localtime(datetime.fromtimestamp(moment / 1_000_000, UTC))
    today = timezone.localdate()
    if at.date() == today:
        return date_format(at, "H:i")
    return date_format(at, "j M, H:i" if at.year == today.year else "j M Y, H:i")
