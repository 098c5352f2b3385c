"""What of a message is shown to a reader: which parts, which text, and which quotation may be folded away.

A message's bytes become a `Reading`: plain text (shown in the page itself, through webmail.plain) or HTML (shown in
a frame after webmail.sanitize). A quotation at the end is folded behind a button only when all of it stands in an
earlier message, so that nothing a person wrote is ever hidden. Pure; every loop is bounded by the text, which is
cut at `CLIP` characters unless the whole is asked for.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.translation import gettext as _
from selectolax.lexbor import LexborHTMLParser, LexborNode

from mta.message.flowed import unflow
from mta.message.text import nests_too_deep, shallow_html
from mta.message.tree import Part, decoded_text, parse_tree, walk
from webmail import tnef

CLIP = 102 * 1024  # characters of a body that are shown at once
WHOLE = 2 * 1024 * 1024  # and of one that is asked for as a whole
MAX_ESCAPED = (
    200_000  # signs of a whole body that are written as `&…;`: in one run each costs as much as all before it
)
MAX_EARLIER = 3  # messages that a quotation is looked for in; theirs hold the older ones
MAX_WORDS = 30_000


@dataclass(frozen=True, slots=True)
class Reading:
    """The readable body. `html` is what came, unsafe; exactly one of `text` and `html` is set, or neither."""

    text: str = ""
    html: str = ""
    clipped: bool = False
    note: str = ""  # what cannot be shown here, in words
    sealed: bool = False  # encrypted, and the key is not here


@dataclass(frozen=True, slots=True)
class Earlier:
    """The words of earlier messages in rows of three, to know a quotation again, and their signatures, word for
    word."""

    triples: frozenset[int] = frozenset()
    signatures: frozenset[str] = frozenset()

    def holds(self, quotation: str) -> bool:
        """Whether nothing in the quotation was added to what stood in the earlier messages.

        Two new words in a row are forgiven (a name, a count); three are somebody's answer.
        """
        words = _words(_without_attributions(quotation))
        if not words:
            return bool(self.triples)
        if len(words) < 3:
            return bool(self.triples)
        known_up_to = new = 0  # a word is known when one of the three rows of three around it is
        for place, triple in enumerate(_triples(words)):
            if triple in self.triples:
                known_up_to, new = place + 3, 0
            elif place >= known_up_to:
                new += 1
                if new > 2:
                    return False
        new += len(words) - max(known_up_to, len(words) - 2)
        if new > 2:
            return False
        return bool(self.triples)


def read(raw: bytes, *, whole: bool = False) -> Reading:
    """The body of a message as a reader should see it."""
    tree = parse_tree(raw)
    parts = list(_shown(tree))
    limit = WHOLE if whole else CLIP
    texts = [(part.subtype == "html", _text_of(raw, part)) for part in parts]
    # Many programs send an empty text beside the real one; Outlook leaves both to its envelope.
    texts = [each for each in texts if each[1].strip()] or _from_envelope(raw, tree) or texts[:1]
    if not texts:
        sealed = _is_sealed(tree)
        return Reading(note=_note(tree, sealed=sealed), sealed=sealed)
    if not any(is_html for is_html, _text in texts):
        text = "\n\n".join(text.strip("\n") for _html, text in texts)
        return Reading(text=text[:limit], clipped=len(text) > limit)
    if len(texts) > 1:
        texts = [(is_html, _closed(text) if is_html else text) for is_html, text in texts]
    html = "<hr>".join(text if is_html else _preformatted(text) for is_html, text in texts)
    if html.count("&") + html.count("\xa0") > MAX_ESCAPED:
        limit = CLIP
    if len(html) <= limit:
        return Reading(html=html)
    return Reading(html=html[: max(html.rfind(">", 0, limit) + 1, limit // 2)], clipped=True)


# What a part may leave open for ever, or hide the next one in; none of it is shown (webmail.sanitize).
_SWALLOWING = [
    *"script title template noscript noembed noframes iframe frame frameset object embed svg math textarea select xmp".split(),
    *"plaintext audio video canvas".split(),
]


def _closed(html: str) -> str:
    """One of several HTML parts, with all it opens closed: a tag, an address or a comment that never ends must not
    take in the part that follows, which may be somebody else's (a list's footer, what was decrypted)."""
    tree = LexborHTMLParser(shallow_html(html[:WHOLE], WHOLE))
    tree.strip_tags(_SWALLOWING)
    return tree.html or ""


def _from_envelope(raw: bytes, tree: Part) -> list[tuple[bool, str]]:
    """The body that lies in a winmail.dat."""
    for part in tnef.parts_of(tree):
        found = tnef.opened_part(raw, part)
        if found.html.strip() or found.text.strip():
            return [(bool(found.html.strip()), found.html if found.html.strip() else found.text)]
    return []


def earlier(raws: Iterable[bytes]) -> Earlier:
    """Know the words of some earlier messages, in every form they were sent in."""
    triples: set[int] = set()
    signatures: set[str] = set()
    for raw in raws:
        for part in walk(parse_tree(raw)):
            if (
                part.maintype == "text"
                and part.subtype in ("plain", "html")
                and part.disposition != "attachment"
            ):
                text = _text_of(raw, part)[:CLIP]
                is_html = part.subtype == "html"
                triples.update(_triples(_words(_visible(text) if is_html else text)))
                signatures.update(_html_signatures(text) if is_html else _text_signatures(text))
    return Earlier(frozenset(triples), frozenset(signatures))


def merged(known: Iterable[Earlier]) -> Earlier:
    """What several know, together."""
    every = list(known)
    return Earlier(
        frozenset().union(*(each.triples for each in every)),
        frozenset().union(*(each.signatures for each in every)),
    )


def _text_of(raw: bytes, part: Part) -> str:
    text = decoded_text(raw, part).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if part.subtype != "html" and part.params.get("format", "").lower() == "flowed":
        return unflow(text, delsp=part.params.get("delsp", "").lower() == "yes")
    return text


# --- which parts --------------------------------------------------------------------------------------------
def _shown(part: Part) -> Iterator[Part]:
    """The parts that are the body, in order; of alternatives the richest that can be shown (RFC 2046 §5.1.4)."""
    if part.maintype == "multipart":
        if part.subtype == "alternative":
            choices = [list(_shown(child)) for child in part.children]
            rich = [each for each in choices if any(one.subtype == "html" for one in each)]
            yield from (rich or [each for each in choices if each] or [[]])[-1]
        elif part.subtype in ("related", "signed", "report"):
            yield from _shown(part.children[0]) if part.children else ()
        elif part.subtype != "encrypted":
            for child in part.children:
                yield from _shown(child)
    elif _is_text(part) and part.disposition != "attachment" and not part.filename:
        yield part


def _is_text(part: Part) -> bool:
    return part.maintype == "text" and part.subtype in ("plain", "html", "enriched", "markdown")


def _is_sealed(tree: Part) -> bool:
    kinds = {(part.maintype, part.subtype) for part in walk(tree)}
    return not kinds.isdisjoint({("multipart", "encrypted"), ("application", "pkcs7-mime")})


def _note(tree: Part, *, sealed: bool) -> str:
    if sealed:
        return _("This message is encrypted. Open it in a mail program that has the key.")
    return _("This message has no text.")


def _preformatted(text: str) -> str:
    return f'<div style="white-space: pre-wrap">{escape(text)}</div>'


# --- quotations ---------------------------------------------------------------------------------------------
_WORD = re.compile(r"\w+")
# Looks back, so that what is no address is not tried again from each of its letters.
_ADDRESSES = re.compile(
    r"(?:https?://|www\.|mailto:)[^\s<>\"]+|(?<![^\s<>\"@])[^\s<>\"@]{1,320}@[^\s<>\"]+", re.IGNORECASE
)
# "On Monday, Ada wrote:", "Am 3. Mai schrieb Ada:", "Le 3 mai, Ada a écrit :" …: ends with a colon, has a figure.
_ATTRIBUTION = re.compile(
    r"(?:\b(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|schreef|skrev|escreveu|napisał[a]?|kirjoitti|írta|написал[а]?|пише|пишет)\b"
    r"[^\n]{0,200}|写道|のメール)\s*[:：]\s*$",
    re.IGNORECASE,
)
_DATED = re.compile(r"\d")
_SEPARATOR = re.compile(
    r"^[\s>]*[-_]{3,}\s*(?:Original Message|Original-Nachricht|Ursprüngliche Nachricht|Message d'origine|"
    r"Mensaje original|Messaggio originale|Forwarded message|Weitergeleitete Nachricht)\s*[-_]{3,}\s*$",
    re.IGNORECASE,
)
_HEADER_LINE = re.compile(
    r"^[\s>]*\*?(?:From|Von|De|Da|Van|Från|Fra|Sent|Gesendet|Envoyé|Enviado|Inviato|Verzonden|Date|Datum|Fecha|Data|"
    r"To|An|À|Para|A|Aan|Till|Til|Cc|Subject|Betreff|Objet|Asunto|Oggetto|Onderwerp|Ämne|Emne)\s?:\*?\s",
    re.IGNORECASE,
)


def _words(text: str) -> list[str]:
    return _WORD.findall(_ADDRESSES.sub(" ", text).casefold())[:MAX_WORDS]


def _triples(words: list[str]) -> Iterator[int]:
    return (hash(triple) for triple in zip(words, words[1:], words[2:], strict=False))


def _without_attributions(text: str) -> str:
    """Without the lines that mail programs write themselves when they quote."""
    lines = text.split("\n")
    kept: list[str] = []
    for line in lines:
        bare = line.lstrip("> \t")
        if _ATTRIBUTION.search(bare):
            # "On Mon, 3 May 2026 at 10:00,\nAda <ada@x.test> wrote:" may be broken once.
            if kept and re.search(r"\d", kept[-1]) and not re.search(r"\d", bare) and len(kept[-1]) < 200:
                kept.pop()
        elif not (_HEADER_LINE.match(bare) or _SEPARATOR.match(bare)):
            kept.append(bare)
    return "\n".join(kept)


def split_quote(text: str, known: Earlier) -> tuple[str, str]:
    """A plain text and the quotation at its end that may be folded ("" if there is none)."""
    lines = text.rstrip().split("\n")
    at = _quote_starts(lines)
    if at is None or not "".join(lines[:at]).strip():
        return text, ""
    quotation = "\n".join(lines[at:])
    return ("\n".join(lines[:at]).rstrip(), quotation) if known.holds(quotation) else (text, "")


def fold_text(text: str, known: Earlier) -> tuple[str, str]:
    """(what is shown, what is folded): the quotation at the end, and before it a signature that an earlier message
    ends with as well, word for word."""
    shown, quotation = split_quote(text, known)
    at = _signature_starts(shown.split("\n"))
    if at is None:
        return shown, quotation
    lines = shown.rstrip().split("\n")
    signature = "\n".join(lines[at:])
    if _plain(signature) not in known.signatures or not "".join(lines[:at]).strip():
        return shown, quotation
    folded = f"{signature}\n\n{quotation}" if quotation else signature
    return "\n".join(lines[:at]).rstrip(), folded


MOST_SIGNED = 12  # lines of a signature; what is longer is text


def _signature_starts(lines: list[str]) -> int | None:
    """The line `-- ` near the end (RFC 3676 §4.3), or None."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    for at in range(end - 1, max(-1, end - MOST_SIGNED - 2), -1):
        if lines[at].rstrip("\r") in ("-- ", "--"):
            return at if at < end - 1 else None
    return None


