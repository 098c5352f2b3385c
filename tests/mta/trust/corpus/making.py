"""A labelled corpus of generated mail, the same for the same seed: `letters(count, half=…)`.

Texts, names, firms and hosts are split in two halves that share nothing but the words that languages share: the
shipped statistics are made from half 0, and what is measured is made from half 1, whose senders and sentences the
filter never saw. Wanted and unwanted mail are dressed alike where they are alike in life: both come as HTML with links
through counting hosts, with shouting subjects, with "unsubscribe", in several languages. Generated mail is kinder than
the internet: figures measured with it compare versions of the filter, they promise nothing.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from pathlib import Path

HERE = Path(__file__).parent
# How often each kind comes, among wanted and among unwanted mail.
HAM = {
    "personal": 22, "work": 20, "newsletter": 12, "promotion": 9, "receipt": 10, "account": 7,
    "list": 9, "notice": 5, "short": 3, "club": 3, "bank": 2,
}  # fmt: skip
SPAM = {
    "phishing": 26, "pills": 10, "lottery": 10, "crypto": 11, "extortion": 5, "dating": 7, "marketing": 13,
    "malware": 7, "boss": 3, "seo": 5, "loan": 5,
}  # fmt: skip
PLAIN = frozenset("personal work list short boss lottery extortion seo loan notice club".split())

NAMES = (
    "Anna Ben Clara David Eva Felix Greta Hugo Ida Jonas Klara Leo Mia Nora Oskar Paula Quentin Rosa Samuel Tina "
    "Ursula Viktor Wanda Xaver Yvonne Zoe Pierre Marie Lucas Camille Javier Lucia Marco Giulia Emma Oliver James Sofia"
).split()
SURNAMES = (
    "Miller Weber Schmidt Rossi Garcia Dupont Novak Hansen Wagner Bianchi Lopez Martin Fischer Koch Bauer Moreau Ruiz "
    "Conti Larsen Berger Keller Brown Taylor Wilson Becker Laurent Romano Ortega Lange Frank"
).split()
CITIES = (
    "Hamburg Lyon Sevilla Torino Leeds Graz Porto Gent Basel Malmo Krakow Bergen Dijon Parma Cork Ulm".split()
)
PRODUCTS = "boots lamps teapots jackets books chairs knives backpacks candles scarves bicycles coffee shirts tents".split()
FIRMS = (
    "Nordwind|Alte Mühle|Bluebird Books|Casa Verde|Tilbury Tea|Kornhaus|Lumen|Rad und Tat|Papeterie Lune|Hafenkino|"
    "Green Valley|Stadtwerke Au|Zugvogel|Bottega Rossa|Maison Claire|Fjord Outdoor|Pixelhof|Gutshof Linden|"
    "Sparrow Bank|Riverside Insurance"
).split("|")
DAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "it": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
}
MONTHS = {
    "en": "January March May July October",
    "de": "Januar März Mai Juli Oktober",
    "fr": "janvier mars mai",
}
BRANDS = (
    "PayPal Amazon Netflix Microsoft DHL Sparkasse Apple Santander Postbank FedEx Spotify Revolut".split()
)
FREE = "gmail.com outlook.com yahoo.com hotmail.com gmx.de web.de".split()
BAD_WORDS = (
    "secure verify login account update service promo best offers deal win claim health track parcel".split()
)
CHEAP = "xyz top click icu buzz cyou shop online site store live club".split()
COUNTING = "click.sendfleet.test links.mailcourier.test t.postroute.test r.letterbox.test".split()


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of the corpus."""

    raw: bytes
    spam: bool
    kind: str
    language: str


@dataclass(slots=True)
class _Block:
    kind: str
    language: str
    lines: dict[str, list[str]] = field(default_factory=lambda: {"S": [], "O": [], "M": [], "C": []})


def letters(count: int, *, half: int, seed: int = 1, spam_share: float = 0.4) -> Iterator[Letter]:
    """`count` letters of one half of texts and senders."""
    maker = _Maker(random.Random(f"{seed}/{half}"), half)
    for _ in range(count):
        yield maker.spam() if maker.chance.random() < spam_share else maker.ham()


def _blocks(name: str) -> list[_Block]:
    blocks: list[_Block] = []
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            blocks.append(_Block(*line[3:].split()))
        elif line[:2] in ("S:", "O:", "M:", "C:"):
            blocks[-1].lines[line[0]].append(line[2:].strip())
    return blocks


