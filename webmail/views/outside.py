"""`/outside/`: what the demonstration's sandbox internet got from us, and a way to write back as anybody there.

Only with DEMO_SANDBOX, and only for who has signed in. What is written here goes through our own SMTP door like
all mail from outside; what is published here is what the sandbox's DNS says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from hosting import access
from hosting.models import Account
from mta.message.address import BadAddress
from mta.sandbox import post
from mta.sandbox.main import folder
from mta.sandbox.post import NotDelivered
from mta.sandbox.shelf import Kept, Shelf, files_of, text_of
from mta.sandbox.zone import BadRecords, Zone

PAGE = 50
SOMEBODY = "carl.winter@outside.test"

View = Callable[..., HttpResponseBase]


def in_a_demonstration(view: View) -> View:
    """For people signed in to a demonstration; elsewhere the page does not exist."""

    @never_cache
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.DEMO_SANDBOX:
            raise Http404
        if not isinstance(request.user, Account):
            return redirect(f"{settings.LOGIN_URL}?{urlencode({'next': request.get_full_path()})}")
        return view(request, *args, **kwargs)

    return wrapped


class LetterForm(forms.Form):
    """A message from somebody outside to somebody here."""

    sender = forms.CharField(
        label=gettext_lazy("From"), max_length=320, help_text=gettext_lazy("Anybody at any domain but ours.")
    )
    recipient = forms.CharField(label=gettext_lazy("To"), max_length=320)
    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=500, required=False)
    text = forms.CharField(label=gettext_lazy("Text"), widget=forms.Textarea(attrs={"rows": 8}))


class ReplyForm(forms.Form):
    """An answer in the name of one of the recipients."""

    sender = forms.ChoiceField(label=gettext_lazy("Reply as"))
    text = forms.CharField(label=gettext_lazy("Text"), widget=forms.Textarea(attrs={"rows": 6}))

    def __init__(self, *args: Any, recipients: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["sender"].choices = [(each, each) for each in recipients]  # type: ignore[attr-defined]


class RecordsForm(forms.Form):
    """Lines of a zone file."""

    records = forms.CharField(
        label=gettext_lazy("Records, one per line"),
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "input mono"}),
        max_length=60_000,
    )


@in_a_demonstration
def arrived(request: HttpRequest) -> HttpResponse:
    """What has arrived, newest first."""
    found = Shelf(folder()).newest(limit=PAGE + 1, before=request.GET.get("before", "")[:40])
    older = f"?{urlencode({'before': found[PAGE - 1].id})}" if len(found) > PAGE else ""
    oddities = [
        ("echo@outside.test", _("answers in seconds")),
        ("slow@outside.test", _("asks us to wait once, then takes the message")),
        ("full@outside.test", _("has a full mailbox")),
        ("nobody@outside.test", _("does not exist; neither does any domain that ends in .invalid")),
    ]
    context = {"found": found[:PAGE], "older_url": older, "oddities": oddities}
    return _show(request, "arrived", _("Outside world"), context)


@in_a_demonstration
def message(request: HttpRequest, id: str) -> HttpResponseBase:
    """One message as its recipient reads it, and the answer to it."""
    kept, raw = _kept(id)
    form = ReplyForm(request.POST or None, recipients=kept.recipients)
    if request.method == "POST" and form.is_valid():
        sender = form.cleaned_data["sender"]
        if _answer(form, raw, sender=sender, text=form.cleaned_data["text"]):
            messages.success(request, _("Sent as %(sender)s.") % {"sender": sender})
            return redirect("outside:message", id=id)
    context = {"kept": kept, "text": text_of(raw), "files": files_of(raw), "form": form}
    return _show(request, "message", kept.subject or _("(no subject)"), context, here="arrived")


@in_a_demonstration
def original(request: HttpRequest, id: str) -> HttpResponse:
    """The message as it came over the wire, to look at its signature and trace lines."""
    _found, raw = _kept(id)
    response = HttpResponse(raw, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = "inline"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@in_a_demonstration
def write(request: HttpRequest) -> HttpResponseBase:
    """Write to somebody here as somebody outside."""
    initial = {"sender": SOMEBODY, "recipient": _address_of(request.user)}
    form = LetterForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid() and _send(form):
        recipient = form.cleaned_data["recipient"]
        messages.success(request, _("Delivered to %(recipient)s.") % {"recipient": recipient})
        return redirect("outside:write")
    return _show(request, "write", _("Write to somebody here"), {"form": form})


@in_a_demonstration
def records(request: HttpRequest) -> HttpResponseBase:
    """What the sandbox's DNS says about our domains."""
    form = RecordsForm(request.POST or None)
    zone = Zone(folder())
    if request.method == "POST" and form.is_valid():
        try:
            published = zone.paste(form.cleaned_data["records"])
        except BadRecords as trouble:
            form.add_error("records", str(trouble))
        else:
            names = ", ".join(sorted({name for name, _type in published}))
            messages.success(request, _("Published for %(names)s.") % {"names": names})
            return redirect("outside:records")
    rows = [
        {"name": name, "type": rdtype, "values": values}
        for name, types in sorted(zone.records().items())
        for rdtype, values in sorted(types.items())
    ]
    return _show(request, "records", _("DNS records"), {"form": form, "rows": rows})


