"""Everything at once, and who waits meanwhile: `python -m bench.everything [--messages 100000]`.

A whole installation in a temporary folder, as its administrator would start it; DATABASE_URL chooses the database.
A search that finds every conversation is archived by the web client's own request, undone, put under a label,
and marked as read until Stop is pressed. Meanwhile, as before it, four others work: somebody turns pages of the same
mailbox, a mail program opens a mailbox, reads its newest 50 and sets a flag, mail arrives for it, and mail arrives for another account.
"""

from __future__ import annotations

import argparse
import imaplib
import json
import os
import smtplib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.web import BASE, PASSWORD, Web
from tests.product import Product

READER, OTHER = "reader@bench.test", "other@bench.test"
QUERY = f"to:{READER}"
PAUSE = 0.1  # seconds between two things that one person asks for
Waits = dict[str, list[float]]


class Tab(Web):
    """A signed-in window: what the scripts ask for."""

    def ask(self, path: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        headers = {"X-Mailstead": "part", "X-CSRFToken": self._cookies.get("mailstead_csrf", "")}
        body = None if form is None else urlencode(form)
        answer: dict[str, Any] = json.loads(
            self._request("GET" if form is None else "POST", path, body, headers)
        )
        return answer


def tab(product: Product) -> Tab:
    found = Tab(product.port("web"))
    found.sign_in(READER, PASSWORD)
    found.get("/mail/inbox/")
    return found


# --- the others ------------------------------------------------------------------------------------------------
def _pages(product: Product) -> Callable[[int], object]:
    mine = tab(product)
    return lambda count: mine.get(("/mail/all/", "/mail/inbox/")[count % 2])


def _program(product: Product) -> Callable[[int], object]:
    client = imaplib.IMAP4("127.0.0.1", product.port("imap"))
    client.login(READER, PASSWORD)

    def work(count: int) -> None:
        box = ("INBOX", '"Archive"')[count % 2]
        client.select(box)
        after = int(client.response("UIDNEXT")[1][0])  # numbers move when others take mail away; UIDs do not
        client.uid("FETCH", f"{max(1, after - 50)}:{after}", "(FLAGS ENVELOPE)")
        client.uid("STORE", str(max(1, after - 1)), f"{'+-'[count // 2 % 2]}FLAGS", "\\Flagged")

    return work


def _mail(product: Product, to: str) -> Callable[[int], object]:
    client = smtplib.SMTP("127.0.0.1", product.port("smtp"))

    def work(count: int) -> None:
        text = f"From: a@outside.test\r\nTo: {to}\r\nSubject: Meanwhile {count}\r\n\r\nHello.\r\n"
        client.sendmail("a@outside.test", [to], text)

    return work


OTHERS: dict[str, Callable[[Product], Callable[[int], object]]] = {
    "list page": _pages,
    "IMAP: open, 50 messages, a flag": _program,
    "delivery, same mailbox": lambda product: _mail(product, READER),
    "delivery, other account": lambda product: _mail(product, OTHER),
}


@contextmanager
def others(product: Product) -> Iterator[Waits]:
    """Four people who go on with their work; how long each thing took them."""
    waits: Waits = {name: [] for name in OTHERS}
    stop, troubles = threading.Event(), []

    def one(name: str, work: Callable[[int], object]) -> None:
        count = 0
        while not stop.is_set():
            start = time.perf_counter()
            try:
                work(count)
            except Exception as trouble:
                troubles.append(f"{name}: {trouble!r}")
                return
            waits[name].append(time.perf_counter() - start)
            count += 1
            stop.wait(PAUSE)

    threads = [
        threading.Thread(target=one, args=(name, begin(product)), daemon=True)
        for name, begin in OTHERS.items()
    ]
    for thread in threads:
        thread.start()
    yield waits
    stop.set()
    for thread in threads:
        thread.join(60)
    if troubles:
        raise AssertionError("; ".join(troubles))


def _told(waits: Waits) -> dict[str, dict[str, float]]:
    figures = {}
    for name, values in waits.items():
        ordered = sorted(values)
        p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
        figures[name] = {
            "p50 ms": round(statistics.median(ordered) * 1000, 1),
            "p95 ms": round(p95 * 1000, 1),
            "worst ms": round(ordered[-1] * 1000, 1),
            "times": len(ordered),
        }
    return figures


# --- the work --------------------------------------------------------------------------------------------------
def _follow(mine: Tab, job: int, *, until: int | None = None) -> dict[str, Any]:
    """A job when it has ended, or when so many conversations were looked at."""
    while True:
        now = mine.ask(f"/mail/jobs/{job}/")
        if now["ended"] or (until is not None and now["done"] >= until):
            return now
        time.sleep(0.1)


def _timed(product: Product, mine: Tab, verb: str, form: dict[str, str]) -> dict[str, Any]:
    with others(product) as waits:
        start = time.perf_counter()
        begun = mine.ask(f"/mail/actions/{verb}/", form)
        answered = time.perf_counter() - start
        ended = _follow(mine, begun["job"])
        took = time.perf_counter() - start
    return {
        "said": ended["text"],
        "action": begun.get("action", ""),
        "answered ms": round(answered * 1000),
        "seconds": round(took, 1),
        "conversations": ended["total"],
        "per second": round(ended["total"] / took),
        "meanwhile": _told(waits),
    }


def _stopped(mine: Tab, count: int) -> dict[str, Any]:
    """Marked as read, until Stop is pressed at a tenth."""
    begun = mine.ask("/mail/actions/read/", {"all": "1", "box": "all", "q": QUERY})
    _follow(mine, begun["job"], until=count // 10)
    start = time.perf_counter()
    said = mine.ask(f"/mail/jobs/{begun['job']}/stop/", {})
    took = time.perf_counter() - start
    time.sleep(1)
    later = mine.ask(f"/mail/jobs/{begun['job']}/")
    undo = _follow(mine, mine.ask("/mail/actions/undo-all/", {"action": said["action"]})["job"])
    return {
        "ms": round(took * 1000),
        "at": said["done"],
        "of": said["total"],
        "a second later": later["done"],
        "said": said["text"],
        "undone": undo["text"],
    }


def measure(product: Product, count: int) -> dict[str, Any]:
    mine = tab(product)
    with others(product) as waits:
        time.sleep(10)
    figures: dict[str, Any] = {"before": _told(waits)}
    scope = {"all": "1", "box": "all", "q": QUERY}
    figures["archive"] = _timed(product, mine, "archive", scope)
    figures["undo"] = _timed(product, mine, "undo-all", {"action": figures["archive"]["action"]})
    figures["label"] = _timed(product, mine, "label", scope | {"new": "Kept"})
    figures["stop"] = _stopped(mine, count)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailstead-bench-") as folder:
        product = Product(Path(folder) / "data", "bench.test")
        with product:
            product.add_domain("bench.test")
            for account in (READER, OTHER):
                product.add_account(account, PASSWORD)
            command = [sys.executable, "-m", "bench.fill", READER, str(options.messages)]
            subprocess.run(command, cwd=BASE, env=os.environ | product.env, check=True)
            figures = measure(product, options.messages)
            said = product.manage("doctor", "--store")
    figures["doctor"] = said.strip().splitlines()[-1:]
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
