"""The grammar of referring expressions: a noun phrase, then its modifiers, read from left to right.

No dependency parse is used: parsers are trained on running text and fail on "lady blue dress" and "red cup left". The
patterns of `vocabulary` find the function words; between them, parts of speech tell nouns from attributes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from ris_ros.language import lexicon as lex
from ris_ros.language import vocabulary as v
from ris_ros.language.appearance import Appearance
from ris_ros.language.draft import Draft
from ris_ros.language.english import English
from ris_ros.language.kinds import NOUN
from ris_ros.language.nouns import NounPhrases
from ris_ros.language.orders import read_counted
from ris_ros.language.placing import Placing
from ris_ros.language.words import Text

# Maximum nesting depth of landmarks; modifiers of deeper ones are ignored.
MAX_DEPTH = 4
_FRONTING = v.words("among on at in to over far next beside near behind under underneath above below between inside")


class Grammar(Placing, Appearance):
    """Reader of the descriptions in one text.

    Every method that reads takes the index of a word and returns the index after what it has read: the same index if
    there was nothing to read.
    """

    def __init__(self, text: Text, english: English, ends: Collection[int] = ()):
        self.text = text
        self.ends = ends                # where sentences end
        self.english = english
        self.nouns = NounPhrases(text, english)
        self._depth = 0
        self._excluding = False
        self._placed: dict[tuple[int, int, bool], bool] = {}            # what `_is_placed` has found

    def description(self, i: int, *, landmark: bool = False) -> tuple[Draft | None, int]:
        """Read a noun phrase at word `i` and its modifiers; the draft is None if nothing is described.

        A landmark ends at a comma or "and": what follows refers to the target again.
        """
        draft = Draft()
        with self._deeper() as allowed:
            if not allowed:
                return None, i
            j = i if landmark else self._fronted(i, draft)
            k = self._free_relative(j, draft) or self.nouns.read(j, draft)
            if k == j:
                # Modifiers only: "behind the box", "wearing a hat", "those on the shelf".
                stands_alone = self.text[j] in v.DEMONSTRATIVES
                draft.plural = self.text[j] in ("these", "those")
                k = self._modifier(j + stands_alone, draft)
                draft.first, draft.last = i, k
            k = self.modifiers(k, draft, landmark=landmark)
        return (None, i) if draft.is_empty else (draft, k)

    def modifiers(self, i: int, draft: Draft, *, landmark: bool = False) -> int:
        """Read all modifiers of `draft` after its noun phrase."""
        while i < len(self.text):
            # "The cup on the table on the left": the table is where the cup is, so the region describes the cup.
            if landmark and self._is_place_of_target(i, draft):
                break
            if landmark and self.text[i] in v.AUXILIARIES:          # "on the fridge | is a basket"
                break
            if landmark and not self._excluding and draft.head not in lex.ALIVE | lex.GENERIC and (
                    self.text[i].endswith("ing") and self.english.lemma(self.text[i], "verb") in lex.LIVELY):
                break                                               # "by the fence | wearing a hat"
            _, after = self.text.match(v.NOT, i)                    # "guy on skateboard | not sitting"
            is_of_target = (draft.head not in lex.ALIVE and self.english.is_gerund(self.text[after])) \
                or self.text.match(v.THE_ONE, after)[0]             # "the dog under the table | not the one here"
            if landmark and after > i and is_of_target and not self._excluding:
                break
            if self._excluding and self.text[i] == "other":             # "not the singer | other guy"
                break
            exception = self.text.match(v.EXCEPT, i)[0]             # "everything on the table | except the cup"
            if landmark and exception and exception[0] != "but" and not self._excluding:
                break
            if i in self.ends:
                break
            j = self._modifier(i, draft)
            if j == i and not landmark:
                j = self._continued(i, draft)
            if j == i:
                break
            i = j
        return i

    def _is_place_of_target(self, i: int, landmark: Draft) -> bool:
        """Return whether the region at `i` belongs to the target rather than the landmark: "light on pole | left"."""
        is_bare = self.text[i] in v.DIRECTIONS and self.text[landmark.first] not in v.DETERMINERS
        return (landmark.head in v.SURFACES or is_bare) \
            and self._place(i, self.text.match(v.RELATION, i)[1], Draft()) > i

    # --- one modifier -------------------------------------------------------------------------------------------------

    def _modifier(self, i: int, draft: Draft) -> int:
        for read in (self._negation, self._idle, self._relative, self._order, self._placing, self._shown, self._tinted,
                     self._doing, self._purpose, self._addition):
            j = read(i, draft)
            if j > i:
                return j
        return i

    def _property(self, i: int, draft: Draft, *, colours: bool = False) -> int:
        """Read an unambiguous modifier, as after "and", "not" and "is"; with `colours` also a colour on its own."""
        for read in (self._negation, self._order, self._placing, self._shown, self._tinted, self._doing):
            j = read(i, draft)
            if j > i:
                return j
        return self._colour(i, draft) if colours else i

    def _fronted(self, i: int, draft: Draft) -> int:
        """Read modifiers before the noun phrase: "from the left, the second cup", "not the red one but the blue"."""
        trial = Draft()
        rules_out = self.text[i] in ("not", "neither", "none") or self.text.match(v.EXCEPT, i)[0]
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
        # "Top of the picture | cup", "in the back | white car".
        is_whole = trial.ranking or (j > i and self.text[j - 1] in v.FRAMES) or (
            trial.region and not trial.relations and not self.text.match(v.PLACE_BEFORE, i)[0])
        j += bool(rules_out) and self.text[j] in ("just", "only")             # "none of the forks, | just | the spoon"
        paused = self.text[j] in v.PAUSES or self.text[j] == "but"
        if self.text[j] in ("there", "is", "have", "has"):
            while self.text[j] in ("there", "is", "are", "have", "has"):
                j += 1
        elif self.english.lemma(self.text[j], "verb") in lex.POSTURES and self.text[j + 1] in v.DETERMINERS:
            j += 1                                                      # "in front of the house | stands | a car"
        elif not paused and not is_whole and self.text[j] not in v.DETERMINERS | {"other"} and not (
                self.text[i] in _FRONTING and self.nouns.number(j)):
            return self._worn_before(i, draft)
        j += paused
        if not self.nouns.starts(j) or self.text[j] in v.VERBS:
            return i
        draft.merge(trial)
        if trial.ranking:
            draft.ranking = trial.ranking
        return j

    def _is_alive(self, i: int) -> bool:
        """Return whether the noun phrase at `i` names a person or an animal."""
        self.nouns.read(i, named := Draft())
        return named.head in lex.ALIVE

    def _worn_before(self, i: int, draft: Draft) -> int:
        """Read clothes before the person who does or does not wear them: "in red shirt | woman", "no hat | guy"."""
        if self.text[i] not in ("in", "on", "with", "wearing", "no", "without"):
            return i
        trial = Draft()
        last = self.nouns.read(i + 1, trial) - 1
        is_in = self.text[i] in ("in", "on") and trial.head in lex.ANYBODY and self.nouns.kind(last - 1) == NOUN \
            and self.text[i + 1] not in v.DETERMINERS                   # "on bike | guy"
        if trial.head not in lex.PEOPLE or not (is_in or self.text[last - 1] in lex.CLOTHES):
            return i
        if self.text[i] in ("no", "without"):
            draft.excluded.append(Draft(i + 1, last, after=[f"with {self.text.between(i + 1, last)}"]))
        else:
            draft.after.append(self.text.between(i, last))
        return last

    def _continued(self, i: int, draft: Draft) -> int:
        """Read more about the same object after a comma or "and": "the cup, on the left", "cup, the red one"."""
        found, k = self.text.match(v.SO_MANY, i + (self.text[i] in v.PAUSES))      # "the cups, both of them"
        if found:
            draft.count = v.QUANTIFIERS[found["how_many"]]
            return k
        j = i
        while self.text[j] in v.PAUSES | v.IDLE_AFTER and j not in self.ends:
            j += 1
        paused = j > i
        if not paused and (k := self._renamed(i, draft)) > i:
            return k
        j += self.text[j] in ("and", "but", "while")
        if j == i or j >= len(self.text) or (paused and self._is_order(j)):
            return i
        is_clause = self.text[j] in v.RELATIVES | {"it", "they"} and self.text.tag(j) != "DT"
        k = self._relative(j, draft) if paused and is_clause else j
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

    def _renamed(self, i: int, draft: Draft) -> int:
        """Read a spoken repetition of the same object: "the box | the one on the shelf", "the lamp | the tall lamp"."""
        if not draft.head or self.text[i] not in v.RENAMING:
            return i
        other = Draft()
        k = self.nouns.read(i, other)
        is_same = other.head in (draft.head, "one", "ones") or (draft.head == "one" and other.head) \
            or (other.attributes and not other.head and k == len(self.text))
        if not is_same or self.text[k] in v.AUXILIARIES \
                or self.text.tag(k) in ("VBZ", "VBD", "VBP"):
            return i
        draft.merge(other)
        return k

    def _is_order(self, i: int) -> bool:
        """Return whether a command starts at `i`: "not the box, | shut the door"."""
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
        if found and not (found[0] == "missing" and self.text.tag(j) == "VBN"):         # "one eye missing, propped ..."
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
        # "not red or blue" excludes both.
        end = i
        while (k := self._excluded(j, draft)) > j:
            end = j = k
            while self.text[j] in v.words(", and or nor not either"):
                j += 1
            if not set(self.text.between(end, j).split()) & {"or", "nor", "not"}:
                break
        return end

    def _excluded(self, i: int, draft: Draft) -> int:
        """Read one excluded property or object."""
        with self._deeper() as allowed:
            if not allowed:
                return i
            excluded = Draft(first=i)
            j = self._property(i, excluded, colours=True)
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
        """Read a relative clause or the predicate of a statement: "that is red", "you see on the left", "has a lid"."""
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

    def _free_relative(self, i: int, draft: Draft) -> int:
        """Read a free relative clause, "what | the dog is chewing on"; returns 0 if there is none."""
        if self.text[i] not in ("what", "whatever"):
            return 0
        thing = Draft(i, head="thing", noun="thing")
        k = self._object_relative(i + 1, thing)
        if k == i + 1:
            return 0
        thing.last = k
        draft.merge(thing)
        draft.first, draft.last = i, k
        return k

    def _object_relative(self, i: int, draft: Draft) -> int:
        """Read a relative clause without a pronoun: "the chair | the man is sitting on"."""
        if not draft.head or self.text[i] not in v.DETERMINERS | v.PRONOUNS | v.ANYONE:
            return i
        j = i + 1 if self.text[i] in v.PRONOUNS | v.ANYONE else self.nouns.read(i, Draft())
        is_verb = self.text[j] in v.AUXILIARIES or self.text.tag(j) in ("VBD", "VBZ", "VBP") or (
            self.english.is_gerund(self.text[j]) and self.text[len(self.text) - 1] in lex.STRANDED)
        return self._verbatim(i, j, draft) if j > i and is_verb else i

    def _verbatim(self, i: int, j: int, draft: Draft) -> int:
        """Add a clause, which continues at `j`, verbatim to the appearance, up to a dozen words."""
        end = min(j + 12, len(self.text))
        k = next((k for k in range(j, end) if self.text[k] in v.PAUSES | {"and", "but", "please"}), end)
        if k > j:
            draft.after.append(self.text.between(i, k))
            return k
        return i

    def _predicate(self, i: int, draft: Draft) -> int:
        """Read what follows "is": properties, adjectives, or a name of the object."""
        end = i
        while True:
            while self.text[i] in v.IDLE_AFTER | v.DEGREES and not (
                    self.text.match(v.OF_ALL, i)[0] or self.text.match(v.PLACE_AFTER, i)[0]):
                i += 1
            j = self._property(i, draft, colours=True)
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
        """Return whether a property or an adjective on its own is at `i`, rather than another noun phrase."""
        trial = Draft()
        return self.nouns.read(i, trial) > i and not trial.head if self.nouns.kind(i) else self._property(i, trial) > i

    @contextmanager
    def _deeper(self) -> Iterator[bool]:
        self._depth += 1
        try:
            yield self._depth <= MAX_DEPTH
        finally:
            self._depth -= 1
