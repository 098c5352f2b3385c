"""What a new mailbox shows above its list: a card that asks who somebody is, and three that say how to begin.

Each can be put away, and goes by itself once it is done or the mailbox is no longer new. No page stands before the
list, and nothing has to be answered. Called by webmail.views.mail and webmail.views.welcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from mta.values import SENT
from webmail.boxes import COMPOSE
from webmail.views.settings_frame import address_of
from webmail.visit import Visit

NEW = timedelta(days=30)
FEW = 10  # conversations of an inbox that still has room for cards
BRING, PHONE, WRITE = "bring", "phone", "write"
CARDS = (BRING, PHONE, WRITE)
# Where mail is brought from: whichever page this installation has.
_FROM_FILE = "mail:settings-import"
_WAYS_IN = ("moving:index", "mail:moving", "mail:settings-moving", _FROM_FILE)


@dataclass(frozen=True, slots=True)
class Card:
    """One way to begin."""

    name: str
    icon: str
    title: str
    text: str
    button: str
    url: str
    composes: bool = False


@dataclass(frozen=True, slots=True)
class Welcome:
    """What lies above the list: `greeting` asks for name, recovery address and clock."""

    greeting: bool
    cards: tuple[Card, ...]
    zone: str = ""  # what this browser says

    @property
    def zone_text(self) -> str:
        return self.zone.replace("_", " ")


def welcome_of(visit: Visit, *, conversations: int, zone: str) -> Welcome | None:
    """What to show above the own inbox; nothing once it is not new."""
    preferences = visit.preferences
    if not settings.WELCOME or visit.account.mailspace != visit.mailspace:
        return None
    if visit.account.created_at < timezone.now() - NEW:
        return None
    cards = _cards(visit) if conversations <= FEW else ()
    if preferences.greeted and not cards:
        return None
    return Welcome(not preferences.greeted, cards, zone)


def _cards(visit: Visit) -> tuple[Card, ...]:
    closed = set(visit.preferences.cards_closed)
    has_sent = any(box.role == SENT and box.messages for box in visit.mailboxes)
    bring, phone = way_in(), address_of("programs")
    found = []
    if bring and BRING not in closed:
        only_files = bring == reverse(_FROM_FILE)
        text = (
            _("From an mbox file, a Maildir, or a .zip of them.")
            if only_files
            else _("From Gmail, another host, or a file; the newest first.")
        )
        found.append(Card(BRING, "folder-input", _("Bring your mail"), text, _("Bring mail"), bring))
    if phone and PHONE not in closed:
        text = _("Scan a code, and the phone knows the servers.")
        found.append(Card(PHONE, "smartphone", _("Add your phone"), text, _("Show the code"), phone))
    if visit.senders and not has_sent and WRITE not in closed:
        text = _("After sending there are some seconds to think again.")
        found.append(
            Card(
                WRITE,
                "pencil",
                _("Write your first message"),
                text,
                _("Compose"),
                f"{COMPOSE}?mode=new",
                True,
            )
        )
    return tuple(found)


def way_in() -> str:
    """The page that brings mail from elsewhere, if there is one."""
    for name in _WAYS_IN:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return ""
