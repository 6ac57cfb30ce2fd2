"""Synthetic scenes of rectangles with known positions and names."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.grounding import Grounder, Layout
from ris_ros.types import Description, Proposals

HEIGHT, WIDTH = 120, 160


def rectangle(x1: int, y1: int, x2: int, y2: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y1:y2, x1:x2] = True
    return mask


def one_hot(words: list[str]) -> np.ndarray:
    return np.array([[float(a == b) for b in sorted(set(words))] for a in words])


class KnownNames:
    """AppearanceScores of objects whose names, such as "red cup", are known.

    `certainty` is the probability of each name; the rest goes to a name that no object has.
    """

    def __init__(self, names: list[str], certainty: float):
        self._words = [name.split() for name in names]
        self._certainty = certainty

    def probability(self, description: Description) -> np.ndarray:
        wanted = set(description.appearance.split()) - {"thing"}
        return np.array([float(wanted <= set(words)) for words in self._words])

    def names(self) -> np.ndarray:
        heads = one_hot([words[-1] for words in self._words])
        return np.hstack([self._certainty * heads, np.full((len(heads), 1), 1 - self._certainty)])

    def colours(self) -> np.ndarray:
        # An object without a colour gets a unique one.
        return one_hot([words[0] if words[1:] else str(i) for i, words in enumerate(self._words)])


@pytest.fixture
def grounded():
    """Make a grounder of named boxes: grounded(("red cup", (x1, y1, x2, y2)), ..., certainty=1.0)."""
    def make(*objects: tuple[str, tuple[int, int, int, int]], certainty: float = 1.0) -> Grounder:
        proposals = Proposals.from_masks(np.stack([rectangle(*box) for _, box in objects]))
        grounder = Grounder(Layout.measure(proposals), KnownNames([name for name, _ in objects], certainty))
        grounder.proposals = proposals
        return grounder
    return make
