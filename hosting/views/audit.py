"""Who changed what: the audit record, cut to what is one's own."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from hosting import access, audit_words, names
from hosting.models import AuditEntry
from hosting.paging import page
from hosting.views.frame import PanelRequest, panel, show


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
        "who": audit_words.actor(entry.actor_name, is_account=entry.actor_name != entry.via),
        "did": audit_words.verb(entry.verb),
        "what": _shown(entry),
        "details": _details(entry),
        "reason": entry.reason,
        "from": entry.ip or audit_words.door(entry.via),
    }


def _details(entry: AuditEntry) -> list[str]:
    """Each changed column as "before → after"."""
    keys = [key for key in entry.after if entry.before.get(key, entry.object_name) != entry.after[key]]
    keys += [key for key in entry.before if key not in entry.after]
    return [f"{audit_words.column(key)}: {_change(entry, key)}" for key in keys]


def _change(entry: AuditEntry, key: str) -> str:
    now = audit_words.value(key, entry.after.get(key))
    return f"{audit_words.value(key, entry.before[key])} → {now}" if key in entry.before else now


def _shown(entry: AuditEntry) -> str:
    if entry.object_type == "domain":
        return names.shown_domain(entry.object_name)
    return names.shown_address(entry.object_name) if "@" in entry.object_name else entry.object_name
