"""Whether a sender is somebody else than they seem: look-alike domains, borrowed names, answers that go elsewhere.

`judge` is pure: a sender, the people the reader writes with, the reader's own house; it gives sentences, the worst
first, and mostly none. What is known is never suspected, so an address the reader has written to stays silent.
`circle_of` gathers the people once for a mailspace and keeps them for a while. Shown by webmail/views/conversation.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from django.core.cache import cache
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from hosting.access import senders_for
from mta.correspondents import service as correspondents
from mta.flow import acquainting
from mta.mailstore.service import ConversationMessage
from mta.message.address import BadAddress, canonical_domain, domain_for_display
from mta.message.text import fold
from webmail.links import site

KEPT = 600  # seconds for which a circle is kept
MOST_KNOWN = 400
MOST_WARNINGS = 2  # more sentences than that are read by nobody
MIN_LABEL = 5  # letters; shorter names are too often one apart by chance

Pair = tuple[str, str]  # name, address


@dataclass(frozen=True, slots=True)
class Warning:
    """One finding. `kind`: mixed-script, lookalike-domain, name-is-address, known-name, colleague-name,
    reply-elsewhere. `danger`: this is how people are robbed, not only odd. `text` is a sentence for the reader, `more`
    shows where to look: the sign that differs, its alphabet, the address as machines read it."""

    kind: str
    danger: bool
    text: str
    more: str = ""


# Letters that are drawn like Latin ones, and Latin ones like others (Unicode TR 39's table, what senders use of it).
_DRAWN_LIKE = str.maketrans(
    {
        **dict(zip("аɑαаⱥ", "aaaaa", strict=True)),
        **dict(zip("вʙьЬ", "bbbb", strict=True)),
        **dict(zip("сϲⅽ", "ccc", strict=True)),
        **dict(zip("ԁɗⅾ", "ddd", strict=True)),
        **dict(zip("еєҽɛ", "eeee", strict=True)),
        **dict(zip("ɡց", "gg", strict=True)),
        **dict(zip("һհ", "hh", strict=True)),
        **dict(zip("іɩıι1l|ӏǀⅼ", "iiiiiiiiii", strict=True)),
        **dict(zip("јϳ", "jj", strict=True)),
        **dict(zip("кκ", "kk", strict=True)),
        **dict(zip("мⅿ", "mm", strict=True)),
        **dict(zip("пոη", "nnn", strict=True)),
        **dict(zip("оοօσ0", "ooooo", strict=True)),
        **dict(zip("рρ", "pp", strict=True)),
        **dict(zip("ԛգ", "qq", strict=True)),
        **dict(zip("гᴦ", "rr", strict=True)),
        **dict(zip("ѕꜱ5", "sss", strict=True)),
        **dict(zip("тτ", "tt", strict=True)),
        **dict(zip("υսц", "uuu", strict=True)),
        **dict(zip("νѵⅴ", "vvv", strict=True)),
        **dict(zip("ԝѡω", "www", strict=True)),
        **dict(zip("хχⅹ", "xxx", strict=True)),
        **dict(zip("уγʏ", "yyy", strict=True)),
        **dict(zip("ᴢʐ", "zz", strict=True)),
    }
)


def skeleton(text: str) -> str:
    """The text as it looks: two names with one skeleton are taken for each other."""
    looks = fold(text[:300]).translate(_DRAWN_LIKE)
    looks = looks.replace("rn", "m").replace("vv", "w")
    return "".join(letter for letter in looks if letter.isalnum() or letter == ".")


def mixes_scripts(domain: str) -> bool:
    """Whether one label of a domain, in letters, mixes alphabets that no language mixes."""
    for label in domain.split("."):
        letters = [unicodedata.name(each, "?").split()[0] for each in label[:63] if each.isalpha()]
        scripts = set(letters)
        if len(scripts) > 1 and not scripts <= {
            "CJK",
            "HIRAGANA",
            "KATAKANA",
            "KATAKANA-HIRAGANA",
            "LATIN",
            "HANGUL",
        }:
            return True
    return False


def is_one_slip_apart(a: str, b: str) -> bool:
    """Two letters swapped, one doubled, dropped or added at a hyphen: how a known name is mistyped on purpose."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    if a.replace("-", "") == b.replace("-", ""):
        return True
    if len(a) == len(b):
        wrong = [at for at, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
        return (
            len(wrong) == 2
            and wrong[1] == wrong[0] + 1
            and a[wrong[0]] == b[wrong[1]]
            and a[wrong[1]] == b[wrong[0]]
        )
    long, short = (a, b) if len(a) > len(b) else (b, a)
    at = next((at for at, (x, y) in enumerate(zip(long, short, strict=False)) if x != y), len(short))
    return long[:at] + long[at + 1 :] == short and at > 0


@lru_cache(maxsize=4096)
def _look(domain: str) -> tuple[str, str, str, str]:
    """(what one owner holds of it, how that looks, its first label, the rest)"""
    whole = site(_letters(domain))
    label, _dot, rest = whole.partition(".")
    return whole, skeleton(whole), label, rest


def resembles(domain: str, known: str) -> bool:
    """Whether a domain may be taken for a known one that it is not."""
    mine, mine_looks, mine_label, mine_rest = _look(domain)
    theirs, looks, label, rest = _look(known)
    if mine == theirs:
        return False
    if mine_looks == looks:
        return True
    if mine_rest != rest or min(len(mine_label), len(label)) < MIN_LABEL:
        return False
    return is_one_slip_apart(mine_label, label)


def difference(domain: str, known: str) -> str:
    """Where two names that look alike are not the same, in words: “l” stands where harbour.test has “i”."""
    mine, theirs = site(_letters(domain)), site(_letters(known))
    if foreign := foreign_letters(mine):
        return foreign
    start = _alike(mine, theirs)
    end = _alike(mine[start:][::-1], theirs[start:][::-1])
    seen, meant = mine[start : len(mine) - end], theirs[start : len(theirs) - end]
    place = mine[:start][-12:]
    about = {"seen": seen, "meant": meant, "place": place, "known": theirs}
    if seen and meant:
        said = (
            _("After “%(place)s”, “%(seen)s” stands where %(known)s has “%(meant)s”.")
            if place
            else _("It begins with “%(seen)s”, where %(known)s has “%(meant)s”.")
        )
    elif seen:
        said = _("It has one sign more than %(known)s: “%(seen)s”, after “%(place)s”.")
    else:
        said = _("It lacks “%(meant)s” after “%(place)s”, which %(known)s has.")
    return said % about


def _alike(one: str, other: str) -> int:
    """How many letters two texts begin with alike."""
    return next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


_ALPHABETS = {
    "CYRILLIC": gettext_noop("Cyrillic"),
    "GREEK": gettext_noop("Greek"),
    "ARMENIAN": gettext_noop("Armenian"),
    "CHEROKEE": gettext_noop("Cherokee"),
}


def foreign_letters(domain: str) -> str:
    """Which letters of a name are not Latin, though they look so, and the name as machines read it."""
    found: dict[str, str] = {}
    for letter in domain[:100]:
        if ord(letter) > 0x24F and letter.isalpha():
            found.setdefault(letter, unicodedata.name(letter, "?").split()[0])
    if not found:
        return ""
    alphabet = next(iter(found.values()))
    about = {
        "letters": " ".join(f"“{letter}”" for letter in list(found)[:5]),
        "alphabet": _(_ALPHABETS.get(alphabet, alphabet.title())),
    }
    try:
        about["ascii"] = canonical_domain(domain)
    except BadAddress:
        return _("%(letters)s: %(alphabet)s, not Latin.") % about
    return _("%(letters)s: %(alphabet)s, not Latin. Machines read it as %(ascii)s.") % about


def _letters(domain: str) -> str:
    """A domain in the letters a reader might be shown somewhere, whatever we show."""
    if "xn--" not in domain:
        return domain
    try:
        return domain.encode("ascii", "replace").decode("idna")
    except (UnicodeError, ValueError, IndexError):
        return domain


def _plain(address: str) -> tuple[str, str]:
    """(the address in lower case with A-labels, its domain)."""
    local, _at, domain = address.strip().rpartition("@")
    try:
        domain = canonical_domain(domain)
    except BadAddress:
        domain = domain.lower()
    return f"{local.lower()}@{domain}", domain


_IN_A_NAME = re.compile(r"[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[\w-]{2,24}")
_FREE = {
    *"gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com aol.com icloud.com me.com".split(),
    *"gmx.de gmx.net gmx.com web.de t-online.de mail.ru yandex.com yandex.ru proton.me protonmail.com tutanota.com".split(),
    *"zoho.com mail.com fastmail.com qq.com 163.com hotmail.co.uk yahoo.co.uk outlook.de outlook.fr orange.fr free.fr".split(),
}


def judge(
    sender: Pair,
    *,
    reply_to: str = "",
    known: Iterable[Pair] = (),
    own: Iterable[Pair] = (),
    from_list: bool = False,
) -> tuple[Warning, ...]:
    """What is wrong with a sender, seen by somebody who writes with `known` and is, with their house, `own`."""
    return Circle.of(known, own).judge_sender(sender, reply_to=reply_to, from_list=from_list)


@dataclass(frozen=True, slots=True)
class Circle:
    """The people a reader knows, ready to be compared with. `names` are of those; a name without two words is
    anybody's ("Support") and is left out."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    own_domains: frozenset[str] = frozenset()
    names: dict[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, known: Iterable[Pair], own: Iterable[Pair]) -> Circle:
        own_pairs, pairs = list(own)[:MOST_KNOWN], list(known)[:MOST_KNOWN]
        names: dict[str, set[str]] = {}
        for name, address in [*own_pairs, *pairs]:
            if is_personal(name):
                names.setdefault(skeleton(name), set()).add(_plain(address)[0])
        return cls(
            frozenset(_plain(address)[0] for _name, address in [*own_pairs, *pairs]),
            frozenset(_plain(address)[1] for _name, address in pairs),
            frozenset(_plain(address)[1] for _name, address in own_pairs),
            {name: frozenset(addresses) for name, addresses in names.items()},
        )

    def judge(self, message: ConversationMessage) -> tuple[Warning, ...]:
        """The same of a message; the reader's own need none."""
        if message.own or message.draft is not None:
            return ()
        reply_to = message.reply_to[0].email if len(message.reply_to) == 1 else ""
        return self.judge_sender(
            (message.from_.name, message.from_.email),
            reply_to=reply_to,
            from_list=bool(message.list_id) or message.automatic,
        )

    def judge_sender(self, sender: Pair, *, reply_to: str, from_list: bool) -> tuple[Warning, ...]:
        address, domain = _plain(sender[1])
        if "@" not in sender[1] or not domain:
            return ()
        found: list[Warning] = []
        if address not in self.addresses:
            found += self._domain(domain, sender[0])
            if not from_list and not found:  # one banner says it all
                found += self._name(sender[0], address, domain)
        if reply_to and not from_list:
            found += self._reply(domain, reply_to)
        found.sort(key=lambda each: not each.danger)
        return tuple(found[:MOST_WARNINGS])

    def _domain(self, domain: str, name: str) -> Sequence[Warning]:
        if any(site(domain) == site(each) for each in self.domains | self.own_domains):
            return ()
        for each in (*sorted(self.own_domains), *sorted(self.domains)):
            if resembles(domain, each):
                text = _("This is not %(known)s. The address ends in %(seen)s, which only looks like it.")
                theirs = self.names.get(skeleton(name), frozenset()) if is_personal(name) else frozenset()
                if any(site(_plain(one)[1]) == site(each) for one in theirs):
                    text = _(
                        "This is not %(name)s of %(known)s. The address ends in %(seen)s, which only looks like it."
                    )
                about = {
                    "known": domain_for_display(each),
                    "seen": domain_for_display(domain),
                    "name": name[:80],
                }
                return (Warning("lookalike-domain", True, text % about, difference(domain, each)),)
        if mixes_scripts(_letters(domain)):
            text = _("The address mixes letters of different alphabets to look like another one: %s.")
            return (Warning("mixed-script", True, text % domain, foreign_letters(_letters(domain))),)
        return ()

    def _name(self, name: str, address: str, domain: str) -> Sequence[Warning]:
        for match in _IN_A_NAME.findall(name[:300])[:1]:
            shown, shown_domain = _plain(match)
            if site(shown_domain) != site(domain):
                ours = site(shown_domain) in {site(each) for each in self.own_domains | self.domains}
                text = _("The name says %(shown)s, but the message comes from %(address)s.")
                said = text % {"shown": shown, "address": address}
                return (Warning("name-is-address", ours, said),)
        looks = skeleton(name)
        theirs = self.names.get(looks) if is_personal(name) else None
        if not theirs or any(site(each.rpartition("@")[2]) == site(domain) for each in theirs):
            return ()
        text = _("You know somebody of this name at %(known)s. This message comes from %(address)s.")
        said = text % {"known": sorted(theirs)[0], "address": address}
        colleague = any(each.rpartition("@")[2] in self.own_domains for each in theirs)
        borrowed = mixes_scripts(name.replace(" ", ""))  # the name is written with another alphabet's letters
        return (Warning("colleague-name" if colleague else "known-name", borrowed, said),)

    def _reply(self, domain: str, reply_to: str) -> Sequence[Warning]:
        answer, answer_domain = _plain(reply_to)
        if site(answer_domain) == site(domain) or answer in self.addresses or not answer_domain:
            return ()
        if site(answer_domain) in {site(each) for each in self.own_domains}:
            return ()
        trusted = site(domain) in {site(each) for each in self.own_domains | self.domains}
        to_anybody = site(answer_domain) in _FREE and site(domain) not in _FREE
        if not (to_anybody or (trusted and site(domain) not in _FREE)):
            return ()
        text = _("An answer would not go to the sender, but to %s.")
        return (Warning("reply-elsewhere", trusted and to_anybody, text % answer),)


def is_personal(name: str) -> bool:
    """Whether a display name is a person's: two words at least, no address, no company's sign."""
    words = re.findall(r"[^\W\d_]{2,}", name[:300])
    return 2 <= len(words) <= 5 and "@" not in name


# --- gathering ----------------------------------------------------------------------------------------------
def circle_of(account_id: int, mailspace: int) -> Circle:
    """Whom the reader of a mailspace knows; gathered at most once in ten minutes."""
    key = f"circle:{account_id}:{mailspace}"
    kept = cache.get(key)
    if kept is None:
        acquainting.catch_up(mailspace)
        known = [[each.name, each.email] for each in correspondents.acquainted(mailspace, limit=MOST_KNOWN)]
        own = [[each.name, each.address] for each in senders_for(account_id)]
        kept = [known, own]
        cache.set(key, kept, KEPT)
    known, own = kept
    return Circle.of(((name, address) for name, address in known), ((name, address) for name, address in own))
