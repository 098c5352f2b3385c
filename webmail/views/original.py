"""Show original: a message as it was received, with what people ask about on top and the verdicts as known."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mta.mailstore import service as mailstore
from mta.mailstore.service import ConversationMessage
from webmail import evidence, heads
from webmail.evidence import METHODS, Known
from webmail.visit import Visit, show, visiting

MAX_ORIGINAL = 512 * 1024  # bytes that are shown; all of it can be downloaded
LONGEST_DELAY = 30 * 86_400
EXPECTED = ("spf", "dkim", "dmarc")  # of every message; of the others only what was found is shown


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table on top; `state` colours a verdict: good, bad, or ""."""

    term: str
    text: str
    state: str = ""
    note: str = ""


@visiting
def original(request: HttpRequest, visit: Visit, message: int) -> HttpResponse:
    about = mailstore.message(visit.mailspace, message)
    raw = mailstore.raw(visit.mailspace, message)
    known = evidence.known(about, raw)
    return show(
        request,
        visit,
        "webmail/original.html",
        {
            "message": about,
            "lines": [*_about(about), *_verdicts(known)],
            "delay": _delay(about),
            "source": raw[:MAX_ORIGINAL].decode("utf-8", "replace").replace("\r\n", "\n"),
            "cut": len(raw) > MAX_ORIGINAL,
            "title": f"{_('Original message')} - {about.subject} - Mailstead",
        },
    )


def _about(about: ConversationMessage) -> list[Line]:
    found = [
        Line(_("Message-ID"), about.message_id and f"<{about.message_id}>"),
        Line(_("From"), heads.people((about.from_,))),
        Line(_("To"), heads.people(about.to)),
        Line(_("Subject"), about.subject),
    ]
    return [line for line in found if line.text]


def _delay(about: ConversationMessage) -> str:
    """How long it was on its way, by its own Date; nothing when the clocks disagree."""
    if not about.sent_at:
        return ""
    seconds = (about.internal_date - about.sent_at) // 1_000_000
    if not 0 <= seconds < LONGEST_DELAY:
        return ""
    if not seconds:
        return _("within a second of being written")
    if seconds < 120:
        return (
            ngettext("%d second after it was written", "%d seconds after it was written", seconds) % seconds
        )
    if seconds < 7200:
        minutes = seconds // 60
        return (
            ngettext("%d minute after it was written", "%d minutes after it was written", minutes) % minutes
        )
    hours = seconds // 3600
    return ngettext("%d hour after it was written", "%d hours after it was written", hours) % hours


def _verdicts(known: Known) -> list[Line]:
    """What this host found, else what the host before noted. SPF, DKIM and DMARC have a line each even when nobody
    has looked."""
    lines = []
    for method in METHODS:
        found = known.found(method)
        noted = next((each for each in known.noted if each.method == method), None)
        if found is not None:
            state = (
                "good" if found.result == "pass" else "bad" if found.result in ("fail", "permerror") else ""
            )
            lines.append(Line(method.upper(), _result(found.result, found.domain), state, found.reason))
        elif noted is not None:
            said = _("noted by %(host)s, not by this host") % {"host": known.noted_by}
            lines.append(Line(method.upper(), _result(noted.result, noted.domain), "", said))
        elif method not in EXPECTED:
            continue
        elif known.came in ("here", "signed-in"):
            lines.append(Line(method.upper(), _("not needed"), "", _("the sender signed in on this host")))
        else:
            lines.append(Line(method.upper(), _("not checked")))
    if known.came == "outside":
        lines.append(Line(_("Connection"), known.tls or _("not encrypted")))
    return lines


def _result(result: str, domain: str) -> str:
    return f"{result} ({domain})" if domain else result