@require_POST
@in_a_demonstration
def withdraw(request: HttpRequest) -> HttpResponseBase:
    """Take a name's records of one type out of the DNS."""
    Zone(folder()).withdraw(request.POST.get("name", ""), request.POST.get("type", ""))
    return redirect("outside:records")


def _kept(id: str) -> tuple[Kept, bytes]:
    shelf = Shelf(folder())
    kept = shelf.get(id)
    if kept is None:
        raise Http404(_("That message is not here any more."))
    try:
        return kept, shelf.raw(id)
    except LookupError:
        raise Http404(_("That message is not here any more.")) from None


def _answer(form: ReplyForm, raw: bytes, *, sender: str, text: str) -> bool:
    try:
        reply, recipient = post.answer(raw, sender=sender, text=text)
        post.deliver(reply, sender=sender, recipient=recipient)
    except (BadAddress, NotDelivered) as trouble:
        form.add_error("text", _("Not sent: %(reason)s") % {"reason": trouble})
        return False
    return True


def _send(form: LetterForm) -> bool:
    values = form.cleaned_data
    try:
        raw = post.letter(
            sender=values["sender"],
            recipient=values["recipient"],
            subject=values["subject"],
            text=values["text"],
        )
        post.deliver(raw, sender=values["sender"].strip(), recipient=values["recipient"].strip())
    except BadAddress as trouble:
        form.add_error(None, str(trouble))
        return False
    except NotDelivered as refused:
        form.add_error("recipient", _("Our server refused it: %(reason)s") % {"reason": refused})
        return False
    return True


def _address_of(account: Any) -> str:
    found = access.mailspaces_for(account)
    return found[0].address if found else ""


def _show(
    request: HttpRequest, page: str, title: str, context: dict[str, Any], *, here: str = ""
) -> HttpResponse:
    """Render a page in the frame that these pages share."""
    entries = (
        ("arrived", "mailbox", _("Arrived")),
        ("write", "pencil", _("Write to us")),
        ("records", "globe", _("DNS records")),
    )
    nav = [
        {
            "url": reverse(f"outside:{name}"),
            "icon": icon,
            "text": text,
            "current": name == (here or page),
            "name": name,
        }
        for name, icon, text in entries
    ]
    ways = []
    account = cast(Account, request.user)  # who else comes was sent to sign in
    if access.mailspaces_for(account):
        ways.append({"url": "/mail/", "icon": "inbox", "text": _("Go to your mail")})
    if access.standing(account):
        ways.append(
            {"url": reverse("hosting:overview"), "icon": "layout-dashboard", "text": _("Administration")}
        )
    frame = {"title": title, "nav": nav, "ways": ways, "brand_url": ways[0]["url"] if ways else "/"}
    return render(request, f"webmail/outside/{page}.html", context | frame)
