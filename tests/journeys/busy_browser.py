"""Somebody who is busy in two tabs of the web client: archives, deletes, stars, labels, reads, undoes, at random.

What they click may be gone a moment later, because others work in the same mailbox; that is no fault. At the end every
tab must show the list that the server would draw now: the same rows, in the same order, with the same marks.
"""

from __future__ import annotations

import random
from typing import Any

from playwright.sync_api import Error, Locator, Page

from tests.journeys.imap_link import History
from tests.journeys.screen import Screen

PLACES = ("inbox", "inbox", "starred", "archive", "all", "trash", "label/Projects")
QUICK = 1500  # ms that a click waits for its row

# What can be seen of a row. The place in the whole list (aria-rowindex) is not seen.
_FACTS = """root => [...root.querySelectorAll("[data-rows] > .row")].map(row => ({
    id: row.dataset.id, at: row.dataset.at, unread: "unread" in row.dataset, bold: row.classList.contains("unread"),
    starred: "starred" in row.dataset, pressed: row.querySelector('[data-action="star"]').getAttribute("aria-pressed"),
    names: row.querySelector(".row-names").textContent, count: row.querySelector(".row-count")?.textContent ?? "",
    subject: row.querySelector(".row-subject").textContent, snippet: row.querySelector(".row-snippet").textContent,
    chips: [...row.querySelectorAll(".chip")].map(chip => chip.textContent),
    toggle: row.querySelector('[data-test="toggle-read"]').dataset.action }))"""
_SIZE = "document.getElementById('view').dataset.size"  # below are rows only while a person is at them
_SHOWN = f"() => ({_FACTS})(document.getElementById('main')).slice(0, Number({_SIZE}))"
_DRAWN = f"""async () => {{
    const answer = await fetch(location.pathname, {{headers: {{"X-Mailstead": "part"}}}});
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return ({_FACTS})(page);
}}"""
_COUNTS = """root => Object.fromEntries([...root.querySelectorAll(".sidebar [data-nav]")].map(item =>
    [item.dataset.nav, [item.querySelector(".nav-count")?.textContent || "0", item.classList.contains("has-unread")]]))"""
_COUNTED = f"() => ({_COUNTS})(document)"
_COUNTS_DRAWN = f"""async () => {{
    const answer = await fetch(location.pathname);
    return ({_COUNTS})(new DOMParser().parseFromString(await answer.text(), "text/html"));
}}"""


