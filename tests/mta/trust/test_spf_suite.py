"""The public test suite of RFC 7208 (`suites/rfc7208-tests.yml`, its licence beside it) against our evaluator."""

import asyncio
from pathlib import Path

import dns.reversename
import pytest
import yaml

from mta.resolver import FOUND, NO_DATA, NO_NAME, Answer, Mx, Temporary
from mta.trust import spf
from mta.trust.asking import Asking

SUITE = Path(__file__).parent / "suites" / "rfc7208-tests.yml"


class SuiteZone:
    """The suite's zones: TXT follows from SPF unless it is given; TIMEOUT is for what is not there."""

    def __init__(self, zonedata):
        self.zone = {name.lower(): list(_records(rows)) for name, rows in zonedata.items()}

    def _ask(self, name, rdtype, *, depth=0):
        name = name.lower().rstrip(".")
        rows = self.zone.get(name)
        if rows is None:
            if name.startswith("error."):
                raise Temporary(name)
            return Answer(NO_NAME)
        found = []
        for each in rows:
            if each == "TIMEOUT":
                if not found:
                    raise Temporary(name)
                continue
            kind, value = each
            if value == "TIMEOUT":
                if kind == rdtype:
                    raise Temporary(name)
            elif kind == rdtype:
                found.append(value)
            elif kind == "CNAME" and depth < 3:
                found.extend(self._ask(value, rdtype, depth=depth + 1).values)
        return Answer(FOUND if found else NO_DATA, tuple(found), name)

    async def txt(self, name):
        return self._ask(name, "TXT")

    async def mx(self, name):
        answer = self._ask(name, "MX")
        rows = tuple(Mx(preference, host.lower()) for preference, host in answer.values)
        return Answer(answer.status, rows)

    async def addresses(self, name, *, family=0):
        return self._ask(name, {4: "A", 6: "AAAA"}[family])

    async def ptr(self, address):
        return self._ask(dns.reversename.from_address(address).to_text(omit_final_dot=True), "PTR")


def _records(rows):
    texts, given = [], False
    for row in rows:
        if row == "TIMEOUT":
            yield row
            continue
        for kind, value in row.items():
            if kind in {"TXT", "SPF"}:
                value = value if isinstance(value, str) else "".join(value)
                given = given or kind == "TXT"
                if kind == "SPF":
                    texts.append(value)
            if value != "NONE":
                yield kind, value
    if not given:
        yield from (("TXT", text) for text in texts)


def cases():
    for scenario in yaml.safe_load_all(SUITE.read_bytes()):
        zone = SuiteZone(scenario["zonedata"])
        for name, case in scenario["tests"].items():
            yield pytest.param(zone, case, id=name)


@pytest.mark.parametrize(("zone", "case"), list(cases()))
def test_the_public_suite_of_rfc_7208(zone, case):
    found = asyncio.run(
        spf.check(Asking(zone), ip=case["host"], sender=case["mailfrom"], helo=case["helo"], explain=True)
    )
    allowed = case["result"] if isinstance(case["result"], list) else [case["result"]]
    assert found.result in allowed, found
    if found.result == "fail" and "explanation" in case:
        assert (found.explanation or "DEFAULT") == case["explanation"]
