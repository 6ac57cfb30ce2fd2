"""The location of an object: its ranking, its region and its relations to landmarks."""

from __future__ import annotations

import re
from dataclasses import replace

from ris_ros.language import lexicon as lex
from ris_ros.language import vocabulary as v
from ris_ros.language.draft import Draft, named_as
from ris_ros.language.kinds import NOUN
from ris_ros.language.nouns import place_name
from ris_ros.language.orders import read_counted, read_ranked
from ris_ros.types import Description, Ranking, Relation


class Placing:
    """The part of :class:`ris_ros.language.grammar.Grammar` that reads rankings, regions and relations."""

    def _order(self, i: int, draft: Draft) -> int:
        """Read a ranking after the noun: "furthest to the left", "second from the right", "the biggest"."""
        j = self._late_complement(i, draft)
        if j > i:
            return j
        found, j = self.text.match(v.COUNTED, i)
        if found and draft.count and not (draft.rank or draft.ranking or draft.head or draft.before):    # "2 from left"
            draft.rank, draft.count = draft.count, 1
        if found and (draft.rank or draft.ranking or found["counting"]):
            return read_counted(self.text, i, draft)
        number, found = self.nouns.number(i), self.text.match(v.COUNTED, i + 1)[0]
        if number and found:                                            # "cup 2 from left"
            draft.rank = number
            return read_counted(self.text, i + 1, draft)
        trial = Draft(rank=draft.rank)
        j = i + (self.text[i] in ("the", "being"))
        k = read_ranked(self.text, j, trial)
        if k == j or self.text[i] in ("near", "far"):
            return i
        if self.text[k] == "than":                                      # "taller than the fence"
            end = self._stretch(k + 1)
            draft.after.append(self.text.between(i, end))
            return end
        if trial.open_order:
            # "closest to the bowl" is a relation, "closest" alone a ranking.
            if self.nouns.starts(k) or (self.text[k] in ("to", "from") and self.nouns.starts(k + 1)):
                return i
        elif (self.nouns.goes_on(k) and not self.english.is_gerund(self.text[k])) or (
                self.text[k] == "of" and not self.text.match(v.OF_ALL, k)[0]):
            return i
        draft.rank = trial.rank
        if trial.ranking:
            draft.add_order(trial.ranking)
        return k

    def _late_complement(self, i: int, draft: Draft) -> int:
        """Read a complement separated from its superlative: "the closest cup | to the camera"."""
        if not (draft.open_order and draft.ranking) or self.text[i] not in ("to", "from", "away"):
            return i
        draft.open_order = False
        is_near = draft.ranking.name == "near"
        found, j = self.text.match(v.TOWARDS_SIDE if is_near else v.FROM_SIDE, i)
        if found:
            side = v.SIDES[found["side"]]
            draft.ranking = Ranking(side if is_near else v.OPPOSITE[side], draft.ranking.rank)
            return j
        if self.text[i] == ("to" if is_near else "from"):
            landmark, j = self._landmark(i + 1)
            if landmark:
                draft.relations.append(Relation("near" if is_near else "far from", (landmark,)))
                draft.ranking = None
                return j
        return i

    def _placing(self, i: int, draft: Draft) -> int:
        """Read a region or a relation, whichever takes more words: "on the left", but "on the left of the box"."""
        j = i
        while self.text[j] in v.INTENSIFIERS and self._is_intensifier(j):
            j += 1
        crossed, end = self.text.match(v.FROM_TO, j)
        if crossed:
            return end
        found, end = self.text.match(v.IN_FRAME, j)
        if found and self.nouns.kind(end) != NOUN:                      # but "in the display case"
            return end
        relation, end = self.text.match(v.RELATION, j)
        is_on_top = relation and relation[0].endswith("top of") and self.text[end + 1] not in ("picture", "image")
        k = j if is_on_top else self._place(j, end, draft)
        if k == j and relation:
            k = self._relation(j, relation, end, draft)
        return k if k > j else i

    def _is_intensifier(self, i: int) -> bool:
        """Return whether a region or relation follows; not so in "right of", "right side", "cup right in blue"."""
        word, following = self.text[i], self.text[i + 1]
        if word in v.DIRECTIONS and following in v.DIRECTIONS:          # "back left"
            return False
        if word == "right":
            return bool(self.text.match(v.RELATION, i + 1)[0]) and following not in ("of", "from") \
                and not (following == "in" and self._is_worn(i + 2, Draft()))
        return following in v.INTENSIFIERS or any(
            self.text.match(pattern, i + 1)[0] for pattern in (v.RELATION, v.PLACE_AFTER))

    def _place(self, i: int, beyond: int, draft: Draft) -> int:
        """Read a region that ends after word `beyond`."""
        found, j = self.text.match(v.PLACE_AFTER, i)
        if found and j > beyond:
            words = found[0].split()
            # "on the right track" is on a track; "left on the table" was left there; "the left of the cake" is a part.
            # "On left | guy in hat", "on left | number 12".
            is_of_noun = words[0] in ("on", "in", "at", "by", "near") and not found["part"] \
                and self.nouns.kind(j) == NOUN and self.text.tag(j).startswith(("NN", "JJ")) \
                and not (i == 0 and self.english.lemma(self.text[j]) in lex.EVERYDAY) and self.text[j] != "number"
            if not is_of_noun and self.text[j] != "of" and not self._is_left_behind(i, j):
                draft.add_place(place_name(found))
                return j
            # "in the bottom right of the fridge"; if "of" is part of a relation, the relation reads it.
            if self.text[j] == "of" and not self._is_relation_until(i, j + 1) and words[0] in ("on", "in", "at"):
                draft.add_place(place_name(found))
                return self._stretch(j + 1)
        for pattern, place in ((v.CORNER, "corner"), (v.AFAR, "back"), (v.UP_FRONT, "front")):
            found, j = self.text.match(pattern, i)
            if found:
                draft.add_place(place)
                return j
        return i

    def _is_relation_until(self, i: int, j: int) -> bool:
        return self.text.match(v.RELATION, i)[1] == j

    def _is_left_behind(self, i: int, j: int) -> bool:
        return self.text[i] == "left" and self.text[j] in v.words("on by behind at inside outside under in") \
            and self.text[j + 1] in v.DETERMINERS and not self.text.match(v.PLACE_AFTER, j)[0] \
            and not self._is_worn(j + 1, Draft())

    def _relation(self, i: int, found: re.Match[str], j: int, draft: Draft) -> int:
        name, words = v.relation_name(found), found[0]
        if words in ("by", "at", "around", "past", "over") and self.text.tag(i - 1) == "VBN" \
                and self.english.lemma(self.text[i - 1], "verb") not in lex.LOCATED:
            return i                                                    # "carried by the woman"
        onlooker, k = self.text.match(v.ONLOOKER, j)
        if onlooker:
            if name in v.ONLOOKER_PLACES:
                draft.add_place(v.ONLOOKER_PLACES[name])
            return k
        if words in ("in", "on", "at") and (self._is_worn(j, draft) or self._is_state(j)):
            k = self._stretch(j)
            draft.after.append(self.text.between(i, k))
            return k
        others, k = self.text.match(v.OTHERS, j)
        if others and not self.nouns.goes_on(k):
            return k
        relation, k = self._with_landmarks(name, words, j)
        if relation and not (words in ("closest", "nearest") and relation.landmarks[0].head in lex.GENERIC):
            landmark = relation.landmarks[0]
            if name in ("left of", "right of") and not landmark.head and landmark.region == "middle":
                draft.add_place(name.split()[0])                        # "left of the center"
                return k
            draft.relations.append(relation)
            # "The bear behind a crate | and a rock", but "the bear behind a crate and the fox".
            is_any = self.text[j] in ("a", "an") and self.text[draft.first] == "the"
            while self.text[k] == "and" and name != "between" and (
                    (is_any and self.text[k + 1] in ("a", "an"))
                    or (self.text.tag(k + 1).startswith("NN") and self.nouns.kind(k + 1) == NOUN)):
                other, end = self._with_landmarks(name, words, k + 1)          # "under the knife and fork"
                if other is None:
                    break
                draft.relations.append(other)
                k = end
            return k
        if name in v.ALONE and not self.nouns.starts(j):
            draft.add_place(v.ALONE[name] if words != "over" else "")           # "bring the chair | over"
            return j
        return i

    def _with_landmarks(self, name: str, words: str, i: int) -> tuple[Relation | None, int]:
        landmark, j = self._landmark(i, alone=name == "between")
        if landmark is None:
            return None, i
        if words == "out of" and landmark.head not in lex.RECEPTACLES:     # "out of paper"
            return None, i
        if name == "from":
            name = "in" if landmark.head in lex.RECEPTACLES else "on"
        if name != "between":
            return Relation(name, (landmark,)), j
        if self.text[j] in ("and", "or"):
            other, k = self._landmark(j + 1)
            if other is not None:
                return Relation(name, (_with_noun_of(landmark, other), named_as(other, landmark))), k
        if landmark.count == 1:                                         # "in the middle of the plate"
            return Relation("in", (landmark,)), j
        return Relation(name, (replace(landmark, count=2),)), j

    def _landmark(self, i: int, *, alone: bool = False) -> tuple[Description | None, int]:
        """Read a landmark; if `alone`, without the modifiers after its noun phrase."""
        if not self.nouns.starts(i):
            return None, i
        if alone:
            draft = Draft()
            j = self.nouns.read(i, draft)
        else:
            draft, j = self.description(i, landmark=True)
        if draft is None or not (draft.head or draft.attributes or draft.ranking or draft.rank or draft.region):
            return None, i
        return draft.finished(self.text), j


def _with_noun_of(landmark: Description, other: Description) -> Description:
    """Give a landmark without a noun that of the landmark after it: "between the red and the blue cup"."""
    if landmark.head:
        return landmark
    return replace(landmark, head=other.head, appearance=f"{landmark.appearance} {other.head}".strip())