class BusyBrowser:
    """Two tabs of one window. Everything happens in the caller's thread, as Playwright wants it."""

    def __init__(self, screen: Screen, *, seed: int) -> None:
        self.history = History("the browser")
        self._random = random.Random(seed)
        self._names: dict[Page, str] = {}
        other = screen.page.context.new_page()
        self.tabs = [screen.page, other]
        self.errors: list[str] = []
        for name, page in zip("AB", self.tabs, strict=True):
            page.on("pageerror", lambda error: self.errors.append(f"{error} {error.stack}"))
            page.on("response", lambda answer: self._answered(answer.status, answer.url))
            self._names[page] = name
        other.goto(screen.url + "/mail/inbox/")

    def act(self) -> None:
        """One thing at random in one of the tabs."""
        page = self._random.choice(self.tabs)
        page.bring_to_front()
        do = self._random.choice(
            (self._button, self._button, self._button, self._star, self._keys, self._keys, self._label, self._undo,
             self._undo, self._read, self._go, self._several)
        )  # fmt: skip
        self._say(page, do.__name__.strip("_"))
        try:
            do(page)
        except Error as missed:  # the row went away, or something lies over it for a moment
            self._say(page, f"missed: {str(missed).splitlines()[0]}")
            page.keyboard.press("Escape")

    def differences(self) -> list[str]:
        """Where a tab shows something else than the server would draw now; a conversation is left for its list."""
        found: list[str] = []
        for page in self.tabs:
            page.bring_to_front()
            name = self._names[page]
            shown, drawn = page.evaluate(_SHOWN), page.evaluate(_DRAWN)
            if shown != drawn:
                found += [f"tab {name} {page.url}: {line}" for line in _compare(shown, drawn)]
            counted, counts = page.evaluate(_COUNTED), page.evaluate(_COUNTS_DRAWN)
            if counted != counts:
                found.append(f"tab {name}: the counts are {counted}, should be {counts}")
        return found

    def settle(self) -> None:
        """Every tab shows a list, without a row that is held for the person's sake."""
        for page in self.tabs:
            page.bring_to_front()
            page.keyboard.press("Escape")
            if page.evaluate("() => document.getElementById('view').dataset.view") != "list":
                self._say(page, "back to the list")
                page.keyboard.press("u")
                page.wait_for_selector('#view[data-view="list"]', state="attached")

    # --- what they do
    def _row(self, page: Page) -> Locator | None:
        rows = page.locator("[data-rows] > .row")
        count = rows.count()
        return rows.nth(self._random.randrange(min(count, 12))) if count else None

    def _button(self, page: Page) -> None:
        if (row := self._row(page)) is None:
            self._go(page)
            return
        row.hover(timeout=QUICK)
        verb = self._random.choice(("archive", "delete", "toggle-read", "toggle-read"))
        button = "[data-test=toggle-read]" if verb == "toggle-read" else f"[data-action={verb}]"
        self._say(page, f"{verb} {row.get_attribute('data-id', timeout=QUICK)}")
        row.locator(button).click(timeout=QUICK)

    def _star(self, page: Page) -> None:
        if (row := self._row(page)) is not None:
            self._say(page, f"star {row.get_attribute('data-id', timeout=QUICK)}")
            row.locator("[data-action=star]").click(timeout=QUICK)

    def _keys(self, page: Page) -> None:
        for _ in range(self._random.randint(1, 3)):
            page.keyboard.press("j")
        key = self._random.choice(("e", "#", "s", "Shift+I", "Shift+U", "e", "x"))
        self._say(
            page, f"key {key} at {page.evaluate('() => document.querySelector(`.row.cursor`)?.dataset.id')}"
        )
        page.keyboard.press(key)

    def _several(self, page: Page) -> None:
        for _ in range(2):
            page.keyboard.press("j")
            page.keyboard.press("x")
        key = self._random.choice(("e", "#", "Shift+I", "s"))
        self._say(page, f"key {key} for those selected")
        page.keyboard.press(key)
        page.keyboard.press("*")
        page.keyboard.press("n")

    def _label(self, page: Page) -> None:
        page.keyboard.press("j")
        page.keyboard.press("l")
        page.keyboard.type("Projects")
        page.keyboard.press("Enter")

    def _undo(self, page: Page) -> None:
        button = page.locator("#toasts .toast-action", has_text="Undo")
        if button.count() and self._random.random() < 0.5:
            button.first.click(timeout=QUICK)
        else:
            page.keyboard.press("z")

    def _read(self, page: Page) -> None:
        row = self._row(page)
        if row is None or page.evaluate("() => document.getElementById('view').dataset.view") != "list":
            return
        row.locator("[data-test=subject]").click(timeout=QUICK)
        page.wait_for_selector('#view[data-view="conversation"]', state="attached", timeout=QUICK)
        key = self._random.choice(("u", "u", "e", "#", "Shift+U", "s"))
        self._say(page, f"key {key} in the conversation {page.url}")
        page.keyboard.press(key)
        if key == "s":
            page.keyboard.press("u")
        page.wait_for_selector('#view[data-view="list"]', state="attached", timeout=4 * QUICK)

    def _go(self, page: Page) -> None:
        place = self._random.choice(PLACES)
        self._say(page, f"to {place}")
        page.evaluate("() => { document.querySelector('.nav-more-places').open = true; }")
        page.locator(f'.sidebar [data-nav="{place}"]').click(timeout=QUICK)
        page.wait_for_selector(f'#view[data-box="{place}"]', state="attached", timeout=4 * QUICK)

    # --- notes
    def _answered(self, status: int, url: str) -> None:
        if status >= 500:
            self.errors.append(f"{status} {url}")

    def _say(self, page: Page, text: str) -> None:
        self.history.note(f"{self._names[page]}: {text}")


def _compare(shown: list[dict[str, Any]], drawn: list[dict[str, Any]]) -> list[str]:
    """What differs, row by row."""
    here, there = ({row["id"]: row for row in rows} for rows in (shown, drawn))
    found = [f"shows {here[id_]}, which is not there" for id_ in here.keys() - there.keys()]
    found += [f"misses {there[id_]}" for id_ in there.keys() - here.keys()]
    for id_ in here.keys() & there.keys():
        found += [
            f"row {id_}: {fact} is {here[id_][fact]!r}, should be {there[id_][fact]!r}"
            for fact in here[id_]
            if here[id_][fact] != there[id_][fact]
        ]
    return found or [f"the order is {list(here)}, should be {list(there)}"]
