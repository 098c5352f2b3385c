"""Every address of the web client, as a stranger and as somebody else. What nobody sends by accident: test_odd_values.

The list of addresses comes from the resolver: a new one is looked at here without anybody remembering it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver

from hosting.models import Address, Domain, Mask
from mta.filters import service as filters
from mta.filters.service import Actions
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.message.criteria import Words
from mta.values import INBOX
from tests.webmail.mail_world import CAUSE, Reader, Response
from tests.webmail.picture_server import png
from webmail import mail_urls, own_pictures
from webmail.contacts import service as contacts
from webmail.contacts.values import Person
from webmail.models import Chore, Signature, Template
from webmail.moving.models import OutsideAddress, Source
from webmail.pictures import address_of

pytestmark = pytest.mark.django_db

OUR_SCRIPT = {"X-Mailstead": "1"}
ATTACHED = (
    b"From: Ada <ada@outside.test>\r\nSubject: Secret plan\r\nMIME-Version: 1.0\r\n"
    b"List-Unsubscribe: <mailto:leave@list.test>\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n'
    b'<p>Secret plan</p><img src="cid:lamp@x">\r\n--b\r\nContent-Type: image/png; name="lamp.png"\r\n'
    b"Content-ID: <lamp@x>\r\n\r\nSecret picture\r\n--b--\r\n"
)


def addresses() -> Iterator[tuple[str, frozenset[str]]]:
    """(`/mail/message/{message}/`, its parameters) for each address of the client."""

    def below(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, frozenset[str]]]:
        for each in patterns:
            route = prefix + str(each.pattern)
            if isinstance(each, URLResolver):
                yield from below(each.url_patterns, route)
                continue
            for name, kind in each.pattern.converters.items():
                for written in ("<box:", "<int:", "<str:", "<slug:", "<path:"):
                    route = route.replace(f"{written}{name}>", f"{{{name}}}")
                assert f"{{{name}}}" in route, (route, kind)
            yield route, frozenset(each.pattern.converters)

    yield from below(mail_urls.urlpatterns, "/mail/")


EVERY = sorted(addresses())


@dataclass
class Belongings:
    """What somebody has, by the names of the addresses' parameters."""

    box: str
    thread: int
    message: int
    label: int
    draft: int
    file: int
    outgoing: int
    action: str
    token: str
    part: str = "2"
    place: int = 1
    name: str = "lamp.png"
    content_id: str = "lamp@x"
    verb: str = "archive"
    job: int = 1
    contact: int = 0
    group: int = 0
    signature: int = 1
    picture: int = 1
    template: int = 1
    chore: int = 1
    rule: int = 1
    source: int = 1
    outside: int = 1
    mask: int = 1

    def address(self, route: str) -> str:
        return route.format(**{name: quote(str(value)) for name, value in vars(self).items()})


