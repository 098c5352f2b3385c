"""From a server's reply to a reason, and from the reason to a sentence."""

import pytest

from mta.queue import reasons
from mta.queue.reasons import reason_for, said


@pytest.mark.parametrize(
    ("code", "enhanced", "at_data", "reason"),
    [
        (550, "5.1.1", False, reasons.NO_MAILBOX),
        (550, "", False, reasons.NO_MAILBOX),
        (550, "", True, reasons.REFUSED),
        (552, "5.2.2", False, reasons.FULL),
        (452, "4.2.2", False, reasons.FULL),
        (552, "5.3.4", True, reasons.TOO_BIG),
        (552, "", True, reasons.TOO_BIG),
        (552, "", False, reasons.FULL),
        (554, "5.7.1", True, reasons.POLICY),
        (450, "4.7.1", False, reasons.WAIT),
        (451, "", False, reasons.WAIT),
        (421, "", False, reasons.BUSY),
        (556, "5.1.10", False, reasons.NO_MAIL),
        (553, "5.6.7", False, reasons.NO_UTF8),
        (554, "", True, reasons.REFUSED),
        (599, "", False, reasons.REFUSED),
        (499, "", False, reasons.WAIT),
    ],
)
def test_a_reply_has_one_reason(code, enhanced, at_data, reason):
    assert reason_for(code, enhanced, at_data=at_data) == reason


def test_every_reason_is_a_plain_sentence_without_codes():
    keys = {
        value
        for name, value in vars(reasons).items()
        if name.isupper() and name[0] != "_" and isinstance(value, str)
    }
    for key in keys:
        sentence = said(key, address="ben@b.test")
        assert sentence.endswith("."), key
        assert not any(character.isdigit() or character in "%!" for character in sentence), key
        assert sentence != said("", address="ben@b.test"), key


def test_a_recipient_without_an_outcome_yet_says_what_it_waits_for():
    assert said("", address="a@b.test", state="held") == "Waiting to be sent."
    assert said("", address="a@b.test", state="delivering") == "Being sent."
    assert said("", address="a@b.test", state="cancelled") == "Taken back."
