"""Words around an expression: greetings, commands, thanks."""

from __future__ import annotations

from ris_ros.language import lexicon as lex
from ris_ros.language import vocabulary as v
from ris_ros.language.english import English
from ris_ros.language.words import Text, Word

_SENTENCE_ENDS = v.words(". ! ? ; ...")
# After these, a request may start.
_JOINTS = v.words(", - – — and so then")
# Function words between the verbs of a question.
_BETWEEN = v.words("to for of at about up down off out over and as so kind good nice able willing happy be please "
                   "just kindly you")
# First words of the object of a command.
_OBJECT_STARTS = v.DETERMINERS - {"which", "what"} | v.GIVEN_TO | v.words("all both every each")
_PRONOUN_OBJECTS = v.words("it them")
# First words of objects that only follow a verb.
_OWN_OBJECT_STARTS = v.words("this my your these those a an our all both every each")
# Particles that make an imperative of any verb, whatever its tag: "clear away the cups".
_ORDER_PARTICLES = v.words("away apart together aside")
_SENTENCE_STARTS = v.ARTICLES | v.words("please there you it this")
# Prepositions that may belong to any verb before them.
_OF_VERBS = v.words("on in at to into with over")
# After these, "to" and a verb express an intention.
_INTENDING = v.words("about trying going ready waiting preparing")
_MODALS = v.words("can could will would may might shall should must did do does")
# After these, a word that can be an imperative is one.
_BEFORE_ORDERS = v.words(", me us to please go just")


def punctuated(text: Text, english: English, written: str) -> Text:
    """Insert the full stops that speech lacks: "there is a cup | get it", "the cup | no the bowl".

    `written` is the sentence with its capitals: "go to the hall on the left | Open the door".
    """
    starts, is_awaited, has_stated, is_told = [], False, False, False
    corrected = correction(text, 0)                                     # where "no, wait, | the bowl" goes on
    for i in range(1, len(text)):
        # "Could your robot | bring me the cup": the verb completes the question.
        is_awaited = text[i - 1] in _MODALS or (is_awaited and not text.tag(i - 1).startswith("VB"))
        has_stated |= text[i - 2] in v.STATERS and text[i - 1] in v.AUXILIARIES
        is_told |= text.tag(i - 2).startswith("NN") and text[i - 1] in v.BE
        # "The baby is crying | give him the pacifier".
        is_helped = is_told and text[i] in v.FETCHING and text[i + 1] in v.GIVEN_TO and text[i - 1] not in v.AUXILIARIES
        if i > corrected and (is_helped or _is_capital(text, i, english, written) or _starts_anew(
                text, i, english, is_awaited=is_awaited, has_stated=has_stated)):
            starts.append(i)
        if i > corrected:
            corrected = correction(text, i)
    if not starts:
        return text
    words = list(text.words)
    for i in reversed(starts):
        words.insert(i, Word(".", words[i].start, words[i].start, "."))
    return Text(text.sentence, words)


def _is_capital(text: Text, i: int, english: English, written: str) -> bool:
    """Return whether a capital letter at `i`, after a lower-case word, starts a sentence and not a name."""
    before, first = (written[text.words[k].start] for k in (i - 1, i))
    return first.isupper() and not before.isupper() and (
        text[i] in _SENTENCE_STARTS or (i + 1 < len(text) and _order_end(text, i, english) > i))


def correction(text: Text, i: int) -> int:
    """Return the index after "no, wait," at `i`; "go past the bar and | wait at the door" is no correction."""
    return i if text[i - 1] in ("and", "then") else text.match(v.CORRECTION, i)[1]


