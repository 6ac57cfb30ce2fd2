"""Trees of what the grammar of rules reads: its methods are watched, and what they read is laid out as a tree.

The grammar keeps only names and strings, so that the words behind them have to be recorded while it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from ris_ros.language import draft as drafts_module
from ris_ros.language import grammar as grammar_module
from ris_ros.language import placing as placing_module
from ris_ros.language import vocabulary as v
from ris_ros.language.draft import Draft
from ris_ros.language.english import English
from ris_ros.language.grammar import Grammar
from ris_ros.language.nouns import NounPhrases
from ris_ros.language.request import punctuated
from ris_ros.language.targets import targets
from ris_ros.language.words import Text, Word, split
from ris_ros.types import Description
from training.reader.tree import REQUEST, Tree, without_crossing

_NEGATIONS = v.words("not never neither nor no none without except but than vs unlike lacking minus missing sans "
                     "excluding instead apart aside forget skip ignore leave keep mind non or")


class _At(str):
    """A string that knows the indices of its words."""

    at: tuple[int, ...]

    def __new__(cls, text: str, at: tuple[int, ...]) -> _At:
        made = super().__new__(cls, text)
        made.at = at
        return made


class _RecordedText(Text):
    """A text whose words know where they are."""

    def __getitem__(self, i: int) -> str:
        """Return the word at `i`; empty beyond the ends."""
        return _At(self.words[i].text, (i,)) if 0 <= i < len(self.words) else ""

    def between(self, i: int, j: int) -> str:
        """Return words i to j, j exclusive, in the uniform spelling."""
        return _At(super().between(i, j), tuple(range(i, j)))


@dataclass
class _Spans:
    """What was read into a draft: pairs of a kind and a range of words; relations and exclusions by identity."""

    ranges: list[tuple[str, int, int]] = field(default_factory=list)
    cues: dict[int, tuple[int, int]] = field(default_factory=dict)
    head: int | None = None


def _spans(draft: Draft) -> _Spans:
    return draft.__dict__.setdefault("spans", _Spans())


def _state(draft: Draft) -> dict[str, Any]:
    return {"region": draft.region, "rank": (draft.ranking, draft.rank), "count": draft.count}


def _watched(method: Callable, draft_of: Callable[[Any], Draft], *, is_outer: bool = False) -> Callable:
    """Record what a method reads; if `is_outer`, only what no method inside of it has recorded."""
    def watched(self: Any, i: int, *arguments: Any, **options: Any) -> int:
        draft = draft_of(arguments)
        before, excluded, relations = _state(draft), len(draft.excluded), len(draft.relations)
        j = method(self, i, *arguments, **options)
        spans, now = _spans(draft), _state(draft)
        spans.ranges += [(kind, i, j) for kind in now if now[kind] != before[kind] and j > i and not (is_outer and any(
            kind == other and i <= first and last <= j for other, first, last in spans.ranges))]
        for one in draft.excluded[excluded:]:
            spans.cues.setdefault(id(one), (i, one.first))
        for relation in draft.relations[relations:]:
            end = arguments[1] if len(arguments) == 3 else i + 2
            spans.cues.setdefault(id(relation), (i, end))
        return j
    return watched


def _counted(text: Text, i: int, draft: Draft, *, read: Callable) -> int:
    j = read(text, i, draft)
    if j > i:
        _spans(draft).ranges.append(("rank", i, j))
    return j


def _head_recorded(method: Callable) -> Callable:
    def recorded(self: NounPhrases, pieces: list, end: int, **options: Any) -> int | None:
        k = method(self, pieces, end, **options)
        self.head_piece = pieces[k][1] if k is not None else None      # type: ignore[attr-defined]
        return k
    return recorded


def _head_chosen(method: Callable) -> Callable:
    def chosen(self: NounPhrases, reading: Any, end: int) -> None:
        method(self, reading, end)
        piece = getattr(self, "head_piece", None)
        if piece is not None and reading.draft.head:
            _spans(reading.draft).head = piece.at[-1] if isinstance(piece, _At) else _found(
                self.text, piece.split()[-1], reading.start, end)
    return chosen


def _found(text: Text, word: str, first: int, last: int) -> int | None:
    return next((i for i in reversed(range(first, last)) if text[i] == word), None)


def _merged(draft: Draft, other: Draft) -> None:
    spans, others, head = _spans(draft), _spans(other), draft.head
    _MERGE(draft, other)
    spans.ranges += others.ranges
    spans.cues |= others.cues
    if draft.head != head or spans.head is None:
        spans.head = others.head


def _finished(draft: Draft, *arguments: Any) -> Description:
    return _with_draft(_FINISH(draft, *arguments), draft)


def _with_draft(description: Description, draft: Draft | None) -> Description:
    object.__setattr__(description, "draft", draft)
    return description


def _replaced(description: Any, **changes: Any) -> Any:
    return _with_draft(_REPLACE(description, **changes), getattr(description, "draft", None))


_MERGE, _FINISH, _REPLACE = Draft.merge, Draft.finished, drafts_module.replace


@contextmanager
def _recording() -> Iterator[None]:
    """Watch the grammar while it reads."""
    def watch(owner: type, names: str, draft_of: Callable[[Any], Draft], *, is_outer: bool = False) -> None:
        for name in names.split():
            new = _watched(getattr(owner, name), draft_of, is_outer=is_outer)
            stack.enter_context(mock.patch.object(owner, name, new))

    with ExitStack() as stack:
        watch(Grammar, "_order _late_complement", lambda arguments: arguments[0])
        watch(Grammar, "_place", lambda arguments: arguments[1])
        watch(Grammar, "_relation", lambda arguments: arguments[2])
        watch(Grammar, "_negation _placing _worn_before _continued", lambda arguments: arguments[0], is_outer=True)
        watch(NounPhrases, "_partitive _quantifier _determiner _number _ranked _placed _in_row _numbered _ruled_out",
              lambda arguments: arguments[0].draft)
        for module in (grammar_module, placing_module):
            read = module.read_counted
            stack.enter_context(mock.patch.object(
                module, "read_counted", lambda text, i, draft, read=read: _counted(text, i, draft, read=read)))
        for owner, name, new in (
                (NounPhrases, "_head", _head_recorded(NounPhrases._head)),
                (NounPhrases, "_choose_head", _head_chosen(NounPhrases._choose_head)),
                (Draft, "merge", _merged), (Draft, "finished", _finished),
                (placing_module, "replace", _replaced), (drafts_module, "replace", _replaced)):
            stack.enter_context(mock.patch.object(owner, name, new))
        yield


class Untreelike(Exception):  # noqa: N818
    """A reading that cannot be laid out as a tree."""


def prepared(sentence: str, written: str, english: English) -> Text | None:
    """Return the words of a normalized text as the reader gets them, tagged; None if it is not English."""
    text = split(sentence, english.is_known)
    if not text.words or not english.is_english(text):
        return None
    text = english.mend(text, written)
    english.tag(text)
    return text


def read_by_rules(text: Text, written: str, english: English) -> tuple[Tree | str, tuple[Description, ...]]:
    """Return the tree of what the grammar of rules reads in a text, or why there is none, and its descriptions."""
    paused = punctuated(text, english, written)
    with _recording():
        recorded = _RecordedText(paused.sentence, paused.words)
        found = targets(recorded, english)
        descriptions = tuple(draft.finished(recorded) for draft in found)
        try:
            tree: Tree | str = _Layout(recorded, _kept(paused.words), found).tree()
        except Untreelike as reason:
            tree = str(reason)
    return tree, descriptions


def _kept(words: list[Word]) -> dict[int, int]:
    """Return the index in the tree for each word that was written, without full stops that were put in."""
    kept, position = {}, 1
    for i, word in enumerate(words):
        if word.start < word.end:
            kept[i] = position
            position += 1
    return kept


class _Layout:
    """The arcs of a tree, from drafts."""

    def __init__(self, text: Text, kept: dict[int, int], found: list[Draft]):
        self.text, self.kept, self.found = text, kept, found
        self.heads: dict[int, int] = {}
        self.labels: dict[int, str] = {}

    def tree(self) -> Tree:
        """Return the tree."""
        nodes: list[tuple[Draft, int]] = []
        first = None
        for draft in self.found:
            at = self._noun(draft)
            if at is None and nodes:
                raise Untreelike("a further target without a noun")
            is_passed = at is not None and first is not None and at < first
            if at is not None:
                self._put(at, 0, "passed" if is_passed else "target")
                first = at if first is None else first
            nodes.append((draft, at or 0))
        for draft, node in nodes:
            self._describe(draft, node)
        words = [REQUEST, *(self.text.words[i].text for i in self.kept)]
        return without_crossing(words, self.heads, self.labels)

    def _noun(self, draft: Draft) -> int | None:
        """Return the index of the noun in the tree; None for a description without one."""
        at = _spans(draft).head
        if at is None and draft.head:
            at = next((i for i in range(draft.first, draft.last) if self.text[i] in ("what", "whatever")), None)
        return self.kept.get(at) if at is not None and draft.head else None

    def _put(self, i: int, head: int, label: str) -> bool:
        if i in self.heads or i == 0:
            return False
        self.heads[i], self.labels[i] = head, label
        return True

    def _unit(self, indices: Iterable, head: int, label: str, first: int | None = None) -> int | None:
        """Attach words as one unit below `head`; returns its first word."""
        free = [k for i in indices if (k := self.kept.get(i)) and k not in self.heads]
        if not free:
            return None
        first = first if first in free else free[0]
        self._put(first, head, label)
        for i in free:
            self._put(i, first, "flat")
        return first

    def _describe(self, draft: Draft, node: int) -> None:
        spans = _spans(draft)
        inner = [(relation, self._relation(relation, spans, node)) for relation in draft.relations]
        self._attributes(draft, node, located=True)
        for excluded in draft.excluded:
            self._introduced([excluded], self._exclusion(excluded, spans, node))
        for relation, cue in inner:
            landmarks = [one for landmark in relation.landmarks if (one := getattr(landmark, "draft", None))]
            if len(landmarks) < len(relation.landmarks):
                raise Untreelike("a landmark that was not recorded")
            self._introduced(landmarks, cue)
        self._places(draft, node)
        self._attributes(draft, node)
        self._modifiers(draft, node)

    def _introduced(self, drafts: list[Draft], cue: int) -> None:
        """Attach descriptions to what introduces them."""
        for draft in drafts:
            at = self._noun(draft) if draft.head else None
            if at is not None and not self._put(at, cue, "object"):
                raise Untreelike("a noun that is used twice")
            self._describe(draft, at or cue)

    def _relation(self, relation: Any, spans: _Spans, node: int) -> int:
        if id(relation) not in spans.cues:
            raise Untreelike("a relation without a cue")
        cue = self._unit(range(*spans.cues[id(relation)]), node, "relation")
        if cue is None:                                     # "under the knife and | fork"
            same = [k for k in self.labels if self.labels[k] == "relation" and self.heads[k] == node]
            if not same:
                raise Untreelike("a relation without a word")
            cue = same[-1]
        return cue

    def _exclusion(self, excluded: Draft, spans: _Spans, node: int) -> int:
        first, last = spans.cues.get(id(excluded), (0, excluded.first))
        before = [i for i in range(first, last) if self.kept.get(i) and self.kept[i] not in self.heads]
        words = [i for i in before if self.text[i] in _NEGATIONS]
        if not words:
            raise Untreelike("an exclusion without a negation")
        start = words[-1]
        cue = self._unit(before, node, "exclude", self.kept[start])
        if cue is None:
            raise Untreelike("an exclusion without a free negation")
        return cue

    def _places(self, draft: Draft, node: int) -> None:
        spans = _spans(draft)
        wanted = {"rank": bool(draft.ranking or draft.rank), "count": draft.count is not None,
                  "region": bool(draft.region or draft.ranking or draft.rank)}
        directions = v.DIRECTIONS.keys()
        for kind, i, j in sorted(spans.ranges):
            if wanted[kind]:
                free = [k for k in range(i, j) if self.kept.get(k) and self.kept[k] not in self.heads]
                if free[:1] == [i] and self.text[i] in v.DETERMINERS and (kind == "rank" or j == i + 1):
                    free = free[1:]
                first = next((k for k in free if self.text[k] in directions), None) if kind == "region" else None
                self._unit(free, node, kind, self.kept.get(first) if first is not None else None)

    def _attributes(self, draft: Draft, node: int, *, located: bool = False) -> None:
        """Attach attributes and possessors; if `located`, only those whose words are known."""
        at = self._place_of(draft, node)
        for said in draft.before:
            if isinstance(said, _At) or not located:
                label = "attribute" if said in draft.attributes else "owner"
                self._unit(self._words(said, draft, before=at), node, label)

    def _place_of(self, draft: Draft, node: int) -> int | None:
        """Return where the noun at a node is in the text; None for a node without a noun."""
        return {place: i for i, place in self.kept.items()}.get(node) if self._noun(draft) else None

    def _modifiers(self, draft: Draft, node: int) -> None:
        """Attach the first words of the name, modifiers and determiners."""
        noun, at = draft.noun.split()[:-1], self._place_of(draft, node)
        if noun and at is not None and self.text.between(at - len(noun), at) == " ".join(noun):
            self._unit(range(at - len(noun), at), node, "compound")
        for said in draft.after:
            words = self._words(said, draft)
            is_inside = at is not None and words and at < words[0] < draft.last
            self._unit(words, node, "addition" if is_inside else "modifier")
        for i in range(draft.first, min(draft.last, draft.first + 40)):
            if self.text[i] in v.DETERMINERS and self.kept.get(i) and (node == 0 or draft.head):
                self._put(self.kept[i], node, "det")

    def _words(self, said: str, draft: Draft, before: int | None = None) -> list[int]:
        """Return the indices of the words of a piece of the appearance."""
        if isinstance(said, _At):
            return list(said.at)
        words = said.replace("'s", " 's").split()
        if words[:1] == ["with"]:                           # "has a lid", "no hat"
            words = words[1:]
        starts = range(len(self.text) - len(words) + 1)
        free = [i for i in starts if [self.text[k] for k in range(i, i + len(words))] == words
                and self.kept.get(i) and self.kept[i] not in self.heads]
        near = [i for i in free if draft.first <= i < draft.last] or free
        if not near:
            return []
        start = near[-1] if before is None else max((i for i in near if i < before), default=near[0])
        is_having = start > 0 and self.text[start - 1] in v.words("has have had having") and said.startswith("with")
        return list(range(start - is_having, start + len(words)))
