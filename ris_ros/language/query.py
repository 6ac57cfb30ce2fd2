"""Trees to queries: what a tree of an expression says about its targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ris_ros.language.lists import WORDS
from ris_ros.language.names import count, ranking, region_name, relation_name, together
from ris_ros.language.tree import NOUN_LABELS, Tree
from ris_ros.types import Description, Ranking, Relation

MAX_WORDS = 24
"""Words of a phrase and of an appearance: CLIP reads 77 tokens, about 50 common words."""
MAX_DEPTH = 4
"""Descriptions within descriptions."""

_PHRASE_LABELS = ("det", "count", "attribute", "owner", "compound", "addition", "region", "rank", "exclude")
_HELD_LABELS = ("attribute", "owner", "modifier", "region", "rank", "relation", "exclude", "count")


@dataclass(frozen=True)
class TreeReader:
    """Reader of one tree.

    Attributes
    ----------
    tree : the tree
    lemma : returns the base form of a noun
    original : returns words from one index to another as written in the text

    """

    tree: Tree
    lemma: Callable[[str], str]
    original: Callable[[int, int], str]

    def targets(self) -> tuple[Description, ...]:
        """Return the descriptions of all targets, in order of importance; none if the tree names nothing."""
        nodes = [*self.tree.of(0, "target"), *self.tree.of(0, "passed")]
        if self.tree.of(0, *_HELD_LABELS):
            nodes = [0, *nodes]
        found: list[Description] = []
        for node in nodes:
            name = found[0] if found else None
            found.append(self._description(node, is_again=name))
        if len(found) > 1 and not found[0].head:            # "the red and the blue cup"
            found[0] = _named(found[0], found[1])
        return tuple(found)

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
        is_noun = tree.labels[node] in NOUN_LABELS
        head, noun, is_plural = self._noun(node) if is_noun else ("", "", False)
        other = held_by if held_by is not None and (not head or head in WORDS["generic"]) else None
        if is_again is not None and head == "one" and is_again.head:
            other = is_again
        if other is not None:
            head, noun = other.head, other.appearance if other is held_by else other.head
        before = self._attributes(node, "owner", "attribute")
        after = [self._shown(child, node) for child in tree.of(node, "addition", "modifier")]
        region = self._region(node)
        order, region = self._ranking(node, region)
        own = Description("", head, noun)
        relations = tuple(relation for child in tree.of(node, "relation") if depth < MAX_DEPTH
                          for relation in self._relations(child, node, own, depth))
        if order and any(self._unit(child) in ("to", "from") for child in tree.of(node, "relation")):
            order = None                                    # "the closest | chair | to the door"
        words = " ".join([*before, noun, *after]).split()
        skipped = max(0, len(" ".join([*before, noun]).split()) - MAX_WORDS)
        return Description(
            phrase=" ".join(self._phrase(node).split()[-MAX_WORDS:]), head=head,
            appearance=" ".join(words[skipped:skipped + MAX_WORDS]),
            attributes=tuple(self._attributes(node, "attribute")),
            region=region, ranking=order, relations=relations,
            excluded=tuple(excluded for child in tree.of(node, "exclude") if depth < MAX_DEPTH
                           for excluded in self._introduced(child, depth, held_by=own)),
            count=self._count(node, is_plural))

    def _noun(self, node: int) -> tuple[str, str, bool]:
        """Return the head, the noun with the first parts of its name, and whether it is plural."""
        word = self.tree.words[node]
        if not any(map(str.isalpha, word)):                 # "8 0 3"
            return "", "", False
        head = WORDS["things"].get(word) or self.lemma(word)
        parts = [self._unit(child) for child in self.tree.of(node, "compound")]
        return head, " ".join([*parts, head]), head != word and word not in WORDS["plural only"] \
            and word not in WORDS["things"]

    def _unit(self, node: int) -> str:
        return self.tree.joined(self.tree.unit(node))

    def _attributes(self, node: int, *labels: str) -> list[str]:
        """Return attributes; what is said again after the noun counts once: "the red cup, the red one"."""
        found: list[str] = []
        for child in self.tree.of(node, *labels):
            if child < node or self._unit(child) not in found:
                found.append(self._unit(child))
        return found

    def _unit_words(self, node: int) -> list[str]:
        return [self.tree.words[i] for i in self.tree.unit(node)]

    def _said(self, node: int, label: str) -> list[str]:
        """Return the words of all units with a label below a word."""
        return [word for child in self.tree.of(node, label) for word in self._unit_words(child)]

    def _shown(self, node: int, holder: int) -> str:
        """Return a modifier as the vision-language model reads it: "has a lid" becomes "with a lid"."""
        words = self._unit(node).split()
        is_lacking = self.tree.labels[holder] == "exclude" and self._is_lacking(holder)
        if words[0] in WORDS["having"] and words[1:2] != [] and words[1] not in WORDS["become"]:
            words[0] = "with"
        return " ".join(["with", *words] if is_lacking else words)

    def _is_lacking(self, node: int) -> bool:
        words = self._unit_words(node)
        after_not = words[words.index("not") + 1:] if "not" in words else []
        return not WORDS["lacking"].isdisjoint(words) or not WORDS["holding"].isdisjoint(after_not)

    def _region(self, node: int) -> str:
        region = ""
        for child in self.tree.of(node, "region"):
            region = together(region, region_name(self._unit_words(child)))
        return region

    def _ranking(self, node: int, region: str) -> tuple[Ranking | None, str]:
        words = self._said(node, "rank")
        return ranking(words, region) if words else (None, region)

    def _count(self, node: int, is_plural: bool) -> int:
        words = self._said(node, "count")
        is_pair = words[-2:] == ["pair", "of"] and self.tree.words[node] in WORDS["plural only"]
        said = 1 if is_pair else count(words) if words else None
        if said is not None:
            return said
        if self.tree.words[node] in WORDS["everything"]:
            return 0
        is_one = any(self.tree.words[child] in WORDS["one of them"] for child in self.tree.of(node, "det"))
        return 0 if is_plural and not is_one else 1

    def _introduced(self, node: int, depth: int, held_by: Description | None = None) -> list[Description]:
        """Return the descriptions that a relation introduces, or a negation, whose description is `held_by`."""
        nodes = [*[node] * bool(self.tree.of(node, *_HELD_LABELS)), *self.tree.of(node, "object")]
        return [self._description(one, held_by=held_by, depth=depth + 1) for one in nodes]

    def _relations(self, node: int, related: int, own: Description, depth: int) -> list[Relation]:
        """Return the relations that the word at `node` expresses, of the noun at `related`."""
        words = self._unit_words(node)
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
