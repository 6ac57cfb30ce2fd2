"""The treebank: trees of the collection of expressions and of simulated ones, as the grammar of rules reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.language import ExpressionParser
from ris_ros.language.parser import normalized
from ris_ros.language.words import Text
from ris_ros.sim.phrasing import ORDINALS, REGION_PHRASES, RELATION_PHRASES, SUPERLATIVES, verbalise
from ris_ros.sim.semantics import Description as SimulatedDescription
from ris_ros.types import Description
from training.reader.labels import mistakes
from training.reader.query import TreeReader
from training.reader.recorded import prepared, read_by_rules
from training.reader.tree import Tree, read, to_row, write

COLLECTION = Path("test/language/expressions.jsonl")
TREEBANK = Path("training/reader/treebank.jsonl")
SIMULATED = 1500
"""Number of simulated expressions in the treebank."""
_CATEGORIES = ("cup", "mug", "bowl", "can", "bottle", "box", "book", "banana", "block", "ball", "cone", "vase", "plate")
_COLOURS = ("red", "green", "blue", "yellow", "purple", "orange", "white", "black", "pink")
_UNDECISIVE = {"phrase", "appearance"}
"""Fields that may differ from the grammar's: they are texts, in which a word more or less changes nothing else."""


def make(parser: ExpressionParser, path: Path = TREEBANK) -> tuple[Counter[str], Counter[str]]:
    """Write the treebank; returns how many rows were kept and dropped, by reason, and the fields that differ."""
    outcomes: Counter[str] = Counter()
    fields_wrong: Counter[str] = Counter()
    rows = [row for row in read(COLLECTION) if row["part"] == "open"]
    kept = list(_kept([*rows, *simulated("train", SIMULATED, seed=0)], parser, outcomes, fields_wrong))
    write(path, kept)
    return outcomes, fields_wrong


def _kept(rows: Iterable[dict], parser: ExpressionParser, outcomes: Counter[str],
          wrong: Counter[str]) -> Iterator[dict]:
    for row in rows:
        text = words_of(row["text"], parser)
        tree, wanted = read_by_rules(text, normalized(row["text"]), parser._english) if text else ("not English", ())
        if text is None or isinstance(tree, str) or not wanted:
            outcomes[f"dropped: {tree}" if isinstance(tree, str) else "dropped: nothing is named"] += 1
            continue
        if missed := mistakes(row, wanted):
            outcomes["dropped: the grammar misreads it, by its annotation"] += 1
            wrong.update(f"annotation: {name}" for name in missed)
            continue
        different = differences(targets_of(tree, text, parser), wanted)
        wrong.update(different)
        if different - _UNDECISIVE:
            outcomes["dropped: the tree says something else"] += 1
            continue
        outcomes["kept: the same query" if not different else "kept: the same but for the phrase"] += 1
        yield to_row(tree, text=row["text"], source=row["part"])


def words_of(text: str, parser: ExpressionParser) -> Text | None:
    """Return the words of a text as the reader gets them, tagged; None if it is not English."""
    written = normalized(text)
    return prepared(written.lower(), written, parser._english)


def targets_of(tree: Tree, text: Text, parser: ExpressionParser) -> tuple[Description, ...]:
    """Return what a tree of a text says about the targets."""
    return TreeReader(tree, parser._english.lemma, lambda i, j: text.original(i - 1, j - 1)).targets()


def differences(found: tuple[Description, ...], wanted: tuple[Description, ...]) -> set[str]:
    """Return the names of the fields in which two readings differ; "targets" if their number does."""
    if len(found) != len(wanted):
        return {"targets"}
    return {name.name for name in fields(Description) for one, other in zip(found, wanted, strict=True)
            if getattr(one, name.name) != getattr(other, name.name)}


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
