"""How a command ends: Ok, No, Bad, with RFC 5530's codes; and errors of the store as one of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ok:
    """The tagged OK; `code` without brackets."""

    text: str
    code: bytes = b""


class No(Exception):
    """The command was understood and not done."""

    def __init__(self, text: str, code: bytes = b"") -> None:
        super().__init__(text)
        self.text, self.code = text, code


class Bad(Exception):
    """The command makes no sense (now)."""


class Goodbye(Exception):
    """The session ends with a BYE that says this."""

    def __init__(self, text: str, code: bytes = b"") -> None:
        super().__init__(text)
        self.text, self.code = text, code


class Answered(Exception):
    """The command has sent its own tagged answer."""
