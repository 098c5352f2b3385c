"""A resolver that answers from a mapping, for tests that need no sockets.

`{"a.test": {"MX": [(10, "mx.a.test")], "A": ["192.0.2.1"]}, "broken.test": Temporary("…")}`
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mta.resolver import FOUND, NO_DATA, NO_NAME, Answer, Mx, Temporary

Zone = Mapping[str, Mapping[str, list[Any]] | Temporary]


class FakeResolver:
    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.asked: list[tuple[str, str]] = []

    def _ask(self, name: str, *rdtypes: str) -> Answer[Any]:
        name = name.lower().rstrip(".")
        self.asked.extend((name, rdtype) for rdtype in rdtypes)
        here = self.zone.get(name)
        if isinstance(here, Temporary):
            raise here
        if here is None:
            return Answer(NO_NAME, (), name)
        if "CNAME" in here and rdtypes != ("CNAME",):
            return self._ask(here["CNAME"][0], *rdtypes)
        values = tuple(value for rdtype in rdtypes for value in here.get(rdtype, ()))
        return Answer(FOUND if values else NO_DATA, values, name)

    async def mx(self, domain: str) -> Answer[Mx]:
        answer = self._ask(domain, "MX")
        return Answer(answer.status, tuple(Mx(*value) for value in answer.values), answer.name)

    async def addresses(self, host: str, *, family: int = 0) -> Answer[str]:
        return self._ask(host, *{4: ("A",), 6: ("AAAA",)}.get(family, ("AAAA", "A")))

    async def txt(self, name: str) -> Answer[str]:
        return self._ask(name, "TXT")

    async def ptr(self, address: str) -> Answer[str]:
        return self._ask(address, "PTR")

    async def cname(self, name: str) -> Answer[str]:
        return self._ask(name, "CNAME")
