"""Measure the reader on annotated expressions."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from ris_ros.language import ExpressionParser
from ris_ros.types import Description
from training.reader.generator import slip
from training.reader.labels import PLACING, mistakes
from training.reader.simulated import simulated
from training.reader.train import fold_of
from training.reader.tree import read

COLLECTION = Path("test/language/expressions.jsonl")
FOLDER = Path(__file__).parent
FIELDS = ("place", "order", "relations", "excluded", "count", "attributes", "targets")
"""Annotated fields besides the head."""
SETS = ("fold", "fresh", "bare", "simulated", "slips", "aside")


def rows_of(name: str, fold: int, is_noun: Callable[[str], bool]) -> list[dict]:
    """Return the annotated expressions of a set; a file of such rows may be named, too."""
    if name == "simulated":
        return list(simulated("test", 300, seed=1))
    if name.endswith(".jsonl") or (FOLDER / f"{name}.jsonl").is_file():
        return list(read(Path(name) if name.endswith(".jsonl") else FOLDER / f"{name}.jsonl"))
    rows = list(read(COLLECTION))
    if name == "aside":
        return [row for row in rows if row["part"] == "aside"]
    held_out = [row for row in rows if row["part"] == "open" and fold_of(row["text"]) == fold]
    return list(_slipped(held_out, is_noun)) if name == "slips" else held_out


def _slipped(rows: list[dict], is_noun: Callable[[str], bool]) -> Iterator[dict]:
    """Yield expressions in which the head, of five letters or more, has one mistake."""
    chance = random.Random(0)
    for row in rows:
        head = row["head"]
        if isinstance(head, str) and len(head) >= 5 and row["text"].split().count(head) == 1 and is_noun(head):
            typed = slip(head, chance)
            words = [typed if word == head else word for word in row["text"].split()]
            yield {"text": " ".join(words), "head": head, "typed": typed}


def score(rows: list[dict], answers: list[tuple[Description, ...]]) -> Counter[str]:
    """Count what is right: heads, every annotated field, and whole expressions."""
    right: Counter[str] = Counter()
    for row, targets in zip(rows, answers, strict=True):
        wrong = mistakes(row, targets)
        right["head"] += "head" not in wrong
        right["placing"] += not set(PLACING) & set(wrong)
        right["whole"] += not wrong
        for name in FIELDS:
            if row.get(name) is not None:
                right[f"{name} annotated"] += 1
                right[name] += name not in wrong
    return right


def measure(parser: ExpressionParser, names: list[str], *, fold: int = 0, shown: int = 0,
            limit: int | None = None) -> None:
    """Print what is right of the named sets.

    Parameters
    ----------
    parser : reads the expressions
    names : of the sets
    fold : of the collection, which the reader has not learnt from
    shown : the number of errors to print for each set
    limit : about how many expressions of each set to read; None for all

    """
    for name in names:
        rows = rows_of(name, fold, parser.is_noun)
        rows = rows[::max(1, len(rows) // limit)] if limit else rows
        start = time.process_time()
        queries = [parser.parse(row["text"]) for row in rows]
        seconds = time.process_time() - start
        answers = [query.targets for query in queries]
        right = score(rows, answers)
        print(f"{name}: {len(rows)} expressions, {1000 * seconds / len(rows):.1f} ms each")
        for field in ("head", "placing", "whole", *FIELDS):
            number = right[f"{field} annotated"] if field in FIELDS else len(rows)
            if number:
                print(f"  {field:10} {right[field]:5} of {number:5}: {100 * right[field] / number:.1f} %", flush=True)
        doubted = [bool(mistakes(row, query.targets)) for row, query in zip(rows, queries, strict=True) if query.doubt]
        print(f"  doubted    {len(doubted):5}, of which misread {sum(doubted)}", flush=True)
        missed = [(row, wrong) for row, targets in zip(rows, answers, strict=True) if (wrong := mistakes(row, targets))]
        for row, wrong in missed[:shown]:
            print("   ", row["text"], "|", {field: row.get(field) for field in wrong}, "|", wrong, flush=True)
