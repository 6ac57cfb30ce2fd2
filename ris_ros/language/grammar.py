# ruff: noqa
"""The grammar of referring expressions: a noun phrase, then what is said of it, read word by word from left to right.

A dependency parse is not used: trained on running text, it breaks on "lady blue dress" and "red cup left". Words of
structure are found by the patterns of `vocabulary`; between them, parts of speech tell nouns from attributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ris_ros.language import vocabulary as v
from ris_ros.language.english import English
from ris_ros.language.words import Text
from ris_ros.types import Description, Order, Relation

# Landmarks of landmarks, and so on, to this depth; what is said deeper is read over.
MAX_DEPTH = 4
# Words in a phrase or an appearance: a text encoder of CLIP takes 77 tokens, about 50 words, and cuts what is longer.
MAX_WORDS = 24


@dataclass
class Draft:
    """A description while it is being read."""

    first: int = 0
    last: int = 0                                           # the noun phrase is words first..last, last exclusive
    head: str = ""
    noun: str = ""                                          # the head in the singular
    before: list[str] = field(default_factory=list)         # of the appearance, before the noun
    after: list[str] = field(default_factory=list)          # and after it
    attributes: list[str] = field(default_factory=list)
    place: str = ""
    rank: int = 0                                           # an ordinal that still lacks its order
    order: Order | None = None
    complement: bool = False                                # the superlative may yet get one: "the closest cup to us"
    relations: list[Relation] = field(default_factory=list)
    excluded: list[Draft] = field(default_factory=list)
    count: int | None = None
    plural: bool = False

    @property
    def says_nothing(self) -> bool:
        return not (self.head or self.before or self.after or self.place or self.rank or self.order or self.relations
                    or self.excluded)

    def add_place(self, place: str) -> None:
        """Note a place, together with one that was said before."""
        both = frozenset((self.place, place))
        self.place = v.TOGETHER.get(both, self.place or place)

    def add_order(self, order: Order) -> None:
        """Note an order; of two, the first counts."""
        self.order = self.order or order
        self.rank = 0

    def settle(self) -> None:
        """Give an ordinal without a direction its order: from the side that the place names, else from the left."""
        if self.rank:
            side = self.place.removeprefix("far ")
            if side in ("left", "right"):
                # "The last cup on the right" is the one at that end.
                self.place, self.order = "", Order(side, max(self.rank, 1) if self.rank > -2 else self.rank)
            else:
                self.order = Order("left", self.rank)
            self.rank = 0
        if self.order and self.order.rank < -1:     # the second to last is the second from the other end
            self.order = Order(v.OPPOSITE[self.order.name], -self.order.rank)

    def merge(self, other: Draft) -> None:
        """Take over what another draft of the same thing says: "the cup, the red one"."""
        other.settle()
        self.before += [text for text in other.before if text not in self.before]
        self.attributes += [text for text in other.attributes if text not in self.attributes]
        self.after += other.after
        self.add_place(other.place)
        if other.order:
            self.add_order(other.order)
        self.relations += other.relations
        self.excluded += other.excluded
        if not self.head or (self.head in v.GENERIC and other.head not in v.GENERIC | {""}):
            self.head, self.noun = other.head, other.noun


class Grammar:
    """Reads one text."""

    def __init__(self, text: Text, english: English):
        self.text = text
        self.english = english
        self._depth = 0

    # --- a whole description ------------------------------------------------------------------------------------------

    def description(self, i: int, *, landmark: bool = False) -> tuple[Draft, int] | None:
        """A noun phrase at word `i` with all that follows about it; None where there is none."""
        with self._deeper() as allowed:
            return self._described(i, landmark) if allowed else None

    def _described(self, i: int, landmark: bool) -> tuple[Draft, int] | None:
        draft = Draft(first=i, last=i)
        if not landmark:
            i = self._fronted(i, draft)
        j = self.noun_phrase(i, draft)
        if draft.says_nothing:
            # Nothing but modifiers: "behind the box", "wearing a hat".
            j = self._modifier(i, draft, landmark)
            if j == i:
                return None
            draft.first, draft.last = i, j
        j = self.modifiers(j, draft, landmark)
        draft.settle()
        return draft, j

    def _fronted(self, i: int, draft: Draft) -> int:
        """What is said before the noun phrase: "from the left, the second cup"."""
        while True:
            if found := self.text.match(v.COUNTED, i):
                draft.order, j = Order(v.SIDES[found[0]["side"]]), found[1]
            else:
                j = self._place(i, draft, fronted=True)
            if j == i:
                return i
            if self.text[j] in (",", ":", ";", "there", "is"):
                j += 1
            elif self.text[i] not in v.words("on at in from to over") or not self._starts_noun_phrase(j):
                if self.text[j] not in v.DETERMINERS:
                    draft.place, draft.order = "", None
                    return i
            i = j

    # --- noun phrases -------------------------------------------------------------------------------------------------

    def noun_phrase(self, i: int, draft: Draft, *, coordinate: bool = True) -> int:
        """Read a noun phrase into `draft`; the index after it, `i` where there is none."""
        start, content, possessor_end = i, [], 0
        counting, draft.order = draft.order, None           # a direction said in front: "from the left, ..."
        i = self._quantifier(i, draft)
        seen_noun = False
        pieces: list[tuple[str, str]] = []                  # kind and text of what stands before the head
        while i < len(self.text):
            word = self.text[i]
            if not seen_noun and (j := self._compound(i)):
                content.append(i), pieces.append(("noun", self.text.between(i, j)))
                seen_noun, i = True, j
                continue
            if not seen_noun and ((word in v.DETERMINERS and word != "that") or (word == "that" and not pieces)) \
                    and (i == start or self.text[i - 1] in v.DETERMINERS | v.words("of both all not") or not pieces):
                if word in v.DETERMINERS and pieces:
                    break
                if word in ("a", "an", "this", "that") and draft.count is None:
                    draft.count = 1
                i += 1
                continue
            if not seen_noun and word in v.IDLE and self._kind(i + 1):
                i += 1
                continue
            if not seen_noun and (j := self._ranked(i, draft, pieces)) > i:
                i = j
                continue
            if not seen_noun and (j := self._place_before(i, draft, pieces)) > i:
                i = j
                continue
            number = self._number(i)
            if number is not None and not pieces and draft.count is None and word != "one":
                draft.count, i = number, i + 1
                continue
            if word == "one" and not pieces and self._kind(i + 1) and not draft.order and not draft.rank \
                    and not draft.place and self.text[i + 1] not in v.SUPERLATIVES and self.text[i + 1] not in v.DIRECTIONS:
                draft.count, i = 1, i + 1
                continue
            if coordinate and not seen_noun and pieces and (word in ("and", "or") or word == ",") \
                    and pieces[-1][0] == "adj" and self._kind(i + 1) == "adj" and self._noun_follows(i + 1):
                i += 1
                continue
            if word == "'s" and pieces:
                possessor = " ".join(text for _, text in pieces) + "'s"
                pieces, seen_noun, possessor_end = [("possessor", possessor)], False, i + 1
                i += 1
                continue
            if not seen_noun and word in v.words("very really quite so super extremely too") and self._kind(i + 1) == "adj":
                i += 1
                continue
            if word in v.COLOUR_WORD and pieces and pieces[-1][0] == "adj":
                i += 1
                continue
            if word == "in" and pieces and self.text[i + 1] in v.COLOUR_WORD:
                i += 2
                continue
            kind = self._kind(i, after_noun=seen_noun, first=not pieces)
            if not kind or (seen_noun and kind == "adj"):
                break
            pieces.append((kind, word))
            content.append(i)
            seen_noun = kind == "noun"
            i += 1
        if not pieces:
            if counting:
                draft.order = counting
            if draft.order or draft.rank or draft.place or (draft.count is not None and i > start):
                self._finish(start, i, draft, counting)
                return i
            return start
        i = self._choose_head(start, i, pieces, draft)
        self._finish(start, i, draft, counting)
        return i

    def _finish(self, start: int, i: int, draft: Draft, counting: Order | None) -> None:
        draft.first, draft.last = start, i
        if counting:
            rank = draft.rank or (draft.order.rank if draft.order else 1)
            draft.order, draft.rank = Order(counting.name, rank), 0

    def _choose_head(self, start: int, i: int, pieces: list[tuple[str, str]], draft: Draft) -> int:
        """Split what was read into head, attributes before it and telegraphic additions after it."""
        kinds = [kind for kind, _ in pieces]
        texts = [text for _, text in pieces]
        if "noun" in kinds:
            head = len(kinds) - 1 - kinds[::-1].index("noun")
            run = head
            while run > 0 and kinds[run - 1] == "noun":
                run -= 1
            head = self._first_of_run(texts, run, head)
        else:
            head = self._noun_among_adjectives(pieces)
        if head is not None:
            draft.noun = self.english.lemma(texts[head].split()[-1])
            draft.head = draft.noun
            words = texts[head].split()
            draft.noun = " ".join([*words[:-1], draft.noun])
            draft.plural = draft.noun != texts[head] and texts[head] not in v.PLURAL_ONLY
            draft.after += texts[head + 1:]
            pieces = pieces[:head]
        for kind, text in self._with_shades(pieces):
            draft.before.append(text)
            if kind != "possessor":
                draft.attributes.append(text)
        return i

    def _first_of_run(self, texts: list[str], first: int, last: int) -> int:
        """Which noun of a run of nouns is the head: the last, but "guy hat" is a guy and "bowl soup" a bowl."""
        for k in range(first, last):
            noun, following = self.english.lemma(texts[k]), texts[k + 1]
            if noun in v.PEOPLE and noun != "baby" and following not in v.PEOPLE | v.COMPOUND_AFTER_PERSON \
                    and self.english.lemma(following) not in v.PEOPLE and following in v.CLOTHES | v.SUBSTANCES:
                return k
            if noun in v.CONTAINERS and following in v.SUBSTANCES:
                return k
        return last

    def _noun_among_adjectives(self, pieces: list[tuple[str, str]]) -> int | None:
        """The last word of a phrase without a noun, where it can be one: "the orange", but not "the red"."""
        if not pieces or pieces[-1][0] == "possessor":
            return None
        word = pieces[-1][1]
        if word in v.COLOURS:
            return len(pieces) - 1 if word in v.COLOUR_THINGS and len(pieces) == 1 else None
        if self.english.has_sense(word, "noun") and not self.english.has_sense(word, "adj"):
            return len(pieces) - 1
        return None

    def _with_shades(self, pieces: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Attributes, "dark" and "blue" as one."""
        k = 0
        while k < len(pieces):
            kind, text = pieces[k]
            if text in v.SHADES and k + 1 < len(pieces) and pieces[k + 1][1].split("-")[0] in v.COLOURS:
                yield kind, f"{text} {pieces[k + 1][1]}"
                k += 2
            else:
                yield kind, text
                k += 1

    def _quantifier(self, i: int, draft: Draft) -> int:
        found = self.text.match(v.QUANTIFIER, i)
        if found and not (found[0][0] == "either" and self.text[found[1]] in ("side", "end")):
            draft.count = v.QUANTIFIERS[found[0][0]]
            i = found[1]
            if self.text[i] == "of" and i + 1 < len(self.text):
                i += 1
            if self.text[i] in v.DETERMINERS and self.text[i] != "that":
                i += 1
            if (number := self._number(i)) is not None and draft.count != 1:
                draft.count, i = number, i + 1
            return i
        number = self._number(i)
        if number is not None and self.text[i + 1] == "of" and self.text[i + 2] in v.DETERMINERS:
            draft.count = number
            return i + 3
        return i

    def _number(self, i: int) -> int | None:
        word = self.text[i]
        if word in v.CARDINALS:
            return v.CARDINALS[word]
        return int(word) if word.isascii() and word.isdigit() and len(word) < 4 else None

    def _compound(self, i: int) -> int:
        """The end of a compound such as "first aid" at `i`; 0 where there is none."""
        return i + 2 if f"{self.text[i]} {self.text[i + 1]}" in v.COMPOUNDS else 0

    def _ranked(self, i: int, draft: Draft, pieces: list) -> int:
        """"second largest", "leftmost", "third", "last" before a noun."""
        found = self.text.match(v.RANKED, i)
        if found:
            match, j = found
            word = match["superlative"] or match["extreme"]
            if (word in ("near", "far") and (match["nth"] or not self._kind(j))) or word == "least":
                found = None
            else:
                rank = v.ORDINALS[match["nth"]] if match["nth"] else max(draft.rank, 1)
                draft.add_order(Order(v.SUPERLATIVES[word], rank))
                k = self._complement(j, draft, word)
                return k
        found = self.text.match(v.RANK, i)
        if not found:
            return i
        match, j = found
        if match["back"]:
            draft.rank = -(v.ORDINALS.get(match["back"], 2))
        elif match["penultimate"]:
            draft.rank = -2
        elif match["last"]:
            draft.rank = -1
        else:
            draft.rank = v.ORDINALS[match["nth"]]
        counted = self.text.match(v.COUNTED, j)
        if counted:
            self._count_from(v.SIDES[counted[0]["side"]], draft)
            j = counted[1]
        return j

    def _count_from(self, side: str, draft: Draft) -> None:
        rank = draft.rank or (draft.order.rank if draft.order else 1)
        draft.order, draft.rank = Order(side, rank), 0

    def _complement(self, j: int, draft: Draft, word: str) -> int:
        """What a superlative is superlative in: "closest to the camera", "furthest left", "farthest from us"."""
        order = draft.order
        if order is None or order.name not in ("near", "far"):
            return j
        if order.name == "far":
            if found := self.text.match(v.AWAY_FROM, j):
                side = v.SIDES[found[0]["side"]]
                draft.order = Order(v.OPPOSITE[side], order.rank)
                return found[1]
            found = self.text.match(v.TOWARDS, j)
            if found and not (self.text[j] in v.DIRECTIONS and self._kind(found[1]) == "noun" and False):
                draft.order = Order(v.SIDES[found[0]["side"]], order.rank)
                return found[1]
            if found := self.text.match(v.AWAY, j):
                if found[0][0] in ("up", "down"):
                    draft.order = Order({"up": "top", "down": "bottom"}[found[0][0]], order.rank)
                elif found[0][0].startswith("forward"):
                    draft.order = Order("near", order.rank)
                j = found[1]
                if found := self.text.match(v.AWAY_FROM, j):
                    return found[1]
                return j
        else:
            found = self.text.match(v.TOWARDS, j)
            if found:
                draft.order = Order(v.SIDES[found[0]["side"]], order.rank)
                return found[1]
        draft.complement = True
        return j

    def _place_before(self, i: int, draft: Draft, pieces: list) -> int:
        """A place before a noun: "the far left cup"."""
        found = self.text.match(v.PLACE_BEFORE, i)
        if not found or not self._is_content(found[1]):
            return i
        draft.add_place(self._place_name(found[0]))
        return found[1]

    def _is_content(self, i: int) -> bool:
        """Whether a noun phrase goes on at `i`."""
        return bool(self._kind(i)) or self.text[i] in v.SUPERLATIVES or self.text[i] in v.ORDINALS \
            or (self._number(i) is not None and bool(self._kind(i + 1)))

    def _noun_follows(self, i: int) -> bool:
        for k in range(i, min(i + 6, len(self.text))):
            kind = self._kind(k)
            if kind == "noun":
                return True
            if not kind and self.text[k] not in ("and", "or", ","):
                return False
        return False

    def _starts_noun_phrase(self, i: int) -> bool:
        return self.text[i] in v.DETERMINERS or self._is_content(i) or self._number(i) is not None \
            or self.text[i] in v.DIRECTIONS or bool(self.text.match(v.QUANTIFIER, i))

    def _kind(self, i: int, *, after_noun: bool = False, first: bool = False) -> str:
        """Whether the word at `i` is a "noun" or an "adj" of a noun phrase; empty when it is neither."""
        word, tag = self.text[i], self.text.tag(i)
        if not word or not word[0].isalnum() or word in NO_CONTENT:
            return "noun" if word in v.GENERIC and word != "" else ""
        if word in v.GENERIC:
            return "noun"
        if word in v.COLOURS or word.split("-")[-1] in v.COLOURS:
            if word in v.COLOUR_THINGS and tag.startswith("NN") and not self._simple_kind(i + 1) and not after_noun \
                    and (first or self.text[i - 1] in v.DETERMINERS):
                return "noun"
            return "adj"
        if word in v.DIRECTIONS or self.text.match(v.RANK, i) or word in v.SUPERLATIVES:
            return "noun" if word in ("top", "back") and self.text[i - 1] in v.COLOURS else ""
        return self._simple_kind(i, after_noun=after_noun)

    def _simple_kind(self, i: int, *, after_noun: bool = False) -> str:
        word, tag = self.text[i], self.text.tag(i)
        if not word or not word[0].isalpha() or word in NO_CONTENT:
            return ""
        noun, adjective = self.english.has_sense(word, "noun"), self.english.has_sense(word, "adj")
        if word in v.ING_NOUNS or self.english.lemma(word) in v.PEOPLE or self.english.lemma(word) in v.CONTAINERS \
                or word in v.CLOTHES:
            return "noun"
        if tag == "VBG" or (word.endswith("ing") and (tag.startswith("VB") or after_noun)
                            and self.english.has_sense(word, "verb")):
            return "" if after_noun or not self._content_after(i) else "adj"
        if tag in ("VBN", "VBD"):
            if after_noun:
                return "noun" if noun and not self.english.has_sense(word, "verb") else ""
            if self._content_after(i):
                return "adj"
            return "noun" if noun and not word.endswith("ed") else ("adj" if adjective or word.endswith("ed") else "")
        if tag.startswith("JJ"):
            if noun and not adjective and not word.endswith(("ed", "en", "ish")) and "-" not in word:
                return "noun"
            return "adj"
        if tag.startswith("NN"):
            if adjective and not noun:
                return "adj"
            return "noun"
        if tag in ("VB", "VBP", "VBZ", "MD"):
            if after_noun and self.english.has_sense(word, "verb") and self._starts_object(i + 1):
                return ""
            return "noun" if noun else ("adj" if adjective else "")
        if tag in ("RB", "RBR", "RBS", "UH", "FW", "CD", "IN", "RP", "XX", "LS", "SYM", "PRP", "ADD", "NFP"):
            if tag == "CD":
                return "noun" if noun or not word[0].isdigit() else ""
            if word.endswith("ly"):
                return "adj" if adjective else ""
            return "noun" if noun else ("adj" if adjective else ("noun" if tag in ("FW", "XX", "UH", "ADD") else ""))
        return ""

    def _content_after(self, i: int) -> bool:
        word, tag = self.text[i + 1], self.text.tag(i + 1)
        if not word or not word[0].isalpha() or word in NO_CONTENT or word in v.DIRECTIONS:
            return False
        return tag.startswith(("NN", "JJ")) or word in v.COLOURS or self.english.has_sense(word, "noun")

    def _starts_object(self, i: int) -> bool:
        return self.text[i] in v.DETERMINERS or bool(self.text[i] and self.text[i] not in NO_CONTENT
                                                     and self.text.tag(i).startswith(("NN", "JJ")))

    # --- modifiers ----------------------------------------------------------------------------------------------------

    def modifiers(self, i: int, draft: Draft, landmark: bool) -> int:
        """Read everything after a noun phrase that is about it."""
        while i < len(self.text):
            j = self._modifier(i, draft, landmark)
            if j == i and self.text[i] == "," and not landmark:
                j = self._after_comma(i, draft)
            if j == i and self.text[i] in ("and", "but") and not landmark:
                k = self._modifier(i + 1, draft, landmark, strict=True)
                j = k if k > i + 1 else i
            if j == i:
                return i
            i = j
        return i

    def _after_comma(self, i: int, draft: Draft) -> int:
        j = i + 1
        if self.text[j] in ("and", "but"):
            j += 1
        k = self._modifier(j, draft, False, strict=True)
        if k > j:
            return k
        other = Draft()
        k = self.noun_phrase(j, other)
        if k > j and (other.head in v.GENERIC or not other.head or other.head == draft.head) and other.count != 0:
            self.modifiers(k, other, False)
            k = self.modifiers(k, Draft(), False)
            draft.merge(other)
            return k
        return i

    def _modifier(self, i: int, draft: Draft, landmark: bool, strict: bool = False) -> int:
        """One modifier at `i`; `strict` leaves out what could as well be another noun phrase."""
        if i >= len(self.text):
            return i
        if found := self.text.match(v.OF_ALL, i):
            return found[1]
        for read in (self._negation, self._relative, self._order, self._place_or_relation, self._shown, self._doing):
            j = read(i, draft)
            if j > i:
                return j
        if self.text[i] in v.ADVERBS | v.INTENSIFIERS and self.text[i] not in ("right", "close", "near", "next"):
            return i + 1
        if strict:
            return i
        return self._addition(i, draft)

    def _negation(self, i: int, draft: Draft) -> int:
        if found := self.text.match(v.LACKING, i):
            excluded, j = Draft(), found[1]
            k = self._stretch(j)
            if k == j:
                return i
            excluded.first, excluded.last = j, k
            excluded.after = [f"with {self.text.between(j, k)}"]
            draft.excluded.append(excluded)
            return k
        found = self.text.match(v.EXCEPT, i)
        if found:
            other = self.description(found[1], landmark=True) if found[1] < len(self.text) else None
            if other is None or (self.text[i] == "but" and self.text[found[1]] not in v.DETERMINERS):
                return i
            draft.excluded.append(other[0])
            return other[1]
        found = self.text.match(v.NOT, i)
        if not found:
            return i
        j = found[1]
        while True:
            k = self._excluded(j, draft)
            if k == j:
                return i if j == found[1] else j
            j = k
            again = j + 1 if self.text[j] == "," and self.text[j + 1] in ("or", "nor", "not") else j
            if self.text[again] in ("or", "nor") or (self.text[again] == "and" and self.text[again + 1] == "not"):
                again += 1
                again += self.text[again] in ("not", "also")
                j = again
            else:
                return j

    def _excluded(self, i: int, draft: Draft) -> int:
        """One thing that the description rules out."""
        with self._deeper() as allowed:
            return self._exclude(i, draft) if allowed else i

    def _exclude(self, i: int, draft: Draft) -> int:
        excluded = Draft(first=i, last=i)
        j = i
        for read in (self._order, self._place_or_relation, self._shown, self._doing):
            j = read(i, excluded)
            if j > i:
                break
        if j == i:
            j = self.noun_phrase(i, excluded, coordinate=False)
            if j > i and excluded.head:
                last = excluded.last
                j = self.modifiers(j, excluded, True)
                excluded.last = last
        else:
            excluded.last = j
        if j == i or excluded.says_nothing:
            return i
        excluded.settle()
        draft.excluded.append(excluded)
        return j

    def _relative(self, i: int, draft: Draft) -> int:
        """A relative clause, or the predicate of a statement: "that is red", "which you see on the left", "is red"."""
        if found := self.text.match(v.SEEN, i):
            return found[1]
        if found := self.text.match(v.COPULA, i):
            return self._predicate(found[1], draft) or i
        word = self.text[i]
        if word == "whose":
            j = self._clause_end(i + 1)
            draft.after.append(self.text.between(i, j))
            return j
        if word in v.RELATIVE:
            j = i + 1
            if self.text[j] in v.words("can could may might will would should has have had"):
                j += self.text[j + 1] in v.words("be been")
                j += 1
            while self.text[j] in v.ADVERBS:
                j += 1
            tag = self.text.tag(j)
            for read in (self._negation, self._place_or_relation):
                k = read(j, draft)
                if k > j:
                    return k
            if tag.startswith("VB") or self.english.has_sense(self.text[j], "verb"):
                k = self._doing(j, draft, finite=True)
                if k > j:
                    return k
            # "that my sister is holding"
            k = self._clause_end(j)
            if k > j:
                draft.after.append(self.text.between(i, k))
                return k
            return i
        return self._object_relative(i, draft)

    def _object_relative(self, i: int, draft: Draft) -> int:
        """"the chair the man is sitting on"."""
        if not draft.head or self.text[i] not in v.DETERMINERS | v.PRONOUNS:
            return i
        if self.text[i] in v.PRONOUNS:
            j = i + 1
        else:
            j = self.noun_phrase(i, Draft())
        if j == i:
            return i
        if self.text[j] in v.words("is are was were has have had") or self.text.tag(j) in ("VBD", "VBZ", "VBP"):
            k = self._clause_end(j)
            if k > j:
                draft.after.append(self.text.between(i, k))
                return k
        return i

    def _clause_end(self, i: int) -> int:
        """The end of a clause that is taken as it is, at most a dozen words on."""
        for j in range(i, min(i + 12, len(self.text))):
            if self.text[j] in v.words(", . ; : ! ? ... and"):
                return j
        return min(i + 12, len(self.text))

    def _predicate(self, i: int, draft: Draft) -> int:
        """What follows "is"; 0 when it says nothing."""
        start = i
        while True:
            while self.text[i] in v.ADVERBS | v.words("very really quite all so") and self.text[i] not in v.DIRECTIONS:
                i += 1
            j = i
            for read in (self._negation, self._order, self._place_or_relation, self._shown, self._doing):
                j = read(i, draft)
                if j > i:
                    break
            if j == i:
                other = Draft()
                j = self.noun_phrase(i, other)
                if j > i:
                    if other.head and other.head not in v.GENERIC and draft.head not in v.GENERIC and draft.head:
                        draft.after.append(self.text.between(i, j))
                        if other.order:
                            draft.add_order(other.order)
                    else:
                        draft.merge(other)
            if j == i:
                return i if i > start else 0
            i = j
            if self.text[i] in ("and", "but", ",") and (self.text[i + 1] in v.COLOURS or self._is_property(i + 1)):
                i += 1
                continue
            return i

    def _is_property(self, i: int) -> bool:
        trial = Draft()
        return any(read(i, trial) > i for read in (self._negation, self._order, self._place_or_relation)) \
            or (self._kind(i) == "adj" and not self._noun_follows(i))

    def _order(self, i: int, draft: Draft) -> int:
        """An order after the noun: "furthest to the left", "second from the right", "the second largest"."""
        if draft.complement and self.text[i] in ("to", "from", "away"):
            j = self._late_complement(i, draft)
            if j > i:
                return j
        if found := self.text.match(v.COUNTED, i):
            if draft.rank or draft.order or self.text[i] != "from":
                self._count_from(v.SIDES[found[0]["side"]], draft)
                return found[1]
        j = i + 1 if self.text[i] in ("the", "being") else i
        trial = Draft(rank=draft.rank)
        k = self._ranked(j, trial, [])
        number = self._number(i)
        if k == j and number and (found := self.text.match(v.COUNTED, i + 1)):
            draft.order, draft.rank = Order(v.SIDES[found[0]["side"]], number), 0
            return found[1]
        if k == j or (self._is_content(k) and not trial.complement) or (self.text[k] == "of" and \
                not self.text.match(v.OF_ALL, k)):
            return i
        if (trial.complement and self._starts_noun_phrase(k) and not draft.complement) or \
                (trial.complement and self.text[k] in ("to", "from") and self._starts_noun_phrase(k + 1)):
            return i        # "closest to the bowl" is a relation
        if trial.order:
            draft.add_order(trial.order)
        else:
            draft.rank = trial.rank
        return k

    def _late_complement(self, i: int, draft: Draft) -> int:
        """"the closest cup to the camera", "the nearest chair to the window"."""
        near = draft.order.name == "near"
        for patterns in ((v.TOWARDS,) if near else (v.AWAY_FROM, v.TOWARDS)):
            if found := self.text.match(patterns, i):
                side = v.SIDES[found[0]["side"]]
                name = v.OPPOSITE[side] if patterns is v.AWAY_FROM else side
                draft.order, draft.complement = Order(name, draft.order.rank), False
                return found[1]
        if self.text[i] == ("to" if near else "from"):
            landmark, j = self._landmark(i + 1)
            if landmark:
                draft.relations.append(Relation("near" if near else "far from", (landmark,)))
                draft.order, draft.complement = None, False
                return j
        return i

    def _place_or_relation(self, i: int, draft: Draft) -> int:
        """A place or a relation, whichever takes more words: "on the left", but "on the left of the box"."""
        start = i
        while self.text[i] in v.INTENSIFIERS and self._placing_follows(i):
            i += 1
        relation = self.text.match(v.RELATION, i)
        j = self._place(i, draft, relation[1] if relation else i)
        if j == i and relation:
            j = self._relation(i, relation, draft)
        return j if j > i else start

    def _placing_follows(self, i: int) -> bool:
        """Whether a place or relation stands after an intensifier; "right of" and "right side" are themselves one."""
        if self.text[i] == "right" and self.text[i + 1] in v.words("of side hand from corner most") | set(v.DIRECTIONS):
            return False
        j = i + 1
        while self.text[j] in v.INTENSIFIERS:
            j += 1
        if self.text[i] == "right":
            return bool(self.text.match(v.RELATION, j)) and not (self.text[j] == "in" and self._is_worn(j + 1))
        return bool(self.text.match(v.RELATION, j) or self.text.match(v.PLACE_AFTER, j))

    def _place(self, i: int, draft: Draft, beyond: int = 0, fronted: bool = False) -> int:
        """A place that takes more words than `beyond`."""
        if found := (self.text.match(v.MIDDLE_OF_SURFACE, i) or self.text.match(v.PLACE_AFTER, i)):
            match, j = found
            bare = self.text[i] in v.DIRECTIONS
            if fronted and self.text[i] not in v.words("on at in to over") and self.text[j] != ",":
                return i
            if j > beyond and not (self.text[j] == "of" and self._is_part(match, j)) \
                    and not (bare and self._is_verb_left(i)) and not (bare and self._is_content(j) and not fronted
                                                                     and self._kind(j) == "noun" and False):
                draft.add_place(self._place_name(match))
                return j
        if found := self.text.match(v.CORNER, i):
            draft.add_place("corner")
            return found[1]
        if found := self.text.match(v.AFAR, i):
            draft.add_place("front" if self.text[i] in v.AFAR_FRONT else "back")
            return found[1]
        return i

    def _is_part(self, match: object, j: int) -> bool:
        """Whether "of" goes on to say what the place is a place of; then it is a relation or a part of a thing."""
        return True

    def _is_verb_left(self, i: int) -> bool:
        """"a cup left on the table"."""
        return self.text[i] == "left" and self.text[i + 1] in v.words("on by behind at inside outside under") \
            and self.text[i + 2] in v.DETERMINERS and not self.text.match(v.PLACE_AFTER, i + 1)

    def _place_name(self, match: object) -> str:
        groups = match.groupdict()
        directions = [v.DIRECTIONS[word] for word in groups["where"].split()]
        place = directions[0]
        for direction in directions[1:]:
            place = v.TOGETHER.get(frozenset((place, direction)), place)
        if groups.get("part") == "corner" and " " in place:
            return f"{place} corner"
        if (groups.get("far") or groups.get("all")) and place in ("left", "right"):
            return f"far {place}"
        return place

    def _relation(self, i: int, relation: tuple, draft: Draft) -> int:
        match, j = relation
        name = v.RELATION_NAMES[int(match.lastgroup[1:])]
        words = match[0]
        if name == "on" and words == "off" and not self._starts_noun_phrase(j):
            return i
        if words == "next" and not self._starts_noun_phrase(j):
            return i
        if words in ("by", "before", "past", "around", "at", "over") and self.text.tag(i - 1) == "VBN":
            return i
        if found := self.text.match(v.IN_FRAME, i):
            return found[1]
        if found := self.text.match(v.ONLOOKER, j):
            if name in ("in front of", "near", "next to"):
                draft.add_place("front")
            elif name in ("left of", "right of"):
                draft.add_place(name.split()[0])
            elif name in ("far from",):
                draft.add_place("back")
            return found[1]
        if words in ("in", "on", "at") and (self._is_worn(j) or self._is_state(j)):
            k = self._stretch(j)
            if k > j:
                draft.after.append(self.text.between(i, k))
                return k
        if found := self.text.match(v.OTHERS, j):
            return found[1]
        if self.text[j] in v.PRONOUNS and self.text[j] not in v.POSSESSIVES:
            return j + 1
        landmarks, k = self._landmarks(j, name)
        if landmarks:
            draft.relations += landmarks
            return k
        if name in v.ALONE and (j >= len(self.text) or not self._starts_noun_phrase(j)):
            draft.add_place(v.ALONE[name])
            return j
        return i

    def _landmarks(self, i: int, name: str) -> tuple[list[Relation], int]:
        return self._between(i) if name == "between" else self._apart(i, name)

    def _between(self, i: int) -> tuple[list[Relation], int]:
        first, j = self._landmark(i, alone=True)
        if first is None:
            return [], i
        if self.text[j] in ("and", "or"):
            second, k = self._landmark(j + 1)
            if second is not None:
                if not first.head:
                    first = _with_noun(first, second.head)
                elif second.head in ("", "one"):
                    second = _with_noun(second, first.head)
                return [Relation("between", (first, second))], k
        if first.count == 1:
            return [Relation("in", (first,))], j
        if first.count != 2:
            first = _replace(first, count=2)
        return [Relation("between", (first,))], j

    def _apart(self, i: int, name: str) -> tuple[list[Relation], int]:
        landmark, j = self._landmark(i)
        if landmark is None:
            return [], i
        return [Relation(name, (landmark,))], j

    def _landmark(self, i: int, alone: bool = False) -> tuple[Description | None, int]:
        """A landmark; `alone` without what is said of it beyond its noun phrase."""
        if alone:
            draft = Draft()
            j = self.noun_phrase(i, draft)
            found = (draft, j) if j > i else None
        else:
            found = self.description(i, landmark=True) if self._starts_noun_phrase(i) else None
        if found is None or not (found[0].head or found[0].attributes or found[0].order or found[0].rank or found[0].place):
            return None, i
        draft, j = found
        draft.settle()
        return finished(draft, self.text), j

    @contextmanager
    def _deeper(self) -> Iterator[bool]:
        self._depth += 1
        try:
            yield self._depth <= MAX_DEPTH
        finally:
            self._depth -= 1

    def _is_worn(self, i: int) -> bool:
        """Whether "in" leads to clothes or a colour."""
        trial = Draft()
        j = self.noun_phrase(i, trial)
        if j == i:
            return False
        noun = self.text[j - 1]
        return noun in v.CLOTHES or trial.head in v.CLOTHES or (not trial.head and bool(trial.attributes)
                                                               and not trial.place and trial.attributes[-1].split()[-1] in v.COLOURS)

    def _is_state(self, i: int) -> bool:
        j = i + (self.text[i] in v.DETERMINERS)
        if self.text[i] in v.words("his her its their"):
            return True
        return self.text[j] in v.STATES and not self._kind(j + 1)

    def _shown(self, i: int, draft: Draft) -> int:
        """What a vision-language model judges: "with a handle", "of soup"."""
        word = self.text[i]
        if word not in v.SHOWN and not (word == "by" and self.text.tag(i - 1) == "VBN"):
            return i
        if word in ("for", "to") and self.text[i + 1] in v.PRONOUNS:
            return i + 2
        if word == "with" and (found := self.text.match(v.RELATION, i + 1)) and "colour" in \
                v.RELATION_NAMES[int(found[0].lastgroup[1:])]:
            return self._relation(i + 1, found, draft)
        j = self._stretch(i + 1)
        if j == i + 1:
            return i
        draft.after.append(self.text.between(i, j))
        return j

    def _stretch(self, i: int) -> int:
        """The end of a noun phrase that is taken into the appearance as it stands, with what belongs to it alone."""
        j = self.noun_phrase(i, Draft())
        if j == i:
            if self.text[i] in v.PRONOUNS:
                return i + 1
            return i
        while True:
            word = self.text[j]
            if (word in ("of", "with") and (k := self.noun_phrase(j + 1, Draft())) > j + 1) or (word in ("and", "or", "&") and (k := self.noun_phrase(j + 1, trial := Draft())) > j + 1 \
                    and trial.head and trial.head not in v.PEOPLE and trial.head not in v.GENERIC \
                    and self.text[j + 1] not in ("the",)):
                j = k
            elif self.text.match(v.RELATION, j) and (self.text[j + 1] in v.words("it him her them its his their top") or
                                                    (self.text[j] == "on" and j + 1 == len(self.text))):
                j = max(j + 2, self.noun_phrase(j + 1, Draft())) if j + 1 < len(self.text) else j + 1
            elif (word in v.words("up down open closed off out") and not self.text.match(v.RELATION, j)) or (self.text.tag(j) in ("VBG",) and self._starts_object(j + 1) is False and False):
                j += 1
            else:
                return j

    def _doing(self, i: int, draft: Draft, finite: bool = False) -> int:
        """What the thing does or what is done to it: "holding a cup", "carried by the woman"."""
        word, tag = self.text[i], self.text.tag(i)
        if not word.isalpha() or word in NO_CONTENT - v.VERBS or word in v.DIRECTIONS or word in v.COLOURS:
            if not (finite and word in v.words("has have had")):
                return i
        participle = (word.endswith("ing") and self.english.has_sense(word, "verb") and word not in v.ING_NOUNS) \
            or tag in ("VBG", "VBN", "VBD")
        if not (participle or (finite and (tag.startswith("VB") or self.english.has_sense(word, "verb")))):
            if not (tag in ("VBZ", "VBP") and self.english.has_sense(word, "verb") and self._starts_object(i + 1)):
                return i
        lemma = self.english.lemma(word, "verb")
        j = i + 1
        while self.text[j] in v.words("up down out off away together upright still over around back about open straight") \
                and not self.text.match(v.RELATION, j) and not (
                    self.text[j] == "back" and self.text[j + 1] in ("left", "right")):
            j += 1
        if lemma in v.LOOKS and (found := self.text.match(v.PLACE_AFTER, j)):
            draft.after.append(self.text.between(i, found[1]))
            return found[1]
        if lemma in v.LOCATED or lemma in v.POSTURES:
            trial = Draft()
            if self._order(j, trial) > j or self._place_or_relation(j, trial) > j or self.text[j] == "by":
                if draft.noun in v.PEOPLE | v.ANIMALS and lemma in v.POSTURES:
                    draft.after.append(self.text.between(i, j))
                return j
        if word in v.words("has have had"):
            k = self._stretch(j)
            if k > j:
                draft.after.append(f"with {self.text.between(j, k)}")
                return k
            return i
        k = self._stretch(j) if self._starts_noun_phrase(j) and self.text[j] not in v.DIRECTIONS else j
        if k == j and self.text[j] in v.SHOWN | v.words("at by in on over off through onto into from as"):
            relation = self.text.match(v.RELATION, j)
            trial = Draft()
            spatial = relation and relation[0][0] not in ("at", "by", "around", "off", "into") and \
                self._place_or_relation(j, trial) > j and (trial.relations or trial.place)
            if not spatial or lemma in v.words("cover fill dress paint wrap coat cut slice make surround decorate"):
                k = self._stretch(j + 1)
                k = k if k > j + 1 else j
        draft.after.append(self.text.between(i, max(k, j)))
        return max(k, j)

    def _addition(self, i: int, draft: Draft) -> int:
        """A telegraphic addition: "lady blue dress", "cat black", "player 23"."""
        word = self.text[i]
        if not draft.head:
            return i
        if word.isdigit() or word == "#":
            draft.after.append(word)
            return i + 1
        if word in v.DETERMINERS or not self._kind(i):
            return i
        other = Draft()
        j = self.noun_phrase(i, other)
        if j == i or other.head in v.GENERIC:
            return i
        if other.head:
            draft.after.append(self.text.between(i, j))
            if other.order:
                draft.add_order(other.order)
        else:
            draft.merge(other)
        return j


