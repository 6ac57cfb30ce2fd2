"""The methods that `--method` names: those of this package, and the baselines of the paper (section 4.1).

Several baselines are the reference method with other weights and need no code; the others are scorers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, cast

import numpy as np

from ris_ros.calibration import calibrated_bank
from ris_ros.config import Config, LanguageConfig
from ris_ros.encoding import MaskGuidedEncoder
from ris_ros.encoding.towers import ImageTower
from ris_ros.errors import InputError
from ris_ros.evaluation.scorers import GradCam, RegionToken, ScoreMap, Scorer
from ris_ros.parsing import Parser, make_parser
from ris_ros.proposals import Proposer
from ris_ros.segmenter import ReferringSegmenter
from ris_ros.types import Depth, Proposals


class Prediction(Protocol):
    """The answer of a method; a `Result` is one."""

    @property
    def mask(self) -> np.ndarray:
        """The chosen mask, bool [H, W]; empty if the target was not found."""

    @property
    def confidence(self) -> float:
        """The confidence of the answer, 0..1."""


class Method(Protocol):
    """A method that can be evaluated: it takes an image with its masks once, then answers expressions."""

    def set_image(self, image: np.ndarray, proposals: Proposals | None, *, depth: Depth | None = None) -> object:
        """Take an image, uint8 RGB [H, W, 3], and the masks to choose from; None for those of its own proposer."""

    def query(self, text: str) -> Prediction:
        """Answer one expression."""


@dataclass(frozen=True, eq=False)
class HighestScore:
    """The answer of a scorer: the mask with the highest score, and its share of the softmax over all scores."""

    mask: np.ndarray
    confidence: float


class ScorerMethod:
    """A method made of a scorer. Like the paper's baselines it encodes the sentence as a whole."""

    def __init__(self, scorer: Scorer, encoder: MaskGuidedEncoder, parser: Parser,
                 proposer: Proposer | None = None):
        self._scorer, self._encoder, self._parser, self._proposer = scorer, encoder, parser, proposer
        self._proposals: Proposals | None = None

    def set_image(self, image: np.ndarray, proposals: Proposals | None, *, depth: Depth | None = None) -> Proposals:
        """Encode an image, uint8 RGB [H, W, 3], and the masks to choose from; depth is ignored.

        Raises
        ------
        InputError
            If there are no masks and no proposer.

        """
        if proposals is None:
            if self._proposer is None:
                raise InputError("give the masks to choose from: there is no proposer")
            proposals = self._proposer(image)
        self._proposals = proposals
        if len(proposals):
            self._scorer.encode(self._encoder.preprocess(image), proposals.masks)
        return proposals

    def query(self, text: str) -> HighestScore:
        """Return the mask with the highest score, or an empty one if there are no masks.

        Raises
        ------
        InputError
            If no image was set, or the text has no words.

        """
        if self._proposals is None:
            raise InputError("no image to search: call set_image first")
        query = self._parser.parse(text)
        if not len(self._proposals):
            return HighestScore(np.zeros(self._proposals.masks.shape[1:], bool), 0.0)
        scores = self._scorer.score(self._encoder.encode_text([query.sentence])[0])
        best = int(scores.argmax())
        confidence = float((self._encoder.logit_scale * scores).softmax(0)[best])
        return HighestScore(self._proposals.masks[best], confidence)


SETTINGS_OF_METHODS: dict[str, dict[str, object]] = {
    # Without the tolerance for a static camera: each image of a data set is encoded.
    "full": {"method": "full", "frame_tolerance": 0.0},
    "reference": {"method": "reference"},
    "global": {"method": "reference", "matching.visual_weight": 1.0},
    "local": {"method": "reference", "matching.visual_weight": 0.0},
    "cropping": {"method": "reference", "matching.visual_weight": 0.0, "matching.text_weight": 1.0},
}
"""The methods that are settings. Those of the paper: "reference" is global-local; "global" and "local" have only one of
its two features, and both texts; "cropping" compares masked crops with the whole sentence."""

SCORERS: dict[str, Callable[[ImageTower], Scorer]] = {
    "grad-cam": GradCam, "score-map": ScoreMap, "region-token": RegionToken}
"""The methods that are scorers, made from an image tower."""

METHODS = (*SETTINGS_OF_METHODS, *SCORERS)


def method_config(name: str, config: Config) -> Config:
    """Return the configuration with the settings of a method; raise InputError if there is no such method."""
    if name not in METHODS:
        raise InputError(f"there is no method {name!r}; known are {', '.join(METHODS)}")
    return config.replace(SETTINGS_OF_METHODS.get(name, {"method": "reference"}))


def make_method(name: str, config: Config, encoder: MaskGuidedEncoder, proposer: Proposer | None = None) -> Method:
    """Return a method with its models.

    Parameters
    ----------
    name : one of METHODS
    config : all settings; those that define the method override it
    encoder : encodes masks and texts
    proposer : needed only for images that come without masks

    Raises
    ------
    InputError
        If there is no such method, or it does not work with this model.

    """
    config = method_config(name, config)
    parser = _shared_parser(config.language, config.method)
    if name in SCORERS:
        return ScorerMethod(SCORERS[name](encoder.model.visual), encoder, parser, proposer)
    # With masks for every image the segmenter never calls its proposer.
    return ReferringSegmenter(config, cast(Proposer, proposer), encoder, parser, calibrated_bank(config, encoder))


@lru_cache(maxsize=4)
def _shared_parser(config: LanguageConfig, method: str) -> Parser:
    """Return a parser that all compared methods share, together with its cache of parsed texts."""
    return make_parser(config, method)
