"""Expressions of the simulated tabletop, with the annotation that follows from their meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ris_ros.sim.phrasing import ORDINALS, REGION_PHRASES, RELATION_PHRASES, SUPERLATIVES, verbalise
from ris_ros.sim.semantics import Description as SimulatedDescription

_CATEGORIES = ("cup", "mug", "bowl", "can", "bottle", "box", "book", "banana", "block", "ball", "cone", "vase", "plate")
_COLOURS = ("red", "green", "blue", "yellow", "purple", "orange", "white", "black", "pink")


def simulated(split: str, number: int, seed: int) -> Iterator[dict]:
    """Yield expressions of the simulated tabletop, with the annotation that follows from their meaning."""
    rng = np.random.default_rng(seed)
    seen: set[str] = set()
    while len(seen) < number:
        kind = str(rng.choice(["attribute", "place", "relation", "between", "ranking", "excluded", "count"]))
        meaning = _meaning(kind, rng)
        is_short = kind in ("place", "relation") or (kind == "ranking" and meaning.rank == 1) or (
            kind == "attribute" and bool(meaning.colour))
        style = str(rng.choice(["plain", "command", *["colloquial"] * is_short]))
        text, _ = verbalise(meaning, split, rng, style)  # type: ignore[arg-type]
        if text not in seen:
            seen.add(text)
            yield {"part": f"simulated {split}", "text": text, "kind": kind, **_annotation(meaning, split)}


def _meaning(kind: str, rng: np.random.Generator) -> SimulatedDescription:
    def one(names: Iterable[str]) -> str:
        return str(rng.choice(list(names)))

    def thing(count: int = 1, **rest: object) -> SimulatedDescription:
        return SimulatedDescription(one((*_CATEGORIES, *_CATEGORIES, "")), one((*_COLOURS, "", "", "")), count=count,
                                    **rest)  # type: ignore[arg-type]

    def landmark(count: int = 1) -> SimulatedDescription:
        return SimulatedDescription(one(_CATEGORIES), one((*_COLOURS, "", "")), count=count)

    if kind == "place":
        return thing(region=one(REGION_PHRASES))
    if kind == "relation":
        return thing(relation=one(RELATION_PHRASES), landmarks=(landmark(),))
    if kind == "between":
        pair = (landmark(), landmark()) if rng.integers(2) else (landmark(2),)
        return thing(relation="between", landmarks=pair)
    if kind == "ranking":
        return thing(ranking=one(SUPERLATIVES), rank=int(rng.integers(1, len(ORDINALS) - 1)))
    if kind == "excluded":
        what = int(rng.integers(3))
        excluded = (SimulatedDescription(colour=one(_COLOURS)), SimulatedDescription(region=one(REGION_PHRASES)),
                    SimulatedDescription(relation=one(RELATION_PHRASES), landmarks=(landmark(),)))[what]
        return SimulatedDescription(one(_CATEGORIES), excluded=excluded)
    return thing(count=int(rng.integers(2, 6))) if kind == "count" else thing()


def _annotation(meaning: SimulatedDescription, split: str) -> dict:
    heads = {"train": "object", "test": "thing"}
    relation = [[meaning.relation, meaning.landmarks[0].category]] if meaning.relation else []
    row: dict[str, Any] = {"head": meaning.category or heads[split], "place": meaning.region, "relations": relation,
           "order": [meaning.ranking, meaning.rank] if meaning.ranking else None}
    if meaning.excluded:
        excluded = meaning.excluded
        row["excluded"] = [excluded.colour or excluded.region or excluded.landmarks[0].category]
    return row
