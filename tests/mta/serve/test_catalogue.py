"""The catalogue is true: whatever the IMAP and POP3 servers can do or say, a conversation in the tests shows it.

Commands are read from the grammar, capabilities from what is announced, response codes from the server's source, and
each must be found in a transcript (tests/mta/wire/transcripts) or in a test that holds a dialogue. A new capability
needs a line in PROOFS: the document that defines it, and what only a conversation about it contains.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from mta.wire.imap import capabilities, fetch_items, grammar, grammar_mailboxes, search
from mta.wire.pop3.engine import Pop3

TESTS = Path(__file__).parents[2]
ROOT = TESTS.parent
SPEAKERS = ("mta/serve/imap", "mta/wire/imap", "mta/serve/statuses.py")

# The registry of RFC 5530 §5, with what came later.
RESPONSE_CODES = frozenset(
    """ALERT ALREADYEXISTS APPENDUID AUTHENTICATIONFAILED AUTHORIZATIONFAILED BADCHARSET BADCOMPARATOR BADEVENT BADURL
    CANNOT CAPABILITY CLIENTBUG CLOSED COMPRESSIONACTIVE CONTACTADMIN COPYUID CORRUPTION EXPIRED EXPUNGEISSUED
    HASCHILDREN HIGHESTMODSEQ INPROGRESS INUSE LIMIT MAILBOXID MESSAGELIMIT METADATA MODIFIED NOMODSEQ NONEXISTENT
    NOPERM NOPRIVATE NOTIFICATIONOVERFLOW NOTSAVED NOUPDATE OVERQUOTA PARSE PERMANENTFLAGS PRIVACYREQUIRED READ-ONLY
    READ-WRITE REFERRAL SERVERBUG TOOBIG TOOMANY TOOWIDE TRYCREATE UIDNEXT UIDNOTSTICKY UIDREQUIRED UIDVALIDITY
    UNAVAILABLE UNKNOWN-CTE UNSEEN USEATTR""".split()
)

# Capability → its document, and a line that only a conversation about it contains.
PROOFS: dict[str, tuple[int, str]] = {
    "APPENDLIMIT": (7889, r"S: .*\[TOOBIG\]"),
    "AUTH=PLAIN": (4616, r"C: \w+ authenticate plain"),
    "BINARY": (3516, r"C: .*fetch .*binary"),
    "CHILDREN": (3348, r"S: \* LIST \(.*\\HasChildren"),
    "COMPRESS=DEFLATE": (4978, r"compress deflate"),
    "CONDSTORE": (7162, r"C: .*\(unchangedsince"),
    "CREATE-SPECIAL-USE": (6154, r"C: \w+ create .*\(use \("),
    "ENABLE": (5161, r"S: \* ENABLED "),
    "ESEARCH": (4731, r"S: \* ESEARCH \(TAG"),
    "ESORT": (5267, r"C: .*sort return \("),
    "I18NLEVEL=1": (5255, r"C: .*sort"),
    "ID": (2971, r"S: \* ID \("),
    "IDLE": (2177, r"C: \w+ idle"),
    "IMAP4rev1": (3501, r"C: \w+ select"),
    "IMAP4rev2": (9051, r"C: \w+ enable imap4rev2"),
    "INPROGRESS": (9585, r"S: \* OK \[INPROGRESS"),
    "LIST-EXTENDED": (5258, r"C: \w+ list \(subscribed"),
    "LIST-STATUS": (5819, r"C: \w+ list .*return \(.*status \("),
    "LITERAL+": (7888, r"(C: .* <<\+)|(C: .*\+\}$)"),
    "LOGINDISABLED": (3501, r"S: .*LOGINDISABLED"),
    "METADATA": (5464, r"C: \w+ setmetadata"),
    "MOVE": (6851, r"C: .*move"),
    "MULTIAPPEND": (3502, r"C: .*(append|<<).*<<.*<<|multiappend"),
    "NAMESPACE": (2342, r"S: \* NAMESPACE"),
    "NOTIFY": (5465, r"C: \w+ notify set"),
    "OBJECTID": (8474, r"S: .*EMAILID \("),
    "PARTIAL": (9394, r"C: .*partial [-\d]"),
    "PREVIEW": (8970, r"S: .*PREVIEW "),
    "QRESYNC": (7162, r"S: \* VANISHED \(EARLIER\)"),
    "QUOTA": (9208, r"S: \* QUOTA "),
    "QUOTA=RES-STORAGE": (9208, r"S: \* QUOTA .*\(STORAGE"),
    "REPLACE": (8508, r"C: .*replace"),
    "SASL-IR": (4959, r"C: \w+ authenticate plain [\w=]"),
    "SAVEDATE": (8514, r"S: .*SAVEDATE "),
    "SEARCHRES": (5182, r"C: .*return \(.*save"),
    "SORT": (5256, r"S: \* SORT "),
    "SORT=DISPLAY": (5957, r"C: .*sort \(.*display"),
    "SPECIAL-USE": (6154, r"S: \* LIST \(.*\\Sent"),
    "STARTTLS": (3501, r"starttls"),
    "STATUS=SIZE": (8438, r"S: \* STATUS .*SIZE "),
    "THREAD=ORDEREDSUBJECT": (5256, r"C: .*thread orderedsubject"),
    "THREAD=REFERENCES": (5256, r"C: .*thread references"),
    "UIDONLY": (9586, r"S: .*UIDFETCH"),
    "UIDPLUS": (4315, r"S: .*\[APPENDUID"),
    "UNSELECT": (3691, r"C: \w+ unselect"),
    "UTF8=ACCEPT": (6855, r"C: \w+ enable utf8=accept"),
    "WITHIN": (5032, r"C: .*search .*(younger|older)"),
}
# Documents that docs/protocols.md may name without a capability of their own.
BEHIND = frozenset(
    (
        2045,
        2180,
        3501,
        4466,
        4616,
        5322,
        5530,
        6532,
        8314,
        8621,
        9051,
        2595,
        5034,
        2449,
        1939,
        3206,
        4013,
        8437,
    )
)


@cache
def transcripts() -> tuple[str, ...]:
    """Every line of every transcript; `C2!:` is said by a client like `C:`."""
    lines: list[str] = []
    for path in sorted((TESTS / "mta" / "wire" / "transcripts").rglob("*.txt")):
        lines += (re.sub(r"^([CS])\d*!?: ?", r"\1: ", line) for line in path.read_text().splitlines())
    return tuple(lines)


@cache
def dialogues() -> str:
    """The source of tests that speak IMAP by themselves, where a file of lines cannot (TLS, compression, trouble)."""
    here = Path(__file__)
    paths = [*here.parent.glob("test_imap*.py"), *(TESTS / "mta" / "wire").glob("test_*.py")]
    return "\n".join(path.read_text() for path in sorted(paths) if path != here)


@cache
def said() -> str:
    return "\n".join(line for line in transcripts() if line.startswith("C: "))


def commands() -> list[str]:
    names = [*grammar.PARSERS, *(f"UID {name}" for name in grammar.UID_PARSERS), "APPEND"]
    return sorted(set(names))


def codes() -> list[str]:
    """Response codes that stand in the server's source as the beginning of a constant."""
    found: set[str] = set()
    for name in SPEAKERS:
        place = ROOT / name
        for path in [place] if place.is_file() else place.glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                value = node.value if isinstance(node, ast.Constant) else None
                text = value.decode("latin-1") if isinstance(value, bytes) else value
                if isinstance(text, str):
                    start = re.match(r"(?:\* OK )?\[?([A-Z][A-Z-]+)(?=$|[ \]])", text)
                    found |= RESPONSE_CODES & {start.group(1)} if start else set()
    return sorted(found)


