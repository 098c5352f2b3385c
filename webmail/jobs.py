"""Doing a verb to everything in a place or a search: begun here, done by the store in the background, told of by number.

What is selected is what stands there at that moment; mail that arrives later is left alone. The tab may be closed.
Called by webmail.views.actions (to begin) and webmail.views.jobs (how far it is, and Stop).
"""

from __future__ import annotations

from typing import Any, cast

from django.utils.translation import gettext as _

from mta.mailstore import service as mailstore
from mta.mailstore.errors import NothingToUndo
from mta.mailstore.service import BulkInfo, Section
from webmail.search_box import MAX_TEXT
from webmail.searching import understood
from webmail.templatetags.look import grouped
from webmail.verbs import OTHER_VERBS, Asked, Outcome, Refused, label_words, said

FEW = 500  # messages that are removed while somebody waits
SECTIONS = ("unread", "read", "starred", "unstarred")
# A verb of the web client → the store's name of it, where they differ.
_STORE = {
    "unjunk": "not junk",
    "delete-forever": "delete forever",
    "labels": "label",
}
_WEB = {store: web for web, store in _STORE.items() if web != "labels"}
PLAIN = frozenset(
    {
        *("archive", "delete", "junk", "unjunk", "read", "unread", "star", "unstar", "important"),
        *("unimportant", "mute", "unmute", "unsnooze", "delete-forever"),
    }
)
WITH_MORE = frozenset({"move", "label", "unlabel", "labels", "snooze"})


def begin(asked: Asked, verb: str) -> Outcome:
    """Start a verb for everything that the request names; the outcome has the job's number."""
    if verb not in PLAIN | WITH_MORE:
        raise Refused(_("That cannot be done to everything at once."))
    job = mailstore.start_bulk(
        asked.space,
        _STORE.get(verb, verb),
        _scope(asked),
        params=_params(asked, verb),
        cause=asked.visit.cause,
    )
    return Outcome(doing(job), job=job.id, action=job.action)


def begin_undo(asked: Asked, action: str) -> Outcome:
    """Take back what was done to everything, also while it is still being done."""
    try:
        job = mailstore.start_undo(asked.space, action, cause=asked.visit.cause)
    except NothingToUndo as error:
        raise Refused(_("That can no longer be undone.")) from error
    return Outcome(doing(job), job=job.id)


def begin_empty(asked: Asked) -> Outcome:
    """Empty Trash or Spam; a few conversations at once."""
    lying = next((each.messages for each in asked.visit.mailboxes if each.id == asked.place.id), 0)
    if asked.place.slug not in ("trash", "spam") or lying <= FEW:
        return OTHER_VERBS["empty"](asked)
    scope = mailstore.InBox(asked.place.id)
    job = mailstore.start_bulk(asked.space, "empty", scope, params={}, cause=asked.visit.cause)
    return Outcome(doing(job), job=job.id)


def _scope(asked: Asked) -> mailstore.InBox | mailstore.Found:
    text = asked.request.POST.get("q", "").strip()[:MAX_TEXT]
    if text:
        found = understood(asked.visit, text)
        return mailstore.Found(found.criteria, found.everywhere)
    section = asked.request.POST.get("section", "")
    return mailstore.InBox(asked.place.id, cast(Section, section) if section in SECTIONS else None)


def _params(asked: Asked, verb: str) -> dict[str, Any]:
    """What the verb needs besides; names of places go along, to be said at the end."""
    if verb in ("move", "label", "unlabel"):
        target = asked.target()
        return {"target" if verb == "move" else "mailbox": target.id}
    if verb == "labels":
        add, remove = asked.labels("add"), asked.labels("remove")
        if not add and not remove:
            raise Refused(_("Choose a label."))
        return {"add": add, "remove": remove}
    if verb == "snooze":
        return {"until": asked.until()}
    return {}


# --- what is said ---------------------------------------------------------------------------------------------
def doing(job: BulkInfo) -> str:
    """`Archiving 3,000 of 12,345`"""
    names = {
        "archive": _("Archiving"),
        "delete": _("Moving to Trash"),
        "junk": _("Reporting as spam"),
        "unjunk": _("Moving to the inbox"),
        "read": _("Marking as read"),
        "unread": _("Marking as unread"),
        "move": _("Moving"),
        "label": _("Labelling"),
        "unlabel": _("Removing the label"),
        "snooze": _("Snoozing"),
        "mute": _("Muting"),
        "filter": _("Applying the filter"),
        "delete-forever": _("Deleting forever"),
        "empty": _("Deleting forever"),
    }
    name = names.get(web_verb(job), _("Undoing") if is_undo(job) else _("Working"))
    if job.total is None:
        return _("%(doing)s, counting …") % {"doing": name}
    counted = {"doing": name, "done": grouped(job.seen), "total": grouped(job.total)}
    return _("%(doing)s %(done)s of %(total)s") % counted


def outcome(asked_names: dict[int, str], job: BulkInfo) -> str:
    """What is said when it has ended."""
    if job.state == "failed":
        return _("That could not be finished. What was done can be undone.")
    if is_undo(job) and job.state == "stopped":
        return _("Stopped: %(done)s of %(total)s undone.") % {
            "done": grouped(job.seen),
            "total": grouped(job.total or 0),
        }
    if is_undo(job):
        return _("Undone, but for %d that changed since.") % job.skipped if job.skipped else _("Undone.")
    verb = web_verb(job)
    if verb == "empty":
        text = _("%s is empty now.") % asked_names.get(job.params.get("mailbox", 0), _("It"))
    elif "add" in job.params or "remove" in job.params:
        text = label_words(asked_names, job.params.get("add", ()), job.params.get("remove", ()))
    else:
        target = asked_names.get(job.params.get("target") or job.params.get("mailbox") or 0, "")
        text = said(verb, job.done, target=target, until=job.params.get("until", 0))
    if job.state == "stopped":
        return _("Stopped. %s") % text
    return text


def web_verb(job: BulkInfo) -> str:
    return _WEB.get(job.verb, job.verb)


def is_undo(job: BulkInfo) -> bool:
    return "action" in job.params