def _starts_anew(text: Text, i: int, english: English, *, is_awaited: bool, has_stated: bool) -> bool:
    """Return whether a sentence starts at `i`, unless a verb `is_awaited`; `has_stated`: after a statement."""
    before, word, following = text[i - 1], text[i], text[i + 1]
    if before in _SENTENCE_ENDS or before in v.AUXILIARIES:
        return False
    if correction(text, i) > i:
        return True
    if word in v.POLITE_MODALS and following == "you":                  # "my phone fell down | can you get it"
        is_can = text.tag(i) != "MD" or before in v.COLOURS or text[i + 2] == "see"       # "the can you see"
        return not is_can and (text.tag(i - 1).startswith(("NN", "VBZ", "VBD"))
                               or before in v.IDLE_AFTER | v.DIRECTIONS.keys())
    if following in ("here", "there") and text.match(v.MANOEUVRE, i)[0]:    # "there is my bike | stop here so"
        return text.tag(i - 1).startswith("NN")
    if word in ("i", "we") and before in _PRONOUN_OBJECTS:              # "wash it | I dropped it"
        return True
    if word in v.STATERS and text.tag(i - 1).startswith(("NN", "VBG", "JJ", "RB")):     # "it is cold | we need a rug"
        found, j = text.match(v.WANTING, i)
        return bool(found) and (text[j] in v.DETERMINERS or (text[j] == "you" and before == "there"))
    if text[0] in v.WHENEVER | {"on", "in", "at"} and word in v.MOVES and not is_awaited:
        found, j = text.match(v.PATH, i + 1)
        if found:                                           # "When you get to the roundabout | stop by the fountain"
            return text[j] in _OBJECT_STARTS and text.tag(i - 1)[:2] in ("NN", "JJ", "CD")
    if before in v.VERBS | v.FILLERS or english.lemma(before) in lex.ALIVE or is_awaited:
        return False
    after_state = has_stated and text.tag(i - 1) == "JJ"                # "it is cold | close the door"
    if not (after_state or text.tag(i - 1) in ("NN", "NNS") or before in v.IDLE_AFTER | v.DIRECTIONS.keys()
            | _PRONOUN_OBJECTS):
        return False
    if following in v.DETERMINERS | v.GIVEN_TO:
        return word in (v.VERBS | v.VERBS_OR_NOUNS if after_state else v.FETCHING)
    if following in v.ADVERBS and text[i + 2] in v.DETERMINERS:         # "when the cup is full | pick up the spoon"
        return word in v.FETCHING
    if text[i + 2] in v.AUXILIARIES:                                    # "find the card | it is in that pile"
        return False
    return following in _PRONOUN_OBJECTS and (word in v.VERBS | v.VERBS_OR_NOUNS | v.MOVES
                                              or english.may_order(text, i))


def clauses(text: Text, english: English) -> list[tuple[int, int]]:
    """Return the sentences of a text, and the steps of a command to go somewhere, as ranges of words."""
    found, start = [], 0
    for i in range(len(text)):
        joins = text[i] in _JOINTS
        may_step = joins or (text[i] == "to" and text.tag(i + 1) == "VB")
        ends = text[i] in _SENTENCE_ENDS or (joins and _asks(text, i + 1)) or (
            may_step and _is_next_step(text, start, i, english))
        if ends and correction(text, start) <= i and not _is_intended(text, start, i):      # not "no, | take the bowl"
            found.append((start, i))
            start = i + 1
    return [(first, last) for first, last in [*found, (start, len(text))] if last > first]


def _is_intended(text: Text, start: int, i: int) -> bool:
    """Return whether "and" at `i` continues an intention: "surfer about to stand up | and catch a wave"."""
    return text[i] == "and" and any(
        text[k] == "to" and text[k - 1] in _INTENDING
        and (text.tag(k - 2).startswith("NN") or text[k - 3] in v.RELATIVES) for k in range(start + 2, i))


def goes(asking: list[str]) -> bool:
    """Return whether a command is to go or stay somewhere: "wait next to", "exit"."""
    if not asking:
        return False
    verbs, last = [word for word in asking if word in v.MOVES | v.VERBS | v.PASSED], asking[-1]
    if verbs and verbs[-1] in v.HANDLING and last in v.ADVERBS | {"on", "for"}:                 # "turn on", "pull out"
        return False
    is_led = last in v.TOWARDS and not {"get", "take", "way", "haste"}.isdisjoint(asking)       # "make your way to"
    is_turn = not {"left", "right"}.isdisjoint(asking[:-1])                                     # "make a left at"
    is_move = bool(verbs) and verbs[-1] in v.MOVES | v.PASSED | {"navigate"} \
        and last not in {*verbs, *v.GIVEN_TO, *v.POINTED_AT}
    return last in v.PASSED or asking[-2:] == ["out", "of"] or is_led or is_turn or is_move


