"""What Hypothesis feeds to the message package: bytes that look like mail often enough to go deep."""

from hypothesis import settings
from hypothesis import strategies as st

MODEST = settings(max_examples=150, deadline=None, derandomize=True)

_PIECES = st.sampled_from(
    [
        *(
            b"\r\n",
            b"\n",
            b"\r",
            b"\r\n\r\n",
            b"\n\n",
            b" ",
            b"\t",
            b"--",
            b"--b",
            b"--b--",
            b"--c",
            b"\r\n--b\r\n",
        ),
        *(b"\r\n--b--\r\n", b"\r\n--c\r\n", b"From: ", b"To: ", b"Subject: ", b"Date: ", b"Content-Type: "),
        *(
            b"Content-Type: multipart/mixed; boundary=b\r\n",
            b"Content-Type: multipart/digest; boundary=c\r\n",
        ),
        *(b"Content-Type: message/rfc822\r\n", b"Content-Type: text/html; charset=utf-8\r\n", b"boundary=b"),
        *(b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n"),
        *(
            b"Content-Disposition: attachment; filename=",
            b"filename*0*=utf-8''%41",
            b"=?utf-8?q?",
            b"=?iso-2022-jp?b?",
        ),
        *(
            b"?=",
            b"=41",
            b"YWI=",
            b"<a@b.test>",
            b"Ann <ann@b.test>, ",
            b"(",
            b")",
            b'"',
            b"\\",
            b"<",
            b">",
            b"@",
            b":",
        ),
        *(
            b";",
            b",",
            b"[",
            b"]",
            b"\0",
            b"\xff",
            b"\xc3\xa9",
            b"\xe6\xbc\xa2",
            b"\xed\xa0\x80",
            b"a",
            b"9",
            b"=",
            b"'",
        ),
        *(
            b"<p>",
            b"</p>",
            b"<style>",
            b"<!--",
            b"&amp;",
            b"Re: ",
            b"[x] ",
            b"(fwd)",
            b"Mon, 1 Jan 2024 00:00:00 +0000",
        ),
        *(
            b"References: ",
            b"In-Reply-To: ",
            b"Message-ID: ",
            b"List-Id: ",
            b"begin 644 a\n",
            b"charset=utf-16",
            b"%",
        ),
    ]
)

mailish = st.lists(st.one_of(_PIECES, _PIECES, _PIECES, st.binary(max_size=4)), max_size=40).map(b"".join)
