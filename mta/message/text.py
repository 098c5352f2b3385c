"""Text for people and for the index: words, HTML as text, snippets, subjects.

`words` is the one tokenizer: the index on either database, the evaluator of searches and highlighting all use it,
and nothing else may split text. Pure and linear; called at delivery, by searches and by the web client.
"""

import re
import unicodedata

from selectolax.lexbor import LexborHTMLParser, LexborNode

from mta.message.charsets import storable

MAX_WORDS = 20_000
MAX_WORD = 40
MAX_TOKENIZED = 1_000_000
MAX_HTML = 512 * 1024

# --- Words ----------------------------------------------------------------------------------------------

# Scripts written without spaces: cut into overlapping pairs. Kana, Han, Hangul, Thai, Lao, Khmer, Myanmar.
_UNSPACED = "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(rf"((?:(?![\W_])[{_UNSPACED}])+)|([^\W_{_UNSPACED}]+)")
_ASCII_RUN = re.compile(r"[a-z0-9]+")
_EMAIL = re.compile(r"[^\W_](?:[\w.+'=/-]{0,63})@(?=[^\W_])")
_INNER_MARKS = re.compile(r"[\W_]+")
# Marks are dropped, as accents are; not the two that make another kana (か/が).
_MARKS = {
    code: None
    for code in range(0x300, 0xFFFF)
    if unicodedata.category(chr(code)) in ("Mn", "Mc", "Me") and code not in (0x3099, 0x309A)
}


def fold(text: str) -> str:
    """Case, width and accents removed: Ångström → angstrom, ﬁ → fi, Ａ → a."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text.casefold()).translate(_MARKS)
    return unicodedata.normalize("NFKC", folded).casefold()


def words(text: str, limit: int = MAX_WORDS) -> list[str]:
    """The index's tokens in the order of the text: only letters and digits, at most 40 characters each."""
    text = fold(text[:MAX_TOKENIZED])
    if "@" in text:
        text = _EMAIL.sub(_with_whole_local, text)
    return _split(text, limit)


def parts(text: str, limit: int = MAX_WORDS) -> list[str]:
    """The same for a piece cut out of a text: every one of these is (a part of) a word that stands there."""
    return _split(fold(text[:MAX_TOKENIZED]), limit)


def _split(text: str, limit: int) -> list[str]:
    found = _ASCII_RUN.findall(text) if text.isascii() else _unicode_words(text, limit)
    if len(found) > limit:
        del found[limit:]
    return [word[:MAX_WORD] for word in found]


def _with_whole_local(match: re.Match[str]) -> str:
    """`ann.lee@` is found as annlee, as ann and as lee."""
    local = match[0][:-1]
    whole = _INNER_MARKS.sub("", local)
    return match[0] if whole == local else f"{whole} {match[0]}"


def _unicode_words(text: str, limit: int) -> list[str]:
    found: list[str] = []
    for match in _RUN.finditer(text):
        run = match[1]
        if run is None:
            found.append(match[2])
        elif len(run) == 1:
            found.append(run)
        else:
            run = run[: limit + 1]
            found.extend(run[at : at + 2] for at in range(len(run) - 1))
        if len(found) >= limit:
            break
    return found


# --- HTML -----------------------------------------------------------------------------------------------

_DROPPED = frozenset(
    re.findall(
        r"\w+",
        "script style head title template noscript object embed applet iframe svg math select datalist audio video",
    )
)
_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form "
        "h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody tfoot thead tr ul",
    )
)
_PARAGRAPHS = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "pre", "table"))
_HIDDEN = re.compile(
    r"display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden|mso-hide\s{0,9}:\s{0,9}all", re.IGNORECASE
)
_TAG = re.compile(r"</?[a-z][^<>]*+>?", re.IGNORECASE)
# Those that end by themselves do not count: always, and everywhere but inside <svg> and <math>.
_ENDED = "br|hr|img|meta|p|li|d[dt]"
_ENDED_IN_HTML = f"{_ENDED}|area|base|col|input|link|wbr|t[dhr]|option"
_NESTING_TAG = re.compile(rf"<(/?)(?!(?:{_ENDED_IN_HTML})\b)([a-z][^\s/>]{{0,30}})", re.IGNORECASE)
_NESTING_TAG_IN_DRAWINGS = re.compile(rf"<(/?)(?!(?:{_ENDED})\b)([a-z][^\s/>]{{0,30}})", re.IGNORECASE)
_DRAWING = re.compile(r"<(?:svg|math)\b", re.IGNORECASE)
MAX_NESTING = 500
# A comment or an attribute may hold ends that end nothing, and the depth found here be too small. What a parser
# does at worst is then the product of these two.
MAX_ELEMENTS = 20_000
MAX_STRAY_ENDS = 5_000
LINE, PARAGRAPH = "\x1e", "\x1f"  # where blocks begin and end; several at one place are one break
_BREAKS = re.compile("(?: ?[\x1e\x1f])+ ?")
_SPACES = re.compile(r"[ \t\r\f\v\u00a0\u200b\u200c\u200d\u2060\u00ad\u034f\ufeff]+")
_ALL_SPACES = re.compile(r"[\s\u200b\u200c\u200d\u2060\u00ad\u034f\ufeff]+")
_NEWLINES = re.compile(r" ?\n ?(?:\n ?)+")
_LINK = re.compile(r"(?:https?|mailto|tel|ftp):", re.IGNORECASE)


