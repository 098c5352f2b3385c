"""All checks together: what a good and a forged message look like, and that the DNS can be as bad as it likes."""

from mta.resolver import Temporary
from tests.mta.trust.letters import ED25519, ZONE, found, mail, signed, verdict


def test_a_good_message_passes_everything_and_says_so_in_sentences():
    said = verdict(signed(mail()))
    assert {each.method: each.result for each in said.evidence} == {
        "iprev": "pass",
        "spf": "pass",
        "dkim": "pass",
        "dmarc": "pass",
    }
    assert (said.author, said.policy, said.published) == ("a.test", "", "reject")
    assert said.score < 0
    assert said.of("dmarc").reason == "The message really comes from a.test."
    assert said.of("spf").reason == "The sender's server is allowed to send for a.test."
    assert said.results.startswith(b"Authentication-Results: mail.example.test;\r\n\tiprev=pass")
    assert b"dmarc=pass (p=reject) header.from=a.test" in said.results


def test_a_forged_message_is_asked_to_be_refused():
    said = verdict(mail(), ip="203.0.113.9", helo="bad.test")
    assert (said.of("dmarc").result, said.policy) == ("fail", "reject")
    assert said.of("spf").result == "fail"
    assert said.score > 5


def test_one_of_both_is_enough():
    assert found(signed(mail()), ip="203.0.113.9")["dmarc"] == "pass"
    assert found(mail())["dmarc"] == "pass"
    assert found(signed(mail(), selector="s2", key=ED25519), ip="203.0.113.9")["dkim"] == "pass"


def test_a_changed_text_fails():
    raw = signed(mail())
    said = found(raw.replace(b"Hello", b"Hullo"), ip="203.0.113.9")
    assert (said["dkim"], said["dmarc"]) == ("fail", "fail")


def test_trouble_with_the_dns_is_never_a_fail():
    for broken in ("a.test", "_dmarc.a.test", "s1._domainkey.a.test", "192.0.2.1"):
        said = verdict(signed(mail()), zone=ZONE | {broken: Temporary("no answer")}, ip="203.0.113.9")
        assert said.policy == "", broken
    said = found(signed(mail()), zone={name: Temporary("no answer") for name in [*ZONE, "_dmarc.test"]})
    assert said == {"iprev": "temperror", "spf": "temperror", "dkim": "temperror", "dmarc": "temperror"}


def test_a_dead_part_of_a_domain_is_no_free_pass():
    zone = ZONE | {"old.a.test": Temporary("no answer")}
    said = verdict(mail(), zone=zone, ip="203.0.113.9", sender="x@old.a.test", helo="bad.test")
    assert (said.of("dmarc").result, said.policy, said.of("dmarc").score) == ("temperror", "", 1.5)
    assert said.score > 1.5  # with what else speaks against it
