"""The web client in a real browser: `python -m bench.web_browser [--sizes 100,50000,1000000] [--runs 5] [--slow]`.

Headless Chromium (Playwright) over loopback against a whole installation, with mailboxes of 100, 50,000 (27,000
conversations) and 1,000,000 messages; each pass is a visitor of its own, the figure is the median of the passes.
`--slow` does the same over a line with 60 ms round trips and 10 Mbit/s. Writes `web.json`; `--publish` puts the
figures into docs/performance.md. How it is measured: bench/browsing.py; what is asked: BARS below.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import browsing, corpus, machine, publish, sets
from bench.browsing import LISTED, ROW, answered, navigated, timed, wait
from bench.servers import DOMAIN, PASSWORD, address
from bench.web import Web
from tests.product import BASE, Product

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WINDOW = "[data-test=compose-window]"
READY = f"shown($('{WINDOW} .ProseMirror')) && document.activeElement?.closest('{WINDOW}')"
CHROMIUM = "/usr/bin/chromium"
LABEL = "Projects"

# What → (title, bar at 100, bar at 50,000 and above, bar on the slow line); ms but for the last three.
BARS: dict[str, tuple[str, float | None, float | None, float | None]] = {
    "sign_in": ("sign in → inbox", 200, 220, 700),
    "reload": ("reload inbox", 150, 160, 250),
    "next_page": ("next page", 80, 80, 250),
    "open_label": ("open label", 80, 80, 250),
    "open": ("open conversation", 80, 80, 250),
    "next": ("next conversation by j, prefetched", 50, 50, 100),
    "search_headers": ("search in headers", 80, 100, 250),
    "search_bodies": ("search in bodies", 80, 150, 250),
    "star": ("star: row changes", 33, 33, 33),
    "star_confirmed": ("star: server confirmed", 100, 100, None),
    "read": ("read: row changes", 33, 33, 33),
    "read_confirmed": ("read: server confirmed", 100, 100, None),
    "archive": ("archive: row changes", 33, 33, 33),
    "archive_confirmed": ("archive: server confirmed", 100, 100, None),
    "delete": ("delete: row changes", 33, 33, 33),
    "delete_confirmed": ("delete: server confirmed", 100, 100, None),
    "compose_first": ("compose: ready to type, first time", 200, 200, 700),
    "compose": ("compose: ready to type, again", 80, 80, 80),
    "send": ("send: the window is gone", 100, 100, 100),
    "arrival": ("new mail: SMTP 250 → row in an open tab", 150, 150, None),
    "server_list": ("server time of a list", 15, 15, None),
    "server_conversation": ("server time of a conversation", 15, 15, None),
    "requests": ("first visit: requests", 12, 12, 12),
    "kb": ("first visit: kB", 150, 150, 150),
    "script_kb": ("first visit: kB of script", 60, 60, 60),
    "shift": ("layout shift of a pass (CLS)", 0.02, 0.02, 0.02),
}
GROWTH = 1.25  # at a million messages, against 50,000
Figures = dict[str, list[float]]


class Reader:
    """One person with one mailbox, at one installation."""

    def __init__(self, product: Product, size: int) -> None:
        self.product, self.size = product, size
        self.address = address(sets.BROWSED[size])
        self.figures: Figures = defaultdict(list)

    def note(self, name: str, value: float) -> None:
        self.figures[name].append(round(value, 2))

    def sign_in(self, page: Page) -> float:
        page.goto(self.product.url, wait_until="networkidle")
        page.fill("input[name=username]", self.address)
        page.fill("input[name=password]", PASSWORD)
        return timed(page, lambda: page.click("button[type=submit]", no_wait_after=True), LISTED)

    def inbox(self, page: Page) -> None:
        page.goto(f"{self.product.url}/mail/inbox/", wait_until="commit")
        wait(page, LISTED)
        page.wait_for_timeout(400)

    # --- a pass
    def first_visit(self, page: Page) -> None:
        """The sign-in page and the inbox, by a browser that has nothing of ours."""
        traffic = browsing.Traffic()
        traffic.watch(page)
        self.note("sign_in_cold", self.sign_in(page))
        traffic.settle(page)
        for name, value in traffic.figures().items():
            self.note(name, value)

    def lists(self, page: Page) -> None:
        self.note("reload", navigated(page, f"{self.product.url}/mail/inbox/", LISTED))
        page.wait_for_timeout(400)
        changed = f"{LISTED} && $('{ROW}').id !== window.before"
        for name, link in (("next_page", "[data-test=older]"), ("open_label", f"[data-nav='label/{LABEL}']")):
            page.evaluate(f"window.before = document.querySelector('{ROW}').id")
            self.note(name, timed(page, lambda link=link: page.click(link, no_wait_after=True), changed))  # type: ignore[misc]
            page.wait_for_timeout(200)

    def conversations(self, page: Page, turn: int) -> None:
        self.inbox(page)
        row = page.locator(f"{ROW} [data-test=subject]").nth(3 + turn)
        self.note("open", timed(page, lambda: row.click(no_wait_after=True), "written()"))
        for _ in range(2):
            page.wait_for_timeout(600)  # as long as a glance at it; what comes next is loaded meanwhile
            page.evaluate("window.before = document.getElementById('view').dataset.thread")
            moved = "document.getElementById('view').dataset.thread !== window.before && written()"
            self.note("next", timed(page, lambda: page.keyboard.press("j"), moved))

    def searches(self, page: Page) -> None:
        for name, query in (
            ("search_headers", f"subject:{corpus.SUBJECT_WORD.lower()}"),
            ("search_bodies", corpus.RARE),
        ):
            self.inbox(page)
            page.fill("input[name=q]", query)
            found = f"shown($('[data-test=results] {ROW}'))"
            self.note(
                name, timed(page, lambda: page.press("input[name=q]", "Enter", no_wait_after=True), found)
            )

    def changes(self, page: Page, turn: int) -> None:
        """Each change is taken back afterwards, so that the mailbox stays as it is."""
        self.inbox(page)
        for name, key, condition in (
            ("star", "s", "'starred' in window.row.dataset !== window.was.starred"),
            ("read", "I", "'unread' in window.row.dataset !== window.was.unread"),
            ("archive", "e", "!window.row.isConnected"),
            ("delete", "#", "!window.row.isConnected"),
        ):
            page.keyboard.press("Escape")
            row = page.locator(ROW).nth(5 + turn)
            row.evaluate("row => row.focus()")
            page.keyboard.press("j")
            page.wait_for_timeout(300)
            page.evaluate(
                "window.row = document.querySelector('.row.cursor');"
                "window.was = {starred: 'starred' in row.dataset, unread: 'unread' in row.dataset}"
            )
            pressed = "U" if name == "read" and not page.evaluate("window.was.unread") else key
            self.note(name, timed(page, lambda key=pressed: page.keyboard.press(key), condition))  # type: ignore[misc]
            self.note(f"{name}_confirmed", answered(page))
            page.wait_for_timeout(300)
            page.keyboard.press("z")
            page.wait_for_selector("[data-test=toast-undone]")
            page.wait_for_timeout(400)
        self.note("shift", float(page.evaluate("bench.shift")))

    def writes(self, page: Page) -> None:
        """The window opens, and goes when it is sent; the message is taken back, so that the mailbox stays as it is."""
        self.inbox(page)
        for name in ("compose_first", "compose"):
            self.note(name, timed(page, lambda: page.keyboard.press("c"), READY))
            if name == "compose_first":
                page.keyboard.press("Escape")
                page.wait_for_selector(WINDOW, state="detached")
        page.fill(f"{WINDOW} [data-test=compose-to] input", self.address)
        page.fill(f"{WINDOW} [data-test=compose-subject]", "Bench")
        page.locator(f"{WINDOW} .ProseMirror").press_sequentially("Hello")
        page.wait_for_timeout(300)
        self.note("send", timed(page, lambda: page.keyboard.press("Control+Enter"), f"!shown($('{WINDOW}'))"))
        page.click("[data-test=toast-sending] .toast-action")
        page.wait_for_selector(WINDOW)
        page.click(f"{WINDOW} [data-test=discard]")
        page.wait_for_selector("[data-test=toast-discarded]")

    def arrivals(self, page: Page, turn: int) -> None:
        self.inbox(page)
        page.wait_for_timeout(800)  # the stream stands
        subject = f"Bench {time.time_ns()} {turn}"
        smtp = self.product.port("smtp")
        self.note("arrival", browsing.arrival(page, smtp, self.address, subject))
        page.wait_for_timeout(300)
        page.locator(ROW, has_text=subject).first.hover()
        page.locator(ROW, has_text=subject).first.locator("[data-test=delete]").click()
        page.wait_for_timeout(500)

    def server_times(self) -> None:
        """What the server alone takes, without a browser: parts of pages, as scripts ask for them."""
        session = Web(self.product.port("web"))
        session.sign_in(self.address, PASSWORD)
        page = session.get("/mail/inbox/").decode()
        threads = re.findall(r'href="(/mail/inbox/\d+/)"', page)
        for name, paths in (("server_list", ["/mail/inbox/"] * 40), ("server_conversation", threads[:40])):
            for path in paths:
                start = time.perf_counter()
                session.get(path, {"X-Mailstead": "prefetch", "Accept-Encoding": "gzip"})
                self.note(name, (time.perf_counter() - start) * 1000)

    def browse(self, browser: Browser, turn: int, *, slow: bool) -> None:
        with browsing.visitor(browser, slow=slow) as (context, opened):
            page = opened()
            self.first_visit(page)
            context.clear_cookies()
            page.close()
            page = opened()
            self.note("sign_in", self.sign_in(page))
            page.wait_for_timeout(400)
            self.lists(page)
            self.conversations(page, turn)
            self.searches(page)
            self.changes(page, turn)
            self.writes(page)
            if not slow:
                self.arrivals(page, turn)


def main() -> None:
    options = _options()
    if options.publish:
        _publish(options.out / "web.json")
        return
    record: dict[str, Any] = {"machine": machine.describe(), "results": {}}
    with _product(options) as product:
        sizes = [int(each) for each in options.sizes.split(",")]
        for slow in (False, True) if options.slow else (False,):
            for size in sizes if not slow else sizes[-1:]:
                label = f"{size}{' slow' if slow else ''}"
                record["results"][label] = _measure(Reader(product, size), options, slow=slow)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "web.json").write_text(json.dumps(record, indent=1) + "\n")
    sys.stdout.write(table(record) + "\n")


def _measure(reader: Reader, options: argparse.Namespace, *, slow: bool) -> dict[str, Any]:
    from playwright.sync_api import Error, sync_playwright  # only who has a browser needs it

    wrong: list[str] = []
    if not slow:
        reader.server_times()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=browsing.FLAGS)
        for turn in range(options.runs):
            machine.wait_for_quiet(options.quiet, longest=options.patience)
            try:
                reader.browse(browser, turn, slow=slow)
            except Error as error:
                wrong.append(str(error).splitlines()[0])
                sys.stderr.write(f"{reader.size}: {error}\n")
        browser.close()
    return {name: summary(values) for name, values in reader.figures.items()} | {"wrong": wrong}


def summary(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    at = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))]  # noqa: E731
    return {
        "median": round(statistics.median(ordered), 2),
        "p90": at(0.9),
        "worst": ordered[-1],
        "of": len(ordered),
    }


def table(record: dict[str, Any]) -> str:
    """Every bar in Markdown, with what was reached at each size: the median, and the ninth of ten behind it."""
    labels = list(record["results"])
    shown = [f"{int(label):,}" if label.isdigit() else "60 ms, 10 Mbit/s" for label in labels]
    lines = [f"| action | bar | {' | '.join(shown)} |", "|" + "---|" * (2 + len(labels))]
    for name, (title, small, large, slow) in BARS.items():
        asked = " / ".join(dict.fromkeys(f"{bar:g}" for bar in (small, large) if bar is not None))
        cells = []
        for label in labels:
            found = record["results"][label].get(name)
            bar = slow if "slow" in label else small if label == "100" else large
            cells.append(
                "–" if not found else f"{found['median']:g} ({found['p90']:g}){_mark(found['median'], bar)}"
            )
        lines.append(f"| {title} | ≤ {asked} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _mark(value: float, bar: float | None) -> str:
    return "" if bar is None else " ✓" if value <= bar else f" ✗ {bar:g}"


def _product(options: argparse.Namespace) -> Product:
    """A whole installation on the folder that `bench.seed web` fills."""
    folder = options.cache / ("postgresql-web" if options.database else "sqlite-web")
    more = {"DATABASE_URL": options.database} if options.database else {}
    product = Product(folder, f"mx.{DOMAIN}", env={"COLLECT_STATIC": "on"} | more)
    for module in (("bench.seed", "web"), ("bench.web_labels", LABEL)):
        subprocess.run(
            [sys.executable, "-m", *module], cwd=BASE, env=os.environ | product.env | {"COLLECT_STATIC": "off"}, check=True
        )  # fmt: skip
    return product


def _publish(results: Path) -> None:
    record = json.loads(results.read_text())
    page = publish.DOCS / "performance.md"
    page.write_text(publish.between(page.read_text(), "web", table(record)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="100,50000,1000000")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--slow", action="store_true", help="also over a line with delay, with the largest mailbox"
    )
    parser.add_argument("--quiet", type=float, default=0.25, help="begin when less of the machine is busy")
    parser.add_argument("--patience", type=float, default=20, help="seconds to wait for that")
    parser.add_argument(
        "--cache", type=Path, default=BASE / "var" / "bench", help="where filled folders are kept"
    )
    parser.add_argument(
        "--database", default="", help="a PostgreSQL database of its own, as a URL; else SQLite"
    )
    parser.add_argument("--out", type=Path, default=None, help="where web.json goes (the cache)")
    parser.add_argument("--publish", action="store_true", help="only put web.json into docs/performance.md")
    options = parser.parse_args()
    options.cache = options.cache.resolve()
    options.out = options.out or options.cache
    return options


if __name__ == "__main__":
    main()
