"""ENVELOPE and BODYSTRUCTURE: always one valid line, whatever the message."""

from hypothesis import given

from mta.message.structure import bodystructure, envelope
from mta.message.tree import parse_tree

from .imap_syntax import check_body, check_envelope
from .samples import ALTERNATIVE_WITH_FILE, RFC3501
from .strategies import MODEST, mailish


def envelope_of(raw: bytes) -> tuple:
    return check_envelope(envelope(parse_tree(raw).fields))


def test_the_envelope_of_a_reply():
    date, subject, from_, sender, reply_to, to, cc, bcc, in_reply_to, message_id = envelope_of(
        ALTERNATIVE_WITH_FILE
    )
    assert date == b"Mon, 23 Nov 2026 04:03:00 +0100"
    assert subject == b"Re: [list] Plans"
    assert from_ == sender == reply_to == ((b"=?utf-8?b?SsO2cmc=?=", None, b"joerg", b"b.test"),)
    assert to == ((b"Ann", None, b"ann", b"a.test"),)
    assert cc is None and bcc is None
    assert (in_reply_to, message_id) == (b"<1@a.test>", b"<2@b.test>")


def test_an_empty_header_has_an_envelope_of_nil():
    assert envelope_of(b"\r\n") == (None,) * 10


def test_groups_have_their_marks():
    assert envelope_of(b"To: undisclosed-recipients:;\r\n\r\n")[5] == (
        (None, None, b"undisclosed-recipients", None),
        (None, None, None, None),
    )


def test_raw_eight_bit_becomes_encoded_words():
    found = envelope_of(b"Subject: Gr\xc3\xbc\xc3\x9fe\r\nFrom: J\xf6rg <j@b.test>\r\n\r\n")
    assert found[1] == b"=?utf-8?b?R3LDvMOfZQ==?="
    assert found[2][0][0] == b"=?utf-8?b?SsO2cmc=?="


def test_quotes_and_backslashes_are_escaped():
    found = envelope_of(b'Subject: say "hi" \\o/\r\nFrom: "a \\"b\\"" <"x y"@b.test>\r\n\r\n')
    assert found[1] == b'say "hi" \\o/'
    assert found[2] == ((b'a "b"', None, b"x y", b"b.test"),)


def test_an_address_without_a_domain_is_no_group():
    assert envelope_of(b"To: root\r\n\r\n")[5] == ((None, None, b"root", b""),)


def test_a_list_of_addresses_is_cut_at_its_limit():
    assert len(envelope_of(b"To: " + b"x: a@b.test, " * 1000 + b"\r\n\r\n")[5]) <= 501


def test_the_structure_of_the_rfc_example():
    wire = bodystructure(RFC3501, parse_tree(RFC3501))
    found = check_body(wire, extended=True)
    assert found[4] == b"MIXED" and found[5] == (b"BOUNDARY", b"a")
    assert found[0][:7] == (b"TEXT", b"PLAIN", None, None, None, b"7BIT", 3)
    message = found[2]
    assert message[:2] == (b"MESSAGE", b"RFC822") and message[7][1] == b"three"
    assert message[8][2] == b"MIXED"
    check_body(bodystructure(RFC3501, parse_tree(RFC3501), extended=False), extended=False)


def test_the_structure_of_a_mail_with_a_file():
    found = check_body(bodystructure(ALTERNATIVE_WITH_FILE, parse_tree(ALTERNATIVE_WITH_FILE)), extended=True)
    file = found[1]
    assert file[:7] == (b"APPLICATION", b"PDF", (b"NAME", b"plan.pdf"), None, None, b"BASE64", 8)
    assert file[8] == (b"ATTACHMENT", (b"FILENAME*", b"utf-8''pl%C3%A4n.pdf"))


def test_a_mail_without_mime_is_plain_ascii():
    raw = b"Subject: x\r\n\r\none\r\ntwo\r\n"
    assert bodystructure(raw, parse_tree(raw), extended=False) == (
        b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 10 2)'
    )


def test_an_enormous_structure_is_told_in_brief():
    part = b"--b\r\nContent-Type: a/b" + b"; x=" + b"y" * 3000 + b"\r\n\r\nz\r\n"
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 900
    wire = bodystructure(raw, parse_tree(raw))
    assert len(wire) < 1 << 20
    assert len(check_body(wire, extended=True)) == 900 + 5


@MODEST
@given(mailish)
def test_every_message_has_valid_wire_forms(raw):
    tree = parse_tree(raw)
    for wire in (envelope(tree.fields), bodystructure(raw, tree), bodystructure(raw, tree, extended=False)):
        assert wire.isascii() and b"\r" not in wire and b"\n" not in wire and b"\0" not in wire
    check_envelope(envelope(tree.fields))
    check_body(bodystructure(raw, tree), extended=True)
    check_body(bodystructure(raw, tree, extended=False), extended=False)
