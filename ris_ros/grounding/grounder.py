"""Scores of proposals for a description: appearance, region, relations, exclusions and rank.

With every factor in 0..1, the score of proposal i for description d is

    score(i, d) = appearance(i, d) * region(i, d)
                  * product over relations of max over j of related(i, j) * score(j, landmark)
                  * product over exclusions of 1 - score(i, excluded)
                  * probability that i has the rank d asks for among all that fit so far

where the appearance of a mask inside a larger one that fits as well is suppressed, as it is only a part; masks that
differ at the edge alone are not related; and what is excluded includes its landmarks. The factors are returned beside
the score, for explanations, under the names that `~/result` publishes ("looks" and "place" for appearance and region).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ris_ros.grounding import spatial
from ris_ros.grounding import thresholds as t
from ris_ros.grounding.appearance import AppearanceScores
from ris_ros.grounding.layout import Layout
from ris_ros.types import Description


class Grounder:
    """Scores the N proposals of one image.

    Parameters
    ----------
    layout : of the proposals
    appearance : of the proposals

    """

    def __init__(self, layout: Layout, appearance: AppearanceScores):
        self.layout = spatial.placed_on_support(layout)
        self.appearance = appearance
        names = appearance.names()
        alike = _bhattacharyya(names)
        # How certainly proposal i is a part of j: it lies in j, which is larger and has a similar name distribution.
        within = (layout.inside > t.PART_INSIDE) & (layout.area[None, :] > t.PART_AREA * layout.area[:, None])
        self._is_part_of = within * alike
        # What lies in a bowl is another object, although its mask lies in the bowl's. A piece of the bowl may go by any
        # name, but has the bowl's colour.
        is_certain = names.max(axis=1, initial=0) > t.CERTAIN_NAME
        same_colour = ((_bhattacharyya(appearance.colours()) > t.SAME_COLOUR)
                       & ~(is_certain[:, None] & is_certain[None, :]))
        self._same_object = (layout.nested > t.NESTED_MASK) & (
            (alike > t.SAME_NAME) | same_colour | (layout.coincident > t.EQUAL_MASK))

    def score(self, description: Description) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Score each proposal for a description.

        Returns
        -------
        score : float64 [N] in 0..1, the product of the factors
        factors : float64 [N] each, by name

        """
        factors = {"looks": self._suppress_parts(self.appearance.probability(description))}
        if description.region:
            factors["place"] = spatial.in_region(description.region, self.layout)
        for relation in description.relations:
            factors[_numbered(relation.name, factors)] = self._related(relation.name, relation.landmarks)
        for excluded in description.excluded:
            factors[_numbered("not", factors)] = 1 - self._excluded(excluded)
        score: np.ndarray = np.prod(list(factors.values()), axis=0)
        if description.ranking is not None:
            # Count each object once, and sharpen memberships so that many small ones do not sum to an object.
            members = self.distinct_objects(score)
            members = members**2 / (members**2 + (1 - members)**2)
            factors["rank"] = spatial.rank_probability(description.ranking, self.layout, members)
            score = score * factors["rank"]
        return score, factors

    def distinct_objects(self, score: np.ndarray) -> np.ndarray:
        """Return the scores, float64 [N], with 0 for all but the best of the proposals that show the same object."""
        kept: list[int] = []
        for i in np.argsort(-score, kind="stable"):
            if not self._same_object[i, kept].any():
                kept.append(i)
        distinct = np.zeros_like(score)
        distinct[kept] = score[kept]
        return distinct

    def _suppress_parts(self, probability: np.ndarray) -> np.ndarray:
        """Lower the probability of a mask inside a larger mask that fits as well: it is only a part."""
        return probability * (1 - (self._is_part_of * probability[None, :]).max(axis=1, initial=0))

    def _related(self, name: str, landmarks: tuple[Description, ...]) -> np.ndarray:
        if name == "between":
            return self._between(landmarks)
        if name in ("same colour", "different colour"):
            colours = self.appearance.colours()
            alike = colours @ colours.T
            certainty = alike if name == "same colour" else 1 - alike
        else:
            certainty = spatial.related(name, self.layout)
        [landmark] = landmarks
        related = certainty * self._different_masks() * self.score(landmark)[0][None, :]
        return related.max(axis=1, initial=0)

    def _between(self, landmarks: tuple[Description, ...]) -> np.ndarray:
        ends = [self.score(landmark)[0] for landmark in (landmarks * 2)[:2]]
        a, b = (index.ravel() for index in np.indices((len(self.layout),) * 2))
        different = self._different_masks()
        pair = ends[0][a] * ends[1][b] * different[a, b]
        likely = np.argsort(-pair)[:t.MAX_PAIRS]
        likely = likely[pair[likely] > 0]
        a, b = a[likely], b[likely]
        certainty = spatial.between(self.layout, a, b) * different[:, a] * different[:, b]
        return (certainty * pair[likely]).max(axis=1, initial=0)

    def _excluded(self, description: Description) -> np.ndarray:
        score, _ = self.score(replace(description, count=1))
        # "The cup that is not next to the red cup" is not the red cup either.
        landmarks = [self.score(landmark)[0] for relation in description.relations for landmark in relation.landmarks]
        return np.max([score, *landmarks], axis=0)

    def _different_masks(self) -> np.ndarray:
        """Return 0 where two proposals are the same mask but for its edge, else 1; float64 [N, N]."""
        return 1.0 - (self.layout.coincident > t.SAME_MASK)


def _bhattacharyya(probabilities: np.ndarray) -> np.ndarray:
    """Return the Bhattacharyya coefficients, 0..1, of each two rows of float64 [N, K]: [N, N]."""
    root = np.sqrt(probabilities)
    return root @ root.T


def _numbered(name: str, factors: dict[str, np.ndarray]) -> str:
    """Return the name, with a number where it is taken."""
    count = sum(taken.split(" #")[0] == name for taken in factors)
    return f"{name} #{count + 1}" if count else name
