"""Every address of the web client, with values that nobody sends by accident. See test_isolation for the addresses."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict

from mta.mailstore.doctor import differences
from tests.webmail.mail_world import Reader, Response
from tests.webmail.test_isolation import EVERY, OUR_SCRIPT, Belongings, hers, posted

__all__ = ["hers"]
pytestmark = pytest.mark.django_db

NUMBERS = ("0", "9223372036854775807", "9223372036854775808", "99999999999999999999999999", "1" * 5000)
TEXTS = (
    *("²", "٣", "-1", "1e9", "NaN", "\x00", "a\x00b", "\ud7ff", "'", '"', "%", "_", "*", "\\", "/", "//", "../..", "a/" * 300),
    *("x" * 10_000, "\r\nBcc: eve@evil.test", "\u2028", "\u202e", "{{7*7}}", "%s%n", "NEAR(", '" OR 1=1 --', "(" * 3000),
    *("99999999999999999999", "9" * 4500, "1-1", "1-99999999999999999999", "999999999999999999-999999999999999999"),
    *("before:99999-99-99", "older_than:99999999999y", "larger:99999999999999G", "is:", "in:²", "label:\x00", "-" * 500),
)  # fmt: skip
FIELDS = (
    *(
        "q before after back since last open all earlier aside closed whole inline mode message draft mailto not".split()
    ),
    *("ids box target new action next name parent colour mailspace page_size after_action time_zone".split()),
    *("to cc bcc subject text from do keep quote anyway verb".split()),
    *("full_name recovery_address name-0 reply-0 new-0 default html close password every".split()),
)


def test_odd_numbers_in_addresses_are_not_found(ann: Reader, hers: Belongings) -> None:
    ann.client.raise_request_exception = False
    odd = []
    for route, names in EVERY:
        numbers = [name for name in names if isinstance(vars(hers)[name], int)]
        for number in NUMBERS if numbers and "events" not in route else ():
            given = vars(hers) | dict.fromkeys(numbers, number)
            for method in ("get", "post"):
                response = getattr(ann.client, method)(route.format(**given), headers=OUR_SCRIPT)
                if response.status_code >= 500:
                    odd.append((method, route, number[:30]))
    assert not odd


class Attention:
    """Whether a view looked at any field that was sent, or at the bytes. A view that reaches its answer without looking
    gives the same answer whatever is written there: one text is enough for it, and most addresses are such views."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looked = self.reading = False
        for name in ("__getitem__", "getlist"):
            self._watch(monkeypatch, MultiValueDict, name)
        for name in ("__contains__", "get", "pop", "dict", "items", "values", "urlencode"):
            self._watch(monkeypatch, QueryDict, name)
        load, bytes_ = HttpRequest._load_post_and_files, HttpRequest.body

        def take_apart(request: HttpRequest) -> None:  # nobody looks yet
            self.reading = True
            try:
                load(request)
            finally:
                self.reading = False

        monkeypatch.setattr(HttpRequest, "_load_post_and_files", take_apart)
        monkeypatch.setattr(
            HttpRequest, "body", property(lambda request: (self._note(), bytes_.fget(request))[1])
        )  # type: ignore[attr-defined,func-returns-value]

    def _watch(self, monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> None:
        real = getattr(kind, name)

        def watched(fields: Any, *arguments: Any, **named: Any) -> Any:
            if not arguments or arguments[0] in FIELDS:
                self._note()
            return real(fields, *arguments, **named)

        monkeypatch.setattr(kind, name, watched)

    def _note(self) -> None:
        self.looked |= not self.reading

    def drawn_by(self, ask: Callable[[], Response]) -> bool:
        self.looked = False
        ask()
        return self.looked


def test_odd_texts_in_any_field_are_answered(
    ann: Reader, hers: Belongings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann.client.raise_request_exception = False
    routes = [hers.address(route) for route, _names in EVERY if "events" not in route]
    odd = set()
    read = [route for route in routes if ann.client.get(route).status_code != 405]
    written = [route for route in routes if route not in read or ann.client.put(route).status_code != 405]
    written.sort(key=lambda route: "remove" in route)
    fields, attention = dict.fromkeys(FIELDS, "x"), Attention(monkeypatch)
    read = [
        each for each in read if attention.drawn_by(partial(ann.client.get, each, fields, headers=OUR_SCRIPT))
    ]
    written = [
        each
        for each in written
        if attention.drawn_by(partial(ann.client.post, each, fields, headers=OUR_SCRIPT))
    ]
    assert {"/mail/search/", "/mail/files/", "/mail/contacts/"} <= set(read)
    assert {"/mail/actions/", "/mail/compose/save/", "/mail/labels/"} <= set(written)
    monkeypatch.undo()
    for text in TEXTS:
        for route in read if len(text) < 3000 else ():
            response = ann.client.get(route, dict.fromkeys(FIELDS, text), headers=OUR_SCRIPT)
            if response.status_code >= 500:
                odd.add(("get", route, text[:30]))
    # the label goes last: most of what can be done to it needs it
    for text, route in itertools.product(TEXTS, written):
        if len(text) > 3000 and "compose" not in route and "actions" not in route:
            continue
        ways = [dict.fromkeys(FIELDS, text)]
        if route == "/mail/actions/":
            ways += [
                posted(hers) | {"verb": verb, "target": text, "action": text} for verb in ("undo", "move")
            ]
        if "actions" in route or "label" in route:
            ways.append(posted(hers) | {"new": text, "target": "", "name": text})
        for data in ways:
            response = ann.client.post(route, data, headers=OUR_SCRIPT)
            if response.status_code >= 500:
                odd.add(("post", route, text[:30]))
    assert not odd, sorted(odd)
    assert not differences(ann.space)


JSON = (
    *("", "{", "[]", "null", "3", '"x"', "\xff", "[" * 100_000, '{"a":' * 100_000, "NaN", '{"version": Infinity}'),
    *('{"draft": true}', '{"draft": 1e400}', '{"draft": 99999999999999999999}', '{"draft": -1}', '{"draft": "1"}'),
    *('{"version": "x"}', '{"version": [1]}', '{"version": 1e400}', '{"message": 1e400}', '{"message": "x"}'),
    *('{"message": 99999999999999999999, "mode": "reply"}', '{"message": true, "mode": "forward"}'),
    *('{"mode": ["reply"]}', '{"mode": {}}', '{"keep": 3}', '{"keep": {"a": 1}}', '{"keep": "xyz"}', '{"from": {}}'),
    *('{"to": 3}', '{"to": "abc"}', '{"to": [[1, 2]]}', '{"to": [["a"]]}', '{"to": [["a", "b", "c"]]}', '{"to": {"a": 1}}'),
    *('{"subject": 3}', '{"subject": null}', '{"subject": ["x"]}', '{"html": 3}', '{"html": null}', '{"quote": "no"}'),
    *('{"subject": "a\\u0000b"}', '{"subject": "\\ud800"}', '{"html": "\\ud800\\u0000<p>"}', '{"to": [["\\ud800", "\\u0000@x"]]}'),
    *('{"from": "\\ud800\\u0000"}', '{"action": "\\u0000", "draft": 1}', '{"action": {"a": 1}, "draft": 1}', '{"keep": ["\\ud800"]}'),
    json.dumps({"html": "<ul>" * 500_000}),
    json.dumps({"subject": "x" * 1_000_000}),
    json.dumps({"to": [["x" * 10_000, "y" * 10_000]] * 3000}),
)  # fmt: skip


def test_odd_bodies_are_answered(ann: Reader, hers: Belongings) -> None:
    ann.client.raise_request_exception = False
    odd = []
    for route in ("/mail/compose/save/", "/mail/compose/restore/", f"/mail/compose/{hers.draft}/send/"):
        for body in JSON:
            response = ann.client.post(
                route, body.encode("latin-1", "replace"), "application/json", headers=OUR_SCRIPT
            )
            if response.status_code >= 500:
                odd.append((route, body[:60]))
    assert not odd, odd
    assert not differences(ann.space)
