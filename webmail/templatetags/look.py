"""Template tags and filters of the design system: icons, avatars, label hues, row dates, sizes, appearance.

Pure presentation: never reads the database, never decides what is shown. Called by the templates of the web client
and of the panel (`{% load look %}`). Everything that appears in a list row is cached or cheap, because a page of the
inbox calls it several hundred times.
"""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from django import template
from django.template.loader import render_to_string
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _
from lucide.templatetags.lucide import lucide

register = template.Library()

HUES = 12
DEFAULT_HUE = 5  # the spruce of the accent
THEMES = ("system", "light", "dark")
DENSITIES = ("default", "comfortable", "compact")
SIDEBARS = ("full", "rail")
PANES = ("none", "right", "below")  # where a conversation opens: over its list, or beside it
SPLITS = ("42", *(str(each) for each in range(20, 81, 2)))  # the list's share of the room, in hundredths
MAX_COUNT_SHOWN = 99_999

# What repeats in every row comes from one <symbol> per page instead of a drawing per row.
ROW_ICONS = (
    "star",
    "archive",
    "trash-2",
    "mail",
    "mail-open",
    "clock",
    "paperclip",
    "calendar",
    "bell-off",
    "grip-vertical",
    "file",
    "file-text",
    "image",
    "chevron-down",
    "ellipsis-vertical",
    "reply",
    "x",
    "copy",
    "check",
    "folder-input",
    "refresh-cw",
)
# Drawings that point along the line of reading turn round in right-to-left languages.
_TURNING = re.compile(
    r"arrow-(left|right)|chevron-(left|right)|reply|forward|send|undo|redo|log-out|list|panel-left|text-quote"
)
_FIRST_TAG = re.compile(r"<svg[^>]*>")


@lru_cache(maxsize=512)
def _drawing(name: str) -> str:
    """The inside of a Lucide icon, without its <svg> element."""
    svg = str(lucide(name, size=None))
    return " ".join(_FIRST_TAG.sub("", svg, count=1).removesuffix("</svg>").split())


@lru_cache(maxsize=1024)
def _icon(name: str, size: int, filled: bool, label: str) -> SafeString:
    classes = "icon" + (" icon-turns" if _TURNING.search(name) else "") + (" icon-on" if filled else "")
    naming = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="{}" width="{}" height="{}" viewBox="0 0 24 24" {}>{}</svg>',
        classes,
        size,
        size,
        naming,
        mark_safe(_drawing(name)),  # noqa: S308  # drawn by the icon package, not by a stranger
    )


@register.simple_tag
def icon(name: str, size: int = 20, *, filled: bool = False, label: str = "") -> SafeString:
    """An inline Lucide drawing. Decorative unless `label` gives it a name of its own."""
    return _icon(str(name), size, filled, str(label) + "")  # a literal counts as safe; a sum does not


@register.simple_tag
def icon_ref(name: str, size: int = 16) -> SafeString:
    """A drawing of the page's icon sheet (`{% icon_sheet %}`): for everything that repeats in rows."""
    return _icon_ref(str(name), size)


@lru_cache(maxsize=128)
def _icon_ref(name: str, size: int) -> SafeString:
    classes = "icon" + (" icon-turns" if _TURNING.search(name) else "")
    return format_html(
        '<svg class="{}" width="{}" height="{}" aria-hidden="true"><use href="#icon-{}"/></svg>',
        classes,
        size,
        size,
        name,
    )


@register.simple_tag
def icon_sheet() -> SafeString:
    """The drawings that `icon_ref` refers to; once per page, at the start of the body."""
    return _icon_sheet()


@lru_cache(maxsize=1)
def _icon_sheet() -> SafeString:
    symbols = "".join(
        f'<symbol id="icon-{name}" viewBox="0 0 24 24">{_drawing(name)}</symbol>' for name in ROW_ICONS
    )
    return mark_safe(f'<svg class="icon-sheet" aria-hidden="true">{symbols}</svg>')  # noqa: S308


