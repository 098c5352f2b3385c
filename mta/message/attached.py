"""What attached files say, for the index: text files, attached messages, office documents (ZIP with XML inside).

Pure and bounded: so many bytes and files, so much text, so much unpacked. A file that is broken, encrypted or larger
than that says nothing. PDF is left out: what reads it well is a large parser that has no bound on time, and whoever
sends a letter chooses the file. Called by `mta.message.parse`.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from html import unescape

from mta.message.charsets import storable
from mta.message.text import html_to_text
from mta.message.tree import Part, decoded, decoded_text

MAX_TEXT = 100_000  # characters of all files together
MAX_FILES = 20
MAX_FILE = 2 << 20  # encoded bytes of one that are read
MAX_UNPACKED = 2 << 20
MAX_ENTRIES = 2_000

# Kind of file → how its name ends.
KINDS_OF_FILE = {
    "image": ("jpg", "jpeg", "png", "gif", "webp", "heic", "svg", "tif", "tiff", "bmp"),
    "pdf": ("pdf",),
    "document": ("doc", "docx", "odt", "rtf", "pages"),
    "spreadsheet": ("xls", "xlsx", "ods", "csv", "numbers"),
    "presentation": ("ppt", "pptx", "odp", "key"),
    "invite": ("ics",),
}
# Beside the names of files in the index: what kind they are of, when their names do not say it.
KIND_WORD = "kindoffile"
_KINDS = (
    (re.compile(r"image/.*"), "image"),
    (re.compile(r"application/pdf"), "pdf"),
    (re.compile(r"text/calendar"), "invite"),
    (
        re.compile(r"application/(?:msword|rtf|vnd\..*(?:wordprocessing|opendocument\.text).*)|text/rtf"),
        "document",
    ),
    (re.compile(r"application/vnd\..*(?:ms-excel|spreadsheet).*|text/csv"), "spreadsheet"),
    (re.compile(r"application/vnd\..*(?:ms-powerpoint|presentation).*"), "presentation"),
)

# Kind of document → which of its entries hold text.
_DOCUMENTS = {
    "docx": re.compile(r"word/(?:document|footnotes|endnotes|header\d+|footer\d+)\.xml"),
    "xlsx": re.compile(r"xl/sharedStrings\.xml"),
    "pptx": re.compile(r"ppt/slides/slide\d+\.xml"),
    "odt": re.compile(r"content\.xml"),
    "ods": re.compile(r"content\.xml"),
    "odp": re.compile(r"content\.xml"),
}
_TYPES = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.presentation": "odp",
}
_NOT_READ = frozenset(("text/calendar", "text/x-amp-html", "text/css", "text/rfc822-headers"))
# The ends of what stands apart, and (in OpenDocument) what is a space; other tags stand within words.
_APART = re.compile(
    r"</(?:w:p|w:tc|a:p|si|text:p|text:h|table:table-cell)>|<(?:w:tab|w:br|text:s|text:tab)\b[^<>]*>"
)
_TAG = re.compile(r"<[^<>]*>")


def kind_of(name: str, type_: str) -> str:
    """The kind of one file, by the end of its name, else by its content type; "other" for all else."""
    ending = name.rpartition(".")[2].lower()
    for kind, endings in KINDS_OF_FILE.items():
        if ending in endings:
            return kind
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(type_[:200])), "other")


def kind_words(files: Iterable[tuple[str, str]]) -> list[str]:
    """For files, given as (name, content type): the words for their kinds where no name says it, once each."""
    found: dict[str, None] = {}
    for name, type_ in files:
        ending = name.rpartition(".")[2].lower()
        for pattern, kind in _KINDS:
            if ending not in KINDS_OF_FILE[kind] and pattern.fullmatch(type_[:200]):
                found[KIND_WORD + kind] = None
    return list(found)


def attached_text(raw: bytes, tree: Part, *, beside: tuple[Part, ...]) -> str:
    """The text of attached files; `beside` are the parts that are the letter's own text."""
    pieces: list[str] = []
    left = MAX_TEXT
    own = {part.number for part in beside}
    for text in _texts(raw, tree, own):
        pieces.append(text[:left])
        left -= len(pieces[-1])
        if left <= 0 or len(pieces) == MAX_FILES:
            break
    return "\n".join(pieces)


def _texts(raw: bytes, tree: Part, own: set[str]) -> Iterator[str]:
    for part, inside in _files(tree, inside=False):
        if part.number in own:
            continue
        if kind := _document(part):
            yield _document_text(decoded(raw, part, limit=MAX_FILE), kind)
        elif part.maintype == "text" and part.content_type not in _NOT_READ and (inside or _is_file(part)):
            text = decoded_text(raw, part, limit=MAX_FILE)
            yield html_to_text(text, links=False) if part.subtype == "html" else text


def _files(part: Part, *, inside: bool) -> Iterator[tuple[Part, bool]]:
    """The parts without parts of their own, and whether they lie in an attached message."""
    if part.message is not None:
        yield from _files(part.message, inside=True)
    elif part.children:
        one_of = inside and part.content_type == "multipart/alternative"
        for child in part.children[:1] if one_of else part.children:
            yield from _files(child, inside=inside)
    else:
        yield part, inside


def _is_file(part: Part) -> bool:
    """Not the other form of the letter's own text."""
    return bool(part.filename) or part.disposition == "attachment"


def _document(part: Part) -> str:
    ending = part.filename.rpartition(".")[2].lower()
    return _TYPES.get(part.content_type) or (ending if ending in _DOCUMENTS else "")


def _document_text(data: bytes, kind: str) -> str:
    """The words of the entries that hold text; "" for what is no such file."""
    pieces: list[str] = []
    left = MAX_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist()[:MAX_ENTRIES] if _DOCUMENTS[kind].fullmatch(name)]
            for name in names:
                with archive.open(name) as entry:
                    found = entry.read(
                        left
                    )  # no more than that is unpacked, whatever the file says of its size
                left -= len(found)
                pieces.append(_xml_text(found.decode("utf-8", "replace")))
                if left <= 0:
                    break
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, OSError, EOFError, ValueError):
        return storable("\n".join(pieces))
    return storable("\n".join(pieces))


def _xml_text(xml: str) -> str:
    return unescape(_TAG.sub("", _APART.sub("\n", xml)))
