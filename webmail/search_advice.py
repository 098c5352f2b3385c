"""What a search that found nothing may be changed to: one sentence and one way on.

Pure: from the line, and from what of it was no operator (`Search.slips`). Called by the view of a search.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from django.urls import reverse
from django.utils.translation import gettext as _

from webmail.search_box import Search
from webmail.search_fields import Fields, fields_of, terms, text_of
from webmail.searching import search_url

MOST_WORDS = 10  # of which any may be looked for instead of all


@dataclass(frozen=True, slots=True)
class Advice:
    text: str
    button: str
    url: str


def advice(asked: Search) -> Advice:
    """The first way on that fits the line."""
    return _slip(asked) or _fewer(asked.text) or _any_word(asked.text) or _longer(asked.text) or _home()


def _slip(asked: Search) -> Advice | None:
    """What looked like an operator, and was looked for as text."""
    if not asked.slips:
        return None
    slip = asked.slips[0]
    sentence = _("“%s” says nothing to the search and was looked for as words.") % slip
    rest = " ".join(asked.text.replace(slip, " ", 1).split())
    if not rest.strip("-+(){} "):
        return Advice(sentence, _("Back to the Inbox"), _inbox())
    return Advice(sentence, _("Search without it"), search_url(q=rest))


def _fewer(text: str) -> Advice | None:
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
    kept = next((name for name in ("has", "from_", "to", "subject") if name in said), None)
    if len(said) < 2 or kept is None:
        return Advice(sentence, _("Back to the Inbox"), _inbox())
    line = text_of(Fields(**{kept: getattr(asked, kept)}))
    return Advice(sentence, _("Search for %s alone") % line, search_url(q=line))


def _any_word(text: str) -> Advice | None:
    said = [term.source for term in terms(text)]
    if not 2 <= len(said) <= MOST_WORDS or not all(word.isalnum() for word in said):
        return None
    sentence = _("No message has all of these words.")
    return Advice(sentence, _("Find any of them"), search_url(q="{" + " ".join(said) + "}"))


def _longer(text: str) -> Advice | None:
    if not text.isalnum():
        return None
    sentence = _("Whole words are looked for. A * at the end stands for any ending: lam* finds lamps.")
    return Advice(sentence, _("Search for %s") % f"{text}*", search_url(q=f"{text}*"))


def _home() -> Advice:
    return Advice(_("Other words may find it, or fewer."), _("Back to the Inbox"), _inbox())


def _inbox() -> str:
    return reverse("mail:inbox")
