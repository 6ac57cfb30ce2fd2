"""What people say around an expression: greetings, orders, thanks."""

from __future__ import annotations

from ris_ros.language import vocabulary as v
from ris_ros.language.english import English
from ris_ros.language.words import Text

_SENTENCE_ENDS = v.words(". ! ? ; ...")
# Small words between the verbs of a question.
_BETWEEN = v.words("to for of at about up down off out over and as so kind good nice able be please just kindly you")
# What the object of an order starts with.
_OBJECT_STARTS = v.DETERMINERS - {"which", "what"} | v.GIVEN_TO | v.words("all both every each")


def clauses(text: Text) -> list[tuple[int, int]]:
    """The sentences of a text, as ranges of words."""
    found, start = [], 0
    for i in range(len(text)):
        if text[i] in _SENTENCE_ENDS:
            found.append((start, i))
            start = i + 1
    return [(first, last) for first, last in [*found, (start, len(text))] if last > first]


def opening(text: Text, i: int, end: int, english: English) -> tuple[int, list[str]]:
    """The index after everything that only asks, "hey robot, could you please grab me", and the words that ask."""
    asking: list[str] = []
    while i < end:
        j = _asking_end(text, i, english)
        asking += text.between(i, j).split()
        j = j if j > i else _idle_end(text, i)
        if j == i:
            break
        i = j
    return i, asking


def _asking_end(text: Text, i: int, english: English) -> int:
    found, j = text.match(v.ASKING, i)
    if found:
        return _asked_for(text, j, english)
    for pattern in (v.REQUEST, v.WISHING):
        found, j = text.match(pattern, i)
        if found:
            while text[j] in v.GIVEN_TO:                                # "go and get | me"
                j += 1
            return j
    if text[i] == "to" and text[i + 1] in v.VERBS:
        return i + 1
    found, j = text.match(v.DO_NOT, i)
    if found and _is_verb(text, j):
        return j
    return _order_end(text, i, english)


def _asked_for(text: Text, i: int, english: English) -> int:
    """The index after the verbs of a question: "could you | please be so good and bring me", "might I | ask for"."""
    while text[i] in v.IDLE_AFTER | v.FILLERS:
        i += 1
    j = _order_end(text, i, english)
    if j > i:
        return j
    j = i + 1
    while j < len(text):
        if text[j] in v.DETERMINERS:
            if text[j + 1] not in v.FAVOURS:                # "do me a favour and"
                break
            j += 2
            continue
        is_verb = text.tag(j).startswith("VB") and (text[j - 1] in v.words("to and me us please mind help have") or
                                                    text[j] in v.VERBS)
        if not (is_verb or text[j] in _BETWEEN or text[j] in v.GIVEN_TO):
            break
        j += 1
    return j


def _idle_end(text: Text, i: int) -> int:
    """The index after a greeting, a name, or a statement that leads to what is meant: "I left"."""
    found, j = text.match(v.GREETING, i)
    if found:
        return j
    word, following = text[i], text[i + 1]
    if word in v.FILLERS | v.PAUSES or (word == "right" and following == ","):
        return i + 1
    if word in ("who", "what") and text.tag(i + 1) in ("VBD", "VBZ") and text[i + 2] in v.DETERMINERS:
        return i + 2                                        # "who left this here"
    # "Honey, where is ...", "Max, fetch ..."
    is_name = word.isalpha() and word not in v.DETERMINERS and following in v.words("can could would will where please")
    if is_name and (text.match(v.REQUEST, i + 1)[0] or text.match(v.ASKING, i + 1)[0]):
        return i + 1
    if i == 0 and following == "," and (text.match(v.REQUEST, 2)[0] or text[2] in v.VERBS):
        return 2
    j = i + 1
    if word in v.PRONOUNS and word not in ("each", "whose", "who") and _is_verb(text, j):
        while text.tag(j).startswith(("VB", "MD", "RB", "TO")):
            j += 1
        return j + (text[j] in ("for", "at", "about")) if j > i + 1 else i
    return _later_order(text, i)


def _later_order(text: Text, i: int) -> int:
    """Where an order starts after a few words that name nothing: "ok google | find the ..."."""
    for j in range(i, min(i + 6, len(text))):
        if text[j] in v.DETERMINERS | v.RELATIVES | v.SHOWN | {"to", "'s"} or text.match(v.RELATION, j)[0]:
            break
        if text[j] in v.VERBS and j > i and text[j + 1 + (text[j + 1] in v.GIVEN_TO)] in v.DETERMINERS:
            return j
    return i


def _is_verb(text: Text, i: int) -> bool:
    return text.tag(i).startswith(("VB", "MD")) or text[i] in v.VERBS


def _order_end(text: Text, i: int, english: English) -> int:
    """The index after an imperative, its particles and whom it is for: "pick up", "hand me"."""
    word, following = text[i], text[i + 1]
    if text[i - 1] in v.words("mind for by about try start keep"):       # "would you mind bringing"
        word = english.lemma(word, "verb")
    j = i + 1
    if word in v.VERBS and following == "of":                           # "outline of the building"
        return i
    if word not in v.VERBS:
        _, phrasal_end = text.match(v.PHRASAL, i)
        may_be = word in v.VERBS_OR_NOUNS or (text.tag(i) in ("VB", "VBP") and english.has_sense(word, "verb"))
        may_be = may_be and not (following == "that" and _is_verb(text, i + 2))     # "block that is red"
        may_be = may_be and not _is_clause(text, i + 1)
        if phrasal_end > j and text[phrasal_end] in _OBJECT_STARTS:
            j = phrasal_end
        elif not may_be or following not in _OBJECT_STARTS:
            return i
    if word in v.GIVING:
        k = j + (text[j] in v.DETERMINERS)
        if english.lemma(text[k]) in v.PEOPLE and text[k + 1] in v.DETERMINERS:
            j = k + 1
    while text[j] in v.PARTICLES | v.GIVEN_TO | {"it"} or (text[j] == "and" and text[j + 1] in v.VERBS):
        # "find on the left ..." says where.
        if text[j] in ("on", "over") and text.match(v.PLACE_AFTER, j)[0]:
            break
        j += 1
        if text[j - 1] == "it":                                         # "put it on the table"
            break
    return j


def _is_clause(text: Text, i: int) -> bool:
    """Whether somebody does something at `i`: "tie | the man is wearing" orders nothing to be tied."""
    for j in range(i + 1, i + 4):
        if text[j] in v.RELATIVES:
            return False
        if text[j] in v.AUXILIARIES and text.tag(j + 1) == "VBG":
            return True
    return False


def closing(text: Text, i: int) -> int:
    """The index after thanks and the like at `i`."""
    found, j = text.match(v.CLOSING, i)
    if found:
        return j
    return i + 1 if text[i] in v.IDLE_AFTER | v.FILLERS | v.PAUSES - {","} and text[i] != "and" else i