def announced() -> list[str]:
    """Every capability that some client is told of; `APPENDLIMIT=5` counts as APPENDLIMIT."""
    words = b" ".join(
        [
            capabilities.before_sign_in(offers_tls=True, plaintext_ok=True),
            capabilities.before_sign_in(offers_tls=False, plaintext_ok=False),
            capabilities.signed_in(max_message=5),
        ]
    )
    return sorted({word.removesuffix("=5") for word in words.decode().split()})


@pytest.mark.parametrize("name", commands())
def test_every_command_is_in_a_conversation(name: str) -> None:
    pattern = re.compile(rf"^C: [^ ]+ {name}(?= |$)", re.IGNORECASE | re.MULTILINE)
    assert pattern.search(said()) or re.search(rf"\b{name}\b", dialogues()), f"no transcript says {name}"


@pytest.mark.parametrize("code", codes())
def test_every_response_code_is_in_a_conversation(code: str) -> None:
    pattern = re.compile(rf"^S: .*\[{code}[ \]]")
    shown = any(pattern.match(line) for line in transcripts())
    assert shown or f"[{code}" in dialogues(), f"no conversation shows [{code}]"


@pytest.mark.parametrize("capability", announced())
def test_every_capability_is_proved_and_documented(capability: str) -> None:
    assert capability in PROOFS, f"{capability} is announced; PROOFS does not say what shows it"
    document, proof = PROOFS[capability]
    pattern = re.compile(proof, re.IGNORECASE)
    shown = any(pattern.search(line) for line in transcripts())
    assert shown or pattern.search(dialogues()), f"no conversation shows {capability}"
    assert re.search(rf"\b{document}\b", imap_documents()), f"docs/protocols.md does not name RFC {document}"


