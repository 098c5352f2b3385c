"""The language of the search box: a line of text becomes the criteria that the store understands.

`from:ada subject:"quarterly report" -is:read (larger:2M OR has:pdf)`. Pure: it is given the mailboxes, the
person's own addresses, their time zone and the moment. It never fails: what is not an operator is text, what is
half-written means what it can. The store decides how words match; see mta.message.criteria.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from mta.message.attached import KIND_WORD, KINDS_OF_FILE
from mta.message.criteria import (
    All,
    And,
    Before,
    Contains,
    Criteria,
    Flag,
    HasAttachment,
    InMailbox,
    Keyword,
    Larger,
    Not,
    Or,
    Since,
    Smaller,
    Where,
    Words,
)
from mta.message.text import words
from mta.values import ARCHIVE, DRAFTS, INBOX, JUNK, LABEL, SCHEDULED, SENT, SNOOZED, TRASH, MailboxInfo

MAX_TEXT = 1000
MAX_TOKENS = 120
MAX_DEPTH = 12

ROLES = {
    "inbox": INBOX,
    "sent": SENT,
    "draft": DRAFTS,
    "drafts": DRAFTS,
    "trash": TRASH,
    "bin": TRASH,
    "spam": JUNK,
    "junk": JUNK,
    "archive": ARCHIVE,
    "snoozed": SNOOZED,
    "scheduled": SCHEDULED,
}
NOTHING = Not(All())
STATES: dict[str, Criteria] = {
    "unread": Not(Flag("seen")),
    "read": Flag("seen"),
    "starred": Flag("flagged"),
    "unstarred": Not(Flag("flagged")),
    "answered": Flag("answered"),
    "replied": Flag("answered"),
    "important": Keyword("$Important"),
    "muted": Keyword("$Muted"),
}

TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<open>[({]) | (?P<close>[)}])
      | (?P<sign>[-+])(?=\S)
      | (?P<operator>[A-Za-z_0-9]+):(?=\S)
      | "(?P<phrase>[^"]*)"?
      | (?P<word>[^\s(){}"]+)""",
    re.VERBOSE,
)
_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)([kmg]?)(?:i?b)?", re.IGNORECASE)
_AGE = re.compile(r"(\d{1,4})([hdwmy])", re.IGNORECASE)
DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})|(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


Leaf = Callable[[str, bool], Criteria]


@dataclass(frozen=True, slots=True)
class Names:
    """What the words of a search may refer to: this person's mailboxes, addresses, clock."""

    mailboxes: tuple[MailboxInfo, ...] = ()
    own: tuple[str, ...] = ()
    zone: tzinfo = UTC
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def of_role(self, role: str) -> int | None:
        return next((each.id for each in self.mailboxes if each.role == role), None)

    def labels_named(self, name: str) -> list[int]:
        """Labels by full path or, when no path fits, by their last part; `-`, `/` and spaces are alike."""
        wanted = _plain(name)
        exact = [each.id for each in self.mailboxes if _plain(each.name) == wanted]
        return exact or [
            each.id
            for each in self.mailboxes
            if not each.role and _plain(each.name.rpartition("/")[2]) == wanted
        ]


@dataclass(frozen=True, slots=True)
class Search:
    """What was asked. `everywhere`: Spam and Trash are to be searched too; `slips`: operators whose value makes no
    sense (`larger:much`), which were taken for text."""

    text: str
    criteria: Criteria
    everywhere: bool = False
    slips: tuple[str, ...] = ()


def parse(text: str, names: Names) -> Search:
    """Understand a line of the search box; an empty line asks for everything."""
    text = one_line(text)
    reader = _Reader(tokens(text), names)
    return Search(text, reader.expression() or All(), reader.everywhere, tuple(reader.slips))


def one_line(text: str) -> str:
    """What is read of a typed text."""
    return text.replace("\0", " ").strip()[:MAX_TEXT]


def _plain(name: str) -> str:
    return re.sub(r"[\s/_-]+", "-", name.strip().casefold())


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str


def tokens(text: str) -> list[Token]:
    """What a line consists of, at most MAX_TOKENS; brackets that close nothing are passed over."""
    found: list[Token] = []
    depth = 0
    for match in TOKEN.finditer(text):
        kind = match.lastgroup or "word"
        if kind == "close" and not depth:
            continue  # it closes nothing
        depth += {"open": 1, "close": -1}.get(kind, 0)
        if kind != "space" and match[kind].strip():
            found.append(Token(kind, match[kind]))
        if len(found) == MAX_TOKENS:
            break
    return found


class _Reader:
    """A recursive descent over the tokens; `_field` makes criteria of a plain word where it stands."""

    def __init__(self, tokens: list[Token], names: Names) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._names = names
        self.everywhere = False
        self.slips: list[str] = []

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def expression(self, leaf: Leaf | None = None) -> Criteria | None:
        """Terms joined by a silent AND, alternatives by an upper-case OR, which binds tighter (as elsewhere)."""
        parts: list[Criteria] = []
        either = False
        while (token := self._peek()) is not None and token.kind != "close":
            if token.kind == "word" and token.text in ("OR", "AND", "|"):
                either = token.text != "AND" and bool(parts)
                self._at += 1
                continue
            part = self._term(leaf)
            if part is None:
                continue
            if either:
                part = _either([parts.pop(), part])
                either = False
            parts.append(part)
        return _both(parts)

    def _term(self, leaf: Leaf | None) -> Criteria | None:
        token = self._tokens[self._at]
        self._at += 1
        if token.kind == "sign":
            following = self._peek()
            if following is None or following.kind == "close":
                return None
            part = self._term(leaf)
            return part if part is None or token.text == "+" else Not(part)
        if token.kind == "open":
            return self._group(token.text, leaf)
        if token.kind == "operator":
            return self._operator(token.text, leaf)
        return _asked((leaf or _anywhere)(token.text, token.kind == "phrase")) if token.text.strip() else None

    def _group(self, opened: str, leaf: Leaf | None) -> Criteria | None:
        if self._depth >= MAX_DEPTH:
            return None
        self._depth += 1
        inner = self.expression(leaf)
        self._depth -= 1
        if self._peek() is not None:
            self._at += 1  # the closing bracket
        if opened == "{" and isinstance(inner, And):
            return _either(list(inner.parts))
        return inner

    def _operator(self, name: str, outer: Leaf | None) -> Criteria | None:
        meaning = _OPERATORS.get(name.lower())
        following = self._peek()
        if meaning is None or following is None or following.kind == "close":
            return self._as_text(name, outer or _anywhere)

        def leaf(text: str, phrase: bool) -> Criteria:
            found = meaning(self, text, phrase)
            if found is None:
                self.slips.append(f"{name}:{text}")
                found = _anywhere(f"{name}:{text}", False)
            return found

        return self._term(leaf)

    def _as_text(self, name: str, leaf: Leaf) -> Criteria | None:
        """`https://…`, `12:30`, `foo:bar` are no operators but text that was typed together."""
        following = self._peek()
        if following is None or following.kind not in ("word", "phrase"):
            return _asked(leaf(name, False))
        self._at += 1
        return _asked(leaf(f"{name}:{following.text}", True))

    # --- operators: each makes criteria of one value, or None when the value makes no sense -----------------
    def people(self, where: tuple[Where, ...], text: str, phrase: bool) -> Criteria:
        wanted = self._names.own if text.lower() == "me" and not phrase and self._names.own else (text,)
        return _either([_words(each, column, phrase or "@" in each) for each in wanted for column in where])

    def inside(self, text: str, _phrase: bool) -> Criteria | None:
        place = text.lower()
        if place in ("anywhere", "all"):
            self.everywhere = self.everywhere or place == "anywhere"
            return All()
        if place in ROLES:
            found = self._names.of_role(ROLES[place])
            self.everywhere = self.everywhere or ROLES[place] in (JUNK, TRASH)
            return InMailbox(found) if found is not None else NOTHING
        if place in STATES and not self._names.labels_named(text):
            return self.being(text, _phrase)
        return self.labelled(text, _phrase)

    def labelled(self, text: str, _phrase: bool) -> Criteria:
        found = self._names.labels_named(text)
        if not found and text.lower() in ROLES:
            return self.inside(text, False) or NOTHING
        return _either([InMailbox(each) for each in found]) if found else NOTHING

    def being(self, text: str, _phrase: bool) -> Criteria | None:
        state = text.lower()
        if state in ("snoozed", "scheduled"):
            return self.inside(state, False)
        return STATES.get(state)

    def having(self, text: str, _phrase: bool) -> Criteria | None:
        thing = text.lower().removesuffix("s")
        if thing == "attachment":
            return HasAttachment()
        if thing in KINDS_OF_FILE:
            endings = (*KINDS_OF_FILE[thing], f"{KIND_WORD}{thing}")
            return _either([_words(ending, "filename", False) for ending in endings])
        if thing in ("userlabel", "nouserlabel"):
            labels = [InMailbox(each.id) for each in self._names.mailboxes if each.role == LABEL]
            some = _either(labels) if labels else NOTHING
            return some if thing == "userlabel" else Not(some)
        return None

    def delivered(self, text: str, phrase: bool) -> Criteria:
        wanted = self._names.own if text.lower() == "me" and not phrase and self._names.own else (text,)
        return _either([Contains("delivered-to", each.strip("<>")) for each in wanted])

    def listed(self, text: str, _phrase: bool) -> Criteria:
        """A List-Id (RFC 2919) or a part of it; the list's address says the same with an @, or is a reader."""
        name = text.strip("<>").lower()
        if "@" not in name:
            return Contains("list-id", name)
        as_id = Contains("list-id", name.replace("@", "."))
        return _either([as_id, And((Contains("list-id", ""), Words(name, "to", phrase=True, prefix=False)))])

    def moment(self, text: str) -> int | None:
        """The start of a day in the person's time zone, or Unix seconds, as µs since the epoch."""
        if re.fullmatch(r"\d{9,11}", text):
            return int(text) * 1_000_000
        match = DAY.fullmatch(text)
        if match is None:
            return None
        year, month, day = (match[1], match[2], match[3]) if match[1] else (match[6], match[4], match[5])
        try:
            start = datetime(int(year), int(month), int(day), tzinfo=self._names.zone)
            return int(start.timestamp()) * 1_000_000
        except (ValueError, OverflowError):
            return None

    def ago(self, text: str) -> int | None:
        match = _AGE.fullmatch(text)
        if match is None:
            return None
        number, unit = int(match[1]), match[2].lower()
        now = self._names.now
        try:
            if unit in "my":
                months = now.year * 12 + now.month - 1 - number * (12 if unit == "y" else 1)
                day = min(now.day, 28)
                then = now.replace(year=months // 12, month=months % 12 + 1, day=day) + timedelta(
                    days=now.day - day
                )
            else:
                then = now - timedelta(**{{"h": "hours", "d": "days", "w": "weeks"}[unit]: number})
            return int(then.timestamp()) * 1_000_000
        except (ValueError, OverflowError):
            return None


def _asked(criteria: Criteria) -> Criteria | None:
    """Signs alone ask for nothing."""
    return None if isinstance(criteria, All) else criteria


def _both(parts: list[Criteria]) -> Criteria | None:
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _either(parts: Sequence[Criteria]) -> Criteria:
    flat: list[Criteria] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Or) else (part,))
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


