"""Why is this here: `/mail/why/12/`, as a page, or as the panel that a script puts below a message's head."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from hosting import masks, names
from hosting.models import Mask
from mta.filters import service as filters
from mta.filters.service import Rule
from mta.mailstore import service as mailstore
from mta.mailstore.service import ConversationMessage, Placed
from mta.tracing import service as tracing
from mta.values import ARCHIVE, INBOX, JUNK, SENT, SNOOZED, TRASH
from webmail import evidence, heads
from webmail.boxes import box_of
from webmail.evidence import Known
from webmail.views.forwarding import may_own
from webmail.visit import Visit, number, show, visiting, wants_parts
from webmail.why import Place, Story, Why, explain

# Of several places the one that raises the question.
_ASKED_ABOUT = (JUNK, TRASH, SNOOZED, ARCHIVE, SENT, INBOX)


@visiting
def why(request: HttpRequest, visit: Visit, message: int) -> HttpResponse:
    """`?box=7` names the place the reader looks at it in."""
    about = mailstore.message(visit.mailspace, message)
    known = _known(visit, about)
    mask = masks.through(visit.mailspace, [known.delivered_to]) if known.delivered_to else None
    found = tell(visit, about, looked_at=number(request.GET.get("box", "")), known=known, mask=mask)
    context = {
        "why": found,
        "mask": mask if may_own(visit) else None,
        "message": about,
        "may_organise": visit.may_organise,
        "filters": _filters(visit, about, found),
        "blocked": _blocked(visit, about) if found.blocked else "",
    }
    if wants_parts(request):
        return render(request, "webmail/why_panel.html", context)
    title = f"{_('Why is this here')} - {about.subject} - Mailstead"
    return show(request, visit, "webmail/why.html", context | {"title": title})


def _named(about: ConversationMessage) -> tuple[tuple[int, str], ...]:
    """The filters that did something to it as it arrived, as delivery noted them."""
    noted = about.reasons.get("rules", ()) if isinstance(about.reasons, dict) else ()
    pairs = (
        [each for each in noted if isinstance(each, list) and len(each) == 2]
        if isinstance(noted, list)
        else []
    )
    return tuple((id_, str(name)[:200]) for id_, name in pairs if isinstance(id_, int))


def _filters(visit: Visit, about: ConversationMessage, found: Why) -> list[Rule]:
    """Those of them that are still there, and one that was applied later; to be changed or turned off from here."""
    ids, name = {id_ for id_, _name in _named(about)}, found.filter
    if not ids and not name:
        return []
    return [each for each in filters.rules(visit.mailspace) if each.id in ids or (name and each.name == name)]


def _blocked(visit: Visit, about: ConversationMessage) -> str:
    """What is blocked that its sender's address falls under: the address, its domain, or a domain above."""
    sender = about.from_.email.lower()
    domain = sender.rpartition("@")[2]
    for each in filters.blocked(visit.mailspace):
        if each.address == sender or f".{domain}".endswith("." + each.address.removeprefix("@")):
            return each.address
    return ""


def tell(
    visit: Visit,
    about: ConversationMessage,
    *,
    looked_at: int | None,
    known: Known | None = None,
    mask: Mask | None = None,
) -> Why:
    """The three sentences about a message."""
    history = mailstore.provenance(visit.mailspace, about.id)
    places = {each.id: Place(box_of(each).title, each.role) for each in visit.mailboxes}
    here = _here(history.places or (history.first,), places, looked_at)
    reasons = about.reasons if isinstance(about.reasons, dict) else {}
    placement = reasons.get("placement", "")
    said = heads.spam_reason(about) or (placement if isinstance(placement, str) else "")
    return explain(
        Story(
            known=known or _known(visit, about),
            here=here,
            first=history.first,
            places=places,
            me=visit.account.username,
            sender=about.from_.name or about.from_.email,
            address=about.from_.email,
            reason=said[:300],
            own=about.own,
            draft=about.draft is not None,
            muted="$muted" in {word.lower() for word in about.keywords},
            automatic=about.automatic,
            filters=tuple(name for _id, name in _named(about)),
            session=_sent_from(about),
            also=tuple(
                places[each.mailbox].title
                for each in history.places
                if each.mailbox != here.mailbox and each.mailbox in places
            ),
            mask=names.shown_address(str(mask.address)) if mask else "",
            mask_for=mask.note if mask else "",
            arrived=about.sent_at if about.own and about.sent_at else about.internal_date,
        )
    )


def _known(visit: Visit, about: ConversationMessage) -> Known:
    return evidence.known(about, dict(mailstore.headers(visit.mailspace, [about.id])).get(about.id, b""))


def _here(found: tuple[Placed, ...], places: dict[int, Place], looked_at: int | None) -> Placed:
    for each in found:
        if each.mailbox == looked_at:
            return each

    def rank(each: Placed) -> int:
        role = places[each.mailbox].role if each.mailbox in places else ""
        return _ASKED_ABOUT.index(role) if role in _ASKED_ABOUT else len(_ASKED_ABOUT)

    return min(found, key=rank)


def _sent_from(about: ConversationMessage) -> str:
    """From where an own message was sent: the trace knows, as long as it is kept."""
    if not about.own or not about.trace_id:
        return ""
    for event in tracing.timeline(about.trace_id):
        if event.kind == tracing.SUBMITTED:
            return str(event.detail.get("session", ""))[:200]
    return ""
