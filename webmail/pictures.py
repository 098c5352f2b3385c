"""Pictures that lie elsewhere: whether a reader sees them, and how they come without telling anybody who reads.

*Whether*: held back unless the reader asked for this message's, always wants this sender's (and the sender is
believable, and the message is not spam), or wants everybody's. What only counts readers never comes.
*How*: a picture has an address of ours with a signed token; behind it `load` fetches it as this host, draws it anew
(webmail.redraw) and keeps it in DATA_DIR/pictures, below a name that only this mailspace's readers can ask for: what
one has read makes nothing faster for another. Requests for one picture wait for the first of them.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from html import unescape
from pathlib import Path

from django.conf import settings
from django.core import signing
from django.urls import reverse

from mta.mailstore.service import ConversationMessage
from mta.trust import verdict
from mta.values import JUNK
from webmail import redraw
from webmail.fetching import Busy, Failed, FetchTrouble, fetch
from webmail.models import Preferences, ShownSender
from webmail.tracking import is_pixel
from webmail.visit import Visit

LIMIT = 8 * 1024 * 1024  # bytes of one picture as it comes
SECONDS = 8.0
KEPT_BYTES = 256 * 1024 * 1024  # of all kept pictures
FAILED_FOR = 300  # seconds after which a picture that could not be had is asked for again
ONCE_FOR = 24 * 3600  # seconds for which "show this time" holds
AT_DELIVERY = 40  # pictures of one message that are fetched when it comes
AHEAD_AT_ONCE = 4
MAX_SURVEYED = 2000
ACCEPT = "image/avif,image/webp,image/png,image/jpeg,image/gif;q=0.9,*/*;q=0.1"


# --- whether ------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Survey:
    """The outside pictures of a mail: how many there are, and how many of them only count readers."""

    count: int = 0
    trackers: int = 0
    urls: tuple[str, ...] = ()  # of those that are to be seen


@dataclass(frozen=True, slots=True)
class PictureChoice:
    """For one message: what to add to the address of its frame, and what the banner says. Without `held` there is
    none. `address` may be trusted from now on if `may_always`."""

    query: Mapping[str, str] = field(default_factory=dict)
    held: int = 0
    trackers: int = 0
    address: str = ""
    may_always: bool = False

    @property
    def only_trackers(self) -> bool:
        return self.held == self.trackers


NOTHING_OUTSIDE = PictureChoice()


@dataclass(frozen=True, slots=True)
class PictureRules:
    """What one reader wants. `asked` are the messages whose pictures they want to see this time."""

    account: int = 0
    everybody: bool = False
    senders: frozenset[str] = frozenset()
    asked: frozenset[int] = frozenset()
    junk: frozenset[int] = frozenset()  # the mailboxes where only asking helps

    @classmethod
    def hold_all(cls) -> PictureRules:
        return cls()

    def shows(self, message: ConversationMessage) -> bool:
        if message.id in self.asked or self.asked & set(message.also):
            return True
        if self.junk & set(message.boxes):
            return False
        if self.everybody:
            return True
        return message.from_.email.lower() in self.senders and is_believable(message)

    def choice(self, message: ConversationMessage, html: str) -> PictureChoice:
        found = survey(html)
        if not found.count:
            return NOTHING_OUTSIDE
        address = message.from_.email.lower()
        may_always = "@" in address and is_believable(message) and not self.junk & set(message.boxes)
        if not self.shows(message):
            return PictureChoice({}, found.count, found.trackers, address, may_always)
        asked = message.id in self.asked
        # The frame's document is kept by the browser; another decision needs another address.
        query = {"pictures": once(self.account, message.id) if asked else "shown"}
        return PictureChoice(query, 0, found.trackers, address, may_always)


def rules_for(visit: Visit, asked: str = "") -> PictureRules:
    """The reader's wishes; `asked` as `once` made it, from the page's address."""
    message = asked_for(visit.account.pk, asked)
    senders = ShownSender.objects.filter(account=visit.account).values_list("address", flat=True)
    return PictureRules(
        account=visit.account.pk,
        everybody=visit.preferences.pictures == Preferences.SHOW,
        senders=frozenset(senders[:2000]),
        asked=frozenset() if message is None else frozenset({message}),
        junk=frozenset(each.id for each in visit.mailboxes if each.role == JUNK),
    )


def is_believable(message: ConversationMessage) -> bool:
    """Whether the sender may be the one they say: nothing this host found out speaks against it."""
    reasons = message.reasons if isinstance(message.reasons, dict) else {}
    results = {each.method: each.result for each in verdict.read(reasons.get("evidence"))}
    if results.get("dmarc") in ("pass", "fail", "permerror", "temperror"):
        return results["dmarc"] == "pass"
    if results.get("dkim") == "pass":
        return True
    return results.get("spf", "none") not in ("fail", "softfail", "permerror")


_IMG = re.compile(r"<img\b([^<>]{0,6000})", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"""\b(src|width|height|style)\s{0,9}=\s{0,9}(?:"([^"]{0,4200})"|'([^']{0,4200})'|([^\s"'>]{1,4200}))""",
    re.IGNORECASE,
)


