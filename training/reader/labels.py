"""Annotations of expressions, and what of them a reading gets wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ris_ros.types import Description

PLACING = ("place", "order", "relations", "excluded")
"""Fields that say where an object is, or what it is not."""


def mistakes(row: dict, targets: Sequence[Description]) -> dict[str, Any]:
    """Return what differs from an annotation, by field; a field without annotation counts as right.

    Parameters
    ----------
    row : an annotation: `head`, and perhaps `place`, `order`, `relations`, `excluded`, `count`, `attributes` and
        `targets`, as in test/language/expressions.jsonl. In place of a name there may be a list of those that are right
    targets : what was read

    """
    target = targets[0] if targets else Description("")
    found: dict[str, Any] = {
        "head": target.head, "place": target.region, "count": target.count, "targets": len(targets),
        "order": [target.ranking.name, target.ranking.rank] if target.ranking else None,
        "attributes": list(target.attributes)}
    wrong: dict[str, Any] = {
        name: value for name, value in found.items()
        if name in row and not _fits(row[name], value, is_list=name in ("order", "attributes"))}
    related = [(relation.name, relation.landmarks[0]) for relation in target.relations]
    wanted = row.get("relations")
    if wanted is not None and not (len(wanted) == len(related) and all(
            name == relation and _names(head, landmark)
            for (name, head), (relation, landmark) in zip(wanted, related, strict=True))):
        wrong["relations"] = [[name, landmark.head] for name, landmark in related]
    words = row.get("excluded", [])
    said = [f"{excluded.appearance} {excluded.region} {excluded.phrase}" for excluded in target.excluded]
    if len(words) != len(said) or not all(word in text for word, text in zip(words, said, strict=True)):
        wrong["excluded"] = said
    return wrong


def _fits(wanted: Any, value: Any, *, is_list: bool) -> bool:
    return value == wanted if is_list or not isinstance(wanted, list) else value in wanted


def _names(wanted: str | list[str], landmark: Description) -> bool:
    """Return whether a landmark has one of the names that are right, corrected or as it was typed."""
    names = wanted if isinstance(wanted, list) else [wanted]
    return landmark.head in names or landmark.phrase.split(" ")[-1] in names
