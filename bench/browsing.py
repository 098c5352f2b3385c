"""A browser at the web client, and its clock: what a person waits for, measured by the browser itself.

An action is a *trigger* (real input) and a *condition*, a JavaScript expression that is true once the result is on
screen. Time runs from the first input event to the first animation frame in which the condition holds; nothing but
the browser's own clock is asked. Used by `bench.web_browser`.
"""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]
VIEWPORT = {"width": 1366, "height": 850}
ROUND_TRIP_MS = 60
BITS_PER_S = 10_000_000
_UNENDING = {"EventSource", "WebSocket", "Ping"}

# Notes when the first input after arming happened, when our own changes were answered, and what shifted.
_CLOCK = """
for (const type of ['pointerdown', 'keydown'])
  addEventListener(type, (event) => {
    if (!sessionStorage.getItem('bench.armed')) return;
    sessionStorage.removeItem('bench.armed');
    sessionStorage.setItem('bench.t0', performance.timeOrigin + event.timeStamp);
  }, {capture: true});
window.bench = {answered: [], shift: 0};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if (entry.name.includes('/mail/actions/')) bench.answered.push(performance.timeOrigin + entry.responseEnd);
}).observe({type: 'resource', buffered: true});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) bench.shift += entry.value;
}).observe({type: 'layout-shift', buffered: true});
"""
_HELPERS = """
const $ = (s) => document.querySelector(s), $$ = (s) => [...document.querySelectorAll(s)];
const shown = (e) => !!e && e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden';
const written = () => {
  const body = $$('[data-test=message-body]').at(-1), frame = body?.querySelector('iframe');
  if (!shown(body)) return false;
  return frame ? (frame.contentDocument?.body?.textContent.trim().length ?? 1) > 0 && frame.offsetHeight > 20
               : body.textContent.trim().length > 0;
};
"""
ROW = "[data-test=row]"
LISTED = f"shown($('{ROW}'))"


@dataclass
class Traffic:
    """What a page fetched since `reset`, from DevTools events, as it went over the wire."""

    requests: dict[str, dict[str, Any]] = field(default_factory=dict)

    def watch(self, page: Page) -> None:
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.requestServedFromCache", lambda e: self._note(e, cached=True))
        session.on("Network.responseReceived", self._answered)
        session.on(
            "Network.loadingFinished",
            lambda e: self._note(e, size=e["encodedDataLength"], done=time.monotonic()),
        )
        session.on("Network.loadingFailed", lambda e: self._note(e, done=time.monotonic()))

    def _sent(self, event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith("http"):
            self.requests[event["requestId"]] = {
                "type": event.get("type", ""), "cached": False, "size": 0, "done": None, "url": event["request"]["url"]
            }  # fmt: skip

    def _answered(self, event: dict[str, Any]) -> None:
        self._note(event, type=event["type"])
        if event["response"].get("fromDiskCache"):
            self._note(event, cached=True)

    def _note(self, event: dict[str, Any], **values: Any) -> None:
        if event["requestId"] in self.requests:
            self.requests[event["requestId"]].update(values)

    def settle(self, page: Page, quiet: float = 0.4, longest: float = 20) -> None:
        """Until nothing was under way for a moment."""
        until = time.monotonic() + longest
        while time.monotonic() < until:
            page.wait_for_timeout(50)
            ends = [one["done"] for one in self.requests.values() if one["type"] not in _UNENDING]
            if None not in ends and time.monotonic() - max(ends, default=0) > quiet:
                return

    def figures(self) -> dict[str, float]:
        fetched = [one for one in self.requests.values() if not one["cached"]]
        scripts = [one for one in fetched if one["type"] == "Script"]
        return {
            "requests": len(fetched),
            "kb": round(sum(one["size"] for one in fetched) / 1000, 1),
            "script_kb": round(sum(one["size"] for one in scripts) / 1000, 1),
        }


@contextmanager
def visitor(browser: Browser, *, slow: bool) -> Iterator[tuple[BrowserContext, Callable[[], Page]]]:
    """A browser that was never here, and how it opens a page; `slow` is on a line with delay."""
    context = browser.new_context(viewport=VIEWPORT, locale="en-GB")  # type: ignore[arg-type]
    context.add_init_script(_CLOCK)

    def opened() -> Page:
        page = context.new_page()
        if slow:
            session = context.new_cdp_session(page)
            session.send("Network.enable")
            session.send(
                "Network.emulateNetworkConditions",
                {
                    "offline": False,
                    "latency": ROUND_TRIP_MS,
                    "downloadThroughput": BITS_PER_S / 8,
                    "uploadThroughput": BITS_PER_S / 8,
                },
            )
        return page

    try:
        yield context, opened
    finally:
        context.close()


def wait(page: Page, condition: str, *, seconds: float = 30) -> float:
    """The moment, in ms since the epoch by the browser's clock, at which a condition was first seen to hold."""
    script = f"() => {{ {_HELPERS} return ({condition}) ? performance.timeOrigin + performance.now() : 0 }}"
    return float(page.wait_for_function(script, polling="raf", timeout=seconds * 1000).json_value())


def timed(page: Page, trigger: Callable[[], Any], condition: str) -> float:
    """ms from the first input of the trigger to the condition."""
    page.evaluate(
        "sessionStorage.removeItem('bench.t0'); sessionStorage.setItem('bench.armed', 1); bench.answered = []"
    )
    trigger()
    at = wait(page, condition)
    return at - float(page.evaluate("+sessionStorage.getItem('bench.t0')"))


def answered(page: Page) -> float:
    """ms from the input of the last timed action to the server's answer to it."""
    page.wait_for_function("() => bench.answered.length > 0", timeout=10_000)
    return float(page.evaluate("bench.answered[0] - +sessionStorage.getItem('bench.t0')"))


def navigated(page: Page, url: str, condition: str) -> float:
    """ms from the start of a navigation to the condition."""
    page.goto(url, wait_until="commit")
    return wait(page, condition) - float(page.evaluate("performance.timeOrigin"))


def arrival(page: Page, smtp_port: int, address: str, subject: str) -> float:
    """ms from SMTP's 250 to the frame in which the row is there, in a tab that shows the inbox."""
    page.evaluate(
        """(subject) => {
          const look = () => {
            const there = [...document.querySelectorAll('[data-test=subject]')].some((e) => e.textContent.includes(subject));
            if (there) window.bench.arrived = performance.timeOrigin + performance.now();
            else requestAnimationFrame(look);
          };
          window.bench.arrived = 0;
          look();
        }""",
        subject,
    )
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ada@outside.test", address, subject
    message.set_content("It is here.")
    with smtplib.SMTP("127.0.0.1", smtp_port, timeout=20) as smtp:
        smtp.sendmail("ada@outside.test", [address], message.as_bytes(policy=SMTP))  # until the 250 has come
        accepted = time.time() * 1000
    page.wait_for_function("() => bench.arrived > 0", timeout=10_000)
    return float(page.evaluate("bench.arrived")) - accepted
