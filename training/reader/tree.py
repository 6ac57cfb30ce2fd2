"""Trees in files, and their completion."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from ris_ros.language.tree import REQUEST, Tree


def is_crossing(tree: Tree) -> bool:
    """Return whether two arcs of a tree cross."""
    arcs = [(min(i, head), max(i, head)) for i, head in enumerate(tree.heads) if i != head]
    return any(a < c < b < d for a, b in arcs for c, d in arcs)


def without_crossing(words: list[str], heads: dict[int, int], labels: dict[int, str]) -> Tree:
    """Return the tree of the given arcs, with every other word said in passing.

    Such a word hangs on the innermost arc around it, so that it crosses none.
    """
    every = dict(heads)
    for i in range(1, len(words)):
        if i not in heads:
            around = [(abs(head - child), head) for child, head in heads.items()
                      if min(child, head) < i < max(child, head)]
            every[i] = min(around)[1] if around else 0
    return Tree(tuple(words), tuple(every.get(i, 0) for i in range(len(words))),
                ("root", *(labels.get(i, "said") for i in range(1, len(words)))))


def write(path: Path, rows: Iterable[dict]) -> int:
    """Write rows as JSON lines; returns their number."""
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)


def read(path: Path) -> Iterator[dict]:
    """Yield the rows of a file of JSON lines."""
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def to_row(tree: Tree, **rest: object) -> dict:
    """Return a row of the treebank; the request is left out, and a governor of 0 means it."""
    return {**rest, "words": list(tree.words[1:]), "heads": list(tree.heads[1:]), "labels": list(tree.labels[1:])}


def from_row(row: dict) -> Tree:
    """Return the tree of a row of the treebank."""
    return Tree((REQUEST, *row["words"]), (0, *row["heads"]), ("root", *row["labels"]))
