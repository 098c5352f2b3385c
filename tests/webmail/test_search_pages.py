"""Searching as plain pages: chips and forms that change the line, what is marked, Spam and Trash, suggestions."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mta.mailstore import finding, matching, relevance
from mta.mailstore import service as mailstore
from mta.values import JUNK, SEEN, TRASH
from tests.webmail.mail_world import CAUSE, Reader
from webmail.models import RecentSearch
from webmail.suggesting import KEPT, Last, asked_last


def subjects(page: str) -> list[str]:
    found = re.findall(r'class="row-subject"[^>]*>(.*?)</span>', page)
    return [unescape(re.sub(r"</?mark>", "", each)) for each in found]


def chip(page: str, name: str) -> str:
    return page.partition(f'data-chip="{name}"')[2].partition("data-chip=")[0]


def line_of(address: str) -> str:
    return parse_qs(urlsplit(unescape(address)).query).get("q", [""])[0]


def test_chips_change_the_line_and_the_line_the_chips(ann: Reader) -> None:
    """Spec 8.3."""
    ann.receive(subject="Lunch")
    page = ann.page("/mail/search/?q=lunch")
    assert [
        each in page for each in ("From", "Any time", "Has attachment", "Is unread", "Advanced search")
    ] == [True] * 5
    links = {
        unescape(text).strip(): line_of(url)
        for url, text in re.findall(
            r'<a class="(?:menu-item|chip choice)[^"]*" href="([^"]*)"[^>]*>([^<]*)</a>', page
        )
    }
    assert links["Older than a month"] == "older_than:1m lunch"
    assert links["Image"] == "has:image lunch"
    assert links["Is unread"] == "is:unread lunch"
    assert links["From me"] == "from:me lunch"
    page = ann.page("/mail/search/?q=from%3Aada+lunch+is%3Aunread+older_than%3A1y")
    assert "From ada" in chip(page, "from")
    assert "Older than a year" in chip(page, "time")
    off = re.search(r'class="chip choice on" href="([^"]*)" data-chip="unread"', page)
    assert off is not None and line_of(off[1]) == "from:ada older_than:1y lunch"


def test_a_custom_range_holds_both_of_its_days(ann: Reader) -> None:
    """Spec 8.3."""
    address = "/mail/search/?edit=1&q=lunch+older_than:7d&after=2026-04-01&until=2026-04-16"
    response = ann.get(address)
    assert response.status_code == 302
    assert line_of(response["Location"]) == "after:2026/04/01 before:2026/04/17 lunch"
    page = ann.page(response["Location"])
    assert 'name="until" value="2026-04-16"' in page
    assert "older_than" not in line_of(response["Location"])


def test_the_advanced_form_is_the_line_and_the_line_fills_the_form(ann: Reader) -> None:
    """Spec 8.4."""
    mailstore.create_mailbox(ann.space, "Work/Big plans", cause=CAUSE)
    form = {
        "edit": "1", "q": "filename:plan", "from_": "ada", "to": "ben lee", "subject": '"big plan"', "has": "filename:plan lamp",
        "without": "shade", "size_is": "larger", "size": "2", "unit": "M", "within": "1w", "date": "2026-04-16",
        "place": 'label:"Work/Big plans"', "state": "unread", "attachment": "pdf",
    }  # fmt: skip
    line = line_of(ann.client.get("/mail/search/", form)["Location"])
    assert line == (
        'from:ada to:(ben lee) subject:"big plan" label:"Work/Big plans" is:unread has:pdf larger:2M '
        "after:2026/04/09 before:2026/04/24 filename:plan lamp -shade"
    )
    page = unescape(str(ann.client.get("/mail/search/", {"q": line, "advanced": "1"}).content.decode()))
    for field in ('name="from_" value="ada"', 'name="to" value="ben lee"', 'name="without" value="shade"',
                  'name="size" value="2"', 'value="1w" selected', 'name="date" value="2026-04-16"',
                  'value="label:"Work/Big plans"" selected', 'value="unread" selected', 'value="pdf" selected'):  # fmt: skip
        assert field in page, field
    assert page == unescape(page)
    assert (
        'name="date" value="2026-04-16"'
        in ann.client.get("/mail/search/advanced/", {"q": line}).content.decode()
    )


def test_within_so_long_without_a_date_means_until_today(ann: Reader) -> None:
    location = ann.get("/mail/search/?edit=1&q=lunch&within=1w&date=&before=")["Location"]
    assert line_of(location) == "newer_than:1w lunch"
    assert line_of(ann.get(location.replace("?", "?edit=1&within=&date=&"))["Location"]) in (
        "lunch",
        "newer_than:1w lunch",
    )


def test_what_a_script_asks_for_names_the_address_of_the_line(ann: Reader) -> None:
    response = ann.get("/mail/search/?edit=1&q=lunch&from_=ada", headers={"X-Mailstead": "part"})  # type: ignore[arg-type]
    found = re.search(r'data-canonical="([^"]*)"', response.content.decode())
    assert found is not None and line_of(found[1]) == "from:ada lunch"


def test_words_are_marked_in_the_row_and_in_the_message(ann: Reader) -> None:
    """Spec 8.2."""
    thread = ann.receive(
        subject="Lámp <shades>", sender="Lamp Shop <shop@x.test>", body="A lamp for you & me."
    )
    page = ann.page("/mail/search/?q=lamp")
    assert "<mark>Lámp</mark> &lt;shades&gt;</span>" in page
    assert "<mark>Lamp</mark> Shop" in page
    assert "A <mark>lamp</mark> for you &amp; me." in page
    opened = ann.page(f"/mail/all/{thread}/?q=lamp")
    assert "A <mark>lamp</mark> for you" in opened
    assert "<mark>" not in ann.page(f"/mail/all/{thread}/")
    live = ann.get("/mail/live/rows/all/?since=0&q=lamp").content.decode()
    assert "<mark>" in live


def test_a_line_offers_spam_and_trash_only_when_they_hold_a_match(ann: Reader) -> None:
    """Spec 8.2."""
    ann.receive(subject="Lamp one")
    spam = "Some messages in Spam or Trash match."
    ann.receive(subject="Chair", role=TRASH)
    assert spam not in ann.page("/mail/search/?q=lamp")
    ann.receive(subject="Lamp two", role=JUNK)
    page = ann.page("/mail/search/?q=lamp")
    assert spam in page and subjects(page) == ["Lamp one"]
    everywhere = ann.page("/mail/search/?q=lamp+in:anywhere")
    assert spam not in everywhere and sorted(subjects(everywhere)) == ["Lamp one", "Lamp two"]
    assert spam in ann.page("/mail/search/?q=lamp&sort=best")
    assert spam in ann.page("/mail/search/?q=is:unread")


def way_on(ann: Reader, line: str) -> str:
    """Where the button of an empty page of results leads."""
    return way_on_of(ann.page("/mail/search/?" + urlencode({"q": line})))


def way_on_of(page: str) -> str:
    found = re.search(r'class="empty">.*?<a class="button" href="([^"]*)"', page)
    assert found is not None, page
    return unescape(found[1])


def test_nothing_found_offers_what_can_be_loosened_and_no_chip_that_is_off(ann: Reader) -> None:
    assert "Loosen a chip" not in ann.page("/mail/search/?q=lamp")
    assert "Loosen a chip" in ann.page("/mail/search/?q=lamp+is:unread")
    for nothing in ("lamp is:unread", "from:ada is:unread", "lamp repair", "lamp", "lamp larger:much"):
        assert line_of(way_on(ann, nothing)) == "", "no search is offered that finds nothing"
    for odd in ("is:nonsense", "((", "-", "is:unread", "lamp*", '"a b"', "-lamp"):
        assert way_on(ann, odd), odd
    ann.receive(subject="Lamp", sender="Ada <ada@x.test>")
    assert line_of(way_on(ann, "lamp larger:2M")) == "lamp"
    assert line_of(way_on(ann, "from:ada is:starred older_than:1y")) == "from:ada"
    assert line_of(way_on(ann, "lamp repair")) == "{lamp repair}"
    assert line_of(way_on(ann, "lam")) == "lam*"
    assert line_of(way_on(ann, "lamp larger:much")) == "lamp"
    assert "“larger:much” says nothing to the search" in ann.page("/mail/search/?q=lamp+larger%3Amuch")
    ann.receive(subject="Chair", role=TRASH)
    assert "Spam and Trash hold what you look for." in ann.page("/mail/search/?q=chair")


def test_the_beginning_of_a_name_is_offered_for_operators_too_when_it_finds_something(ann: Reader) -> None:
    ann.receive(subject="Lamp repair", sender="Nadia <nadia@x.test>")
    for typed, offered in (
        ("from:nad", "from:nad*"),
        ("subject:lam from:nad", "subject:lam* from:nad*"),
        ("has:attachment from:nad", "from:nad*"),
        ("from:nad is:starred", "from:nad*"),
        ("from:(nad OR zed)", ""),
        ("from:zed", ""),
        ("from:me", ""),
    ):
        assert line_of(way_on(ann, typed)) == offered, typed
        assert not offered or subjects(ann.page("/mail/search/?" + urlencode({"q": offered})))


def test_results_come_newest_first_or_best_first(ann: Reader) -> None:
    """Spec 8.2."""
    ann.receive(subject="Lamp lamp", body="lamp")
    ann.receive(subject="Something", body="lamp and much else " + "word " * 200)
    page = ann.page("/mail/search/?q=lamp")
    assert subjects(page) == ["Something", "Lamp lamp"]
    assert 'aria-current="true">Most recent' in page
    page = ann.page("/mail/search/?q=lamp&sort=best")
    assert subjects(page) == ["Lamp lamp", "Something"]
    assert 'aria-current="true">Most relevant' in page
    assert "Most relevant" not in ann.page("/mail/search/?q=is:unread")


def test_the_best_come_page_by_page(ann: Reader) -> None:
    for number in range(60):
        ann.receive(subject=f"Lamp {number}")
    page = ann.page("/mail/search/?q=lamp&sort=best")
    older = re.search(r'href="([^"]*from=50[^"]*)"', page)
    assert older is not None and len(subjects(page)) == 50
    rest = ann.page(unescape(older[1]))
    assert len(subjects(rest)) == 10 and not set(subjects(rest)) & set(subjects(page))
    assert 'href="/mail/search/?q=lamp&amp;sort=best"' in rest


# --- suggestions


def options(ann: Reader, text: str) -> list[tuple[str, str]]:
    page = ann.client.get("/mail/search/suggest/", {"q": text}, headers={"X-Mailstead": "1"}).content.decode()
    found = re.findall(r'data-kind="(\w+)" data-(?:query|url)="([^"]*)"', page)
    return [(kind, unescape(value)) for kind, value in found]


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("", Last("", "", "", "")),
        ("lam", Last("", "", "", "lam")),
        ("lamp from:ad", Last("lamp ", "", "from", "ad")),
        ("lamp -label:wo", Last("lamp ", "-", "label", "wo")),
        ('label:"big pl', Last("", "", "label", "big pl")),
        ("from:(ada OR be", Last("from:(ada OR ", "", "", "be")),
        ("lamp ", Last("lamp ", "", "", "")),
    ],
)
def test_the_end_of_a_line_is_what_is_completed(text: str, last: Last) -> None:
    assert asked_last(text) == last


def test_typing_suggests_people_labels_subjects_and_operators(ann: Reader) -> None:
    """Spec 8.1."""
    mailstore.create_mailbox(ann.space, "Lamps", cause=CAUSE)
    thread = ann.receive(subject="Lamp repair", sender="Lamarck <lam@x.test>")
    found = options(ann, "lam")
    assert ("person", "from:lam@x.test ") in found
    assert ("label", "label:Lamps ") in found
    assert ("subject", f"/mail/all/{thread}/") in found
    assert options(ann, "is:un") == [("operator", "is:unread ")]
    assert ("operator", "lamp older_than:1m ") in options(ann, "lamp older_than:")
    assert [value for _kind, value in options(ann, "lamp has:p")] == [
        "lamp has:presentation ",
        "lamp has:pdf ",
    ]
    assert ("label", "in:Lamps ") in options(ann, "in:la")
    assert ("operator", "in:inbox ") in options(ann, "in:")
    assert ("person", "to:lam@x.test ") in options(ann, "to:lam")
    assert ("person", "from:me ") in options(ann, "from:")
    assert ("operator", "subject:") in options(ann, "su")


def test_recent_searches_come_first_and_can_be_taken_away(ann: Reader, eve: Reader) -> None:
    """Spec 8.1."""
    for number in range(KEPT + 3):
        ann.client.post("/mail/search/recent/", {"q": f"lamp {number}"}, headers={"X-Mailstead": "1"})
    ann.client.post("/mail/search/recent/", {"q": "lamp 5"})
    kept = [value for kind, value in options(ann, "") if kind == "recent"]
    assert kept[:2] == ["lamp 5", f"lamp {KEPT + 2}"]
    assert RecentSearch.objects.count() == KEPT
    ann.client.post("/mail/search/recent/", {"q": "lamp 5", "forget": "1"})
    assert ("recent", "lamp 5") not in options(ann, "")
    assert ("recent", f"lamp {KEPT + 2}") in options(ann, "LAMP 2")
    assert not [kind for kind, _value in options(eve, "") if kind == "recent"]


def test_suggestions_cost_the_same_number_of_queries_however_much_there_is(ann: Reader) -> None:
    def queries(text: str) -> int:
        options(ann, text)
        with CaptureQueriesContext(connection) as found:
            options(ann, text)
        return len(found)

    ann.receive(subject="Lamp", flags=SEEN)
    few = {text: queries(text) for text in ("", "lam", "from:l", "in:", "is:")}
    for number in range(30):
        ann.receive(subject=f"Lamp {number}", sender=f"lam{number}@x.test")
        mailstore.create_mailbox(ann.space, f"Lamps/{number}", cause=CAUSE)
    assert {text: queries(text) for text in few} == few
    assert max(few.values()) <= 18


def test_a_search_that_takes_long_says_how_far_it_came_and_goes_on(
    ann: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spec 8.2."""
    ann.receive(subject="Large", body="lamp " * 3_000)
    for number in range(4):
        ann.receive(subject=f"Small {number}")
    for name, value in {"FEW": 2, "FIRST_PIECE": 2, "PATIENCE": 0.0}.items():
        monkeypatch.setattr(finding, name, value)
    monkeypatch.setattr(matching, "FEW", 1)
    monkeypatch.setattr(relevance, "PATIENCE", 0.0)
    page = ann.page("/mail/search/?q=larger%3A10K&sort=best")
    assert "Nothing since" in page
    for _ in range(8):
        if "Large" in subjects(page):
            break
        page = ann.page(way_on_of(page))
    assert subjects(page) == ["Large"]
    assert "Mail was searched back" not in page
