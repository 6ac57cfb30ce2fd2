"""Mending of misreadings: rows for the treebank from a draft, and what a new reader reads otherwise."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

from ris_ros.errors import InputError
from ris_ros.language import ExpressionParser
from ris_ros.language.tree import LABELS, NOUN_LABELS, Tree
from ris_ros.serialization import query_to_dict
from ris_ros.types import Query
from ris_ros.utils.texts import normalized
from training.reader.generator import TOKEN, from_brackets
from training.reader.train import TREEBANK
from training.reader.tree import from_row, is_crossing, read, to_row


def to_brackets(tree: Tree, node: int = 0) -> str:
    """Return a tree, or the unit at a node, in the notation of `data/grammar.txt`."""
    own = tree.unit(node)
    below = [child for word in own for child in tree.children[word] if child not in own]
    parts = []
    for i in sorted([*own, *below]):
        if i in below:
            inner = to_brackets(tree, i)
            is_bare = tree.labels[i] == "said" and tree.labels[node] in ("root", *NOUN_LABELS)
            parts.append(inner if is_bare else f"{tree.labels[i]}({inner})")
        elif i:
            # The word that governs the others is marked, where it is not the first one.
            parts.append(f"*{tree.words[i]}" if i == node and own[0] != node else tree.words[i])
    return " ".join(parts)


def read_brackets(text: str, words: list[str]) -> Tree:
    """Return the tree that a text in brackets stands for.

    Raises
    ------
    InputError
        If it has a label that does not exist, other words than `words`, or arcs that cross.

    """
    tokens = TOKEN.findall(text)
    unknown = {token[:-1] for token in tokens if token.endswith("(")} - LABELS.keys()
    if unknown:
        raise InputError(f"there is no label {', '.join(sorted(unknown))}; there are {', '.join(LABELS)}")
    is_balanced = sum(token.endswith("(") for token in tokens) == tokens.count(")")
    try:
        tree = from_brackets(tokens) if is_balanced else None
    except IndexError:
        tree = None
    if tree is None or list(tree.words[1:]) != words:
        raise InputError(f"the brackets must hold these words, each once: {' '.join(words)}")
    if is_crossing(tree):
        raise InputError("two arcs cross: put what lies between a word and its governor below one of them")
    return tree


def add(texts: list[str], parser: ExpressionParser, ask: Callable[[str], str] = input) -> int:
    """Ask for the tree of each text, from a draft, and add the rows to the treebank; returns how many were added."""
    added = 0
    for text in texts:
        words = parser.words(normalized(text))
        reading = parser.read(text)
        if words is None or reading is None:
            print(f"{text!r} is not English")
            continue
        tree = reading.tree
        while True:
            found = parser.targets(tree, words)
            if found:
                print(json.dumps(query_to_dict(Query(text, text.lower(), found)), ensure_ascii=False))
            print(to_brackets(tree))
            answer = ask("Enter adds this tree, - skips it, or type it as it should be: ").strip()
            if answer in ("", "-"):
                break
            try:
                tree = read_brackets(answer, [word.text for word in words.words])
            except InputError as error:
                print(error)
        if not answer:
            with TREEBANK.open("a", encoding="utf-8") as rows:
                rows.write(json.dumps(to_row(tree, text=text, source="open"), ensure_ascii=False) + "\n")
            added += 1
    return added


def compare(old: ExpressionParser, new: ExpressionParser) -> Counter[str]:
    """Print which texts of the treebank two readers read otherwise, and which reading is that of the treebank."""
    counts: Counter[str] = Counter()
    for row in read(TREEBANK):
        text = row["text"]
        words = new.words(normalized(text))
        before, after = old.parse(text).targets, new.parse(text).targets
        wanted = new.targets(from_row(row), words) if words else ()
        was_right, is_right = before == wanted, after == wanted
        counts["right before"] += was_right
        counts["right now"] += is_right
        if was_right != is_right:
            outcome = "became right" if is_right else "became wrong"
            counts[outcome] += 1
            print(f"{outcome}: {text}")
    return counts
