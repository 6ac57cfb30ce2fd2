"""The interface of phrase detectors, and the registries of families and of models that are known by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ris_ros.config import DetectorConfig
from ris_ros.types import Detections


class PhraseDetector(Protocol):
    """Finds the objects of an image that noun phrases name.

    Attributes
    ----------
    config : settings; may be replaced between calls

    """

    config: DetectorConfig

    @property
    def notes(self) -> list[str]:
        """Return what does not run as requested, for diagnostics."""

    @property
    def threshold(self) -> float:
        """Return the score, 0..1, of a detection that is right as often as wrong."""

    def embed(self, image: np.ndarray) -> Any:
        """Encode an image, uint8 RGB [H, W, 3], once for any number of phrases."""

    def __call__(self, image: np.ndarray, phrases: Sequence[str], *, embedding: Any = None) -> list[Detections]:
        """Return the detections of each phrase; those of one do not depend on the others.

        Parameters
        ----------
        image : uint8 RGB [H, W, 3]
        phrases : lower-cased noun phrases without articles, such as "red cup"
        embedding : of the image; None to encode it

        """


@dataclass(frozen=True)
class Family:
    """One architecture.

    Attributes
    ----------
    detector : ``module:class`` of its `families.TransformersDetector`
    threshold : score from which the library's post-processing keeps detections by default
    needs : first major version of transformers that has it

    """

    detector: str
    threshold: float
    needs: int = 4


FAMILIES = {
    "grounding-dino": Family("ris_ros.detection.families:GroundingDino", 0.25),
    "mm-grounding-dino": Family("ris_ros.detection.families:GroundingDino", 0.25),
    "owlvit": Family("ris_ros.detection.families:Owl", 0.1),
    "owlv2": Family("ris_ros.detection.families:Owl", 0.1),
    "sam3": Family("ris_ros.detection.families:Sam3", 0.3, needs=5),
}
"""``model_type`` in a model's config.json -> its family."""


@dataclass(frozen=True)
class Model:
    """A model of Hugging Face's hub that is known by a short name.

    Attributes
    ----------
    repository : OWNER/NAME
    licence : of the weights
    is_gated : whether the licence must be accepted before a download

    """

    repository: str
    licence: str
    is_gated: bool = False


MODELS = {
    "grounding-dino-tiny": Model("IDEA-Research/grounding-dino-tiny", "Apache-2.0"),
    "grounding-dino-base": Model("IDEA-Research/grounding-dino-base", "Apache-2.0"),
    "owlvit-base": Model("google/owlvit-base-patch32", "Apache-2.0"),
    "owlv2-base": Model("google/owlv2-base-patch16-ensemble", "Apache-2.0"),
    "owlv2-large": Model("google/owlv2-large-patch14-ensemble", "Apache-2.0"),
    "sam3": Model("facebook/sam3", "SAM License", is_gated=True),
}
"""Value of ``detector.model`` -> the model."""
