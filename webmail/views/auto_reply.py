"""The automatic reply: `/mail/settings/reply/`, and the line over the lists while it is on.

Days are the reader's: from the first moment of the first to the last of the last, in their time zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from mta.filters import service as filters
from mta.filters.service import AutoReply, CannotFilter
from mta.values import now_us
from webmail.own_html import mail_html, own_text, paragraphs
from webmail.own_looks import editor_form
from webmail.views.forwarding import require_own
from webmail.views.settings_frame import page
from webmail.visit import Visit, visiting

MAX_TEXT, MAX_HTML = 20_000, 200_000


def _day() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class ReplyForm(forms.Form):
    """What is said, when, and to whom."""

    enabled = forms.BooleanField(
        label=gettext_lazy("Answer mail by itself"),
        required=False,
        widget=forms.CheckboxInput(attrs={"data-switch": ""}),
    )
    starts = forms.DateField(label=gettext_lazy("First day"), required=False, widget=_day())
    ends = forms.DateField(label=gettext_lazy("Last day"), required=False, widget=_day())
    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=500, required=False)
    text = forms.CharField(
        label=gettext_lazy("Message"),
        max_length=MAX_HTML,
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "dir": "auto", "class": "input settings-editor"}),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Answer the same sender again after"),
        min_value=1,
        max_value=90,
        help_text=gettext_lazy("Lists, bulk mail and automatic mail never get an answer."),
    )
    only_known = forms.BooleanField(label=gettext_lazy("Only to people I have written to"), required=False)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        first, last = found.get("starts"), found.get("ends")
        if first and last and last < first:
            self.add_error("ends", _("The last day lies before the first."))
        return found


@visiting
def reply(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show it and save it; `do=off` turns it off from the line over a list."""
    require_own(visit)
    kept = filters.auto_reply(visit.mailspace)
    if request.method == "POST" and request.POST.get("do") == "off":
        filters.set_auto_reply(visit.mailspace, _with(kept, enabled=False))
        messages.info(request, _("The automatic reply is off."))
        return redirect("mail:inbox" if "back" in request.POST else "mail:settings-reply")
    form = ReplyForm(request.POST) if request.method == "POST" else ReplyForm(initial=_shown(kept))
    if request.method == "POST" and form.is_valid():
        try:
            saved = filters.set_auto_reply(
                visit.mailspace, _asked(form.cleaned_data, request.POST.get("html"))
            )
        except CannotFilter as refused:
            form.add_error(None, str(refused))
        else:
            messages.info(request, _("The automatic reply is on.") if saved.enabled else _("Settings saved."))
            return redirect("mail:settings-reply")
    written = request.POST.get("html", "")[:MAX_HTML] or kept.html or paragraphs(kept.text)
    context = {"form": form, "html": editor_form(written), "notice": notice(kept)}
    return page(
        request, visit, "reply", "webmail/settings_reply.html", context, status=400 if form.errors else 200
    )


def _with(kept: AutoReply, **changed: Any) -> AutoReply:
    values = {name: getattr(kept, name) for name in AutoReply.__dataclass_fields__}
    return AutoReply(**(values | changed))


def _shown(kept: AutoReply) -> dict[str, Any]:
    return {
        "enabled": kept.enabled,
        "subject": kept.subject,
        "text": kept.text,
        "days": kept.days,
        "only_known": kept.only_known,
        "starts": _date(kept.starts) if kept.starts is not None else None,
        "ends": _date(kept.ends - 1) if kept.ends is not None else None,
    }


def _asked(said: dict[str, Any], written: str | None) -> AutoReply:
    """`written` is the editor's HTML, of which stays what the editor can make; without one the text is plain."""
    html = mail_html(written[:MAX_HTML], ()) if written is not None else ""
    text = own_text(html) if written is not None else said["text"].replace("\r\n", "\n")
    ends = said["ends"]
    return AutoReply(
        enabled=said["enabled"],
        subject=said["subject"],
        html=html,
        text=text[:MAX_TEXT],
        starts=_moment(said["starts"]) if said["starts"] else None,
        ends=_moment(ends + timedelta(days=1)) if ends and ends < date.max else None,
        days=said["days"],
        only_known=said["only_known"],
    )


def _moment(day: date) -> int:
    start = datetime.combine(day, time(), tzinfo=timezone.get_current_timezone())
    return int(start.timestamp()) * 1_000_000


def _date(micros: int) -> date:
    return timezone.localtime(datetime.fromtimestamp(micros / 1_000_000, UTC)).date()


def _said(micros: int) -> str:
    return formats.date_format(_date(micros), pgettext("date format of a day in a sentence", "j F"))


def notice(kept: AutoReply | None) -> str:
    """The line over the lists; "" while nothing is answered, and once it has ended."""
    if kept is None or not kept.enabled:
        return ""
    now = now_us()
    if kept.ends is not None and kept.ends <= now:
        return ""
    if kept.starts is not None and kept.starts > now:
        return _("Your automatic reply begins on %s.") % _said(kept.starts)
    if kept.ends is not None:
        return _("Your automatic reply is on, up to and including %s.") % _said(kept.ends - 1)
    return _("Your automatic reply is on.")


def notice_of(visit: Visit) -> str:
    """The same for a list: costs no query, as the version of the filters stands beside the clock."""
    version = visit.usage.filters if visit.access.rights == "own" else 0
    return notice(filters.plan(visit.mailspace, version).reply) if version > 0 else ""
