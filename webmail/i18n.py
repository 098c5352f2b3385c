"""The language a page is in, and the two languages that a program makes (webmail/languages.py says what for).

`Language` is a middleware: a browser's cookie, else its Accept-Language, among the languages there are. Who is signed
in to web mail and has chosen a language gets that one in every browser: `speaking` says which, webmail.visit puts the
page into it, and the middleware leaves it to the browser as a cookie, so that the panel and the sign-in follow.

`Accented` and `Mirrored` answer in place of a catalogue: whatever gettext is asked for comes back changed, with what
is filled in (%s, {name}, markup) left alone. Format strings of dates are no texts: their context says "format".
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import trans_real

from webmail.languages import ACCENTED, MIRRORED

CONTEXT = "\x04"  # between the context and the text of a message
_FIXED = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w*\}|<[^<>]*>|&\w+;")
_PLAIN = "AEIOUYaeiouycdghjklnrstwzCDGHJKLNRSTWZ"
_ACCENTED = "ÅÉÎÖÛÝåéîöûýçđĝĥĵķļñŕšţŵžÇĐĜĤĴĶĻÑŔŠŢŴŽ"
_ACCENTS = str.maketrans(_PLAIN, _ACCENTED)
_FILLING = "ļöñĝ ŵöŕđš ķéép šţŕéţçĥîñĝ "
GROWTH = 0.4
RIGHT_TO_LEFT = "\u200f"


def accented(text: str) -> str:
    """`Archive` → `[Åŕçĥîvéļöñ]`: 40 % longer; one word grows into a longer word, a sentence by more words."""
    if not text.strip():
        return text
    letters = len(_FIXED.sub("", text))
    more = max(1, round(letters * GROWTH))
    filling = _FILLING if " " in text.strip() else _FILLING.replace(" ", "")
    grown = (filling * (more // len(filling) + 1))[:more].strip()
    between = " " if filling is _FILLING else ""
    parts, fixed = _FIXED.split(text), [*_FIXED.findall(text), ""]
    shown = "".join(part.translate(_ACCENTS) + kept for part, kept in zip(parts, fixed, strict=True))
    return f"[{shown}{between}{grown}]"


class Accented(trans_real.DjangoTranslation):
    """Answers for a catalogue that holds everything."""

    def change(self, text: str) -> str:
        return accented(text)

    def gettext(self, message: str) -> str:
        context, mark, text = message.rpartition(CONTEXT)
        return text if mark and "format" in context else self.change(text)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


class Mirrored(Accented):
    """The same from right to left: the marks make a text that is asked for its direction say so."""

    def change(self, text: str) -> str:
        return f"{RIGHT_TO_LEFT}{accented(text)}{RIGHT_TO_LEFT}" if text.strip() else text


_MADE: dict[str, type[Accented]] = {ACCENTED: Accented, MIRRORED: Mirrored}
_made: dict[str, Accented] = {}


def ready(language: str) -> str:
    """The language, ready to be activated: a made one has no file that Django could find by itself."""
    if language in _MADE and not isinstance(trans_real._translations.get(language), Accented):  # type: ignore[attr-defined]
        made = _made.get(language) or _made.setdefault(language, _MADE[language](language))
        trans_real._translations[language] = made  # type: ignore[attr-defined]
    return language


def is_offered(language: str) -> bool:
    return any(language == code for code, _name in settings.LANGUAGES)


def of_browser(request: HttpRequest) -> str:
    """What a browser asks for, among what there is."""
    for language, _quality in trans_real.parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        if language == "*":
            break
        try:
            return translation.get_supported_language_variant(language)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE


def speaking(chosen: str, request: HttpRequest) -> str:
    """The language of somebody who has chosen one, else that of the browser."""
    return ready(chosen if is_offered(chosen) else of_browser(request))


class Language:
    """Middleware. Works for sync and async views without a thread hop."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        kept = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        language = ready(kept if is_offered(kept) else of_browser(request))
        translation.activate(language)
        request.LANGUAGE_CODE = language  # type: ignore[attr-defined]
        response = self.get_response(request)
        if inspect.isawaitable(response):
            return self._later(request, response)
        return _said(request, response)

    async def _later(self, request: HttpRequest, response: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        return _said(request, await response)


def _said(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The answer with its language, and with the cookie that the person's own choice asks for."""
    visit = getattr(request, "visit", None)
    kept = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    if visit is not None and visit.preferences.language != kept:
        _keep(response, visit.preferences.language)
    response.headers.setdefault("Content-Language", getattr(request, "LANGUAGE_CODE", settings.LANGUAGE_CODE))
    patch_vary_headers(response, ("Accept-Language",))
    return response


def _keep(response: HttpResponseBase, language: str) -> None:
    name = settings.LANGUAGE_COOKIE_NAME
    if not is_offered(language):
        response.delete_cookie(name)
        return
    response.set_cookie(
        name,
        language,
        max_age=settings.SESSION_COOKIE_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
