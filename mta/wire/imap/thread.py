"""THREAD: the algorithms ORDEREDSUBJECT and REFERENCES (RFC 5256 §3), and the answer they make.

Pure, without recursion, linear but for sorting: `References` of strangers decide what is linked here. Whether a
link would close a loop is found by walking up; an attacker's mail that makes these walks long only gets fewer
links (WALKS), never more work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mta.message.text import is_reply_subject

WALKS = 20  # steps upwards per message, on average


Name = str | int  # a message id or a base subject: only whether two are equal counts; "" or 0 is none


@dataclass(frozen=True, slots=True)
class Mail:
    """What threading asks of a message; `uid` names it."""

    uid: int
    sent: int
    base_subject: Name
    subject: str = ""  # to see whether it is a reply
    message_id: Name = ""
    in_reply_to: Name = ""
    references: Sequence[Name] = ()


@dataclass(eq=False, slots=True)
class Node:
    """A message, or (`mail` is None) a place holder for one that is not here."""

    mail: Mail | None = None
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)

    def adopt(self, child: Node) -> None:
        child.parent = self
        self.children.append(child)


def threads(algorithm: str, mails: Sequence[Mail]) -> list[Node]:
    """Roots in the order of the answer; `mails` come in the order of their numbers."""
    return ALGORITHMS[algorithm](mails)


# --- ORDEREDSUBJECT


def ordered_subject(mails: Sequence[Mail]) -> list[Node]:
    """RFC 5256 §3: by base subject, then sent date; all but the first of a subject are its children."""
    by_subject: dict[Name, Node] = {}
    for mail in sorted(mails, key=lambda mail: mail.sent):
        first = by_subject.get(mail.base_subject)
        if first is None:
            by_subject[mail.base_subject] = Node(mail)
        else:
            first.adopt(Node(mail))
    return list(by_subject.values())  # the first messages were met in the order of their dates


# --- REFERENCES


def by_references(mails: Sequence[Mail]) -> list[Node]:
    """RFC 5256 §3, step by step."""
    roots = _pruned(_linked(mails))
    _sort(roots)  # step 4
    roots = _gathered_by_subject(roots)  # step 5
    _sort(roots)  # step 6
    return roots


def _linked(mails: Sequence[Mail]) -> list[Node]:
    """Steps 1 and 2: every message under the one that its references name last; who has no parent is a root."""
    by_id: dict[Name, Node] = {}
    nodes: list[Node] = []
    links = _Links(len(mails))
    for mail in mails:
        node = by_id.get(mail.message_id) if mail.message_id else None
        if node is None or node.mail is not None:  # no id, or the second of the same id: one of its own
            node = Node()
            if mail.message_id and mail.message_id not in by_id:
                by_id[mail.message_id] = node
            nodes.append(node)
        node.mail = mail
        above: Node | None = None
        for id_ in mail.references or ((mail.in_reply_to,) if mail.in_reply_to else ()):
            named = by_id.get(id_)
            if named is None:
                named = by_id[id_] = Node()
                nodes.append(named)
            if above is not None and named.parent is None:  # 1A: what is linked stays so
                links.put(named, above)
            above = named
        if above is None or above is not node.parent:  # 1B: what the message itself says is right
            links.free(node)
            if above is not None:
                links.put(node, above)
    for node in nodes:
        if node.parent is not None:
            node.parent.children.append(node)
    return [node for node in nodes if node.parent is None]


class _Links:
    """Parents, while they are being found; how many children a node has is all that matters until then."""

    def __init__(self, messages: int) -> None:
        self._steps = 10_000 + WALKS * messages
        self._below: Counter[Node] = Counter()

    def put(self, node: Node, above: Node) -> None:
        """Link two, unless that would make a loop. `node` has no parent."""
        if node is above or (self._below[node] and self._is_below(above, node)):
            return
        node.parent = above
        self._below[above] += 1

    def free(self, node: Node) -> None:
        if node.parent is not None:
            self._below[node.parent] -= 1
            node.parent = None

    def _is_below(self, node: Node, ancestor: Node) -> bool:
        """Whether `ancestor` is above; also when the walk up would be too long."""
        at = node.parent
        while at is not None and at is not ancestor:
            at = at.parent
            self._steps -= 1
            if self._steps < 0:
                return True
        return at is not None


def _pruned(roots: Iterable[Node]) -> list[Node]:
    """Step 3: place holders go; their children move up, to the top only if it is one alone."""
    top = Node()
    top.children = list(roots)
    for node in _deepest_first(top.children):
        kept: list[Node] = []
        for child in node.children:
            kept += [child] if child.mail else child.children
        node.children = kept
        for child in kept:
            child.parent = node
    found: list[Node] = []
    for root in top.children:
        if root.mail or len(root.children) > 1:
            found.append(root)
        else:
            found += root.children
    for root in found:
        root.parent = None
    return found


def _gathered_by_subject(roots: list[Node]) -> list[Node]:
    """Step 5: roots of one base subject become one thread."""
    table: dict[Name, Node] = {}
    for root in roots:
        subject = _mail(root).base_subject
        if not subject:
            continue
        before = table.get(subject)
        if before is None or (
            before.mail is not None and (root.mail is None or (_is_reply(before) and not _is_reply(root)))
        ):
            table[subject] = root
    merged: dict[int, Node] = {}  # by the place of the thread it is in, among the roots
    gone: set[int] = set()
    place = {id(root): number for number, root in enumerate(roots)}
    for root in roots:
        subject = _mail(root).base_subject
        first = table.get(subject, root) if subject else root
        if first is root:
            continue
        gone.add(place[id(root)])
        if first.mail is None:
            for child in root.children if root.mail is None else [root]:
                first.adopt(child)
        elif _is_reply(root) and not _is_reply(first):
            first.adopt(root)
        else:  # siblings: the thread's first message is not here
            both = Node()
            number = place[id(first)]
            both.adopt(first)
            both.adopt(root)
            merged[number] = table[subject] = both
            place[id(both)] = number
    return [merged.get(number, root) for number, root in enumerate(roots) if number not in gone]


def _is_reply(node: Node) -> bool:
    return is_reply_subject(_mail(node).subject)


def _mail(node: Node) -> Mail:
    """The message, or a place holder's first child (which is never one itself)."""
    return node.mail or _mail_of(node.children[0])


