"""`/mail/settings/filters/`: the filters and the blocked senders of a mailbox; making and changing a filter.

Everything works with plain forms; static/js/rules-page.js keeps the preview and the two ways to write conditions in
step while somebody types. What a filter does is mta.filters' business, what it says webmail.rules'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from mta.filters import service as filters
from mta.filters.service import Actions, CannotFilter, NoSuchRule, Rule
from mta.flow import learning
from mta.mailstore import service as mailstore
from mta.mailstore.errors import StoreError
from mta.mailstore.service import ConversationMessage
from mta.values import LABEL, MailboxInfo, now_us
from webmail import jobs, rules
from webmail.boxes import box_of
from webmail.rule_form import RuleForm, choices, line_of, of_line, of_rule, sent_form
from webmail.search_box import MAX_TEXT
from webmail.searching import search_url, understood
from webmail.templatetags.look import grouped
from webmail.views.forwarding import may_own
from webmail.views.settings_frame import page
from webmail.visit import Visit, number, visiting, wants_parts

DAY = 86_400 * 1_000_000
REMOVED = "removed_filter"  # the session's key for what Undo puts back


# --- the list
@require_GET
@visiting
def every(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The filters in their order, with what they did lately, and who is blocked."""
    removed = _removed(request, visit)
    found = filters.rules(visit.mailspace)
    return page(
        request,
        visit,
        "filters",
        "webmail/settings_filters.html",
        {
            "rules": [_shown(visit, rule) for rule in found],
            "blocked": filters.blocked(visit.mailspace),
            "learned": learning.learned(visit.mailspace),
            "jobs": _jobs(visit, found),
            "may_own": may_own(visit),
            "removed": removed["entry"]["name"] if removed else "",
        },
    )


def _shown(visit: Visit, rule: Rule) -> dict[str, Any]:
    return {
        "rule": rule,
        "does": rules.plain(rule.actions, names_of(visit.mailboxes)),
        "named": rule.name != rule.query,
        "mail_url": search_url(q=rule.query) if rule.query else "",
    }


def names_of(mailboxes: Sequence[MailboxInfo]) -> dict[int, str]:
    return {each.id: each.name for each in mailboxes if each.role == LABEL}


def _jobs(visit: Visit, found: Sequence[Rule]) -> list[dict[str, Any]]:
    """What filters are doing to mail that was here before, or have just done; a run that was reverted says so."""
    places = {place.id: place.name or place.title for place in map(box_of, visit.mailboxes)}
    names = {rule.id: rule.name for rule in found}
    every_job = mailstore.bulks(visit.mailspace)
    undoing = {job.params["action"]: job for job in every_job if jobs.is_undo(job)}
    shown = []
    for run in every_job:
        if run.verb != APPLY or jobs.is_undo(run):
            continue
        job = undoing.get(run.action, run)
        shown.append(
            {
                "name": names.get(run.params.get("rule", 0), ""),
                "id": job.id,
                "action": run.action if job is run and run.action else "",
                "text": jobs.doing(job) if job.running else jobs.outcome(places, job),
                "running": job.running,
                "done": job.seen,
                "total": job.total or 0,
            }
        )
    return shown


APPLY = "filter"


def _removed(request: HttpRequest, visit: Visit) -> dict[str, Any] | None:
    """The filter of this mailbox that was removed last in this session."""
    kept = request.session.get(REMOVED)
    return kept if isinstance(kept, dict) and kept.get("mailspace") == visit.mailspace else None


# --- one filter
@visiting
def new(request: HttpRequest, visit: Visit) -> HttpResponse:
    """A new filter: out of a search (`q`, or the advanced form's fields), messages, or conversations."""
    visit.require_organise()
    if request.method == "POST":
        return _sent(request, visit, None)
    return _editor(request, visit, _begun(request, visit), None)


@visiting
def one(request: HttpRequest, visit: Visit, rule: int) -> HttpResponse:
    """A filter as it is, to be changed."""
    visit.require_organise()
    found = _rule(visit, rule)
    if request.method == "POST":
        return _sent(request, visit, found)
    return _editor(request, visit, of_rule(found), found)


def _rule(visit: Visit, id_: int) -> Rule:
    try:
        return filters.rule(visit.mailspace, id_)
    except NoSuchRule as gone:
        raise Http404(str(gone)) from gone


