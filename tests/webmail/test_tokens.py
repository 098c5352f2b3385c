"""The colours of the design system keep their promises: contrast is computed from static/css/app.css itself.

Ratios are those of WCAG 2.2 (relative luminance); oklch is converted as CSS Color 4 §10 and clipped to sRGB the way
a browser does, so a new token value that reads badly fails here and not on somebody's screen.
"""

import math
import re
from pathlib import Path

import pytest

CSS = (Path(__file__).parents[2] / "static/css/app.css").read_text()
THEMES = ("light", "dark")
TEXT = ("ink", "ink-2", "ink-3", "accent", "danger", "warn", "info", "good")
GROUNDS = ("desk", "sheet", "accent-soft")
Colour = tuple[float, float, float]


def _hex(text: str) -> Colour:
    return tuple(int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))  # type: ignore[return-value]


def _oklch(lightness: float, chroma: float, hue: float) -> Colour:
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return tuple(_encode(min(1.0, max(0.0, part))) for part in linear)  # type: ignore[return-value]


def _encode(part: float) -> float:
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055


def _luminance(colour: Colour) -> float:
    parts = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour)
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(one: Colour, other: Colour) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _tokens(theme: str) -> dict[str, Colour]:
    pairs = re.findall(
        r"--([a-z0-9-]+): light-dark\((#[0-9A-Fa-f]{6}|#[0-9A-Fa-f]{3}), (#[0-9A-Fa-f]{6})\)", CSS
    )
    return {name: _hex(light if theme == "light" else dark) for name, light, dark in pairs}


def _hues(theme: str) -> dict[str, list[Colour]]:
    number = r"([\d.]+)"
    found: dict[str, list[Colour]] = {}
    for name in ("hue-soft", "hue-ink", "hue-mark"):
        half = rf"oklch\({number} {number} var\(--hue\)\)"
        match = re.search(rf"--{name}: light-dark\({half}, {half}\)", CSS)
        assert match, name
        values = [float(value) for value in match.groups()]
        lightness, chroma = values[:2] if theme == "light" else values[2:]
        found[name] = [_oklch(lightness, chroma, hue) for hue in range(0, 360, 30)]
    return found


def test_the_arithmetic_of_contrast_is_that_of_wcag() -> None:
    assert contrast(_hex("#000000"), _hex("#FFFFFF")) == pytest.approx(21.0)
    assert contrast(_hex("#767676"), _hex("#FFFFFF")) == pytest.approx(4.54, abs=0.01)
    assert _oklch(1, 0, 0) == pytest.approx((1, 1, 1), abs=1e-4)
    assert _oklch(0.62796, 0.25768, 29.234) == pytest.approx((1, 0, 0), abs=2e-3)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", [*GROUNDS, "raised"])
def test_text_reads_on_every_ground(theme: str, ground: str) -> None:
    tokens = _tokens(theme)
    ratios = {name: round(contrast(tokens[name], tokens[ground]), 2) for name in TEXT}
    assert min(ratios.values()) >= 4.5, ratios


@pytest.mark.parametrize("theme", THEMES)
def test_ink_reads_on_sunk_grounds_and_plain_faces(theme: str) -> None:
    tokens = _tokens(theme)
    ratios = {
        (i, g): contrast(tokens[i], tokens[g]) for i in ("ink", "ink-2", "ink-3") for g in ("sunk", "face")
    }
    assert min(ratios.values()) >= 4.5, ratios


@pytest.mark.parametrize("theme", THEMES)
def test_marks_and_borders_stand_out_by_three_to_one(theme: str) -> None:
    tokens = _tokens(theme)
    ratios = {(n, g): contrast(tokens[n], tokens[g]) for n in ("star", "line-strong") for g in GROUNDS}
    assert min(ratios.values()) >= 3, ratios


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("meaning", ["danger", "warn", "info", "good"])
def test_a_meaning_reads_on_its_soft_ground(theme: str, meaning: str) -> None:
    tokens = _tokens(theme)
    assert contrast(tokens[meaning], tokens[f"{meaning}-soft"]) >= 5.6


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("face", ["accent", "danger"])
def test_the_word_on_a_full_button_reads(theme: str, face: str) -> None:
    tokens = _tokens(theme)
    assert contrast(tokens[f"on-{face}"], tokens[face]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_every_label_hue_reads(theme: str) -> None:
    hues = _hues(theme)
    ratios = [contrast(ink, soft) for ink, soft in zip(hues["hue-ink"], hues["hue-soft"], strict=True)]
    assert min(ratios) >= 4.5, ratios


@pytest.mark.parametrize("theme", THEMES)
def test_the_mark_of_a_label_is_seen_on_the_desk(theme: str) -> None:
    desk = _tokens(theme)["desk"]
    assert min(contrast(mark, desk) for mark in _hues(theme)["hue-mark"]) >= 3


def test_there_are_twelve_hues_in_steps_of_thirty_degrees() -> None:
    found = {int(n): int(h) for n, h in re.findall(r"\.hue-(\d+) \{ --hue: (\d+); \}", CSS)}
    assert found == {number: number * 30 for number in range(12)}


def test_styles_use_no_colour_that_is_not_a_token() -> None:
    for name in ("components.css", "mail.css", "panel.css"):
        text = re.sub(
            r"/\*.*?\*/", "", (Path(__file__).parents[2] / "static/css" / name).read_text(), flags=re.DOTALL
        )
        strangers = [
            c
            for c in re.findall(r"#[0-9A-Fa-f]{3,8}\b(?=[,;) ])|\brgb\(|\boklch\(", text)
            if c not in ("#000", "#fff")
        ]
        assert strangers == [], f"{name}: {strangers}"
