"""Names of folders: what "Deleted Items", "[Gmail]/Sent Mail" or "INBOX.Gesendet" are here; names of files for folders.

Pure tables. Our real mailboxes have the same names on every host, so a name is all that is needed.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import unicodedata

from mta.wire.imap import names as imap_names

from .values import ARCHIVE, DRAFTS, INBOX, JUNK, SENT, TRASH

# Per mailbox of ours: what mail programs and hosts call it, in their languages.
_USUAL = {
    INBOX: "inbox|posteingang|boîte de réception|bandeja de entrada|recibidos|posta in arrivo|postvak in|caixa de entrada|"
    "inkorg|inkorgen|受信トレイ|входящие|odebrane",
    DRAFTS: "drafts|draft|entwürfe|brouillons|borradores|bozze|concepten|rascunhos|utkast|kladder|下書き|черновики|wersje robocze",
    SENT: "sent|sent items|sent messages|sent mail|sent-mail|sent email|sent objects|outbox-sent|gesendet|"
    "gesendete elemente|gesendete objekte|gesendete nachrichten|envoyés|éléments envoyés|messages envoyés|enviados|"
    "elementos enviados|itens enviados|inviata|posta inviata|verzonden|verzonden items|skickat|skickade objekt|sendt|sendte|"
    "inviati|送信済み|送信済みメール|отправленные|wysłane",
    TRASH: "trash|deleted items|deleted messages|deleted|bin|wastebasket|papierkorb|gelöscht|gelöschte elemente|"
    "gelöschte objekte|corbeille|éléments supprimés|papelera|elementos eliminados|itens excluídos|lixeira|cestino|"
    "posta eliminata|prullenbak|verwijderde items|papperskorgen|borttaget|papirkurv|ゴミ箱|корзина|kosz",
    JUNK: "junk|spam|junk e-mail|junk email|junk mail|junk-e-mail|bulk mail|bulk|probably-spam|spamverdacht|"
    "unerwünscht|unerwünschte werbung|courrier indésirable|indésirables|pourriel|correo no deseado|lixo eletrônico|"
    "posta indesiderata|ongewenste e-mail|skräppost|søppelpost|迷惑メール|спам",
    ARCHIVE: "archive|archives|archived|archiv|archiviert|archivio|archivo|archief|arkiv|all mail|alle nachrichten|"
    "tous les messages|アーカイブ",
}
_ROLE_OF = {spelling: mailbox for mailbox, all_ in _USUAL.items() for spelling in all_.split("|")}
_PREFIX = re.compile(r"(?:\[(?:gmail|google mail)\]|inbox)/(?=.)", re.IGNORECASE)
_GOOGLE = re.compile(r"\[(?:gmail|google mail)\]/", re.IGNORECASE)
# Gmail's views, which IMAP shows as folders: the messages in them are in others, too.
_VIEWS = frozenset(
    "starred|important|markiert|wichtig|suivis|importants|destacados|importantes|speciali".split("|")
)
_EVERYTHING = frozenset(("all mail", "alle nachrichten", "tous les messages", "todos", "tutti i messaggi"))


def mailbox_for(name: str) -> str:
    """Our mailbox for a source's folder: a real one by its usual names, else its own name."""
    bare = _PREFIX.sub("", name, count=1)
    top, slash, rest = bare.partition("/")
    known = _ROLE_OF.get(unicodedata.normalize("NFC", top).casefold().strip())
    return (known or top) + slash + rest


def is_view(name: str) -> bool:
    """Gmail's Starred and Important: no folder, and nothing in them that is not elsewhere."""
    return bool(_GOOGLE.match(name)) and name.partition("/")[2].casefold() in _VIEWS


def holds_everything(name: str) -> bool:
    """Gmail's All Mail: what is in another folder, too, need not be stored twice."""
    return bool(_GOOGLE.match(name)) and name.partition("/")[2].casefold() in _EVERYTHING


def is_within(name: str, folders: tuple[str, ...]) -> bool:
    """Whether a folder is one of some, or below one."""
    low = name.casefold()
    return any(low == each.casefold() or low.startswith(each.casefold() + "/") for each in folders)


_MOST_LEVELS, _LONGEST = 20, 255  # what the store takes


def fit(name: str) -> str:
    """The nearest name that a mailbox can have."""
    levels = [level.strip() for level in name.split("/") if level.strip()] or ["_"]
    if len(levels) > _MOST_LEVELS:
        levels[_MOST_LEVELS - 1 :] = [" ".join(levels[_MOST_LEVELS - 1 :])]
    return unicodedata.normalize("NFC", "/".join(map(clean, levels)))[:_LONGEST].strip("/ ")


# --- Maildir++

_LISTESCAPED = re.compile(r"\\([0-9a-f]{2})")


def from_maildir(folder: str) -> tuple[str, ...]:
    """`.Work.&AMQ-pfel` → ("Work", "Äpfel"); UTF-8 (Dovecot's mailbox_list_utf8) is read, too."""
    return tuple(_level(part) for part in folder.lstrip(".").split(".") if part)


def _level(part: str) -> str:
    part = clean(part)
    if part.isascii():
        with contextlib.suppress(imap_names.BadName):
            part = imap_names.decode(part.encode())
    # Dovecot's plugin listescape, and what we write: a dot within a name.
    return _LISTESCAPED.sub(lambda match: chr(int(match[1], 16)), part)


def to_maildir(name: str) -> str:
    """`Work/Äpfel` → `.Work.&AMQ-pfel`; the inbox is the Maildir itself."""
    if name == INBOX:
        return ""
    levels = [level.replace("\\", "\\5c").replace(".", "\\2e") for level in name.split("/")]
    return _shortened("".join("." + imap_names.encode(level).decode() for level in levels), name)


# --- plain folders

_UNFIT = re.compile(r'[\x00-\x1f\x7f%\\:*?"<>|]|^\.|[. ]$|^(?=(?:cur|new|tmp)$).')


def to_path(name: str) -> tuple[str, ...]:
    """Folder names any file system takes, one for each level; the list of folders has the true name."""
    return tuple(
        _shortened(_UNFIT.sub(lambda match: f"%{ord(match[0]):02X}", level), level)
        for level in name.split("/")
    )


def _shortened(file: str, name: str) -> str:
    """At most 200 bytes, which leaves room for an ending."""
    encoded = file.encode()
    if len(encoded) <= 200:
        return file
    mark = hashlib.sha256(name.encode()).hexdigest()[:12]
    return encoded[:180].decode(errors="ignore").rstrip("&. ") + "~" + mark


_ESCAPED = re.compile(r"%([0-9A-F]{2})")


def from_path(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The reverse of `to_path`, as far as the file system tells."""
    return tuple(_ESCAPED.sub(lambda match: chr(int(match[1], 16)), clean(part)) for part in parts)


def clean(text: str) -> str:
    """A file name that was not UTF-8 is read as Latin-1; no slashes, no controls."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "surrogateescape").decode("latin-1")
    text = "".join("_" if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char for char in text)
    return text.replace("/", "_")
