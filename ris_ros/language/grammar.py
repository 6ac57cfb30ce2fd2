"""The grammar of referring expressions: a noun phrase, then all that is said of it, read from left to right.

No dependency parse is used: trained on running text, it breaks on "lady blue dress" and "red cup left". Words of
structure are found by the patterns of `vocabulary`; between them, parts of speech tell nouns from attributes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

from ris_ros.language import vocabulary as v
from ris_ros.language.draft import Draft, named_as
from ris_ros.language.english import English
from ris_ros.language.nouns import ADJECTIVE, NOUN, NounPhrases, place_name
from ris_ros.language.orders import read_counted, read_ranked
from ris_ros.language.words import Text
from ris_ros.types import Description, Order, Relation

# How deep landmarks may be nested; what is said of deeper ones is left out.
MAX_DEPTH = 4
_FRONTING = v.words("among on at in to over far next beside near behind under underneath above below between inside")


class Grammar:
    """Reads the descriptions in one text.

    Every method that reads takes the index of a word and gives the index after what it read: the same index where there
    was nothing to read.
    """

    def __init__(self, text: Text, english: English, ends: Collection[int] = ()):
        self.text = text
        self.ends = ends                # where sentences end
        self.english = english
        self.nouns = NounPhrases(text, english)
        self._depth = 0
        self._excluding = False

    def description(self, i: int, *, landmark: bool = False) -> tuple[Draft | None, int]:
        """A noun phrase at word `i` and all that follows about it; None where nothing is described.

        A landmark ends at a comma or "and": what follows is said of the target again.
        """
        draft = Draft()
        with self._deeper() as allowed:
            if not allowed:
                return None, i
            j = i if landmark else self._fronted(i, draft)
            k = self.nouns.read(j, draft)
            if k == j:
                # Nothing but modifiers: "behind the box", "wearing a hat", "those on the shelf".
                stands_alone = self.text[j] in v.DEMONSTRATIVES
                draft.plural = self.text[j] in ("these", "those")
                k = self._modifier(j + stands_alone, draft)
                draft.first, draft.last = i, k
            k = self.modifiers(k, draft, landmark=landmark)
        return (None, i) if draft.is_empty else (draft, k)

    def modifiers(self, i: int, draft: Draft, *, landmark: bool = False) -> int:
        """Everything that is said of `draft` after its noun phrase."""
        while i < len(self.text):
            # "The cup on the table on the left": what things stand on is wherever they are, so the place is the cup's.
            if landmark and self._is_place_of_target(i, draft):
                break
            if landmark and self.text[i] in v.AUXILIARIES:          # "on the fridge | is a basket"
                break
            j = self._modifier(i, draft)
            if j == i and not landmark:
                j = self._continued(i, draft)
            if j == i:
                break
            i = j
        return i

    def _is_place_of_target(self, i: int, landmark: Draft) -> bool:
        """Whether the place at `i` is said of what the landmark is a landmark of: "light on pole | left"."""
        is_bare = self.text[i] in v.DIRECTIONS and self.text[landmark.first] not in v.DETERMINERS
        return (landmark.head in v.SURFACES or is_bare) \
            and self._place(i, self.text.match(v.RELATION, i)[1], Draft()) > i

    # --- one modifier -------------------------------------------------------------------------------------------------

    def _modifier(self, i: int, draft: Draft) -> int:
        for read in (self._negation, self._idle, self._relative, self._order, self._placing, self._shown, self._doing,
                     self._addition):
            j = read(i, draft)
            if j > i:
                return j
        return i

    def _property(self, i: int, draft: Draft) -> int:
        """A modifier that is none but a modifier: after "and", "not" and "is"."""
        for read in (self._negation, self._order, self._placing, self._shown, self._doing):
            j = read(i, draft)
            if j > i:
                return j
        return i

    def _fronted(self, i: int, draft: Draft) -> int:
        """What is said before the noun phrase: "from the left, the second cup", "not the red one but the blue one"."""
        trial = Draft()
        rules_out = self.text[i] in ("not", "neither") or self.text.match(v.EXCEPT, i)[0]
        j = self._negation(i, trial) if rules_out else i
        if j == i:
            j = read_counted(self.text, i, trial)
        if j == i and self._is_doing(i, finite=False):                  # "holding a rope, the climber"
            j = self._doing(i, trial)
            if self.text[j] != "," or self.text[j + 1] not in v.DETERMINERS or not (
                    self.text[i + 1] in v.DETERMINERS or self._is_alive(j + 1)):
                trial, j = Draft(), i
        if j == i and (self.text[i] in v.DIRECTIONS or self.text[i] in _FRONTING):
            j = self._placing(i, trial)
        if j == i:
            return self._worn_before(i, draft)
        paused = self.text[j] in v.PAUSES or self.text[j] == "but"
        if self.text[j] in ("there", "is"):
            while self.text[j] in ("there", "is", "are"):
                j += 1
        elif not paused and self.text[j] not in v.DETERMINERS:
            return self._worn_before(i, draft)
        j += paused
        if not self.nouns.starts(j) or self.text[j] in v.VERBS:
            return i
        draft.merge(trial)
        if trial.order:
            draft.order = trial.order
        return j

    def _is_alive(self, i: int) -> bool:
        """Whether somebody is named at `i`."""
        self.nouns.read(i, named := Draft())
        return named.head in v.PEOPLE | v.ANIMALS

    def _worn_before(self, i: int, draft: Draft) -> int:
        """"in red shirt | woman": clothes before who wears them."""
        trial = Draft()
        last = self.nouns.read(i + 1, trial) - 1
        if self.text[i] not in ("in", "with", "wearing") or trial.head not in v.PEOPLE \
                or self.text[last - 1] not in v.CLOTHES:
            return i
        draft.after.append(self.text.between(i, last))
        return last

    def _continued(self, i: int, draft: Draft) -> int:
        """More about the same thing after a comma or "and": "the cup, on the left", "cup, the red one"."""
        found, k = self.text.match(v.SO_MANY, i + (self.text[i] in v.PAUSES))      # "the cups, both of them"
        if found:
            draft.count = v.QUANTIFIERS[found["how_many"]]
            return k
        j = i
        while self.text[j] in v.PAUSES | v.IDLE_AFTER and j not in self.ends:
            j += 1
        paused = j > i
        j += self.text[j] in ("and", "but")
        if j == i or j >= len(self.text) or (paused and self._is_order(j)):
            return i
        k = self._relative(j, draft) if paused and self.text[j] in v.RELATIVES | {"it", "they"} else j
        k = self._property(j, draft) if k == j else k
        if k > j or not paused:
            return k if k > j else i
        other = Draft()
        k = self.nouns.read(j, other)
        is_apposition = draft.is_generic and self.text[j] in v.ARTICLES and self.text[k] not in (",", "and")
        if k > j and other.count != 0 and (other.is_generic or other.head == draft.head or is_apposition):
            draft.merge(other)
            return k
        return i

    def _is_order(self, i: int) -> bool:
        """Whether somebody is told to do something at `i`: "not the box, | shut the door"."""
        return self.text[i + 1] in v.DETERMINERS - v.RELATIVES and self.english.may_order(self.text, i)

    def _idle(self, i: int, draft: Draft) -> int:
        for pattern in (v.IDLE_PLACE, v.OF_ALL, v.CLOSING):
            found, j = self.text.match(pattern, i)
            if found and not (pattern is v.OF_ALL and self.nouns.goes_on(j)):
                return j
        is_idle = self.text[i] in v.IDLE_AFTER and not self.text.match(v.PLACE_AFTER, i)[0]     # "all the way left"
        return i + is_idle

    # --- negation -----------------------------------------------------------------------------------------------------

    def _negation(self, i: int, draft: Draft) -> int:
        found, j = self.text.match(v.NO, i)
        if found:
            k = self._stretch(j)
            if k > j:
                draft.excluded.append(Draft(j, k, after=[f"with {self.text.between(j, k)}"]))
                return k
        found, j = self.text.match(v.EXCEPT, i)
        if found and not self._excluding and (found[0] != "but" or self.text[j] in v.DETERMINERS):
            excluded, k = self.description(j, landmark=True)
            if excluded:
                draft.excluded.append(excluded)
                return k
        found, j = self.text.match(v.NOT, i)
        if not found:
            return i
        # "not red or blue" rules out both.
        end = i
        while (k := self._excluded(j, draft)) > j:
            end = j = k
            while self.text[j] in v.words(", and or nor not either"):
                j += 1
            if not set(self.text.between(end, j).split()) & {"or", "nor", "not"}:
                break
        return end

    def _excluded(self, i: int, draft: Draft) -> int:
        """One thing that is ruled out: a property, or a thing."""
        with self._deeper() as allowed:
            if not allowed:
                return i
            excluded = Draft(first=i)
            j = self._property(i, excluded)
            excluded.last = j
            if j == i:
                j = self.nouns.read(i, excluded, coordinate=False)
                if j > i and excluded.head:
                    self._excluding = True          # in "not the cup but the bowl", the bowl is meant
                    j = self.modifiers(j, excluded, landmark=True)
                    self._excluding = False
        if excluded.is_empty:
            return i
        draft.excluded.append(excluded.settle())
        return j

    # --- clauses ------------------------------------------------------------------------------------------------------

    def _relative(self, i: int, draft: Draft) -> int:
        """A relative clause or the predicate of a statement: "that is red", "you see on the left", "has a lid"."""
        found, j = self.text.match(v.SEEN, i)
        if found:
            return j
        found, j = self.text.match(v.COPULA, i)
        if found:
            k = self._predicate(j, draft)
            return k if k > j else i
        if self.text[i + 1] in ("which", "whom", "whose") and (
                self.text[i] in v.SHOWN or self.text.match(v.RELATION, i)[0]):
            return self._verbatim(i, i + 1, draft)                      # "under which the cat hides"
        if self.text[i] not in v.RELATIVES:
            return self._object_relative(i, draft)
        j = i + 1
        while self.text[j] in v.AUXILIARIES | v.IDLE_AFTER and not self.text.match(v.NOT, j)[0] \
                and not (self.text[j] in ("has", "have", "had") and self.nouns.starts(j + 1)):
            j += 1
        for read in (self._negation, self._placing) if self.text[i] != "whose" else ():
            k = read(j, draft)
            if k > j:
                return k
        k = self._doing(j, draft, finite=True) if self.text[i] != "whose" else j
        return k if k > j else self._verbatim(i, j, draft)

    def _object_relative(self, i: int, draft: Draft) -> int:
        """"the chair | the man is sitting on"."""
        if not draft.head or self.text[i] not in v.DETERMINERS | v.PRONOUNS:
            return i
        j = i + 1 if self.text[i] in v.PRONOUNS else self.nouns.read(i, Draft())
        is_verb = self.text[j] in v.AUXILIARIES or self.text.tag(j) in ("VBD", "VBZ", "VBP")
        return self._verbatim(i, j, draft) if j > i and is_verb else i

    def _verbatim(self, i: int, j: int, draft: Draft) -> int:
        """Take a clause, which goes on at `j`, into the appearance as it is, at most a dozen words of it."""
        end = min(j + 12, len(self.text))
        k = next((k for k in range(j, end) if self.text[k] in v.PAUSES | {"and", "but", "please"}), end)
        if k > j:
            draft.after.append(self.text.between(i, k))
            return k
        return i

    def _predicate(self, i: int, draft: Draft) -> int:
        """What follows "is": properties, adjectives, or what the thing is called."""
        end = i
        while True:
            while self.text[i] in v.IDLE_AFTER | v.DEGREES and not (
                    self.text.match(v.OF_ALL, i)[0] or self.text.match(v.PLACE_AFTER, i)[0]):
                i += 1
            j = self._property(i, draft)
            if j == i:
                other = Draft()
                j = self.nouns.read(i, other)
                if j == i:
                    return end
                if draft.is_generic or other.is_generic:
                    draft.merge(other)
                else:
                    draft.after.append(self.text.between(i, j))
            end = j
            if self.text[j] not in ("and", "but", ",") or not self._is_property(j + 1):
                return end
            i = j + 1

    def _is_property(self, i: int) -> bool:
        """Whether a property or a mere adjective stands at `i`, rather than another noun phrase."""
        trial = Draft()
        return self.nouns.read(i, trial) > i and not trial.head if self.nouns.kind(i) else self._property(i, trial) > i

    # --- order, place and relation ------------------------------------------------------------------------------------

    def _order(self, i: int, draft: Draft) -> int:
        """An order after the noun: "furthest to the left", "second from the right", "the biggest"."""
        j = self._late_complement(i, draft)
        if j > i:
            return j
        found, j = self.text.match(v.COUNTED, i)
        if found and draft.count and not (draft.rank or draft.order or draft.head or draft.before):    # "2 from left"
            draft.rank, draft.count = draft.count, 1
        if found and (draft.rank or draft.order or found["counting"]):
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
            # "closest to the bowl" is a relation, "closest" alone an order.
            if self.nouns.starts(k) or (self.text[k] in ("to", "from") and self.nouns.starts(k + 1)):
                return i
        elif self.nouns.goes_on(k) or (self.text[k] == "of" and not self.text.match(v.OF_ALL, k)[0]):
            return i
        draft.rank = trial.rank
        if trial.order:
            draft.add_order(trial.order)
        return k

    def _late_complement(self, i: int, draft: Draft) -> int:
        """"the closest cup | to the camera", "the nearest chair | to the window"."""
        if not (draft.open_order and draft.order) or self.text[i] not in ("to", "from", "away"):
            return i
        draft.open_order = False
        is_near = draft.order.name == "near"
        found, j = self.text.match(v.TOWARDS_SIDE if is_near else v.FROM_SIDE, i)
        if found:
            side = v.SIDES[found["side"]]
            draft.order = Order(side if is_near else v.OPPOSITE[side], draft.order.rank)
            return j
        if self.text[i] == ("to" if is_near else "from"):
            landmark, j = self._landmark(i + 1)
            if landmark:
                draft.relations.append(Relation("near" if is_near else "far from", (landmark,)))
                draft.order = None
                return j
        return i

    def _placing(self, i: int, draft: Draft) -> int:
        """A place or a relation, whichever takes more words: "on the left", but "on the left of the box"."""
        j = i
        while self.text[j] in v.INTENSIFIERS and self._is_intensifier(j):
            j += 1
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
        """Whether a place or relation follows; in "right of", "right side" and "cup right in blue" it does not."""
        word, following = self.text[i], self.text[i + 1]
        if word in v.DIRECTIONS and following in v.DIRECTIONS:          # "back left"
            return False
        if word == "right":
            return bool(self.text.match(v.RELATION, i + 1)[0]) and following not in ("of", "from") \
                and not (following == "in" and self._is_worn(i + 2, Draft()))
        return following in v.INTENSIFIERS or any(
            self.text.match(pattern, i + 1)[0] for pattern in (v.RELATION, v.PLACE_AFTER))

    def _place(self, i: int, beyond: int, draft: Draft) -> int:
        """A place that takes more words than `beyond`."""
        found, j = self.text.match(v.PLACE_AFTER, i)
        if found and j > beyond:
            words = found[0].split()
            # "on the right track" is on a track; "left on the table" was left there; "the left of the cake" is a part.
            is_of_noun = words[0] in ("on", "in", "at", "by", "near") and not found["part"] \
                and self.nouns.kind(j) == NOUN and self.text.tag(j).startswith(("NN", "JJ"))
            if not is_of_noun and self.text[j] != "of" and not self._is_left_behind(i, j):
                draft.add_place(place_name(found))
                return j
            # "in the bottom right of the fridge"; where "of" is part of a relation, that reads it.
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
                and self.english.lemma(self.text[i - 1], "verb") not in v.LOCATED:
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
        if relation and not (words in ("closest", "nearest") and relation.landmarks[0].head in v.GENERIC):
            landmark = relation.landmarks[0]
            if name in ("left of", "right of") and not landmark.head and landmark.place == "middle":
                draft.add_place(name.split()[0])                        # "left of the center"
                return k
            draft.relations.append(relation)
            while self.text[k] == "and" and name != "between" and self.text.tag(k + 1).startswith("NN") \
                    and self.nouns.kind(k + 1) == NOUN:
                other, end = self._with_landmarks(name, words, k + 1)          # "under the knife and fork"
                if other is None:
                    break
                draft.relations.append(other)
                k = end
            return k
        if name in v.ALONE and not self.nouns.starts(j):
            draft.add_place(v.ALONE[name])
            return j
        return i

    def _with_landmarks(self, name: str, words: str, i: int) -> tuple[Relation | None, int]:
        landmark, j = self._landmark(i, alone=name == "between")
        if landmark is None:
            return None, i
        if words == "out of" and landmark.head not in v.RECEPTACLES:     # "out of paper"
            return None, i
        if name == "from":
            name = "in" if landmark.head in v.RECEPTACLES else "on"
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
        """A landmark; `alone`, without what is said of it after its noun phrase."""
        if not self.nouns.starts(i):
            return None, i
        if alone:
            draft = Draft()
            j = self.nouns.read(i, draft)
        else:
            draft, j = self.description(i, landmark=True)
        if draft is None or not (draft.head or draft.attributes or draft.order or draft.rank or draft.place):
            return None, i
        return draft.finished(self.text), j

    # --- what a vision-language model judges --------------------------------------------------------------------------

    def _shown(self, i: int, draft: Draft) -> int:
        """"with a handle", "of soup"."""
        word = self.text[i]
        if word not in v.SHOWN and not (word == "by" and self.text.tag(i - 1) == "VBN"):
            return i
        if word == "with":
            relation, j = self.text.match(v.RELATION, i + 1)
            if relation and v.relation_name(relation) in ("same colour", "different colour"):
                return self._relation(i + 1, relation, j, draft)
        j = self._stretch(i + 1)
        if j > i + 1:
            draft.after.append(self.text.between(i, j))
            return j
        return i

    def _stretch(self, i: int) -> int:
        """The end of a noun phrase that is taken as it stands, with what can belong to it alone."""
        j = self.nouns.read(i, Draft())
        if j == i:
            return i + 1 if self.text[i] in v.PRONOUNS else i
        while True:
            word, k = self.text[j], j
            if word in ("of", "with"):
                k = self.nouns.read(j + 1, Draft())
                k = k if k > j + 1 else j
            elif word in ("and", "or"):
                other = Draft()
                k = self.nouns.read(j + 1, other)
                k = j if other.is_generic or other.head in v.PEOPLE or self.text[j + 1] == "the" else k
            elif self.text.match(v.RELATION, j)[0]:
                # "a hat on", "flowers on it", "a cat on its side".
                if self.text[j + 1] in v.words("it him her them its his their") or (
                        self.text[j + 1] == "top" and self.text[j + 2] != "of"):
                    k = max(j + 2, self.nouns.read(j + 1, Draft()))
                elif word in ("on", "off") and j + 1 == len(self.text):
                    k = j + 1
            elif word in v.words("up down open closed out"):
                k = j + 1
            if k == j:
                return j
            j = k

    def _is_worn(self, i: int, draft: Draft) -> bool:
        """Whether clothes or a mere colour stand at `i`: "in the blue shirt", "in white"."""
        trial = Draft()
        j = self.nouns.read(i, trial)
        if trial.head:
            return self.text[j - 1] in v.CLOTHES or trial.head in v.CLOTHES or (
                draft.head in v.PEOPLE and trial.head in v.COLOURS and not trial.plural)
        return bool(trial.attributes) and not trial.place and trial.attributes[-1].split()[-1] in v.COLOURS

    def _is_state(self, i: int) -> bool:
        """Whether a state stands at `i`, "in motion", or something of its own: "on his head"."""
        if self.text[i] in v.words("his her its their"):
            return self.nouns.goes_on(i + 1)
        j = i + (self.text[i] in v.DETERMINERS)
        return self.text[j] in v.STATES and not self.nouns.kind(j + 1, after_noun=True)

    def _doing(self, i: int, draft: Draft, *, finite: bool = False) -> int:
        """What a thing does or has done to it: "holding a cup", "carried by the woman"; `finite` after "that"."""
        word = self.text[i]
        if not self._is_doing(i, finite=finite):
            return i
        j = i + 1
        if word in ("has", "have", "had", "having"):
            k = self._stretch(j)
            if k > j:
                draft.after.append(f"with {self.text.between(j, k)}")
            return k if k > j else i
        while self.text[j] in v.VERB_PARTICLES and not self.text.match(v.PLACE_AFTER, j)[0] and (
                word == "cut" or not self.text.match(v.RELATION, j)[0]):
            j += 1
        verb = self.english.lemma(word, "verb")
        towards, k = self.text.match(v.PLACE_AFTER, j)
        if verb in v.LOOKS and towards and not set(towards[0].split()) & {"on", "in", "at", "from"}:
            pass                                                                # "looking left" is no place
        elif verb in v.LOOKS and self.text[j] == "away":
            k = self._stretch(j + 2) if self.text[j + 1] == "from" else j + 1
        elif verb in v.LOCATED | v.POSTURES and self._is_placed(j):
            if verb in v.LOCATED or draft.noun not in v.PEOPLE | v.ANIMALS:
                return j
            k = j
        else:
            k = self._complement(j, verb)
        draft.after.append(self.text.between(i, k))
        return k

    def _is_doing(self, i: int, *, finite: bool) -> bool:
        word, tag = self.text[i], self.text.tag(i)
        if word in ("has", "have", "had", "having"):
            return self.nouns.starts(i + 1)
        if not word.isalpha() or word in v.DIRECTIONS or word in v.COLOURS or word in v.AUXILIARIES | v.GENERIC \
                or word in v.DETERMINERS | v.SHOWN - {"made"}:
            return False
        is_verb = self.english.has_sense(word, "verb")
        is_of_somebody = self.english.lemma(self.text[i - 1]) in v.PEOPLE | v.ANIMALS \
            or self.text[i + 1] in v.DETERMINERS
        if self.english.is_gerund(word) or (
                word in v.ING_NOUNS and self.english.lemma(word, "verb") != word and is_of_somebody):
            return True
        if self.nouns.tells(i):
            return True
        if tag in ("VBG", "VBN", "VBD"):
            # "the hammer and saw": what else goes on after a verb?
            goes_on = self.nouns.starts(i + 1) or self.text.match(v.RELATION, i + 1)[0] or self.text[i + 1] in v.SHOWN
            return bool(goes_on) or word.endswith("ed") or not self.english.has_sense(word, "noun")
        if finite:
            return tag.startswith("VB") or is_verb
        if tag not in ("VBZ", "VBP") or not is_verb:
            return False
        verb = self.english.lemma(word, "verb")
        return self.nouns.starts(i + 1) or (verb in v.POSTURES and self._is_placed(i + 1))

    def _is_placed(self, i: int) -> bool:
        """Whether an order, place or relation stands at `i`."""
        trial = Draft()
        return self._order(i, trial) > i or (self._placing(i, trial) > i and not trial.after)

    def _complement(self, i: int, verb: str) -> int:
        """The end of a verb's object or of its preposition's, where that is not a place or relation of its own."""
        if self.nouns.starts(i) and self.text[i] not in v.DIRECTIONS:
            return max(i, self._stretch(i))
        word = self.text[i]
        if word not in v.SHOWN | v.words("at by in on over off through from as against around under"):
            return i
        is_spatial = word not in ("at", "by", "around", "off", "from") and verb not in v.MAKING
        j = i if is_spatial and self._is_placed(i) else self._stretch(i + 1)
        return j if j > i + 1 else i

    def _addition(self, i: int, draft: Draft) -> int:
        """A telegraphic addition: "lady | blue dress", "cat | black", "player | 23"."""
        word = self.text[i]
        if not draft.head or word in v.DETERMINERS:
            return i
        if word.isdigit() or word == "#":
            draft.after.append(word)
            return i + 1
        is_degree = self.text.tag(i) == "RB" and (word in v.DEGREES or word.endswith("ly"))
        start = i + (is_degree and self.nouns.kind(i + 1) == ADJECTIVE)         # "partially visible"
        if not self.nouns.kind(start):
            return i
        other = Draft()
        j = self.nouns.read(start, other)
        if other.head in v.GENERIC:
            return i
        if other.head:
            draft.after.append(self.text.between(i, j))
        else:
            draft.merge(other)
        return j

    @contextmanager
    def _deeper(self) -> Iterator[bool]:
        self._depth += 1
        try:
            yield self._depth <= MAX_DEPTH
        finally:
            self._depth -= 1


def _with_noun_of(landmark: Description, other: Description) -> Description:
    """A landmark without a noun, with that of the one after it: "between the red and the blue cup"."""
    if landmark.head:
        return landmark
    return replace(landmark, head=other.head, appearance=f"{landmark.appearance} {other.head}".strip())