def imap_documents() -> str:
    """The part about IMAP of docs/protocols.md."""
    text = (ROOT / "docs" / "protocols.md").read_text()
    return text[text.index("## IMAP") : text.index("## POP3")]


def test_what_is_documented_is_announced() -> None:
    """The first column of the table: no document of a capability that is not announced."""
    rows = [line.split("|")[1] for line in imap_documents().splitlines() if line.startswith("| RFC")]
    named = {int(number) for row in rows for number in re.findall(r"\b\d{4}\b", row)}
    covered = {PROOFS[each][0] for each in announced() if each in PROOFS}
    assert named - covered - BEHIND == set()


def _words(kind: str) -> list[str]:
    return {
        "FETCH": [*fetch_items.ITEMS, *fetch_items.MACROS, "RFC822", "RFC822.HEADER", "RFC822.TEXT"],
        "SEARCH": [*search._PLAIN, *search._WITH_ARGUMENTS, *search.OPTIONS],
        "STATUS": [*grammar_mailboxes.STATUS_ITEMS],
    }[kind]


@pytest.mark.parametrize(
    ("command", "word"),
    [(command, word) for command in ("FETCH", "SEARCH", "STATUS") for word in sorted(_words(command))],
)
def test_every_word_of_the_large_commands_is_said(command: str, word: str) -> None:
    pattern = re.compile(
        rf"^C: .*\b{command}\b.*(?<![\w.-]){re.escape(word)}(?![\w.-])", re.IGNORECASE | re.MULTILINE
    )
    assert pattern.search(said()), f"no transcript says {command} … {word}"


# --- POP3, whose dialogues are all in Python --------------------------------------------------------------------
@cache
def pop3_dialogues() -> str:
    paths = (TESTS / "mta").rglob("test_pop3*.py")
    return "\n".join(path.read_text() for path in sorted(paths))


@pytest.mark.parametrize("name", sorted({*Pop3._BEFORE, *Pop3._AFTER}))
def test_every_pop3_command_is_in_a_dialogue(name: str) -> None:
    assert re.search(rf"[\"' ]{name}\b", pop3_dialogues()), f"no dialogue says {name}"


@pytest.mark.parametrize("code", ["AUTH", "IN-USE", "SYS/PERM", "SYS/TEMP"])  # RFC 2449 §8, RFC 3206
def test_every_pop3_response_code_is_in_a_dialogue(code: str) -> None:
    assert f"-ERR [{code}]" in pop3_dialogues(), f"no dialogue shows [{code}]"


def test_what_capa_says_is_documented() -> None:
    text = (ROOT / "docs" / "protocols.md").read_text()
    part = text[text.index("## POP3") : text.index("## SMTP")]
    source = (ROOT / "mta" / "wire" / "pop3" / "engine.py").read_text()
    listed = re.findall(r"names(?: =|\.append\(| \+=)[^\n]*", source)
    tags = set(re.findall(r'"([A-Z0-9-]+)', "\n".join(listed)))
    assert {"TOP", "UIDL", "PIPELINING"} <= tags
    assert {tag for tag in tags if not re.search(rf"\b{tag}\b", part)} == set()
