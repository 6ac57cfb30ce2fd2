"""Conversion of results to plain data, for JSON on the command line and on `~/result`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ris_ros.types import Candidate, Description, Proposals, Query, Result
from ris_ros.utils.masks import box_to_list, mask_to_rle


def result_to_dict(result: Result, *, mask: bool = False) -> dict[str, Any]:
    """Convert a result to JSON-serializable values.

    `box` is [x1, y1, x2, y2] in whole pixels, x2 and y2 exclusive, or None if nothing was found. `instances` holds the
    indices of the candidates that make up the mask.

    Parameters
    ----------
    result : result to convert
    mask : whether to include all masks, in COCO run-length encoding

    """
    answer: dict[str, Any] = {
        "text": result.query.text,
        "target_phrase": result.query.target_phrase,
        "found": result.found,
        "box": box_to_list(result.box) if result.found else None,
        "score": result.score,
        "confidence": result.confidence,
        "calibrated": result.calibrated,
        "early": result.early,
        "reason": result.reason,
        "note": result.note,
        "count": len(result.instances),
        "instances": [instance.index for instance in result.instances],
        "candidates": [_candidate_to_dict(candidate, mask) for candidate in result.candidates],
        "timings": {stage: round(seconds, 6) for stage, seconds in result.timings.items()},
    }
    if mask:
        answer["mask"] = mask_to_rle(result.mask)
    return answer


ALMOST_EQUAL = 0.9
"""Share of the answer's factor that a candidate's weakest one reaches if it fits nearly as well as the answer."""


def candidate_table(answer: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the candidates of an answer as a table for people, with the factors of their scores and why not this one.

    Parameters
    ----------
    answer : of `result_to_dict`, or the content of `~/result`

    Returns
    -------
    The titles of the columns and the rows, best candidate first. The first column marks what the answer consists of;
    place in the order, box and score follow, then the factors, and last, for each other candidate, the factor that
    tells against it.

    """
    candidates = answer["candidates"]
    instances = answer.get("instances", ())
    # Of several objects, the least certain one is what a further one would have to match.
    chosen = dict(next((one["terms"] for one in reversed(candidates) if one["index"] in instances), {}))
    names = list(dict.fromkeys(name for one in candidates for name in one["terms"]))
    rows = []
    for rank, one in enumerate(candidates, start=1):
        is_answer, terms = one["index"] in instances, dict(one["terms"])
        rows.append(["*" if is_answer else "", str(rank), str(one["box"]), _cell(one["score"]),
                     *(_cell(terms.get(name)) for name in names), "" if is_answer else _why_not(terms, chosen)])
    return ["", "#", "box", "score", *names, "why not"], rows


def _why_not(terms: Mapping[str, float | None], chosen: Mapping[str, float | None]) -> str:
    """Return the factor that is lowest beside that of the chosen candidate; beside 1 where nothing was chosen."""
    ratios = {name: value / max(best, 1e-9) for name, value in terms.items() if value is not None
              and (best := chosen.get(name) if chosen else 1.0) is not None}
    weakest = min(ratios, key=lambda name: ratios[name], default="")
    if not weakest or ratios[weakest] > ALMOST_EQUAL:
        return "fits nearly as well" if chosen else ""
    return f"{weakest} {_cell(terms[weakest])}" + (f", the answer has {_cell(chosen[weakest])}" if chosen else "")


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def to_json(value: Any) -> str:
    """Return plain data as JSON that any parser reads and any message can carry.

    Numbers that JSON does not have (NaN and infinity) become null, and halves of a character (lone surrogates) escapes.
    """
    text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def query_to_dict(query: Query) -> dict[str, Any]:
    """Convert a query to JSON-serializable values: its first target, and all `targets` if there are several."""
    answer = {"text": query.text, "target_phrase": query.target_phrase, **_description_to_dict(query.target)}
    del answer["phrase"]
    if len(query.targets) > 1:
        answer["targets"] = [_description_to_dict(target) for target in query.targets]
    if query.doubt:
        answer["doubt"] = query.doubt
    return answer


def proposals_to_dict(proposals: Proposals) -> dict[str, Any]:
    """Convert proposals to JSON-serializable lists: masks in COCO run-length encoding, boxes and quality."""
    return {"masks": [mask_to_rle(mask) for mask in proposals.masks],
            "boxes": [box_to_list(box) for box in proposals.boxes],
            "quality": [float(quality) for quality in proposals.quality]}


def _description_to_dict(description: Description) -> dict[str, Any]:
    ranking = description.ranking
    return {
        "phrase": description.phrase,
        "head": description.head,
        "appearance": description.appearance,
        "attributes": list(description.attributes),
        "place": description.region or None,
        "ordinal": {"from": ranking.name, "rank": ranking.rank} if ranking else None,
        "relations": [{"relation": relation.name,
                       "landmarks": [_description_to_dict(landmark) for landmark in relation.landmarks]}
                      for relation in description.relations],
        "negations": [_description_to_dict(excluded) for excluded in description.excluded],
        "count": description.count,
    }


def _candidate_to_dict(candidate: Candidate, mask: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {"index": candidate.index, "box": box_to_list(candidate.box), "score": candidate.score,
                              "terms": candidate.terms}
    if mask:
        answer["mask"] = mask_to_rle(candidate.mask)
    return answer
