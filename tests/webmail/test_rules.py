"""The pages of filters, blocked addresses, forwarding and the automatic reply, as a browser without scripts uses them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hosting.models import Grant
from mta.filters import service as filters
from mta.filters.service import Actions, AutoReply
from mta.mailstore import service as mailstore
from mta.mailstore.arriving import Filing
from mta.message.criteria import Words
from mta.values import INBOX, Cause, now_us
from tests.mail import mail
from tests.webmail.mail_world import CAUSE, Reader

pytestmark = pytest.mark.django_db

FILTERS = "/mail/settings/filters/"
NEW = f"{FILTERS}new/"


def recent(who: Reader, **message: Any) -> int:
    """A message that came just now; gives its conversation."""
    message.setdefault("date", timezone.now().strftime("%a, %d %b %Y %H:%M:%S +0000"))
    return who.receive(**message)


def rule(who: Reader, query: str = "from:ada", **actions: Any) -> filters.Rule:
    return filters.add_rule(
        who.space,
        name=query,
        query=query,
        criteria=Words(query.partition(":")[2], "from", prefix=False),
        actions=Actions(**(actions or {"star": True})),
        cause=CAUSE,
    )


# --- making one
def test_a_filter_is_made_of_fields_and_says_what_it_would_have_matched(ann: Reader) -> None:
    recent(ann, sender="Ada <ada@x.test>", subject="Plan A")
    recent(ann, sender="Ada <ada@x.test>", subject="Plan B")
    recent(ann, sender="Ben <ben@x.test>", subject="Lunch")
    shown = ann.client.post(NEW, {"do": "preview", "was": "", "query": "", "from_": "ada@x.test"})
    page = shown.content.decode()
    assert "these 2 messages of the last 90 days" in page
    assert "all mail here that matches: 2 messages of the last 90 days, and everything older" in page
    assert "Plan A" in page
    assert "Lunch" not in page
    assert 'name="query" value="from:ada@x.test"' in page

    made = ann.client.post(
        NEW,
        {
            "was": "from:ada@x.test",
            "query": "from:ada@x.test",
            "from_": "ada@x.test",
            "skip_inbox": "on",
            "new_label": "Plans",
        },
    )
    assert made.status_code == 302
    (found,) = filters.rules(ann.space)
    label = mailstore.mailbox(ann.space, "Plans")
    assert found.query == "from:ada@x.test"
    assert found.actions == Actions(skip_inbox=True, labels=(label.id,))
    listed = ann.page(FILTERS)
    assert "Skip the Inbox" in listed
    assert "Label Plans" in listed
    assert "It has not matched any new mail yet." in listed


def test_the_line_and_the_fields_say_the_same_both_ways(ann: Reader) -> None:
    def shown(**sent: str) -> str:
        return str(ann.client.post(NEW, {"do": "preview", **sent}).content.decode())

    line = shown(
        was="from:ada", query="subject:plan larger:2M -draft", from_="ada"
    )  # the line was changed: it counts
    assert 'name="subject" value="plan"' in line
    assert 'name="without" value="draft"' in line
    assert 'name="size" value="2"' in line
    assert 'name="from_" value=""' in line
    fields = shown(was="from:ada", query="from:ada", from_="ben", subject="plan")
    assert 'name="query" value="from:ben subject:plan"' in fields

    for by, query, from_, wanted in (
        ("line", "from:cy", "ada", "from:cy"),
        ("fields", "from:cy", "ada", "from:ada"),
    ):
        said = ann.client.post(
            f"{FILTERS}preview/",
            {"by": by, "was": "", "query": query, "from_": from_},
            headers={"X-Mailstead": "1"},
        ).json()
        assert said["query"] == wanted
        assert said["fields"]["from_"] == wanted.removeprefix("from:")


def test_what_says_nothing_about_arriving_mail_is_left_out_and_said(ann: Reader) -> None:
    page = ann.page(f"{NEW}?q=in%3Ainbox+is%3Aunread+from%3Aada+newer_than%3A7d")
    assert 'name="query" value="from:ada"' in page
    assert "Left out:" in page
    refused = ann.client.post(NEW, {"was": "", "query": "is:starred", "star": "on"})
    assert refused.status_code == 400
    assert "A filter looks at mail as it arrives." in refused.content.decode()
    assert ann.client.post(NEW, {"was": "", "query": "", "star": "on"}).status_code == 400
    assert ann.client.post(NEW, {"was": "", "query": "from:ada"}).status_code == 400  # it does nothing
    assert filters.rules(ann.space) == ()


def test_a_search_and_its_form_lead_to_a_filter(ann: Reader) -> None:
    found = ann.page("/mail/search/?q=from%3Aada")
    assert f'href="{NEW}?q=from%3Aada"' in found
    form = ann.page("/mail/search/advanced/?q=from%3Aada")
    assert f'formaction="{NEW}"' in form
    begun = ann.page(f"{NEW}?edit=1&q=&from_=ada&subject=plan")
    assert 'name="query" value="from:ada subject:plan"' in begun


def test_messages_and_conversations_give_the_condition(ann: Reader, eve: Reader) -> None:
    first = ann.receive(sender="Ada <ada@x.test>", subject="One")
    second = ann.receive(sender="Ben <ben@x.test>", subject="Two")
    message = mailstore.conversation(ann.space, first).messages[0].id
    assert 'value="from:ada@x.test"' in ann.page(f"{NEW}?messages={message}")
    assert 'value="from:(ada@x.test OR ben@x.test)"' in ann.page(f"{NEW}?conversations={first}.{second}")
    listed = ann.receive(
        raw=b"From: List <l@x.test>\r\nList-Id: Walks <walks.x.test>\r\nSubject: Sunday\r\n\r\nWe walk.\r\n"
    )
    assert 'value="list:walks.x.test"' in ann.page(f"{NEW}?conversations={listed}")
    led = ann.client.post(f"{FILTERS}like/", {"ids": [first, second]})
    assert led["Location"] == f"{NEW}?conversations={first}.{second}"
    assert eve.get(f"{NEW}?messages={message}").status_code == 404
    assert "ada@x.test" not in eve.client.get(f"{NEW}?conversations={first}").content.decode()


# --- the list of them
def test_filters_are_put_in_order_turned_off_removed_and_put_back(ann: Reader) -> None:
    one, two, three = (rule(ann, f"from:{name}") for name in ("ada", "ben", "cy"))

    def do(which: filters.Rule, what: str, **more: str) -> None:
        assert ann.client.post(f"{FILTERS}{which.id}/do/", {"do": what} | more).status_code == 302

    def order() -> list[str]:
        return [each.query for each in filters.rules(ann.space)]

    do(three, "up")
    assert order() == ["from:ada", "from:cy", "from:ben"]
    do(one, "down")
    assert order() == ["from:cy", "from:ada", "from:ben"]
    do(two, "place", place="0")
    assert order() == ["from:ben", "from:cy", "from:ada"]
    do(one, "off")
    assert not filters.rule(ann.space, one.id).enabled
    assert "Turn on" in ann.page(FILTERS)
    do(one, "on")
    do(three, "remove")
    assert order() == ["from:ben", "from:ada"]
    assert "“from:cy” is gone" in ann.page(FILTERS)
    ann.client.post(f"{FILTERS}back/")
    assert order() == ["from:ben", "from:cy", "from:ada"]
    assert "is gone" not in ann.page(FILTERS)


def test_a_filter_runs_over_mail_that_is_here_and_the_run_is_taken_back(ann: Reader) -> None:
    thread = recent(ann, sender="Ada <ada@x.test>", subject="Plan")
    ann.client.post(NEW, {"was": "", "query": "from:ada", "star": "on", "also": "on"})
    mailstore.work_bulks()
    starred = mailstore.conversation(ann.space, thread).messages[0].flags
    assert starred
    page = ann.page(FILTERS)
    assert "The filter was applied to one conversation." in page
    action = next(each.action for each in mailstore.bulks(ann.space))
    assert action in page
    ann.client.post("/mail/actions/undo-all/", {"action": action, "box": "all", "next": FILTERS})
    mailstore.work_bulks()
    assert mailstore.conversation(ann.space, thread).messages[0].flags != starred
    page = ann.page(FILTERS)
    assert "Undone." in page
    assert "Revert" not in page


def test_filters_go_into_a_file_and_come_back_elsewhere(ann: Reader, eve: Reader) -> None:
    rule(ann)
    filters.block(ann.space, "spam@x.test")
    file = ann.get(f"{FILTERS}filters.json")
    assert "attachment" in file["Content-Disposition"]
    data = file.content
    eve.client.post(f"{FILTERS}import/", {"file": SimpleUploadedFile("filters.json", data)})
    assert [each.query for each in filters.rules(eve.space)] == ["from:ada"]
    assert [each.address for each in filters.blocked(eve.space)] == ["spam@x.test"]
    for wrong in (b"no", b"[" * 100_000, b'{"entries": 3}', json.dumps([1, {"kind": "rule"}]).encode()):
        answer = eve.client.post(f"{FILTERS}import/", {"file": SimpleUploadedFile("f", wrong)})
        assert answer.status_code == 302
    assert len(filters.rules(eve.space)) == 1


def test_the_list_of_filters_costs_the_same_number_of_queries_however_many(ann: Reader) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            ann.page(FILTERS)
        return len(caught)

    rule(ann)
    filters.block(ann.space, "a@x.test")
    queries()
    few = queries()
    for name in ("ben", "cy", "dan"):
        rule(ann, f"from:{name}")
        filters.block(ann.space, f"{name}@x.test")
    assert queries() == few


def test_a_preview_costs_the_same_number_of_queries_however_much_it_finds(ann: Reader) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            shown = ann.client.post(f"{FILTERS}preview/", {"by": "line", "query": "from:ada"})
            assert shown.json()["html"].count("<li>") == min(10, mailstore.usage(ann.space).messages)
        return len(caught)

    recent(ann, sender="Ada <ada@x.test>")
    queries()
    few = queries()
    for number in range(12):
        recent(ann, sender="Ada <ada@x.test>", subject=f"Plan {number}")
    queries()
    assert queries() == few


# --- blocked
def test_senders_and_domains_are_blocked_and_freed(ann: Reader, eve: Reader) -> None:
    thread = ann.receive(sender="Ada <ada@x.test>")
    ann.client.post(f"{FILTERS}block/", {"address": "Bad@Y.test"})
    ann.client.post(f"{FILTERS}block/", {"address": "z.test"})
    said = ann.client.post(
        f"{FILTERS}block/", {"conversations": str(thread)}, headers={"X-Mailstead": "1"}
    ).json()
    assert said["addresses"] == ["ada@x.test"]
    assert "goes to Spam" in said["text"]
    page = ann.page(FILTERS)
    assert "bad@y.test" in page
    assert "@z.test" in page
    ann.client.post(f"{FILTERS}block/", {"address": "@z.test", "do": "free"})
    ann.client.post(f"{FILTERS}block/", {"addresses": ["ada@x.test"], "do": "free"})
    assert [each.address for each in filters.blocked(ann.space)] == ["bad@y.test"]
    assert (
        ann.client.post(f"{FILTERS}block/", {"ids": [str(thread)]}).status_code == 302
    )  # of a list without scripts
    assert filters.blocked(ann.space)[0].address == "ada@x.test"
    eve.client.post(f"{FILTERS}block/", {"conversations": str(thread)})
    assert filters.blocked(eve.space) == ()


# --- forwarding
def test_forwarding_waits_for_a_click_by_somebody_who_need_not_sign_in(
    ann: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "t" * 43
    monkeypatch.setattr("mta.filters.forwarding.secrets.token_urlsafe", lambda _size: token)
    ann.client.post("/mail/settings/forwarding/do/", {"do": "ask", "address": "ann@else.test", "keep": "1"})
    assert "Waiting for a click" in ann.page("/mail/settings/forwarding/")
    somebody = Client()
    page = somebody.get(f"/forward/{token}/").content.decode()
    assert "ann@example.test" in page
    assert "ann@else.test" in page
    assert not filters.forwarding(ann.space)[0].confirmed  # a GET agrees to nothing
    assert somebody.post(f"/forward/{token}/").status_code == 200
    found = filters.forwarding(ann.space)[0]
    assert found.confirmed
    assert found.enabled
    assert somebody.get(f"/forward/{token}/").status_code == 404  # used
    assert somebody.get("/forward/other/").status_code == 404
    for do, said in (
        ("drop", "goes to Trash"),
        ("keep", "a copy stays here"),
        ("off", "Only filters forward"),
    ):
        ann.client.post("/mail/settings/forwarding/do/", {"do": do, "id": str(found.id)})
        assert said in ann.page("/mail/settings/forwarding/")
    assert "ann@else.test" in ann.page(NEW)  # a filter may forward there now
    ann.client.post("/mail/settings/forwarding/do/", {"do": "remove", "id": str(found.id)})
    assert filters.forwarding(ann.space) == ()


# --- the automatic reply
def test_an_automatic_reply_is_set_and_said_over_the_lists(ann: Reader) -> None:
    day = timezone.localdate()
    sent = {"text": "I am away.\n\nUntil then", "subject": "Away", "days": "4", "only_known": "on"}
    bad = sent | {"enabled": "on", "starts": str(day), "ends": str(day - timedelta(days=1))}
    assert ann.client.post("/mail/settings/reply/", bad).status_code == 400
    good = sent | {"enabled": "on", "starts": str(day), "ends": str(day)}
    assert ann.client.post("/mail/settings/reply/", good).status_code == 302
    kept = filters.auto_reply(ann.space)
    assert kept.text == "I am away.\n\nUntil then"
    assert kept.html == ""
    assert kept.only_known
    assert (kept.starts or 0) <= now_us() < (kept.ends or 0)
    assert f'value="{day}"' in ann.page("/mail/settings/reply/")
    assert "Your automatic reply is on, up to and including" in ann.page("/mail/inbox/")
    ann.client.post("/mail/settings/reply/", {"do": "off", "back": "1"})
    assert "Your automatic reply" not in ann.page("/mail/inbox/")
    assert filters.auto_reply(ann.space).text == kept.text


def test_what_the_editor_sends_is_reduced_to_what_it_can_make(ann: Reader) -> None:
    html = '<p>Away, <strong>back</strong> on Monday</p><script>alert(1)</script><img src="https://x.test/a.png">'
    ann.client.post("/mail/settings/reply/", {"enabled": "on", "html": html, "days": "4", "subject": ""})
    kept = filters.auto_reply(ann.space)
    assert "<strong>back</strong>" in kept.html
    assert "script" not in kept.html
    assert "x.test" not in kept.html
    assert kept.text.strip() == "Away, back on Monday"


def test_the_line_over_the_lists_costs_no_query(ann: Reader) -> None:
    def queries() -> int:
        ann.page("/mail/inbox/")
        with CaptureQueriesContext(connection) as caught:
            ann.page("/mail/inbox/")
        return len(caught)

    without = queries()
    filters.set_auto_reply(ann.space, AutoReply(enabled=True, text="Away"))
    assert queries() == without


# --- a habit
def test_the_second_move_of_a_sender_to_a_label_offers_a_filter(ann: Reader) -> None:
    label = mailstore.create_mailbox(ann.space, "Plans", cause=CAUSE)
    first, second, other = (
        ann.receive(sender=sender, subject=subject)
        for sender, subject in (
            ("Ada <ada@x.test>", "1"),
            ("Ada <ada@x.test>", "2"),
            ("Ben <ben@x.test>", "3"),
        )
    )
    assert "more" not in ann.do("move", [first], target=str(label.id))
    assert "more" not in ann.do("move", [other], target=str(label.id))
    more = ann.do("move", [second], target=str(label.id))["more"]
    assert more["text"] == "Always do this"
    page = ann.page(more["url"])
    assert 'value="from:ada@x.test"' in page
    assert f'value="{label.id}" checked' in page
    assert 'name="skip_inbox" checked' in page

    # Who has such a filter is not asked again.
    ann.client.post(NEW, {"was": "", "query": "from:ada@x.test", "labels": [str(label.id)]})
    third = ann.receive(sender="Ada <ada@x.test>", subject="4")
    assert "more" not in ann.do("move", [third], target=str(label.id))


# --- why is this here
def test_the_why_panel_names_the_filter_and_leads_to_it(ann: Reader) -> None:
    made = rule(ann)
    reasons = {"rules": [[made.id, made.name], [made.id + 1, "Gone"]]}
    letter = mailstore.prepare(mail(sender="Ada <ada@x.test>"))
    stored = mailstore.commit(
        {ann.space},
        lambda door: door.store(ann.space, letter, INBOX, cause=Cause("smtp"), reasons=reasons),
    )
    page = ann.page(f"/mail/why/{stored.message}/")
    assert "your filters “from:ada”, “Gone” were applied to it" in page
    assert f'href="{FILTERS}{made.id}/"' in page
    assert f"{FILTERS}{made.id + 1}/" not in page
    said = ann.client.post(f"{FILTERS}{made.id}/do/", {"do": "off"}, headers={"X-Mailstead": "1"}).json()
    assert said["text"] == "The filter is off. What it did stays."


def test_the_why_panel_frees_a_blocked_sender(ann: Reader) -> None:
    filters.block(ann.space, "x.test")
    filters.add_rule(
        ann.space,
        name="Plans",
        query="subject:plan",
        criteria=Words("plan", "subject"),
        actions=Actions(skip_inbox=True),
        cause=CAUSE,
    )
    blocked = Filing("junk", (), 0, (), "junk", Cause("filter", "Blocked senders"))
    letter = mailstore.prepare(mail(sender="Ada <ada@sub.x.test>"))
    stored = mailstore.commit(
        {ann.space},
        lambda door: door.store(
            ann.space,
            letter,
            INBOX,
            cause=Cause("smtp"),
            reasons={"placement": "You blocked x.test"},
            filing=blocked,
        ),
    )
    page = ann.page(f"/mail/why/{stored.message}/")
    assert "It was delivered to Spam: You blocked x.test." in page
    assert "Unblock @x.test" in page


# --- whose it is
def test_who_only_organises_a_mailbox_does_not_say_where_its_mail_goes(ann: Reader, eve: Reader) -> None:
    Grant.objects.create(account=eve.account, mailspace=ann.space, right=Grant.ORGANISE)
    eve.client.post("/mail/settings/mailbox/", {"mailspace": str(ann.space)})
    for address in ("/mail/settings/reply/", "/mail/settings/forwarding/do/", f"{FILTERS}import/"):
        assert eve.client.post(address, {"do": "ask", "address": "eve@x.test"}).status_code == 404, address
    eve.client.post(NEW, {"was": "", "query": "from:ada", "star": "on", "reply": "No"})
    (made,) = filters.rules(ann.space)
    assert made.actions == Actions(star=True)
    assert eve.get(f"{FILTERS}filters.json").status_code == 404
    assert "Answer by itself" not in eve.page(NEW)
    assert "Answer by itself" in ann.page(NEW)


def test_filters_of_somebody_else_are_not_there(ann: Reader, eve: Reader) -> None:
    hers = rule(ann)
    for address in (f"{FILTERS}{hers.id}/", f"{FILTERS}{hers.id}/do/"):
        for method in ("get", "post"):
            answer = getattr(eve.client, method)(address, {"do": "remove", "query": "x", "star": "on"})
            assert answer.status_code in (404, 405), address
    assert "from:ada" not in eve.page(FILTERS)
    assert "from:ada" not in eve.get(f"{FILTERS}filters.json").content.decode()
    assert filters.rules(ann.space) == (hers,)
