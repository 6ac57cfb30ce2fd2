"""Texts as words in one spelling: contractions split, compounds joined, ordinals spelt out, function words mended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ris_ros.language.lists import SPELLINGS, WORDS
from ris_ros.language.spelling import function_word


@dataclass(frozen=True)
class Word:
    """A word in the spelling of the word lists, and its position in the sentence, in characters."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Text:
    """The words of a sentence."""

    sentence: str
    words: tuple[Word, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The words alone."""
        return tuple(word.text for word in self.words)

    def original(self, i: int, j: int) -> str:
        """Return words i to j, j exclusive, as written in the sentence."""
        return self.sentence[self.words[i].start:self.words[j - 1].end] if i < j else ""


_QUOTES = str.maketrans(dict.fromkeys("\"“”„*", " "))
# A word may contain apostrophes and hyphens; any other character is a token by itself.
_TOKEN = re.compile(r"w/o\b|w/|\.{2,}|…|[^\W_]+(?:['’`][^\W_]+|-[^\W_]+)*['’]?|[^\w\s]|_")
_HESITATION = re.compile(r"(?:, *)?\b(?:u+h+m*|u+m+|e+r+m?|h+m+|a+h+)\b(?: *(?:,|\.{2,}|…))?")
_WITHIN = re.compile(r"[^\W_][._][^\W_]")
# Tokenised text, "man ' s", "upside - down", and "girl s shoe".
_CLITIC_APART = re.compile(r"(?<=[^\W\d_])(?: ?['’`] ?(?=(?:s|t|re|ve|ll|d|m)\b)| (?=s\b))(\w+)")
_HYPHEN_APART = re.compile(r"(?<=\w) - (\w+)(?= ?(\w*))")
_ORDINAL = re.compile(r"(\d{1,6})(?:st|nd|rd|th)")
# "Wouldn't've" has two.
_MOST_CLITICS = 4
_NTH = {rank: word for word, rank in WORDS["ordinals"].items()}
_TENS = {word: value for word, value in WORDS["cardinals"].items() if value >= 20}
_ONES = {word: value for word, value in WORDS["cardinals"].items() if 0 < value < 10}


def split(sentence: str, is_known: Callable[[str], bool]) -> Text:
    """Split a lower-cased sentence into words; unknown words are corrected to similar function words."""
    words: list[Word] = []
    # The length stays the same, so that positions remain valid.
    spoken = _HESITATION.sub(lambda found: " " * len(found[0]), sentence.translate(_QUOTES))
    spoken = _CLITIC_APART.sub(lambda found: f"'{found[1]}".ljust(len(found[0])), spoken)
    spoken = _HYPHEN_APART.sub(_hyphenated, spoken)
    spoken = _respaced(spoken, is_known)
    for token in _TOKEN.finditer(spoken):
        # "red.cup", "red_cup": no pause where there is no space.
        if token[0] in "._" and _WITHIN.match(spoken, max(0, token.start() - 1)):
            continue
        for part, start, end in _parts(token[0].replace("’", "'").replace("`", "'")):
            # "w", "n" and the like are letters at the start of a text.
            written_out = (SPELLINGS["written out"].get(part) or _unglued(part, is_known)) \
                if words or len(part) > 1 else part
            for text in written_out.split():
                word = Word(_spelling(text, is_known), token.start() + start, token.start() + end)
                words = _joined(words, word)
    return Text(sentence, tuple(words))


def _respaced(sentence: str, is_known: Callable[[str], bool]) -> str:
    """Move spaces that are off by one letter, keeping the length: "blu eone", "mani n black", "int he"."""
    words = sentence.split(" ")
    for k in range(len(words) - 1):
        first, last = words[k:k + 2]
        for one, other, odd in ((first + last[:1], last[1:], last), (first[:-1], first[-1:] + last, first)):
            is_off = not is_known(odd) or (last == "he" and other == "the")
            if one in SPELLINGS["spaced"] and is_off and odd.isalpha() and len(other) > 1 and is_known(other) \
                    and odd[-2:] != 2 * odd[-1]:                        # "catt on"
                words[k:k + 2] = one, other
                break
    return " ".join(words)


def _hyphenated(found: re.Match[str]) -> str:
    """Attach or remove a hyphen between spaces, keeping the length: "long - sleeved | shirt", "upside - down"."""
    word, following = found.groups()
    before = found.string[:found.start()].split()[-1]
    if word.endswith(("ed", "en")) and word not in WORDS["colours"] and following \
            and following not in WORDS["prepositions"]:
        return f"-{word}  "
    apart = SPELLINGS["apart"]
    is_pause = before not in apart if word in apart else word in SPELLINGS["after a pause"]
    return found[0] if is_pause and "and" not in (word, before) else f"   {word}"


def _parts(token: str) -> Iterator[tuple[str, int, int]]:
    """Yield a token's words and their positions in it; clitics and parts of function-word compounds are separate."""
    stem, apostrophe, clitic = token.rpartition("'")
    if token in SPELLINGS["written out"]:
        yield token, 0, len(token)
    elif token in SPELLINGS["owners"] or token.endswith(("n't", "'")):          # "womans", "isn't", "girls'"
        cut = len(token) - (3 if token.endswith("n't") else 1)
        yield token[:cut], 0, cut
        if not token.endswith("'") or stem.endswith("s"):
            yield "not" if token.endswith("n't") else "'s", cut, len(token)
    elif apostrophe and stem.count("'") < _MOST_CLITICS and (clitic == "s" or f"'{clitic}" in SPELLINGS["clitics"]):
        yield from _parts(stem)
        is_verb = clitic == "s" and stem in SPELLINGS["be after"]
        yield "is" if is_verb else SPELLINGS["clitics"].get(f"'{clitic}", "'s"), len(stem), len(token)
    elif "-" in token and _is_apart(pieces := token.split("-")):
        start = 0
        for piece in pieces:
            yield piece, start, start + len(piece)
            start += len(piece) + 1
    else:
        yield token, 0, len(token)


def _unglued(word: str, is_known: Callable[[str], bool]) -> str:
    """Insert a missing space into an unknown word: "bottomright", "womanin", "tanjacket"."""
    glued, everyday = SPELLINGS["glued"], WORDS["everyday"]
    for first, last in ((word[:k], word[k:]) for k in range(2, len(word) - 1)):
        is_glued = (first in glued and (last in glued or last in everyday)) or (first in everyday and last in glued)
        if is_glued and not is_known(word):
            return f"{first} {last}"
    return word


def _is_apart(pieces: list[str]) -> bool:
    """Return whether the hyphens of a compound count as spaces: "top-left", "2nd-from-left", "non-red"."""
    first, last, colours = pieces[0], pieces[-1], WORDS["colours"]
    return all(piece in SPELLINGS["apart"] or _ORDINAL.fullmatch(piece) for piece in pieces) or (len(pieces) == 2 and (
        first == "non" or (first in colours and last not in colours and not last.endswith(("ed", "ish")))))


def _spelling(word: str, is_known: Callable[[str], bool]) -> str:
    if found := _ORDINAL.fullmatch(word):
        return _NTH.get(int(found[1]), word)
    if is_known(word):
        return word
    for ending, whole in (("in", f"{word}g"), ("d", f"{word[:-1]}ed")):         # "holdin", "mountd"
        if word.endswith(ending) and is_known(whole):
            return whole
    return function_word(word)


def _joined(words: list[Word], word: Word) -> list[Word]:
    """Return the words with one more, which may change the last one or be joined to it: "pony | tail"."""
    if not words:
        return [word]
    *others, last = words
    if word.text in SPELLINGS["past of have"] and last.text == "'s":            # "my tea's gone cold"
        return [*others, Word("has", last.start, last.end), word]
    if last.text == "bot" and word.text in WORDS["directions"]:                 # "the bowl bot right"
        return [*others, Word("bottom", last.start, last.end), word]
    joined = SPELLINGS["joined"].get(f"{last.text} {word.text}")
    if last.text in _TENS and word.text in _ONES:
        joined = str(_TENS[last.text] + _ONES[word.text])
    if len(last.text) > 2 and last.text + word.text in SPELLINGS["written as one"]:
        joined = last.text + word.text
    return [*others, Word(joined, last.start, word.end)] if joined else [*words, word]
