"""Every text goes through gettext, and pages hold in a language that is longer and in one that is mirrored."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.utils import translation

from hosting import accounts
from hosting.actor import system
from hosting.models import Account, AuditEntry, Role, Tenant
from tests.webmail.literals import BASE, in_python, in_script, in_template, visible_words
from tests.webmail.mail_world import Reader
from webmail import catalogues, i18n, languages
from webmail.models import Preferences

ALL = languages.offered(Path("nowhere"), development=True)
LONG = {"HTTP_ACCEPT_LANGUAGE": languages.ACCENTED}
MIRRORED = {"HTTP_ACCEPT_LANGUAGE": languages.MIRRORED}

# The kit's own showcase has sample texts; the demo's mail is mail.
_SHOWCASE = ("styleguide", "webmail/demo/", "webmail/up.py", "/management/")


def _sources(folder: str, ending: str) -> list[Path]:
    found = sorted((BASE / folder).rglob(f"*.{ending}"))
    return [path for path in found if not any(part in path.as_posix() for part in _SHOWCASE)]


def _named(path: Path) -> str:
    return path.relative_to(BASE).as_posix()


def test_every_word_of_a_template_is_asked_of_gettext() -> None:
    found = {
        _named(path): words
        for path in _sources("templates", "html")
        if (words := in_template(path.read_text()))
    }
    assert found == {}


def test_no_sentence_stands_in_the_code_untranslated() -> None:
    paths = [path for folder in ("webmail", "hosting") for path in _sources(folder, "py")]
    found = {_named(path): said for path in paths if (said := list(in_python(path.read_text())))}
    assert found == {}


def test_scripts_hold_no_sentences() -> None:
    found = {
        _named(path): said
        for path in _sources("static/js", "js")
        if (said := list(in_script(path.read_text())))
    }
    assert found == {}


def test_the_checks_above_find_what_they_look_for() -> None:
    assert in_template('<p>Hello {{ name }}</p><a title="Go there">{% translate "Go" %}</a>') == [
        (1, "Hello \u0001"),
        (1, "Go there"),
    ]
    assert list(
        in_python('"""A docstring is fine."""\nsay("Nothing was found.")\nsay(_("All is well here."))')
    ) == [(2, "Nothing was found.")]
    assert list(in_script('toast("Nothing was found.");')) == [(1, "Nothing was found.")]


def test_texts_are_found_in_templates_and_in_code_with_plural_and_context() -> None:
    found = {(each.context, each.text): each for each in catalogues.messages()}
    assert len(found) > 500
    assert found["", "Select all on this page"].place == "templates/webmail/tools.html"
    assert found["", "%d minute ago"].plural == "%d minutes ago"
    assert ("mailbox", "Sent") in found
    assert found["", "%(n)s attachment"].plural == "%(n)s attachments"


def test_one_and_many_fill_in_the_same_things() -> None:
    names = re.compile(r"%\((\w+)\)|%([sd])")
    for each in catalogues.messages():
        if each.plural:
            one, many = set(names.findall(each.text)), set(names.findall(each.plural))
            assert one <= many, each  # "a conversation" need not say its number


def test_a_translation_is_kept_up_to_date_and_compiled(tmp_path: Path) -> None:
    book = tmp_path / "pt_BR" / "LC_MESSAGES" / "django.po"
    book.parent.mkdir(parents=True)
    old = polib.POFile()
    old.metadata = {"Content-Type": "text/plain; charset=utf-8"}
    old.append(polib.POEntry(msgid="Archive", msgstr="Arquivar"))
    old.append(polib.POEntry(msgid="Gone from the sources", msgstr="Sumiu"))
    old.save(str(book))
    assert catalogues.write(tmp_path) > 500
    kept = polib.pofile(str(book))
    assert kept.find("Archive").msgstr == "Arquivar"
    assert kept.find("Undo").msgstr == ""
    assert [each.msgid for each in kept.obsolete_entries()] == ["Gone from the sources"]
    assert catalogues.compile_into(tmp_path / "made", folder=tmp_path) == ["pt_BR"]
    with override_settings(
        LOCALE_PATHS=[tmp_path / "made"], LANGUAGES=languages.offered(tmp_path, development=False)
    ):
        assert ("pt-br", "Português (Brasil)") in settings.LANGUAGES
        with translation.override("pt-br"):
            assert translation.gettext("Archive") == "Arquivar"


# --- the languages made by a program --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    ["Archive", "%(count)d conversations moved to %(target)s.", "Delete <b>all</b> {n}?", "%d selected"],
)
def test_a_made_text_is_longer_and_fills_in_the_same_things(text: str) -> None:
    made = i18n.accented(text)
    filled = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}|<[^>]+>")
    assert Counter(filled.findall(made)) == Counter(filled.findall(text))
    assert len(made) >= len(text) * 1.2
    assert not re.search(r"[aeiou]", filled.sub("", made))


def test_a_format_of_dates_is_not_a_text() -> None:
    with override_settings(LANGUAGES=ALL), translation.override(i18n.ready(languages.ACCENTED)):
        assert translation.pgettext("full date format", "l j F Y, H:i T") == "l j F Y, H:i T"
        assert translation.ngettext("%d day ago", "%d days ago", 3).startswith("[%d ")


def _strange(html: str) -> list[str]:
    """Words of a page that no made text holds; what people wrote is in Greek here, and addresses are addresses."""
    found = []
    for _line, text in visible_words(re.sub(r"(?s)<template.*?</template>", "", html)):
        rest = re.sub(r"\[[^\[\]]*\]|\S+@\S+|\S+\.(?:test|eml|zip|txt)\b|\d+\S*", "", text)
        rest = re.sub(r"(?:Ctrl|Shift|Alt)\+\S+|\bg [a-z]\b|\* [a-z]\b|UTC|CET|Mailstead", "", rest)
        if re.search(r"[A-Za-z]{3,}", rest):
            found.append(text)
    return found


def _write_home(ann: Reader) -> int:
    ann.receive(subject="Άγκυρα", to=ann.account.username, sender="Αλίκη <alice@example.test>", body="Λόγια")
    return ann.receive(
        subject="Δέντρο", to=ann.account.username, sender="Βάσω <vaso@example.test>", body="Λόγια"
    )


@pytest.mark.parametrize(
    "place", ["inbox/", "sent/", "trash/", "settings/", "search/?q=ά", "inbox/{thread}/"]
)
def test_a_page_of_mail_says_nothing_that_gettext_was_not_asked(ann: Reader, place: str) -> None:
    """What a template builds from code is seen only when it is drawn."""
    thread = _write_home(ann)
    Account.objects.filter(pk=ann.account.pk).update(full_name="Άννα")
    with override_settings(LANGUAGES=ALL):
        html = ann.get(f"/mail/{place.format(thread=thread)}", **LONG).content.decode()
    assert 'lang="en-xa" dir="ltr"' in html
    zones = re.sub(r'(?s)<select[^>]*name="time_zone".*?</select>', "", html)
    choices = re.sub(r'(?s)<select[^>]*name="language".*?</select>', "", zones)
    assert _strange(choices) == []


PANEL = ("", "customers/", "customers/add/", "domains/", "domains/add/", "accounts/", "changes/", "find/")  # fmt: skip


@pytest.mark.parametrize("place", PANEL)
def test_a_page_of_the_panel_says_nothing_that_gettext_was_not_asked(
    host: Tenant, client: Client, place: str
) -> None:
    chief = Account.objects.create(username="chief@example.test", tenant=host, full_name="Άρης")
    accounts.give_role(chief, host, kind=Role.OWNER, actor=system("test"))
    Tenant.objects.filter(pk=host.pk).update(name="Θόλος")
    AuditEntry.objects.update(via="demo", actor_name="demo", object_name="Θόλος", after={"kind": "owner"})
    client.force_login(chief, backend=settings.AUTHENTICATION_BACKENDS[0])
    with override_settings(LANGUAGES=ALL):
        answer = client.get(f"/panel/{place}", **LONG)
    assert answer.status_code == 200
    assert _strange(answer.content.decode()) == []


# --- which language ---------------------------------------------------------------------------------------------
def test_the_browser_is_asked_and_a_person_may_choose_another(ann: Reader) -> None:
    with override_settings(LANGUAGES=ALL):
        assert 'lang="en"' in ann.page("/mail/inbox/")
        assert 'dir="rtl"' in ann.get("/mail/inbox/", **MIRRORED).content.decode()
        Preferences.objects.create(account=ann.account, language=languages.ACCENTED)
        answer = ann.get("/mail/inbox/", **MIRRORED)
        assert 'lang="en-xa" dir="ltr"' in answer.content.decode()
        assert answer["Content-Language"] == "en-xa"
        assert "Accept-Language" in answer["Vary"]
        kept = ann.client.cookies[settings.LANGUAGE_COOKIE_NAME]
        assert kept.value == "en-xa"
        assert kept["httponly"]
        stranger = Client()
        stranger.cookies[settings.LANGUAGE_COOKIE_NAME] = kept.value
        assert 'lang="en-xa"' in stranger.get("/").content.decode()  # the sign-in, too, in this browser
        Preferences.objects.update(language="")
        answer = ann.get("/mail/inbox/", **MIRRORED)
        assert 'dir="rtl"' in answer.content.decode()
        assert ann.client.cookies[settings.LANGUAGE_COOKIE_NAME].value == ""


def test_a_language_there_is_not_changes_nothing(ann: Reader) -> None:
    Preferences.objects.create(account=ann.account, language="en-xa")
    ann.client.cookies[settings.LANGUAGE_COOKIE_NAME] = "tlh"
    assert 'lang="en" dir="ltr"' in ann.get("/mail/inbox/", **{"HTTP_ACCEPT_LANGUAGE": "ar-xb, tlh;q=0.9, *;q=0.1"}).content.decode()  # fmt: skip


def test_rows_are_drawn_anew_for_each_language(ann: Reader) -> None:
    _write_home(ann)
    with override_settings(LANGUAGES=ALL):
        plain, long = ann.page("/mail/inbox/"), ann.get("/mail/inbox/", **LONG).content.decode()
        assert "Select Άγκυρα" in plain
        assert "Select Άγκυρα" not in long
        assert ann.page("/mail/inbox/") == plain or "Select Άγκυρα" in ann.page("/mail/inbox/")


@pytest.mark.parametrize(("development", "count"), [(True, 3), (False, 1)])
def test_the_made_languages_are_offered_to_those_who_build_pages_only(
    tmp_path: Path, development: bool, count: int
) -> None:
    assert len(languages.offered(tmp_path, development=development)) == count