def _words(text: str, where: Where, phrase: bool) -> Criteria:
    """Whole words; a `*` at the end, and scripts that are indexed in pairs of signs, ask for beginnings too."""
    if not words(text):
        return All()  # signs alone: nothing to look for
    starts = text.endswith("*") or bool(_IDEOGRAPHS.search(text))
    return Words(text.rstrip("*"), where, phrase=phrase, prefix=starts)


def _anywhere(text: str, phrase: bool) -> Criteria:
    return _words(text, "any", phrase or "@" in text)


def _bytes(text: str) -> int | None:
    match = _SIZE.fullmatch(text)
    return int(float(match[1]) * _UNITS[match[2].lower()]) if match else None


def _filename(reader: _Reader, text: str, phrase: bool) -> Criteria:
    return Words(text.strip("*."), "filename", phrase=phrase or "." in text.strip("."), prefix=True)


def _larger(reader: _Reader, text: str, phrase: bool) -> Criteria | None:
    return None if (size := _bytes(text)) is None else Larger(size)


def _smaller(reader: _Reader, text: str, phrase: bool) -> Criteria | None:
    return None if (size := _bytes(text)) is None else Smaller(size)


def _after(reader: _Reader, text: str, phrase: bool) -> Criteria | None:
    return None if (at := reader.moment(text)) is None else Since("internal", at)


