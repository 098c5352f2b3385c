"""The head of an open message: who to whom, what its papers say, and the way out of a list. Pure.

"Mailed by" is the domain of the envelope's sender, "Signed by" the domain a DKIM signature names; whether this host
has checked them is said beside them, because an unchecked name proves nothing. Called by webmail/letters.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from mta.mailstore.service import ConversationMessage, Person
from webmail.evidence import Known

MOST_PEOPLE = 50


@dataclass(frozen=True, slots=True)
class Banner:
    """A warning across the message. `kind` is danger only for what may really harm, else warn or info."""

    kind: str
    text: str
    more: str = ""


def details(message: ConversationMessage, known: Known) -> tuple[tuple[str, str], ...]:
    """The lines behind "Details", in the order people look for them; the date is the template's."""
    found = [(_("From"), people((message.from_,)))]
    if message.reply_to and message.reply_to != (message.from_,):
        found.append((_("Reply to"), people(message.reply_to)))
    for term, them in ((_("To"), message.to), (_("Cc"), message.cc), (_("Bcc"), message.bcc)):
        if them:
            found.append((term, people(them)))
    found.append((_("Subject"), message.subject or _("(no subject)")))
    if message.list_id:
        found.append((_("Mailing list"), message.list_id))
    if message.own and known.came in ("", "here"):
        return tuple(found)
    if known.mailed_by:
        found.append((_("Mailed by"), _judged(known.mailed_by, known.result("spf"))))
    if known.signed_by:
        found.append((_("Signed by"), _judged(known.signed_by, known.result("dkim"))))
    if known.came == "here":
        found.append((_("Security"), _("Never left this host")))
    elif known.came:
        found.append((_("Security"), known.tls or _("Not encrypted on its last way")))
    return tuple(found)


def _judged(domain: str, result: str) -> str:
    if result == "pass":
        return _("%(domain)s, confirmed") % {"domain": domain}
    if result in ("fail", "softfail", "permerror"):
        return _("%(domain)s, which is not confirmed") % {"domain": domain}
    return _("%(domain)s, not checked") % {"domain": domain}


def people(them: Sequence[Person]) -> str:
    return ", ".join(
        f"{each.name} <{each.email}>" if each.name else each.email for each in them[:MOST_PEOPLE]
    )


def banners(message: ConversationMessage, known: Known) -> tuple[Banner, ...]:
    """What delivery found that a reader must know before reading on (webmail spec 6.11)."""
    if message.own:
        return ()
    domain = message.from_.email.rpartition("@")[2]
    found = []
    virus = known.found("virus")
    held = message.reasons.get("held") if isinstance(message.reasons, dict) else None
    if held == "virus" or (virus is not None and virus.result == "fail"):
        name = virus.domain if virus is not None else ""
        found.append(
            Banner(
                "danger",
                _("A virus scanner found “%(name)s” in this message.") % {"name": name}
                if name
                else _("A virus scanner found a virus in this message."),
                _("It was let in by hand. Do not open what is attached."),
            )
        )
    if known.result("dmarc") == "fail":
        found.append(
            Banner(
                "danger",
                _("This message is not from %(domain)s, although it says so.") % {"domain": domain},
                _(
                    "%(domain)s lets everybody check its mail, and this one did not pass. Do not follow its links."
                )
                % {"domain": domain},
            )
        )
    elif "fail" in (known.result("spf"), known.result("dkim")) and known.result("dmarc") != "pass":
        found.append(
            Banner("warn", _("Whether this is really from %(domain)s is not certain.") % {"domain": domain})
        )
    return tuple(found)


def spam_reason(message: ConversationMessage) -> str:
    """The sentence delivery left about a message that it put into Spam."""
    said = message.reasons.get("spam") if isinstance(message.reasons, dict) else None
    return said[:300] if isinstance(said, str) else ""
