# ruff: noqa
"""What people say around an expression: greetings, requests, thanks."""

from __future__ import annotations

from ris_ros.language import vocabulary as v
from ris_ros.language.english import English
from ris_ros.language.words import Text


def clauses(text: Text) -> list[tuple[int, int]]:
    """The sentences of a text, as word ranges."""
    found, start = [], 0
    for i in range(len(text)):
        if text[i] in (".", "!", "?", ";") and (i + 1 == len(text) or text.words[i + 1].start > text.words[i].end):
            if i > start:
                found.append((start, i))
            start = i + 1
    if start < len(text):
        found.append((start, len(text)))
    return found


def opening(text: Text, i: int, english: English) -> int:
    """The index after everything that only asks: "hey robot, could you please grab me"."""
    while i < len(text):
        j = _opening_step(text, i, english)
        if j == i:
            return i
        i = j
    return i


def _opening_step(text: Text, i: int, english: English) -> int:
    word = text[i]
    if word in (",", ":", "-", "...", ".", "!", '"', "'", "(", "*"):
        return i + 1
    if found := text.match(v.REQUEST, i):
        return found[1]
    if word in v.FILLERS and not (word == "like" and False):
        return i + 1
    if word in v.PRONOUNS and word not in ("each", "it", "whose", "who") and (text.tag(i + 1).startswith(("VB", "MD"))
                                                                     or text[i + 1] in v.VERBS):
        j = i + 1
        while text.tag(j).startswith(("VB", "MD", "RB", "TO")) and text[j] not in v.DIRECTIONS:
            j += 1
        return j if j > i + 1 else i
    return _verb(text, i, english)


def _verb(text: Text, i: int, english: English) -> int:
    """The index after a verb in the imperative, its particles and whom it is for."""
    word = text[i]
    if word == "to" and (text[i + 1] in v.VERBS):
        return i + 1
    j = i + 1
    following = text[j]
    object_follows = following in v.DETERMINERS | v.GIVEN_TO | {"all", "both", "every", "each", "one"}
    if following == "that" and word not in v.VERBS:     # "mug that is red"
        object_follows = False
    if word in v.VERBS and word not in v.VERB_OR_NOUN:
        pass
    elif not (english.has_sense(word, "verb") and (
            object_follows or (word in v.VERBS and (following in v.words("up down away off out over") or (
                text.tag(i) in ("VB", "VBP") and following not in v.DIRECTIONS and following not in ("on", "at", "in", "with", "of")))))) or (text.tag(i) not in ("VB", "VBP") and word not in v.VERBS and not object_follows):
        return i
    while text[j] in v.PARTICLES | {"it", "and"} and j < len(text):
        if text[j] == "and" and text[j + 1] not in v.VERBS:
            break
        # "find in the ...", "look on the left" say where.
        if text[j] in ("on", "in", "with", "around", "back", "from", "over") and text[j + 1] not in v.VERBS \
                and word not in ("turn", "switch", "click", "tap", "focus", "zoom"):
            break
        j += 1
    return j


def closing(text: Text, start: int, i: int) -> int:
    """The index after thanks and the like at `i`; `i` when there are none."""
    if found := text.match(v.TRAILING, i):
        return found[1]
    return i + 1 if text[i] in v.ADVERBS | v.FILLERS | {",", '"', "'", ")"} else i