class _Maker:
    def __init__(self, chance: random.Random, half: int) -> None:
        self.chance = chance
        self.half = half
        self.blocks = {name: _blocks(name) for name in ("ham.txt", "spam.txt")}
        self.names, self.surnames = NAMES[half::2], SURNAMES[half::2]
        self.firms, self.cities, self.products = FIRMS[half::2], CITIES[half::2], PRODUCTS[half::2]
        self.counting, self.bad = COUNTING[half::2], BAD_WORDS[half::2]
        self.friends = [self._person() for _ in range(60)]

    # --- one letter
    def ham(self) -> Letter:
        block = self._block("ham.txt", HAM)
        kind = block.kind
        message = EmailMessage()
        self.slots = self._slots(block)
        if kind in ("newsletter", "promotion", "receipt", "account", "bank", "notice"):
            firm = self.slots["firm"]
            host = self.slots["host"]
            local = self.chance.choice(["news", "service", "info", "noreply", "no-reply", "shop", "hello"])
            message["From"] = formataddr((firm, f"{local}@{host}"))
            if kind in ("newsletter", "promotion", "notice"):
                message["List-Unsubscribe"] = f"<https://{host}/unsubscribe/{self._number()}>"
                if self.chance.random() < 0.4:
                    message["Precedence"] = "bulk"
            if kind == "newsletter" and self.chance.random() < 0.4:
                message["List-Id"] = f"<letter.{host}>"
        else:
            name, address = self.chance.choice(self.friends) if self.chance.random() < 0.8 else self._person()
            message["From"] = formataddr((name, address))
            self.slots["me"] = name.split()[0]
        if kind == "list":
            message["List-Id"] = f"<users.{self.slots['host']}>"
            message["List-Unsubscribe"] = f"<mailto:leave@{self.slots['host']}>"
            message["Precedence"] = "list"
        text = self._text(block, least=2, most=7)
        subject = self._line(block, "S")
        if kind in ("personal", "work") and self.chance.random() < 0.4:
            subject = f"Re: {subject.removeprefix('Re: ')}"
        if subject.startswith(("Re:", "AW:", "SV:")):
            message["In-Reply-To"] = f"<{self._number()}@example.test>"
            message["References"] = f"<{self._number()}@example.test>"
            if self.chance.random() < 0.6:
                quoted = self._text(
                    self._block("ham.txt", {kind: 1}, language=block.language), least=2, most=5
                )
                text += "\n\n" + "\n".join(f"> {line}" for line in quoted.splitlines())
        self._envelope(message, subject, many=kind == "club")
        if kind in ("personal", "work") and self.chance.random() < 0.3:
            message["User-Agent"] = "Mozilla Thunderbird"
        if kind in PLAIN and self.chance.random() < 0.75:
            message.set_content(text)
        else:
            self._html(message, text, self._ham_page(kind, text), alternative=self.chance.random() < 0.8)
        self._ham_files(message, kind)
        return Letter(message.as_bytes(), False, kind, block.language)

    def spam(self) -> Letter:
        block = self._block("spam.txt", SPAM)
        kind, chance = block.kind, self.chance
        message = EmailMessage()
        self.slots = self._slots(block)
        brand = self.slots["brand"]
        host = self._bad_host()
        name = self.chance.choice(self.names) + " " + self.chance.choice(self.surnames)
        if kind == "phishing":
            shown = chance.choice(
                [brand, f"{brand} Support", "Service", "Customer Care", f"service@{brand.lower()}.com"]
            )
            message["From"] = formataddr((shown, f"{chance.choice(['info', 'no-reply', 'support'])}@{host}"))
        elif kind in ("boss", "seo", "loan", "lottery", "dating") and chance.random() < 0.7:
            local = f"{name.replace(' ', chance.choice(['.', '', '_'])).lower()}{chance.randrange(999)}"
            message["From"] = formataddr((name, f"{local}@{chance.choice(FREE)}"))
        else:
            message["From"] = formataddr(
                (
                    chance.choice([name, self.slots["firm"], "Info"]),
                    f"{chance.choice(['info', 'sales', 'contact', 'hello'])}@{host}",
                )
            )
        if kind == "lottery" and chance.random() < 0.6:
            message["Reply-To"] = f"{name.split()[0].lower()}{chance.randrange(9999)}@{chance.choice(FREE)}"
        subject = self._line(block, "S")
        if chance.random() < 0.12:
            subject = subject.upper()
        if chance.random() < 0.1:
            subject += "!!!"
        text = self._text(block, least=2, most=6)
        if chance.random() < 0.15:  # a salad of somebody else's words
            ham = self._block("ham.txt", {"personal": 1, "newsletter": 1}, language=block.language)
            text += "\n\n\n" + "\n".join(self._fill(line) for line in self._some(ham, "M", 4))
        if chance.random() < 0.08:
            text = self._disguised(text)
        self._envelope(message, subject, many=chance.random() < 0.06)
        if kind == "marketing" and chance.random() < 0.5:
            message["List-Unsubscribe"] = f"<https://{host}/u/{self._number()}>"
        if kind in PLAIN and chance.random() < 0.8:
            message.set_content(
                text
                if kind in ("boss", "seo", "extortion")
                else f"{text}\nhttp://{host}/{self._number()}"
                if chance.random() < 0.3
                else text
            )
        else:
            self._html(message, text, self._spam_page(kind, text, host), alternative=chance.random() < 0.35)
        if kind == "malware":
            end = chance.choice(["exe", "js", "pdf.exe", "html", "docm", "iso", "zip", "zip", "pdf"])
            stem = chance.choice(["invoice", "scan", "order", "document"])
            message.add_attachment(
                self.chance.randbytes(900),
                maintype="application",
                subtype="octet-stream",
                filename=f"{stem}_{self._number()}.{end}",
            )
        return Letter(message.as_bytes(), True, kind, block.language)

    # --- what it is made of
    def _block(self, file: str, weights: dict[str, int], language: str = "") -> _Block:
        kind = self.chance.choices(list(weights), list(weights.values()))[0]
        found = [each for each in self.blocks[file] if each.kind == kind]
        found = [each for each in found if each.language == language] or found
        return self.chance.choice([*found, *found[:1]])  # the first language, English, twice as often

    def _some(self, block: _Block, key: str, count: int) -> list[str]:
        lines = block.lines[key][self.half :: 2]
        return self.chance.sample(lines, min(count, len(lines)))

    def _line(self, block: _Block, key: str) -> str:
        return self._fill(self.chance.choice(block.lines[key][self.half :: 2]))

    def _text(self, block: _Block, *, least: int, most: int) -> str:
        middle = [self._fill(line) for line in self._some(block, "M", self.chance.randint(least, most))]
        joined = self.chance.choice([" ", "\n\n", "\n"]).join(middle)
        return f"{self._line(block, 'O')}\n\n{joined}\n\n{self._line(block, 'C')}"

    def _fill(self, line: str) -> str:
        for slot, value in self.slots.items():
            if f"{{{slot}}}" in line:
                line = line.replace(f"{{{slot}}}", value)
        return line

    def _slots(self, block: _Block) -> dict[str, str]:
        chance = self.chance
        firm = chance.choice(self.firms)
        days = DAYS.get(block.language, DAYS["en"]).split()
        amount = f"{chance.randrange(5, 900)}.{chance.choice(['00', '90', '99', '50'])}"
        return {
            "name": chance.choice(self.names), "me": chance.choice(self.names), "city": chance.choice(self.cities),
            "day": chance.choice(days), "month": chance.choice(MONTHS.get(block.language, MONTHS["en"]).split()),
            "firm": firm, "host": f"{firm.lower().replace(' ', '').replace('ü', 'ue')}.{'example' if chance.random() < 0.5 else 'test'}",
            "product": chance.choice(self.products), "amount": chance.choice([f"€{amount}", f"{amount} EUR", f"${amount}"]),
            "million": chance.choice(["4.5 million", "10,500,000", "2.800.000", "850,000"]),
            "n": str(chance.randrange(2, 95)), "code": f"{chance.choice('ABCKXR')}{chance.randrange(10**5, 10**6)}",
            "url": f"https://{chance.choice(self.firms).lower().replace(' ', '').replace('ü', 'ue')}.example/{chance.randrange(10**4)}",
            "phone": f"+49 40 {chance.randrange(10**5, 10**6)}", "brand": chance.choice(BRANDS[self.half :: 2]),
            "wallet": "1" + "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789", k=32)),
        }  # fmt: skip

    def _person(self) -> tuple[str, str]:
        first, last = self.chance.choice(self.names), self.chance.choice(self.surnames)
        host = self.chance.choice([*FREE, f"{last.lower()}.example", f"{last.lower()}-{first.lower()}.test"])
        return f"{first} {last}", f"{first.lower()}.{last.lower()}@{host}"

    def _bad_host(self) -> str:
        chance = self.chance
        words = "-".join(chance.sample(self.bad, 2))
        if chance.random() < 0.3:  # somebody's hacked site
            return f"{chance.choice(self.surnames).lower()}-{chance.choice(self.products)}.{chance.choice(['com', 'net', 'org'])}"
        return f"{words}{chance.randrange(99)}.{chance.choice([*CHEAP, 'com', 'com', 'net', 'info'])}"

    def _number(self) -> str:
        return f"{self.chance.randrange(10**8):x}"

    def _envelope(self, message: EmailMessage, subject: str, *, many: bool) -> None:
        chance = self.chance
        to = [formataddr(("Ann", "ann@example.test")) if chance.random() < 0.5 else "ann@example.test"]
        if many:
            to += [
                f"{chance.choice(self.names).lower()}{index}@{chance.choice(FREE)}"
                for index in range(chance.randrange(8, 24))
            ]
        message["To"] = ", ".join(to)
        message["Subject"] = subject
        at = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=chance.randrange(400_000))
        message["Date"] = format_datetime(at)
        message["Message-ID"] = (
            f"<{self._number()}{self._number()}@{message['From'].rpartition('@')[2].strip('>')}>"
        )

    # --- how it looks
    def _html(self, message: EmailMessage, text: str, page: str, *, alternative: bool) -> None:
        if alternative:
            message.set_content(text)
            message.add_alternative(page, subtype="html")
        else:
            message.set_content(page, subtype="html", cte=self.chance.choice(["base64", "quoted-printable"]))

    def _ham_page(self, kind: str, text: str) -> str:
        chance, host = self.chance, self.slots["host"]
        body = "".join(f"<p style='margin:0 0 12px'>{line}</p>" for line in text.splitlines() if line)
        if kind in PLAIN:
            return f"<html><body><div dir=ltr>{body}</div></body></html>"
        by = chance.choice([host, f"www.{host}", *self.counting])
        button = chance.choice(
            [
                "Read more",
                "Shop now",
                "View in browser",
                "Click here",
                "Track your parcel",
                "Sign in",
                f"www.{host}",
                "Mehr lesen",
            ]
        )
        links = "".join(
            f"<td><a href='https://{by}/{self._number()}'><img src='https://{host}/i/{index}.png' alt=''></a></td>"
            for index in range(chance.randrange(4))
        )
        style = "<style>.a{color:#333;font-family:Arial} @media (max-width:600px){.b{width:100%}}</style>"
        preheader = f"<div style='display:none;max-height:0'>{text[:80]}{'&#847;&zwnj;&nbsp;' * 40}</div>"
        return (
            f"<html><head>{style}</head><body>{preheader if chance.random() < 0.6 else ''}<table width=600><tr>{links}</tr>"
            f"<tr><td class=a>{body}<a href='https://{by}/{self._number()}'>{button}</a></td></tr>"
            f"<tr><td style='font-size:11px'><a href='https://{by}/u/{self._number()}'>Unsubscribe</a></td></tr></table>"
            f"<img width=1 height=1 src='https://{by}/o/{self._number()}.gif'></body></html>"
        )

    def _spam_page(self, kind: str, text: str, host: str) -> str:
        chance, brand = self.chance, self.slots["brand"].lower()
        url = f"http{chance.choice(['', 's'])}://{host}/{self._number()}"
        if chance.random() < 0.06:
            url = f"http://{'.'.join(str(chance.randrange(1, 255)) for _ in range(4))}/{self._number()}"
        if kind == "phishing" and chance.random() < 0.2:
            url = url.replace("://", f"://{brand}.")
        shown = chance.choice(
            ["Click here", "Verify now", "Continue", "Claim", "Unsubscribe", "Sign in", "Order now"]
        )
        if kind == "phishing" and chance.random() < 0.3:
            shown = f"https://www.{brand}.com/login"
        if kind in ("pills", "dating", "marketing") and chance.random() < 0.2:
            return f"<html><body><a href='{url}'><img src='http://{host}/a.jpg'></a></body></html>"
        body = "".join(f"<p>{line}</p>" for line in text.splitlines() if line)
        salad = ""
        if chance.random() < 0.1:
            ham = self._block("ham.txt", {"personal": 1, "work": 1})
            hiding = chance.choice(["font-size:0px", "display:none", "color:#ffffff;background:#fff"])
            salad = f"<div style='{hiding}'>{' '.join(self._fill(line) for line in self._some(ham, 'M', 8))}</div>"
        style = chance.choice(["", "<style>.a{color:#333;font-family:Arial}</style>"])
        return f"<html><head>{style}</head><body><table width=600><tr><td class=a>{body}<a href='{url}'>{shown}</a></td></tr></table>{salad}</body></html>"

    def _disguised(self, text: str) -> str:
        if self.chance.random() < 0.5:
            return text.replace("a", "а").replace("o", "о")  # Cyrillic
        return text.replace("cl", "c\u200bl").replace("in", "i\u200bn").replace("er", "e\u200br")

    def _ham_files(self, message: EmailMessage, kind: str) -> None:
        chance = self.chance
        if kind == "receipt" and chance.random() < 0.5:
            message.add_attachment(
                b"%PDF-1.4 " + base64.b64encode(chance.randbytes(600)),
                maintype="application",
                subtype="pdf",
                filename=f"invoice-{self._number()}.pdf",
            )
        elif kind in ("personal", "work") and chance.random() < 0.15:
            name = chance.choice(["photo.jpg", "contract.docx", "figures.xlsx", "plan.pdf", "notes.zip"])
            message.add_attachment(
                chance.randbytes(900), maintype="application", subtype="octet-stream", filename=name
            )
