"""Mail in its own colours, for dark rooms: each colour gets a dark twin, and any text stays readable on any ground.

Grounds (backgrounds, shadows) become dark, inks (text) become light, by inverting their lightness and keeping their
hue: every ground ends at a luminance of at most GROUND and every ink at one of at least INK, so each ink on each
ground has a contrast of 4.5:1 (WCAG 2.2, 1.4.3) whatever the sender combined. Written as `light-dark(own, twin)`, so
the theme can change without asking for the mail again. A ground that was light also leaves itself behind as `--plate`,
for pictures: one that is drawn in black on nothing is meant to lie on it. Pure; works on declarations that webmail.sanitize let pass.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Sequence
from functools import lru_cache

import tinycss2
from tinycss2.color3 import RGBA, parse_color

GROUND = 0.055  # luminance
INK = 4.6 * (GROUND + 0.05) - 0.05
LINE = (0.06, 0.20)  # of borders: seen, not shouting
LIGHT = 0.18  # luminance from which a ground carries black better than white

_GROUNDS = re.compile(r"background(?:-color)?|box-shadow|text-shadow")
_LINES = re.compile(
    r"border(?:-(?:top|right|bottom|left|block|inline)(?:-(?:start|end))?)?(?:-color)?|outline(?:-color)?|column-rule"
)
_INKS = re.compile(r"color|text-decoration(?:-color)?")


def luminance(color: tuple[float, float, float]) -> float:
    """Relative luminance of sRGB, as WCAG 2.2 defines it."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def twin(color: tuple[float, float, float], role: str) -> tuple[float, float, float]:
    """The dark twin of a colour that is used as "ground", "ink" or "line"."""
    red, green, blue = (min(1.0, max(0.0, part)) for part in color)
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    if role == "ground":
        # White becomes the sheet's dark, and what was darker than it stays apart from it, if only just.
        low, high, wanted = 0.0, GROUND, (1 - light) if light > 0.5 else light * 0.6
        saturation = min(saturation, 0.7)
    elif role == "ink":
        low, high, wanted = INK, 1.0, (1 - light) if light < 0.5 else light
    else:
        low, high, wanted = *LINE, 1 - light
    return _within((hue, max(0.09, min(0.95, wanted)), saturation), low, high)


def _within(hls: tuple[float, float, float], low: float, high: float) -> tuple[float, float, float]:
    """The colour of that hue whose luminance lies between two bounds, with as little change of lightness as does it."""
    hue, light, saturation = hls
    made = colorsys.hls_to_rgb(hue, light, saturation)
    if low <= luminance(made) <= high:
        return made
    too_dark = luminance(made) < low
    darker, lighter = (light, 1.0) if too_dark else (0.0, light)
    for _halving in range(14):  # luminance grows with lightness
        middle = (darker + lighter) / 2
        at = luminance(colorsys.hls_to_rgb(hue, middle, saturation))
        if at < low or (not too_dark and at <= high):
            darker = middle
        else:
            lighter = middle
    return colorsys.hls_to_rgb(hue, lighter if too_dark else darker, saturation)


# --- colours in text ----------------------------------------------------------------------------------------
def _written(color: tuple[float, float, float], *, up: bool) -> str:
    """Hexadecimal, rounded to the side that keeps the bound."""
    return "#" + "".join(f"{min(255, int(part * 255 + (0.999 if up else 0.0))):02x}" for part in color)


def _role(name: str) -> str:
    if _INKS.fullmatch(name):
        return "ink"
    if _GROUNDS.fullmatch(name):
        return "ground"
    return "line" if _LINES.fullmatch(name) else ""


@lru_cache(maxsize=4096)
def _pair(text: str, role: str) -> str:
    """`light-dark(own, twin)` of one colour; "" for what is none, or is the same in both."""
    color = parse_color(text)
    if not isinstance(color, RGBA) or color.alpha == 0:
        return ""
    made = _written(twin((color.red, color.green, color.blue), role), up=role == "ink")
    if role == "ground" and color.alpha < 1:
        made += f"{round(color.alpha * 255):02x}"
    return f"light-dark({text},{made})"


@lru_cache(maxsize=4096)
def _plate(text: str) -> str:
    """What a picture on this ground lies on in the dark: the ground as its sender had it, if that was light."""
    color = parse_color(text)
    if not isinstance(color, RGBA) or color.alpha < 1:
        return ""
    light = luminance((color.red, color.green, color.blue)) >= LIGHT
    return f"--plate:{text}" if light else "--plate:transparent"


def dark_attribute(name: str, value: str) -> str:
    """The declaration that stands for a `bgcolor` or `color` attribute, with its twin; "" if it names no colour."""
    text = value.strip()[:40]
    if re.fullmatch(r"[0-9A-Fa-f]{6}", text):
        text = f"#{text}"  # as browsers read these attributes
    paired = _pair(text, "ink" if name == "color" else "ground") if re.fullmatch(r"#?\w+", text) else ""
    if not paired:
        return ""
    return f"color:{paired}" if name == "color" else f"background-color:{paired};{_plate(text)}"


@lru_cache(maxsize=4096)
def dark_declarations(text: str) -> str:
    """Declarations with every colour paired. What names no colour stays as it is."""
    made = []
    for node in tinycss2.parse_declaration_list(text, skip_comments=True, skip_whitespace=True):
        if node.type != "declaration":
            continue
        role = _role(node.lower_name)
        value = _paired(node.value, role) if role else tinycss2.serialize(node.value)
        made.append(f"{node.lower_name}:{value.strip()}{' !important' if node.important else ''}")
        if node.lower_name in ("background", "background-color"):
            texts = (tinycss2.serialize([each]) for each in node.value if each.type != "whitespace")
            made += [plate for text in texts if len(text) < 80 and (plate := _plate(text))][:1]
    return ";".join(made)


def _paired(nodes: Sequence[tinycss2.ast.Node], role: str) -> str:
    """The value with its colours paired; written as one list, so that no two tokens run together into a third."""
    parts = []
    for node in nodes:
        paired = ""
        if node.type in ("ident", "hash", "function"):
            text = tinycss2.serialize([node])
            paired = _pair(text, role) if len(text) < 80 else ""
        parts.append(tinycss2.parse_one_component_value(paired) if paired else node)
    return tinycss2.serialize(parts)


def dark_sheet(text: str) -> str:
    """A style sheet, as webmail.sanitize writes it, with every colour paired."""
    return _dark_rules(tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True), 0)


def _dark_rules(nodes: Sequence[tinycss2.ast.Node], depth: int) -> str:
    made = []
    for node in nodes:
        if node.type == "qualified-rule":
            selector = tinycss2.serialize(node.prelude).strip()
            made.append(f"{selector}{{{dark_declarations(tinycss2.serialize(node.content))}}}")
        elif node.type == "at-rule" and node.content and depth < 2:
            inner = tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
            query = tinycss2.serialize(node.prelude).strip()
            made.append(f"@{node.lower_at_keyword} {query}{{{_dark_rules(inner, depth + 1)}}}")
    return "".join(made)
