"""The interface of mask proposers, and the registry that a configuration chooses from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias, cast

import numpy as np

from ris_ros.config import PROPOSER_PLUGINS, ProposalsConfig
from ris_ros.errors import InputError
from ris_ros.proposals.resize import ResizeTransform
from ris_ros.types import Proposals
from ris_ros.utils.hub import downloads
from ris_ros.utils.plugins import check_plugin, find_plugin, has_members, load_plugin, plugin_errors, plugin_names

if TYPE_CHECKING:
    from torch import Tensor


class Proposer(Protocol):
    """Generates masks for an image. `config` may be replaced between calls."""

    config: ProposalsConfig

    def __call__(self, image: np.ndarray) -> Proposals:
        """Return proposals for an image, uint8 RGB [H, W, 3]."""


@dataclass(frozen=True, eq=False)
class ImageEmbedding:
    """An image as a network encoded it, for any number of prompts.

    Attributes
    ----------
    features : float32 [1, D, 64, 64]
    transform : from the image to the network's input
    length : of its features, in the unit of those networks whose encoder ends with a norm
    fine : features at higher resolutions, [1, C, s * 64, s * 64] for each scale s, if the network has them

    """

    features: np.ndarray
    transform: ResizeTransform
    length: float = 1.0
    fine: tuple[Tensor, ...] = ()

    @property
    def cells(self) -> np.ndarray:
        """The features of the cells that the image covers, which prompts are placed by, float32 [D, rows, columns]."""
        rows, columns = self.transform.cell_shape
        cells: np.ndarray = self.features[0, :, :rows, :columns] / np.float32(self.length)
        return cells


class PromptableProposer(Proposer, Protocol):
    """A proposer that encodes an image once and can be prompted for parts of it."""

    is_promptable: ClassVar[bool]
    """True."""

    def embed(self, image: np.ndarray) -> ImageEmbedding:
        """Encode an image, uint8 RGB [H, W, 3]; this is the slow step."""

    def __call__(self, image: np.ndarray, points: np.ndarray | None = None, *,
                 embedding: ImageEmbedding | None = None) -> Proposals:
        """Return proposals for a whole image, or for the objects at points.

        Parameters
        ----------
        image : uint8 RGB [H, W, 3]
        points : [P, 2], xy image pixels; None for the whole image
        embedding : of the image; None to encode it

        """

    def object_in(self, embedding: ImageEmbedding, box: np.ndarray, points: np.ndarray, labels: np.ndarray
                  ) -> Proposals:
        """Return the masks, at most four and none empty, of the object in a box: one combined prompt.

        Parameters
        ----------
        embedding : of the image
        box : [4], xyxy image pixels
        points : [P, 2], xy image pixels
        labels : [P], 1 for a point on the object, 0 for one that is not

        """


def as_promptable(proposer: Proposer) -> PromptableProposer | None:
    """Return the proposer itself if it is promptable, else None."""
    return cast(PromptableProposer, proposer) if getattr(proposer, "is_promptable", False) else None


ProposerFactory: TypeAlias = Callable[[ProposalsConfig, str], Proposer]
"""Configuration and device (``cpu``, ``cuda`` or ``cuda:N``) -> proposer."""

PROPOSERS = {
    "mobilesam": "ris_ros.proposals.mobilesam:make_proposer",
    "sam": "ris_ros.proposals.sam:make_proposer",
    "sam2": "ris_ros.proposals.sam2:make_proposer",
}
"""Value of ``proposals.method`` -> ``module:function`` of its `ProposerFactory`.

The format is that of entry points, with which other packages add proposers in the group `PROPOSER_PLUGINS`. A module
is imported when its proposer is chosen, so the packages of the others need not be installed.
"""


TORCH_ONLY = ("sam", "sam2")
"""Proposers that run in torch alone, whatever else is installed."""


def make_proposer(config: ProposalsConfig, device: str, *, offline: bool = False) -> Proposer:
    """Return the proposer that a configuration names, on ``cpu``, ``cuda`` or ``cuda:N``.

    With `offline`, nothing is downloaded.

    Raises
    ------
    InputError, MissingError
        If the method or the checkpoint is unknown, missing or damaged, or a package is not installed; or if another
        package adds a proposer that cannot be used, or one of the same name.

    """
    if config.method in TORCH_ONLY and config.backend != "auto":
        raise InputError(f"the {config.method} proposer runs in torch: set proposals.backend to auto, not to "
                         f"{config.backend}")
    point = find_plugin(PROPOSER_PLUGINS, config.method, built_in=PROPOSERS)
    if point is not None:
        factory: ProposerFactory = load_plugin(point, callable, "a function of a ProposalsConfig and a device")
        with plugin_errors(point), downloads(allowed=not offline):
            proposer = factory(config, device)
        check_plugin(point, proposer, lambda made: callable(made) and has_members("config")(made),
                     "a Proposer, which is called with an image and has a config")
        return proposer
    if config.method not in PROPOSERS:
        known = [*PROPOSERS, *plugin_names(PROPOSER_PLUGINS)]
        raise InputError(f"there is no proposer {config.method!r}; known are {', '.join(known)}")
    built_in: ProposerFactory = EntryPoint(config.method, PROPOSERS[config.method], PROPOSER_PLUGINS).load()
    with downloads(allowed=not offline):
        return built_in(config, device)