def _text_signatures(text: str) -> list[str]:
    """The signature of a plain message, which may stand before or after the quotation."""
    lines = text.rstrip().split("\n")
    quote = _quote_starts(lines)
    found = []
    for piece in (lines, lines[:quote] if quote is not None else []):
        at = _signature_starts(piece)
        if at is not None:
            found.append(_plain("\n".join(piece[at:])))
    return found


def _plain(text: str) -> str:
    return " ".join(text.split())


def _quote_starts(lines: list[str]) -> int | None:
    """The first line of the quotation that the text ends with, its attribution included."""
    for at, line in enumerate(lines):
        if _SEPARATOR.match(line):
            return at
        if (
            _HEADER_LINE.match(line)
            and sum(bool(_HEADER_LINE.match(each)) for each in lines[at : at + 5]) >= 3
        ):
            return at
    at = len(lines)
    while at and (not lines[at - 1].strip() or lines[at - 1].lstrip().startswith(">")):
        at -= 1
    if at == len(lines) or not any(line.strip() for line in lines[at:]):
        return None
    for back in range(1, 4):  # an attribution may be broken over three lines
        start = at - back
        said = " ".join(lines[max(0, start) : at])
        if (
            start >= 0
            and _ATTRIBUTION.search(said)
            and (_DATED.search(_ADDRESSES.sub(" ", said)) or not _goes_on(lines, start))
        ):
            return start
        if start >= 0 and not lines[start].strip():
            break
    return at


