"""The distribution lists of one domain: who may post, who gets it, who is paused; and the page to leave one.

`leave` is open to whoever has the link that was sent with a copy: a GET shows, a POST acts (mail programs and scanners
follow links by themselves). A provider's one-click POST (RFC 8058) carries neither cookie nor our form's token.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from hosting import access, aliases, lists, names
from hosting.forms import ListForm, MembersForm
from hosting.models import Domain, ListMember, MailingList
from hosting.paging import page
from hosting.views.domains import frame, get
from hosting.views.frame import PanelRequest, attempt, panel, show


@require_http_methods(["GET", "HEAD", "POST"])
@panel
def listing(request: PanelRequest, name: str) -> HttpResponse:
    """The lists, and a form for one more. A POST adds it."""
    domain = get(request.actor, name)
    form = ListForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        made = attempt(
            form,
            lambda: lists.add(domain, given["local_part"], wanted=_wanted(given), actor=request.actor),
        )
        if made is not None:
            messages.success(request, _("%s is added.") % names.shown_address(str(made.address)))
            return redirect("hosting:list", domain.name, made.pk)
    rows = (
        access.lists_for(request.actor)
        .filter(address__domain=domain)
        .select_related("address", "owner")
        .annotate(
            active=Count("members", filter=Q(members__state=ListMember.ACTIVE)),
            paused=Count("members", filter=Q(members__state=ListMember.PAUSED)),
        )
    )
    return show(
        request,
        "lists.html",
        **frame(request, domain, tab="lists"),
        page=page(rows, request.GET, by=("name", "id")),
        form=form,
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@panel
def one(request: PanelRequest, name: str, list_id: int) -> HttpResponse:
    """One list: its members and how it works. A POST adds members or, with `what=settings`, changes the list."""
    domain = get(request.actor, name)
    found = _list(request, domain, list_id)
    settings_form = ListForm(initial=_initial(found))
    members_form = MembersForm()
    if request.method == "POST" and request.POST.get("what") == "settings":
        settings_form = ListForm(request.POST, initial=_initial(found))
        if _change(request, found, settings_form):
            messages.success(request, _("The list is changed."))
            return redirect("hosting:list", domain.name, found.pk)
    elif request.method == "POST":
        members_form = MembersForm(request.POST)
        if _add(request, found, members_form):
            return redirect("hosting:list", domain.name, found.pk)
    del settings_form.fields["local_part"]
    state = request.GET.get("state", "")
    rows = found.members.all()
    counts = dict(rows.order_by().values_list("state").annotate(Count("id")))
    if state in dict(ListMember.STATES):
        rows = rows.filter(state=state)
    context: dict[str, Any] = frame(request, domain, tab="lists") | {
        "title": names.shown_address(str(found.address))
    }
    return show(
        request,
        "list.html",
        **context,
        list=found,
        page=page(rows, request.GET, by=("address",)),
        state=state,
        states=[
            {"state": "", "text": _("All"), "count": sum(counts.values())},
            {"state": "active", "text": _("Get mail"), "count": counts.get("active", 0)},
            {"state": "paused", "text": _("Paused"), "count": counts.get("paused", 0)},
            {"state": "left", "text": _("Have left"), "count": counts.get("left", 0)},
        ],
        form=members_form,
        settings_form=settings_form,
        status=422 if members_form.errors or settings_form.errors else 200,
    )


def _change(request: PanelRequest, found: MailingList, form: ListForm) -> bool:
    form.fields["local_part"].required = False
    if form.is_valid():
        given = form.cleaned_data
        attempt(form, lambda: lists.change(found, wanted=_wanted(given), actor=request.actor))
    return not form.errors


def _add(request: PanelRequest, found: MailingList, form: MembersForm) -> bool:
    if not form.is_valid():
        return False
    pasted = lists.parse_members(form.cleaned_data["members"])
    added = attempt(form, lambda: lists.add_members(found, pasted, actor=request.actor))
    if added is None:
        return False
    said = [ngettext("%d member is added.", "%d members are added.", added.added) % added.added]
    if added.there:
        said.append(ngettext("%d was there.", "%d were there.", added.there) % added.there)
    if added.left:
        shown = ", ".join(names.shown_address(each) for each in added.left[:5])
        said.append(_("Not added, because they have left the list themselves: %s.") % shown)
    messages.success(request, " ".join(said))
    return True


@require_POST
@panel
def member(request: PanelRequest, name: str, list_id: int, member_id: int) -> HttpResponse:
    """`do=resume` or `do=remove`."""
    domain = get(request.actor, name)
    found = _list(request, domain, list_id)
    which = access.find(
        ListMember.objects.select_related("mailing_list__address__domain"), mailing_list=found, pk=member_id
    )
    shown = names.shown_address(which.address)
    if request.POST.get("do") == "remove":
        lists.remove_member(which, actor=request.actor)
        messages.success(request, _("%s is removed from the list.") % shown)
    else:
        lists.resume_member(which, actor=request.actor)
        messages.success(request, _("%s gets the list's mail again.") % shown)
    return redirect("hosting:list", domain.name, found.pk)


@require_POST
@panel
def remove(request: PanelRequest, name: str, list_id: int) -> HttpResponse:
    domain = get(request.actor, name)
    found = _list(request, domain, list_id)
    shown = names.shown_address(str(found.address))
    lists.remove(found, actor=request.actor)
    messages.success(request, _("%s is removed.") % shown)
    return redirect("hosting:lists", domain.name)


@csrf_exempt  # the link in a message is the secret; whoever has it could open the page and press the button
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, token: str) -> HttpResponse:
    """Anybody with the link: which list, which address, and the button that ends it."""
    found = lists.membership(token)
    if found is None:
        return render(request, "hosting/list_leave.html", status=404)
    if request.method == "POST":
        lists.left(found.list_id, found.member)
    context = {"of": found, "has_left": found.has_left or request.method == "POST"}
    response = render(request, "hosting/list_leave.html", context)
    response["Referrer-Policy"] = "no-referrer"  # the address is the secret
    return response


def _wanted(given: dict[str, Any]) -> lists.Wanted:
    return lists.Wanted(
        name=given["list_name"],
        policy=given["policy"],
        posters=aliases.parse_targets(given["posters"]),
        owner=given["owner"],
        pause_after=given["pause_after"] or 3,
    )


def _initial(found: MailingList) -> dict[str, Any]:
    return {
        "list_name": found.name,
        "policy": found.policy,
        "posters": "\n".join(found.posters),
        "owner": found.owner.username if found.owner else "",
        "pause_after": found.pause_after,
    }


def _list(request: PanelRequest, domain: Domain, list_id: int) -> MailingList:
    rows = access.lists_for(request.actor).select_related("address__domain__tenant", "owner")
    return access.find(rows, address__domain=domain, pk=list_id)
