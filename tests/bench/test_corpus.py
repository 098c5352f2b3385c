"""The benchmark's mail: the same everywhere, like people's in size, and with the words it says it has."""

import email
import email.policy
import hashlib
import statistics

import pytest

from bench import corpus


@pytest.mark.parametrize("kind", [corpus.REAL, corpus.SMALL])
def test_every_message_is_the_same_at_every_run(kind: str) -> None:
    digest = hashlib.sha256(b"".join(corpus.message(i, kind) for i in range(0, 4000, 100)))
    assert digest.hexdigest()[:16] == {"real": "b105fa280cba6016", "small": "71a2f5f671c96155"}[kind]


def test_sizes_are_like_those_in_mailboxes() -> None:
    sizes = [len(corpus.message(i)) for i in range(1500)]
    assert 3000 < statistics.median(sizes) < 5000
    assert 8000 < statistics.mean(sizes) < 12_000
    assert max(sizes) < 150_000
    assert all(len(corpus.message(i, corpus.SMALL)) < 3500 for i in range(500))


def test_messages_of_two_blocks_differ_only_in_their_token() -> None:
    first, second = corpus.message(1600), corpus.message(1600 + 3 * corpus.BLOCK)
    assert first != second
    assert len(first) == len(second)
    assert first == second.replace(corpus.block_token(3).encode(), corpus.block_token(0).encode())


def test_words_are_in_the_messages_that_are_said_to_have_them() -> None:
    for i in range(1200):
        message = email.message_from_bytes(corpus.message(i), policy=email.policy.default)
        body = message.get_body(("plain",))
        assert body is not None
        text = body.get_content()
        assert (corpus.RARE in text) == corpus.has_rare(i)
        assert (corpus.COMMON in text) == corpus.has_common(i)
        assert (f"{corpus.MARK}{corpus.block_token(0)}" in text) == corpus.has_mark(i)
        assert (corpus.SUBJECT_WORD in message["Subject"]) == corpus.has_subject_word(i)
        assert (corpus.SUBJECT_MARK in message["Subject"]) == corpus.has_subject_mark(i)


def test_lines_end_as_the_protocols_want() -> None:
    for i in range(300):
        assert b"\n" not in corpus.message(i).replace(b"\r\n", b"")