def shallow_html(html: str, limit: int = MAX_HTML) -> str:
    """HTML cut to a size; without its tags if they nest so deep that a parser would need quadratic time."""
    html = html[:limit]
    return _TAG.sub(" ", html) if nests_too_deep(html) else html


def nests_too_deep(html: str) -> bool:
    """Whether a parser may need quadratic time for the HTML; one quick pass."""
    if html.count("<") - html.count("</") <= MAX_NESTING:
        return False
    still_open: list[str] = []
    elements = stray_ends = 0
    tag = _NESTING_TAG_IN_DRAWINGS if _DRAWING.search(html) else _NESTING_TAG
    for match in tag.finditer(html):
        name = match[2].lower()
        if not match[1]:
            still_open.append(name)
            elements += 1
        elif still_open and still_open[-1] == name:  # an end in the wrong place may end nothing
            still_open.pop()
        else:
            stray_ends += 1
        if len(still_open) > MAX_NESTING or elements > MAX_ELEMENTS or stray_ends > MAX_STRAY_ENDS:
            return True
    return False


def html_to_text(html: str, *, links: bool = True) -> str:
    """What HTML says, as plain text: paragraphs apart, links with their address, nothing that was hidden."""
    root = LexborHTMLParser(storable(shallow_html(html))).body
    if root is None:
        return ""
    out: list[str] = []
    _write(root, out, links=links)
    text = _BREAKS.sub(_line_ends, _SPACES.sub(" ", "".join(out)))
    text = "\n".join(line.strip(" ") for line in text.split("\n"))
    return _NEWLINES.sub("\n\n", text).strip()


def _line_ends(match: re.Match[str]) -> str:
    return "\n\n" if PARAGRAPH in match[0] else "\n"


def _write(root: LexborNode, out: list[str], *, links: bool) -> None:
    """Depth first without recursion: None on the stack, with a text, is the end of an element."""
    stack: list[tuple[LexborNode | None, str]] = [(root, "")]
    preformatted = 0
    while stack:
        node, ending = stack.pop()
        if node is None:
            if ending == "</pre>":
                preformatted -= 1
                ending = PARAGRAPH
            out.append(ending)
            continue
        if node.is_text_node:
            text = node.text_content or ""
            out.append(text if preformatted else _ALL_SPACES.sub(" ", text))
            continue
        tag = (node.tag or "").lower()
        if not node.is_element_node or tag in _DROPPED:
            continue
        attributes = node.attributes
        if "hidden" in attributes or _HIDDEN.search(attributes.get("style") or ""):
            continue
        if tag == "br":
            out.append("\n")
            continue
        if tag == "img":
            out.append(_ALL_SPACES.sub(" ", attributes.get("alt") or "")[:300])
            continue
        ending = _ending(tag)
        if tag in _BLOCKS:
            out.append(PARAGRAPH if tag in _PARAGRAPHS else LINE)
        if tag == "li":
            out.append("• ")
        elif tag == "pre":
            preformatted += 1
            ending = "</pre>"
        elif tag == "a" and links:
            ending = _target(node, attributes.get("href") or "")
        if ending:
            stack.append((None, ending))
        children = list(node.iter(include_text=True))
        stack.extend((child, "") for child in reversed(children))


