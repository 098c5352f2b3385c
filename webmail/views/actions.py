"""Doing something to conversations and messages: `POST /mail/actions/<verb>/`. What verbs there are: webmail.verbs.

A script gets JSON with the words for the toast and the action's id for Undo; a plain form gets a redirect and the
words as a message on the next page. Texts say what happened to how many. Nothing here is ever a GET.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from mta.mailstore import service as mailstore
from mta.mailstore.errors import StoreError
from webmail import jobs
from webmail.verbs import MESSAGE_VERBS, OTHER_VERBS, VERBS, Asked, Outcome, Refused, Verb
from webmail.visit import Visit, number, visiting, wants_parts

MAX_AT_ONCE = 500
LARGE: dict[str, Verb] = {  # the same in the background, at any size
    "empty": jobs.begin_empty,
    "undo-all": lambda asked: jobs.begin_undo(
        asked, asked.request.POST.get("action", "")[:64].replace("\0", "")
    ),
}


@require_POST
@visiting
def act(request: HttpRequest, visit: Visit, verb: str = "") -> HttpResponseBase:
    """Do one thing. Without a verb in the address the pressed button of the form names it."""
    if not visit.may_organise:
        return _answer(request, Outcome(_("You may read this mailbox, but not change it.")), status=403)
    name = verb or request.POST.get("verb", "")
    singles = bool(request.POST.get("messages"))  # the list shows single messages
    if singles and f"{name}-messages" in MESSAGE_VERBS:
        name += "-messages"
    doing = (VERBS | MESSAGE_VERBS | OTHER_VERBS | LARGE).get(name)
    ids = [each for each in map(number, request.POST.getlist("ids")) if each is not None][:MAX_AT_ONCE]
    everything = request.POST.get("all") == "1" and name in VERBS
    if doing is None or (not ids and not everything and name not in OTHER_VERBS | LARGE):
        return _answer(request, Outcome(_("Nothing was chosen.")), status=400)
    try:
        if singles and name in VERBS:
            ids = _conversations(visit, ids)
        asked = Asked(visit, request, ids, visit.box(request.POST.get("box") or "all"))
        outcome = jobs.begin(asked, name) if everything else doing(asked)
    except (Refused, StoreError) as error:
        return _answer(request, Outcome(str(error)), status=400)
    return _answer(request, outcome)


def _conversations(visit: Visit, messages: list[int]) -> list[int]:
    """Those that single messages belong to, for verbs that are for conversations only."""
    return sorted({mailstore.message(visit.mailspace, message).thread for message in messages})


def _answer(request: HttpRequest, outcome: Outcome, status: int = 200) -> HttpResponse:
    done = outcome.done
    if wants_parts(request):
        answer: dict[str, object] = {"text": outcome.text, "leaves": outcome.leaves}
        if outcome.more:
            answer["more"] = {"text": outcome.more[0], "url": outcome.more[1]}
        if outcome.job:
            answer |= {"job": outcome.job, "action": outcome.action}
        if done is not None:
            answer |= {"action": done.action, "conversations": done.conversations, "skipped": done.skipped}
        return JsonResponse(answer, status=status)
    messages.add_message(request, messages.INFO if status == 200 else messages.ERROR, outcome.text)
    following = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(following, allowed_hosts={request.get_host()})
    return redirect(following if safe and following.startswith("/") else "mail:inbox")
