"""Scenes of plain rectangles, whose places and names are known."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.grounding.grounder import AppearanceScores, Grounder
from ris_ros.grounding.layout import measure
from ris_ros.types import Description, Proposals

HEIGHT, WIDTH = 120, 160


def rectangle(x1: int, y1: int, x2: int, y2: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y1:y2, x1:x2] = True
    return mask


def one_hot(words: list[str]) -> np.ndarray:
    return np.array([[float(a == b) for b in sorted(set(words))] for a in words])


@pytest.fixture
def grounded():
    """A grounder of named boxes: grounded(("red cup", (x1, y1, x2, y2)), ..., certainty=1.0)."""
    def make(*things: tuple[str, tuple[int, int, int, int]], certainty: float = 1.0) -> Grounder:
        names = [name.split() for name, _ in things]

        def fits(description: Description) -> np.ndarray:
            wanted = set(description.appearance.split()) - {"thing"}
            return np.array([float(wanted <= set(name)) for name in names])

        proposals = Proposals.from_masks(np.stack([rectangle(*box) for _, box in things]))
        heads = one_hot([name[-1] for name in names])
        chances = np.hstack([certainty * heads, np.full((len(heads), 1), 1 - certainty)])
        # What has no colour has one of its own.
        colours = one_hot([name[0] if name[1:] else str(i) for i, name in enumerate(names)])
        grounder = Grounder(measure(proposals), AppearanceScores(fits, lambda: chances, lambda: colours))
        grounder.proposals = proposals
        return grounder
    return make