def _ending(tag: str) -> str:
    if tag in _PARAGRAPHS:
        return PARAGRAPH
    if tag in _BLOCKS:
        return LINE
    return " " if tag in ("td", "th") else ""


def _target(node: LexborNode, href: str) -> str:
    """` (https://…)` behind a link's text, unless the text says it already."""
    href = _ALL_SPACES.sub("", href)
    if not _LINK.match(href) or len(href) > 500:
        return ""
    text = (node.text(deep=True) or "").strip() if len(node.html or "") < 4096 else ""
    bare = href.split(":", 1)[1].strip("/")
    return "" if text.strip("/").endswith(bare) and bare else f" ({href})"


# --- Snippets -------------------------------------------------------------------------------------------

_ATTRIBUTION = re.compile(
    r"(?:on|am|le|el|il|op|den|em|w dniu|dnia)\b.{0,300}(?:wrote|schrieb|écrit|escribió|scritto|schreef|skrev|escreveu|napisał\(?a?\)?)\b.{0,100}:$|"
    r"-{3,}\s?(?:original message|forwarded message|ursprüngliche nachricht|message d'origine)\s?-{0,}|_{10,}$",
    re.IGNORECASE,
)
_RULE = re.compile(r"[\W_]{3,}")


def snippet(text: str, limit: int = 160) -> str:
    """The first words a person wrote: no quotation, no signature, no rule; one line, cut at a word."""
    lines: list[str] = []
    length = 0
    for line in text[:8000].splitlines():
        line = _ALL_SPACES.sub(" ", line).strip()
        if line == "--" and lines:
            break
        if not line or line.startswith(">") or _RULE.fullmatch(line) or _ATTRIBUTION.match(line[:400]):
            continue
        lines.append(line)
        length += len(line) + 1
        if length > limit:
            break
    joined = " ".join(lines)
    if not joined and text:
        joined = _ALL_SPACES.sub(" ", text[:2000].replace(">", " ")).strip()
    return shorten(joined, limit)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a space if one is near, with an ellipsis."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > limit * 2 // 3 else cut).rstrip(" ,.;:") + "…"


# --- Subjects -------------------------------------------------------------------------------------------

_REPLY = r"re|aw|antw|antwort|sv|vs|res|rif|r|ref|odp|ynt|回复|答复|回覆|返信"
_FORWARD = r"fw|fwd|wg|tr|vl|enc|rv|doorst|i|vb|转发|轉寄|転送"
# RFC 5256 §5 subj-refwd and subj-blob, with other languages' prefixes. One letter needs a colon at once.
_BLOB = re.compile(r"\[[^\[\]]{0,200}\]\s*+")
_REFWD = re.compile(
    rf"(?:({_REPLY})|({_FORWARD}))\s?(?:\[[^\[\]]{{0,20}}\]|\(\d{{1,3}}\))?\s?[:：]", re.IGNORECASE
)
_TRAILER = re.compile(r"\(fwd\)\Z", re.IGNORECASE)


def bare_subject(subject: str) -> tuple[str, bool]:
    """(subject without what replying and forwarding put around it, whether anything was): RFC 5256 §2.1."""
    text = " ".join(subject[:2000].split())
    changed = False
    for _ in range(100):
        before = text
        while _TRAILER.search(text):  # step 2
            text, changed = text[:-5].rstrip(), True
        match = _leader(text)  # step 3
        if match:
            text, changed = text[match.end() :].lstrip(), True
        else:
            blob = _BLOB.match(text)  # step 4: a list's name, but not all there is
            if blob and text[blob.end() :]:
                text = text[blob.end() :]
        if text == before and text[:5].lower() == "[fwd:" and text.endswith("]"):  # step 6
            text, changed = text[5:-1].strip(), True
        if text == before:
            break
    return text, changed


def _leader(text: str) -> re.Match[str] | None:
    """A `Re:`, also behind `[list]` names."""
    position = 0
    for _ in range(10):
        match = _REFWD.match(text, position)
        if match:
            return match
        blob = _BLOB.match(text, position)
        if blob is None:
            return None
        position = blob.end()
    return None


def base_subject(subject: str) -> str:
    """What two messages of one conversation have in common, folded for comparison (RFC 5256 §2.1)."""
    return bare_subject(subject)[0].casefold()


def is_reply_subject(subject: str) -> bool:
    """Whether the subject says that it is a reply or a forwarded message."""
    return bare_subject(subject)[1]