@require_POST
@visiting
def like(request: HttpRequest, visit: Visit) -> HttpResponse:
    """From the tools of a list without scripts: the page of a new filter for the chosen conversations."""
    visit.require_organise()
    kind = "messages" if request.POST.get("messages") else "conversations"
    chosen = ".".join(request.POST.getlist("ids")[: rules.MOST_LIKE])
    return redirect(f"{reverse('mail:settings-filter-new')}?{urlencode({kind: chosen})}")


def _begun(request: HttpRequest, visit: Visit) -> RuleForm:
    line = request.GET.get("q", "").strip()[:MAX_TEXT]
    if "edit" in request.GET:
        line = rules.from_fields(line, request.GET.dict())  # type: ignore[arg-type]
    like = messages_named(request.GET, visit)
    if like:
        line = rules.like(like)
    label = number(request.GET.get("label", ""))
    if label is None or label not in names_of(visit.mailboxes):
        return of_line(line)
    return of_line(line, labels=(label,), skip_inbox=request.GET.get("skip") == "1")


def messages_named(sent: Any, visit: Visit) -> list[ConversationMessage]:
    """The messages that a request names (`messages=1.2`), and those of its `conversations=3.4`; others' are not there."""
    found = [mailstore.message(visit.mailspace, each) for each in _numbers(sent.get("messages", ""))]
    for each in _numbers(sent.get("conversations", "")):
        found += mailstore.conversation(visit.mailspace, each, aside=True).messages
    return found


def _numbers(text: str) -> list[int]:
    ids = [number(each) for each in text.split(".")[: rules.MOST_LIKE]]
    return [each for each in ids if each is not None]


def _sent(request: HttpRequest, visit: Visit, rule: Rule | None) -> HttpResponse:
    form = sent_form(request.POST, visit.mailboxes)
    if request.POST.get("do") == "preview":
        return _editor(request, visit, form, rule)
    try:
        saved = _save(visit, form, rule)
        if form.also:
            filters.apply_rule(visit.mailspace, saved.id, cause=visit.cause)
    except (CannotFilter, StoreError) as refused:
        return _editor(request, visit, form, rule, wrong=str(refused))
    messages.info(
        request, _("The filter was changed.") if rule else _("The filter looks at all mail from now on.")
    )
    return redirect("mail:settings-filters")


def _save(visit: Visit, form: RuleForm, rule: Rule | None) -> Rule:
    asked = understood(visit, form.query)
    if wrong := rules.unfit(asked.criteria):
        raise CannotFilter(wrong)
    actions = _with_label(visit, form) if form.new_label else form.actions
    if not may_own(visit):  # where the mail goes, and what is answered, is for its owner alone
        was = rule.actions if rule else Actions()
        actions = replace(actions, forward=was.forward, keep=was.keep, reply=was.reply)
    given: dict[str, Any] = {
        "name": form.name or form.query,
        "query": form.query,
        "criteria": asked.criteria,
        "actions": actions,
        "stop": form.stop,
    }
    if rule is None:
        return filters.add_rule(visit.mailspace, cause=visit.cause, **given)
    return filters.change_rule(visit.mailspace, rule.id, **given)


def _with_label(visit: Visit, form: RuleForm) -> Actions:
    known = next(
        (
            each
            for each in visit.mailboxes
            if each.role == LABEL and each.name.casefold() == form.new_label.casefold()
        ),
        None,
    )
    label = known or mailstore.create_mailbox(visit.mailspace, form.new_label, cause=visit.cause)
    return replace(form.actions, labels=tuple(dict.fromkeys((*form.actions.labels, label.id))))


def _editor(
    request: HttpRequest, visit: Visit, form: RuleForm, rule: Rule | None, *, wrong: str = ""
) -> HttpResponse:
    return page(
        request,
        visit,
        "filter",
        "webmail/settings_filter.html",
        {
            "form": form,
            "rule": rule,
            "wrong": wrong,
            "may_own": may_own(visit),
            "choices": choices(form, visit.mailboxes),
            "targets": [each for each in filters.forwarding(visit.mailspace) if each.confirmed],
            **_preview(visit, form.query),
        },
        status=400 if wrong else 200,
    )


# --- what it would have matched
@require_POST
@visiting
def preview(request: HttpRequest, visit: Visit) -> JsonResponse:
    """For a script: the line and the fields as they now are, and what that would have matched."""
    line = line_of(request.POST.dict())  # type: ignore[arg-type]
    shown = _preview(visit, line)
    html = render_to_string("webmail/settings_filter_preview.html", shown, request)
    return JsonResponse(
        {"query": line, "fields": rules.conditions(line), "html": html, "also": shown["also"]}
    )