@register.simple_tag
def row_actions(unread: bool) -> SafeString:
    """The buttons that appear on a row under the pointer: the same for every row, so rendered once per language."""
    return _row_actions(bool(unread), get_language() or "")


@lru_cache(maxsize=64)
def _row_actions(unread: bool, language: str) -> SafeString:
    return mark_safe(render_to_string("components/row_actions.html", {"unread": unread}).strip())  # noqa: S308


def hue_of(text: str) -> int:
    """The label hue of a name or an address: the same in every process and every year."""
    return zlib.crc32(text.strip().lower().encode("utf-8", "replace")) % HUES


@register.filter
def hue_class(value: object) -> str:
    """`hue-0` … `hue-11` for a stored hue (0–11) or, for any other text, the hue derived from it."""
    text = str(value if value is not None else DEFAULT_HUE)
    number = int(text) % HUES if text.isascii() and text.isdigit() and len(text) < 6 else hue_of(text)
    return f"hue-{number}"


def initials(name: str, address: str = "") -> str:
    """At most two letters: first and last word of a name, one sign for CJK, else the address's first letter."""
    words = [word for word in re.split(r"[\s,._\-+@]+", name or address.split("@")[0]) if word[:1].isalnum()]
    if not words:
        return "?"
    first = words[0][0]
    if first >= "\u2e80":  # CJK and the scripts after it: one sign says enough and fits
        return first
    return (first + (words[-1][0] if len(words) > 1 else "")).upper()


@register.simple_tag
def avatar(
    name: str, address: str = "", size: int = 32, kind: str = "person", picture: str = ""
) -> SafeString:
    """A picture, or initials on a label hue: round for people, square for lists and companies. Sizes 24, 32, 36, 40."""
    text = initials(str(name or ""), str(address or ""))
    shape = "" if kind == "person" else " square"
    scale = "" if size == 32 else f" size-{size}"
    shown = format_html('<img src="{}" alt="" loading="lazy" decoding="async">', picture) if picture else text
    return format_html(
        '<span class="avatar {}{}{}" aria-hidden="true">{}</span>',
        hue_class(str(address or name or "?")),
        shape,
        scale,
        shown,
    )


