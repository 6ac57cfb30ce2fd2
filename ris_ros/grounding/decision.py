"""Decision: the proposals that answer a query, or the reason why the target is absent."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ris_ros.grounding import thresholds as t
from ris_ros.grounding.grounder import Grounder
from ris_ros.types import Candidate, Description, Proposals, Query, Result


@dataclass(frozen=True, eq=False)
class Choice:
    """The proposals that one description means, among N.

    Attributes
    ----------
    description : what is asked for
    score : float64 [N] in 0..1
    factors : the factors of the score by name, float64 [N] each
    rows : the proposals that are meant; none where too few fit
    confidence : 0..1, of the least certain one: the geometric mean of its factors, so that a longer description costs
        nothing

    """

    description: Description
    score: np.ndarray
    factors: dict[str, np.ndarray]
    rows: list[int]
    confidence: float


def decide(query: Query, proposals: Proposals, grounder: Grounder, *, min_confidence: float, max_candidates: int,
           calibrated: bool = True, doubts: str = "") -> Result:
    """Answer a query among proposals.

    Parameters
    ----------
    query : what is asked for
    proposals : of one image, at least one
    grounder : of these proposals
    min_confidence : 0..1; a target with less confidence is absent
    max_candidates : number of ranked candidates in the result
    calibrated : whether the confidence was fitted to images of the user's
    doubts : what is not known of the query, see `guesses`; with any, the answer is a guess

    """
    choices = [choose(description, grounder, is_guess=bool(doubts)) for description in query.targets]
    best = np.max([choice.score for choice in choices], axis=0)
    ranked = np.argsort(-best, kind="stable")[:max_candidates].tolist()
    rows = list(dict.fromkeys(i for choice in choices for i in choice.rows))
    # Every instance is among the candidates, also those beyond the number asked for.
    candidates = {i: _candidate(i, best, proposals, choices) for i in sorted({*ranked, *rows}, key=lambda i: -best[i])}
    confidence = min(choice.confidence for choice in choices)
    absent = [choice for choice in choices if not choice.rows or choice.confidence < min_confidence]
    if absent:
        nothing = Result.nothing(query, proposals.masks.shape[1:], "; ".join(map(_reason, absent)), confidence,
                                 list(candidates.values()), doubts)
        return replace(nothing, calibrated=calibrated)
    mask: np.ndarray = np.any(proposals.masks[rows], axis=0)
    box = np.concatenate([proposals.boxes[rows, :2].min(axis=0), proposals.boxes[rows, 2:].max(axis=0)])
    notes = [doubts, *(_ambiguity(choice, grounder) for choice in choices)]
    if not calibrated and not doubts and confidence < t.UNSURE:
        notes.append(f"it may not be here: confidence {confidence:.2f}, which is not calibrated on images of yours")
    return Result(found=True, mask=mask, box=box, score=min(float(best[i]) for i in rows), confidence=confidence,
                  candidates=list(candidates.values()), query=query, instances=[candidates[i] for i in rows],
                  note="; ".join(filter(None, notes)), calibrated=calibrated)


def choose(description: Description, grounder: Grounder, *, is_guess: bool = False) -> Choice:
    """Choose the proposals that a description means, however low they score.

    The confidence of a guess is no more than the probability of its appearance: what is known of its place or rank does
    not make it more certain.
    """
    score, factors = grounder.score(description)
    if description.count == 1:
        rows = [int(score.argmax())]
    else:
        distinct = grounder.distinct_objects(score)
        best_first = np.argsort(-distinct, kind="stable")
        rows = (best_first[:description.count] if description.count
                else best_first[distinct[best_first] >= t.MEMBER_SCORE]).tolist()
    if not rows or len(rows) < description.count:
        return Choice(description, score, factors, [], 0.0)
    confidence = float(score[rows].min() ** (1 / len(factors)))
    if is_guess:
        confidence = min(confidence, t.MAX_GUESS, float(factors["looks"][rows].min()))
    return Choice(description, score, factors, rows, confidence)


def is_independent(query: Query) -> bool:
    """Return whether each object that a query names can be told without all others of the image.

    One more object may be ranked first, belong to "all the cups", or be the cup that is not red.
    """
    return all(description.count == 1 and description.ranking is None and not description.excluded
               for description in query.descriptions())


def stands_out(query: Query, grounder: Grounder | None, confidence: float) -> bool:
    """Return whether an answer among some proposals is sure to be that among all, if the query is independent.

    It is where the answer is confident and each object that the query names, landmarks too, is far ahead of the next.
    """
    return grounder is not None and confidence >= t.EARLY_CONFIDENCE and all(
        _margin(description, grounder) >= t.EARLY_MARGIN for description in query.descriptions())


def _margin(description: Description, grounder: Grounder) -> float:
    """Return by how much the best object for a description scores more than the next one."""
    best, second, *_ = sorted([*grounder.distinct_objects(grounder.score(description)[0]), 0.0], reverse=True)
    return float(best - second)


def _candidate(i: int, best: np.ndarray, proposals: Proposals, choices: list[Choice]) -> Candidate:
    factors = next(choice.factors for choice in choices if choice.score[i] == best[i])
    return Candidate(index=i, mask=proposals.masks[i], box=proposals.boxes[i], score=float(best[i]),
                     terms={name: float(values[i]) for name, values in factors.items()})


def _reason(choice: Choice) -> str:
    name = choice.description.phrase or "such object"
    best = int(choice.score.argmax())
    weakest = min(choice.factors, key=lambda factor: choice.factors[factor][best])
    why = f", {weakest} {choice.factors[weakest][best]:.2f}" if len(choice.factors) > 1 else ""
    if choice.description.count > 1 and choice.score[best] >= t.MEMBER_SCORE:
        return f"fewer than {choice.description.count} that fit {name!r}"
    return f"nothing fits {name!r}: best match {choice.score[best]:.2f}{why}"


def _ambiguity(choice: Choice, grounder: Grounder) -> str:
    if choice.description.count != 1:
        return ""
    distinct = grounder.distinct_objects(choice.score)
    close = int((distinct >= choice.score.max() - t.CLOSE_SCORE).sum())
    return f"{close} candidates within {t.CLOSE_SCORE} for {choice.description.phrase!r}" if close > 1 else ""