def leads(asking: list[str]) -> bool:
    """Return whether a command leads to where the next one applies: "go to", "enter", but not "pass the salt"."""
    return goes(asking) and asking[-1] != "pass"


def finds_room(asking: list[str], named: list[str]) -> bool:
    """Return whether a command only finds the room in which the next one applies: "find | the kitchen"."""
    return bool(asking) and asking[-1] in ("find", "locate") and not lex.ROOMS.isdisjoint(named)


def is_plan(asking: list[str]) -> bool:
    """Return whether the speaker says what they are going to do: "I want to ask"."""
    return bool(asking) and asking[0] in ("i", "we") and asking[-1] not in ("to", "need", "want") \
        and "to" in asking and "you" not in asking


def _is_next_step(text: Text, start: int, i: int, english: English) -> bool:
    """Return whether a command follows `i`, for when the place that is named from `start` on has been reached."""
    is_order = _order_end(text, i + 1, english) > i + 1
    # "... and make sure the oven is off"; "go to the kitchen, there is a sponge".
    if not is_order and not (text[i + 1] in ("make", "there") and text.match(v.REQUEST, i + 1)[0]):
        return False
    first, asking = opening(text, start, i, english)
    named = text.between(first, i).split()
    if not is_order and text[i + 1] == "there" and lex.ROOMS.isdisjoint(named):
        return False
    return leads(asking) or finds_room(asking, named[:4]) or (
        goes(asking) and goes(opening(text, i + 1, len(text), english)[1]))


def _asks(text: Text, i: int) -> bool:
    """Return whether a request starts at `i`: "my hands are dirty, | where is the soap"."""
    is_minded = text[i] == "mind" and text[i + 1].endswith("ing")          # "my tea is cold, | mind warming it up?"
    if text[i - 1] in v.PAUSES and (is_minded or text.match(v.HAVING, i)[0] or text.match(v.LACKING, i)[0]):
        return True
    if text[i] in ("where", "i", "we"):
        found, j = text.match(v.REQUEST, i)
        return found is not None and (text[j] in _OBJECT_STARTS or (
            text[i] == "where" and text[i - 1] == "," and text[j] not in v.PRONOUNS))     # "where is chair"
    if text[i] in v.POLITE_MODALS and text[i + 1] == "you":
        return True
    if text[i - 1] in v.PAUSES | {"then"}:
        found, j = text.match(v.PATH, i + 1)
        if found and text[i] in v.MOVES and text[j] in _OBJECT_STARTS:
            return True                                                 # "cross the bridge then | wait by the booth"
        i = text.match(v.POLITELY, i)[1]
        if text.match(v.MANOEUVRE, i)[0]:
            return True
    found, j = text.match(v.PHRASAL, i)
    if found and text[j] in _OBJECT_STARTS and text[i - 1] != "and":        # "go straight then | stop at the bench"
        return True
    is_object = text[i + 1] in _OBJECT_STARTS | _PRONOUN_OBJECTS or _is_several(text, i + 1)
    return text[i] in v.VERBS | v.VERBS_OR_NOUNS and (
        is_object or (text[i + 1] in v.ADVERBS and text[i + 2] in _OBJECT_STARTS))


def opening(text: Text, i: int, end: int, english: English) -> tuple[int, list[str]]:
    """Return the index after the request itself, "hey robot, could you please grab me", and its words."""
    asking: list[str] = []
    while i < end:
        j = _asking_end(text, i, english)
        asking += text.between(i, j).split()
        if asking and j == i:
            _, j = text.match(v.ATTRIBUTE_OF, i)            # "tell me | the colour of"
        j = j if j > i else _idle_end(text, i)
        if j == i and text[i - 1] == "to" and asking[:1] in (["i"], ["we"]) and text.tag(i) == "VB":
            j = i + 1 + (text[i + 1] in _OF_VERBS)          # "I want to | talk to"
        if j == i:
            break
        i = j
    return i, asking


