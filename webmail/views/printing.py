"""A conversation on paper: `/mail/print/123/`, or one message of it with `?message=12`.

Nothing of the frame around: subject, people, messages with their text. HTML mail is printed from the same sanitised
markup that is shown, each message in a shadow tree of its own, so that its rules reach nothing else; this page's own
policy lets one script of ours run, which opens the print dialog, and nothing load but pictures of this host. Held-back
pictures leave no trace on paper; `?pictures=…` is handed on as the reading view has it.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from mta.mailstore import service as mailstore
from mta.mailstore.service import ConversationMessage, DraftInfo
from webmail import heads
from webmail.boxes import COMPOSE
from webmail.letters import recipients_text
from webmail.own_html import file_url
from webmail.people import write_people
from webmail.plain import text_to_html
from webmail.reading import MAX_EARLIER, Earlier, earlier, fold_html, fold_text, merged, read
from webmail.sanitize import clean
from webmail.views.body import clean_body
from webmail.views.conversation import own_addresses
from webmail.visit import Visit, number, visiting

MOST_PRINTED = 200
# Our own tokens do not reach into a shadow tree; paper is white and ink is black.
STYLE = (
    ":host{display:block;contain:layout paint;overflow-wrap:anywhere;font:10.5pt/1.5 Inter,system-ui,sans-serif;color:#000}"
    "img{max-width:100%;height:auto}.held-back{display:none}table{max-width:100%;font-size:inherit}pre{white-space:pre-wrap}"
    "blockquote{margin:.5em 0;padding-left:12pt;border-left:1pt solid #999}"
    "details.trimmed>summary{display:none}details.trimmed:not([open])>:not(summary){display:none}"
)


@dataclass(frozen=True, slots=True)
class Printed:
    """One message on paper; exactly one of `text` and `html` is set, or neither."""

    sender: str
    to: str
    at: int
    text: SafeString | str
    html: SafeString | str
    files: tuple[tuple[str, int], ...]


@visiting
def printed(request: HttpRequest, visit: Visit, thread: int) -> HttpResponse:
    wanted = number(request.GET.get("message", ""))
    aside = wanted is not None or bool(request.GET.get("aside"))
    found = mailstore.conversation(visit.mailspace, thread, aside=aside)
    chosen = [
        each
        for each in found.messages
        if each.draft is None and (wanted is None or wanted in (each.id, *each.also))
    ][-MOST_PRINTED:]
    if not chosen:
        raise Http404(_("There is nothing to print here."))
    subject = (chosen[0].subject if wanted else found.subject) or _("(no subject)")
    return _paper(request, visit, subject, _on_paper(visit, chosen, whole=wanted is not None))


def draft(request: HttpRequest, visit: Visit, found: DraftInfo) -> HttpResponse:
    """What is written so far, for who writes it. Nothing is saved for it."""
    fields = found.fields
    urls = {file.content_id: file_url(found.id, file.id) for file in found.attachments if file.content_id}
    body = clean(fields.body, picture=urls.get)
    style = body.style.replace("</", "<\\/")
    letter = Printed(
        sender=fields.from_name or fields.identity,
        to=write_people((*fields.to, *fields.cc, *fields.bcc)),
        at=found.updated_at,
        text="" if fields.body else text_to_html(fields.text.strip("\n"), compose=COMPOSE),
        html=mark_safe(f"<style>{STYLE}</style><style>{style}</style>{body.html}") if fields.body else "",  # noqa: S308 - sanitised
        files=tuple((file.name, file.size) for file in found.attachments if not file.inline),
    )
    return _paper(request, visit, fields.subject or _("(no subject)"), [letter])


def _paper(request: HttpRequest, visit: Visit, subject: str, letters: list[Printed]) -> HttpResponse:
    response = render(
        request,
        "webmail/print.html",
        {
            "subject": subject,
            "letters": letters,
            "address": visit.address,
        },
    )
    script, styles = (request.build_absolute_uri(static(f"{kind}/print.{kind}")) for kind in ("js", "css"))
    response["Content-Security-Policy"] = (
        f"default-src 'none'; script-src {script}; style-src {styles} 'unsafe-inline'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    response["Referrer-Policy"] = "no-referrer"
    return response


def _on_paper(visit: Visit, chosen: list[ConversationMessage], *, whole: bool) -> list[Printed]:
    """With all that a message quotes when it is printed alone; else its quotations stand above it already."""
    own = own_addresses(visit)
    known: list[Earlier] = []
    made = []
    raws = mailstore.raws(visit.mailspace, [each.id for each in chosen])
    by_id = {each.id: each for each in chosen}
    for id_, raw in raws:
        made.append(_printed(by_id[id_], raw, own, Earlier() if whole else merged(known[-MAX_EARLIER:])))
        if not whole:
            known = [*known[-MAX_EARLIER:], earlier((raw,))]
    return made


def _printed(message: ConversationMessage, raw: bytes, own: frozenset[str], known: Earlier) -> Printed:
    reading = read(raw, whole=True)
    text: SafeString | str = ""
    html: SafeString | str = ""
    if reading.html:
        body = clean_body(raw, message.id, fold_html(reading.html, known))
        style = body.style.replace("</", "<\\/")
        html = mark_safe(f"<style>{STYLE}</style><style>{style}</style>{body.html}")  # noqa: S308 - sanitised
    else:
        text = text_to_html(fold_text(reading.text, known)[0].strip("\n"), compose=COMPOSE)
    return Printed(
        sender=heads.people((message.from_,)),
        to=recipients_text(message, own),
        at=message.sent_at if message.own and message.sent_at else message.internal_date,
        text=text or reading.note,
        html=html,
        files=tuple(
            (file.name or _("unnamed file"), file.size) for file in message.attachments if not file.inline
        ),
    )
