"""Scenes of plain rectangles, whose places and names are known."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.matching.grounding import Grounder, Looks
from ris_ros.matching.layout import measure
from ris_ros.types import Description, Proposals

HEIGHT, WIDTH = 120, 160


def rectangle(x1: int, y1: int, x2: int, y2: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y1:y2, x1:x2] = True
    return mask


@pytest.fixture
def grounded():
    """A grounder of named boxes: grounded(("red cup", (x1, y1, x2, y2)), ...)."""
    def make(*things: tuple[str, tuple[int, int, int, int]]) -> Grounder:
        names = [name.split() for name, _ in things]

        def fits(description: Description) -> np.ndarray:
            wanted = set(description.appearance.split()) - {"thing"}
            return np.array([float(wanted <= set(name)) for name in names])

        proposals = Proposals.from_masks(np.stack([rectangle(*box) for _, box in things]))
        heads = [name[-1] for name in names]
        alike = np.array([[float(a == b) for b in sorted(set(heads))] for a in heads])
        grounder = Grounder(measure(proposals), Looks(fits, lambda: alike, lambda: np.eye(len(things))))
        grounder.proposals = proposals
        return grounder
    return make
