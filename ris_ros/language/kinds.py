"""The kind of each word in a noun phrase: by part of speech, corrected by the senses of the word."""

from __future__ import annotations

from functools import cache

from ris_ros.language import lexicon as lex
from ris_ros.language import vocabulary as v
from ris_ros.language.english import English
from ris_ros.language.words import Text

NOUN, ADJECTIVE, POSSESSOR = "noun", "adjective", "possessor"

# Words that are never an attribute or a noun.
_CLOSED = (v.DETERMINERS | v.PRONOUNS | v.RELATIVES | v.SHOWN | v.AUXILIARIES | v.PAUSES | v.CARDINALS.keys()
           | v.words("""on in at by to from under underneath beneath above below over behind beside besides next near
    between inside outside within against off upon atop and or but nor not never neither none without no if
    then than because whether while when how why 's too very also there here please thanks yes okay ok hey hi
    hello up down out away as so such both all every either along across past before after since until
    except excluding among amongst amid amidst beyond throughout despite alongside touching
    holding wearing let another vs versus ! ? ;""")
           ) - v.words("can made opposite one per")
# Words that introduce a clause.
_SUBORDINATORS = v.words("if when once until till whether before after because since while so as")
# Words after which a verb in its base form comes at the end: "what does the sign say", "I saw the mouse run".
_ASKS = v.words("do does did will would could should saw heard watched let")