def survey(html: str) -> Survey:
    """The outside pictures that a mail asks for; cheap, for the page around it."""
    count = trackers = 0
    urls: dict[str, None] = {}
    for place, tag in enumerate(_IMG.finditer(html)):
        if place >= MAX_SURVEYED:
            break
        about: dict[str, str] = {}
        for name, *values in _ATTRIBUTE.findall(tag[1]):
            about.setdefault(name.lower(), unescape(next((each for each in values if each), "")))
        url = about.pop("src", "").strip()
        url = f"https:{url}" if url.startswith("//") else url
        if not url[:8].lower().startswith(("http://", "https://")):
            continue
        count += 1
        if is_pixel(url, **about):
            trackers += 1
        else:
            urls[url] = None
    return Survey(count, trackers, tuple(urls))


def once(account: int, message: int) -> str:
    """The word that shows a message's pictures this time, to this person."""
    return signing.TimestampSigner(salt="mail.pictures.once").sign(f"{account}.{message}")


def asked_for(account: int, word: str) -> int | None:
    try:
        said = signing.TimestampSigner(salt="mail.pictures.once").unsign(word, max_age=ONCE_FOR)
    except signing.BadSignature:
        return None
    whose, _dot, message = said.partition(".")
    return int(message) if whose == str(account) and message.isdigit() else None


# --- addresses ----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Wanted:
    account: int
    mailspace: int
    url: str


def address_of(account: int, mailspace: int, url: str) -> str:
    """Our address of an outside picture, for one reader; the same each time, so that browsers keep it."""
    token = signing.Signer(salt="mail.picture").sign_object([account, mailspace, url], compress=True)
    return reverse("mail:picture", args=[token])


def opened(token: str) -> Wanted | None:
    try:
        account, mailspace, url = signing.Signer(salt="mail.picture").unsign_object(token)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Wanted(int(account), int(mailspace), str(url))


# --- how ----------------------------------------------------------------------------------------------------
def _folder() -> Path:
    return Path(settings.DATA_DIR) / "pictures"


def _name(mailspace: int, url: str) -> str:
    """Where a picture lies. Keyed with the installation's secret: names on disk tell nothing of what was read."""
    return hmac.new(settings.SECRET_KEY.encode(), f"{mailspace} {url}".encode(), hashlib.sha256).hexdigest()


def load(mailspace: int, url: str) -> redraw.Picture | None:
    """The picture, from the shelf or from elsewhere; None if it cannot be had. Blocking."""
    name = _name(mailspace, url)
    path = _folder() / name[:2] / name
    known, picture = _kept(path)
    if known:
        return picture
    with _alone(name):
        known, picture = _kept(path)  # somebody else may just have fetched it
        if known:
            return picture
        try:
            picture = _fetched(url)
        except Busy:
            return None  # no word about the picture: the next one who asks may have it
        _keep(path, picture)
        return picture


def _fetched(url: str) -> redraw.Picture | None:
    try:
        found = fetch(url, accept=ACCEPT, limit=LIMIT, seconds=SECONDS)
        if found.status != 200:
            raise Failed(f"status {found.status}")
        return redraw.redrawn(found.data)
    except Busy:
        raise
    except (FetchTrouble, redraw.NoPicture):
        return None


def _kept(path: Path) -> tuple[bool, redraw.Picture | None]:
    """(whether it is known, the picture or that there is none). A file begins with the type's letter."""
    try:
        about = path.stat()
        data = path.read_bytes()
    except OSError:
        return False, None
    age = time.time() - about.st_mtime
    if not data:
        return age < FAILED_FOR, None
    if age > 3600:
        with suppress(OSError):
            os.utime(path)  # what was looked at lately is dropped last
    return True, redraw.Picture(redraw.TYPES.get(data[:1], "image/png"), data[1:])


def _keep(path: Path, picture: redraw.Picture | None) -> None:
    data = b"" if picture is None else redraw.letter_of(picture.type) + picture.data
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with suppress(OSError):  # a full disk only costs the next reader a fetch
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_bytes(data)
        draft.replace(path)
    if secrets.randbelow(64) == 0:
        prune()


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """One at a time for pictures that share a lock; over all threads and processes of this machine."""
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / f"lock-{name[:2]}").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prune(limit: int | None = None) -> int:
    """Drop what was not looked at for longest until the rest is small enough; gives the bytes that stay."""
    limit = KEPT_BYTES if limit is None else limit
    files = []
    with suppress(OSError):
        for path in _folder().glob("??/*"):
            with suppress(OSError):
                about = path.stat()
                files.append((about.st_mtime, about.st_size, path))
    total = sum(size for _at, size, _path in files)
    if total <= limit and len(files) < 50_000:
        return total
    files.sort()
    room = limit * 4 // 5
    for count, (_at, size, path) in enumerate(files):
        if total <= room and len(files) - count < 40_000:
            break
        with suppress(OSError):
            path.unlink()
        total -= size
    return total


def fetch_ahead(mailspace: int, html: str) -> int:
    """Fetch the pictures of a message that has just come, so that reading it later tells nobody when; how many."""
    urls = survey(html).urls[:AT_DELIVERY]
    if not urls:
        return 0
    with ThreadPoolExecutor(AHEAD_AT_ONCE, thread_name_prefix="pictures") as pool:
        return sum(found is not None for found in pool.map(partial(load, mailspace), urls))
