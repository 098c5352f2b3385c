"""Structural findings: what each is called, what it weighs at once, and the sentence for people. Pure.

Each is also a token of the statistics, where learning may tell that for somebody it means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sign:
    """One kind of finding. `says` may hold {} for what was found; it goes on from "This message: "."""

    points: float
    says: str


SIGNS: dict[str, Sign] = {
    # links
    "link-shows-other": Sign(3.0, "a link shows {} but leads elsewhere"),
    "link-shows-author": Sign(0.4, "a link shows {} but goes by way of another host"),
    "link-number": Sign(2.5, "a link leads to a number instead of a name"),
    "link-user": Sign(2.5, "a link hides where it leads behind an @"),
    "link-port": Sign(1.0, "a link leads to an unusual port"),
    "link-short": Sign(0.7, "a link goes through a shortener"),
    "link-cheap": Sign(1.2, "a link leads to {}, under an ending that spam likes"),
    "link-lookalike": Sign(2.0, "a link leads to a name with look-alike letters"),
    "link-brand": Sign(2.5, "a link leads to {}, which only sounds like a known name"),
    # what is seen and not seen
    "hidden-text": Sign(2.0, "it holds much text that nobody sees"),
    "picture-only": Sign(1.8, "it is little more than a picture with a link"),
    "form": Sign(2.0, "it asks to type something into a form"),
    "script": Sign(1.5, "it brings a script"),
    "invisible": Sign(2.0, "words are broken up by characters that nobody sees"),
    "mixed-letters": Sign(2.5, "words mix letters of two alphabets that look alike"),
    "broken-words": Sign(1.5, "words are broken up by dots or digits"),
    "wallet": Sign(1.8, "it names an address for cryptocurrency"),
    # header
    "subject-caps": Sign(1.2, "its subject shouts"),
    "subject-marks": Sign(0.8, "its subject is full of marks"),
    "subject-none": Sign(0.6, "it has no subject"),
    "false-reply": Sign(1.2, "it says that it is an answer, to nothing"),
    "no-date": Sign(0.8, "it has no date"),
    "no-id": Sign(0.8, "it has no message id"),
    "no-to": Sign(0.8, "it names no recipient"),
    "no-from": Sign(1.5, "it names no sender"),
    "many-recipients": Sign(1.0, "it names many recipients"),
    "name-is-address": Sign(2.5, "the sender's name shows {}, which is not their address"),
    "name-is-brand": Sign(2.0, "the sender calls themselves {} but writes from elsewhere"),
    "answer-elsewhere": Sign(0.8, "answers go to another host than the sender's"),
    "answer-freemail": Sign(1.5, "answers go to {}, where anybody can have an address"),
    "old-charset": Sign(0.5, "it is written in an unusual character set"),
    # files
    "file-runs": Sign(5.0, "the file {} is a program"),
    "file-two-ends": Sign(2.0, "the file {} pretends to be of another kind"),
    "file-page": Sign(1.8, "the file {} is a web page"),
    "file-macros": Sign(2.0, "the file {} can bring macros"),
}

# Short forms of URLs; whoever needs the target sees nothing of it.
SHORTENERS = frozenset(
    "bit.ly t.co tinyurl.com goo.gl is.gd ow.ly buff.ly cutt.ly rb.gy t.ly shorturl.at".split()
)
# Top-level domains sold for next to nothing: abuse reports name them year after year.
CHEAP = frozenset(
    "xyz top click icu buzz cyou rest cfd sbs bond quest monster loan work gq ml cf tk ga lol zip mov hair skin".split()
)
FREEMAIL = frozenset(
    "gmail.com googlemail.com yahoo.com outlook.com hotmail.com live.com aol.com proton.me protonmail.com gmx.de "
    "gmx.net gmx.com web.de mail.ru yandex.ru yandex.com icloud.com mail.com zoho.com qq.com 163.com".split()
)
# Names that phishing likes to take, and the words by which their own domains are known.
BRANDS = frozenset(
    "paypal amazon netflix microsoft apple google facebook instagram whatsapp linkedin dropbox docusign dhl fedex "
    "ups usps hermes dpd postbank sparkasse commerzbank volksbank deutschebank ing santander bbva hsbc barclays "
    "wellsfargo citibank chase binance coinbase ebay klarna stripe spotify disney adobe steam telekom vodafone "
    "correos laposte caixabank unicredit revolut outlook office365 icloud".split()
)
RUNS = frozenset(
    "exe scr com pif bat cmd vbs vbe js jse wsf wsh hta lnk ps1 msi jar cpl dll iso img vhd reg chm apk".split()
)
PAGES = frozenset("htm html shtml xhtml svg mht mhtml".split())
MACROS = frozenset("docm xlsm pptm dotm xltm xlsb ppam one".split())
DOCUMENTS = frozenset("pdf doc docx xls xlsx jpg jpeg png txt odt csv mp3 mp4 zip".split())
