"""What can be shown of an attached file without opening it elsewhere: small pictures, pages of a PDF, plain text.

A picture is decoded and written again (webmail.redraw); a PDF is drawn page by page by a process that can do nothing
else (webmail/pdf_pages.py); text is text. So the browser gets plain pixels and letters, never the sender's bytes.
Everything is bounded, made when it is first asked for, and kept on a shelf. Which files run programs is said here too.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from django.urls import reverse
from PIL import Image, ImageOps

from mta.message.tree import Part, decoded, decoded_text
from webmail.redraw import FORMATS, MAX_PIXELS
from webmail.shelf import Shelf

MESSAGE = "message/rfc822"
PICTURE, PDF, TEXT = "picture", "pdf", "text"
MAX_FILE = 30 * 1024 * 1024  # bytes of a file that is drawn
MAX_LETTERS = 200_000  # of a text that is shown
SMALL = (480, 360)  # a thumbnail, for screens with two pixels to one
PAGE = 1400  # pixels across a page
MAX_PAGES = 60
PATIENCE = 15.0  # seconds for a page, and for its turn

_PICTURES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))
_TEXTS = re.compile(
    r"text/(?!calendar|rtf).*|application/(?:json|xml|x-sh|x-yaml|yaml|toml|sql|javascript|x-ndjson)"
)
_TEXT_NAMES = re.compile(
    r"(?i).*\.(?:txt|log|md|csv|tsv|json|xml|ya?ml|toml|ini|conf|patch|diff|py|js|ts|css|sql|sh)"
)
# What a system runs when it is opened, by the end of its name: Windows, macOS, Linux, Android; scripts and links too.
_RUNS = re.compile(
    r"(?i).*\.(?:exe|com|scr|pif|bat|cmd|msi|msix|msp|mst|ps1|psm1|vbs|vbe|js|jse|wsf|wsh|hta|cpl|jar|lnk|url|reg|inf"
    r"|scf|gadget|application|appref-ms|chm|xll|iso|img|vhdx?|dmg|pkg|app|command|scpt|applescript|terminal|workflow"
    r"|sh|run|desktop|appimage|deb|rpm|apk|xapk|ipa|py|pyw|docm|dotm|xlsm|xltm|xlam|pptm|potm|ppam|sldm)\.?"
)
_RUN_TYPES = frozenset(
    (
        "application/x-msdownload",
        "application/x-msdos-program",
        "application/x-dosexec",
        "application/x-executable",
        "application/vnd.microsoft.portable-executable",
        "application/x-sh",
        "application/java-archive",
        "application/vnd.android.package-archive",
        "application/hta",
    )
)
_UNSEEN = re.compile(r"[\x00-\x1f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")  # they hide how a name ends
_turns = threading.BoundedSemaphore(2)
_shelf = Shelf("previews")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A page of a PDF, and how many there are."""

    data: bytes
    pages: int
    width: int
    height: int


def kind_of(name: str, type_: str, size: int) -> str:
    """How a file can be shown here; "" when it can only be downloaded."""
    if size > MAX_FILE:
        return ""
    if type_ in _PICTURES:
        return PICTURE
    if type_ in ("application/pdf", "application/x-pdf") or name.lower().endswith(".pdf"):
        return PDF
    if _TEXTS.fullmatch(type_) or _TEXT_NAMES.fullmatch(name):
        return TEXT
    return ""


def runs(name: str, type_: str) -> bool:
    """Whether opening the file runs what its sender wrote."""
    return type_ in _RUN_TYPES or _RUNS.fullmatch(_UNSEEN.sub("", name).rstrip(" .")) is not None


def preview_url(message: int, part: str, name: str, type_: str, size: int) -> str:
    """The page that shows a file; "" when it can only be downloaded."""
    if type_ == MESSAGE:
        return reverse("mail:enclosed", args=[message, part])
    return reverse("mail:preview", args=[message, part]) if kind_of(name, type_, size) else ""


def thumbnail_url(message: int, part: str, name: str, type_: str, size: int) -> str:
    """A small picture of a file that looks like something."""
    small = kind_of(name, type_, size) in (PICTURE, PDF)
    return reverse("mail:thumbnail", args=[message, part]) if small else ""


def thumbnail(key: str, raw: bytes, part: Part, kind: str) -> bytes | None:
    """A small WebP of a picture, or of the first page of a PDF; None if it cannot be had. `key` names the part."""
    kept = _shelf.get(f"small {key}")
    if kept is not None:
        return kept or None
    data = content(raw, part)
    if kind == PDF:
        first = page(key, raw, part, 0)
        data = first.data if first is not None else b""
    made = _small(data) if data else None
    _shelf.put(f"small {key}", made or b"")  # what cannot be drawn is not tried again and again
    return made


def _small(data: bytes) -> bytes | None:
    try:
        with _turns, warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                if not 0 < image.width * image.height <= MAX_PIXELS:
                    return None
                image.draft(
                    "RGB", (SMALL[0] * 2, SMALL[1] * 2)
                )  # a large JPEG is decoded at a part of its size
                small = ImageOps.exif_transpose(image)
                small.thumbnail(SMALL)
                out = BytesIO()
                fresh = small.convert(
                    "RGBA" if "A" in small.getbands() or "transparency" in small.info else "RGB"
                )
                fresh.info = {}
                fresh.save(out, "WEBP", quality=80)
                return out.getvalue()
    except Exception:  # decoders raise what they like: SyntaxError, struct.error, EOFError …
        return None


def page(key: str, raw: bytes, part: Part, number: int) -> Drawn | None:
    """A page of a PDF, from 0; None if it cannot be drawn."""
    if not 0 <= number < MAX_PAGES:
        return None
    kept = _shelf.get(f"page {number} {key}")
    answer = kept if kept is not None else _drawn(content(raw, part), number)
    if kept is None and answer is not None:
        _shelf.put(f"page {number} {key}", answer)
    about, _line, data = (answer or b"").partition(b"\n")
    if not data:
        return None
    facts = json.loads(about)
    return Drawn(data, min(facts["pages"], MAX_PAGES), facts["width"], facts["height"])


def _drawn(data: bytes, number: int) -> bytes | None:
    """The program's answer; empty when the file is to blame, None when there was no time for it."""
    if not _turns.acquire(timeout=PATIENCE):
        return None
    try:
        program = [
            sys.executable,
            "-I",
            "-B",
            str(Path(__file__).with_name("pdf_pages.py")),
            str(number),
            str(PAGE),
        ]
        done = subprocess.run(
            program, input=data, capture_output=True, timeout=PATIENCE, env={}, cwd="/", check=False
        )
        return done.stdout if done.returncode == 0 else b""
    except (subprocess.TimeoutExpired, OSError):
        return b""
    finally:
        _turns.release()


def text(raw: bytes, part: Part) -> tuple[str, bool]:
    """(the text of a file, whether it is only its beginning)"""
    found = decoded_text(raw, part)
    return found[:MAX_LETTERS], len(found) > MAX_LETTERS


def content(raw: bytes, part: Part) -> bytes:
    """The bytes of a file as its sender had them. RFC 2046 §5.2.1: a message is never encoded."""
    if part.content_type == MESSAGE:
        return raw[part.body_start : part.body_end]
    return decoded(raw, part)
