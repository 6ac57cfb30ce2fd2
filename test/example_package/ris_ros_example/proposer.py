"""The proposer ``grid``: the squares of a regular grid, for objects in a rack."""

import numpy as np

from ris_ros.config import ProposalsConfig
from ris_ros.types import Proposals

ROWS, COLUMNS = 2, 4


class GridProposer:
    """Proposes the cells of a grid. `config` may be replaced between calls."""

    def __init__(self, config: ProposalsConfig):
        self.config = config

    def __call__(self, image: np.ndarray) -> Proposals:
        """Return proposals for an image, uint8 RGB [H, W, 3]."""
        height, width = image.shape[:2]
        row, column = np.arange(height) * ROWS // height, np.arange(width) * COLUMNS // width
        cells = row[:, None] * COLUMNS + column
        return Proposals.from_masks(np.stack([cells == i for i in range(ROWS * COLUMNS)]))


def make_proposer(config: ProposalsConfig, device: str) -> GridProposer:
    """Return the proposer on ``cpu``, ``cuda`` or ``cuda:N``; this one needs no device."""
    return GridProposer(config)
