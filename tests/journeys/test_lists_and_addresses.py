"""Addresses over real SMTP: a list that a strict author writes to, and every spelling that mail comes under."""

from __future__ import annotations

import asyncio
import imaplib
import smtplib
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from mta.message.address import canonical, parse_path
from mta.message.headers import decode_text, first, parse_header, split_message
from mta.resolver import Dns
from mta.sandbox.dns import Reply
from mta.sandbox.shelf import Kept, Shelf
from mta.sandbox.zone import Zone, answer
from mta.trust.checks import Letter, check
from mta.trust.verdict import Verdict
from mta.values import now_us
from tests.dns_server import serving
from tests.eventually import eventually
from tests.journeys.conftest import DEMO_PASSWORD
from tests.mail import mail
from tests.product import Product

pytestmark = pytest.mark.product

# A domain outside that asks for whatever does not pass to be refused; its own host may send for it.
STRICT = """\
strict.test. 300 IN MX 10 mx.strict.test.
strict.test. 300 IN TXT "v=spf1 ip4:127.0.0.1 -all"
mx.strict.test. 300 IN A 127.0.0.1
_dmarc.strict.test. 300 IN TXT "v=DMARC1; p=reject"
"""


@pytest.fixture(scope="module")
def club(demo: Product) -> Product:
    """club.test in the demo, with all its records published, and a list with members here and elsewhere."""
    printed = demo.manage("domain", "add", "club.test")
    zone = Zone(demo.data_dir / "sandbox")
    zone.paste("\n".join(line for line in printed.splitlines() if "\tIN\t" in line or " IN " in line))
    zone.paste(STRICT)
    demo.add_account("carla@club.test", DEMO_PASSWORD)
    demo.manage("list", "add", "news@club.test", "--name", "Club News", "--owner", "carla@club.test")
    demo.manage(
        "list", "members", "news@club.test", stdin="ann@example.test\nada@strict.test, far@away.test\n"
    )
    return demo


@pytest.fixture
def door(demo: Product) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", demo.port("smtp"), local_hostname="mx.strict.test", timeout=30) as smtp:
        smtp.ehlo()
        yield smtp


def outside(product: Product, recipient: str, subject: str) -> tuple[Kept, bytes] | None:
    """What arrived outside for somebody."""
    shelf = Shelf(product.data_dir / "sandbox")
    for kept in shelf.newest(limit=50):
        if recipient in kept.recipients and kept.subject == subject:
            return kept, shelf.raw(kept.id)
    return None


def inbox(product: Product, address: str, subject: str) -> bytes:
    """The message of that subject, once it is in the inbox."""

    def look() -> bytes:
        with imaplib.IMAP4("127.0.0.1", product.port("imap")) as client:
            client.login(address, DEMO_PASSWORD)
            client.select("INBOX", readonly=True)
            _ok, (found,) = client.search(None, "SUBJECT", f'"{subject}"')
            if not found.split():
                return b""
            _ok, ((_line, raw), *_rest) = client.fetch(found.split()[-1].decode(), "(BODY.PEEK[])")
            return raw

    eventually(lambda: bool(look()), f"{address} has {subject!r}", within=45)
    return look()


def header(raw: bytes, name: str) -> str:
    end, _body = split_message(raw)
    return decode_text(first(parse_header(raw[:end]), name) or b"")


def test_a_list_with_members_elsewhere_survives_an_author_whose_domain_rejects(
    club: Product, door: smtplib.SMTP
) -> None:
    raw = mail(sender="Ada <ada@strict.test>", to="news@club.test", subject="Meeting at eight")
    door.sendmail("ada@strict.test", ["news@club.test"], raw)
    # Here the author stays who she is, and her own copy comes, too.
    assert header(inbox(club, "ann@example.test", "Meeting at eight"), "from") == "Ada <ada@strict.test>"
    eventually(lambda: bool(outside(club, "far@away.test", "Meeting at eight")), "a copy outside", within=45)
    kept, copy = outside(club, "far@away.test", "Meeting at eight") or (None, b"")
    assert kept is not None
    assert kept.sender.startswith("news-bounces+") and kept.sender.endswith("@club.test")
    assert header(copy, "from") == "Ada via Club News <news@club.test>"
    assert header(copy, "reply-to") == "Ada <ada@strict.test>"
    assert header(copy, "list-id") == "Club News <news.club.test>"
    assert "/lists/leave/" in header(copy, "list-unsubscribe")
    # What a strict host outside makes of it, asking the same internet.
    verdict = judged(club, kept, copy)
    dmarc = verdict.of("dmarc")
    assert dmarc is not None and (dmarc.result, verdict.author, verdict.policy) == ("pass", "club.test", "")
    in_her_name = copy.replace(b"Ada via Club News <news@club.test>", b"Ada <ada@strict.test>", 1)
    assert in_her_name != copy
    assert judged(club, kept, in_her_name).policy == "reject"  # which is why the list wrote its own


