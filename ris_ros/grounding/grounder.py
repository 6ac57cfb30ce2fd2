"""How well proposals fit a description: what each looks like, where it is, and how it stands to others.

With every term in 0..1, the fit of proposal i to description d is

    fit(i, d) = looks(i, d) * place(i, d) * product over relations of max over j of related(i, j) * fit(j, landmark)
                            * product over exclusions of 1 - fit(i, excluded)
                            * chance that i has the rank d asks for among all that fit so far

and the terms stay apart for whoever wants to know why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ris_ros.grounding import relations
from ris_ros.grounding.layout import Layout
from ris_ros.grounding.orders import rank_probability
from ris_ros.grounding.places import region
from ris_ros.types import Description

# Share of the smaller of two masks that lies in the other, from which they show the same thing, if their names are at
# least so much alike; or their colours, unless the names are both that certain.
SAME_THING, SAME_NAME, SAME_COLOUR, CERTAIN = 0.6, 0.1, 0.5, 0.99


@dataclass(frozen=True, eq=False)
class AppearanceScores:
    """What a vision-language model says of N proposals.

    Attributes
    ----------
    fits : description -> float64 [N] in 0..1, the chance that a proposal shows what the description calls it
    names : -> float64 [N, K], each row the chances of K names for it
    colours : -> float64 [N, C], each row the chances of C colours

    """

    fits: Callable[[Description], np.ndarray]
    names: Callable[[], np.ndarray]
    colours: Callable[[], np.ndarray]


class Grounder:
    """Answers for the proposals of one image, [N]."""

    def __init__(self, layout: Layout, looks: AppearanceScores):
        self.layout = relations.resting_on_support(layout)
        self.looks = looks
        # How certainly proposal i is a part of j: it lies in j, which is larger, and both go by the same name.
        names = looks.names()
        alike = _alike(names)
        within = (layout.inside > 0.85) & (layout.area[None, :] > 1.1 * layout.area[:, None])
        self._part = within * alike
        # What lies in a bowl is another thing, though all of it lies in the bowl's mask. A piece of the bowl may go by
        # any name, but has its colour.
        certain = names.max(axis=1, initial=0) > CERTAIN
        tinted = (_alike(looks.colours()) > SAME_COLOUR) & ~(certain[:, None] & certain[None, :])
        self._same = (layout.nested > SAME_THING) & ((alike > SAME_NAME) | tinted | (layout.coincident > 0.5))

    def score(self, description: Description) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The fit of each proposal to a description, float64 [N] in 0..1, and its factors by name, likewise."""
        terms = {"looks": self._whole(self.looks.probability(description))}
        if description.region:
            terms["place"] = region(description.region, self.layout)
        for relation in description.relations:
            terms[_named(relation.name, terms)] = self._related(relation.name, relation.landmarks)
        for excluded in description.excluded:
            terms[_named("not", terms)] = 1 - self._excluded(excluded)
        fit = np.prod(list(terms.values()), axis=0)
        if description.ranking is not None:
            # The rank counts things, not the several masks of one, and many unlikely ones do not add up to one more.
            members = self.distinct_objects(fit)
            members = members**2 / (members**2 + (1 - members)**2)
            terms["rank"] = rank_probability(description.ranking, self.layout, members)
            fit = fit * terms["rank"]
        return fit, terms

    def distinct_objects(self, fit: np.ndarray) -> np.ndarray:
        """The fit where a proposal is the best of those that show the same thing, else 0; float64 [N]."""
        kept: list[int] = []
        for i in np.argsort(-fit, kind="stable"):
            if not self._same[i, kept].any():
                kept.append(i)
        alone = np.zeros_like(fit)
        alone[kept] = fit[kept]
        return alone

    def _whole(self, looks: np.ndarray) -> np.ndarray:
        """What lies in something larger that fits as well is only a part of it."""
        return looks * (1 - (self._part * looks[None, :]).max(axis=1, initial=0))

    def _related(self, name: str, landmarks: tuple[Description, ...]) -> np.ndarray:
        if name in ("same colour", "different colour"):
            colours = self.looks.colours()
            alike = colours @ colours.T
            certainty = alike if name == "same colour" else 1 - alike
        elif name == "between":
            return self._between(landmarks)
        else:
            certainty = relations.related(name, self.layout)
        [landmark] = landmarks
        return (certainty * self._apart() * self.score(landmark)[0][None, :]).max(axis=1, initial=0)

    def _between(self, landmarks: tuple[Description, ...]) -> np.ndarray:
        ends = [self.score(landmark)[0] for landmark in (landmarks * 2)[:2]]
        a, b = (index.ravel() for index in np.indices((len(self.layout),) * 2))
        apart = self._apart()
        pair = ends[0][a] * ends[1][b] * apart[a, b]
        likely = np.argsort(-pair)[:64]
        likely = likely[pair[likely] > 0]
        a, b = a[likely], b[likely]
        certainty = relations.between(self.layout, a, b) * apart[:, a] * apart[:, b]
        return (certainty * pair[likely]).max(axis=1, initial=0)

    def _excluded(self, description: Description) -> np.ndarray:
        fit, _ = self.score(replace(description, count=1))
        # "The cup that is not next to the red cup" is not the red cup either.
        landmarks = [self.score(landmark)[0] for relation in description.relations for landmark in relation.landmarks]
        return np.max([fit, *landmarks], axis=0)

    def _apart(self) -> np.ndarray:
        """0 where two proposals are the same mask but for its edge, else 1; float64 [N, N]."""
        return 1.0 - (self.layout.coincident > 0.8)


def _alike(chances: np.ndarray) -> np.ndarray:
    """How much alike each two rows of chances, float64 [N, K], are: Bhattacharyya coefficients in 0..1, [N, N]."""
    root = np.sqrt(chances)
    return root @ root.T


def _named(name: str, terms: dict[str, np.ndarray]) -> str:
    """The name, numbered where it is taken."""
    count = sum(taken.split(" #")[0] == name for taken in terms)
    return f"{name} #{count + 1}" if count else name