def belongings(who: Reader) -> Belongings:
    thread = who.receive(raw=ATTACHED)
    message = mailstore.conversation(who.space, thread).messages[0].id
    label = mailstore.create_mailbox(who.space, "Private", cause=CAUSE)
    done = mailstore.label(who.space, [thread], label.id, cause=CAUSE)
    saved = who.client.post(
        "/mail/compose/save/",
        json.dumps({"to": [["", "ben@outside.test"]], "subject": "Secret draft", "html": "<p>Secret</p>"}),
        "application/json",
        headers=OUR_SCRIPT,
    ).json()
    file = who.client.post(
        f"/mail/compose/{saved['draft']}/files/",
        {"file": SimpleUploadedFile("plan.txt", b"Secret")},
        headers=OUR_SCRIPT,
    ).json()
    other = who.client.post(
        "/mail/compose/save/",
        json.dumps({"to": [["", "ben@outside.test"]], "subject": "Waiting", "html": "<p>Secret</p>"}),
        "application/json",
        headers=OUR_SCRIPT,
    ).json()
    sent = who.client.post(
        f"/mail/compose/{other['draft']}/send/", "{}", "application/json", headers=OUR_SCRIPT
    ).json()
    token = address_of(who.account.pk, who.space, "http://127.0.0.1/lamp.png").split("/")[-2]
    contact = contacts.add(
        who.space,
        Person(name="Secret friend", emails=(("", "friend@outside.test"),), groups=("Secret circle",)),
    )
    job = mailstore.start_bulk(who.space, "star", mailstore.InBox(who.role(INBOX)), cause=CAUSE)
    rule = filters.add_rule(
        who.space,
        name="Secret filter",
        query="secret",
        criteria=Words("secret"),
        actions=Actions(star=True),
        cause=CAUSE,
    )
    filters.block(who.space, "secret@outside.test")
    signature = Signature.objects.create(account=who.account, name="Mine", html="Secret")
    template = Template.objects.create(account=who.account, name="Mine", subject="Secret", html="Secret")
    chore = Chore.objects.create(
        account=who.account, mailspace=who.space, kind=Chore.EXPORT, state=Chore.DONE, data={"a": "Secret"}
    )
    old = Source(
        account=who.account, mailspace=who.space, address="secret@old.test", host="h", port=993, username="x"
    )
    old.set_password("Secret")
    old.save()
    elsewhere = OutsideAddress(
        account=who.account, mailspace=who.space, address="secret@old.test", host="h", port=465, username="x"
    )
    elsewhere.set_password("Secret")
    elsewhere.save()
    return Belongings(
        "label/Private",
        thread,
        message,
        label.id,
        saved["draft"],
        file["id"],
        sent["outgoing"],
        done.action,
        token,
        signature=signature.pk,
        picture=own_pictures.keep(who.account.pk, png()).pk,
        template=template.pk,
        chore=chore.pk,
        job=job.id,
        rule=rule.id,
        source=old.pk,
        outside=elsewhere.pk,
        mask=mask_of(who),
        contact=contact.id,
        group=contacts.groups(who.space)[0].id,
    )


def mask_of(who: Reader) -> int:
    domain, _made = Domain.objects.get_or_create(name="example.test", defaults={"tenant": who.account.tenant})
    address = Address.objects.create(domain=domain, local_part=f"secret-{who.space}")
    return Mask.objects.create(address=address, mailspace=who.space, note="Secret").pk


@pytest.fixture
def hers(ann: Reader) -> Belongings:
    return belongings(ann)


def clock(who: Reader) -> int:
    return mailstore.clocks([who.space])[who.space]


def posted(theirs: Belongings) -> dict[str, Any]:
    """Everything that a form of ours may name."""
    return {
        "ids": [theirs.thread, theirs.message],
        "box": "all",
        "target": theirs.label,
        "action": theirs.action,
        "parent": theirs.label,
        "name": "Other",
        "colour": "3",
        "message": theirs.message,
        "draft": theirs.draft,
        "do": "send",
    }


# --- strangers ----------------------------------------------------------------------------------------------
def test_a_stranger_is_asked_to_sign_in_everywhere(ann: Reader, hers: Belongings) -> None:
    before, stranger = clock(ann), Client()
    methods = ("get", "post", "put", "delete", "head")
    for (route, _names), method, headers in itertools.product(EVERY, methods, ({}, OUR_SCRIPT)):
        response = getattr(stranger, method)(hers.address(route), headers=headers)
        assert response.status_code in (302, 401, 405, 204), (method, route, response.status_code)
        if response.status_code == 302:
            assert response["Location"].startswith(("/?next=", "/mail/inbox/")), (method, route)
        assert b"Secret" not in response.content, (method, route)
    assert clock(ann) == before


# --- somebody else ------------------------------------------------------------------------------------------
def test_nothing_of_somebody_else_is_found_shown_or_changed(
    ann: Reader, eve: Reader, hers: Belongings
) -> None:
    before = clock(ann)
    for route, names in EVERY:
        if "events" in route:
            continue  # an answer without end: test_live looks at it
        for method, headers in itertools.product(("get", "post"), ({}, OUR_SCRIPT)):
            data = posted(hers) if method == "post" else {"earlier": hers.message, "open": hers.message}
            response = getattr(eve.client, method)(hers.address(route), data, headers=headers)
            if names and names != {"verb"}:  # whatever is named here is not Eve's
                assert response.status_code in (403, 404, 405, 410), (method, route, response.status_code)
            assert response.status_code < 500, (method, route)
            assert b"Secret" not in b"".join(response), (method, route)
    assert clock(ann) == before
    assert not differences(ann.space)
    assert not differences(eve.space)


