"""Google Takeout's labels (the field X-Gmail-Labels): mailboxes, flags, and what is Gmail's own. Pure.

Labels come in the account's language; the common ones are known here. A label that is not a system's is a mailbox.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

from mta.values import FLAGGED, SEEN

from .naming import mailbox_for
from .values import ARCHIVE

_UNREAD = frozenset(
    "unread|ungelesen|non lus|non lu|no leído|no leídos|da leggere|ongelezen|não lidas|olästa".split("|")
)
_STARRED = frozenset(
    "starred|markiert|suivis|destacados|speciali|met ster|com estrela|stjärnmärkt".split("|")
)
_IMPORTANT = frozenset("important|wichtig|importants|importante|importantes|belangrijk|viktigt".split("|"))
# States, and the tabs of Gmail's inbox, which are guesses and not the person's.
_DROPPED = frozenset(
    "opened|geöffnet|ouvert|abierto|letto|geopend|aberto|archived|archiviert|archivés|archivado".split("|")
)
_TABS = ("category ", "kategorie ", "catégorie ", "categoría ", "categoria ", "categorie ")
IMPORTANT = "$Important"  # RFC 8457


@dataclass(frozen=True, slots=True)
class Labels:
    """What a message's labels mean here."""

    folders: tuple[str, ...]
    flags: int
    keywords: tuple[str, ...]


def read(value: str) -> Labels:
    """The value of X-Gmail-Labels, decoded: labels between commas, quoted where they hold one."""
    try:
        labels = [label.strip() for row in csv.reader([value[:20_000]]) for label in row]
    except csv.Error:
        labels = [label.strip() for label in value[:20_000].split(",")]
    flags, folders, keywords = SEEN, dict[str, None](), dict[str, None]()
    for label in filter(None, labels[:200]):
        low = label.casefold()
        if low in _UNREAD:
            flags &= ~SEEN
        elif low in _STARRED:
            flags |= FLAGGED
        elif low in _IMPORTANT:
            keywords[IMPORTANT] = None
        elif low not in _DROPPED and not low.startswith(_TABS):
            folders[mailbox_for(label)] = None
    return Labels(tuple(folders) or (ARCHIVE,), flags, tuple(keywords))
