"""Four messages that a new demonstration receives from outside, over SMTP like any other: a good one, one that anybody
would call spam, a forged one, and one with a virus (EICAR's test file, which harms nobody).

What our server makes of each is its own affair; here stand only the letters and the DNS that their senders publish.
`invite` is called once by whoever fills a demonstration; the sandbox's process sends what has not been sent yet.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from mta.message import dkim
from mta.sandbox import post
from mta.sandbox.post import NotDelivered

log = logging.getLogger(__name__)

READER = "ann@example.test"
PATIENCE = 60.0  # seconds for our own server to open its door
_TRIES = 3

# In two pieces: a scanner on the machine of whoever reads this must not take this file for a virus.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR" + rb"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"

GOOD, SPAM, FORGED, VIRUS = "good", "spam", "forged", "virus"
_BINDERY, _BANK = "castell-bindery.test", "northern-savings.test"
_SELECTOR = "s1"


@dataclass(frozen=True, slots=True)
class Visit:
    """A message with its envelope, and the address on loopback that it comes from."""

    sender: str
    author: str
    subject: str
    text: str
    ip: str
    attached: tuple[str, bytes] | None = None


VISITS = {
    GOOD: Visit(
        sender=f"mira@{_BINDERY}",
        author=f"Mira Castell <mira@{_BINDERY}>",
        subject="Your notebooks are ready",
        text=(
            "Dear Ann,\n\nyour twelve notebooks are bound and dry. The grey cloth turned out warmer than on the card,"
            " which I like.\n\nThe shop is open until six, on Saturday until two.\n\nMira\n"
        ),
        ip="127.0.0.12",
    ),
    SPAM: Visit(
        sender="promo4471@lucky-draw-winners.test",
        author='"CASH PRIZE Department" <promo4471@lucky-draw-winners.test>',
        subject="CONGRATULATIONS!!! You have WON $1,000,000 - claim your prize NOW",
        text=(
            "Dear lucky winner,\n\nYour email address was selected in our online lottery! You have won $1,000,000.00"
            " USD. Act now, this offer expires today!\n\nTo claim your prize money send your bank account details and"
            " a small transfer fee of $99 by wire transfer or gift card:\n\nhttp://198.51.100.23/claim?winner=ann\n"
            "http://cheap-pills-casino-bonus.test/free-money\n\n100% guaranteed, risk free, no obligation. Viagra,"
            " casino bonus and cheap loans for all winners! Click here now!!!\n"
        ),
        ip="127.0.0.66",
    ),
    FORGED: Visit(
        sender="bounce@bulk-sender.test",
        author=f"Northern Savings Bank <security@{_BANK}>",
        subject="Please confirm your account",
        text=(
            "Dear customer,\n\na payment of 1,840.00 is waiting for you. Confirm who you are today, or the account"
            " will be closed:\n\nhttps://northern-savings.secure-login.test/confirm\n\nNorthern Savings Bank\n"
        ),
        ip="127.0.0.67",
    ),
    VIRUS: Visit(
        sender="desk@parcel-notices.test",
        author="Parcel desk <desk@parcel-notices.test>",
        subject="Your parcel could not be delivered",
        text="Hello,\n\nplease print the attached label and bring it to the parcel desk.\n\nParcel desk\n",
        ip="127.0.0.68",
        attached=("label.com", EICAR),
    ),
}


def _state(folder: Path) -> Path:
    return folder / "visitors.json"


def invite(folder: Path) -> str:
    """Note that they are to come; the lines of a zone file that their senders publish."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, {"due": list(VISITS), "key": pem})
    ip = VISITS[GOOD].ip
    name = ".".join(reversed(ip.split(".")))
    return "\n".join(
        (
            f"{_BINDERY}. MX 10 mx.{_BINDERY}.",
            f"{_BINDERY}. A 127.0.0.1",
            f'{_BINDERY}. TXT "v=spf1 ip4:127.0.0.0/8 -all"',
            f'{_SELECTOR}._domainkey.{_BINDERY}. TXT "{dkim.public_record(key)}"',
            f'_dmarc.{_BINDERY}. TXT "v=DMARC1; p=quarantine"',
            f"mx.{_BINDERY}. A {ip}",
            f"mx.{_BINDERY}. A 127.0.0.1",
            f"{name}.in-addr.arpa. PTR mx.{_BINDERY}.",
            f"{_BANK}. MX 10 mx.{_BANK}.",
            f"{_BANK}. A 127.0.0.1",
            f'{_BANK}. TXT "v=spf1 ip4:192.0.2.0/24 -all"',
            f'_dmarc.{_BANK}. TXT "v=DMARC1; p=reject"',
        )
    )


def due(folder: Path) -> tuple[str, ...]:
    """Those who have not been yet."""
    return tuple(_read(folder).get("due", ()))


def come(folder: Path, *, told_to_stop: Callable[[], bool]) -> None:
    """Deliver what is due, one after the other; blocking. What our server refuses is not tried for ever."""
    until = time.monotonic() + PATIENCE
    for name in due(folder):
        for attempt in range(_TRIES):
            if not _door_is_open(until, told_to_stop):
                return
            try:
                _deliver(VISITS[name], _read(folder)["key"] if name == GOOD else "")
            except NotDelivered as refused:
                log.info("the demonstration's %s message was not taken (%d): %s", name, attempt + 1, refused)
                continue
            break
        state = _read(folder)
        _write(folder, state | {"due": [each for each in state.get("due", ()) if each != name]})


def _door_is_open(until: float, told_to_stop: Callable[[], bool]) -> bool:
    while not told_to_stop():
        if post.is_open():
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return False


def _deliver(visit: Visit, pem: str) -> None:
    raw = letter(visit, at=datetime.now(UTC))
    if pem:
        key = load_pem_private_key(pem.encode(), password=None)
        if isinstance(key, Ed25519PrivateKey):
            raw = dkim.sign(raw, domain=_BINDERY, selector=_SELECTOR, key=key, when=int(time.time())) + raw
    post.deliver(raw, sender=visit.sender, recipient=READER, source=visit.ip)


def letter(visit: Visit, *, at: datetime) -> bytes:
    """As its author wrote it; bytes, unsigned."""
    message = EmailMessage(policy=SMTP)
    message["From"] = visit.author
    message["To"] = f"Ann Lindqvist <{READER}>"
    message["Subject"] = visit.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{int(at.timestamp())}.{visit.ip}@{visit.sender.rpartition('@')[2]}>"
    message.set_content(visit.text)
    if visit.attached:
        name, content = visit.attached
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def _read(folder: Path) -> dict[str, Any]:
    with contextlib.suppress(FileNotFoundError, ValueError):
        found = json.loads(_state(folder).read_text())
        if isinstance(found, dict):
            return found
    return {}


def _write(folder: Path, state: dict[str, Any]) -> None:
    draft = _state(folder).with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(state))
    draft.replace(_state(folder))
