"""Messages that several tests look at."""


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


ALTERNATIVE_WITH_FILE = crlf(
    """From: =?utf-8?q?J=C3=B6rg?= <joerg@b.test>
To: Ann <ann@a.test>
Subject: Re: [list] Plans
Date: Mon, 23 Nov 2026 04:03:00 +0100
Message-ID: <2@b.test>
In-Reply-To: <1@a.test>
References: <0@a.test> <1@a.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="out"

preamble
--out
Content-Type: multipart/alternative; boundary=in

--in
Content-Type: text/plain; charset=utf-8

Hello Ann,
see the file.

> earlier words
--in
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Hello <b>Ann</b>, =
see the file.</p>
--in--

--out
Content-Type: application/pdf; name="plan.pdf"
Content-Disposition: attachment;
 filename*=utf-8''pl%C3%A4n.pdf
Content-Transfer-Encoding: base64

aGVsbG8=
--out--
epilogue
"""
)

# The tree that RFC 3501 §6.4.5 uses as its example.
RFC3501 = crlf(
    """Subject: root
Content-Type: multipart/mixed; boundary=a

--a
Content-Type: text/plain

one
--a
Content-Type: application/octet-stream

two
--a
Content-Type: message/rfc822

Subject: three
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

three one
--b
Content-Type: application/octet-stream

three two
--b--
--a
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: image/gif

four one
--c
Content-Type: message/rfc822

Subject: four two
Content-Type: multipart/mixed; boundary=d

--d
Content-Type: text/plain

four two one
--d
Content-Type: multipart/alternative; boundary=e

--e
Content-Type: text/plain

four two two one
--e
Content-Type: text/richtext

four two two two
--e--
--d--
--c--
--a--
"""
)
