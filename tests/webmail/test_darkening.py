"""Dark twins of colours: any text on any ground stays readable."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webmail.darkening import GROUND, dark_attribute, dark_declarations, dark_sheet, luminance, twin


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """WCAG 2.2: 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


part = st.floats(min_value=0, max_value=1)
colour = st.tuples(part, part, part)
HEX = re.compile(r"light-dark\([^,]+(?:,[^#]+)*,(#[0-9a-f]{6})")


def rgb(text: str) -> tuple[float, float, float]:
    return (int(text[1:3], 16) / 255, int(text[3:5], 16) / 255, int(text[5:7], 16) / 255)


@settings(max_examples=500, deadline=None)
@given(colour, colour)
def test_every_ink_is_readable_on_every_ground(
    ink: tuple[float, float, float], ground: tuple[float, float, float]
) -> None:
    assert contrast(twin(ink, "ink"), twin(ground, "ground")) >= 4.5


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 0xFFFFFF), st.integers(0, 0xFFFFFF))
def test_it_holds_for_what_is_written_too(ink: int, ground: int) -> None:
    made = dark_declarations(f"color:#{ink:06x};background:#{ground:06x}")
    found = [rgb(each) for each in HEX.findall(made)]
    assert len(found) == 2
    assert contrast(*found) >= 4.5


@settings(max_examples=200, deadline=None)
@given(colour)
def test_grounds_are_dark_and_lines_are_seen(any_colour: tuple[float, float, float]) -> None:
    assert luminance(twin(any_colour, "ground")) <= GROUND + 1e-9
    assert 0.05 <= luminance(twin(any_colour, "line")) <= 0.21


def test_white_paper_turns_dark_and_black_text_light() -> None:
    made = dark_declarations("color:#000;background-color:#ffffff;padding:4px")
    ink, ground = (rgb(each) for each in HEX.findall(made))
    assert luminance(ink) > 0.8
    assert luminance(ground) < 0.02
    assert made.endswith(";padding:4px")


def test_a_brand_keeps_its_hue() -> None:
    red, green, blue = twin((0.0, 0.2, 0.8), "ground")
    assert blue > green > red


@pytest.mark.parametrize(
    ("given_", "made"),
    [
        ("margin:0", "margin:0"),
        ("color:inherit", "color:inherit"),
        ("background:transparent", "background:transparent"),
        ("color:currentcolor", "color:currentcolor"),
        ("border:1px solid", "border:1px solid"),
        ("background:none", "background:none"),
    ],
)
def test_what_names_no_colour_stays(given_: str, made: str) -> None:
    assert dark_declarations(given_) == made


def test_colours_are_found_wherever_a_value_names_them() -> None:
    assert "1px solid light-dark(#ccc,#" in dark_declarations("border:1px solid #ccc")
    assert "light-dark(rgb(1,2,3),#" in dark_declarations("color:rgb(1,2,3) !important")
    assert dark_declarations("color:red !important").endswith(" !important")
    assert re.search(
        r"rgba\(255,255,255,\.5\),#[0-9a-f]{6}80\)", dark_declarations("background:rgba(255,255,255,.5)")
    )
    assert dark_attribute("bgcolor", "FFFFFF").startswith("background-color:light-dark(#FFFFFF,#")
    assert dark_attribute("color", "red").startswith("color:light-dark(red,#")
    assert dark_attribute("color", "red;x:y") == ""
    sheet = dark_sheet("p{color:#333}@media (max-width:9px){p{background:#fff}}")
    assert sheet.startswith("p{color:light-dark(#333,#")
    assert "@media (max-width:9px){p{background:light-dark(#fff,#" in sheet


def test_a_light_ground_stays_behind_its_pictures() -> None:
    """A logo in black on nothing is meant for the ground that was there."""
    assert dark_declarations("background:#fff no-repeat").endswith(" no-repeat;--plate:#fff")
    assert dark_declarations("background-color:navy").endswith(";--plate:transparent")
    assert "--plate" not in dark_declarations("background:none;color:#fff")
    assert "--plate" not in dark_declarations("background:rgba(255,255,255,.5)")
    assert dark_attribute("bgcolor", "FFFFFF").endswith(";--plate:#FFFFFF")
    assert dark_attribute("bgcolor", "#101820").endswith(";--plate:transparent")
    assert "--plate:#eee" in dark_sheet("td{background:#eee}")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="color:background#fff;()rgb,!important{}url @<>/*", max_size=120))
def test_no_style_breaks_it(text: str) -> None:
    dark_declarations(text)
    dark_sheet(text)
