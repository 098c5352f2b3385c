"""What a mailspace wants done with arriving mail. This listing is the command list; nothing else touches the tables.

Every call takes the mailspace first and gives small frozen values; what cannot be done is a CannotFilter with a
plain sentence. What follows for one arriving message is decided in `mta.flow.filtering`.
"""

from .blocking import block, blocked, unblock
from .errors import CannotFilter, NoSuchForwarding, NoSuchRule
from .forgetting import forget, mailspaces
from .forwarding import (
    ask_forwarding,
    asked,
    change_forwarding,
    confirm_forwarding,
    forwarding,
    remove_forwarding,
)
from .plans import NOTHING, in_force, kept, plan
from .portable import restore, stored
from .replying import auto_reply, forget_answered, may_answer, set_auto_reply
from .rules import add_rule, change_rule, matched, move_rule, remove_rule, rule, rules
from .trying import apply_rule, would_match
from .values import Actions, AutoReply, Blocked, Forwarding, Plan, Preview, Rule

__all__ = [
    "NOTHING",
    "Actions",
    "AutoReply",
    "Blocked",
    "CannotFilter",
    "Forwarding",
    "NoSuchForwarding",
    "NoSuchRule",
    "Plan",
    "Preview",
    "Rule",
    "add_rule",
    "apply_rule",
    "ask_forwarding",
    "asked",
    "auto_reply",
    "block",
    "blocked",
    "change_forwarding",
    "change_rule",
    "confirm_forwarding",
    "forget",
    "forget_answered",
    "forwarding",
    "in_force",
    "kept",
    "mailspaces",
    "matched",
    "may_answer",
    "move_rule",
    "plan",
    "remove_forwarding",
    "remove_rule",
    "restore",
    "rule",
    "rules",
    "set_auto_reply",
    "stored",
    "unblock",
    "would_match",
]