def judged(product: Product, kept: Kept, raw: bytes) -> Verdict:
    zone = Zone(product.data_dir / "sandbox")

    def lookup(name: str, rdtype: str) -> Reply:
        ours = "club.test" if f".{name}".endswith(".club.test") else None
        return answer(zone.records(), name, rdtype, hostname="mail.example.test", ours=ours)

    async def run(work: Callable[..., object], *arguments: object) -> object:
        return work(*arguments)

    letter = Letter(raw, "127.0.0.1", "mail.example.test", kept.sender, False, "mx.away.test", now_us())
    with serving(lookup) as dns:
        return asyncio.run(check(letter, resolver=Dns([(dns.host, dns.port)]), run=run))


def test_who_is_no_member_hears_it_at_once(club: Product, door: smtplib.SMTP) -> None:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        door.sendmail("eve@away.test", ["news@club.test"], mail(sender="eve@away.test"))
    assert refused.value.smtp_code == 550
    assert b"5.7.1 Only members may post to news@club.test" in refused.value.smtp_error


def test_one_click_leaves_the_list(club: Product, door: smtplib.SMTP) -> None:
    door.sendmail("ada@strict.test", ["news@club.test"], mail(sender="ada@strict.test", subject="Second one"))
    eventually(lambda: bool(outside(club, "far@away.test", "Second one")), "a copy outside", within=45)
    _kept, copy = outside(club, "far@away.test", "Second one") or (None, b"")
    path = header(copy, "list-unsubscribe").partition(">")[0].lstrip("<").partition("/lists/")[2]
    url = f"{club.url}/lists/{path}"
    with urllib.request.urlopen(url, timeout=30) as page:  # somebody looks, or a scanner
        assert b"Leave Club News?" in page.read()
    with urllib.request.urlopen(url, data=b"List-Unsubscribe=One-Click", timeout=30) as page:
        assert b"You have left the list." in page.read()
    door.sendmail("ada@strict.test", ["news@club.test"], mail(sender="ada@strict.test", subject="Third one"))
    inbox(club, "ann@example.test", "Third one")
    eventually(lambda: bool(outside(club, "ada@strict.test", "Third one")), "a copy outside", within=45)
    assert outside(club, "far@away.test", "Third one") is None


@pytest.fixture(scope="module")
def names(club: Product) -> Product:
    """Other spellings of the same people."""
    club.manage("domain", "add", "verein.test", "--alias-of", "club.test")
    club.manage("domain", "add", "bücher.test")
    club.add_account("buch@bücher.test", DEMO_PASSWORD)
    club.manage("alias", "add", "josé.名@club.test", "carla@club.test")
    return club


@pytest.mark.parametrize(
    ("written", "reaches"),
    [
        ("CARLA@Club.TEST", "carla@club.test"),
        ('"carla"@club.test', "carla@club.test"),
        ('"c\\arla"@club.test', "carla@club.test"),
        ("carla+shop@club.test", "carla@club.test"),
        ("carla@verein.test", "carla@club.test"),
        ("josé.名@club.test", "carla@club.test"),
        ("JOSÉ.名@verein.test", "carla@club.test"),
        ("jose\u0301.名@club.test", "carla@club.test"),  # the same letters, composed otherwise
        ("buch@bücher.test", "buch@xn--bcher-kva.test"),
        ("buch@xn--bcher-kva.test", "buch@xn--bcher-kva.test"),
        ("BUCH@BÜCHER.test", "buch@xn--bcher-kva.test"),
    ],
)
def test_every_spelling_reaches_whom_it_means(
    names: Product, door: smtplib.SMTP, written: str, reaches: str
) -> None:
    subject = f"To {written.encode().hex()[:40]}"
    options = [] if written.isascii() else ["SMTPUTF8"]
    door.sendmail("ada@far.test", [written], mail(sender="ada@far.test", subject=subject), options)
    raw = inbox(names, reaches, subject)
    assert b"Delivered-To: " + door_form(written) in raw


def door_form(written: str) -> bytes:
    """As addresses are compared: quotes only where they are needed, lower case, letters composed, A-labels."""
    return f"{canonical(parse_path(written))}\r\n".encode()


@pytest.mark.parametrize("address", ["postmaster@club.test", "abuse@verein.test", "Postmaster"])
def test_who_answers_for_a_domain_is_reached(names: Product, door: smtplib.SMTP, address: str) -> None:
    subject = f"For {address}"
    door.sendmail("ada@far.test", [address], mail(sender="ada@far.test", subject=subject))
    inbox(names, "admin@example.test", subject)


@pytest.mark.parametrize(
    "address",
    [
        "nobody@club.test",
        "news-bounces@club.test",
        "news-leave+1.0000000000000000@verein.test",
        '"car la"@club.test',
    ],
)
def test_what_nobody_has_is_refused(names: Product, door: smtplib.SMTP, address: str) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        door.sendmail("ada@far.test", [address], mail(sender="ada@far.test"))
    assert refused.value.recipients[address][0] == 550
