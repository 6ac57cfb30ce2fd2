"""Measure the reader and the grammar of rules side by side on annotated expressions."""

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
from training.reader.reader import Reader
from training.reader.train import fold_of
from training.reader.tree import read
from training.reader.treebank import COLLECTION, simulated

FRESH = Path("training/reader/fresh.jsonl")
BARE = Path("training/reader/bare.jsonl")
FIELDS = ("place", "order", "relations", "excluded", "count", "attributes", "targets")
"""Annotated fields besides the head."""
SETS = ("fold", "fresh", "bare", "simulated", "slips", "aside")


def rows_of(name: str, fold: int, english_has_noun: Callable[[str], bool]) -> list[dict]:
    """Return the annotated expressions of a set."""
    if name == "simulated":
        return list(simulated("test", 300, seed=1))
    if name in ("fresh", "bare"):
        return list(read(FRESH if name == "fresh" else BARE))
    rows = list(read(COLLECTION))
    if name == "aside":
        return [row for row in rows if row["part"] == "aside"]
    held_out = [row for row in rows if row["part"] == "open" and fold_of(row["text"]) == fold]
    return list(_slipped(held_out, english_has_noun)) if name == "slips" else held_out


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


def compare(reader: Reader, parser: ExpressionParser, names: list[str], *, fold: int = 0, shown: int = 0,
            limit: int | None = None) -> None:
    """Print what both get right on the named sets.

    Parameters
    ----------
    reader, parser : the trained reader, and the grammar of rules
    names : of the sets
    fold : of the collection, which the reader has not learnt from
    shown : the number of the reader's errors to print for each set
    limit : about how many expressions of each set to read; None for all

    """
    for name in names:
        rows = rows_of(name, fold, parser.is_noun)
        rows = rows[::max(1, len(rows) // limit)] if limit else rows
        texts = [row["text"] for row in rows]
        start = time.process_time()
        by_rules = [parser.parse(text).targets for text in texts]
        middle = time.process_time()
        by_reader = [query.targets for query in reader.parse_all(texts)]
        end = time.process_time()
        print(f"{name}: {len(rows)} expressions; {1000 * (middle - start) / len(rows):.1f} ms each by rules, "
              f"{1000 * (end - middle) / len(rows):.1f} by the reader")
        rules, read_right = score(rows, by_rules), score(rows, by_reader)
        for field in ("head", "placing", "whole", *FIELDS):
            number = rules[f"{field} annotated"] if field in FIELDS else len(rows)
            if number:
                print(f"  {field:10} of {number:5}: rules {rules[field]:5} ({100 * rules[field] / number:.1f} %), "
                      f"reader {read_right[field]:5} ({100 * read_right[field] / number:.1f} %)", flush=True)
        missed = [(row, wrong) for row, targets in zip(rows, by_reader, strict=True)
                  if (wrong := mistakes(row, targets))]
        for row, wrong in missed[:shown]:
            print("   ", row["text"], row["head"], wrong, flush=True)