def _before(reader: _Reader, text: str, phrase: bool) -> Criteria | None:
    return None if (at := reader.moment(text)) is None else Before("internal", at)


def _newer_than(reader: _Reader, text: str, phrase: bool) -> Criteria | None:
    return None if (at := reader.ago(text)) is None else Since("internal", at)


def _older_than(reader: _Reader, text: str, phrase: bool) -> Criteria | None:
    return None if (at := reader.ago(text)) is None else Before("internal", at)


def _field(*where: Where) -> Callable[[_Reader, str, bool], Criteria]:
    return lambda reader, text, phrase: reader.people(where, text, phrase)


_OPERATORS: dict[str, Callable[[_Reader, str, bool], Criteria | None]] = {
    "from": _field("from"),
    "to": _field("to", "cc", "bcc"),
    "cc": _field("cc"),
    "bcc": _field("bcc"),
    "subject": lambda reader, text, phrase: _words(text, "subject", phrase),
    "deliveredto": _Reader.delivered,
    "list": _Reader.listed,
    "rfc822msgid": lambda reader, text, phrase: Contains("message-id", f"<{text.strip('<>')}>"),
    "filename": _filename,
    "in": _Reader.inside,
    "label": _Reader.labelled,
    "is": _Reader.being,
    "has": _Reader.having,
    "larger": _larger,
    "size": _larger,
    "smaller": _smaller,
    "after": _after,
    "newer": _after,
    "before": _before,
    "older": _before,
    "newer_than": _newer_than,
    "older_than": _older_than,
}
OPERATORS = frozenset(_OPERATORS)
