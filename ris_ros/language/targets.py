"""The targets of an utterance: one object or several, in one sentence or more."""

from __future__ import annotations

from ris_ros.language import lexicon as lex
from ris_ros.language import request
from ris_ros.language import vocabulary as v
from ris_ros.language.draft import Draft
from ris_ros.language.english import English
from ris_ros.language.grammar import Grammar
from ris_ros.language.kinds import NOUN
from ris_ros.language.words import Text

# Maximum number of words that introduce the target.
MAX_PREAMBLE = 30


def targets(text: Text, english: English) -> list[Draft]:
    """Return the targets: what a command or question names first, else what any sentence names first."""
    sentences = request.clauses(text, english)
    grammar = Grammar(text, english, {end for _, end in sentences})
    best: list[Draft] = []
    refused: list[Draft] = []
    was_asked = has_gone = False
    told: Draft | None = None               # an object at the destination of a command
    for start, end in sentences:
        resumed = request.correction(text, start) if best else start
        corrects, start = resumed > start, resumed
        i, asking = request.opening(text, start, end, english)
        if best and text.match(v.COPULA, start)[0] and not text.match(v.HAVING, start)[0] \
                and text[start] not in ("look", "there"):
            grammar.modifiers(start, best[0])               # "It is red."
            continue
        # "The plate, no, leave it, take the saucer", "I do not want the red cup, give me ...".
        is_left = v.LEAVING.intersection(asking) and asking[-1] not in ("from", "of") and (
            corrects or asking[-1] not in ("leave", "keep"))
        if is_left or ({"not", "never"}.intersection(asking) and asking[0] not in v.BE):
            draft, j = grammar.description(i)
            refused += [draft] if draft else best if corrects else []
            best = [] if corrects else best
            i, asking = request.opening(text, j, end, english)
            if i == j:
                continue
        if told and asking and asking[-1] in ("it", "them"):            # "the lamp is on the left, | switch it on"
            best, was_asked, told = [told], True, None
            continue
        # But "give him | the pacifier".
        is_given = len(asking) > 1 and asking[-2] in v.GIVING and asking[-1] != "it" and text[i] in v.DETERMINERS
        if best and v.BRINGING.intersection(asking) and {"it", "them", "him", "her"}.intersection(asking) \
                and not is_given:
            continue                                        # "... put it in the sink"
        if asking and asking[-1] in v.POINTED_AT and not best and text.match(v.RELATION, i)[0]:
            i = text.match(v.RELATION, i)[1]                # "drop it in the bin" names the bin
        i = text.match(v.YOUR_HAND, i)[1]
        draft, j = _meant(grammar, text, i, end, asking)
        if draft is None:
            continue
        if asking[-2:] == ["what", "did"] and draft.head in lex.ALIVE and not best:
            continue                                        # "what did the guy leave" names no thing
        if not asking and (has_gone or draft.head in lex.ROOMS | lex.ALIVE):
            told = _told(grammar, english, draft, end)
        goes = request.goes(asking)
        if goes:
            draft, j = _arrived(grammar, text, draft, j, asking)
        if asking and draft.rank == 1 and text[len(text) - 1] == "first" and text[draft.last - 1] != "first":
            draft.rank = 0                                              # "go to the printer | first"
        if asking and asking[-1] in v.PUTTING:
            draft = _without_goal(grammar, i, text, asking[-1])
        if corrects and best:
            best = _corrected(best, draft)
            continue
        is_reached = bool(best) and not best[0].is_generic and best[0].head not in lex.ROOMS | {""}
        if is_reached and draft.head in lex.GROUNDS and best[0].head not in lex.GROUNDS:
            continue                                        # "let the man pass and take the left lane"
        if best and text.tag(i) == "VBG":
            continue                                        # "that is my car! they are loading it"
        is_plan = request.is_plan(asking)
        if is_plan and has_gone and is_reached and ("ask" in asking or text[i] not in v.DEMONSTRATIVES | {"the", "my"}):
            continue                                        # "stop at the shop. I want to buy a pen"
        draft.excluded += refused
        if best and (draft.is_generic or draft.head == best[0].head):
            best[0].merge(draft)
        elif not best or best[0].is_generic or (asking and (not was_asked or (has_gone and goes))):
            passed = best if has_gone and goes else []      # "go up the stairs and wait at the desk"
            if best and _only_excludes(best[0]):            # "not the fork. I need the spoon."
                draft.excluded += best[0].excluded
            leads = request.leads(asking)
            further = [] if goes and {j, j + 1} & grammar.ends else _further(grammar, text, english, draft, j)
            best = [draft, *further, *passed]
            if _only_excludes(draft) and len(best) > 1:             # "rather than the fork, take the spoon"
                best[1].excluded += best.pop(0).excluded
            leads |= is_plan or draft.head in lex.GROUNDS or request.finds_room(asking, [draft.head])
            was_asked, has_gone = bool(asking) and asking[0] not in v.TELLING and not leads, goes
    return best or refused[:1]                              # "do not step on the rug" is about the rug


