"""Everything people and mail programs can do, in any order: the store stays sound, and undo means undo.

After each step: the doctor finds nothing, a mail program that only ever asks for changes knows what a fresh
one reads, no UID names two messages, all bytes read back, and nobody's mail is gone who did not ask for it.
STATEFUL_EXAMPLES asks for more runs, and other ones each time.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from mta.mailstore import service as mailstore
from mta.mailstore import upkeep
from mta.mailstore.doctor import differences
from mta.mailstore.errors import NoSuchDraft, StoreError
from mta.mailstore.models import Placement
from mta.values import ALL, DELETED, Cause, now_us
from tests.mail import mail

WEB, IMAP = Cause("web", "a tab"), Cause("imap", "a program")
DAYS = 24 * 3600 * 1_000_000
NAMES = ("Work", "Work/Plans", "Työ", "a%b", "Old")
WORDS = ("$Todo", "$Forwarded", "Later")
BIG = random.Random(5).randbytes(30_000).hex()  # does not fit into a row

picks = st.integers(0, 1_000)
flag_bits = st.integers(0, 31)
some = st.lists(st.integers(1, 12), min_size=1, max_size=4)


class Store(RuleBasedStateMachine):
    """One busy mailspace, and one beside it that must never be touched."""

    @initialize()
    def begin(self) -> None:
        self.space, self.other = mailstore.create_mailspace(), mailstore.create_mailspace()
        self.other_message = mailstore.append(
            self.other, mailstore.mailbox(self.other, "INBOX").id, mail(), cause=IMAP
        ).message
        self.other_clock = mailstore.clocks([self.other])
        self.bytes: dict[int, bytes] = {}
        self.actions: list[str] = []
        self.drafts: list[int] = []
        self.known: dict[int, dict[int, tuple[int, tuple[str, ...]]]] = {}
        self.since: dict[int, int] = {}
        self.named: dict[tuple[int, int], int] = {}  # (UIDVALIDITY, UID) → message
        self.validity: dict[int, int] = {}  # UIDVALIDITY → mailbox
        self.ids = 0
        for _ in range(3):
            self._append("INBOX", 0, 0)

    # --- what there is

    def _box(self, pick: int) -> int:
        boxes = mailstore.mailboxes(self.space)
        return boxes[pick % len(boxes)].id

    def _threads(self, pick: int) -> list[int]:
        lines = mailstore.threads(self.space, (ALL, self._box(pick))[pick % 2]).rows
        return [line.thread for line in lines][pick % 3 : pick % 3 + 3]

    def _message(self, pick: int) -> int:
        ids = sorted(self.bytes)
        return ids[pick % len(ids)]

    def _uids(self, box: int, some_of: list[int]) -> list[int]:
        there = [row.uid for row in mailstore.changes(self.space, box).rows]
        return [there[one % len(there)] for one in some_of if there] + some_of[:1]

    def _placed(self) -> set[tuple[Any, ...]]:
        names = {box.id: box.name for box in mailstore.mailboxes(self.space)}
        return {
            (row.message, names[box], row.flags, row.keywords)
            for box in names
            for row in mailstore.changes(self.space, box).rows
        } | {(name,) for name in names.values()}

    def _do(
        self, verb: Callable[[], Any], *, pick: int = 1, may_lose: bool = False, may_hide: bool = False
    ) -> Any:
        """Do a thing; see that no mail is lost; sometimes take it back, which must bring everything back."""
        before, lives = self._placed(), self._lives()
        newest = mailstore.history(self.space, limit=1)
        try:
            done = verb()
        except StoreError:
            assert self._placed() == before
            return None
        after = self._lives()
        assert may_lose or after[0] >= lives[0]
        assert may_lose or may_hide or after[1] >= lives[1]
        latest = mailstore.history(self.space, limit=1)
        if latest and (not newest or latest[0].action != newest[0].action):
            self.actions.append(latest[0].action)
            if pick % 3 == 0:
                self._take_back(latest[0].action, before)
        return done

    def _take_back(self, action: str, before: set[tuple[Any, ...]]) -> None:
        after = self._placed()
        undone = mailstore.undo(self.space, action, cause=WEB)
        assert self._placed() == before and undone.skipped == 0
        if len(self.actions) % 2:
            again = mailstore.undo(self.space, undone.action, cause=WEB)
            assert self._placed() == after and again.skipped == 0

    def _lives(self) -> tuple[set[int], set[int]]:
        """Messages that lie anywhere, and those that people see."""
        found = Placement.objects.filter(mailspace_id=self.space, expunged_modseq__isnull=True)
        pairs = list(found.values_list("message_id", "deleted"))
        return {message for message, _ in pairs}, {message for message, hidden in pairs if not hidden}

    def _append(self, box: str, bits: int, parent: int) -> None:
        self.ids += 1
        parts = {"message_id": f"{self.ids}@{self.space}", "subject": "Lunch", "body": f"words {self.ids}"}
        if parent:
            parts |= {"references": f"{parent % 7 + 1}@{self.space}", "subject": "Re: Lunch"}
        if bits == 7:
            parts["body"] = BIG
        raw = mail(**parts)
        made = mailstore.append(
            self.space,
            mailstore.mailbox(self.space, box).id,
            raw,
            flags=bits,
            keywords=WORDS[: bits % 3],
            cause=IMAP,
        )
        self.bytes[made.message] = raw

    # --- mail programs

    @rule(pick=picks, bits=flag_bits, parent=st.integers(0, 20))
    def append(self, pick: int, bits: int, parent: int) -> None:
        boxes = [box.name for box in mailstore.mailboxes(self.space)]
        self._do(lambda: self._append(boxes[pick % len(boxes)], bits, parent), pick=pick)

    @rule(pick=picks, some_of=some, goal=picks)
    def copy(self, pick: int, some_of: list[int], goal: int) -> None:
        box = self._box(pick)
        copied = self._do(
            lambda: mailstore.copy(self.space, box, self._uids(box, some_of), self._box(goal), cause=IMAP)
        )
        rows = {row.uid: row.message for row in mailstore.changes(self.space, box).rows}
        new = {row.uid: row.message for row in mailstore.changes(self.space, self._box(goal)).rows}
        for source, uid in zip(copied.source, copied.target, strict=True):
            self.bytes.setdefault(new[uid], self.bytes.get(rows[source], b""))
        if pick % 2:
            before = self._placed()
            again = mailstore.copy(self.space, box, self._uids(box, some_of), box, cause=IMAP)
            for source, message in zip(
                mailstore.message_ids_at(self.space, box, again.source),
                mailstore.message_ids_at(self.space, box, again.target),
                strict=True,
            ):
                self.bytes[message] = self.bytes.get(source, b"")
            if again.target:
                self._take_back(mailstore.history(self.space, limit=1)[0].action, before)

    @rule(pick=picks, some_of=some, goal=picks)
    def move(self, pick: int, some_of: list[int], goal: int) -> None:
        box = self._box(pick)
        self._do(
            lambda: mailstore.move(self.space, box, self._uids(box, some_of), self._box(goal), cause=IMAP),
            pick=goal,
        )

    @rule(
        pick=picks,
        some_of=some,
        bits=flag_bits,
        mode=st.sampled_from(["add", "remove", "replace"]),
        old=st.none() | st.integers(1, 60),
    )
    def store(self, pick: int, some_of: list[int], bits: int, mode: str, old: int | None) -> None:
        box = self._box(pick)
        self._do(
            lambda: mailstore.store_flags(
                self.space,
                box,
                self._uids(box, some_of),
                mode,
                bits,
                WORDS[: bits % 4],
                unchangedsince=old,
                cause=IMAP,
            ),
            pick=bits,
            may_hide=True,
        )

    @rule(pick=picks, some_of=st.none() | some)
    def expunge(self, pick: int, some_of: list[int] | None) -> None:
        box = self._box(pick)
        if pick % 2:
            mailstore.store_flags(self.space, box, self._uids(box, [pick]), "add", DELETED, (), cause=IMAP)
        uids = None if some_of is None else self._uids(box, some_of)
        self._do(lambda: mailstore.expunge(self.space, box, uids, cause=IMAP), pick=pick, may_lose=True)

    # --- mailboxes

    @rule(name=st.sampled_from(NAMES), pick=picks)
    def create(self, name: str, pick: int) -> None:
        self._do(lambda: mailstore.create_mailbox(self.space, name, cause=IMAP), pick=pick)

    @rule(name=st.sampled_from((*NAMES, "INBOX")), new=st.sampled_from(NAMES), pick=picks)
    def rename(self, name: str, new: str, pick: int) -> None:
        self._do(
            lambda: mailstore.rename_mailbox(self.space, name, new, cause=IMAP),
            pick=1 if name == "INBOX" else pick,  # two actions: the mailbox, and the mail
        )

    @rule(name=st.sampled_from(NAMES), pick=picks)
    def delete_mailbox(self, name: str, pick: int) -> None:
        self._do(lambda: mailstore.delete_mailbox(self.space, name, cause=IMAP), pick=pick)

    # --- people

    @rule(
        pick=picks,
        goal=picks,
        verb=st.sampled_from(["archive", "delete", "junk", "unjunk", "label", "unlabel"]),
    )
    def people(self, pick: int, goal: int, verb: str) -> None:
        threads = self._threads(pick)
        more = (self._box(goal),) if "label" in verb else ()
        self._do(lambda: getattr(mailstore, verb)(self.space, threads, *more, cause=WEB), pick=goal)

    @rule(pick=picks, source=picks, goal=picks)
    def move_threads(self, pick: int, source: int, goal: int) -> None:
        threads, box = self._threads(pick), (ALL, self._box(source))[source % 2]
        self._do(
            lambda: mailstore.move_threads(self.space, threads, box, self._box(goal), cause=WEB),
            pick=goal,
        )

    @rule(
        pick=picks, on=st.booleans(), verb=st.sampled_from(["mark", "star", "mark_messages", "star_messages"])
    )
    def flags(self, pick: int, on: bool, verb: str) -> None:
        ids = [self._message(pick)] if verb.endswith("messages") else self._threads(pick)
        word = {"seen": on} if verb.startswith("mark") else {"on": on}
        self._do(lambda: getattr(mailstore, verb)(self.space, ids, cause=WEB, **word), pick=pick)

    @rule(pick=picks, goal=picks, on=st.booleans(), verb=st.sampled_from(["mute", "mark_important"]))
    def keyword(self, pick: int, goal: int, on: bool, verb: str) -> None:
        threads = self._threads(pick)
        self._do(lambda: getattr(mailstore, verb)(self.space, threads, on=on, cause=WEB), pick=goal)

    @rule(pick=picks, goal=picks, hours=st.integers(1, 3), up=st.booleans())
    def sleep(self, pick: int, goal: int, hours: int, up: bool) -> None:
        threads, until = self._threads(pick), now_us() + hours * DAYS // 24
        if up and goal % 2:
            mailstore.wake_due(now=until)
        elif up:
            self._do(lambda: mailstore.unsnooze(self.space, threads, cause=WEB), pick=goal)
        else:
            self._do(lambda: mailstore.snooze(self.space, threads, until=until, cause=WEB), pick=goal)

    @rule(pick=picks, goal=picks, away=picks)
    def labels(self, pick: int, goal: int, away: int) -> None:
        threads, add, remove = self._threads(pick), [self._box(goal)], [self._box(away)]
        self._do(
            lambda: mailstore.apply_labels(self.space, threads, add=add, remove=remove, cause=WEB),
            pick=goal,
        )

    @rule(pick=picks, goal=picks, verb=st.sampled_from(["archive", "read", "delete", "star", "mute"]))
    def whole_list(self, pick: int, goal: int, verb: str) -> None:
        """In the background, to its end; taking it back is a job as well."""
        box = (ALL, self._box(pick))[pick % 2]

        def run() -> None:
            mailstore.start_bulk(self.space, verb, mailstore.InBox(box), cause=WEB)
            assert not mailstore.work_bulks()

        self._do(run, pick=goal)

    @rule(pick=picks, role=st.sampled_from(["trash", "junk"]))
    def forever(self, pick: int, role: str) -> None:
        box = mailstore.mailbox_by_role(self.space, role).id
        if pick % 2:
            self._do(lambda: mailstore.empty(self.space, box, cause=WEB), pick=pick, may_lose=True)
            return
        threads = [line.thread for line in mailstore.threads(self.space, box).rows][:2]
        self._do(lambda: mailstore.delete_forever(self.space, threads, cause=WEB), pick=pick, may_lose=True)

    @rule(pick=picks)
    def undo_something(self, pick: int) -> None:
        if self.actions:
            action = self.actions[pick % len(self.actions)]
            self._do(lambda: mailstore.undo(self.space, action, cause=WEB), pick=1, may_lose=True)

    # --- drafts

    @rule(pick=picks, what=st.sampled_from(["new", "save", "form", "form", "file", "discard", "send"]))
    def draft(self, pick: int, what: str) -> None:
        fields = mailstore.DraftFields(subject=f"Draft {pick}", parent=self._message(pick))
        if what == "new" or not self.drafts:
            made = mailstore.new_draft(self.space, fields, header_id=f"d{pick}@{self.space}", cause=WEB)
            self.drafts.append(made.id)
            return
        id_ = self.drafts[pick % len(self.drafts)]
        try:
            info = mailstore.draft(self.space, id_)
        except NoSuchDraft:  # sent or discarded, and cleaned up since
            self.drafts.remove(id_)
            return

        def rewrite() -> None:
            raw = mail(subject=info.fields.subject, message_id=info.header_id)
            mailstore.materialise(self.space, id_, raw, version=info.version, cause=WEB)
            form = mailstore.draft(self.space, id_).message
            if form is not None and form != info.message:
                self.bytes[form] = raw

        verbs: dict[str, Callable[[], Any]] = {
            "save": lambda: mailstore.save_draft(self.space, id_, fields, version=info.version, cause=WEB),
            "form": rewrite,
            "file": lambda: mailstore.attach(self.space, id_, "a", "text/plain", BIG.encode(), cause=WEB),
            "discard": lambda: mailstore.discard(self.space, id_, cause=WEB),
            "send": lambda: mailstore.commit(
                {self.space}, lambda d: mailstore.close_sent(d, self.space, id_)
            ),
        }
        self._do(verbs[what], pick=pick if what == "discard" else 1, may_lose=what != "save")

    # --- time goes by

    @rule()
    def index(self) -> None:
        while mailstore.index_pending():
            pass

    @rule(days=st.sampled_from([0, 2, 31, 62]))
    def clean_up(self, days: int) -> None:
        later = now_us() + days * DAYS
        upkeep.empty_old_trash(now=later)
        for forget in (
            upkeep.purge_messages,
            upkeep.compact_tombstones,
            upkeep.forget_drafts,
            upkeep.collect_blobs,
        ):
            while forget(now=later):
                pass

    # --- what always holds

    @invariant()
    def kept_counts_are_right(self) -> None:
        assert differences(self.space) == []

    @invariant()
    def a_program_that_asks_for_changes_knows_everything(self) -> None:
        boxes = {box.id: box for box in mailstore.mailboxes(self.space)}
        for id_ in self.known.keys() - boxes.keys():
            assert mailstore.changes(self.space, id_, self.since[id_]).gone
            del self.known[id_], self.since[id_]
        for id_, box in boxes.items():
            assert self.validity.setdefault(box.uidvalidity, id_) == id_
            fresh = mailstore.changes(self.space, id_)
            told = mailstore.changes(self.space, id_, self.since.get(id_, 0))
            view = self.known.setdefault(id_, {})
            for uid in told.expunged:
                view.pop(uid, None)
            for row in told.rows:
                view[row.uid] = (row.flags, row.keywords)
            self.since[id_] = told.highestmodseq
            assert view == {row.uid: (row.flags, row.keywords) for row in fresh.rows}
            for row in fresh.rows:
                assert row.uid < fresh.uidnext and row.modseq <= fresh.highestmodseq
                assert self.named.setdefault((box.uidvalidity, row.uid), row.message) == row.message

    @invariant()
    def bytes_come_back(self) -> None:
        for message, raw in mailstore.raws(self.space, self._lives()[0]):
            assert self.bytes.get(message, b"") in (raw, b"")

    @invariant()
    def the_neighbour_is_left_alone(self) -> None:
        assert mailstore.clocks([self.other]) == self.other_clock
        assert mailstore.message(self.other, self.other_message).id == self.other_message

    def teardown(self) -> None:
        for model in apps.get_app_config("mailstore").get_models():
            model.objects.all().delete()
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO mailstore_fts (mailstore_fts) VALUES ('delete-all')")


@pytest.mark.django_db
def test_whatever_is_done_in_whatever_order_the_store_stays_sound() -> None:
    wished = int(os.environ.get("STATEFUL_EXAMPLES", "0"))
    run_state_machine_as_test(
        Store,
        settings=settings(
            max_examples=wished or 10,
            stateful_step_count=40 if wished else 25,
            derandomize=not wished,
            database=None,
            deadline=None,
            # Runs of more than a few steps shrink for minutes; the seed of a failure is enough to repeat it.
            phases=(Phase.generate,),
            report_multiple_bugs=False,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
