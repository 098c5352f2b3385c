"""The sanitiser alone, in a real Chromium: what it leaves is put into documents that may run and load everything.

In the product a sandbox and a policy stand behind it (see test_hostile_mail); here nothing does. Each piece of the
corpus is shown as it would be, light and dark, with pictures wanted and words marked, then written out by the browser
and read again, twice, as an editor or a printer would do.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.webmail.hostile_html import EVERY
from tests.webmail.test_hostile_mail import HTML
from webmail.highlight import mark_html
from webmail.pictures import survey
from webmail.quoting import inlined
from webmail.reading import Earlier, fold_html
from webmail.sanitize import Clean, clean, has_form, is_painted
from webmail.views.body import document

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page, Route

CORPUS = [*HTML, *EVERY]
HERE = "http://bare.test/"
MARKS = ("img", "onerror", "script", "x", "top.hit")
# What a document may hold once the browser has read it; everything else is a finding.
FINDINGS = """(found) => {
    const plain = (css) => css.replace(/"(?:\\\\.|[^"\\\\])*"/g, '""');
    const named = 'script,iframe,frame,frameset,object,embed,applet,form,input,button,textarea,select,svg,math,link,audio,video,source,track,template,dialog,portal,noscript,slot,marquee,meta[http-equiv],base[href],[srcset],[background],[ping],[formaction],[srcdoc],[popover],[contenteditable],[tabindex],[download],[is],[name^=cookie]';
    for (const each of document.querySelectorAll(named)) found.push(each.outerHTML.slice(0, 300));
    for (const each of document.querySelectorAll('*')) {
        for (const { name, value } of each.attributes) {
            if (name.startsWith('on')) found.push(`${name} of ${each.localName}`);
            if (/^(href|src|action|data|cite|longdesc|poster)$/.test(name)
                && !/^(https?:\\/\\/|mailto:|tel:|#|\\/p\\/|\\/mail\\/compose\\/|data:image\\/(png|gif|jpe?g|webp);base64,)/i.test(value))
                found.push(`${name}=${value.slice(0, 200)}`);
        }
        if (each.localName === 'a' && each.hasAttribute('href') && (each.target !== '_blank' || !each.rel.includes('noopener')))
            found.push(`a link that keeps the window: ${each.outerHTML.slice(0, 200)}`);
        const { position, animationName, transform, filter } = getComputedStyle(each);
        if (!['static', 'relative'].includes(position)) found.push(`${position}: ${each.outerHTML.slice(0, 200)}`);
        if (animationName !== 'none' || transform !== 'none' || filter !== 'none') found.push(`moves: ${each.outerHTML.slice(0, 200)}`);
        if (/url\\(/i.test(plain(each.style.cssText))) found.push(`loads: ${each.getAttribute('style').slice(0, 200)}`);
    }
    for (const sheet of [...document.styleSheets].slice(1))
        for (const rule of sheet.cssRules)
            if (!/^(CSSStyleRule|CSSMediaRule)$/.test(rule.constructor.name) || /url\\(|[\\w-]+\\s*=|@import/i.test(plain(rule.cssText).replace(/>=|<=/g, '')))
                found.push(rule.cssText.slice(0, 200));
    return found;
}"""
CHECK = f"""() => {{
    const look = {FINDINGS}, found = look([]);
    for (const _again of [1, 2]) {{
        document.body.innerHTML = document.body.innerHTML;
        look(found);
    }}
    return found;
}}"""


def shown(html: str, *, dark: bool) -> str:
    """The document, made by every step that the product takes."""
    folded = fold_html(html, Earlier())
    found = clean(
        folded,
        picture=lambda name: None,
        outside=(lambda url: "/p/picture") if dark else None,
        compose="/mail/compose/",
        dark=dark,
    )
    marked = mark_html(found.html, MARKS)
    body = type(found)(marked, found.style, found.held_back, found.trackers)
    return document(body, painted=is_painted(html), theme="dark" if dark else "light", dark=dark)


@pytest.fixture
def bare(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A page without any policy, and what was asked of anybody else or said in a dialog."""
    context = browser.new_context(viewport={"width": 900, "height": 700})
    asked: list[str] = []

    def answer(route: Route) -> None:
        if route.request.url == HERE:
            route.fulfill(body="<!doctype html><title>bare</title>", content_type="text/html")
        else:
            asked.append(route.request.url)
            route.abort()

    def refuse(dialog: Dialog) -> None:
        asked.append(f"dialog {dialog.message}")
        dialog.dismiss()

    page = context.new_page()
    page.route("**/*", answer)
    page.on("dialog", refuse)
    page.goto(HERE)
    yield page, asked
    context.close()


def findings(page: Page, documents: list[str]) -> list[tuple[str, list[str]]]:
    """What does not belong into the documents, by the piece that it came from."""
    page.evaluate(
        """(all) => Promise.all(all.map((text) => new Promise((done) => {
            const frame = document.createElement('iframe');
            frame.onload = done;
            frame.srcdoc = text;
            document.body.append(frame);
        })))""",
        documents,
    )
    found = page.evaluate(
        f"""() => [...document.querySelectorAll('iframe')]
            .map((frame, place) => [place, frame.contentWindow.eval({json.dumps(f"({CHECK})()")})])
            .filter(([, found]) => found.length)"""
    )
    assert page.evaluate("window.hit") is None
    assert (page.url, page.title()) == (HERE, "bare")
    return [(CORPUS[place][:200], said[:3]) for place, said in found]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_of_the_corpus_runs_loads_or_covers_without_any_other_wall(
    bare: tuple[Page, list[str]], dark: bool
) -> None:
    page, asked = bare
    assert findings(page, [shown(html, dark=dark) for html in CORPUS]) == []
    assert [url for url in asked if url != f"{HERE}p/picture"] == []


def test_nothing_of_the_corpus_goes_on_in_an_answer(bare: tuple[Page, list[str]]) -> None:
    """What is quoted keeps its pictures' addresses, and nothing else that runs or loads."""
    page, asked = bare
    quoted = [clean(html, picture=lambda name: None, keep_outside=True) for html in CORPUS]
    documents = [
        document(Clean(inlined(each.html, each.style), "", 0), painted=True, theme="light") for each in quoted
    ]
    assert findings(page, documents) == []
    assert [url for url in asked if url.endswith(("test/ran", "/cut", "/cut2")) or "dialog" in url] == []


@pytest.mark.parametrize("html", EVERY, ids=lambda html: ascii(html[:24]))
def test_no_piece_of_the_corpus_takes_long(html: str) -> None:
    started = time.process_time()
    shown(html, dark=True)
    survey(html)
    has_form(html)
    assert time.process_time() - started < 1


def test_time_grows_no_faster_than_the_mail() -> None:
    """Tables, spans and styles within one another, the usual ways to make a reader's parser quadratic."""
    for piece in (
        "<table><tr><td>", "<p><table>", "<a><b>", "<b></p>", "<table><b>", "<ul><li><a>", "<font color=red>", "<!--x",
        "<style>p{", "<img alt='", "&#38;", "<p style='color:red'>", "<blockquote>", "<dl><dt>", "<ruby><rp>",
    ):  # fmt: skip
        started = time.process_time()
        shown(piece * (400_000 // len(piece)), dark=True)
        assert time.process_time() - started < 3, piece


def test_a_mail_made_for_a_wide_screen_fits_a_phone_in_its_own_size(bare: tuple[Page, list[str]]) -> None:
    """Tables and pictures of 600 pixels give way, so nothing scrolls aside and no letter is drawn smaller. Spec 6.8, 12."""
    page, _asked = bare
    pixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    wide = (
        "<table width='100%' cellpadding=0 cellspacing=0 bgcolor='#eeeeee'><tr><td align=center><table width=600 cellpadding=0 cellspacing=0 bgcolor=white><tr><td>"
        f"<img src='{pixel}' width=600 height=200></td></tr><tr><td style='padding:24px'><p>Text</p><img src='{pixel}' width=200"
        " height=90></td></tr><tr><td><img src='https://a.test/b.png' width=600 height=100 alt='Held back'></td></tr></table>"
        "</td></tr></table>"
    )
    page.set_viewport_size({"width": 342, "height": 700})
    for text in (
        shown(wide, dark=False),
        shown(wide.replace("<table width=600", "<table style='width:600px'"), dark=True),
    ):
        page.set_content(text)
        assert page.evaluate("document.documentElement.scrollWidth") == 342
    page.set_content(shown(wide, dark=False))
    assert page.locator("img").first.evaluate("e => e.getBoundingClientRect().width") >= 335
