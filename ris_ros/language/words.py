"""Texts as words in a uniform spelling: contractions split, compounds joined, ordinals spelt out, typos corrected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ris_ros.language import lexicon as lex
from ris_ros.language import vocabulary as v
from ris_ros.language.spelling import corrected


@dataclass
class Word:
    """A word.

    Attributes
    ----------
    text : the word in the spelling that vocabulary and patterns use
    start, end : its position in the sentence, in characters
    tag : its part of speech, as a Penn Treebank tag

    """

    text: str
    start: int
    end: int
    tag: str = ""


@dataclass
class Text:
    """The words of a sentence, and the same joined by spaces for pattern matching."""

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
        """Return the word at `i`; empty beyond the ends."""
        return self.words[i].text if 0 <= i < len(self.words) else ""

    def tag(self, i: int) -> str:
        """Return the part of speech at `i`; empty beyond the ends."""
        return self.words[i].tag if 0 <= i < len(self.words) else ""

    def match(self, pattern: re.Pattern[str], i: int) -> tuple[re.Match[str] | None, int]:
        """Return a match of `pattern` at word `i` and the index after it; None and `i` if there is none."""
        found = pattern.match(self.joined, self.starts[i]) if 0 <= i < len(self.words) else None
        return (found, self._word_at[found.end() + 1]) if found and found[0] else (None, i)

    def between(self, i: int, j: int) -> str:
        """Return words i to j, j exclusive, in the uniform spelling."""
        return " ".join(word.text for word in self.words[i:j]).replace(" 's", "'s")

    def original(self, i: int, j: int) -> str:
        """Return words i to j, j exclusive, as written in the sentence."""
        return self.sentence[self.words[i].start:self.words[j - 1].end] if i < j else ""


# Characters that only set words off.
_QUOTES = str.maketrans(dict.fromkeys("\"“”„*", " "))
# A word may contain apostrophes and hyphens; any other character is a token by itself.
_TOKEN = re.compile(r"w/o\b|w/|\.{2,}|…|[^\W_]+(?:['’`][^\W_]+|-[^\W_]+)*['’]?|[^\w\s]|_")

_HESITATION = re.compile(r"(?:, *)?\b(?:u+h+m*|u+m+|e+r+m?|h+m+|a+h+)\b(?: *(?:,|\.{2,}|…))?")
_WITHIN = re.compile(r"[^\W_][._][^\W_]")
# Tokenised text, "man ' s", "upside - down", and "girl s shoe".
_CLITIC_APART = re.compile(r"(?<=[^\W\d_])(?: ?['’`] ?(?=(?:s|t|re|ve|ll|d|m)\b)| (?=s\b))(\w+)")
_HYPHEN_APART = re.compile(r"(?<=\w) - (\w+)(?= ?(\w*))")

# Spellings that are split or written out.
_WRITTEN_OUT = {
    "thats": "that is", "whats": "what is", "wheres": "where is", "whos": "who is", "theres": "there is",
    "isnt": "is not", "arent": "are not", "wasnt": "was not", "doesnt": "does not", "dont": "do not",
    "didnt": "did not", "hasnt": "has not", "havent": "have not", "cant": "can not", "can't": "can not",
    "cannot": "can not", "ain't": "is not", "aint": "is not", "won't": "will not", "im": "i am", "lets": "let us",
    "let's": "let us", "gonna": "going to", "wanna": "want to", "gimme": "give me", "lemme": "let me",
    "gotta": "have to", "pls": "please", "plz": "please", "thx": "thanks", "u": "you", "ur": "your", "em": "them",
    "w/": "with", "w/o": "without", "w": "with", "&": "and", "+": "and", "@": "at", "n": "and", "nd": "and",
    "btw": "between", "b/w": "between", "teh": "the", "da": "the", "giv": "give", "hte": "the", "lft": "left",
    "frm": "from", "rgt": "right", "adn": "and", "racoon": "raccoon", "racoons": "raccoons",
    **dict.fromkeys(("wif", "wiv", "ith", "wth", "wih", "wit", "withe"), "with"), "dat": "that", "dis": "this",
    "dese": "these",
    "rt": "right", "blk": "black", "wht": "white", "grn": "green", "dk": "dark", "frt": "front",
    "btm": "bottom", "ctr": "center", "mid": "middle", "middlemost": "middle", "pic": "picture",
    "ppl": "people", "alot": "a lot", "bg": "background",
    "fg": "foreground", "righthand": "right hand", "lefthand": "left hand", "inbetween": "in between",
    "nextto": "next to", "hes": "he is", "shes": "she is", "wout": "without",
    "od": "of", "fo": "of", "zeb": "zebra", "lil": "little", "tshirt": "t-shirt", "tee-shirt": "t-shirt", "…": "...",
}
_CLITICS = {"'re": "are", "'ve": "have", "'ll": "will", "'d": "would", "'m": "am"}
# "Wouldn't've" has two.
_MOST_CLITICS = 4
# After these, "'s" is a form of "be".
_BE_AFTER = v.words("that who what where which there here it he she how one everything this")
_JOINED = {(first, "most"): f"{first}most" for first in
           ("left", "right", "top", "bottom", "front", "back", "rear", "upper", "lower", "near")}
_JOINED |= {("upside", "down"): "upside-down", ("inside", "out"): "inside-out", ("grown", "up"): "grown-up",
            ("grown", "ups"): "grown-ups", ("right-side", "up"): "right-side-up",
            ("face", "down"): "face-down", ("face", "up"): "face-up",
            ("t", "shirt"): "t-shirt", ("tee", "shirt"): "t-shirt", ("t", "shirts"): "t-shirts"}
_JOINED |= {(tens, ones): str(10 * k + v.CARDINALS[ones]) for k, tens in enumerate(v.TENS, start=2)
            for ones in list(v.CARDINALS)[1:10]}
_PLURALS = v.words("men women children people")
_WRITTEN_AS_ONE = {word for word in lex.CLOTHES - lex.PLURAL_ONLY if not word.endswith(("coat", "hat"))} | {
    word for word in lex.EVERYDAY if word.endswith(("case", "cycle", "top"))}
# A hyphen between any two of these counts as a space: "top-left", "2nd-from-left", "second-largest".
_APART = v.DIRECTIONS.keys() | v.ORDINALS.keys() | v.SUPERLATIVES.keys() | v.CARDINALS.keys() | v.words(
    "far hand most side corner to from in of the next on last")
# Words that people write together with another.
_GLUED = v.DIRECTIONS.keys() | v.SUPERLATIVES.keys() | v.COLOURS | v.words("on in at with far half side corner one row")
# Next to these, people often put the space one letter too early or too late.
_SPACED = _GLUED | lex.EVERYDAY | v.words("the of to")
# A dash before these is a pause.
_AFTER_PAUSE = (v.COLOURS | v.DETERMINERS | v.PRONOUNS | v.AUXILIARIES | v.VERBS | v.VERBS_OR_NOUNS | v.FILLERS
                | {"where"})
_ORDINAL = re.compile(r"(\d{1,6})(?:st|nd|rd|th)")
_NTH = {rank: word for word, rank in v.ORDINALS.items()}


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
            written_out = (_WRITTEN_OUT.get(part) or _unglued(part, is_known)) if words or len(part) > 1 else part
            for text in written_out.split():
                if text in v.PAST_OF_HAVE and words and words[-1].text == "'s":     # "my tea's gone cold"
                    words[-1].text = "has"
                words.append(Word(_spelling(text, is_known), token.start() + start, token.start() + end))
                _join(words)
    return Text(sentence, words)


def _respaced(sentence: str, is_known: Callable[[str], bool]) -> str:
    """Move spaces that are off by one letter, keeping the length: "blu eone", "mani n black", "int he"."""
    words = sentence.split(" ")
    for k in range(len(words) - 1):
        first, last = words[k:k + 2]
        for one, other, odd in ((first + last[:1], last[1:], last), (first[:-1], first[-1:] + last, first)):
            is_off = not is_known(odd) or (last == "he" and other == "the")
            if one in _SPACED and is_off and odd.isalpha() and len(other) > 1 and is_known(other) \
                    and odd[-2:] != 2 * odd[-1]:                        # "catt on"
                words[k:k + 2] = one, other
                break
    return " ".join(words)


def _hyphenated(found: re.Match[str]) -> str:
    """Attach or remove a hyphen between spaces, keeping the length: "long - sleeved | shirt", "upside - down"."""
    word, following = found.groups()
    before = found.string[:found.start()].split()[-1]
    if word.endswith(("ed", "en")) and word not in v.COLOURS and following and following not in v.HOLDING | v.SHOWN:
        return f"-{word}  "
    is_pause = before not in _APART if word in _APART else word in _AFTER_PAUSE
    return found[0] if is_pause and "and" not in (word, before) else f"   {word}"


def _parts(token: str) -> Iterator[tuple[str, int, int]]:
    """Yield a token's words and their positions in it; clitics and parts of function-word compounds are separate."""
    stem, apostrophe, clitic = token.rpartition("'")
    if token in _WRITTEN_OUT:
        yield token, 0, len(token)
    elif _is_owner(token):
        yield token[:-1], 0, len(token) - 1
        yield "'s", len(token) - 1, len(token)
    elif token.endswith("n't"):
        yield token[:-3], 0, len(token) - 3
        yield "not", len(token) - 3, len(token)
    elif token.endswith("'"):
        yield stem, 0, len(stem)
        if stem.endswith("s"):
            yield "'s", len(stem), len(token)
    elif apostrophe and stem.count("'") < _MOST_CLITICS and (clitic == "s" or f"'{clitic}" in _CLITICS):
        yield from _parts(stem)
        yield "is" if clitic == "s" and stem in _BE_AFTER else _CLITICS.get(f"'{clitic}", "'s"), len(stem), len(token)
    elif "-" in token and _is_apart(pieces := token.split("-")):
        start = 0
        for piece in pieces:
            yield piece, start, start + len(piece)
            start += len(piece) + 1
    else:
        yield token, 0, len(token)