def _preview(visit: Visit, line: str) -> dict[str, Any]:
    """The words and the rows."""
    asked = understood(visit, line)
    if not line:
        return {"said": "", "lines": (), "also": "", "unfit": ""}
    if wrong := rules.unfit(asked.criteria):
        return {"said": "", "lines": (), "also": "", "unfit": wrong}
    found = filters.would_match(
        visit.mailspace, asked.criteria, since=now_us() - rules.DAYS * DAY, limit=rules.SHOWN
    )
    return {
        "said": _would_have(found.count, more=found.more),
        "lines": mailstore.lines_of(visit.mailspace, found.messages),
        "further": search_url(q=f"{line} newer_than:{rules.DAYS}d")
        if found.count > len(found.messages)
        else "",
        "also": _also(found.count, more=found.more),
        "unfit": "",
    }


def _would_have(count: int, *, more: bool) -> str:
    if not count:
        return _("It would have matched no message of the last %(days)d days.") % {"days": rules.DAYS}
    words = {"count": grouped(count), "days": rules.DAYS}
    if more:
        return _("It would have matched more than %(count)s messages of the last %(days)d days.") % words
    return (
        ngettext(
            "It would have matched this %(count)s message of the last %(days)d days.",
            "It would have matched these %(count)s messages of the last %(days)d days.",
            count,
        )
        % words
    )


def _also(count: int, *, more: bool) -> str:
    """All that matches is meant, however old; the count is of the days that were looked at."""
    words = {"count": grouped(count), "days": rules.DAYS}
    if not count:
        return (
            _("Also do this to all older mail here that matches, from before the last %(days)d days") % words
        )
    if more:
        return (
            _(
                "Also do this to all mail here that matches: more than %(count)s messages of the last"
                " %(days)d days, and everything older"
            )
            % words
        )
    return (
        ngettext(
            "Also do this to all mail here that matches: %(count)s message of the last %(days)d days,"
            " and everything older",
            "Also do this to all mail here that matches: %(count)s messages of the last %(days)d days,"
            " and everything older",
            count,
        )
        % words
    )


# --- what buttons do
@require_POST
@visiting
def change(request: HttpRequest, visit: Visit, rule: int) -> HttpResponse:
    """Up, down, to a place, on, off, remove, apply to what is here."""
    visit.require_organise()
    found, space = _rule(visit, rule), visit.mailspace
    said = ""
    match request.POST.get("do", ""):
        case "up":
            filters.move_rule(space, rule, _place(space, rule) - 1)
        case "down":
            filters.move_rule(space, rule, _place(space, rule) + 1)
        case "place":
            filters.move_rule(space, rule, number(request.POST.get("place", "")) or 0)
        case "on" | "off" as switch:
            filters.change_rule(space, rule, enabled=switch == "on")
            said = _("The filter is on.") if switch == "on" else _("The filter is off. What it did stays.")
            if not wants_parts(request):
                messages.info(request, said)
        case "apply":
            filters.apply_rule(space, rule, cause=visit.cause)
        case "remove":
            _remove(request, visit, found)
    if wants_parts(request):
        return JsonResponse({"text": said})
    return redirect("mail:settings-filters")


def _place(space: int, rule: int) -> int:
    return [each.id for each in filters.rules(space)].index(rule)


def _remove(request: HttpRequest, visit: Visit, rule: Rule) -> None:
    """Take it away, and keep it for the button that puts it back."""
    place = _place(visit.mailspace, rule.id)
    stored = [each for each in filters.stored(visit.mailspace) if each.get("kind") == "rule"]
    filters.remove_rule(visit.mailspace, rule.id)
    request.session[REMOVED] = {"mailspace": visit.mailspace, "entry": stored[place], "place": place}


@require_POST
@visiting
def put_back(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The filter that was removed last, where it was."""
    visit.require_organise()
    kept = _removed(request, visit)
    if kept:
        del request.session[REMOVED]
        filters.restore(visit.mailspace, [kept["entry"]], cause=visit.cause)
        back = filters.rules(visit.mailspace)[-1]
        filters.move_rule(visit.mailspace, back.id, kept["place"])
        messages.info(request, _("The filter is back."))
    return redirect("mail:settings-filters")