class Kinds:
    """Classifier of the words of one text into nouns, attributes and others."""

    def __init__(self, text: Text, english: English):
        self.text = text
        self.english = english
        self.kind = cache(self._kind)
        for i in reversed(range(len(text))):                # the kind may depend on those of later words
            self.kind(i)

    def _kind(self, i: int, *, after_noun: bool = False) -> str:
        """Return whether the word at `i` can be a NOUN or an ADJECTIVE of a noun phrase; empty if neither."""
        word = self.text[i]
        if word in lex.GENERIC:
            return NOUN
        if self.text[i - 1] == "'s" and word in ("behind", "rear") and not self._content_follows(i):
            return NOUN
        if word in ("inside", "outside") and self.text.tag(i + 1).startswith("NN") and (
                self.text[i - 1] in v.ARTICLES or (i == 0 and self.text[i + 2] == "of")):
            return ADJECTIVE                                            # "the inside | lane"
        if not word or not word[0].isalnum() or word in _CLOSED:
            return ""
        if word == "cut" and self.text[i + 1] == "off" and not self._content_follows(i + 1):
            return ""                                                   # "far left | cut off"
        if self.text[i - 1] in ("whatever", "whoever") and self.text.tag(i).startswith("VB"):
            return ""
        if word in v.COLOURS or word.split("-")[-1] in v.COLOURS:
            is_thing = word in v.COLOUR_THINGS and not after_noun and self.text.tag(i).startswith("NN") \
                and self._open_kind(i + 1) != NOUN and not self._noun_follows(i + 1) \
                and (i == 0 or self.text[i - 1] not in v.COLOURS)
            return NOUN if is_thing else ADJECTIVE
        if word in v.DIRECTIONS:
            # "a pink top", "the lady's back".
            is_thing = word in ("top", "back", "front") and self.text[i - 1] in v.COLOURS | v.OWNERS | {"with"} \
                and (self.text.tag(i + 1) == "VBZ" or not self._open_kind(i + 1))
            return NOUN if is_thing else ""
        if after_noun and word in v.DEGREES and self.kind(i + 1) == ADJECTIVE and not self._content_follows(i + 1):
            return ""                                       # "the tomato | more red"
        if word in v.SUPERLATIVES or self.text.match(v.RANK, i)[0] or self.text.match(v.RELATION, i)[1] > i + 1:
            return ""                                       # "close | to us"
        following = self.text[i + 1]
        if after_noun and ((word in ("way", "extreme", "absolute") and self.text.match(v.PLACE_AFTER, i)[0]) or (
                word == "half" and following in ("off", "out")) or (word == "straight" and following in v.AHEAD) or (
                word in v.PASSED and (following in v.DETERMINERS - v.RELATIVES or (
                following in lex.GROUNDS and self.text[i - 1] in lex.ALIVE))) or (
                word == "wear" and self._content_follows(i)) or (
                following == "view" and not self.kind(i + 2))):
            return ""                                       # "guy | way right", "bus | half out", "dog | full view"
        return self._open_kind(i, after_noun=after_noun)

    def _open_kind(self, i: int, *, after_noun: bool = False) -> str:
        """Return the kind of a word without a special function, by its part of speech corrected by its senses."""
        word, tag = self.text[i], self.text.tag(i)
        if not word or not word[0].isalnum() or word.isdigit() or word in _CLOSED:
            return ""
        verb_at = i + 1 + (self.text.tag(i + 1) == "RB")                # "man | can safely cross"
        if word == "can" and tag == "MD" and after_noun and self.text.tag(verb_at) == "VB" \
                and not (self.text[i + 1] in v.VERBS and self.text[i + 2] in v.DETERMINERS | v.GIVEN_TO):
            return ""                                                   # "so the car | can leave"
        if word == "half" and self.text.tag(i + 1).startswith(("JJ", "VB")) and self.text[i + 1] not in v.SUPERLATIVES:
            return ADJECTIVE
        is_attribute = word in lex.MATERIALS or (
            tag == "NNP" and self.english.has_sense(word, "adj") and word not in lex.PEOPLE)
        if is_attribute and self.kind(i + 1) == ADJECTIVE and self._noun_follows(i + 1):        # "plaid | frying pan"
            return ADJECTIVE
        if word[0].isdigit():                                           # "2-liter"
            return ADJECTIVE if self._content_follows(i) else NOUN
        lemma = self.english.lemma(word)
        noun, verb, adjective = (self.english.has_sense(word, kind) for kind in ("noun", "verb", "adj"))
        is_doing = word in lex.ING_NOUNS and self.english.lemma(word, "verb") != word
        is_move = word in ("landing", "crossing") and tag == "VBG" and self.text[i + 1] in v.HOLDING
        is_move |= tag == "VBG" and self.text.tag(i + 1).startswith("NN")       # "person mask covering mouth"
        if is_doing and after_noun and (is_move or self.text[i + 1] in v.DETERMINERS - v.RELATIVES):
            return ""                                                   # "crossing the street", "landing on the runway"
        is_animal = lemma in lex.ANIMALS and tag != "VBG" and self.text[i + 1] not in v.DETERMINERS    # "bears hat"
        if is_animal or word in lex.ING_NOUNS | lex.THINGS | lex.CLOTHES or lemma in lex.PEOPLE | lex.CONTAINERS:
            return NOUN
        if self.english.is_gerund(word) and (tag.startswith("VB") or after_noun):
            last = i + (self.text[i + 1] in v.DIRECTIONS)               # "crouching | left boy"
            return ADJECTIVE if not after_noun and self._content_follows(last) else ""
        is_base = self.english.lemma(word, "verb") == word and word not in lex.INVARIABLE
        if tag in ("VBN", "VBD") and ((noun and is_base) or not (verb or word.endswith("ed"))):
            tag = "NN"                                                  # not a participle: "bear cub", "waldo"
        if tag in ("VBN", "VBD"):
            is_set = word == "set" and self.text[i + 1] in v.HOLDING \
                and self.english.lemma(self.text[i - 1]) not in lex.ALIVE           # "tool set"
            if after_noun and (is_set or (word in lex.SETS and self._is_last(i))):              # "train set"
                return NOUN
            if after_noun:
                return NOUN if noun and not verb else ""
            if self._content_follows(i):
                return ADJECTIVE
            return NOUN if noun and not word.endswith("ed") else ADJECTIVE if adjective or word.endswith("ed") else ""
        if tag.startswith("JJ"):
            listed_as_noun = noun and not adjective and not word.endswith("ed") and "-" not in word
            is_mistyped = not (after_noun or self.english.is_known(word) or self._content_follows(i))
            return NOUN if listed_as_noun or is_mistyped else ADJECTIVE
        is_last = not self.text[i + 1] or self.text[i + 1] in v.GIVEN_TO | v.IDLE_AFTER
        if after_noun and (word in lex.SAYING | lex.POSED | {"opposite"} or (
                is_last and word in v.VERBS | lex.HELD) or (word in lex.SHAPED and not self._content_follows(i))):
            return ""                                       # "sign says stop", "red cup give me", "umbrella clear"
        is_asked = (tag == "VB" or self.text[i + 1] in {"", *_SUBORDINATORS}) and any(self.text[k] in _ASKS and (
            self.text[k + 1] in v.DETERMINERS - v.RELATIVES | {"that"}) for k in range(max(0, i - 6), i - 1))
        if after_noun and verb and (is_asked or not noun):
            return ""                                       # "what does the sign | say", "did the parcel | arrive"
        if tag.startswith("NN"):
            return ADJECTIVE if adjective and not noun else NOUN
        subject = self.english.lemma(self.text[i - 1])
        # "The emergency | stop button": a base form does not agree with a singular subject.
        agrees = tag in ("VBZ", "MD") or subject in lex.ALIVE or subject != self.text[i - 1]
        if tag in ("VB", "VBP", "VBZ", "MD") and after_noun and verb and (
                self.text[i + 1] == "to" or (agrees and self._object_follows(i))):
            return ""
        if tag == "VBP" and after_noun and verb and subject != self.text[i - 1] and self.text[i + 1] in v.HOLDING \
                and word not in lex.BODY_PARTS:
            return ""                                       # "kids | play in the sand"
        if tag.startswith("RB") and word.endswith("ly") and not noun:
            return ADJECTIVE if adjective else ""
        if noun or not (adjective or verb or self.english.has_sense(word, "adv")):      # or an unknown word
            return NOUN
        return ADJECTIVE if adjective else ""

    def _content_follows(self, i: int) -> bool:
        for k in range(i + 1, len(self.text)):
            word = self.text[k]
            if not word[0].isalpha() or word in _CLOSED or word in v.DIRECTIONS:
                break
            if self.text.tag(k).startswith(("NN", "JJ")) or word in v.COLOURS or word in lex.GENERIC \
                    or self.english.has_sense(word, "noun"):
                return True
            if not self.english.is_gerund(word):                        # "a cut | vending machine"
                break
        return False

    def _is_last(self, i: int) -> bool:
        """Return whether no object or region follows that would make the word at `i` a verb."""
        following = self.text[i + 1]
        return not following or following in v.IDLE_AFTER | v.FILLERS | v.PAUSES | v.PRONOUNS | v.RELATIVES | {"from"}

    def _object_follows(self, i: int) -> bool:
        word, is_content = self.text[i + 1], self.text.tag(i + 1).startswith(("NN", "JJ"))
        if word == "that":                                              # "wears that hat", but "the ring that shines"
            return self.text.tag(i + 2).startswith(("NN", "JJ"))
        return word in v.DETERMINERS - v.RELATIVES or (
            is_content and word not in _CLOSED and word not in v.SUPERLATIVES)

    def _noun_follows(self, i: int) -> bool:
        """Return whether a noun follows, perhaps after adjectives."""
        for k in range(i, min(i + 12, len(self.text))):
            kind = self.kind(k)
            if kind == NOUN or not (kind or self.text[k] in v.JOINING):
                return kind == NOUN
        return False

    def starts(self, i: int) -> bool:
        """Return whether a noun phrase may start at `i`."""
        return self.text[i] in v.DETERMINERS | v.DIRECTIONS.keys() or self.goes_on(i) or self.number(i) is not None \
            or self.text.match(v.QUANTIFIER, i)[0] is not None

    def goes_on(self, i: int) -> bool:
        """Return whether an attribute or a noun is at `i`."""
        return bool(self.kind(i)) or self.text[i] in v.SUPERLATIVES or self.text[i] in v.ORDINALS \
            or (self.number(i) is not None and bool(self.kind(i + 1)))

    def colour(self, i: int) -> int:
        """Return the end of a colour on its own at `i`, "orange" or "dark blue"; `i` if a noun follows it."""
        j = i + (self.text[i] in v.SHADES and self.text[i + 1] in v.COLOURS)
        return j + 1 if self.text[j] in v.COLOURS and not self.kind(j + 1, after_noun=True) else i

    def tells(self, i: int) -> bool:
        """Return whether the word at `i` is a verb although it looks like a plural: "a clock | hangs from"."""
        word, subject = self.text[i], self.text[i - 1]
        verb, noun = self.english.lemma(word, "verb"), self.english.lemma(subject)
        if not word.endswith("s") or verb == word or word in lex.PLURAL_ONLY | lex.CLOTHES or noun != subject \
                or subject in v.words("dozen few lot bunch couple pair") \
                or not (self.text.tag(i - 1).startswith("NN") or noun in lex.ALIVE):
            return False
        k = i - 1
        while self.text.tag(k - 1).startswith(("NN", "JJ")):
            k -= 1
        is_last = self.text[k - 2] in ("where", "how") and not self.text[i + 1]
        if is_last or (self.text[k - 2] in _SUBORDINATORS and (noun in lex.ALIVE or self.text.tag(i) != "NNS")):
            # "Until the man | leaves", but "after the garbage cans".
            return self.english.has_sense(verb, "verb")
        # No plural comes after "a", and hardly one before it: "jersey | swings a bat".
        if self.text[k - 1] in v.ONE_OF_THEM | {"which", "whichever"} or self.text[i + 1] in ("a", "an"):
            return True
        if noun in lex.ALIVE:
            is_doing = verb in lex.POSTURES | v.LOOKS | lex.ACTS and (
                verb not in lex.ALSO_OWNED or (self.text.tag(i) == "VBZ" and verb not in ("head", "face")))
            return is_doing or not self.english.has_sense(word, "noun")
        is_posture = verb in lex.POSTURES - {"stand", "rest"}                         # "tv stands" are objects
        return is_posture and self.text[i + 1] in v.words("in on at from by near under over")

    def number(self, i: int) -> int | None:
        """Return the number at `i`; None if there is none."""
        word = self.text[i]
        if word in v.CARDINALS:
            return v.CARDINALS[word]
        return int(word) if word.isascii() and word.isdigit() and len(word) < 4 else None
