"""ARC chains built by hand, so that every tag can be left out, doubled or changed before it is signed.

Independent of `mta.trust.arc.seal`: only the canonical forms are shared, which tests of their own hold to other
implementations.
"""

import base64
import hashlib

from mta.message.dkim import relaxed_body, relaxed_field, signature, signed_fields, simple_body
from mta.message.headers import parse_header, split_message
from tests.mta.trust.letters import NOW, RSA, mail

HOP = "d1.test"
AAR, AMS, SEAL = "ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal"


def tag_text(tags, b):
    shown = {**tags, "b": b}
    return "; ".join(f"{name}={value}" for name, value in shown.items() if value is not None)


def signed_value(tags, covered, *, name, key, relaxed=True, extra=""):
    """A field's value: `covered` and the field itself, signed as b= asks for."""
    text = " " + tag_text(tags, "") + extra
    if "b" in tags and tags["b"] is None:
        return " " + tag_text({k: v for k, v in tags.items() if k != "b"}, None) + extra
    if relaxed:
        own = relaxed_field(name.lower(), text.encode()).removesuffix(b"\r\n")
    else:
        own = f"{name}:{text}".encode()
    made = base64.b64encode(signature(key, covered + own)).decode()
    return " " + tag_text(tags, made) + extra


class Chain:
    """A message and the sets in front of it."""

    def __init__(self, raw=None):
        self.raw = mail() if raw is None else raw
        self.sets = []  # (aar, ams, seal) as whole fields

    def add(
        self,
        *,
        cv=None,
        aar="d1.test; spf=pass smtp.mailfrom=ann@a.test; dmarc=pass header.from=a.test",
        aar_i="",
        ams=None,
        seal=None,
        key=RSA,
        leave_out=(),
        canonical="relaxed/relaxed",
        extra="",
        domain=HOP,
        names="from:to:subject:date:message-id",
    ):
        number = len(self.sets) + 1
        cv = cv or ("none" if number == 1 else "pass")
        results = f"{AAR}: {aar_i or f'i={number}'}; {aar}\r\n".encode()
        header_end, body_start = split_message(self.raw)
        fields = parse_header(self.raw[:header_end])
        header, _, body = canonical.partition("/")
        form = relaxed_body if body == "relaxed" else simple_body
        body_hash = base64.b64encode(hashlib.sha256(form(self.raw[body_start:])).digest()).decode()
        tags = {"i": number, "a": "rsa-sha256", "c": canonical, "d": domain, "s": "s1", "t": NOW}
        tags |= {"h": names, "bh": body_hash} | (ams or {})
        listed = [name.strip() for name in (tags.get("h") or "").lower().split(":")]
        covered = signed_fields(fields, listed, relaxed=header == "relaxed")
        value = signed_value(tags, covered, name=AMS, key=key, relaxed=header == "relaxed", extra=extra)
        message = f"{AMS}:{value}\r\n".encode()
        tags = {"i": number, "a": "rsa-sha256", "d": domain, "s": "s1", "t": NOW, "cv": cv} | (seal or {})
        lines = b"".join(b"".join(each) for each in self.sets) + results + message
        covered = b"".join(relaxed_field(each.name, each.value) for each in parse_header(lines))
        value = signed_value(tags, covered, name=SEAL, key=key, extra=extra)
        made = [results, message, f"{SEAL}:{value}\r\n".encode()]
        self.sets.append(
            [
                b"" if name in leave_out else each
                for name, each in zip(("aar", "ams", "seal"), made, strict=True)
            ]
        )
        return self

    def message(self):
        """Newest set first, as it goes on its way."""
        return b"".join(b"".join(reversed(each)) for each in reversed(self.sets)) + self.raw