def _asking_end(text: Text, i: int, english: English) -> int:
    found, j = text.match(v.ASKING, i)
    if found:
        return _asked_for(text, j, english)
    for pattern in (v.REQUEST, v.WISHING, v.MANOEUVRE):
        found, j = text.match(pattern, i)
        # "The patient needs his crutches", but "the lamp needs a bulb".
        is_thing = found and pattern is v.WISHING and found["needs"] and english.has_sense(found["who"], "noun") \
            and english.lemma(found["who"]) not in lex.ALIVE | v.ADDRESSED | v.ANYONE | v.PRONOUNS \
            and text.tag(i + found.string.count(" ", found.start(), found.start("who"))) != "NNP" \
            and not _is_asked_for_later(text, j)
        if found and not is_thing:
            while text[j] in v.GIVEN_TO:                                # "go and get | me"
                j += 1
            return j
    found, j = text.match(v.DO_NOT, i)
    if found and _is_verb(text, j):
        k = max(_order_end(text, j, english), text.match(v.MANOEUVRE, j)[1])
        return k if k > j else j + 1 + (text[j + 1] in _OF_VERBS)
    return _order_end(text, i, english)


def _is_asked_for_later(text: Text, i: int) -> bool:
    """Return whether the object at `i` is requested after a pause: "the soup needs salt, | where is it?"."""
    pause = next((k for k in range(i, i + 6) if text[k] in v.PAUSES | _SENTENCE_ENDS), i)
    return bool(text.match(v.LACKING, pause + 1)[0]) if pause > i else False


def _asked_for(text: Text, i: int, english: English) -> int:
    """Return the index after the verbs of a question: "could you | please be so good and bring me"."""
    i = text.match(v.MANOEUVRE, text.match(v.GREETING, i)[1])[1]        # "by any chance"
    while text[i] in v.IDLE_AFTER | v.FILLERS:
        i += 1
    j = _order_end(text, i, english)
    if j > i or text[i] in v.DETERMINERS:
        return j
    j = i + 1
    while j < len(text):
        is_verb = text.tag(j).startswith("VB") and (text[j - 1] in v.words("to and me us please mind help have be") or
                                                    text[j] in v.VERBS)
        if text[j] in v.DETERMINERS or not (is_verb or text[j] in _BETWEEN | v.GIVEN_TO):
            break
        j += 1
    return j


def _idle_end(text: Text, i: int) -> int:
    """Return the index after a greeting, a name, or a statement that introduces the object: "I left"."""
    found, j = text.match(v.GREETING, i)
    if found:
        return j
    word, following = text[i], text[i + 1]
    if word == "to" and i > 0 and text.tag(i + 1) == "VB":              # "what | to do with"
        return i + 1
    if word == "robot" and i == 0 and following not in v.FILLERS | v.IDLE_AFTER | v.VERBS and (
            not following or following in v.SHOWN or following.endswith(("ing", "ly", "ed", "en"))
            or any(text.match(said, 1)[0] for said in (v.RELATION, v.PLACE_AFTER))):
        return i                                            # the robot is the target
    if word == "no" and following in lex.CLOTHES:           # "no hat guy"
        return i
    if word in v.FILLERS | v.PAUSES or (word == "right" and following in v.FILLERS | {",", "i", "we"}) or (
            text.tag(i) == "UH" and following and word not in lex.ALIVE):
        return i + 1
    j = i + 2 + (text[i + 2] in ("me", "us", "you"))
    if word in ("who", "what") and text.tag(i + 1) in ("VBD", "VBZ") and text[j] in v.DETERMINERS:
        return j if following != "has" else i           # "who left this here"
    # "Honey, where is ...", "Max, fetch ..."
    is_name = word.isalpha() and word not in v.DETERMINERS and following in v.POLITE_MODALS | {"where"}
    if is_name and (text.match(v.REQUEST, i + 1)[0] or text.match(v.ASKING, i + 1)[0]):
        return i + 1
    if word in v.ADDRESSED and following in v.DETERMINERS - v.RELATIVES | {"please", "look"}:
        return i + 1
    if i == 0 and following == "," and (text.match(v.REQUEST, 2)[0] or text[2] in v.VERBS):
        return 2
    j = _told_end(text, i)
    return j if j > i else _later_order(text, i)


