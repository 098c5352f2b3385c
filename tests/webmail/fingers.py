"""A finger on Chromium's screen: real touch events through the DevTools protocol, which scroll, hold and swipe as on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PHONE = {"width": 390, "height": 844}
STEPS = 8


class Finger:
    """Goes down, moves and comes up again."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._devtools = page.context.new_cdp_session(page)

    def down(self, x: float, y: float) -> None:
        self._touch("touchStart", x, y)

    def move(self, x: float, y: float) -> None:
        self._touch("touchMove", x, y)

    def up(self) -> None:
        self._devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def _touch(self, kind: str, x: float, y: float) -> None:
        self._devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})

    def drag(self, start: tuple[float, float], across: float, down: float, *, let_go: bool = True) -> None:
        """In steps that take long enough to be no flick."""
        x, y = start
        self.down(x, y)
        for step in range(1, STEPS + 1):
            self.move(x + across * step / STEPS, y + down * step / STEPS)
            self._page.wait_for_timeout(30)
        if let_go:
            self.up()

    def swipe(self, what: Locator, across: float, *, let_go: bool = True) -> None:
        self.drag(middle(what), across, 2, let_go=let_go)

    def hold(self, what: Locator) -> None:
        """Until it counts as holding."""
        self.down(*middle(what))
        self._page.wait_for_selector(".row.checked")
        self.up()


def middle(what: Locator) -> tuple[float, float]:
    box = what.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
