"""A partial description during parsing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ris_ros.language import lexicon as lex
from ris_ros.language import vocabulary as v
from ris_ros.language.words import Text
from ris_ros.types import Description, Ranking, Relation

# Maximum number of words of a phrase and of an appearance: CLIP reads 77 tokens, about 50 common words. A short phrase
# is encoded completely, however long the sentence is.
MAX_WORDS = 24


@dataclass
class Draft:
    """The part of a description that has been parsed so far.

    Attributes
    ----------
    first, last : indices of the first and last word of its noun phrase, `last` exclusive
    head, noun : the lemma of its noun, and the noun as it goes into the appearance
    before, after : the parts of the appearance before and after the noun
    attributes, region, ranking, relations, excluded, count : as in :class:`ris_ros.types.Description`
    rank : an ordinal whose ranking is not known yet
    open_order : whether the superlative may still get a complement, "the closest cup | to the camera"
    plural : whether the noun is plural

    """

    first: int = 0
    last: int = 0
    head: str = ""
    noun: str = ""
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    region: str = ""
    ranking: Ranking | None = None
    rank: int = 0
    open_order: bool = False
    relations: list[Relation] = field(default_factory=list)
    excluded: list[Draft] = field(default_factory=list)
    count: int | None = None
    plural: bool = False

    @property
    def is_empty(self) -> bool:
        """Return whether nothing has been read yet."""
        return not (self.head or self.before or self.after or self.region or self.rank or self.ranking or self.relations
                    or self.excluded)

    @property
    def is_generic(self) -> bool:
        """Return whether it has no noun, or one that names no kind of object."""
        return not self.head or self.head in lex.GENERIC

    def add_place(self, place: str) -> None:
        """Add a region, combined with an earlier one."""
        self.region = together(self.region, place)

    def add_order(self, order: Ranking) -> None:
        """Add a ranking; the first of several counts."""
        self.ranking, self.rank = self.ranking or order, 0

    def count_from(self, side: str) -> None:
        """Set the side from which the ordinal counts."""
        self.ranking, self.rank = Ranking(side, self.rank or (self.ranking.rank if self.ranking else 1)), 0

    def settle(self) -> Draft:
        """Complete an ordinal without a direction: it counts from the side named by the region, else from the left."""
        if self.rank:
            side = self.region.removeprefix("far ")
            if side in ("left", "right"):
                # "The last cup on the right" is the one at the right end.
                self.region, self.ranking = "", Ranking(side, 1 if self.rank == -1 else self.rank)
            else:
                self.ranking = Ranking("left", self.rank)
            self.rank = 0
        if self.ranking and self.ranking.rank < -1:     # the second to last is the second from the other end
            self.ranking = Ranking(v.OPPOSITE[self.ranking.name], -self.ranking.rank)
        return self

    def merge(self, other: Draft) -> None:
        """Add what another draft says of the same object: "the cup, the red one"."""
        other.settle()
        self.before += [text for text in other.before if text not in self.before]
        self.attributes += [text for text in other.attributes if text not in self.attributes]
        self.after += other.after
        self.relations += other.relations
        self.excluded += other.excluded
        self.add_place(other.region)
        if other.ranking:
            self.add_order(other.ranking)
        if self.head and (other.head in ("one", "ones")     # "I see two cups: the red one"
                          or (other.head == self.head and other.count)):
            self.count, self.plural = other.count, other.plural
        if not self.head or (self.is_generic and not other.is_generic):
            self.head, self.noun = other.head, other.noun

    def finished(self, text: Text, target: Draft | None = None) -> Description:
        """Return the description; if it is an exclusion from `target` without a noun, it takes the target's noun."""
        self.settle()
        named = target if target is not None and self.is_generic else self
        own = Description("", named.head, named.noun)
        words = " ".join([*self.before, named.noun, *self.after]).split()
        # A long series of adjectives loses the first ones, never the noun.
        skipped = max(0, len(" ".join([*self.before, named.noun]).split()) - MAX_WORDS)
        return Description(
            phrase=" ".join(text.original(self.first, self.last).split()[-MAX_WORDS:]),
            head=named.head,
            appearance=" ".join(words[skipped:skipped + MAX_WORDS]),
            attributes=tuple(self.attributes),
            region=self.region,
            ranking=self.ranking,
            relations=tuple(Relation(relation.name, tuple(named_as(landmark, own) for landmark in relation.landmarks))
                            for relation in self.relations),
            excluded=tuple(excluded.finished(text, named) for excluded in self.excluded),
            count=self.count if self.count is not None else (0 if self.plural else 1))


def together(first: str, second: str) -> str:
    """Return the combination of two regions of one object; the first if they cannot be combined."""
    if first in ("", "middle") or second in ("", "middle"):
        return first if second in ("", "middle") and first else second
    for row, place in ((first, second), (second, first)):
        side = place.removeprefix("far ")
        if row in v.ROWS and side in ("left", "right"):
            return f"{v.ROWS[row]} {side}"
    if v.ROWS.get(first) == v.ROWS.get(second) is not None:         # "at the top, in the back"
        return "back" if "back" in (first, second) else "front" if "front" in (first, second) else first
    return second if second == f"far {first}" else first


def named_as(description: Description, other: Description) -> Description:
    """Give a description that only says "one" the noun of another: "the black suitcase between the green ones"."""
    if description.head not in ("one", "ones") or not other.head or other.head in lex.GENERIC:
        return description
    words = [other.head if word == description.head else word for word in description.appearance.split()]
    return replace(description, head=other.head, appearance=" ".join(words))
