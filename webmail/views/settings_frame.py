"""The frame of the settings: their tabs, each with an address of its own, and the page around what a tab shows.

A tab appears as soon as `mail:settings-<slug>` leads somewhere; a page below a tab (a signature, an export) names
the tab that it stands under.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from webmail.visit import Visit, show


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of the settings. `under`: the tab that is lit while a page without one is open."""

    slug: str
    title: str
    under: str = ""

    @property
    def url(self) -> str:
        """Where it is; nothing if this installation has no such page."""
        try:
            return reverse(f"mail:settings-{self.slug}")
        except NoReverseMatch:
            return ""


TABS = (
    Tab("general", gettext_noop("General")),
    Tab("labels", gettext_noop("Labels")),
    Tab("inbox", gettext_noop("Inbox")),
    Tab("accounts", gettext_noop("Accounts")),
    Tab("masks", gettext_noop("Masked addresses")),
    Tab("filters", gettext_noop("Filters and blocked addresses")),
    Tab("forwarding", gettext_noop("Forwarding and POP/IMAP")),
    Tab("advanced", gettext_noop("Advanced")),
)
PAGES = (
    *TABS,
    Tab("filter", gettext_noop("Filter"), under="filters"),
    Tab("filters-import", gettext_noop("Filters from Gmail"), under="filters"),
    Tab("reply", gettext_noop("Automatic reply"), under="general"),
    Tab("signature", gettext_noop("Signature"), under="accounts"),
    Tab("template", gettext_noop("Template"), under="accounts"),
    Tab("programs", gettext_noop("Set up a program or phone"), under="forwarding"),
    Tab("storage", gettext_noop("Storage"), under="advanced"),
    Tab("export", gettext_noop("Take your mail with you"), under="advanced"),
    Tab("outside", gettext_noop("Addresses elsewhere"), under="accounts"),
    Tab("moving", gettext_noop("Bring your mail"), under="advanced"),
    Tab("import", gettext_noop("Bring mail from a file"), under="advanced"),
)


def page(
    request: HttpRequest,
    visit: Visit,
    slug: str,
    template: str,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """A page of the settings: `template` extends webmail/settings_page.html and fills its block `tab`."""
    here = next(each for each in PAGES if each.slug == slug)
    lit = here.under or here.slug
    frame = {
        "tabs": [
            {"slug": tab.slug, "title": _(tab.title), "url": tab.url, "on": tab.slug == lit}
            for tab in TABS
            if tab.url
        ],
        "tab": here.slug,
        "heading": _(here.title) if here.under else "",
        "back": next(
            ({"url": tab.url, "text": _(tab.title)} for tab in TABS if tab.slug == here.under), None
        ),
        "title": f"{_(here.title)} - {_('Settings')} - {visit.address} - Mailstead",
    }
    response = show(request, visit, template, frame | context)
    response.status_code = status
    return response


def address_of(slug: str) -> str:
    """Where a page of the settings is, or nothing if there is none."""
    return next(each for each in PAGES if each.slug == slug).url
