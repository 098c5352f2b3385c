"""Which languages there are: those with a catalogue in locale/, and two made by a program for those who build pages.

`locale/<language>/LC_MESSAGES/django.po` is what a translator writes; `manage.py messages` brings it up to date with
the sources and `manage.py prepare` compiles it (webmail/catalogues.py). English is the language of the sources and
needs none. The two others are no translations: webmail/i18n.py makes their texts while pages are drawn, English in
accents and 40 % longer (`en-xa`), and the same from right to left (`ar-xb`). What stays plain English there was
never given to gettext; what overflows there will overflow in German. They can be chosen with DEBUG or
DEVELOPMENT_LANGUAGES only.

Read by webmail/settings.py: imports nothing of Django.
"""

from __future__ import annotations

from pathlib import Path

ENGLISH = ("en", "English")
ACCENTED, MIRRORED = "en-xa", "ar-xb"
DEVELOPMENT = ((ACCENTED, "[Ĺōñĝ áççéñţš]"), (MIRRORED, "[Ṁíŕŕōŕéđ]"))

# A language calls itself by its own name.
NAMES = {
    "ar": "العربية",
    "cs": "Čeština",
    "da": "Dansk",
    "de": "Deutsch",
    "es": "Español",
    "fi": "Suomi",
    "fr": "Français",
    "he": "עברית",
    "it": "Italiano",
    "ja": "日本語",
    "nl": "Nederlands",
    "pl": "Polski",
    "pt-br": "Português (Brasil)",
    "sv": "Svenska",
    "tr": "Türkçe",
    "uk": "Українська",
    "zh-hans": "中文",
}


def code_of(folder: str) -> str:
    """`pt_BR`, the name of a folder, is `pt-br`, the name of a language."""
    return folder.replace("_", "-").lower()


def offered(folder: Path, *, development: bool) -> list[tuple[str, str]]:
    """What a person may choose from: English, every language with a catalogue, and on request the made ones."""
    found = sorted(code_of(path.parent.parent.name) for path in folder.glob("*/LC_MESSAGES/django.po"))
    translated = [(code, NAMES.get(code, code)) for code in found if code != ENGLISH[0]]
    return [ENGLISH, *translated, *(DEVELOPMENT if development else ())]
