"""What people do about held mail: let it in, let its sender in from now on, or keep both out.

A virus is let in by nobody but an administrator; what was held as forged says nothing true about its sender, so that
nothing follows for the next message. Called by the pages of web mail and panel, which ask first who may.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from mta.filters import service as filters
from mta.filters.service import Actions
from mta.mailstore import service as mailstore
from mta.mailstore.service import Held
from mta.message import criteria as c
from mta.values import Cause, Done

VIRUS, FORGED, SPAM = "virus", "forged", "spam"


class NotReleased(Exception):
    """It stays held; the text is a sentence for who asked."""


def kind(held: Held) -> str:
    """Why it is held: "virus", "forged" or "spam"."""
    named = held.reasons.get("held") if isinstance(held.reasons, dict) else None
    return named if named in (VIRUS, FORGED) else SPAM


def reason(held: Held) -> str:
    """The sentence of delivery."""
    said = held.reasons.get("placement", "") if isinstance(held.reasons, dict) else ""
    return f"{said[:1].upper()}{said[1:].rstrip('.')}." if isinstance(said, str) and said else ""


def one(mailspace: int, message: int) -> Held | None:
    """A message that is held in this mailspace."""
    return next(iter(mailstore.held([mailspace], only=[message])), None)


def release(mailspace: int, messages: Iterable[int], *, cause: Cause, viruses: bool = False) -> Done:
    """To the Inbox, with their dates; the spam filter learns from it. Raises NotReleased for a virus."""
    wanted = list(messages)
    found = mailstore.held([mailspace], only=wanted)
    if not viruses and any(kind(each) == VIRUS for each in found):
        raise NotReleased(_("It holds a virus. Only an administrator of your domain can let it in."))
    return mailstore.release(mailspace, [each.message for each in found], cause=cause)


def allow(mailspace: int, held: Held, *, cause: Cause) -> Done:
    """Let it in, and no longer call mail of its sender spam. Raises NotReleased, filters.CannotFilter."""
    if kind(held) != SPAM:
        raise NotReleased(_("Its sender may not be who it says. Let this one message in instead."))
    if held.sender and not _is_allowed(mailspace, held.sender):
        filters.add_rule(
            mailspace,
            name=_("Never spam: %(sender)s") % {"sender": held.sender},
            query=f"from:{held.sender}",
            criteria=_from(held.sender),
            actions=Actions(never_spam=True),
            cause=cause,
        )
    return release(mailspace, [held.message], cause=cause)


def block(mailspace: int, held: Held, *, cause: Cause) -> Done:
    """Throw it away, and put further mail of its sender into Spam. Of a forged sender nothing is blocked."""
    if held.sender and kind(held) == SPAM:
        filters.block(mailspace, held.sender)
    return mailstore.throw_away(mailspace, [held.message], cause=cause)


def _from(sender: str) -> c.Criteria:
    return c.Words(sender, "from", prefix=False)


def _is_allowed(mailspace: int, sender: str) -> bool:
    wanted = _from(sender)
    return any(each.actions.never_spam and each.criteria == wanted for each in filters.rules(mailspace))
