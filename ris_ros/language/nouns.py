"""Noun phrases: determiner, count, ranking, region, attributes and noun, read word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ris_ros.language import lexicon as lex
from ris_ros.language import vocabulary as v
from ris_ros.language.draft import Draft, together
from ris_ros.language.kinds import ADJECTIVE, NOUN, POSSESSOR, Kinds
from ris_ros.language.orders import read_ranked
from ris_ros.types import Ranking

# Particles that form an attribute with the verb before them: "the see through box", "the plugged in lamp".
_ATTRIBUTE_PARTICLES = v.ADVERBS | v.words("through in on")

_CODE = re.compile(r"[a-z]-?\d+[a-z]?|\d+[a-z]")


@dataclass
class _Reading:
    """The state of a noun phrase that is being read."""

    draft: Draft
    start: int
    coordinate: bool                                               # whether "red and white" may be two attributes of it
    pieces: list[tuple[str, str]] = field(default_factory=list)    # kind and text of attributes and nouns
    has_noun: bool = False
    has_order: bool = False                                        # or a place


class NounPhrases(Kinds):
    """Reader of the noun phrases in one text."""

    def read(self, i: int, draft: Draft, *, coordinate: bool = True) -> int:
        """Read the noun phrase at word `i` into `draft`; returns the index after it, or `i` if there is none."""
        said_before, draft.ranking = draft.ranking, None                # "from the left, the second cup"
        reading = _Reading(draft, i, coordinate)
        before_noun = (self._compound, self._partitive, self._quantifier, self._determiner, self._idle, self._ruled_out,
                       self._ranked, self._placed, self._number, self._coordination, self._possessor, self._degree,
                       self._colour_word, self._numbered, self._particle, self._compounded, self._content)
        after_noun = (self._compound, self._possessor, self._compounded, self._numbered, self._own_part, self._in_row,
                      self._content)
        j = i
        while j < len(self.text):
            if reading.has_noun and self._is_tint(j):
                break
            for step in after_noun if reading.has_noun else before_noun:
                k = step(j, reading)
                if k > j:
                    break
            else:
                break
            j = k
        draft.first, draft.last = i, j
        if reading.pieces:
            self._choose_head(reading, j)
        elif not (draft.ranking or draft.rank or draft.region or (draft.count is not None and j > i)):
            j = i
        if said_before:
            draft.ranking = Ranking(
                said_before.name, draft.rank or (draft.ranking.rank if draft.ranking else said_before.rank))
            draft.rank = 0
        return j

    # --- steps: each returns the index after what it read, or `i` -----------------------------------------------------

    def _compound(self, i: int, reading: _Reading) -> int:
        """Read a compound name such as "first aid kit" and "salt and pepper shaker"."""
        if self.text[i + 1] == "and" and f"{self.text[i]}_and_{self.text[i + 2]}" in lex.COUPLES and self.kind(i + 3):
            reading.pieces.append((ADJECTIVE, self.text.between(i, i + 3)))
            return i + 3
        is_of_person = reading.has_noun and self.english.lemma(reading.pieces[-1][1]) in lex.PEOPLE
        if f"{self.text[i]}_{self.english.lemma(self.text[i + 1])}" not in lex.COMPOUNDS or is_of_person:
            return i
        if self.english.is_gerund(self.text[i]):                        # "watering can"
            reading.pieces += [(ADJECTIVE, self.text[i]), (NOUN, self.text[i + 1])]
        else:
            reading.pieces.append((NOUN, self.text.between(i, i + 2)))
        reading.has_noun = True
        return i + 2

    def _partitive(self, i: int, reading: _Reading) -> int:
        """Read a group or a whole after "of": "the largest | of the three | cups", "half | of the sandwich"."""
        draft = reading.draft
        has_noun = any(kind != ADJECTIVE for kind, _ in reading.pieces)
        if self.text[i] != "of" or has_noun or not (reading.has_order or draft.count is not None):
            return i
        found, j = self.text.match(v.OF_ALL, i)
        if found and not (self.goes_on(j) or self.text[j] in v.DETERMINERS):
            return i
        j = i + 1
        while self.text[j] in v.DETERMINERS | {"all"} or self.number(j) is not None:
            j += 1
        if draft.count is None:
            draft.count = 1
        return j if self.goes_on(j) else i

    def _quantifier(self, i: int, reading: _Reading) -> int:
        draft = reading.draft
        found, j = self.text.match(v.QUANTIFIER, i)
        if not found or reading.pieces or draft.count is not None or self.text[j] in ("side", "end"):
            return i
        if found[0] == "one of" and reading.has_order and not self.goes_on(self.text.match(v.OF_ALL, i + 1)[1]):
            return i                                                    # "the bigger one | of the two"
        if found[0] == "a couple" and (self.text[j] == "near" or not self.goes_on(j)):
            return i                                                    # "a couple on a bench"
        draft.count = v.QUANTIFIERS[found[0]]
        if found[0].endswith("pair of") and self.text[j] in lex.PLURAL_ONLY:
            draft.count = 1
        while self.text[j] == "of" or (self.text[j] in v.DETERMINERS and self.text[j] != "that"):
            j += 1
        number = self.number(j)
        if number is not None:
            draft.count = 1 if draft.count == 1 else number
            j += 1
        return j

    def _determiner(self, i: int, reading: _Reading) -> int:
        draft, word = reading.draft, self.text[i]
        if word not in v.DETERMINERS or reading.pieces or reading.has_order or (
                word == "whichever" and not self.starts(i + 1)):        # "whichever | is closest"
            return i
        if word in v.ONE_OF_THEM and draft.count is None:
            draft.count = 1
        return i + 1

    def _idle(self, i: int, reading: _Reading) -> int:
        if self.text[i] in ("kind", "sort") and self.text[i + 1] == "of" and self.kind(i + 2) == ADJECTIVE:
            return i + 2                                                # "the sort of | purplish bottle"
        return i + 1 if self.text[i] in v.IDLE_BEFORE and self.starts(i + 1) else i

    def _ruled_out(self, i: int, reading: _Reading) -> int:
        """Read an excluded attribute: "the non-red cup"."""
        if self.text[i] not in ("non", "not") or (self.text[i] == "not" and i == reading.start) \
                or self.kind(i + 1) != ADJECTIVE or not self._noun_follows(i + 2):
            return i
        attribute = self.text[i + 1]
        reading.draft.excluded.append(Draft(i + 1, i + 2, before=[attribute], attributes=[attribute]))
        return i + 2

    def _ranked(self, i: int, reading: _Reading) -> int:
        """Read a ranking: "second largest", "leftmost", "third", "last"."""
        if reading.draft.ranking:
            return i
        if self.text[i] in ("near", "far") and not self.kind(i + 1):
            return i
        j = read_ranked(self.text, i, reading.draft)
        reading.has_order |= j > i
        return j

    def _placed(self, i: int, reading: _Reading) -> int:
        """Read a region before the noun, "far left", "upper right", or a part, "the left half of the sandwich"."""
        draft = reading.draft
        found, j = self.text.match(v.PLACE_BEFORE, i)
        if not found or self.kind(i):                               # "in a pink top | holds"
            return i
        if self.text[j - 1] == "hand" and not self.goes_on(j):       # "the left hand"
            j -= 1
        if self.text[j] == "of" and self.starts(j + 1) and not self.text.match(v.IN_FRAME, j)[0]:
            part = self.text[j - 1]
            has_determiner = self.text[j + 1] in v.DETERMINERS - v.ONE_OF_THEM
            if self.number(j + 1 + has_determiner) and (has_determiner or i > reading.start):   # "left of the two"
                draft.add_place(place_name(found))
                reading.has_order = True
                return j
            words = found["where"].split()
            if part not in lex.PARTS:
                return i
            if part in words:
                words = words[:-1]
            for word in words:
                draft.add_place(v.DIRECTIONS[word])
            reading.pieces.append((NOUN, part))
            reading.has_noun = True
            return j
        further, after = self.text.match(v.PLACE_BEFORE, j)             # "top row | middle donut"
        is_named = i == (self.text[0] in v.ARTICLES) and found["part"] in lex.PORTIONS
        if is_named and (j == len(self.text) or self.text.match(v.RELATION, j)[0]):    # "left section | by the cup"
            reading.pieces.append((NOUN, found["part"]))
        elif not (self.goes_on(j) or (further and self.goes_on(after))):
            return i
        reading.has_order = True
        if self.text[j] in lex.OWN_ENDS and {"front", "back", "rear"} & set(found["where"].split()):
            for word in found["where"].split():
                if word in ("front", "back", "rear"):
                    reading.pieces.append((ADJECTIVE, word))
                else:
                    draft.add_place(v.DIRECTIONS[word])
            return j
        draft.add_place(place_name(found))
        return j

    def _number(self, i: int, reading: _Reading) -> int:
        draft, number = reading.draft, self.number(i)
        is_within = reading.pieces and reading.pieces[-1][0] == ADJECTIVE
        if number is not None and is_within and self.text[i].isdigit() and self._noun_follows(i + 1):
            reading.pieces.append((ADJECTIVE, self.text[i]))                        # "the red | 42 | bus"
            return i + 1
        if number is not None and (is_within or self.text[i - 1] == "a") and self._noun_follows(i + 2):
            reading.pieces.append((ADJECTIVE, self.text.between(i, i + 2)))         # "a | two tiered | cake"
            return i + 2
        if number is None or reading.pieces or draft.count is not None:
            return i
        if self.text[i + 1] == "of" and self.text[i + 2] in v.DETERMINERS:          # "two of the cups"
            draft.count = number
            return i + 3
        if self.text[i] == "one" and (not self.kind(i + 1) or reading.has_order):
            return i                                                                # "the left one"
        draft.count = number
        if self.text[i + 1] in ("more", "other") and self.text[i + 2] == "of" and self.starts(i + 3):
            return i + 3 + (self.text[i + 3] in v.DETERMINERS)          # "two more | of those | cookies"
        return i + 1

    def _coordination(self, i: int, reading: _Reading) -> int:
        """Read what joins attributes: "red | and | white striped umbrella", "a yellow, tan | , and | white bus"."""
        if not reading.pieces or reading.pieces[-1][0] != ADJECTIVE or not reading.coordinate:
            return i
        j = i
        while self.text[j] in v.JOINING:
            j += 1
        j += self.text[j] in v.DEGREES or self.text.tag(j) == "RB"              # "straight, | slightly | green"
        if self.kind(j) != ADJECTIVE and not (self.text[i] == "," and self.kind(j)):
            return i
        are_colours = self.text[i] == "and" and {self.text[i - 1], self.text[i + 1]} <= v.COLOURS   # "pink and white"
        return j if j > i and (are_colours or self._noun_follows(j)) else i

    def _possessor(self, i: int, reading: _Reading) -> int:
        """Read a possessor: "the man | 's | hat", "the dogs | blue bed"."""
        is_unmarked = reading.has_noun and self._is_unmarked_owner(i, reading)
        if not is_unmarked and (self.text[i] != "'s" or not reading.pieces):
            return i
        reading.pieces = [(POSSESSOR, " ".join(text for _, text in reading.pieces) + "'s" * (not is_unmarked))]
        reading.has_noun = False
        return self._content(i, reading) if is_unmarked else i + 1

    def _is_unmarked_owner(self, i: int, reading: _Reading) -> bool:
        """Return whether a plural lacks the apostrophe of a possessor: "kids | plate", not "dogs | brown one"."""
        word, k = reading.pieces[-1][1], i
        while self.kind(k) == ADJECTIVE:
            k += 1
        is_plural = word.endswith("s") and self.english.lemma(word) in lex.ALIVE - {word}
        return is_plural and reading.draft.count is None and k > i and self.kind(k) == NOUN \
            and self.english.lemma(self.text[k]) == self.text[k] and self.text[k] not in lex.GENERIC | lex.ALIVE \
            and not any(self.english.is_gerund(self.text[j]) for j in range(i, k))

    def _degree(self, i: int, reading: _Reading) -> int:
        is_degree = self.text[i] in v.DEGREES or (self.text[i].endswith("ly") and self.text.tag(i) == "RB")
        reading.has_order |= self.text[i] in ("most", "least", "more", "less")          # "the more crumpled of the two"
        return i + 1 if is_degree and (self.kind(i + 1) == ADJECTIVE or self.text.match(v.RANK, i + 1)[0]) else i

    def _colour_word(self, i: int, reading: _Reading) -> int:
        """Read "coloured" after a colour: "red | coloured cup"."""
        if not reading.pieces or reading.pieces[-1][1] not in v.COLOURS:
            return i
        if self.text[i] == "in" and self.text[i + 1] in v.COLOUR_WORDS:
            return i + 2
        return i + 1 if self.text[i] in v.COLOUR_WORDS else i

    def _is_tint(self, i: int) -> bool:
        """Return whether a participle belongs to the noun before it, as in "the mug | coloured orange"."""
        return self.text[i] in v.TINTED and self.colour(i + 1) > i + 1

    def _compounded(self, i: int, reading: _Reading) -> int:
        """Read a participle that forms an attribute with the noun before it: "chocolate | covered donut"."""
        word = self.text[i]
        if word == "top" and reading.has_noun and self.text[i + 1] in v.SURFACES - {"shelf"}:
            reading.pieces[-1], reading.has_noun = (ADJECTIVE, f"{reading.pieces[-1][1]} top"), False
            return i + 1                                                # "a marble top | table"
        is_second = sum(kind == NOUN for kind, _ in reading.pieces) > 1 and word in lex.COMPOUNDED_AFTER
        if word not in lex.COMPOUNDED or not reading.pieces or self.text[i + 1] in v.SHOWN | v.words("in by on") \
                or not (is_second or self._noun_follows(i + 1)):        # "a shirt coloured blue", "a train car covered"
            return i
        reading.pieces[-1] = (ADJECTIVE, f"{reading.pieces[-1][1]} {self.text[i]}")
        reading.has_noun = any(kind == NOUN for kind, _ in reading.pieces)
        return i + 1

    def _numbered(self, i: int, reading: _Reading) -> int:
        """Read a number that belongs to another noun: "player | number 23", "number 7 | bus"."""
        if reading.has_noun and _CODE.fullmatch(self.text[i]) and not self._content_follows(i):
            reading.draft.after.append(self.text[i])                    # "gate | b12"
            return i + 1
        if self.text[i] not in ("number", "no", "#") or not (self.number(i + 1) or self.text[i + 1].isdigit()):
            return i
        if not reading.has_noun and self.text[i + 2] in v.HOLDING:      # "the number 7 | on the shirt"
            reading.draft.after.append(self.text[i + 1])
            reading.pieces.append((NOUN, "number"))
            reading.has_noun = True
            return i + 2
        if self.text.match(v.COUNTED, i + 2)[0]:
            reading.draft.rank = self.number(i + 1)
        elif reading.has_noun:
            reading.draft.after.append(self.text.between(i, i + 2))
        else:
            reading.pieces.append((ADJECTIVE, self.text.between(i, i + 2)))
        return i + 2

    def _own_part(self, i: int, reading: _Reading) -> int:
        """Read a part of the object that looks like a region: "bus | front window", "dog | left ear"."""
        part, whole = self.english.lemma(self.text[i + 1]), self.english.lemma(reading.pieces[-1][1])
        parts = lex.BODY_PARTS | lex.CLOTHES if whole in lex.ALIVE else lex.OWN_ENDS    # not "man left window"
        if self.text[i] not in v.DIRECTIONS or self._open_kind(i + 2) == NOUN or not (
                part in parts or (part == "end" and self.text[i] == "rear")):
            return i
        reading.pieces += [(ADJECTIVE, self.text[i]), (NOUN, self.text[i + 1])]
        return i + 2

    def _in_row(self, i: int, reading: _Reading) -> int:
        """Read on after a noun that only says where the object is: "top shelf | second jar"."""
        k = i + (self.text[i] in v.DIRECTIONS)
        is_other = self.text[i] in v.SUPERLATIVES.keys() | v.ORDINALS.keys() \
            or self.english.lemma(self.text[k]) in lex.ALIVE or (self.kind(i) == ADJECTIVE and self._noun_follows(i))
        if len(reading.pieces) == 1 and reading.pieces[0][1] in v.PICTURES and reading.draft.region and is_other:
            reading.pieces, reading.has_noun = [], False                # "left picture | blue shirt"
            return max(step(i, reading) for step in (self._ranked, self._placed, self._content))
        if reading.pieces[-1][1] not in v.ROW_NOUNS or reading.draft.ranking:
            return i
        counted = self.text.match(v.COUNTED, i)[1] if reading.draft.rank else i     # "second row from left | third cup"
        start = counted + (self.number(counted) is not None)            # "row 2 | third kid"
        j = read_ranked(self.text, start, trial := Draft())
        placed, after = self.text.match(v.PLACE_BEFORE, counted)
        is_ranked = j > start and not trial.ranking and self.goes_on(j)
        if not is_ranked and not (reading.draft.rank and placed and self.goes_on(after)):   # "second row | left cup"
            return i
        reading.pieces, reading.has_noun, reading.draft.rank = [], False, trial.rank
        return j if is_ranked else self._placed(counted, reading)

    def _particle(self, i: int, reading: _Reading) -> int:
        """Read an attribute of a verb and its particle: "tied up | boat", "the fold up | chair"."""
        found, j = self.text.match(v.SEEN_SO, i)
        if found and self._noun_follows(j):
            reading.pieces.append((ADJECTIVE, found[0]))
            return j
        particle = self.text[i + 1]
        if particle not in _ATTRIBUTE_PARTICLES or not self._content_follows(i + 1):
            return i
        is_after_article = self.text[i - 1] in v.ARTICLES
        is_participle = (i == reading.start or is_after_article) and self.text.tag(i) in ("VBN", "VBD") \
            and self.english.has_sense(self.text[i], "verb")
        is_verb = self.text.tag(i).startswith("VB") or self._is_past(i) or (
            is_after_article and self.english.may_order(self.text, i))
        if particle == "over" and not (is_participle or is_after_article or self._is_past(i)):
            return i                                                    # "clock | over door"
        is_name = self.text[i] in v.words("walk carry plug check clip slip")            # "the walk in closet"
        if not is_verb or (particle in ("in", "on") and not (is_participle or is_name)):
            return i
        reading.pieces.append((ADJECTIVE, self.text.between(i, i + 2)))
        return i + 2

    def _is_past(self, i: int) -> bool:
        """Return whether a past form of a verb is at `i`, whatever its tag."""
        return self.english.lemma(self.text[i], "verb") != self.text[i] and not self.text[i].endswith("s")

    def _content(self, i: int, reading: _Reading) -> int:
        word = self.text[i]
        is_named = reading.has_noun or (reading.pieces and reading.pieces[-1][1] in lex.ADJECTIVE_THINGS
                                        and not self._content_follows(i))
        kind = self.kind(i, after_noun=bool(is_named))
        if word in v.SHADES and self.text[i + 1] in v.COLOURS and self._noun_follows(i + 2):
            kind = ADJECTIVE                                                        # "sky | blue car"
        if reading.has_noun and self._goes_on_after_noun(i, reading):
            reading.pieces[-1] = (ADJECTIVE, reading.pieces[-1][1])
            kind, reading.has_noun = ADJECTIVE, False
        # "The kettle, love", "the bottle | someone knocked over", "the jacket | whoever left it".
        has_determiner = self.text[reading.start] in v.DETERMINERS
        is_addressed = reading.has_noun and (self.text[i] in v.IDLE_AFTER | v.ANYONE or (
            self.text[i] in v.ADDRESSED and self.text[i + 1] in v.DETERMINERS) or (
            has_determiner and self.text[i] in ("whoever", "whatever")))
        if not kind or is_addressed or (reading.has_noun and (kind == ADJECTIVE or self._is_said_of_it(i, reading))):
            return i
        if self.text[i] in ("everything", "everyone"):
            reading.draft.count = 0
        if reading.has_noun and self._is_pet_name(i, reading):
            reading.draft.after.append(word)
            return i + 1
        reading.pieces.append((kind, self.text[i]))
        reading.has_noun = kind == NOUN
        return i + 1

    def _is_pet_name(self, i: int, reading: _Reading) -> bool:
        """Return whether a name follows a noun for a person, an animal or clothes: "the fish | nemo"."""
        named = self.english.lemma(reading.pieces[-1][1])
        return named in lex.ALIVE | lex.CLOTHES and not self.english.is_known(self.text[i]) \
            and not self.text[i].endswith(("er", "s")) and not self.kind(i + 1, after_noun=True)

    def _is_said_of_it(self, i: int, reading: _Reading) -> bool:
        """Return whether an activity starts at what could be a noun: "man | fly fishing", "something | fell"."""
        said_of, word = self.english.lemma(reading.pieces[-1][1]), self.text[i]
        if reading.pieces[-1][1] in lex.GENERIC:
            return self.text.tag(i).startswith("VB")
        if said_of in lex.ALIVE and word in lex.ING_NOUNS:     # "girl | painting"
            return self.english.lemma(word, "verb") != word
        if self.tells(i):
            return True
        return self.text[i] in lex.SPORTS and self.text[i + 1] in lex.SPORTING

    def _goes_on_after_noun(self, i: int, reading: _Reading) -> bool:
        """Return whether the noun before `i` is part of an attribute: "horse | drawn carriage", "jacket | blue guy"."""
        if reading.pieces[-1][1] in lex.CLOTHES and self.text[i] in v.COLOURS:
            k = i
            while self.text[k] in v.COLOURS | lex.CLOTHES:
                k += 1
            return self.english.lemma(self.text[k]) in lex.PEOPLE
        if not self.text.tag(i + 1).startswith("NN") or not self.kind(i + 1):
            return False
        if self.text[i].isdigit():
            return not self.text.match(v.RELATION, i)[0]                # "chair | 1 metre away from the door"
        is_alive = any(self.english.lemma(piece) in lex.ALIVE for _, piece in reading.pieces)
        if self.text[reading.start] in v.ARTICLES and not is_alive and self._noun_follows(i + 1) \
                and self.kind(i, after_noun=True) == ADJECTIVE:
            return True                                                 # "a sage | green chair"
        is_person = self.english.lemma(reading.pieces[-1][1]) in lex.PEOPLE and self.text[i] != "made"   # "man | made"
        return self.text.tag(i) == "VBN" and self.text[i] not in v.DIRECTIONS and not is_person \
            and self.english.lemma(self.text[i], "verb") not in lex.NAMING

    # --- head and attributes ------------------------------------------------------------------------------------------

    def _choose_head(self, reading: _Reading, end: int) -> None:
        """Divide what was read into attributes, head and telegraphic additions: "guy | hat"."""
        draft, pieces = reading.draft, reading.pieces
        head = self._head(pieces, end, has_determiner=self.text[reading.start] in v.DETERMINERS)
        if head is not None:
            *words, last = pieces[head][1].split()
            draft.head = self.english.lemma(last)
            draft.noun = " ".join([*words, draft.head])
            draft.plural = draft.head != last and last not in lex.PLURAL_ONLY
            draft.after = [text for _, text in pieces[head + 1:]] + draft.after
            pieces = pieces[:head]
        for kind, text in _with_shades(pieces):
            draft.before.append(text)
            if kind != POSSESSOR:
                draft.attributes.append(text)

    def _head(self, pieces: list[tuple[str, str]], end: int, *, has_determiner: bool) -> int | None:
        """Return which piece is the head: the last noun, but "guy hat" is a guy and "bowl soup" a bowl.

        `end` is the index of the word after the last piece.
        """
        nouns = [k for k, (kind, _) in enumerate(pieces) if kind == NOUN]
        if not nouns:
            return self._noun_among_adjectives(pieces, has_determiner)
        while pieces[nouns[-1]][1] in lex.PATTERNS and pieces[nouns[0]][1] not in lex.PATTERNS:
            nouns.pop()                                                 # "umbrella | stripes"
        for k in nouns[:-1]:
            noun, following, last = self.english.lemma(pieces[k][1]), pieces[k + 1][1], pieces[-1][1]
            is_owner = noun in lex.ALIVE and noun != pieces[k][1] and pieces[k][1].endswith("s")    # "batters helmet"
            is_worn = noun in lex.PEOPLE - lex.ROLES and last in lex.CLOTHES and not is_owner   # "lady pearl necklace"
            is_worn &= self.english.lemma(following) not in lex.PEOPLE  # "female officer hat"
            is_worn |= noun in lex.ALIVE and last in lex.CAUGHT_IN      # "lady profile"
            is_full = (noun in lex.CONTAINERS and {following, last} <= lex.SUBSTANCES) or (     # no "glass tea table"
                noun in lex.DISHES and following in lex.TOPPINGS) or (
                noun in lex.OPEN_CONTAINERS and following.endswith("s") and self.english.lemma(following) != following)
            is_worn |= noun in lex.ANYBODY and not has_determiner and k > 0 and pieces[k - 1][0] == ADJECTIVE \
                and self.english.lemma(last) not in lex.BODY_PARTS | lex.PEOPLE | {"shadow"}            # "old man cane"
            is_last = k == nouns[-2] == len(pieces) - 2 and not is_owner
            is_posed = not is_owner and self._is_posed(noun, [text for _, text in pieces[k + 1:]], end, has_determiner)
            if is_worn or is_full or is_posed or (is_last and self._is_handled(pieces[k][1], following, end)):
                return k
        return nouns[-1]

    def _is_posed(self, noun: str, held: list[str], end: int, has_determiner: bool) -> bool:
        """Return whether `end` says how someone holds an object or a body part: "skier poles up"."""
        word, following = self.text[end], self.text[end + 1]
        part = held[-1]
        if noun not in lex.ALIVE or any(self.english.lemma(other) in lex.ALIVE for other in held):
            return False
        if word in lex.HELD:
            return not self.goes_on(end + 1)
        is_part = self.english.lemma(part) in lex.BODY_PARTS
        if word not in v.HOLDING or has_determiner or self.text.match(v.PLACE_AFTER, end)[0] \
                or self.text.match(v.IN_FRAME, end)[0]:
            return is_part and self.text.tag(end) == "VBN"              # "hands clasped"
        k = end + 1 + (following in v.DETERMINERS)
        is_part &= noun not in lex.EATEN                                # "chicken wings on plate"
        is_at_part = self.english.lemma(self.text[k]) in lex.BODY_PARTS and not self.kind(k + 1, after_noun=True)
        return is_part or is_at_part

    def _is_handled(self, word: str, following: str, end: int) -> bool:
        """Return whether someone does something with the object: "skateboard | kid is on"."""
        noun, person, last = self.english.lemma(word), self.english.lemma(following), self.text[len(self.text) - 1]
        if person not in lex.ANYBODY | lex.ANIMALS or noun in lex.PEOPLE - lex.ANYBODY:
            return False
        is_stranded = last in lex.STRANDED or self.english.lemma(last, "verb") in lex.HANDLED
        does = {self.text[k] for k in (end, len(self.text) - 2, len(self.text) - 3) if k >= end} & v.AUXILIARIES
        goes_on = self.english.has_sense(self.text[end], "verb") and self.text[end] not in v.HOLDING    # "sleeps on"
        if is_stranded and (does or goes_on or end == len(self.text) - 1):
            return True
        if noun in lex.LIMBS:                                           # "hand man with watch"
            return self.text[end - 3] not in (*v.DETERMINERS, "'s") and not self.kind(end - 3)
        # "skis guy in blue": a plural does not say what kind of person it is, but clothes do.
        return noun != word and word.endswith("s") and noun not in lex.ALIVE and person in lex.ANYBODY \
            and word not in lex.CLOTHES | lex.PLURAL_ONLY and noun not in lex.CLOTHES

    def _noun_among_adjectives(self, pieces: list[tuple[str, str]], has_determiner: bool) -> int | None:
        """Return the last word of a phrase without a noun if it can be one: "the remote", but not "the red"."""
        kind, word = pieces[-1]
        if word in lex.ADJECTIVE_THINGS:
            return len(pieces) - 1
        if kind == POSSESSOR or word in v.COLOURS or word in lex.ONLY_ADJECTIVES:
            return None
        # "Wrapped present": two adjectives rarely occur without a noun.
        if self.english.has_sense(word, "adj") and not has_determiner and len(pieces) < 2:
            return None
        return len(pieces) - 1 if self.english.has_sense(word, "noun") else None


def place_name(found: object) -> str:
    """Return the name of the region in a match of one of the region patterns."""
    groups = found.groupdict()
    where = groups.get("middle") or groups["where"]
    place, *others = (v.DIRECTIONS[word] for word in where.split())
    for other in others:
        place = together(place, other)
    if groups["part"] == "corner" and " " in place:
        return f"{place} corner"
    return f"far {place}" if (groups["far"] or groups.get("all")) and place in ("left", "right") else place


def _with_shades(pieces: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the pieces, with "dark" and "blue" joined."""
    k = 0
    while k < len(pieces):
        kind, text = pieces[k]
        if text in v.SHADES and k + 1 < len(pieces) and pieces[k + 1][1].split("-")[0] in v.COLOURS:
            k += 1
            text = f"{text} {pieces[k][1]}"
        yield kind, text
        k += 1