def _only_excludes(draft: Draft) -> bool:
    return bool(draft.excluded) and not (draft.head or draft.before or draft.region or draft.relations)


def _meant(grammar: Grammar, text: Text, i: int, end: int, asking: list[str]) -> tuple[Draft | None, int]:
    """Read the description at `i`, or the next one with a determiner if that at `i` is unlikely to be the target."""
    draft, j = grammar.description(i) if i < end else (None, i)
    if asking and draft is not None and i + 1 == end and text[i] in v.MOVES and text.tag(i) == "VB":
        return None, i                                                  # "drive towards him and | stop"
    if draft is not None and draft.head in lex.ALIVE and asking and asking[-1] in v.GIVING and text[j] in v.DETERMINERS:
        given, k = grammar.description(j)                               # "hand the man in blue | his wallet"
        if given is not None and given.head and given.head not in lex.GROUNDS:
            return given, k
    is_named = draft is not None and draft.head and not _is_favour(text, i, draft) and not _starts(grammar, i)
    if is_named and text[j] == "," and text[j + 1] in v.VERBS:          # "good boy, fetch the stick"
        first = j + 1
    elif draft is not None and not _is_preamble(grammar, i, draft, asking):
        return draft, j
    else:
        first = i + 1
    for k in range(first, min(end, first + MAX_PREAMBLE)):
        is_determiner = text[k] in v.DETERMINERS - v.RELATIVES or (
                text[k] == "that" and (text[k - 1] in v.SHOWN or (
                    text[k - 1] in v.WHENEVER and text.tag(k + 1).startswith(("NN", "JJ")))))
        if is_determiner and text[k + 1] not in v.FAVOURS | v.ABSTRACT:
            later, m = grammar.description(k)
            if later is not None and (later.head or later.region or later.ranking) and not (
                    is_named and later.is_generic):
                return later, m
    is_nothing = end < len(text) and draft and (_starts(grammar, i) or (asking and _is_favour(text, i, draft)))
    return None if is_nothing else draft, j


def _told(grammar: Grammar, english: English, draft: Draft, end: int) -> Draft | None:
    """Read the object of a statement: "a lamp is on the left", "the hall has | a lamp", "she dropped | her spoon"."""
    if draft.head not in lex.ROOMS | lex.ALIVE:
        return draft
    for k in range(draft.last, end):
        word = grammar.text[k]
        tells = word in ("has", "contains") if draft.head in lex.ROOMS else (
            english.lemma(word, "verb") in lex.MISLAYING and grammar.text[k + 1] in v.DETERMINERS)
        if tells and grammar.text[k - 1] not in v.RELATIVES:
            return grammar.description(k + 1)[0]
    return None


def _arrived(grammar: Grammar, text: Text, draft: Draft, j: int, asking: list[str]) -> tuple[Draft, int]:
    """Return the final destination of a command, without the way there: "go down the hall | to the sink"."""
    while True:
        further, after = 0, text[draft.last]
        if text[j] in v.TOWARDS and asking[-1] in v.PASSING and (asking[-1] != "follow" or draft.head in lex.WAYS):
            further = j + 1
        elif text.match(v.UNTIL, j)[0]:
            further = text.match(v.UNTIL, j)[1]
        elif after in ("through", "via") and asking[-1] in v.PASSED:    # "leave the room | through the door"
            further = draft.last + 1
        goal, end = grammar.description(further) if further else (None, j)
        if goal is None or not goal.head:
            return draft, j
        draft, j, asking = goal, end, ["to"]


