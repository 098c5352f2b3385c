"""`/styleguide`: every token and component of the design system, light and dark side by side.

For people who build screens; it exists in development and in the demo only. Holds made-up data and nothing else:
never reads the database. Wired in webmail/urls.py.
"""

from __future__ import annotations

import time
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

MINUTE = 60_000_000
DAY = 1440 * MINUTE

TOKENS = {
    "surfaces": ("desk", "sheet", "sunk", "raised", "line", "line-strong"),
    "ink": ("ink", "ink-2", "ink-3"),
    "accent": ("accent", "on-accent", "accent-soft", "star"),
    "meanings": ("danger", "danger-soft", "warn", "warn-soft", "info", "info-soft", "good", "good-soft"),
}
NODE_STATES = (
    ("read", "Read"),
    ("unread", "Unread"),
    ("draft", "Draft"),
    ("queued", "Waiting to be sent"),
    ("retry", "Will be tried again"),
    ("delivered", "Delivered"),
    ("failed", "Not delivered"),
    ("done", "Done"),
    ("current", "You are here"),
)


class SampleForm(forms.Form):
    """One field of each kind, with an error and a help text among them."""

    name = forms.CharField(label="Name", help_text="Shown to people you write to.")
    address = forms.EmailField(label="Address")
    quota = forms.IntegerField(label="Mailbox size", initial=10)
    plan = forms.ChoiceField(label="Plan", choices=[("s", "Small office"), ("m", "Studio"), ("l", "Company")])
    note = forms.CharField(label="Note", required=False, widget=forms.Textarea(attrs={"rows": 3}))
    agree = forms.BooleanField(label="Send a copy to the owner of the domain", required=False)
    push = forms.BooleanField(
        label="Tell me about new mail", required=False, widget=forms.CheckboxInput(attrs={"data-switch": ""})
    )
    reply = forms.ChoiceField(
        label="A reply goes to",
        choices=[("one", "The sender"), ("all", "Everyone")],
        widget=forms.RadioSelect,
    )


def _row(number: int, **values: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": number,
        "index": number,
        "url": "#",
        "unread": False,
        "starred": False,
        "checked": False,
        "count": 1,
        "labels": (),
        "attachments": (),
        "attachment_count": 0,
    }
    row.update(values)
    first = row["senders"][-1]["name"] if row["senders"] else "Ann"
    row["avatar"] = row.get("avatar") or {"name": first, "address": f"{first.lower()}@example.test"}
    row["attachment_count"] = row["attachment_count"] or len(row["attachments"])
    return row


def _sender(name: str, *, unread: bool = False) -> dict[str, Any]:
    return {"name": name, "unread": unread}