def _goes_on(lines: list[str], start: int) -> bool:
    """Whether the line before an attribution without a date is the part of it that has one."""
    return start > 0 and bool(_DATED.search(lines[start - 1])) and len(lines[start - 1]) < 200


@dataclass(frozen=True, slots=True)
class _Mark:
    """How a mail program marks its quotations; `to_the_end`: the mark stands before the quotation, not around it."""

    selector: str
    sign: str  # only HTML that contains it is looked into
    to_the_end: bool = False


_MARKS = (
    _Mark(".gmail_quote_container", "gmail_quote_container"),
    _Mark("div.gmail_quote", "gmail_quote"),
    _Mark(".mailstead_quote", "mailstead_quote"),
    _Mark(".yahoo_quoted", "yahoo_quoted"),
    _Mark(".protonmail_quote", "protonmail_quote"),
    _Mark(".moz-cite-prefix", "moz-cite-prefix", to_the_end=True),
    _Mark("#divRplyFwdMsg", "divRplyFwdMsg", to_the_end=True),
    _Mark("#appendonsend", "appendonsend", to_the_end=True),
    _Mark("#reply-intro", "reply-intro", to_the_end=True),
    _Mark('div[style*="border-top:solid #E1E1E1"]', "#E1E1E1", to_the_end=True),
    _Mark('div[style*="border-top:solid #B5C4DF"]', "#B5C4DF", to_the_end=True),
    _Mark('blockquote[type="cite"]', "<blockquote"),
    _Mark("blockquote", "<blockquote"),
)


