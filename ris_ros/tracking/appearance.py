"""Appearance model of a target: re-identification by features, against the other objects in view."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ris_ros.tracking.thresholds import APPEARANCE_UPDATE_RATE


class AppearanceModel:
    """The features of a target, and of the other objects that were in view when it was chosen.

    Features of vision-language models have a large common component, whatever the image shows. A similarity is
    therefore the cosine after the mean of all features of the first image is subtracted.

    Parameters
    ----------
    features : float32 [1 + N, D], of the target and of N other objects (distractors) in the same image

    Attributes
    ----------
    hardest_negative : -1..1, the similarity of the most similar distractor to the target; -1 without distractors

    """

    def __init__(self, features: Tensor):
        features = F.normalize(features, dim=1)
        # Subtracting the mean of only one or two features would remove the difference between them.
        self._mean = features.mean(0) if len(features) > 2 else torch.zeros_like(features[0])
        centred = self._centre(features)
        self._initial = self._recent = centred[0]
        self._distractors = centred[1:]
        self.hardest_negative = float((self._distractors @ self._initial).max()) if len(self._distractors) else -1.0

    def similarity(self, features: Tensor) -> np.ndarray:
        """Return the similarity of features [N, D] to the target, initial or recent, float64 [N] in -1..1."""
        centred = self._centre(F.normalize(features, dim=1))
        return _to_numpy(torch.stack([centred @ self._initial, centred @ self._recent]).amax(0))

    def distractor_similarity(self, features: Tensor) -> np.ndarray:
        """Return the similarity of features [N, D] to the closest distractor, float64 [N] in -1..1; -1 without any."""
        if not len(self._distractors):
            return np.full(len(features), -1.0)
        return _to_numpy((self._centre(F.normalize(features, dim=1)) @ self._distractors.T).amax(1))

    def update(self, feature: Tensor, min_similarity: float) -> None:
        """Blend a verified feature [D] into the recent appearance.

        A feature whose similarity to the initial one is below `min_similarity` is ignored. Otherwise the appearance
        could drift to that of another object.
        """
        centred = self._centre(F.normalize(feature, dim=0))
        if float(centred @ self._initial) >= min_similarity:
            blended = (1 - APPEARANCE_UPDATE_RATE) * self._recent + APPEARANCE_UPDATE_RATE * centred
            self._recent = F.normalize(blended, dim=0)

    def _centre(self, features: Tensor) -> Tensor:
        return F.normalize(features - self._mean, dim=-1)


def _to_numpy(values: Tensor) -> np.ndarray:
    return values.double().cpu().numpy()