def _rows(now: int) -> list[dict[str, Any]]:
    pdf = {"name": "Quarterly report Q3.pdf", "type": "application/pdf", "url": "#"}
    sheet = {"name": "figures.xlsx", "type": "application/vnd.ms-excel", "url": "#"}
    picture = {"name": "harbour-at-dawn.jpg", "type": "image/jpeg", "url": "#"}
    return [
        _row(
            1,
            senders=[_sender("Ada Marchetti", unread=True)],
            unread=True,
            subject="Drawings for the reading room",
            snippet="I have moved the long table to the north wall, which leaves room for the two armchairs and the lamp.",
            at=now - 6 * MINUTE,
            labels=[{"text": "Reading room", "path": "Work / Reading room", "hue": 8}],
            attachments=[pdf, sheet, picture, pdf],
            attachment_count=4,
        ),
        _row(
            2,
            senders=[_sender("Ada"), _sender("me"), _sender("Ben", unread=True)],
            unread=True,
            starred=True,
            count=4,
            subject="Re: Thursday's delivery",
            snippet="The lorry cannot turn in the yard, so they will bring it through the front gate before nine.",
            at=now - 48 * MINUTE,
        ),
        _row(
            3,
            senders=[_sender("Corriere della Sera")],
            subject="La rassegna del mattino: mercati, cultura e una lunga intervista",
            snippet="Buongiorno, ecco le notizie scelte per voi questa mattina.",
            at=now - 5 * 60 * MINUTE,
            labels=[{"text": "News", "hue": 1}, {"text": "Italian", "hue": 4}],
            avatar={"name": "Corriere della Sera", "address": "news@corriere.test", "kind": "list"},
        ),
        _row(
            4,
            senders=[_sender("Ben")],
            draft=True,
            count=2,
            subject="Lease for the workshop",
            snippet="Before we sign I would like to look at paragraph six again with you,",
            at=now - 2 * DAY,
        ),
        _row(
            5,
            senders=[_sender("To: Ferry office")],
            delivery="delivered",
            delivery_text="Delivered to ferry@outside.test",
            subject="Two cabins in May",
            snippet="We would like to travel on the 14th and return on the 28th.",
            at=now - 12 * DAY,
            checked=True,
        ),
        _row(
            6,
            senders=[_sender("To: Ben Okafor")],
            delivery="retry",
            delivery_text="Ben's server is full. The next attempt is at 14:05",
            subject="Photographs from the harbour",
            snippet="Here are the ones you asked for, the last three are the best.",
            at=now - 40 * DAY,
            attachments=[picture],
        ),
        _row(
            7,
            senders=[_sender("山田 太郎")],
            subject="来週の打ち合わせについて",
            snippet="お世話になっております。来週の打ち合わせの件でご連絡いたしました。",
            at=now - 90 * DAY,
            avatar={"name": "山田 太郎", "address": "yamada@example.test"},
        ),
        _row(
            8,
            senders=[_sender("Ada"), {"name": "me", "gap": True}, _sender("Lina"), _sender("Ben")],
            count=17,
            starred=True,
            subject="Minutes of the spring meeting, with everything that was said about the roof, the boiler and the garden",
            snippet="Thank you all for coming.",
            at=now - 500 * DAY,
            labels=[{"text": "Association", "hue": 10}],
        ),
    ]


def _samples() -> dict[str, Any]:
    now = time.time_ns() // 1000
    rows = _rows(now)
    message = {
        "id": 1,
        "name": "Ada Marchetti",
        "address": "ada@marchetti.test",
        "to": "to me, Ben Okafor",
        "at": now - 6 * MINUTE,
        "starred": True,
        "details": [
            ("from", "Ada Marchetti <ada@marchetti.test>"),
            ("to", "ann@example.test, ben@example.test"),
            ("subject", "Drawings for the reading room"),
            ("sent by", "mail.marchetti.test"),
            ("signed by", "marchetti.test"),
        ],
    }
    return {
        "tokens": TOKENS,
        "hues": range(12),
        "node_states": NODE_STATES,
        "rows": rows,
        "message": message,
        "message_old": {
            **message,
            "id": 2,
            "name": "Ben Okafor",
            "address": "ben@example.test",
            "starred": False,
        },
        "form": SampleForm({"address": "ada@", "quota": 10, "plan": "m", "push": "on", "reply": "one"}),
        "banner_actions": [
            {"text": "Show", "action": "x"},
            {"text": "Always for ada@marchetti.test", "action": "y"},
        ],
        "wizard": [
            {"state": "done", "title": "Name"},
            {"state": "done", "title": "Ownership"},
            {"state": "current", "title": "Records"},
            {"state": "todo", "title": "First account"},
        ],
        "trace": [
            {"state": "done", "title": "Accepted from your browser", "at": now - 9 * MINUTE},
            {"state": "done", "title": "Signed for example.test", "at": now - 9 * MINUTE},
            {
                "state": "retry",
                "title": "Ben's server is full",
                "text": "We'll try again at 14:05.",
                "at": now - 8 * MINUTE,
            },
            {"state": "todo", "title": "Delivered"},
        ],
        "account_links": [{"url": "#", "icon": "settings", "text": "Manage account"}],
        "crumbs": [{"text": "Domains", "url": "#"}],
        "now": now,
        "used": 8_700_000_000,
        "total": 10_737_418_240,
    }


def styleguide(request: HttpRequest) -> HttpResponse:
    """The page itself; `?screen=mail|panel|sign-in` shows a whole screen instead of the parts."""
    if not (settings.DEBUG or settings.DEMO):
        raise Http404
    screen = request.GET.get("screen", "")
    name = screen if screen in ("mail", "conversation", "panel", "sign-in") else "parts"
    return render(request, f"styleguide/{name}.html", _samples())
