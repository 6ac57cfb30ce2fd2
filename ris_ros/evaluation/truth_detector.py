"""A phrase detector that knows the truth about simulated scenes, and errs as often as a real one.

It measures the reasoning above a detector where no weights of a detector are at hand. It errs as signal detection
theory has it: on the scale of log-odds, the scores of right detections and of wrong ones are normally distributed, and
as many are on the wrong side of the threshold as was published. So most misses are detections with a low score, and
the lowest are cut off as a real detector's are.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from ris_ros.config import DetectorConfig
from ris_ros.errors import InputError
from ris_ros.grounding.detector_scores import ANYTHING
from ris_ros.sim.samples import SceneSample
from ris_ros.types import Detections
from ris_ros.utils.masks import box_iou, mask_box


class Errors(NamedTuple):
    """How often a detector is wrong, 0..1.

    Attributes
    ----------
    presence : Matthews correlation coefficient of "is there such an object in the image"
    instances : F1 of its instances where there are some, the mean over IoU thresholds from 0.5 to 0.95

    """

    presence: float
    instances: float


ERRORS = {
    "none": Errors(1.0, 1.0),
    "sam3": Errors(0.82, 0.6611),
    "sam3-attributes": Errors(0.76, 0.72),
    "owlv2-lvis": Errors(0.57, 0.42),
    "owlv2": Errors(0.46, 0.368),
    "llmdet-large": Errors(0.21, 0.273),
    "grounding-dino-tiny": Errors(0.15, 0.162),
}
"""Published rates on SA-Co/Gold, at the threshold 0.5 and with negatives that were chosen to be hard: the average, and
for "sam3-attributes" the subset "Attributes". Source: the table "Results" of scripts/eval/gold/README.md in
facebookresearch/sam3 (commit 99d02f28), columns IL_MCC and positive_micro_F1; "owlv2-lvis" is its OWLv2*, which was
partly trained on LVIS. "none" makes no errors."""

SPREAD = 2.0
"""Standard deviation of the scores on the scale of log-odds; an assumption, as it was not published."""
MIN_SCORE = 0.1
"""Score below which nothing is detected."""
IOU_THRESHOLDS = np.arange(0.5, 1.0, 0.05)
JITTERS = np.linspace(0, 0.5, 51)
"""Standard deviations of the shift of a box's sides, in its widths and heights, among which one is chosen."""


class TruthDetector:
    """A `detection.PhraseDetector` of simulated scenes; :meth:`show` says which one is looked at.

    Half of what the published F1 lacks is taken for wrong, missed and doubled detections, half for shifted boxes. The
    same object has the same score for "cup" and for "red cup", so that nothing is gained by asking twice.

    Parameters
    ----------
    errors : name in `ERRORS`
    config : settings of the detector
    seed : of the errors

    Raises
    ------
    InputError
        If there are no such errors.

    """

    def __init__(self, errors: str = "none", config: DetectorConfig | None = None, seed: int = 0):
        if errors not in ERRORS:
            raise InputError(f"no errors {errors!r} of a detector; there are {', '.join(ERRORS)}")
        self.config = config or DetectorConfig()
        self.notes: list[str] = []
        self._is_perfect = errors == "none"
        rates, self._seed = ERRORS[errors], seed
        half = rates.instances ** 0.5
        quantile = NormalDist().inv_cdf
        # At the threshold, at 0, this share of the right and of the wrong scores are on their side.
        self._right = SPREAD * quantile(min(half, 0.9999))
        self._wrong = SPREAD * quantile(max(1 - (1 + rates.presence) / 2, 0.0001))
        self._doubled = (1 - half) / 2
        self._jitter = _jitter(half)
        self._sample: SceneSample | None = None
        self._boxes: dict[int, np.ndarray] = {}

    @property
    def threshold(self) -> float:
        """Return the score of a detection that is right as often as wrong, 0..1; SAM 3's by default."""
        return self.config.threshold if self.config.threshold >= 0 else 0.3

    def show(self, sample: SceneSample) -> None:
        """Look at a scene."""
        self._sample = sample
        masks = [sample.rendering.instances == i + 1 for i in range(len(sample.scene.objects))]
        self._boxes = {i: mask_box(mask).astype(float) for i, mask in enumerate(masks) if mask.any()}

    def embed(self, image: np.ndarray) -> Any:
        """Return nothing: it needs no image."""

    def __call__(self, image: np.ndarray, phrases: Sequence[str], *, embedding: Any = None) -> list[Detections]:
        """Return the detections of each phrase."""
        return [self._detect(phrase, image.shape[:2]) for phrase in phrases]

    def _detect(self, phrase: str, size: tuple[int, int]) -> Detections:
        assert self._sample is not None
        height, width = size
        fit = {i: self._similarity(phrase, i) for i in self._boxes}
        found: list[tuple[float, np.ndarray]] = []
        for i in (i for i, likeness in fit.items() if likeness == 1):
            rng = self._rng(phrase.split()[-1], i)
            odds, box = rng.normal(self._right, SPREAD), self._shifted(self._boxes[i], rng)
            found.append((odds, box))
            if rng.random() < self._doubled:
                found.append((odds - rng.exponential(), self._shifted(self._boxes[i], rng)))
        if not self._is_perfect:
            # The most similar of the others, or, where all fit, a patch of the background.
            rng = self._rng(phrase, -1)
            odds = rng.normal(self._wrong, SPREAD)
            others = [i for i, likeness in fit.items() if likeness < 1]
            best = [i for i in others if fit[i] == max(fit[j] for j in others)]
            corner = rng.random(2) * (0.8 * width, 0.8 * height)
            box = (self._boxes[best[int(rng.integers(len(best)))]] if best
                   else np.concatenate([corner, corner + rng.uniform(0.05, 0.2, 2) * (width, height)]))
            found.append((odds, self._shifted(box, rng)))
        boxes = np.array([box for _, box in found]).reshape(-1, 4).clip(0, [width, height] * 2)
        scores = 1 / (1 + np.exp(-np.array([odds for odds, _ in found]))) if found else np.zeros(0)
        kept = np.flatnonzero((scores >= MIN_SCORE) & (boxes[:, 2:] > boxes[:, :2] + 1).all(axis=1))
        kept = kept[np.argsort(-scores[kept], kind="stable")][:self.config.max_detections]
        return Detections(boxes[kept].astype(np.float32), scores[kept].astype(np.float32))

    def _similarity(self, phrase: str, i: int) -> float:
        """Return 1 if a phrase names an object, and the share of its words that do otherwise."""
        assert self._sample is not None
        known = self._sample.scene.objects[i]
        words = phrase.split()
        names = (known.category, known.colour, "coloured", "colored", ANYTHING)
        return sum(word in names for word in words) / len(words)

    def _shifted(self, box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        sides = np.tile(box[2:] - box[:2], 2)
        shifted: np.ndarray = box + self._jitter * sides * rng.normal(size=4)
        return shifted

    def _rng(self, word: str, i: int) -> np.random.Generator:
        assert self._sample is not None
        return np.random.default_rng([self._seed, self._sample.seed, zlib.crc32(word.encode()), i + 1])


@lru_cache
def _jitter(share: float) -> float:
    """Return the shift of a box's sides at which this share of the boxes overlaps enough, over all IoU thresholds."""
    noise = np.random.default_rng(0).normal(size=(300, 4))
    box = np.array([0.0, 0.0, 1.0, 1.0])
    shares = [np.mean([box_iou(box + jitter * one, box) >= IOU_THRESHOLDS for one in noise]) for jitter in JITTERS]
    return float(np.interp(-share, -np.array(shares), JITTERS))
