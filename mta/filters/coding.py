"""Actions as JSON and back. Pure; `load` takes nothing that `dump` does not make."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from .values import Actions

MAX_LABELS = 50
MAX_FORWARDS = 10
MAX_REPLY = 20_000


def dump(actions: Actions) -> dict[str, Any]:
    """Only what differs from doing nothing."""
    plain = Actions()
    found: dict[str, Any] = {}
    for each in fields(Actions):
        value = getattr(actions, each.name)
        if value != getattr(plain, each.name):
            found[each.name] = list(value) if isinstance(value, tuple) else value
    return found


def load(stored: object) -> Actions:
    """What `dump` made; a ValueError for anything else."""
    if not isinstance(stored, dict):
        raise ValueError("not actions")
    made: dict[str, Any] = {}
    for name, value in stored.items():
        if name in ("labels", "forward"):
            value = _tuple(value, int if name == "labels" else str)
        elif name == "reply":
            if not isinstance(value, str) or len(value) > MAX_REPLY:
                raise ValueError("not a reply")
        elif not isinstance(value, bool):
            raise ValueError(f"not a {name}")
        made[name] = value
    try:
        return Actions(**made)
    except TypeError:
        raise ValueError("not actions") from None


def _tuple(value: object, kind: type) -> tuple[Any, ...]:
    most = MAX_LABELS if kind is int else MAX_FORWARDS
    if not isinstance(value, list) or len(value) > most or not all(type(each) is kind for each in value):
        raise ValueError("not a list")
    return tuple(value)
