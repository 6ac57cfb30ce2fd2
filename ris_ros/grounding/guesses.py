"""Words that nothing is known of: they are told apart from gibberish before an answer is called certain.

A softmax always has a winner: a word that no list and no model knows would be found with certainty in the mask that
happens to be closest to it. Three questions are asked of each description:

- Is its noun in a list of words: the bank's, the vocabulary's, the user's or the parser's?
- Does the model know it? The text feature of a word that a model knows differs from those of strings of random
  characters; a model that never saw a word in training may give it the feature of any other such word.
- Was all of it read? Parser and text tower have a limit of length.

A noun that fails one of the first two also competes with strings of random characters: among exchangeable texts, it
wins with the probability of any of them. Whatever fails is a guess: the confidence stays below `thresholds.MAX_GUESS`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ris_ros.grounding import thresholds as t
from ris_ros.grounding.prompt_bank import PromptBank
from ris_ros.types import Description, Query

GENERIC_NOUNS = frozenset({"", "object", "thing", "one", "item", "stuff", "anything", "something"})
"""Heads that name no kind of object."""


@dataclass(frozen=True)
class WordLists:
    """What the parser knows of words.

    Attributes
    ----------
    is_noun : whether a word is an English noun
    is_english : whether a text is English
    max_words : of a noun phrase; further ones are not read

    """

    is_noun: Callable[[str], bool]
    is_english: Callable[[str], bool]
    max_words: int


class Guesses:
    """Recognises descriptions of which too little is known for a certain answer.

    Parameters
    ----------
    bank : the names that are contrasted
    lists : of the parser
    encode_text : M texts -> float32 [M, D]; None to ask the lists alone
    is_cut : whether a text has more tokens than the model reads
    max_tokens : that the model reads

    """

    def __init__(self, bank: PromptBank, lists: WordLists, encode_text: Callable[[list[str]], Tensor] | None = None,
                 is_cut: Callable[[str], bool] = lambda text: False, max_tokens: int = 0):
        self._bank = bank
        self._lists = lists
        self._encode_text = encode_text
        self._is_cut = is_cut
        self._max_tokens = max_tokens
        self.unknown_name = lru_cache(maxsize=1024)(self._unknown_name)
        self._is_known_to_model = lru_cache(maxsize=1024)(self._known_to_model)

    def _unknown_name(self, description: Description) -> str:
        """Return what a description calls its object, if that is not known; empty if it is, or is not named."""
        name = self._name(description)
        return name if name and not (self._is_listed(description) and self._is_known_to_model(name)) else ""

    def note(self, query: Query) -> str:
        """Return what is not known of a query, in words; empty if all is."""
        notes = []
        for description in query.descriptions():
            if name := self.unknown_name(description):
                short = name if len(name) <= t.MAX_NOTED else f"{name[:t.MAX_NOTED]}..."
                notes.append(f"the model does not know {short!r}" if self._is_listed(description)
                             else f"{short!r} is no noun that ris_ros knows")
        if query.doubt:
            notes.append(f"not sure what {query.doubt!r} says about the target")
        cut = self._cut(query)
        guess = ["the answer is a guess"] if notes else []
        return "; ".join([*dict.fromkeys(notes), *guess, *([cut] if cut else [])])

    @cached_property
    def nonsense(self) -> Tensor:
        """The normalised features of strings of random characters, float32 [M, D]."""
        assert self._encode_text is not None
        return F.normalize(self._encode_text(list(NONSENSE)), dim=1)

    def _name(self, description: Description) -> str:
        if description.head not in GENERIC_NOUNS:
            return description.head
        # The parser leaves a text that it does not understand as it is.
        is_plain = not description.head and not description.attributes and description.appearance == description.phrase
        has_letters = any(map(str.isalpha, description.appearance))
        is_understood = has_letters and self._lists.is_english(description.appearance)
        return description.appearance if is_plain and not is_understood else ""

    def _is_listed(self, description: Description) -> bool:
        head = description.head
        last = head.split()[-1] if head else ""
        return bool(last) and (self._lists.is_noun(last) or self._bank.has_name(head)
                               or self._bank.vocabulary.knows(head))

    def _known_to_model(self, name: str) -> bool:
        if self._encode_text is None:
            return True
        feature = F.normalize(self._encode_text([f"the {name}"]), dim=1)
        return float((feature @ self.nonsense.T).max()) < t.SAME_TEXT

    def _cut(self, query: Query) -> str:
        if len(query.sentence.split()) > self._lists.max_words and any(
                len(one.appearance.split()) >= self._lists.max_words for one in query.descriptions()):
            return f"only the first {self._lists.max_words} words of a noun phrase are read"
        if any(self._is_cut(f"the {one.appearance}") for one in query.descriptions()):
            return f"only the first {self._max_tokens} tokens of a noun phrase are read"
        return ""


def _nonsense() -> tuple[str, ...]:
    """Return strings of random characters of several scripts and lengths, always the same ones."""
    rng = random.Random(0)
    consonants, digits = "bcdfghjklmnpqrstvwxz", "0123456789"
    cyrillic, chinese = "".join(map(chr, range(0x430, 0x450))), "".join(map(chr, range(0x4e00, 0x5000)))

    def draw(characters: str, length: int) -> str:
        return "".join(rng.choice(characters) for _ in range(length))

    return (*(draw(consonants, length) for length in range(1, 13)), *(draw(consonants, 5) for _ in range(12)),
            *(f"{draw(consonants, 4)} {draw(consonants, length)}" for length in range(2, 8)),
            *(draw(digits, length) for length in range(2, 6)), *(draw(cyrillic, length) for length in range(3, 7)),
            *(draw(chinese, length) for length in range(1, 5)))


NONSENSE = tuple(f"the {text}" for text in _nonsense())
"""Texts that name nothing."""
