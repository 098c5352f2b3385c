"""What the template tags of the design system draw and say."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone, translation

from webmail.templatetags import look

NOW = datetime(2026, 11, 23, 14, 32, tzinfo=UTC)


def render(source: str, **context: Any) -> str:
    return Template("{% load look fields %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2026, 11, 23, 9, 5, tzinfo=UTC), "09:05"),
        (datetime(2026, 3, 12, 9, 5, tzinfo=UTC), "12 Mar"),
        (datetime(2024, 3, 12, 9, 5, tzinfo=UTC), "12/03/24"),
    ],
)
def test_a_row_shows_the_time_today_the_day_this_year_and_the_date_before(
    moment: datetime, shown: str
) -> None:
    assert look.row_date(moment, NOW) == shown


def test_a_date_given_in_microseconds_is_that_of_the_datetime() -> None:
    microseconds = int(NOW.timestamp()) * 1_000_000
    with timezone.override("Europe/Berlin"):
        assert look.full_date(microseconds) == look.full_date(NOW) == "Monday 23 November 2026, 15:32 CET"
        assert 'datetime="2026-11-23T15:32:00+01:00"' in look.datetime_row(microseconds)


@pytest.mark.parametrize("value", [None, "", 10**30])
def test_a_date_that_is_missing_or_absurd_shows_nothing(value: Any) -> None:
    assert look.datetime_row(value) == ""


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (640, "640 B"), (18_000, "18 kB"), (2_516_582, "2.4 MB"), (10 * 1024**3, "10 GB"), (None, "0 B"), (1023 * 1024 + 1000, "1 MB")],
)  # fmt: skip
def test_sizes_are_said_in_the_largest_unit_that_fits(size: int | None, shown: str) -> None:
    assert look.filesize(size).replace("\u00a0", " ") == shown


@pytest.mark.parametrize(
    ("name", "address", "shown"),
    [
        ("Ada Marchetti", "", "AM"),
        ("ada", "", "A"),
        ("", "ben.okafor@example.test", "BO"),
        ("山田 太郎", "", "山"),
        ('"  "', "", "?"),
        ("", "", "?"),
        ("Juan Carlos de la Cruz", "", "JC"),
    ],
)
def test_initials_come_from_the_first_and_the_last_word(name: str, address: str, shown: str) -> None:
    assert look.initials(name, address) == shown


def test_the_hue_of_an_address_never_changes_and_a_stored_hue_is_itself() -> None:
    assert look.hue_class("Ada@Marchetti.test") == look.hue_class("ada@marchetti.test ")
    assert [look.hue_class(n) for n in (0, 11, "3", 12, None)] == [
        "hue-0",
        "hue-11",
        "hue-3",
        "hue-0",
        "hue-5",
    ]
    assert look.hue_class("²") in {f"hue-{n}" for n in range(12)}


def test_a_stranger_cannot_write_markup_through_a_name() -> None:
    drawn = render("{% avatar name address %}", name="<b>x</b>", address='"><script>')
    assert "<b>" not in drawn
    assert "<script" not in drawn


def test_an_icon_is_silent_unless_it_is_named() -> None:
    assert 'aria-hidden="true"' in render('{% icon "archive" %}')
    assert 'aria-label="A &lt;b&gt;"' in render('{% icon "archive" label="A <b>" %}')


def test_the_icon_sheet_holds_every_drawing_that_partials_refer_to() -> None:
    sheet = look.icon_sheet()
    folder = Path(__file__).parents[2] / "templates"
    used = {
        word.split('"')[1]
        for path in folder.rglob("*.html")
        for word in path.read_text().split("{% icon_ref ")[1:]
        if word.startswith('"')
    }
    assert {name for name in used if f'id="icon-{name}"' not in sheet} == set()


def test_counts_carry_separators_and_stop_where_a_column_would_burst() -> None:
    assert look.count_shown(12_345) == "12,345"
    assert look.count_shown(1_000_000) == "99,999+"
    assert look.grouped(1_234_567) == "1,234,567"


@pytest.mark.parametrize(("used", "shown"), [(10, ""), (80, "warn"), (96, "danger"), (200, "danger")])
def test_a_quota_bar_warns_before_the_mailbox_is_full(used: int, shown: str) -> None:
    assert look.fullness(used, 100) == shown
    assert look.fullness(used, 0) == ""


def test_appearance_takes_a_known_cookie_only() -> None:
    request = RequestFactory().get("/")
    request.COOKIES.update(theme="dark", density='"><script>')
    context = Context({"request": request})
    assert look.appearance(context, "theme") == "dark"
    assert look.appearance(context, "density") == "default"
    assert look.appearance(Context(), "theme") == "system"


class _Form(forms.Form):
    name = forms.CharField(
        widget=forms.TextInput(attrs={"class": "wide", "autocomplete": "name"}), help_text="Seen by all."
    )
    size = forms.IntegerField(required=False)
    keep = forms.BooleanField(required=False)


def test_a_field_with_an_error_names_it_for_screen_readers() -> None:
    shown = render('{% include "components/field.html" %}', field=_Form({})["name"])
    assert 'class="input wide"' in shown
    assert 'autocomplete="name"' in shown
    assert 'aria-invalid="true"' in shown
    assert 'id="id_name_error"' in shown
    assert 'id="id_name_helptext"' in shown
    assert 'aria-describedby="id_name_helptext id_name_error"' in shown or "aria-describedby=" in shown


def test_each_kind_of_field_gets_its_control() -> None:
    form = _Form()
    assert 'class="input number"' in render("{{ field|control }}", field=form["size"])
    assert 'class="check"' in render("{{ field|control }}", field=form["keep"])


def test_row_actions_offer_the_opposite_of_the_state() -> None:
    with translation.override("en"):
        assert 'data-action="read"' in look.row_actions(True)
        assert 'data-action="unread"' in look.row_actions(False)


@override_settings(DEMO=False, DEBUG=False)
def test_the_styleguide_exists_in_development_and_demo_only(client: Client) -> None:
    assert client.get("/styleguide").status_code == 404
    with override_settings(DEMO=True):
        for screen in ("", "mail", "conversation", "panel", "sign-in", "../../etc/passwd"):
            page = client.get("/styleguide", {"screen": screen})
            assert page.status_code == 200
            assert b"style=" not in page.content  # the policy forbids inline styles


def test_the_error_pages_need_no_context() -> None:
    for name in ("404", "403", "403_csrf", "500"):
        assert 'class="desk-title"' in render_to_string(f"{name}.html")