def _unglued(word: str, is_known: Callable[[str], bool]) -> str:
    """Insert a missing space into an unknown word: "bottomright", "womanin", "tanjacket"."""
    for k in range(2, len(word) - 1):
        first, last = word[:k], word[k:]
        is_glued = (first in _GLUED and last in _GLUED | lex.EVERYDAY) or (first in lex.EVERYDAY and last in _GLUED)
        if is_glued and not is_known(word):
            return f"{first} {last}"
    return word


def _is_owner(token: str) -> bool:
    """Return whether a word for a person has an ending that no plural has: "womans", "ladys", "childrens"."""
    stem = token[:-1]
    has_other_plural = stem.endswith("man") or stem == "child" or (stem[-1:] == "y" and stem[-2:-1] not in "aeou")
    return token.endswith("s") and (stem in _PLURALS or (stem in lex.ALIVE and has_other_plural))


def _is_apart(pieces: list[str]) -> bool:
    first, last = pieces[0], pieces[-1]
    return all(piece in _APART or _ORDINAL.fullmatch(piece) for piece in pieces) or (len(pieces) == 2 and (
        first == "non" or (first in v.COLOURS and last not in v.COLOURS and not last.endswith(("ed", "ish")))))


def _spelling(word: str, is_known: Callable[[str], bool]) -> str:
    if found := _ORDINAL.fullmatch(word):
        return _NTH.get(int(found[1]), word)
    if is_known(word):
        return word
    for ending, whole in (("in", f"{word}g"), ("d", f"{word[:-1]}ed")):         # "holdin", "mountd"
        if word.endswith(ending) and is_known(whole):
            return whole
    return corrected(word)


def _join(words: list[Word]) -> None:
    pair = (words[-2].text, words[-1].text) if len(words) > 1 else ("", "")
    if pair[0] == "bot" and pair[1] in v.DIRECTIONS:                    # "the bowl bot right"
        words[-2].text = "bottom"
    joined = _JOINED.get(pair)
    if not joined and len(pair[0]) > 2 and "".join(pair) in _WRITTEN_AS_ONE:        # "pony tail"
        joined = "".join(pair)
    if joined:
        last = words.pop()
        words[-1] = Word(joined, words[-1].start, last.end)
