# ruff: noqa
"""A text as words in one spelling: contractions taken apart, compounds joined, ordinals spelt out, typos corrected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rapidfuzz import process
from rapidfuzz.distance import OSA

from ris_ros.language import vocabulary as v


@dataclass
class Word:
    """One word.

    Attributes
    ----------
    text : in the one spelling that vocabulary and patterns use
    start, end : where it stands in the sentence
    tag : part of speech, in Penn Treebank tags

    """

    text: str
    start: int
    end: int
    tag: str = ""


@dataclass
class Text:
    """Words, and the same joined by spaces for patterns to match."""

    sentence: str
    words: list[Word]
    joined: str = field(init=False)
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.joined = " ".join(word.text for word in self.words)
        self.starts, position = [], 0
        for word in self.words:
            self.starts.append(position)
            position += len(word.text) + 1
        self._word_at = {start: i for i, start in enumerate(self.starts)} | {position: len(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, i: int) -> str:
        """The word at `i`; empty beyond the ends."""
        return self.words[i].text if 0 <= i < len(self.words) else ""

    def tag(self, i: int) -> str:
        """The part of speech at `i`; empty beyond the ends."""
        return self.words[i].tag if 0 <= i < len(self.words) else ""

    def match(self, pattern: re.Pattern[str], i: int) -> tuple[re.Match[str], int] | None:
        """A match of `pattern` that starts with word `i`, and the index of the word after it."""
        if i >= len(self.words):
            return None
        found = pattern.match(self.joined, self.starts[i])
        return (found, self._word_at[found.end() + 1]) if found and found.end() > found.start() else None

    def between(self, i: int, j: int) -> str:
        """Words i to j, j exclusive, in the one spelling."""
        return " ".join(word.text for word in self.words[i:j]).replace(" 's", "'s").replace(" ,", ",")

    def original(self, i: int, j: int) -> str:
        """Words i to j, j exclusive, as they stand in the sentence."""
        return self.sentence[self.words[i].start:self.words[j - 1].end] if i < j else ""


# A word may hold apostrophes and hyphens; "w/o" and "w/" are words; what else is printed stands alone.
_TOKEN = re.compile(r"w/o\b|w/|\.{2,}|[^\W_]+(?:['’`][^\W_]+|-[^\W_]+)*['’]?|[^\w\s]|_")

_WHOLE = {
    "thats": "that is", "whats": "what is", "wheres": "where is", "whos": "who is", "its": "its", "theres": "there is",
    "isnt": "is not", "arent": "are not", "wasnt": "was not", "doesnt": "does not", "dont": "do not", "didnt": "did not",
    "hasnt": "has not", "havent": "have not", "cant": "can not", "can't": "can not", "cannot": "can not", "ain't": "is not",
    "aint": "is not", "won't": "will not", "wont": "will not", "isn": "is not",
    "gonna": "going to", "wanna": "want to", "gimme": "give me", "lemme": "let me", "gotta": "got to",
    "im": "i am", "lets": "let us", "let's": "let us",
    "pls": "please", "plz": "please", "plss": "please", "thx": "thanks", "ty": "thanks", "u": "you", "ur": "your",
    "w/": "with", "w/o": "without", "w": "with", "&": "and", "+": "and", "@": "at", "n": "and", "nd": "and",
    "btw": "between", "betw": "between", "b/w": "between", "teh": "the", "hte": "the", "da": "the", "tha": "the",
    "lft": "left", "rt": "right", "btm": "bottom", "bttm": "bottom", "ctr": "center",
    "mid": "middle", "center-most": "middle", "middlemost": "middle", "centermost": "middle",
    "pic": "picture", "ppl": "people", "clr": "color", "infront": "in front", "ontop": "on top", "upto": "up to",
    "alot": "a lot", "bg": "background", "fg": "foreground", "righthand": "right hand", "lefthand": "left hand",
    "somebody": "someone", "1st": "first", "2nd": "second", "3rd": "third", "tshirt": "t-shirt", "tee-shirt": "t-shirt",
    "inbetween": "in between", "nextto": "next to", "lil": "little", "cuz": "because", "em": "them",
}
_CLITICS = {"n't": "not", "'re": "are", "'ve": "have", "'ll": "will", "'d": "would", "'m": "am"}
# After these, 's is a form of "be".
_BE_AFTER = v.words("that who what where which there here it he she how one everything this")
_JOINED = {(first, "most"): f"{first}most" for first in
           ["left", "right", "top", "bottom", "front", "back", "rear", "upper", "lower", "inner", "outer", "near"]}
_JOINED |= {("t", "shirt"): "t-shirt", ("tee", "shirt"): "t-shirt", ("t", "shirts"): "t-shirts"}
_SPELT = {"innermost": "innermost", "nearmost": "nearmost", "uppermost": "uppermost"}
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")
_NTH = {rank: word for word, rank in v.ORDINALS.items()}

# What typos are corrected to; function words so that patterns are found.
CORRECTIONS = sorted(word for word in {
    *v.COLOURS, *v.DIRECTIONS, *v.ORDINALS, *(w for s in v.SUPERLATIVES for w in s.split()), *v.CARDINALS,
    *v.words("corner side inside outside behind beside between under underneath beneath below above over front next near "
             "close touching with without that which from counting closest against camera picture striped both please "
             "everything except colour color same different"),
} if len(word) > 3)


def split(sentence: str, is_known: Callable[[str], bool]) -> Text:
    """The words of a lower-cased sentence; words that are not known are corrected where a word of structure is close."""
    words: list[Word] = []
    for token in _TOKEN.finditer(sentence):
        offset = token.start()
        for part, start, end in _parts(token[0].replace("’", "'").replace("`", "'")):
            for text in _spelling(part, words, is_known).split():
                words.append(Word(text, offset + start, offset + end))
                _join(words)
    return Text(sentence, words)


def _parts(token: str) -> Iterator[tuple[str, int, int]]:
    """A token's words with their places in it: clitics and the parts of structural compounds stand alone."""
    if token in _WHOLE:
        yield token, 0, len(token)
        return
    if token.endswith("n't"):
        yield from ((token[:-3], 0, len(token) - 3), ("not", len(token) - 3, len(token)))
        return
    if token.endswith("'"):
        yield token[:-1], 0, len(token) - 1
        if token.endswith("s'"):
            yield "'s", len(token) - 1, len(token)
        return
    stem, apostrophe, clitic = token.rpartition("'")
    if apostrophe and (clitic == "s" or apostrophe + clitic in _CLITICS):
        yield from _parts(stem)
        be = clitic == "s" and stem in _BE_AFTER
        yield "is" if be else _CLITICS.get(apostrophe + clitic, "'s"), len(stem), len(token)
        return
    pieces = token.split("-")
    if len(pieces) > 1 and _is_structural(pieces):
        start = 0
        for piece in pieces:
            yield piece, start, start + len(piece)
            start += len(piece) + 1
        return
    yield token, 0, len(token)


