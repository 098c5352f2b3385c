"""What a search that found nothing may be changed to: one sentence and one way on.

From the line, and from what of it was no operator (`Search.slips`). Another search is offered only if it finds
something: the view of a search, which calls this, says so (`finds`), and is asked a few times at most.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields

from django.urls import reverse
from django.utils.translation import gettext as _

from webmail.search_box import Search
from webmail.search_fields import Fields, Term, fields_of, terms, text_of
from webmail.searching import search_url

MOST_WORDS = 10  # of which any may be looked for instead of all
MOST_TRIED = 4  # searches, for one advice
PEOPLE = ("from", "to", "cc", "bcc")

_LENGTHENED = re.compile(r"[^\s\"(){}:*+-][^\s\"(){}:*]*")

Finds = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Advice:
    text: str
    button: str
    url: str


def advice(asked: Search, finds: Finds) -> Advice:
    """The first way on that fits the line; `finds` says whether a line finds something."""
    left = iter(range(MOST_TRIED))

    def tried(line: str) -> bool:
        return next(left, None) is not None and finds(line)

    text = asked.text
    return (
        _slip(asked, tried)
        or _longer(text, tried)
        or _any_word(text, tried)
        or _fewer(text, tried)
        or _home()
    )


def _slip(asked: Search, finds: Finds) -> Advice | None:
    """What looked like an operator, and was looked for as text."""
    if not asked.slips:
        return None
    slip = asked.slips[0]
    sentence = _("“%s” says nothing to the search and was looked for as words.") % slip
    rest = " ".join(asked.text.replace(slip, " ", 1).split())
    if not rest.strip("-+(){} ") or not finds(rest):
        return Advice(sentence, _("Back to the Inbox"), _inbox())
    return Advice(sentence, _("Search without it"), search_url(q=rest))


def _longer(text: str, finds: Finds) -> Advice | None:
    """Words, and those of an operator, as beginnings."""
    line = _beginnings(text)
    if line == text or not finds(line):
        return None
    sentence = _("Whole words are looked for. A * at the end stands for any ending: lam* finds lamps.")
    return Advice(sentence, _("Search for %s") % line, search_url(q=line))


def _beginnings(text: str) -> str:
    return " ".join(_beginning(term) for term in terms(text)[: MOST_WORDS + 1])


def _beginning(term: Term) -> str:
    name, value = term.name.lower(), term.value or term.source
    is_plain = not term.sign and _LENGTHENED.fullmatch(value) is not None
    if not is_plain or not (name in (*PEOPLE, "subject") or term.source == value):
        return term.source
    return term.source if name in PEOPLE and value.lower() == "me" else f"{term.source}*"


def _any_word(text: str, finds: Finds) -> Advice | None:
    said = [term.source for term in terms(text)]
    if not 2 <= len(said) <= MOST_WORDS or not all(word.isalnum() for word in said):
        return None
    line = "{" + " ".join(said) + "}"
    if not finds(line):
        return None
    return Advice(_("No message has all of these words."), _("Find any of them"), search_url(q=line))


def _fewer(text: str, finds: Finds) -> Advice | None:
    """Of several conditions the words, else who."""
    asked = fields_of(text)
    said = [
        each.name
        for each in fields(asked)
        if getattr(asked, each.name) and each.name not in ("size_is", "unit")
    ]
    if said in ([], ["has"], ["without"]):
        return None
    sentence = _("Loosen a chip above, and more may turn up.")
    for kept in ("has", "from_", "to", "subject") if len(said) > 1 else ():
        alone = text_of(Fields(**{kept: getattr(asked, kept)}))
        for line in dict.fromkeys((alone, _beginnings(alone))) if alone else ():
            if finds(line):
                return Advice(sentence, _("Search for %s alone") % line, search_url(q=line))
    return Advice(sentence, _("Back to the Inbox"), _inbox())


def _home() -> Advice:
    return Advice(_("Other words may find it, or fewer."), _("Back to the Inbox"), _inbox())


def _inbox() -> str:
    return reverse("mail:inbox")
