"""A description while it is being read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ris_ros.language import lexicon as lex
from ris_ros.language import vocabulary as v
from ris_ros.language.words import Text
from ris_ros.types import Description, Ranking, Relation

# Most words of a phrase and of an appearance: CLIP reads 77 tokens, about 50 plain words, and what is short is encoded
# whole, however long the sentence.
MAX_WORDS = 24


@dataclass
class Draft:
    """What has been read of a description.

    Attributes
    ----------
    first, last : the words of its noun phrase, `last` exclusive
    head, noun : the lemma of its noun, and what of it goes into the appearance
    before, after : what of the appearance stands before and after the noun
    attributes, region, ranking, relations, excluded, count : as in :class:`ris_ros.types.Description`
    rank : an ordinal that still lacks its order
    open_order : whether the superlative may yet get a complement, "the closest cup | to the camera"
    plural : whether the noun is

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
        """Whether nothing has been read yet."""
        return not (self.head or self.before or self.after or self.region or self.rank or self.ranking or self.relations
                    or self.excluded)

    @property
    def is_generic(self) -> bool:
        """Whether it has no noun that says what is meant."""
        return not self.head or self.head in lex.GENERIC

    def add_place(self, place: str) -> None:
        """Note a place, together with one that was said before."""
        self.region = together(self.region, place)

    def add_order(self, order: Ranking) -> None:
        """Note an order; of two, the first counts."""
        self.ranking, self.rank = self.ranking or order, 0

    def count_from(self, side: str) -> None:
        """Note from where the ordinal counts."""
        self.ranking, self.rank = Ranking(side, self.rank or (self.ranking.rank if self.ranking else 1)), 0

    def settle(self) -> Draft:
        """Give an ordinal without a direction its order: from the side that the place names, else from the left."""
        if self.rank:
            side = self.region.removeprefix("far ")
            if side in ("left", "right"):
                # "The last cup on the right" is the one at that end.
                self.region, self.ranking = "", Ranking(side, 1 if self.rank == -1 else self.rank)
            else:
                self.ranking = Ranking("left", self.rank)
            self.rank = 0
        if self.ranking and self.ranking.rank < -1:     # the second to last is the second from the other end
            self.ranking = Ranking(v.OPPOSITE[self.ranking.name], -self.ranking.rank)
        return self

    def merge(self, other: Draft) -> None:
        """Take over what another draft of the same thing says: "the cup, the red one"."""
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
        """The description that was read; one that is excluded of a `target` and has no noun takes the target's."""
        self.settle()
        named = target if target is not None and self.is_generic else self
        own = Description("", named.head, named.noun)
        words = " ".join([*self.before, named.noun, *self.after]).split()
        # A long row of adjectives loses its first ones, never the noun.
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
    """Two places that are said of one thing, as one; where they do not go together, the first."""
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
    """A description that only says "one", with the noun of another: "the black suitcase between the green ones"."""
    if description.head not in ("one", "ones") or not other.head or other.head in lex.GENERIC:
        return description
    words = [other.head if word == description.head else word for word in description.appearance.split()]
    return replace(description, head=other.head, appearance=" ".join(words))
