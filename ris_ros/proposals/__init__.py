"""Image -> class-agnostic masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from ris_ros.config import ProposalsConfig
from ris_ros.proposals.prompting import ImageEmbedding, PromptedProposer
from ris_ros.types import Proposals

__all__ = ["PROPOSERS", "ImageEmbedding", "PromptedProposer", "Proposer", "make_proposer"]


class Proposer(Protocol):
    """Masks for an image; `config` may be replaced between calls.

    One that can be asked again about parts of an image has what :class:`PromptedProposer` has besides.
    """

    config: ProposalsConfig

    def __call__(self, image: np.ndarray) -> Proposals:
        """Proposals for uint8 RGB [H, W, 3]."""


def _mobilesam(config: ProposalsConfig, device: str) -> Proposer:
    from ris_ros.proposals.mobilesam import MobileSam
    network = MobileSam(config.checkpoint or "mobilesam", device, tensorrt=config.tensorrt)
    return PromptedProposer(network, config)


def _sam(config: ProposalsConfig, device: str) -> Proposer:
    from ris_ros.proposals.sam import Sam
    return PromptedProposer(Sam(config.checkpoint or "sam_vit_b", device), config)


PROPOSERS: dict[str, Callable[[ProposalsConfig, str], Proposer]] = {
    "mobilesam": _mobilesam,
    "sam": _sam,
}
"""One line for each choice of ``proposals.method``; functions, so that only the chosen one's packages are imported."""


def make_proposer(config: ProposalsConfig, device: str) -> Proposer:
    """The proposer that a configuration names, on ``cpu``, ``cuda`` or ``cuda:N``.

    Raises
    ------
    InputError, MissingError
        When the checkpoint is unknown, absent or damaged, or a package is missing.

    """
    return PROPOSERS[config.method](config, device)
