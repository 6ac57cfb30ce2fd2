"""From how well each proposal fits to an answer: which ones are meant, or that nothing is, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ris_ros.grounding.grounder import Grounder
from ris_ros.types import Candidate, Description, Proposals, Query, Result

# Candidates this close to the best are named as an ambiguity.
CLOSE = 0.05
# Of "all the cups", each must be a cup rather than not.
MEMBER = 0.5


@dataclass(frozen=True, eq=False)
class Choice:
    """What is meant by one description among N proposals.

    Attributes
    ----------
    description : what is asked for
    fit : float64 [N] in 0..1
    terms : the factors of the fit by name, float64 [N] each
    rows : the proposals that are meant; none where too few fit
    confidence : 0..1, of the least sure one: the geometric mean of the factors, so that saying more costs nothing

    """

    description: Description
    fit: np.ndarray
    terms: dict[str, np.ndarray]
    rows: list[int]
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
    choices = [choose(description, grounder) for description in query.targets]
    best = np.max([choice.fit for choice in choices], axis=0)
    ranked = np.argsort(-best, kind="stable")[:max_candidates].tolist()
    rows = list(dict.fromkeys(i for choice in choices for i in choice.rows))
    # Every instance stands among the candidates, also those beyond the number asked for.
    candidates = {i: _candidate(i, best, proposals, choices) for i in sorted({*ranked, *rows}, key=lambda i: -best[i])}
    confidence = min(choice.confidence for choice in choices)
    absent = [choice for choice in choices if not choice.rows or choice.confidence < min_confidence]
    if absent:
        return Result.nothing(query, proposals.masks.shape[1:], "; ".join(map(_absence, absent)), confidence,
                              list(candidates.values()))
    mask = proposals.masks[rows].any(axis=0)
    box = np.concatenate([proposals.boxes[rows, :2].min(axis=0), proposals.boxes[rows, 2:].max(axis=0)])
    return Result(found=True, mask=mask, box=box, score=min(float(best[i]) for i in rows), confidence=confidence,
                  candidates=list(candidates.values()), query=query, instances=[candidates[i] for i in rows],
                  note="; ".join(filter(None, (_ambiguity(choice, grounder) for choice in choices))))


def choose(description: Description, grounder: Grounder) -> Choice:
    """The proposals that a description means, however little they fit."""
    fit, terms = grounder.score(description)
    if description.count == 1:
        rows = [int(fit.argmax())]
    else:
        things = grounder.distinct_objects(fit)
        rows = np.argsort(-things, kind="stable")
        rows = (rows[:description.count] if description.count else rows[things[rows] >= MEMBER]).tolist()
    if not rows or len(rows) < description.count:
        return Choice(description, fit, terms, [], 0.0)
    return Choice(description, fit, terms, rows, float(fit[rows].min() ** (1 / len(terms))))


def _candidate(i: int, best: np.ndarray, proposals: Proposals, choices: list[Choice]) -> Candidate:
    [terms] = [choice.terms for choice in choices if choice.fit[i] == best[i]][:1]
    return Candidate(index=i, mask=proposals.masks[i], box=proposals.boxes[i], score=float(best[i]),
                     terms={name: float(values[i]) for name, values in terms.items()})


def _absence(choice: Choice) -> str:
    name = choice.description.phrase or "such object"
    best = int(choice.fit.argmax())
    weakest = min(choice.terms, key=lambda term: choice.terms[term][best])
    why = f", {weakest} {choice.terms[weakest][best]:.2f}" if len(choice.terms) > 1 else ""
    if choice.description.count > 1 and choice.fit[best] >= MEMBER:
        return f"fewer than {choice.description.count} that fit {name!r}"
    return f"nothing fits {name!r}: best match {choice.fit[best]:.2f}{why}"


def _ambiguity(choice: Choice, grounder: Grounder) -> str:
    if choice.description.count != 1:
        return ""
    things = grounder.distinct_objects(choice.fit)
    close = int((things >= choice.fit.max() - CLOSE).sum())
    return f"{close} candidates within {CLOSE} for {choice.description.phrase!r}" if close > 1 else ""
