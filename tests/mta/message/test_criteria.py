"""One message against one question."""

from dataclasses import dataclass, field

import pytest

from mta.message.criteria import (
    DAY,
    All,
    And,
    Before,
    Contains,
    Flag,
    HasAttachment,
    HasEmailId,
    InMailbox,
    InThread,
    Keyword,
    Larger,
    ModSeq,
    Not,
    Older,
    Or,
    Sequence,
    Since,
    Smaller,
    Uids,
    Words,
    Younger,
    matches,
    on,
)


@dataclass
class Letter:
    flags: frozenset[str] = frozenset({"seen"})
    keywords: frozenset[str] = frozenset({"$Important"})
    size: int = 100
    internal_date: int = 5 * DAY
    sent_at: int | None = None
    saved_at: int | None = 6 * DAY
    uid: int = 7
    mailbox_ids: frozenset[int] = frozenset({1, 2})
    thread_id: int = 9
    email_id: int = 11
    modseq: int = 30
    has_attachment: bool = False
    headers: dict[str, str] = field(default_factory=lambda: {"subject": "Grüße aus Köln", "x-empty": ""})
    sections: dict[str, str] = field(
        default_factory=lambda: {"subject": "Grüße aus Köln", "body": "the quick brown fox", "any": "Grüße aus Köln the quick brown fox"}
    )  # fmt: skip

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    def text(self, where: str) -> str:
        return self.sections.get(where, "")


YES = [
    All(),
    And(()),
    And((All(), Flag("seen"))),
    Or((Flag("flagged"), Flag("seen"))),
    Not(Flag("flagged")),
    Keyword("$important"),
    Contains("Subject", "grÜSSE"),
    Contains("subject", ""),
    Contains("x-empty", ""),
    Words("grusse"),
    Words("QUICK bro"),
    Words("quick brown", phrase=True),
    Words("quick brow", phrase=True),
    Words("fox", "body", prefix=False),
    Words("koln", "subject"),
    Larger(99),
    Smaller(101),
    Since("internal", 5 * DAY),
    Before("internal", 6 * DAY),
    on("internal", 5 * DAY),
    Uids(((1, 3), (7, 9))),
    InMailbox(2),
    Not(HasAttachment()),
    InThread(9),
    HasEmailId(11),
    Since("saved", 6 * DAY),
    ModSeq(30),
]
NO = [
    Or(()),
    And((All(), Flag("flagged"))),
    Keyword("other"),
    Contains("subject", "Bonn"),
    Contains("x-none", ""),
    Words("quick bro", prefix=False),
    Words("brown quick", phrase=True),
    Words("koln", "body"),
    Words("!!!"),
    Larger(100),
    Smaller(100),
    Since("sent", 0),
    Before("sent", 99 * DAY),
    on("internal", 4 * DAY),
    Uids(((1, 6),)),
    InMailbox(3),
    HasAttachment(),
    InThread(1),
    HasEmailId(9),
    Before("saved", 6 * DAY),
    ModSeq(31),
]


@pytest.mark.parametrize("criteria", YES, ids=repr)
def test_the_message_is_what_was_asked_for(criteria):
    assert matches(criteria, Letter())


@pytest.mark.parametrize("criteria", NO, ids=repr)
def test_the_message_is_not_what_was_asked_for(criteria):
    assert not matches(criteria, Letter())


@pytest.mark.parametrize("criteria", [Sequence(((1, 1),)), Older(60), Younger(60)], ids=repr)
def test_sequence_numbers_and_ages_belong_to_a_session(criteria):
    with pytest.raises(ValueError, match="session"):
        matches(criteria, Letter())
