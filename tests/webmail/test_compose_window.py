"""What windows that write are made of, and the looks that their text may have."""

from __future__ import annotations

import json
import re

import pytest

from mta.mailstore import service as mailstore
from tests.webmail.mail_world import Reader
from tests.webmail.test_compose_answers import NEWSLETTER
from tests.webmail.test_compose_pages import ask, done, only_message, save
from webmail.models import IdentityLook, Preferences, Signature, Template
from webmail.own_html import mail_html
from webmail.own_styles import LOOKS, as_names


def test_the_parts_of_a_window_carry_only_what_is_this_persons(ann: Reader, eve: Reader) -> None:
    for who, name in ((ann, "Mine"), (eve, "Hers")):
        signature = Signature.objects.create(account=who.account, name=name, html=f"<p>{name}</p>")
        IdentityLook.objects.create(
            account=who.account, address=f"{name.lower()}@example.test", signature_new=signature
        )
        Template.objects.create(account=who.account, name=name)
    page = ann.client.get("/mail/compose/window/").content.decode()
    desk = json.loads(re.search(r'id="compose-desk"[^>]*>(.*?)</script>', page)[1])  # type: ignore[index]
    assert [each["name"] for each in desk["signatures"]] == ["Mine"]
    assert [each["name"] for each in desk["templates"]] == ["Mine"]
    assert list(desk["looks"]) == ["mine@example.test"]
    assert "Hers" not in page
    assert 'id="compose-window"' in page
    assert " style=" not in page
    assert 'id="compose-window"' not in ann.client.get("/mail/inbox/").content.decode()


def test_full_screen_is_remembered_for_the_person(ann: Reader) -> None:
    for on in (True, False):
        answer = ann.client.post("/mail/compose/full/", {"on": on}, content_type="application/json")
        assert answer.json() == {"full": on}
        assert Preferences.objects.get(account=ann.account).compose_full is on
    assert ann.client.get("/mail/compose/full/").status_code == 405
    for body in ("{", "[]", '"x"'):
        answer = ann.client.post("/mail/compose/full/", body, content_type="application/json")
        assert answer.json() == {"full": False}


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_every_look_of_text_is_an_inline_style_in_mail_and_a_name_again_in_the_editor(look: str) -> None:
    tag = "p" if look in ("align", "indent") else "span"
    for name in LOOKS[look]:
        written = (
            f'<p><span data-{look}="{name}">x</span></p>'
            if tag == "span"
            else f'<p data-{look}="{name}">x</p>'
        )
        sent = mail_html(written, ())
        assert LOOKS[look][name] in sent
        assert "data-" not in sent
        assert f'data-{look}="{name}"' in as_names(sent)


@pytest.mark.parametrize(
    "hostile",
    [
        '<span style="position:fixed;inset:0" data-ink="red">x</span>',
        '<span data-ink="red;background:url(//e.test)">x</span>',
        '<span data-ink="&quot; onclick=&quot;x">x</span>',
        '<p data-align="center" onclick="x" style="background:url(//e.test)">x</p>',
        '<a href="https://x.test/?<span data-ink=&quot;red&quot;>">x</a>',
    ],
)
def test_nothing_but_our_looks_comes_out(hostile: str) -> None:
    sent = mail_html(hostile, ())
    assert not any(each in sent for each in ("position", "url(", 'onclick="', 'data-ink="'))


def test_a_window_that_never_heard_of_its_first_save_begins_no_second_draft(ann: Reader, eve: Reader) -> None:
    name = "3f0c6a52-6a3e-4c0e-9e5e-1f2f7b1c0a11"
    parent = only_message(ann, ann.receive(raw=NEWSLETTER))
    first = save(ann, mode="forward", message=parent.id, html="<p>One</p>", window=name)
    again = save(ann, mode="forward", message=parent.id, html="<p>Two</p>", window=name, version=0)
    assert again["draft"] == first["draft"] and len(again["files"]) == len(first["files"])
    draft = mailstore.draft(ann.space, first["draft"])
    assert "Two" in draft.fields.html and first["draft"] != save(ann, html="<p>x</p>")["draft"]
    assert save(eve, html="<p>Hers</p>", window=name)["draft"] != first["draft"]
    done(ask(ann, f"{first['draft']}/discard/", {}))
    other = save(ann, html="<p>Three</p>", window=name)  # what it says now is a draft of its own
    assert other["draft"] != first["draft"]
    assert mailstore.draft(ann.space, other["draft"]).header_id != draft.header_id
    for odd in ("x" * 500, "../..", 7, None, {"a": 1}):
        assert save(ann, html="<p>x</p>", window=odd)["draft"]