def _told_end(text: Text, i: int) -> int:
    """Return the index after a subject and its verb: "my sister left | her purse", "I am too short to | reach"."""
    word, following = text[i], text[i + 1]
    j = i + (word in ("my", "our") or (word in v.ARTICLES and text[i - 1] in v.BELIEVING))
    if text[j] in v.ANYONE | v.ADDRESSED or (j > i and text[j].removesuffix("s") in lex.PEOPLE):
        j += 1 + (text[j + 1] in ("has", "have", "had", "'s"))
        k = j + 1 + (text[j + 1] in ("about", "for", "at"))
        if text.tag(j) in ("VBD", "VBN", "VBZ") and text[k] in v.DETERMINERS:
            return k                                        # "someone left the tap running"
        if text.tag(j) in ("VB", "VBP") and text[j + 1] in v.GIVEN_TO | v.DETERMINERS | {"where", "if", "whether"}:
            return j                                        # "someone hand me"
    j = i + 1 + (following in ("please", "not", "no"))
    is_of_anyone = word in v.ANYONE and (text.tag(j) == "MD" or text.tag(j + 1) == "VBN" or following == "please" or (
        text.tag(j) == "VBD" and text[j + 1] == "to") or (
        text[j] in ("has", "have", "had", "needs", "'s", "is") and text[j + 1] in ("to", "been", "looking", "asking")))
    if is_of_anyone or (word in v.PRONOUNS and word not in ("each", "whose", "who") and _is_verb(text, j)):
        while (text.tag(j).startswith(("VB", "MD", "RB", "TO")) or text[j] == "'s") and not (
                text[j - 1] == "to" and text[j] in v.VERBS | v.VERBS_OR_NOUNS) and not text.match(v.MANOEUVRE, j)[0]:
            j += 1
        # "I am | not tall enough to", "I am | tired of".
        k = j + 1 + (text[j + 1] == "enough")
        if word in ("i", "we") and text[j - 1] in ("am", "was", "are", "were", "not") and text[k] in (
                "to", "of", "with", "at", "by") and not text.match(v.RELATION, j)[0]:
            return k + 1
        found, k = text.match(v.RELATION, j)                            # "I am going to sit on | the couch"
        if found and word in ("i", "we", "you") and found[0] != "out of" and text.match(v.PLACE_AFTER, j)[1] < k and (
                text[k] in v.DETERMINERS or text.tag(k).startswith("NN")):
            return k
        while j > i + 1 and text[j] in ("me", "us"):                      # "you give | me"
            j += 1
        is_particle = text.tag(j) == "RP" or text[j] in v.words("for at about with to without into of")
        return j + is_particle if j > i + 1 else i
    return i


def _later_order(text: Text, i: int) -> int:
    """Return where a command starts after a few words without meaning: "ok google | find the ..."."""
    for j in range(i, min(i + 6, len(text))):
        if text[j] in v.DETERMINERS | v.RELATIVES | v.SHOWN | {"to", "'s"} or text.match(v.RELATION, j)[0]:
            break
        if text[j] in v.VERBS and j > i and text[
                j + 1 + (text[j + 1] in v.GIVEN_TO | v.ADVERBS)] in v.DETERMINERS:
            return j
    return i


def _is_verb(text: Text, i: int) -> bool:
    return text.tag(i).startswith(("VB", "MD")) or text[i] in v.VERBS