# Where mail programs put a signature: Gmail, Thunderbird, Outlook on the web, and ours.
_SIGNED = (".gmail_signature", ".moz-signature", "#Signature", ".mailstead_signature")
_SIGNS = ("gmail_signature", "moz-signature", "Signature", "mailstead_signature")


def _html_signatures(html: str) -> list[str]:
    if not any(sign in html for sign in _SIGNS) or nests_too_deep(html):
        return []
    found = LexborHTMLParser(html).css(", ".join(_SIGNED))[:8]
    return [text for each in found if (text := _plain(each.text(separator=" ")))]


def _fold_signature(html: str, known: Earlier) -> str:
    """The first marked signature, folded when an earlier message has the very same."""
    if not known.signatures or not any(sign in html for sign in _SIGNS):
        return html
    tree = LexborHTMLParser(html)
    signature = tree.css_first(", ".join(_SIGNED))
    if (
        signature is None
        or tree.body is None
        or _plain(signature.text(separator=" ")) not in known.signatures
    ):
        return html
    start, end = f"\u2063{secrets.token_hex(8)}", f"\u2063{secrets.token_hex(8)}"
    signature.insert_before(start)
    signature.insert_after(end)
    marked = tree.body.html or ""
    button = escape(_("Show trimmed content"))
    opened = f'<details class="trimmed"><summary title="{button}">•••</summary>'
    return marked.replace(start, opened, 1).replace(end, "</details>", 1)


def fold_html(html: str, known: Earlier) -> str:
    """The same HTML with the quotation at its end, and a signature that is known, inside <details class="trimmed">;
    not safe yet."""
    if nests_too_deep(html):
        return html
    html = _fold_signature(html, known)
    if not known.triples:
        return html
    for mark in _MARKS:
        folded = _fold_at(html, mark, known) if mark.sign in html else None
        if folded is not None:
            return folded
    return html


def _fold_at(html: str, mark: _Mark, known: Earlier) -> str | None:
    """Fold at the first element so marked, if all the text from there on is a known quotation."""
    tree = LexborHTMLParser(html)
    quote = tree.css_first(mark.selector)
    if quote is None or tree.body is None:
        return None
    first = quote.parent if mark.to_the_end and _wraps_nothing_else(quote) else quote
    if first is None or first.tag in ("body", "html"):
        first = quote
    last = _last_sibling(first) if mark.to_the_end else first
    first = _with_attribution(first)
    start, end = f"\u2063{secrets.token_hex(8)}", f"\u2063{secrets.token_hex(8)}"
    first.insert_before(start)
    last.insert_after(end)
    marked = tree.body.html or ""
    before, _mark, rest = marked.partition(start)
    quotation, _mark, after = rest.partition(end)
    if not _mark or _visible(after) or not _visible(before):
        return None
    if not known.holds(_visible(quotation, lines=True)):
        return None
    button = escape(_("Show trimmed content"))
    return (
        f'{before}<details class="trimmed"><summary title="{button}">•••</summary>'
        f"{quotation}</details>{after}"
    )


def _wraps_nothing_else(quote: LexborNode) -> bool:
    """Whether the quote only sits in a wrapper of its own (Outlook: <div><div style="border-top…">)."""
    return quote.parent is not None and quote.prev is None and quote.parent.tag == "div"


def _last_sibling(node: LexborNode) -> LexborNode:
    while node.next is not None:
        node = node.next
    return node


def _with_attribution(node: LexborNode) -> LexborNode:
    """The element, or its "Ada wrote:" before it."""
    before, steps = node.prev, 0
    while before is not None and steps < 4:
        text = (before.text() or "").strip()
        if text:
            return before if len(text) < 400 and _ATTRIBUTION.search(" ".join(text.split())) else node
        before, steps = before.prev, steps + 1
    return node


_BLOCKS = re.compile(r"</?(?:p|div|br|tr|li|blockquote|table|h[1-6]|hr)\b[^<>]*>", re.IGNORECASE)


def _visible(html: str, *, lines: bool = False) -> str:
    """The text of some HTML; `lines` keeps where one ends."""
    if lines:
        html = _BLOCKS.sub("\n", html)
    if nests_too_deep(html):
        return re.sub(r"<[^<>]*>", " ", html).strip()
    body = LexborHTMLParser(html).body
    if body is None:
        return ""
    for hidden in body.css("style, script, title, head"):
        hidden.decompose()
    return body.text(separator="" if lines else " ").strip()