def finished(draft: Draft, text: Text, noun: str = "", head: str = "") -> Description:
    """The description that a draft came to; `noun` and `head` are those of the target for what is excluded of it."""
    own_head = draft.head
    own_noun = draft.noun
    if noun and (not own_head or own_head in v.GENERIC):
        own_head, own_noun = head, noun
    appearance = " ".join([*draft.before, own_noun, *draft.after]).split()
    keep = max(0, len(draft.before) + 1 - MAX_WORDS)
    appearance = " ".join(appearance[keep:keep + MAX_WORDS])
    phrase = " ".join(text.original(draft.first, draft.last).split()[-MAX_WORDS:])
    count = draft.count if draft.count is not None else (0 if draft.plural else 1)
    return Description(
        phrase=phrase, head=own_head, appearance=appearance, attributes=tuple(draft.attributes), place=draft.place,
        order=draft.order, relations=tuple(draft.relations),
        excluded=tuple(finished(excluded, text, own_noun, own_head) for excluded in draft.excluded), count=count)


def _with_noun(description: Description, head: str) -> Description:
    appearance = f"{description.appearance} {head}".strip() if not description.head else description.appearance
    return _replace(description, head=head, appearance=appearance)


def _replace(description: Description, **changes: object) -> Description:
    from dataclasses import replace
    return replace(description, **changes)


NO_CONTENT = (
    v.DETERMINERS | v.PRONOUNS | v.RELATIVE | v.SHOWN | frozenset(v.QUANTIFIERS) | frozenset(v.CARDINALS)
    | v.words("""on in at by to from under underneath beneath above below over behind beside beside next near between inside
    outside within against onto off upon atop and or but nor not never neither without no is are was were be been being am
    has have had do does did can could would will shall should may might must if then than because while when how why
    's too very also there here not please thanks yes okay ok hey hi hello up down out away as so such both all each
    every either along across past before after since until except excluding besides furthest farthest alongside
    touching left right""")) - v.words("can will might must made opposite holding wearing showing like one made")
