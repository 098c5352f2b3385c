"""Who changed what: the audit record, cut to what is one's own."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from hosting import access, names
from hosting.forms import quota_text
from hosting.models import AuditEntry
from hosting.paging import page
from hosting.views.frame import PanelRequest, panel, show

VERBS = {
    "tenant.add": gettext_lazy("added"),
    "tenant.limits": gettext_lazy("changed the limits of"),
    "tenant.suspend": gettext_lazy("suspended"),
    "tenant.resume": gettext_lazy("resumed"),
    "domain.add": gettext_lazy("added"),
    "domain.suspend": gettext_lazy("suspended"),
    "domain.resume": gettext_lazy("resumed"),
    "domain.activate": gettext_lazy("activated"),
    "domain.catch_all": gettext_lazy("changed the catch-all of"),
    "account.add": gettext_lazy("added"),
    "account.suspend": gettext_lazy("suspended"),
    "account.resume": gettext_lazy("resumed"),
    "account.name": gettext_lazy("renamed the owner of"),
    "account.quota": gettext_lazy("changed the storage of"),
    "account.password": gettext_lazy("set the password of"),
    "account.pop3": gettext_lazy("changed POP3 for"),
    "account.import": gettext_lazy("imported mail for"),
    "account.import.undo": gettext_lazy("took back imported mail of"),
    "account.export": gettext_lazy("exported the mail of"),
    "alias.add": gettext_lazy("added the alias"),
    "alias.targets": gettext_lazy("changed where mail goes for"),
    "alias.remove": gettext_lazy("removed the alias"),
    "role.give": gettext_lazy("gave a role to"),
}


@require_safe
@panel
def listing(request: PanelRequest) -> HttpResponse:
    rows = access.audit_for(request.actor)
    words = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    if words:
        rows = rows.filter(Q(object_name__icontains=words) | Q(actor_name__icontains=words))
    shown = page(rows, request.GET, by=("-id",))
    lines = [_line(entry) for entry in shown.rows]
    return show(request, "audit.html", here="audit", title=_("Changes"), page=shown, lines=lines, words=words)


def _line(entry: AuditEntry) -> dict[str, Any]:
    return {
        "at": entry.at,
        "who": entry.actor_name,
        "did": VERBS.get(entry.verb, entry.verb),
        "what": _shown(entry),
        "details": _details(entry),
        "reason": entry.reason,
        "from": entry.ip or entry.via,
    }


def _details(entry: AuditEntry) -> list[str]:
    """Each changed column as "before → after"."""
    keys = [key for key in entry.after if entry.before.get(key, entry.object_name) != entry.after[key]]
    keys += [key for key in entry.before if key not in entry.after]
    return [
        f"{_column(key)}: {_text(key, entry.before[key])} → {_text(key, entry.after.get(key))}"
        if key in entry.before
        else f"{_column(key)}: {_text(key, entry.after[key])}"
        for key in keys
    ]


def _column(key: str) -> str:
    return key.removesuffix("_bytes").replace("_", " ")


def _text(key: str, value: Any) -> str:
    if key.endswith("_bytes") and isinstance(value, int):
        return quota_text(value) or _("no limit")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return "–" if value in (None, "") else str(value)


def _shown(entry: AuditEntry) -> str:
    if entry.object_type == "domain":
        return names.shown_domain(entry.object_name)
    return names.shown_address(entry.object_name) if "@" in entry.object_name else entry.object_name
