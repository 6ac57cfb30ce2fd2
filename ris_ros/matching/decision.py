"""From how well each proposal fits to an answer: which ones are meant, or that nothing is, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ris_ros.matching.grounding import Grounder
from ris_ros.types import Candidate, Description, Proposals, Query, Result

# Candidates this close to the best are named as an ambiguity.
CLOSE = 0.05
# Of "all the cups", each must be a cup rather than not.
MEMBER = 0.5


@dataclass(frozen=True, eq=False)
class _Grounded:
    """One of the things asked for, in the image: float64 [N] each, and the rows chosen."""

    description: Description
    fit: np.ndarray
    terms: dict[str, np.ndarray]
    chosen: list[int]
    confidence: float


def decide(query: Query, proposals: Proposals, grounder: Grounder, *, min_confidence: float, max_candidates: int
           ) -> Result:
    """Answer a query among proposals.

    Parameters
    ----------
    query : what is asked for
    proposals : what there is, at least one
    grounder : of these proposals
    min_confidence : 0..1; what fits less is not there
    max_candidates : ranked candidates to give

    """
    grounded = [_ground(description, grounder, min_confidence) for description in query.targets]
    best = np.max([one.fit for one in grounded], axis=0)
    ranked = np.argsort(-best, kind="stable")[:max_candidates].tolist()
    rows = list(dict.fromkeys(i for one in grounded for i in one.chosen))
    # Every instance stands among the candidates, also those beyond the number asked for.
    candidates = {i: _candidate(i, best, proposals, grounded) for i in sorted({*ranked, *rows}, key=lambda i: -best[i])}
    reason = "; ".join(_absence(one) for one in grounded if not one.chosen)
    confidence = min(one.confidence for one in grounded)
    if reason:
        return Result.nothing(query, proposals.masks.shape[1:], reason, confidence, list(candidates.values()))
    mask = proposals.masks[rows].any(axis=0)
    box = np.concatenate([proposals.boxes[rows, :2].min(axis=0), proposals.boxes[rows, 2:].max(axis=0)])
    return Result(found=True, mask=mask, box=box, score=min(float(best[i]) for i in rows), confidence=confidence,
                  candidates=list(candidates.values()), query=query, instances=[candidates[i] for i in rows],
                  note="; ".join(filter(None, (_ambiguity(one, grounder) for one in grounded))))


def _ground(description: Description, grounder: Grounder, min_confidence: float) -> _Grounded:
    fit, terms = grounder.fit(description)
    if description.count == 1:
        rows = [int(fit.argmax())]
    else:
        things = grounder.things(fit)
        rows = np.argsort(-things, kind="stable")
        rows = rows[:description.count] if description.count else rows[things[rows] >= MEMBER]
        rows = rows.tolist()
    # As sure as of the least sure one; of a number asked for, all must be there.
    confidence = float(fit[rows].min()) if len(rows) >= max(1, description.count) else 0.0
    return _Grounded(description, fit, terms, rows if rows and confidence >= min_confidence else [], confidence)


def _candidate(i: int, best: np.ndarray, proposals: Proposals, grounded: list[_Grounded]) -> Candidate:
    [terms] = [one.terms for one in grounded if one.fit[i] == best[i]][:1]
    return Candidate(index=i, mask=proposals.masks[i], box=proposals.boxes[i], score=float(best[i]),
                     terms={name: float(values[i]) for name, values in terms.items()})


def _absence(one: _Grounded) -> str:
    name = one.description.phrase or "such object"
    best = int(one.fit.argmax())
    weakest = min(one.terms, key=lambda term: one.terms[term][best])
    why = f", {weakest} {one.terms[weakest][best]:.2f}" if len(one.terms) > 1 else ""
    if one.description.count > 1 and one.fit[best] >= MEMBER:
        return f"fewer than {one.description.count} that fit {name!r}"
    return f"nothing fits {name!r}: best match {one.fit[best]:.2f}{why}"


def _ambiguity(one: _Grounded, grounder: Grounder) -> str:
    if one.description.count != 1:
        return ""
    things = grounder.things(one.fit)
    close = int((things >= one.fit.max() - CLOSE).sum())
    return f"{close} candidates within {CLOSE} for {one.description.phrase!r}" if close > 1 else ""
