"""Lists in a real browser: what a row shows, selecting, the tools, snoozing, menus that choose, dragging, sections."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.eventually import eventually
from tests.mail import mail
from tests.product import Product
from tests.webmail.list_world import checked, cursor, enter, files_mail, fill, numbered, open_place, toast
from tests.webmail.test_mail_browser import (  # the fixtures, too
    address,
    subjects,
    until_subjects,
    watched,
)

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page, Route

__all__ = ["address", "watched"]


def row(page: Page, subject: str) -> Locator:
    return page.locator("[data-test=row]", has=page.locator(f".row-subject:text-is('{subject}')"))


def prefer(page: Page, product: Product, **chosen: str) -> None:
    """As a form with some of the settings sends it."""
    token = page.evaluate("document.querySelector('[name=csrfmiddlewaretoken]').value")
    form = {"page_size": "50", "after_action": "list", "time_zone": "", "csrfmiddlewaretoken": token}
    where = f"{product.url}/mail/settings/"
    assert page.request.post(where, form=form | chosen, headers={"Referer": where}).ok


def talk(address: str) -> list[bytes]:
    """Five people and the reader, in one conversation."""
    people = ["Ada Lovelace", "Ben Okafor", "Chiara Rossi", "Dmitri Volkov", "Emiko Tanaka"]
    letters = [mail(subject="Boats", to=address, sender="Ada Lovelace <ada@x.test>", message_id="boat@x")]
    for name in people[1:]:
        sender = f"{name} <{name.split()[0].lower()}@x.test>"
        letters.append(mail(subject="Re: Boats", to=address, sender=sender, references="boat@x"))
    return letters


def test_a_row_shows_who_what_when_and_what_is_in_it(product: Product, address: str, watched: Page) -> None:
    """Spec 3.1, 3.2, 3.3, 3.4, 3.6, 3.7, 3.8, 3.10, 3.11."""
    page = watched
    fill(product, address, [mail(subject="Seen", to=address, body="Word " * 60)], flags="\\Seen")
    fill(product, address, talk(address))
    fill(product, address, [files_mail([f"plan-{at}.pdf" for at in range(5)], "Files")])
    fill(product, address, [files_mail(["tea.ics"], "Tea", media="text/calendar")])
    enter(page, product, address)
    until_subjects(page, ["Tea", "Files", "Boats", "Seen"])

    boats = row(page, "Boats")
    assert boats.locator(".row-from").inner_text().split() == ["Ada", "..", "Dmitri,", "Emiko", "5"]
    parts = ".row-grip, .row-check, .row-star, .row-from, .row-text, .row-date"
    edges = [box["x"] for part in boats.locator(parts).all() if (box := part.bounding_box())]
    assert edges == sorted(edges)
    assert 160 <= boats.locator(".row-from").bounding_box()["width"] <= 176  # type: ignore[index]
    weight = "e => [getComputedStyle(e).fontWeight, getComputedStyle(e).color]"
    unread, read = (row(page, name).locator(".row-subject").evaluate(weight) for name in ("Boats", "Seen"))
    assert int(unread[0]) > int(read[0])
    assert unread[1] != read[1]
    assert "visible" in boats.evaluate("e => getComputedStyle(e.querySelector('.dot')).visibility")
    assert len(row(page, "Seen").locator(".row-snippet").inner_text()) >= 120
    date = boats.locator("time")
    assert re.fullmatch(r"\d\d:\d\d", date.inner_text())
    assert re.search(r"\d{4}, \d\d:\d\d \S+", date.get_attribute("title") or "")

    # files: a paperclip on one line, chips in the roomy density; the event's own sign
    assert row(page, "Tea").locator("[title=Invitation]").is_visible()
    heights = {}
    for density in ("compact", "default", "comfortable"):
        page.evaluate(f"document.documentElement.dataset.density = '{density}'")
        heights[density] = round(boats.bounding_box()["height"])  # type: ignore[index]
        assert row(page, "Files").locator(".file-chip").first.is_visible() is (density == "comfortable")
    assert heights == {"compact": 32, "default": 40, "comfortable": 52}
    chips = row(page, "Files").locator(".row-chips")
    assert chips.inner_text().split() == ["plan-0.pdf", "plan-1.pdf", "plan-2.pdf", "+2"]
    with page.expect_download() as got:
        chips.locator("a").first.click()
    assert got.value.suggested_filename == "plan-0.pdf"
    assert page.url.endswith("/mail/inbox/")
    page.evaluate("document.documentElement.dataset.density = 'default'")

    # pointed at: tools in the date's place, for this row only
    row(page, "Seen").locator(".row-check input").check()
    boats.hover()
    tools = boats.locator(".row-actions button")
    assert [tool.get_attribute("data-action") for tool in tools.all()] == [
        "archive",
        "delete",
        "read",
        "snooze",
    ]
    assert tools.first.get_attribute("title") == "Archive (e)"
    over, under = tools.last.bounding_box(), date.bounding_box()
    assert over and under and over["x"] < under["x"] + under["width"] <= over["x"] + over["width"] + 40
    tools.nth(2).click()
    eventually(lambda: boats.get_attribute("data-unread") is None, "the row is read", within=5)
    assert checked(page) == ["Seen"]
    assert not boats.evaluate("e => e.classList.contains('checked')")

    # the four states are told without colour: a bar, a tick, tools, a dashed edge
    page.evaluate("document.querySelectorAll('.row').forEach((row) => row.classList.add('dragged'))")
    seen = row(page, "Seen")
    assert seen.locator(".row-check input").is_checked()
    assert seen.evaluate("e => getComputedStyle(e).outlineStyle") == "dashed"
    page.keyboard.press("j")
    assert page.locator(".row.cursor").evaluate("e => getComputedStyle(e, '::before').width") == "3px"
    assert boats.evaluate("e => getComputedStyle(e).userSelect") == "none"
    with page.context.expect_page() as opened:
        row(page, "Boats").locator("[data-test=subject]").click(modifiers=["Control"])
    opened.value.wait_for_selector("[data-test=message-subject]")
    assert page.url.endswith("/mail/inbox/")


def test_what_is_selected_and_what_can_be_done_with_it(product: Product, address: str, watched: Page) -> None:
    """Spec 4.1, 4.2, 4.5, 4.6, 4.7."""
    page = watched
    fill(product, address, numbered(3, address), flags="\\Seen")
    fill(product, address, [mail(subject=f"Number {number}", to=address) for number in (3, 4)])
    enter(page, product, address)
    until_subjects(page, [f"Number {number}" for number in (4, 3, 2, 1, 0)])
    bar = page.locator("[data-toolbar]")
    assert bar.locator("[data-refresh]").is_visible()
    assert not bar.locator("[data-test=archive]").is_visible()
    boxes = page.locator("[data-test=row] .row-check input")
    boxes.nth(1).click()
    boxes.nth(3).click(modifiers=["Shift"])
    assert checked(page) == ["Number 3", "Number 2", "Number 1"]
    assert page.url.endswith("/mail/inbox/")
    every = page.locator("[data-check-all]")
    assert every.evaluate("e => e.indeterminate")
    boxes.nth(2).click(modifiers=["Shift"])
    assert checked(page) == ["Number 3"]
    every.click()
    assert len(checked(page)) == 5
    for name, wanted in (
        ("Unread", ["Number 4", "Number 3"]),
        ("None", []),
        ("Read", ["Number 2", "Number 1", "Number 0"]),
    ):
        bar.locator("[popovertarget=select-menu]").click()
        page.locator("#select-menu").get_by_role("menuitem", name=name, exact=False).first.click()
        assert checked(page) == wanted
    page.locator("[data-test=row] .row-star button").nth(4).click()
    page.keyboard.press("*")
    page.keyboard.press("s")
    assert checked(page) == ["Number 0"]

    shown = bar.locator(".tools button:visible")
    names = [each.get_attribute("aria-label") for each in shown.all()]
    assert names == [
        "Archive",
        "Report spam",
        "Delete",
        "Mark as unread",
        "Snooze",
        "Move to",
        "Label as",
        "More",
    ]
    page.click("[data-test=more]")
    more = page.locator("#more-menu button:visible").all_inner_texts()
    assert [each.split("\n")[0] for each in more] == [
        "Mark as important",
        "Remove star",
        "Filter messages like these",
        "Block sender",
        "Forward as attachment",
        "Mute",
    ]
    page.keyboard.press("Escape")

    # Trash: gone forever only after a question, and only there
    page.keyboard.press("#")
    toast(page, "Conversation moved to Trash.")
    open_place(page, "trash")
    page.wait_for_selector("text=more than 30 days")
    page.locator(".row-check input").click()
    names = [each.get_attribute("aria-label") for each in bar.locator(".tools button:visible").all()]
    assert names[0] == "Delete forever"
    assert "Move to" in names
    page.click("[data-test=delete-forever]")
    page.wait_for_selector("#confirm[open]")
    page.click("#confirm [data-closes]")
    assert subjects(page) == ["Number 0"]
    page.click("text=Empty Trash")
    page.click("#confirm [data-confirm-yes]")
    page.wait_for_selector("text=Trash is empty.")


def test_snoozed_mail_is_away_until_its_time(product: Product, address: str, watched: Page) -> None:
    """Spec 10.2, 3.4, 3.8, 5.2."""
    page = watched
    fill(product, address, numbered(3, address))
    enter(page, product, address)
    until_subjects(page, ["Number 2", "Number 1", "Number 0"])
    page.keyboard.press("j")
    page.keyboard.press("b")
    offered = page.locator("#snooze-menu button:has(time)")
    names = [text.split("\n")[0] for text in offered.all_inner_texts()]
    assert names[names.index("Tomorrow") :][0] == "Tomorrow"
    assert set(names) <= {"Later today", "Tomorrow", "Later this week", "This weekend", "Next week"}
    page.locator("#snooze-menu button", has_text="Tomorrow").click()
    until_subjects(page, ["Number 1", "Number 0"])
    page.wait_for_selector("#toasts >> text=/Snoozed until .* 08:00/")
    assert cursor(page) == "Number 1"
    page.keyboard.press("z")
    until_subjects(page, ["Number 2", "Number 1", "Number 0"])

    row(page, "Number 1").hover()  # on this row, whatever the cursor is at
    row(page, "Number 1").locator("[data-action=snooze]").click()
    page.fill("#snooze-at", "2030-03-12T09:30")
    page.locator("#snooze-menu").get_by_role("button", name="Snooze", exact=True).click()
    until_subjects(page, ["Number 2", "Number 0"])
    page.wait_for_selector("#toasts >> text=/12 March, 09:30/")
    open_place(page, "snoozed")
    until_subjects(page, ["Number 1"])
    assert page.locator(".row-date time").inner_text() == "12/03/30"
    page.keyboard.press("j")
    page.keyboard.press("b")
    page.click("text=Back to the inbox now")
    page.wait_for_selector("text=Nothing is asleep.")
    open_place(page, "inbox")
    until_subjects(page, ["Number 2", "Number 1", "Number 0"])


def test_labels_are_put_on_and_taken_off_together_and_places_are_found_by_typing(
    product: Product, address: str, watched: Page
) -> None:
    """Spec 4.8, 3.5, 2.5."""
    page = watched
    fill(product, address, [], folder="Work")
    fill(product, address, [], folder="Work/Doors")
    fill(product, address, [], folder="Travel")
    fill(product, address, numbered(2, address))
    enter(page, product, address)
    until_subjects(page, ["Number 1", "Number 0"])
    row(page, "Number 1").locator(".row-check input").click()
    page.keyboard.press("l")
    page.keyboard.type("doo")
    page.keyboard.press("Enter")
    toast(page, "Label Work/Doors added.")
    chip = row(page, "Number 1").locator(".chip")
    chip.wait_for()
    assert (chip.inner_text(), chip.get_attribute("title")) == ("Doors", "Work/Doors")

    page.keyboard.press("*")
    page.keyboard.press("a")
    page.keyboard.press("l")
    menu = page.locator("#label-menu")
    state = {"Travel": "false", "Work": "false", "Work/Doors": "mixed"}
    eventually(
        lambda: (
            {
                each.inner_text(): each.get_attribute("aria-checked")
                for each in menu.get_by_role("checkbox").all()
            }
            == state
        ),
        "what the conversations have",
        within=5,
    )
    assert not menu.locator("[data-apply]").is_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    eventually(lambda: menu.locator(".pointed").inner_text() == "Work", "the second one", within=5)
    menu.get_by_role("checkbox", name="Travel").click()
    menu.get_by_role("checkbox", name="Work/Doors").click()
    page.keyboard.press("Escape")  # nothing happened
    assert row(page, "Number 0").locator(".chip").count() == 0
    page.keyboard.press("l")
    menu.get_by_role("checkbox", name="Travel").click()
    menu.get_by_role("checkbox", name="Work/Doors").click()
    assert menu.get_by_role("checkbox", name="Work/Doors").get_attribute("aria-checked") == "true"
    held: list[Route] = []
    page.route("**/mail/actions/labels/", lambda route: held.append(route))
    menu.locator("[data-apply]").click()
    eventually(lambda: page.evaluate("1") and held, "it is asked for")
    with page.expect_response(re.compile("/mail/live/rows/")):  # the news are here before the answer
        answer = held[0].fetch()
    held[0].fulfill(response=answer)
    page.unroute("**/mail/actions/labels/")
    toast(page, "Labels changed.")
    for subject in ("Number 0", "Number 1"):
        eventually(
            lambda subject=subject: (
                sorted(row(page, subject).locator(".chip").all_inner_texts()) == ["Doors", "Travel"]
            ),
            "both labels",
            within=5,
        )
    page.keyboard.press("z")
    eventually(
        lambda: row(page, "Number 0").locator(".chip").count() == 0, "one Undo for all of it", within=5
    )

    # to a place by typing, and onto a label by dragging; the label looked at is not shown
    page.keyboard.press("j")
    page.keyboard.press("v")
    page.keyboard.type("trav")
    page.keyboard.press("Enter")
    toast(page, "Conversation moved to Travel.")
    until_subjects(page, ["Number 0"])
    data = page.evaluate_handle("new DataTransfer()")
    for kind, where in (
        ("dragstart", "[data-test=row]"),
        ("dragover", "[data-nav='label/Travel']"),
        ("drop", "[data-nav='label/Travel']"),
        ("dragend", "[data-nav='label/Travel']"),
    ):
        page.locator(where).first.hover()
        page.dispatch_event(where, kind, {"dataTransfer": data})
        if kind == "dragstart":
            assert page.locator(".row.dragged").count() == 1
    page.wait_for_selector("text=Nothing waiting for you.")
    open_place(page, "label/Travel")
    until_subjects(page, ["Number 1", "Number 0"])
    assert row(page, "Number 1").locator(".chip").all_inner_texts() == ["Doors"]
    page.goto(f"{product.url}/mail/search/?q=number")
    page.wait_for_selector(".row-text .chip-text:text-is('Travel')")


def test_what_the_server_refuses_comes_back_with_a_reason(
    product: Product, address: str, context: BrowserContext
) -> None:
    """Spec 4.9, 5.1, 5.4, 3.12."""
    page = context.new_page()  # not watched: its console will speak of what is refused
    fill(product, address, numbered(53, address))
    enter(page, product, address)
    eventually(lambda: len(subjects(page)) == 50, "a page of them", within=10)
    page.route("**/mail/actions/archive/", lambda route: route.fulfill(status=400, json={"text": "Not now."}))
    page.keyboard.press("j")
    page.keyboard.press("e")
    toast(page, "Not now.")
    assert subjects(page)[0] == "Number 52"
    page.unroute("**/mail/actions/archive/")
    page.click("#toasts >> text=Try again")
    toast(page, "Conversation archived.")
    # the gap is filled by what comes next
    eventually(
        lambda: (subjects(page)[0], subjects(page)[-1], len(subjects(page))) == ("Number 51", "Number 2", 50),
        "a full page",
        within=10,
    )
    assert page.locator(".pager-range").inner_text() == "1–50 of 52"

    # what was said stays while it is pointed at, and a later thing takes its place
    said = page.locator("#toasts .toast")
    assert page.locator("#toasts").get_attribute("role") == "status"
    said.hover()
    page.keyboard.press("s")
    toast(page, "Starred.")
    assert said.count() == 1
    page.locator("#toasts [data-toast-close]").click()
    eventually(lambda: said.count() == 0, "closed", within=5)

    # a sending that can still be taken back is not hidden by what is done meanwhile
    page.evaluate(
        """async () => {
            const { toast } = await import(performance.getEntriesByType("resource").find((each) => each.name.includes("/toast")).name);
            toast("Sending in 5 s", { stay: 0, name: "sending", actions: [{ text: "Undo", run: () => {} }] });
        }"""
    )
    page.keyboard.press("s")
    toast(page, "Star removed.")
    assert page.locator("[data-test=toast-sending]").is_visible()
    page.locator("[data-test=toast-sending] [data-toast-close]").click()

    # newest, oldest, and back
    page.click(".pager-button")
    page.click("#pager-menu [data-oldest]")
    page.wait_for_selector(".pager-range:text-is('3–52 of 52')")
    page.click(".pager-button")
    page.click("#pager-menu [data-newest]")
    page.wait_for_selector(".pager-range:text-is('1–50 of 52')")

    # an empty place: one sentence, one plain one, one thing to do
    open_place(page, "starred")
    page.keyboard.press("*")
    page.keyboard.press("a")
    page.keyboard.press("s")
    page.wait_for_selector(".empty-title:visible:text-is('No stars yet.')")
    page.locator(".empty a.button:visible").click()
    page.wait_for_selector("#view[data-box=inbox]", state="attached")


def test_the_right_button_opens_what_can_be_done_with_a_row(
    product: Product, address: str, watched: Page
) -> None:
    """Spec 3.9, 10.3."""
    page = watched
    fill(product, address, numbered(3, address))
    enter(page, product, address)
    until_subjects(page, ["Number 2", "Number 1", "Number 0"])
    menu = page.locator("#row-menu")

    def ask(subject: str, what: str) -> None:
        row(page, subject).click(button="right")
        menu.get_by_role("menuitem", name=what, exact=False).first.click()

    row(page, "Number 1").click(button="right")
    menu.wait_for()
    offered = [text.split("\n")[0] for text in menu.locator("button:visible").all_inner_texts()]
    assert offered == [
        *(
            "Reply",
            "Reply all",
            "Forward",
            "Forward as attachment",
            "Archive",
            "Delete",
            "Mark as read",
            "Snooze",
            "Move to",
            "Label as",
        ),
        *("Star", "Mute", "Find mail from them", "Filter messages like these", "Block sender"),
        "Open in a new window",
    ]
    page.keyboard.press("Escape")
    ask("Number 1", "Mute")
    toast(page, "Conversation muted.")
    until_subjects(page, ["Number 2", "Number 0"])
    open_place(page, "archive")
    row(page, "Number 1").locator(".row-mark:text-is('Muted')").wait_for()
    open_place(page, "inbox")
    ask("Number 0", "Move to")
    page.keyboard.type("arch")
    page.keyboard.press("Enter")
    until_subjects(page, ["Number 2"])
    ask("Number 2", "Find mail from them")
    page.wait_for_selector("#view[data-view=search]", state="attached")
    assert page.input_value("input[name=q]") == "from:ada@outside.test"
    eventually(lambda: len(subjects(page)) == 3, "all of hers", within=10)
    ask("Number 0", "Reply")
    page.wait_for_selector("[data-test=compose-window]")


def test_an_inbox_can_show_first_what_is_unread_or_starred(
    product: Product, address: str, watched: Page
) -> None:
    """Spec 3.13, 9 (the keys ` and ~)."""
    page = watched
    fill(product, address, numbered(3, address), flags="\\Seen")
    fill(product, address, [mail(subject="New", to=address)])
    fill(product, address, [mail(subject="Old", to=address)], flags="\\Seen")
    enter(page, product, address)
    prefer(page, product, inbox_type="unread")
    page.reload()
    titles = page.locator(".rows-title:visible")
    eventually(lambda: titles.all_inner_texts() == ["Unread", "Everything else"], "two parts", within=5)
    assert subjects(page) == ["New", "Old", "Number 2", "Number 1", "Number 0"]
    page.keyboard.press("`")
    assert cursor(page) == "New"
    page.keyboard.press("`")
    assert cursor(page) == "Old"
    page.keyboard.press("~")
    assert cursor(page) == "New"
    fill(product, address, [mail(subject="Newer", to=address)])
    until_subjects(page, ["Newer", "New", "Old", "Number 2", "Number 1", "Number 0"])
    assert cursor(page) == "New"


def test_everything_in_the_inbox_goes_at_once_and_comes_back(
    product: Product, address: str, watched: Page
) -> None:
    """Spec 4.3, 4.4, 5.2."""
    page = watched
    fill(product, address, numbered(60, address))
    enter(page, product, address)
    eventually(lambda: len(subjects(page)) == 50, "a page of them", within=10)
    page.keyboard.press("*")
    page.keyboard.press("a")
    banner = page.locator("[data-everything]")
    assert banner.inner_text().startswith("All 50 conversations on this page are selected.")
    banner.locator("button").click()
    assert banner.text_content() == "All 60 conversations in Inbox are selected. Clear selection"
    assert page.locator("[data-selected-count]").inner_text() == "60 selected"
    banner.locator("button").click()
    assert checked(page) == []

    page.locator("[data-check-all]").click()
    banner.locator("button").click()
    page.keyboard.press("e")
    page.wait_for_selector("#confirm[open]")
    assert page.locator("#confirm-title").inner_text() == "Archive all 60 conversations? You can undo this."
    page.click("#confirm [data-confirm-yes]")
    toast(page, "60 conversations archived.")
    page.wait_for_selector("text=Nothing waiting for you.")
    page.keyboard.press("z")
    toast(page, "Undone.")
    eventually(lambda: len(subjects(page)) == 50, "they are back", within=15)

    # everything that a search finds; and all read, without a selection
    page.goto(f"{product.url}/mail/search/?q=subject:number")
    page.wait_for_selector("[data-test=row]")
    page.locator("[data-check-all]").click()
    assert "that match" in banner.inner_text()
    open_place(page, "inbox")
    page.click("[popovertarget=all-menu]")
    page.click("text=Mark all as read")
    page.click("#confirm [data-confirm-yes]")
    toast(page, "Marked as read.")
    eventually(lambda: page.locator(".row.unread").count() == 0, "all are read", within=15)
