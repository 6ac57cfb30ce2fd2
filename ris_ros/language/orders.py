"""Rankings: "second largest", "third from the left", "closest to the camera"."""

from __future__ import annotations

from ris_ros.language import vocabulary as v
from ris_ros.language.draft import Draft
from ris_ros.language.words import Text
from ris_ros.types import Ranking


def read_ranked(text: Text, i: int, draft: Draft) -> int:
    """Read a superlative or an ordinal with its complement; returns the index after it, or `i` if there is none."""
    found, j = text.match(v.RANKED, i)
    if found and not (found["superlative"] in ("near", "far") and (found["nth"] or j == len(text))):
        rank = v.ORDINALS[found["nth"]] if found["nth"] else max(draft.rank, 1)
        draft.add_order(Ranking(v.SUPERLATIVES[found["superlative"]], rank))
        return read_complement(text, j, draft)
    found, j = text.match(v.RANK, i)
    if not found:
        return i
    if found["from_last"]:
        draft.rank = -v.ORDINALS.get(found["from_last"], 2)
    elif found["nth"]:
        draft.rank = v.ORDINALS[found["nth"]]
    else:
        draft.rank = -2 if found["penultimate"] else -1
    return read_counted(text, j, draft)


def read_counted(text: Text, i: int, draft: Draft) -> int:
    """Read the side from which an ordinal counts: "from the left"."""
    found, j = text.match(v.COUNTED, i)
    if found:
        draft.count_from(v.SIDES[found["side"]])
    return j


def read_complement(text: Text, i: int, draft: Draft) -> int:
    """Read the complement of a superlative: "closest | to the camera", "furthest | left", "farthest | from us"."""
    name, rank = (draft.ranking.name, draft.ranking.rank) if draft.ranking else ("", 0)
    if name not in ("near", "far"):
        return i
    if name == "far":
        found, j = text.match(v.FROM_SIDE, i)
        if found:
            draft.ranking = Ranking(v.OPPOSITE[v.SIDES[found["side"]]], rank)
            return j
        found, j = text.match(v.AWAY, i)
        if found:
            draft.ranking = Ranking(v.AWAY_ORDERS.get(found[0], "far"), rank)
            return read_complement(text, j, draft) if found[0] in ("away", "out") else j
    found, j = text.match(v.TOWARDS_SIDE, i)
    if found:
        draft.ranking = Ranking(v.SIDES[found["side"]], rank)
        return j
    draft.open_order = True
    return i