def _corrected(best: list[Draft], draft: Draft) -> list[Draft]:
    """Read a correction of what was said before: "the cup, no, the bowl", "on the left, no, the right"."""
    if not draft.is_generic and best[0].head != draft.head:
        return [draft]
    if draft.region or draft.ranking or draft.rank:
        best[0].region, best[0].ranking, best[0].rank = "", None, 0
    best[0].merge(draft)
    return best


def _starts(grammar: Grammar, i: int) -> bool:
    """Return whether a verb that only starts an utterance is at `i`: "turn left", but not "turn signal"."""
    return grammar.text[i] in v.STARTERS and grammar.nouns.kind(i + 1) != NOUN


def _is_preamble(grammar: Grammar, i: int, draft: Draft, asking: list[str]) -> bool:
    """Return whether what was read at `i` only introduces the target: "hurry up and", "take a look at"."""
    text, is_order = grammar.text, bool(asking) and asking[-1] not in v.AUXILIARIES
    if _starts(grammar, i) or ((asking or i > 0 or text[i] == "any") and _is_favour(text, i, draft)):
        return True
    if is_order and draft.after and not draft.head:         # "tell me about the painting"
        return True
    if text[i] in v.DETERMINERS or draft.region or draft.ranking or draft.rank or draft.excluded:
        return False
    if draft.head:
        return False
    is_colour = any(word in v.COLOURS for attribute in draft.attributes for word in attribute.split())
    return is_order if not draft.attributes else not is_colour


def _is_favour(text: Text, i: int, draft: Draft) -> bool:
    """Return whether a draft names no object: "a hand", "a look", but not "the drill bit"."""
    return draft.head in v.ABSTRACT or (
        draft.head in v.FAVOURS and (text[i] != "the" or draft.head.startswith("favo")))


def _without_goal(grammar: Grammar, i: int, text: Text, verb: str) -> Draft:
    """Read the description at `i` without the destination of the object, which comes last."""
    draft = Draft()
    j = grammar.nouns.read(i, draft)
    place = draft.region
    grammar.modifiers(j, draft)
    is_where_it_is = text[j] in v.RELATIVES and text.match(v.RELATION, text.match(v.COPULA, j)[1])[0]
    if draft.relations and not (is_where_it_is and len(draft.relations) == 1):          # "that is against the wall"
        draft.relations.pop()
    elif not (verb in v.MOVING and text[j] == "on"):        # "turn the knob on the left"
        draft.region = place
    return draft


def _further(grammar: Grammar, text: Text, english: English, draft: Draft, i: int) -> list[Draft]:
    """Read the targets after the first: "the cup, the bowl and the spoon"."""
    drafts: list[Draft] = []
    while i < len(text):
        j = request.closing(text, i)
        if j > i:
            i = j
            continue
        if j in grammar.ends and (text[j + 1] == "where" or text.match(v.HAVING, j + 1)[0]):
            break                                           # "I am cold, | is there a blanket"
        j += text[j] == ","
        is_joined = text[j] in ("and", "or", "plus")
        start = request.opening(text, j + is_joined, len(text), english)[0] if is_joined or j > i else i
        other, k = grammar.description(start) if start > i else (None, i)
        is_move = text[start] in v.MOVES and text.tag(start) == "VB"                # "... and wait"
        if other is None or not other.head or is_move:      # "... and put it in the bowl"
            break
        i = k
        if not is_joined and text[start] not in v.DETERMINERS - v.OF_ANOTHER and text[k] not in (",", "and", "or"):
            draft.after.append(text.between(start, k))      # "laptop, screen on", "dog, its head hidden"
            continue
        if not draft.head:                                  # "the red and the blue cup"
            draft.head, draft.noun = other.head, other.noun
        if other.head == "one" and draft.head and is_joined:    # "the red cup and the blue one"
            other.head, other.noun = draft.head, draft.noun
        # "I see two cups, give me the red one", "something to write with, the pen".
        if not is_joined and (draft.is_generic or (other.head == "one" and start > j)):
            draft.merge(other)
        else:
            drafts.append(other)
    return drafts
