"""The examples of RFC 6376 (appendix A, with errata 3192 and 4926) and RFC 8463 (appendix A)."""

import asyncio

import pytest

from mta.message.headers import parse_header, split_message
from mta.trust import dkim_check
from mta.trust.asking import Asking
from mta.trust.signatures import Body
from tests.fake_resolver import FakeResolver

TEXT = """From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.{} Are you hungry yet?

Joe.
"""
RFC_6376 = """DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
      c=simple/simple; q=dns/txt; i=joe@football.example.com;
      h=Received : From : To : Subject : Date : Message-ID;
      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
      4bmp/YzhwvcubU4=;
Received: from client1.football.example.com  [192.0.2.1]
      by submitserver.example.com with SUBMISSION;
      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
""" + TEXT.format("")
RFC_8463 = """DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
""" + TEXT.format(" ")
ZONE = {
    "brisbane._domainkey.example.com": {
        "TXT": [
            "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ"
            "KBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"
            "IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v"
            "/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi"
            "tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"
        ]
    },
    "brisbane._domainkey.football.example.com": {
        "TXT": ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]
    },
    "test._domainkey.football.example.com": {
        "TXT": [
            "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
            "iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/b"
            "yYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKr"
            "M3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K"
            "4w3QIDAQAB"
        ]
    },
}


def results(text):
    raw = text.replace("\n", "\r\n").encode()
    header_end, body_start = split_message(raw)
    fields = parse_header(raw[:header_end])

    async def judge():
        judged = await dkim_check.keys(Asking(FakeResolver(ZONE)), fields, at=1_528_700_000)
        return dkim_check.verify(judged, fields, Body(raw[body_start:]))

    return [(each.result, each.domain, each.algorithm, each.bits) for each in asyncio.run(judge())]


def test_the_example_of_rfc_6376():
    assert results(RFC_6376) == [("pass", "example.com", "rsa-sha256", 1024)]


def test_the_examples_of_rfc_8463():
    assert results(RFC_8463) == [
        ("pass", "football.example.com", "ed25519-sha256", 256),
        ("pass", "football.example.com", "rsa-sha256", 1024),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Are you hungry", "Are you angry"),
        ("Subject: Is dinner", "Subject: Is supper"),
        ("From: Joe", "From: Jim"),
        ("Date: Fri", "Date: Sat"),
        ("To: Suzie", "To: Susan"),
        ("From: Joe", "From: eve@example.org\nFrom: Joe"),
    ],
)
def test_no_change_gets_past_them(old, new):
    assert [each[0] for each in results(RFC_8463.replace(old, new))] == ["fail", "fail"]
    if "eve" not in new:  # it does not sign From twice, so another one above goes unnoticed
        assert [each[0] for each in results(RFC_6376.replace(old, new))] == ["fail"]