VERBS = (
    *("archive delete junk unjunk read unread star unstar move label unlabel delete-forever".split()),
    *("read-messages unread-messages star-messages unstar-messages delete-messages undo empty".split()),
)


def test_no_verb_reaches_into_another_mailspace(ann: Reader, eve: Reader, hers: Belongings) -> None:
    own = eve.receive(subject="Own")
    before = clock(ann)
    for verb in VERBS:
        for ids in ([hers.thread], [hers.message], [own]):
            answer = eve.do(verb, ids, target=str(hers.label), action=hers.action)
            assert answer["status"] in (200, 400, 404), (verb, answer)
    assert clock(ann) == before
    assert mailstore.message(ann.space, hers.message).boxes
    assert not differences(eve.space)


def test_no_draft_begins_from_or_takes_along_another_mailspaces_mail(
    ann: Reader, eve: Reader, hers: Belongings
) -> None:
    before = clock(ann)
    for mode in ("reply", "reply-all", "forward", "new"):
        for fields in (
            {"message": hers.message},
            {"draft": hers.draft},
            {"message": hers.message, "draft": hers.draft},
        ):
            data = {"mode": mode, "subject": "x", "html": "<p>x</p>", "settle": True} | fields
            response = eve.client.post(
                "/mail/compose/save/", json.dumps(data), "application/json", headers=OUR_SCRIPT
            )
            assert b"Secret" not in response.content
            assert response.status_code in (409, 410, 422) or not response.json()["files"], (mode, fields)
    for id_, raw in mailstore.raws(eve.space, range(1, 200)):
        assert b"Secret" not in raw, id_
    assert clock(ann) == before


# --- what the browser is told -------------------------------------------------------------------------------
def test_every_answer_is_private_unframed_and_not_guessed_at(ann: Reader, hers: Belongings) -> None:
    for route, _names in EVERY:
        if "events" in route:
            continue
        response = ann.client.get(hers.address(route))
        if response.status_code == 405:
            continue
        kept = response.get("Cache-Control", "")
        assert "private" in kept or "no-store" in kept or response.status_code == 302, (route, kept)
        assert "public" not in kept
        if "no-store" not in kept and response.status_code == 200:
            assert "Cookie" in response.get("Vary", ""), route  # signing out makes it somebody else's page
        policy = response["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy or "frame-ancestors 'self'" in policy, route
        assert response["X-Content-Type-Options"] == "nosniff", route
        assert "unsafe-inline" not in policy.split("style-src")[0], route


def test_only_pages_and_pictures_of_ours_are_served_as_something_a_browser_runs(ann: Reader) -> None:
    """`script-src 'self'` must not find a script among other people's files."""
    for kind in (
        "application/javascript",
        "text/javascript",
        "text/css",
        "text/html",
        "image/svg+xml",
        "text/xml",
    ):
        thread = ann.receive(
            raw=f"Subject: x\r\nContent-Type: {kind}; name=x\r\nContent-Disposition: attachment\r\n\r\nalert(1)\r\n".encode()
        )
        message = mailstore.conversation(ann.space, thread).messages[0].id
        response = ann.get(f"/mail/attachment/{message}/1/x")
        assert response["Content-Type"] == "application/octet-stream", kind
        assert response["Content-Disposition"].startswith("attachment")


def test_no_get_changes_anything_but_what_is_read(ann: Reader, hers: Belongings) -> None:
    ann.do("read", [hers.thread])
    before = clock(ann)
    for route, _names in EVERY:
        if "events" not in route:
            ann.client.get(hers.address(route), posted(hers))
            ann.client.head(hers.address(route))
    assert clock(ann) == before


def test_no_change_without_the_token(ann: Reader, hers: Belongings) -> None:
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(ann.account)
    before = clock(ann)
    for route, _names in EVERY:
        for headers in ({}, OUR_SCRIPT, {"Origin": "https://evil.test", "Content-Type": "text/plain"}):
            response = forged.post(hers.address(route), posted(hers), headers=headers)
            assert response.status_code in (403, 405), (route, response.status_code)
    assert clock(ann) == before


def test_an_unknown_host_is_refused(ann: Reader, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["mail.example.test"]
    for host in ("evil.test", "testserver:80@evil.test", "evil.test#testserver"):
        response: Response = ann.client.get("/mail/inbox/", headers={"Host": host})
        assert response.status_code == 400
        assert b"evil" not in response.content
