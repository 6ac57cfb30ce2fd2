"""Trees to queries: what a tree of an expression says about its targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce

from ris_ros.language.lists import WORDS
from ris_ros.language.names import count, ranking, region_name, relation_name, together
from ris_ros.language.tree import NOUN_LABELS, Tree
from ris_ros.types import Description, Relation

MAX_WORDS = 24
"""Words of a phrase and of an appearance: CLIP reads 77 tokens, about 50 common words."""
MAX_DEPTH = 4
"""Descriptions within descriptions."""

_PHRASE_LABELS = ("det", "count", "attribute", "owner", "compound", "addition", "region", "rank", "exclude")
_HELD_LABELS = ("attribute", "owner", "modifier", "region", "rank", "relation", "exclude", "count")


@dataclass(frozen=True)
class TreeReader:
    """Reader of a tree; `lemma` returns the base form of a noun, `original` words i to j as written in the text."""

    tree: Tree
    lemma: Callable[[str], str]
    original: Callable[[int, int], str]

    def targets(self) -> tuple[Description, ...]:
        """Return the descriptions of all targets, in order of importance; none if the tree names nothing."""
        found: list[Description] = []
        for node in (*self._holder(0), *self.tree.of(0, "target"), *self.tree.of(0, "passed")):
            found.append(self._description(node, is_again=found[0] if found else None))
        if len(found) > 1 and not found[0].head:            # "the red and the blue cup"
            found[0] = _named(found[0], found[1])
        return tuple(found)

    def _holder(self, node: int) -> list[int]:
        """Return the node, if it holds a description that has no noun."""
        return [node] if self.tree.of(node, *_HELD_LABELS) else []

    def _description(self, node: int, *, held_by: Description | None = None, is_again: Description | None = None,
                     depth: int = 1) -> Description:
        """Return the description at a node.

        Parameters
        ----------
        node : a noun, or what holds a description without one
        held_by : for what is excluded, the description of which it is excluded
        is_again : the first target, which gives its name to "the blue one"
        depth : of the nesting

        """
        tree = self.tree
        head, noun, is_plural = self._noun(node) if tree.labels[node] in NOUN_LABELS else ("", "", False)
        if is_again is not None and head == "one" and is_again.head:
            head = noun = is_again.head
        elif held_by is not None and (not head or head in WORDS["generic"]):
            head, noun = held_by.head, held_by.appearance
        own = Description("", head, noun)
        before = self._attributes(node, "owner", "attribute")
        after = [self._shown(child, node) for child in tree.of(node, "addition", "modifier")]
        words = " ".join([*before, noun, *after]).split()
        skipped = max(0, len(" ".join([*before, noun]).split()) - MAX_WORDS)
        region = reduce(together, (region_name(tree.unit_words(child)) for child in tree.of(node, "region")), "")
        order, region = ranking(self._said(node, "rank"), region)
        related = tree.of(node, "relation") if depth < MAX_DEPTH else []
        if any(tree.unit_words(child) in (["to"], ["from"]) for child in related):
            order = None                                    # "the closest | chair | to the door"
        return Description(
            phrase=" ".join(self._phrase(node).split()[-MAX_WORDS:]), head=head,
            appearance=" ".join(words[skipped:skipped + MAX_WORDS]),
            attributes=tuple(self._attributes(node, "attribute")), region=region, ranking=order,
            relations=tuple(relation for child in related for relation in self._relations(child, node, own, depth)),
            excluded=tuple(excluded for child in tree.of(node, "exclude") if depth < MAX_DEPTH
                           for excluded in self._introduced(child, depth, held_by=own)),
            count=self._count(node, is_plural))

    def _noun(self, node: int) -> tuple[str, str, bool]:
        """Return the head, the noun with the first parts of its name, and whether it is plural."""
        word = self.tree.words[node]
        if not any(map(str.isalpha, word)):                 # "8 0 3"
            return "", "", False
        head = WORDS["things"].get(word) or self.lemma(word)
        parts = [self.tree.joined(self.tree.unit(child)) for child in self.tree.of(node, "compound")]
        is_plural = head != word and word not in WORDS["plural only"] and word not in WORDS["things"]
        return head, " ".join([*parts, head]), is_plural

    def _attributes(self, node: int, *labels: str) -> list[str]:
        """Return attributes; what is said again after the noun counts once: "the red cup, the red one"."""
        found: list[str] = []
        for child in self.tree.of(node, *labels):
            attribute = self.tree.joined(self.tree.unit(child))
            if child < node or attribute not in found:
                found.append(attribute)
        return found

    def _said(self, node: int, label: str) -> list[str]:
        """Return the words of all units with a label below a word."""
        return [word for child in self.tree.of(node, label) for word in self.tree.unit_words(child)]

    def _shown(self, node: int, holder: int) -> str:
        """Return a modifier as the vision-language model reads it: "has a lid" becomes "with a lid"."""
        words = self.tree.joined(self.tree.unit(node)).split()
        if words[0] in WORDS["having"] and words[1:2] != [] and words[1] not in WORDS["become"]:
            words[0] = "with"
        if self.tree.labels[holder] == "exclude":
            negation = self.tree.unit_words(holder)
            after_not = negation[negation.index("not") + 1:] if "not" in negation else []
            if not WORDS["lacking"].isdisjoint(negation) or not WORDS["holding"].isdisjoint(after_not):
                words.insert(0, "with")
        return " ".join(words)

    def _count(self, node: int, is_plural: bool) -> int:
        words, word = self._said(node, "count"), self.tree.words[node]
        is_pair = words[-2:] == ["pair", "of"] and word in WORDS["plural only"]
        said = 1 if is_pair else count(words)
        if said is not None:
            return said
        is_one = any(self.tree.words[child] in WORDS["one of them"] for child in self.tree.of(node, "det"))
        return 0 if word in WORDS["everything"] or (is_plural and not is_one) else 1

    def _introduced(self, node: int, depth: int, held_by: Description | None = None) -> list[Description]:
        """Return the descriptions that a relation introduces, or a negation, whose description is `held_by`."""
        return [self._description(one, held_by=held_by, depth=depth + 1)
                for one in (*self._holder(node), *self.tree.of(node, "object"))]

    def _relations(self, node: int, related: int, own: Description, depth: int) -> list[Relation]:
        """Return the relations that the word at `node` expresses, of the noun at `related`."""
        words = self.tree.unit_words(node)
        if words in (["to"], ["from"]):                     # "the closest | chair | to the door"
            words = [*self._said(related, "rank"), *words]
        name = relation_name(words)
        landmarks = self._introduced(node, depth)
        if not name or not landmarks:
            return []
        if name == "from":
            name = "in" if landmarks[0].head in WORDS["receptacles"] else "on"
        if name != "between":
            return [Relation(name, (_renamed(landmark, own),)) for landmark in landmarks]
        if len(landmarks) > 1:
            first, second = landmarks[:2]
            pair = (_named(first, second) if not first.head else first, _renamed(second, first))
            return [Relation(name, tuple(_renamed(landmark, own) for landmark in pair))]
        if landmarks[0].count == 1:                         # "in the middle of the plate"
            return [Relation("in", (_renamed(landmarks[0], own),))]
        return [Relation(name, (_renamed(replace(landmarks[0], count=2), own),))]

    def _phrase(self, node: int) -> str:
        """Return the noun phrase as it is written, without what follows it."""
        tree = self.tree
        if tree.labels[node] not in NOUN_LABELS:
            within = [i for child in tree.of(node, *_HELD_LABELS, "det") for i in tree.subtree(child)]
            first = min(within, default=0)
            while first - 1 > node > 0 and first - 1 not in tree.unit(node):
                first -= 1
            return self.original(first, max(within) + 1) if within else ""
        own = {i for child in tree.of(node, *_PHRASE_LABELS) for i in tree.subtree(child)}
        first, last, has_determiner = node, node + 1, False
        i = node - 1
        # A pause ends it: "left, | purple thing".
        while i > 0 and (i in own or (not has_determiner and tree.labels[i] == "said" and tree.words[i].isalnum()
                                      and i - 1 in own)):
            has_determiner |= tree.labels[i] == "det"
            first = i if i in own else first
            i -= 1
        additions = {i for child in tree.of(node, "addition") for i in tree.unit(child)}
        while last in additions:
            last += 1
        return self.original(first, last)


def _named(description: Description, other: Description) -> Description:
    """Give a description without a noun that of another one."""
    return replace(description, head=other.head, appearance=f"{description.appearance} {other.head}".strip())


def _renamed(description: Description, other: Description) -> Description:
    """Give a description that only says "one" the noun of another: "the black suitcase between the green ones"."""
    if description.head not in ("one", "ones") or not other.head or other.head in WORDS["generic"]:
        return description
    words = [other.head if word == description.head else word for word in description.appearance.split()]
    return replace(description, head=other.head, appearance=" ".join(words))
