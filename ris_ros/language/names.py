"""Words to names: regions, rankings, relations and numbers, by the tables in `data/`."""

from __future__ import annotations

from functools import reduce

from ris_ros.language.lists import DATA, WORDS
from ris_ros.types import Ranking

_CUES = [(tuple(cue.split()), name) for cue, name in (
    line.split("\t") for line in (DATA / "relations.tsv").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#"))]


def relation_name(words: list[str]) -> str:
    """Return the relation that words express, by the first row whose words are all among them; empty if none."""
    for cue, name in _CUES:
        rest = iter(words)
        if all(word in rest for word in cue):               # in this order
            return name
    return ""


def region_name(words: list[str]) -> str:
    """Return the region that words express; empty if none."""
    directions = [word for word in words if word in WORDS["directions"]]
    if not directions:
        alone = [WORDS["regions alone"][word] for word in words if word in WORDS["regions alone"]]
        return "corner" if "corner" in words else alone[0] if alone else ""
    region = reduce(together, (WORDS["directions"][word] for word in directions))
    if "corner" in words:
        return f"{region} corner" if " " in region else region
    is_far = not WORDS["far"].isdisjoint(words[:words.index(directions[0])])
    return f"far {region}" if is_far and region in ("left", "right") else region


def together(first: str, second: str) -> str:
    """Return the combination of two regions of one object; the first if they cannot be combined."""
    rows = WORDS["rows"]
    if first in ("", "middle") or second in ("", "middle"):
        return first if second in ("", "middle") and first else second
    for row, region in ((first, second), (second, first)):
        side = region.removeprefix("far ")
        if row in rows and side in ("left", "right"):
            return f"{rows[row]} {side}"
    if rows.get(first) == rows.get(second) is not None:         # "at the top, in the back"
        return "back" if "back" in (first, second) else "front" if "front" in (first, second) else first
    return second if second == f"far {first}" else first


def ranking(words: list[str], region: str) -> tuple[Ranking | None, str]:
    """Return the ranking that words express, and the region without the side that an ordinal counts from."""
    superlatives = WORDS["superlatives"]
    name, end = next(((superlatives[text], i + length) for i in range(len(words)) for length in (3, 2, 1)
                      if (text := " ".join(words[i:i + length])) in superlatives), ("", 0))
    rank = _rank([*words[:max(0, end - len(name.split()))], *words[end:]]) if name else _rank(words)
    side = next((WORDS["sides"][word] for word in words[end:] if word in WORDS["sides"]), "")
    if name in ("near", "far") and side:
        name = WORDS["opposite"][side] if name == "far" and "from" in words[end:] else side
    elif side and not (name and side == "near"):            # "the smallest for me"
        name = side
    if not name and rank:
        side = region.removeprefix("far ")
        name = side if side in ("left", "right") else "left"
        # "The last cup on the right" is the one at the right end.
        rank, region = (1 if rank == -1 else rank, "") if name == side else (rank, region)
    if not name:
        return None, region
    if rank < -1:                                   # the second to last is the second from the other end
        name, rank = WORDS["opposite"][name], -rank
    return Ranking(name, rank or 1), region


def _rank(words: list[str]) -> int:
    """Return the rank that words express, negative from the end; 0 if none."""
    ordinal = next((WORDS["ordinals"][word] for word in words if word in WORDS["ordinals"]), 0)
    if last := next((WORDS["last"][word] for word in words if word in WORDS["last"]), 0):
        return -ordinal or (-2 if "next" in words else last)
    return ordinal or next((rank for word in words if (rank := number(word))), 0)


def number(word: str) -> int | None:
    """Return the number that a word says; None if none."""
    if word in WORDS["cardinals"]:
        return WORDS["cardinals"][word]
    return int(word) if word.isascii() and word.isdigit() and len(word) < 4 else None


def count(words: list[str]) -> int | None:
    """Return the number of objects that words express, 0 for all; None if they express none."""
    if words[:1] == ["of"]:                         # "the largest | of the three | cups"
        return 1
    for length in range(min(4, len(words)), 0, -1):
        quantity = WORDS["quantifiers"].get(" ".join(words[:length]))
        if quantity is not None:
            numbers = [value for word in words[length:] if (value := number(word)) is not None]
            return numbers[0] if numbers and quantity != 1 else quantity
    return next((value for word in words if (value := number(word)) is not None), None)
