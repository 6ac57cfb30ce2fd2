"""The distribution of a model's visual features over unlabelled images: a null distribution for every text.

The cosine between the features of a mask and of a text has an offset for each text and a component that all masks
share: some texts are close to everything. With the mean and the covariance of features over many masks, a cosine
becomes a standard score: how unusual it is for this text. Both follow for any text from the same few numbers.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np

from ris_ros.errors import InputError

MAX_FACTORS = 64
"""Directions of the covariance that are kept; the rest counts with its mean variance."""


@dataclass(frozen=True, eq=False)
class FeatureStatistics:
    """Mean and covariance of normalised visual features.

    Attributes
    ----------
    mean : float32 [D]
    factors : float32 [R, D]; the covariance is factors.T @ factors + residual * identity
    residual : variance along all other directions

    """

    mean: np.ndarray
    factors: np.ndarray
    residual: float

    @classmethod
    def fit(cls, features: np.ndarray) -> FeatureStatistics:
        """Fit to normalised features of many masks, float [M, D].

        Raises
        ------
        InputError
            When the features are not finite, or all alike.

        """
        if not np.isfinite(features).all():
            raise InputError("the encoder's features are not finite: try encoder.dtype float32, or another model")
        if len(features) < 2 or np.ptp(features, axis=0).max() < 1e-6:
            raise InputError("the encoder's features are all alike: give images that differ, or another model")
        features = features.astype(np.float64)
        mean = features.mean(axis=0)
        _, scale, directions = np.linalg.svd(features - mean, full_matrices=False)
        variance = scale**2 / max(1, len(features) - 1)
        kept = min(MAX_FACTORS, len(variance))
        rest = features.shape[1] - kept
        residual = float(variance[kept:].sum() / rest) if rest else 0.0
        factors = directions[:kept] * np.sqrt(np.maximum(variance[:kept] - residual, 0))[:, None]
        return cls(mean.astype(np.float32), factors.astype(np.float32), residual)

    def standardize(self, features: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """Return the standard scores, float64 [N, T], of normalised features [N, D] for normalised texts [T, D]."""
        texts = texts.astype(np.float64)
        variance = ((texts @ self.factors.T.astype(np.float64))**2).sum(axis=1) + self.residual * (texts**2).sum(axis=1)
        return ((features - self.mean).astype(np.float64) @ texts.T) / np.sqrt(variance.clip(1e-12))

    def to_dict(self) -> dict[str, Any]:
        """Return the statistics as JSON values."""
        return {"dimension": len(self.mean), "mean": _encode(self.mean), "factors": _encode(self.factors),
                "residual": self.residual}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FeatureStatistics:
        """Make statistics of the values of :meth:`to_dict`.

        Raises
        ------
        ValueError
            When the values are something else.

        """
        dimension = int(values["dimension"])
        mean, factors = _decode(values["mean"]), _decode(values["factors"]).reshape(-1, dimension)
        residual = float(values["residual"])
        if len(mean) != dimension or not (np.isfinite(residual) and np.isfinite(mean).all()
                                          and np.isfinite(factors).all()):
            raise ValueError("the statistics do not hold finite numbers of one dimension")
        return cls(mean, factors, residual)


class ScoreCorrelation:
    """How the standard scores of texts are correlated over many masks.

    Parameters
    ----------
    statistics : of the features
    texts : normalised features of T texts, float [T, D]

    """

    def __init__(self, statistics: FeatureStatistics, texts: np.ndarray):
        self._texts = texts.astype(np.float32)
        self._statistics = statistics
        self._loadings = self._texts @ statistics.factors.T
        variances = self._covariance(self._texts, self._loadings, self._texts, self._loadings)
        self._deviations = np.sqrt(variances.clip(1e-12))

    def of(self, text: np.ndarray) -> np.ndarray:
        """Return the correlation, float32 [T], of the scores of each text with those of another one, float [D]."""
        text = text.astype(np.float32)
        loadings = self._statistics.factors @ text
        deviation = np.sqrt(max(float(self._covariance(text, loadings, text, loadings)), 1e-12))
        return self._covariance(self._texts, self._loadings, text, loadings) / (self._deviations * deviation)

    def _covariance(self, texts: np.ndarray, loadings: np.ndarray, others: np.ndarray, other_loadings: np.ndarray
                    ) -> np.ndarray:
        covariance: np.ndarray = ((loadings * other_loadings).sum(axis=-1)
                                  + self._statistics.residual * (texts * others).sum(axis=-1))
        return covariance


def _encode(values: np.ndarray) -> str:
    return base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")


def _decode(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float32)
