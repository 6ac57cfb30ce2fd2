"""The appearance of an object, for a vision-language model to score: its parts, clothes, activities and states."""

from __future__ import annotations

from ris_ros.language import lexicon as lex
from ris_ros.language import vocabulary as v
from ris_ros.language.draft import Draft
from ris_ros.language.kinds import ADJECTIVE


class Appearance:
    """The part of :class:`ris_ros.language.grammar.Grammar` that reads clothes, parts and activities."""

    def _shown(self, i: int, draft: Draft) -> int:
        """Read a phrase of what the object has or contains: "with a handle", "of soup"."""
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

    def _tinted(self, i: int, draft: Draft) -> int:
        """Read a colour after a participle: "painted | dark blue"."""
        j = self._colour(i + 1, draft) if self.text[i] in v.TINTED else i + 1
        return j if j > i + 1 else i

    def _colour(self, i: int, draft: Draft) -> int:
        """Read a colour on its own, as after "is": "orange", "dark blue"."""
        j = self.nouns.colour(i)
        if j > i:
            colour = self.text.between(i, j)
            draft.merge(Draft(before=[colour], attributes=[colour]))
        return j

    def _stretch(self, i: int) -> int:
        """Return the end of a noun phrase that is kept verbatim, with the modifiers that can only belong to it."""
        j = self.nouns.read(i, draft := Draft())
        if j == i:
            return i + 1 if self.text[i] in v.PRONOUNS else i
        j = self.text.match(v.COUNTED, j)[1] if draft.rank else j       # "the second girl | from the left"
        while True:
            word, k = self.text[j], j
            if word in ("of", "with"):
                k = self.nouns.read(j + 1, Draft())
                k = k if k > j + 1 else j
            elif word in ("and", "or"):
                other = Draft()
                k = self.nouns.read(j + 1, other)
                k = j if other.is_generic or other.head in lex.PEOPLE or self.text[j + 1] == "the" else k
            elif self.text.match(v.RELATION, j)[0]:
                # "a hat on", "flowers on it", "a cat on its side".
                if self.text[j + 1] in v.OF_ANOTHER | {"it", "him", "them"} or (
                        self.text.between(j, j + 2) == "on top" and self.text[j + 2] not in {"of", *v.DIRECTIONS}):
                    k = max(j + 2, self.nouns.read(j + 1, Draft()))
                elif word in ("on", "off") and j + 1 == len(self.text):
                    k = j + 1
            elif word in v.words("up down open closed out"):
                k = j + 1
            if k == j:
                return j
            j = k

    def _is_worn(self, i: int, draft: Draft) -> bool:
        """Return whether clothes, or a colour on its own, are at `i`: "in the blue shirt", "in white"."""
        trial = Draft()
        j = self.nouns.read(i, trial)
        if trial.head:
            return self.text[j - 1] in lex.CLOTHES or trial.head in lex.CLOTHES or (
                draft.head in lex.PEOPLE and trial.head in v.COLOURS and not trial.plural)
        return bool(trial.attributes) and not trial.region and trial.attributes[-1].split()[-1] in v.COLOURS

    def _is_state(self, i: int) -> bool:
        """Return whether a state, "in motion", or a part of the object itself, "on his head", is at `i`."""
        if self.text[i] in v.OF_ANOTHER:
            return self.nouns.goes_on(i + 1)
        j = i + (self.text[i] in v.DETERMINERS)
        is_state = self.text[j] in lex.STATES or (j == i and self.english.lemma(self.text[j]) in lex.BODY_PARTS)
        return is_state and not self.nouns.kind(j + 1, after_noun=True)

    def _doing(self, i: int, draft: Draft, *, finite: bool = False) -> int:
        """Read what the object does or undergoes: "holding a cup", "carried by the woman"; `finite` after "that"."""
        word = self.text[i]
        if not self._is_doing(i, finite=finite):
            return i
        j = i + 1
        if word in ("has", "have", "had", "having"):
            if self.text[j] in v.PAST_OF_HAVE - {"got"}:
                return self._verbatim(i, j, draft)                      # "has gone cold"
            k = self._stretch(j)
            if k > j:
                draft.after.append(f"with {self.text.between(j, k)}")
            return k if k > j else i
        while self.text[j] in lex.VERB_PARTICLES and not self.text.match(v.PLACE_AFTER, j)[0] and (
                word == "cut" or not self._relates(j)):
            j += 1 + 2 * (self.text[j + 1] == "and" and self.text[j + 2] in lex.VERB_PARTICLES)     # "up and down"
        if word in lex.SAYING and self.text[j] in ("no", "not", "do"):              # "says no parking"
            return self._verbatim(i, j, draft)
        verb = self.english.lemma(word, "verb")
        towards, k = self.text.match(v.PLACE_AFTER, j)
        if verb in v.LOOKS and towards and not set(towards[0].split()) & {"on", "in", "at", "from"}:
            pass                                                                # "looking left" is no place
        elif verb in v.LOOKS and self.text[j] == "away":
            k = self._stretch(j + 2) if self.text[j + 1] == "from" else j + 1
        elif verb in lex.LOCATED | lex.POSTURES and self._is_placed(j):
            if verb in lex.LOCATED or draft.noun not in lex.ALIVE:
                return j
            k = j
        else:
            k = self._complement(j, verb)
        draft.after.append(self.text.between(i, k))
        return k

    def _purpose(self, i: int, draft: Draft) -> int:
        """Read a purpose, "something | to write with", "a cloth | to wipe the table", or "about to throw a ball"."""
        to = i + (self.text[i] == "about")
        if self.text[to] != "to" or self.text.tag(to + 1) != "VB":
            return i
        j = max(to + 2, self._stretch(to + 2))
        j += self.text[j] in ("with", "on", "in", "from") and not self.nouns.starts(j + 1)
        draft.after.append(self.text.between(i, j))
        return j

    def _is_doing(self, i: int, *, finite: bool) -> bool:
        word, tag = self.text[i], self.text.tag(i)
        if word in ("has", "have", "had", "having"):
            return self.nouns.starts(i + 1)
        if not word.isalpha() or word in v.DIRECTIONS or word in v.COLOURS or word in v.AUXILIARIES | lex.GENERIC \
                or word in v.DETERMINERS | v.SHOWN - {"made"}:
            return False
        is_verb = self.english.has_sense(word, "verb")
        is_of_somebody = self.english.lemma(self.text[i - 1]) in lex.ALIVE \
            or self.text[i + 1] in v.DETERMINERS
        if self.english.is_gerund(word) or (
                word in lex.ING_NOUNS and self.english.lemma(word, "verb") != word and is_of_somebody):
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
        return self.nouns.starts(i + 1) or self.text[i + 1] in v.HOLDING or (
            verb in lex.POSTURES and self._is_placed(i + 1))

    def _is_placed(self, i: int) -> bool:
        """Return whether a ranking, region or relation is at `i`."""
        key = i, self._depth, self._excluding
        if key not in self._placed:
            trial = Draft()
            self._placed[key] = self._order(i, trial) > i or (self._placing(i, trial) > i and not trial.after)
        return self._placed[key]

    def _relates(self, i: int) -> bool:
        """Return whether a relation with its landmark is at `i`: not "over" in "bending over"."""
        self._placing(i, trial := Draft())
        return bool(trial.relations)

    def _complement(self, i: int, verb: str) -> int:
        """Return the end of the object of a verb or its preposition, unless that is a region or relation by itself."""
        if self.nouns.starts(i) and self.text[i] not in v.DIRECTIONS:
            return max(i, self._stretch(i))
        word = self.text[i]
        if word in v.GIVEN_TO | {"it", "you"}:                          # "facing us"
            return i + 1
        if word not in v.SHOWN | v.words("at by in on over off through from as against around under past to") \
                or (word == "to" and self.text.tag(i + 1) == "VB"):
            return i
        is_spatial = word not in ("at", "by", "around", "off", "from", "past") and verb not in lex.MAKING
        j = i if is_spatial and self._is_placed(i) else self._stretch(i + 1)
        return j if j > i + 1 else i

    def _addition(self, i: int, draft: Draft) -> int:
        """Read a telegraphic addition: "lady | blue dress", "cat | black", "player | 23"."""
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
        if other.head in lex.GENERIC:
            return i
        if other.head:
            draft.after.append(self.text.between(i, j))
        else:
            draft.merge(other)
        return j