def as_datetime(value: datetime | int | float | None) -> datetime | None:
    """Mail tables keep microseconds since the epoch, hosting keeps datetimes: both become local datetimes."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return timezone.localtime(value) if timezone.is_aware(value) else value
    try:
        return timezone.localtime(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(value)))
    except OverflowError:
        return None


def row_date(moment: datetime, now: datetime) -> str:
    """Today `14:32`, this year `12 Mar`, older `12/03/24` (webmail spec 3.4)."""
    if moment.date() == now.date():
        return formats.date_format(moment, pgettext("date format of a row: today", "H:i"))
    if moment.year == now.year:
        return formats.date_format(moment, pgettext("date format of a row: this year", "j M"))
    return formats.date_format(moment, pgettext("date format of a row: older", "d/m/y"))


@register.filter
def full_date(value: datetime | int | None) -> str:
    """Everything about a moment, for titles: `Thursday 12 March 2026, 14:32 CET`."""
    moment = as_datetime(value)
    return formats.date_format(moment, pgettext("full date format", "l j F Y, H:i T")) if moment else ""


@register.simple_tag
def datetime_row(value: datetime | int | None, css: str = "row-date") -> SafeString | str:
    """The date of a row as a <time> with the full date as its title."""
    moment = as_datetime(value)
    if moment is None:
        return ""
    return format_html(
        '<time class="{}" datetime="{}" title="{}">{}</time>',
        css,
        moment.isoformat(timespec="seconds"),
        full_date(moment),
        row_date(moment, timezone.localtime()),
    )


@register.filter
def long_ago(value: datetime | int | None) -> str:
    """`2 hours ago`, in the one unit that matters; nothing for the future."""
    moment = as_datetime(value)
    if moment is None:
        return ""
    minutes = int((timezone.localtime() - moment).total_seconds() // 60)
    if minutes < 0:
        return ""
    if minutes < 1:
        return _("just now")
    if minutes < 60:
        return ngettext("%d minute ago", "%d minutes ago", minutes) % minutes
    if minutes < 1440:
        return ngettext("%d hour ago", "%d hours ago", minutes // 60) % (minutes // 60)
    days = minutes // 1440
    if days < 60:
        return ngettext("%d day ago", "%d days ago", days) % days
    if days < 730:
        return ngettext("%d month ago", "%d months ago", days // 30) % (days // 30)
    return ngettext("%d year ago", "%d years ago", days // 365) % (days // 365)


@register.filter
def filesize(value: int | None) -> str:
    """`640 B`, `18 kB`, `2.4 MB`, `10 GB`; 1 kB = 1,024 bytes, as mail quotas are counted everywhere."""
    size = float(max(0, int(value or 0)))
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1023.5 or unit == "GB":
            break
        size /= 1024
    digits = 1 if unit in ("MB", "GB") and size < 10 and round(size, 1) != round(size) else 0
    return f"{formats.number_format(round(size, digits), digits, use_l10n=True)}\u00a0{unit}"


@register.filter
def count_shown(value: int | None) -> str:
    """A count with separators; beyond a hundred thousand it would no longer fit a sidebar: `99,999+`."""
    number = int(value or 0)
    shown = formats.number_format(min(number, MAX_COUNT_SHOWN), 0, use_l10n=True, force_grouping=True)
    return shown + "+" if number > MAX_COUNT_SHOWN else shown


@register.filter
def grouped(value: int | None) -> str:
    """`12,345`, however large."""
    return formats.number_format(int(value or 0), 0, use_l10n=True, force_grouping=True)


# A file is told by its icon and by its hue; families, not types, or the list would look like confetti.
_FILE_LOOKS = (
    (re.compile(r"^image/"), "image", 10),
    (re.compile(r"^(video|audio)/"), "file-play", 11),
    (re.compile(r"calendar"), "calendar", 8),
    (re.compile(r"rfc822"), "mail", 5),
    (re.compile(r"pdf"), "file-text", 1),
    (re.compile(r"zip|compressed|x-tar|x-7z|rar"), "file-archive", 3),
    (re.compile(r"sheet|excel|csv"), "file-spreadsheet", 5),
    (re.compile(r"presentation|powerpoint"), "presentation", 2),
    (re.compile(r"^text/|word|document"), "file-text", 8),
)


def _file_look(media_type: str) -> tuple[str, int | None]:
    for pattern, name, hue in _FILE_LOOKS:
        if pattern.search(media_type.lower()):
            return name, hue
    return "file", None


@register.simple_tag
def file_icon(media_type: str, size: int = 20) -> SafeString:
    """The drawing for a media type such as `application/pdf`."""
    return icon(_file_look(str(media_type or ""))[0], size)


@register.filter
def file_hue(media_type: str) -> str:
    """The hue class that goes with `file_icon`, or nothing for an unknown type."""
    hue = _file_look(str(media_type or ""))[1]
    return "" if hue is None else f"hue-{hue}"


@register.filter
def percent_of(part: int | None, whole: int | None) -> int:
    """How full something is, 0–100; an unlimited whole is never full."""
    return min(100, int(100 * int(part or 0) / int(whole))) if whole else 0


@register.filter
def fullness(part: int | None, whole: int | None) -> str:
    """The class of a quota bar: `warn` from 80 %, `danger` from 95 %."""
    percent = percent_of(part, whole)
    return "danger" if percent >= 95 else "warn" if percent >= 80 else ""


@register.simple_tag(takes_context=True)
def appearance(context: template.Context, what: str) -> str:
    """Theme, density, sidebar, pane or split of this browser, from its cookie; the server renders it, so nothing flashes."""
    choices = {
        "theme": THEMES,
        "density": DENSITIES,
        "sidebar": SIDEBARS,
        "pane": PANES,
        "split": SPLITS,
    }[what]
    request = context.get("request")
    chosen = request.COOKIES.get(what, "") if request is not None else ""
    return chosen if chosen in choices else choices[0]
