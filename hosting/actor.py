"""Who asks for a change, and from where. Every service takes an `Actor`; the audit record keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from hosting.models import Account


@dataclass(frozen=True, slots=True)
class Actor:
    """An account acting through `via` (panel, command line, setup), or the system itself (no account).

    The system may do everything: whoever can run `manage.py` on the host owns the database anyway.
    """

    account: Account | None
    via: str
    ip: str = ""

    @property
    def name(self) -> str:
        return self.account.username if self.account else self.via

    @property
    def is_system(self) -> bool:
        return self.account is None


def system(via: str) -> Actor:
    """The installation itself, named by the door it comes through: "command line", "setup", "demo"."""
    return Actor(account=None, via=via)
