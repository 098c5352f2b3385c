"""Google Takeout's labels (the field X-Gmail-Labels): mailboxes, flags, and what is Gmail's own. Pure.

Labels come in the account's language; the common ones are known here. A label that is not a system's is a mailbox.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass

from mta.values import FLAGGED, SEEN

from .naming import mailbox_for
from .values import ARCHIVE, JUNK, TRASH

_UNREAD = frozenset(
    "unread|ungelesen|non lus|non lu|no leído|no leídos|da leggere|non letti|non letto|ongelezen|não lida|não lidas|"
    "não lido|não lidos|olästa|oläst|未読|непрочитанные|nieprzeczytane".split("|")
)
_STARRED = frozenset(
    "starred|markiert|suivis|messages suivis|destacados|destacado|speciali|met ster|com estrela|stjärnmärkt|"
    "stjärnmärkta|スター付き|помеченные|oznaczone gwiazdką".split("|")
)
_IMPORTANT = frozenset(
    "important|wichtig|importants|importante|importantes|importanti|belangrijk|viktigt|重要|важное|ważne".split(
        "|"
    )
)
# States, and the tabs of Gmail's inbox, which are guesses and not the person's.
_DROPPED = frozenset(
    "opened|geöffnet|ouvert|ouverts|abierto|abiertos|letto|aperto|aperti|geopend|aberto|aberta|abertos|abertas|"
    "öppnat|öppnad|öppnade|開封済み|открытые|otwarte|"
    "archived|archiviert|archivé|archivés|archivado|archivados|archiviato|archiviati|gearchiveerd|arquivado|"
    "arquivada|arquivados|arquivadas|arkiverat|arkiverad|アーカイブ済み|архивированные".split("|")
)
_TABS = re.compile(
    r"(?:category|kategorie|catégorie|categoría|categoria|categorie|kategori|категория|kategoria)\s*[\s:\"„“«]"
    r"|カテゴリ"
)
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
        low = unicodedata.normalize("NFC", label).casefold()
        if low in _UNREAD:
            flags &= ~SEEN
        elif low in _STARRED:
            flags |= FLAGGED
        elif low in _IMPORTANT:
            keywords[IMPORTANT] = None
        elif low not in _DROPPED and not _TABS.match(low):
            folders[mailbox_for(label)] = None
    thrown = tuple(each for each in (TRASH, JUNK) if each in folders)[:1]  # there, no other view shows it
    return Labels(thrown or tuple(folders) or (ARCHIVE,), flags, tuple(keywords))