def _mail_of(node: Node) -> Mail:
    while node.mail is None:
        node = node.children[0]
    return node.mail


def _sort(roots: list[Node]) -> None:
    """Steps 4 and 6: siblings by sent date, then number; the deepest first, since place holders sort by a child."""
    for node in _deepest_first(roots):
        node.children.sort(key=_when)
    roots.sort(key=_when)


def _when(node: Node) -> tuple[int, int]:
    mail = _mail(node)
    return mail.sent, mail.uid


def _deepest_first(roots: Iterable[Node]) -> Iterator[Node]:
    """Every node with children, after all that are below it."""
    found: list[Node] = []
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if node.children:
            found.append(node)
            waiting += node.children
    return reversed(found)


ALGORITHMS: dict[str, Callable[[Sequence[Mail]], list[Node]]] = {
    "ORDEREDSUBJECT": ordered_subject,
    "REFERENCES": by_references,
}


# --- the answer


def thread_line(roots: Sequence[Node], name: Callable[[int], int]) -> bytes:
    """RFC 5256 §4 THREAD: chains side by side, branches in parentheses; `name` gives a UID's number."""
    out = [b"* THREAD"]
    if roots:
        out.append(b" ")
    waiting: list[Node | bytes] = []
    for root in reversed(roots):
        waiting += [b")", root, b"("]
    while waiting:
        node = waiting.pop()
        if isinstance(node, bytes):
            out.append(node)
            continue
        if node.mail is not None:
            out.append(b"%d" % name(node.mail.uid))
        if len(node.children) == 1 and node.mail is not None:
            out.append(b" ")
            waiting.append(node.children[0])
        elif node.children:
            if node.mail is not None:
                out.append(b" ")
            for child in reversed(node.children):
                waiting += [b")", child, b"("]
    out.append(b"\r\n")
    return b"".join(out)
