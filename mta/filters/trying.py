"""What a rule would have done to mail that is here already, and doing it, in the background and with a way back."""

from __future__ import annotations

from django.utils.translation import gettext as _

from mta.mailstore import service as mailstore
from mta.mailstore.service import FoundMessages
from mta.message import criteria as c
from mta.values import Cause

from .coding import dump
from .errors import CannotFilter
from .rules import checked, rule
from .values import Preview

# What cannot be taken back, or would surprise people, is done to new mail only.
_ONLY_NEW = ("forward", "keep", "reply")


def would_match(mailspace: int, criteria: c.Criteria, *, since: int, limit: int = 50) -> Preview:
    """Which of the messages that came since then (µs) it would have matched. Spam and Trash are left out."""
    checked(criteria)
    count, more, messages = mailstore.came_in(mailspace, criteria, since=since, limit=limit)
    return Preview(count, more, tuple(messages))


def apply_rule(mailspace: int, id_: int, *, cause: Cause) -> int:
    """Do to the mail that is here what a rule does to new mail, except forwarding and answering: the number of
    the job (`mailstore.bulk`). Its action can be undone like any other (`mailstore.start_undo`)."""
    asked = rule(mailspace, id_)
    params = {name: value for name, value in dump(asked.actions).items() if name not in _ONLY_NEW}
    if not params:
        raise CannotFilter(_("Forwarding and answering are only done to new mail."))
    params["rule"] = id_
    by = Cause("filter", session=asked.name, actor=cause.actor)
    return mailstore.start_bulk(
        mailspace, "filter", FoundMessages(asked.criteria), params=params, cause=by
    ).id