def _order_end(text: Text, i: int, english: English) -> int:
    """Return the index after an imperative, its particles and its recipient: "pick up", "hand me"."""
    word, following = text[i], text[i + 1]
    if text[i - 1] in v.words("mind for by about of with try start keep"):       # "would you mind bringing"
        word = english.lemma(word, "verb")
    j = i + 1
    path, end = text.match(v.PATH, i + 1)
    if word == "go" and path and text[end] in _OBJECT_STARTS and text.match(v.PLACE_AFTER, i + 1)[1] < end:
        return end                                                      # "go left past the sofa"
    found, end = text.match(v.PHRASAL, i)
    if word == "get" and found and text[end - 1] in ("to", "of", "from") and text[end] in _OBJECT_STARTS:
        return end                                                      # "get out of the kitchen"
    if word in v.VERBS and following == "of":                           # "outline of the building"
        return i
    if word not in v.VERBS:
        j = _order_of_noun_end(text, i, english)
        if j == i:
            return i
    if word in v.GIVING:
        k = j + (text[j] in v.DETERMINERS)
        if english.lemma(text[k]) in lex.ALIVE and text[k + 1] in v.DETERMINERS and text[k + 2] not in lex.GROUNDS:
            j = k + 1                                       # but "give the cyclist | some space"
    while word == "go" and text[j] in v.AHEAD:
        j += 1
    while text[j] in v.PARTICLES | v.GIVEN_TO | _PRONOUN_OBJECTS or (text[j] == "and" and text[j + 1] in v.VERBS):
        # "find on the left ..." starts with a region.
        if text[j] in ("on", "over") and text.match(v.PLACE_AFTER, j)[0]:
            break
        j += 1
        if text[j - 1] in _PRONOUN_OBJECTS:                                         # "put it on the table"
            break
    is_goal = text[j + 1] in v.GOALS and text[j + 2] in v.DETERMINERS and not text.match(v.PLACE_AFTER, j + 1)[0]
    if text[j] in v.POINTED_AT and word in v.BRINGING and is_goal:                  # "drop this in the box"
        j += 1
    return j


def _order_of_noun_end(text: Text, i: int, english: English) -> int:
    """Return the index after an imperative that could also be a noun, and its particles: "lift", "stay by"."""
    word, following = text[i], text[i + 1]
    if text[i - 1] in ("want", "need") or (text[i - 1] in v.GIVEN_TO and text[i - 2] in v.GIVING):
        return i                                            # "give me | cup the red"
    if word == "come" and following in v.MOVES:
        return i + 1                                        # "come | stand beside the chair"
    if word in v.VERBS_OR_NOUNS and following == "please" and text[i + 2] in _OBJECT_STARTS:
        return i + 2                                        # "close please the curtain"
    found, j = text.match(v.PATH, i + 1)
    is_towards = text[j - 1] in v.MOTION and text[j - 2] not in ("next", "close", "near")
    is_base = is_towards or (word not in v.SMALL and (
        word not in v.STANDING or _is_base(text, i, english) or _is_in_turn(text)))
    is_base &= word != "swing" or text[i + 1] in ("by", "past", "over")
    is_first = text.tag(i - 1) in ("", ".", "CC", "TO")
    # "Drive over to | bay four", "stop by | silver car".
    is_to = (is_towards and text[j - 1] == "to") or (is_first and text.tag(j).startswith(("NN", "JJ")))
    if found and word in v.MOVES and is_base and (text[j] in _OBJECT_STARTS | {"where"} or is_to) \
            and text.match(v.PLACE_AFTER, i + 1)[1] < j:
        return j                                            # "stay behind the line"
    if english.may_order(text, i) and not (english.has_sense(word, "noun") or english.has_sense(word, "adj")):
        return i + 1                                        # "forget", "unplug" are not nouns
    j = _phrasal_end(text, i, english)
    is_for = text[j - 1] == "for" or (word in ("look", "point") and text[j - 1] in ("at", "to")) or (
        text.tag(j).startswith("NN") and text[j - 1] in ("on", "off") and word in ("turn", "switch"))
    if j > i + 1 and (is_for or text[j] in _OBJECT_STARTS):
        return j
    if _is_compound_verb(text, i, english):
        return i + 2                                        # "stretch wrap the pallet"
    has_object = following in _OBJECT_STARTS | _PRONOUN_OBJECTS or _is_several(text, i + 1)
    return i + 1 if has_object and _orders(text, i, english) else i


