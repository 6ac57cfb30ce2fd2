"""Whether a mask shows the thing that was chosen, or another: its features against those at the start."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

ADAPTATION = 0.15
"""Share of a newly examined look in the remembered one."""


class Identity:
    """What tells a target from the other things that were in view when it was chosen.

    Features of vision-language models have much in common, whatever they show: likeness is the cosine of what is left
    when their mean over the first image is taken away.

    Parameters
    ----------
    features : float32 [1 + N, D], the target's and those of N other things in the same image

    Attributes
    ----------
    twin : -1..1, how like the target the most similar of the other things is

    """

    def __init__(self, features: Tensor):
        features = F.normalize(features, dim=1)
        # With nothing to compare, the features stand as they are.
        self._mean = features.mean(0) if len(features) > 2 else torch.zeros_like(features[0])
        chosen, self._others = self._centred(features).split([1, len(features) - 1])
        self._first = self._lately = chosen[0]
        self.twin = float((self._others @ self._first).max()) if len(self._others) else -1.0

    def likeness(self, features: Tensor) -> np.ndarray:
        """How like the target masks are, at the start or lately, -1..1 float64 [N], from features [N, D]."""
        centred = self._centred(F.normalize(features, dim=1))
        return torch.stack([centred @ self._first, centred @ self._lately]).amax(0).double().cpu().numpy()

    def rivalry(self, features: Tensor) -> np.ndarray:
        """How like one of the other things masks are, -1..1 float64 [N]; -1 where there were none."""
        if not len(self._others):
            return np.full(len(features), -1.0)
        return (self._centred(F.normalize(features, dim=1)) @ self._others.T).amax(1).double().cpu().numpy()

    def adapt(self, feature: Tensor, least: float) -> None:
        """Remember a look [D] that was surely the target's, unless its likeness to the first is below `least`."""
        centred = self._centred(F.normalize(feature, dim=0))
        if float(centred @ self._first) < least:
            return  # Step by step anything can be turned into anything.
        self._lately = F.normalize((1 - ADAPTATION) * self._lately + ADAPTATION * centred, dim=0)

    def _centred(self, features: Tensor) -> Tensor:
        return F.normalize(features - self._mean, dim=-1)