_STRUCTURAL = (v.words("left right top upper bottom lower middle center centre front back rear far hand most side corner to "
                       "from in of the next on second-from and non") | set(v.ORDINALS) | set(v.SUPERLATIVES) | set(v.CARDINALS))


def _is_structural(pieces: list[str]) -> bool:
    """Whether a hyphen joins words that mean something to us: "top-left", "2nd-from-left", "right-hand", "non-red"."""
    return (all(piece in _STRUCTURAL or _ORDINAL.fullmatch(piece) for piece in pieces)
            or (pieces[0] == "non" and len(pieces) == 2))


def _spelling(word: str, before: list[Word], is_known: Callable[[str], bool]) -> str:
    """The one spelling of a word; several words for a contraction."""
    if word in _WHOLE:
        # "w", "n" and the like are letters where nothing stands before them.
        return _WHOLE[word] if before or len(word) > 1 else word
    if found := _ORDINAL.fullmatch(word):
        return _NTH.get(int(found[1][:6]), word)
    return word if is_known(word) else corrected(word)


def corrected(word: str) -> str:
    """The word of structure that an unknown word is a typo of, or the word itself."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    limit = 1 if len(word) < 7 else 2
    close = [(text, distance) for text, distance, _ in process.extract(
                 word, CORRECTIONS, scorer=OSA.distance, score_cutoff=limit, limit=5)
             # People rarely miss the first letter.
             if text[0] == word[0] or sorted(text) == sorted(word)]
    # Two at the same distance leave it open.
    if not close or (len(close) > 1 and close[0][1] == close[1][1] and close[0][0][:3] != close[1][0][:3]):
        return word
    return close[0][0]


def _join(words: list[Word]) -> None:
    if len(words) > 1 and (joined := _JOINED.get((words[-2].text, words[-1].text))):
        last = words.pop()
        words[-1] = Word(joined, words[-1].start, last.end)