def _is_compound_verb(text: Text, i: int, english: English) -> bool:
    """Return whether a text starts with a compound verb and its object: "bubble wrap the vase"."""
    return i == 0 and text[2] in ("the", *_OWN_OBJECT_STARTS) and english.may_order(text, 1) \
        and english.has_sense(text[0], "noun") and text[0] not in v.VERBS | v.VERBS_OR_NOUNS | v.COLOURS \
        and english.lemma(text[0]) not in lex.ALIVE and _orders(text, 1, english)


def _is_in_turn(text: Text) -> bool:
    """Return whether a text says when to do something: "when you get there, stop by the desk", "swing by it first"."""
    return text[0] in v.WHENEVER or text[len(text) - 1] == "first"


def _orders(text: Text, i: int, english: English) -> bool:
    """Return whether a word before an object is an imperative: "lift the box", but not "tie the man is wearing"."""
    word, following = text[i], text[i + 1]
    is_that = following == "that"                           # "arm that bird is on", "block that is red"
    if _is_told(text, i + 2, i + 6, progressive=not is_that) or (is_that and _is_verb(text, i + 2)) \
            or english.lemma(word) in lex.ANIMALS | lex.PEOPLE - {"cook", "guide", "guard"}:
        return False
    if word in v.VERBS_OR_NOUNS:
        return True
    if not english.may_order(text, i):
        return following == "the" and not english.is_known(word)        # "palletize the boxes"
    if following in ("all", "both", "each", "every") and (
            text[i + 2] not in v.DETERMINERS or text.match(v.PLACE_AFTER, i + 1)[0]):
        return False                                        # "cup all by itself"
    if text.tag(i).startswith("VB") or text[i - 1] in _BEFORE_ORDERS:
        return True
    return (following in _OWN_OBJECT_STARTS or following == "the") and not _is_told(text, i + 2, i + 8) \
        and not text.match(v.THE_ONE, i + 1)[0]


def _is_several(text: Text, i: int) -> bool:
    """Return whether several objects are named at `i`: "load | six heavy boxes"."""
    if text[i] not in v.CARDINALS.keys() | v.QUANTIFIERS.keys() | {"more"} and not text[i].isdigit():
        return False
    i += 1
    if text[i] == "of":                                                 # "light | one of the candles"
        return True
    while text.tag(i).startswith("JJ"):
        i += 1
    return text.tag(i) == "NNS"


def _phrasal_end(text: Text, i: int, english: English) -> int:
    """Return the index after a verb and its particles, "point to", "screw in", "roll up"; `i` if there is none."""
    found, j = text.match(v.PHRASAL, i)
    # "Clock over the door" is a noun phrase.
    is_order = text[i + 1] in v.ADVERBS - {"over"} and _is_base(text, i, english)
    if not found and (is_order or (text[i + 1] in _ORDER_PARTICLES and english.may_order(text, i))):
        return i + 2
    return j


def _is_base(text: Text, i: int, english: English) -> bool:
    """Return whether a verb in the imperative is at `i`."""
    return text.tag(i).startswith("VB") and english.may_order(text, i)


def _is_told(text: Text, i: int, end: int, *, progressive: bool = False) -> bool:
    """Return whether a verb comes before `end`: "tie the | man wears"; if `progressive`, "man is wearing"."""
    for j in range(i, end):
        if text[j] in v.RELATIVES | v.PAUSES:
            return False
        if text.tag(j) == "VBG" and text[len(text) - 1] in lex.STRANDED:        # "chair the girl sitting on"
            return True
        if text[j] in v.AUXILIARIES or text.tag(j) in ("VBZ", "VBD", "VBP"):
            return text.tag(j + 1) == "VBG" or not progressive
    return False


def closing(text: Text, i: int) -> int:
    """Return the index after thanks and similar closing words at `i`."""
    found, j = text.match(v.CLOSING, i)
    if found:
        return j
    return i + 1 if text[i] in v.IDLE_AFTER | v.FILLERS | v.PAUSES - {","} and text[i] != "and" else i
