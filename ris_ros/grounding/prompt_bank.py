"""The phrases that a description is contrasted with, and the temperatures that turn logits into probabilities."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.errors import InputError
from ris_ros.grounding.feature_statistics import FeatureStatistics

LABELS, FRAMES, STOCK_IMAGES, NOTHING = "labels", "frames", "stock images", "nothing"
"""What a confidence was fitted with: labelled images, unlabelled ones of the user's, or those of the package."""
SHARES = (0.0, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5)
"""Shares of present objects whose thresholds a calibration keeps."""

PART, GROUP = "part of an object", "several objects"
"""Background classes that depend on other masks, see `appearance`."""


@dataclass(frozen=True)
class PromptBank:
    """Phrases to contrast a description with, and the calibration of one model.

    Attributes
    ----------
    nouns : kinds of objects; names of the same kind stand in one string, separated by "|"
    colours : words for colours
    background_classes : what a mask can show that is no object, or not one
    name_temperature, colour_temperature : what logits are divided by before the softmax (Guo et al., arXiv 1706.04599)
    min_confidence : a target with less confidence is taken to be absent
    name_slope, name_bias, colour_slope, colour_bias : the log-odds of the softmax become slope * log-odds + bias
    statistics : of the model's features over unlabelled images; with them, logits are standard scores instead of scaled
        cosines
    calibrated_by : one of LABELS, FRAMES, STOCK_IMAGES and NOTHING
    fingerprint : of the weights that it was fitted to; empty if unknown
    visual_weight : share of the global feature in the fusion that it was fitted to; negative if unknown
    false_absences : pairs of a threshold of the confidence and the share of present objects that are below it

    """

    nouns: tuple[str, ...]
    colours: tuple[str, ...]
    background_classes: tuple[str, ...]
    name_temperature: float = 1.0
    colour_temperature: float = 1.0
    min_confidence: float = 0.1
    name_slope: float = 1.0
    name_bias: float = 0.0
    colour_slope: float = 1.0
    colour_bias: float = 0.0
    statistics: FeatureStatistics | None = None
    calibrated_by: str = NOTHING
    fingerprint: str = ""
    visual_weight: float = -1.0
    false_absences: tuple[tuple[float, float], ...] = ()

    @property
    def is_calibrated(self) -> bool:
        """Return whether the confidence was fitted to images of the user's, or by the model's makers."""
        return self.calibrated_by in (LABELS, FRAMES)

    def without_statistics(self) -> PromptBank:
        """Return the same phrases without a calibration from frames, for features of another kind than its own."""
        return self if self.statistics is None else PromptBank(self.nouns, self.colours, self.background_classes)

    def threshold(self, max_false_absence: float) -> float:
        """Return the confidence that this share of the present objects, 0..1, is below; negative: the bank's own."""
        if max_false_absence < 0 or not self.false_absences:
            return self.min_confidence
        thresholds, shares = np.transpose(self.false_absences)
        return float(np.interp(max_false_absence, shares, thresholds))

    @property
    def names(self) -> tuple[str, ...]:
        """Return one name of each kind of object."""
        return tuple(group.split("|")[0] for group in self.nouns)

    @classmethod
    def load(cls, file: str, own: dict[str, Any] | None) -> PromptBank:
        """Load the bank that `ris calibrate` wrote.

        Parameters
        ----------
        file : path of a calibration; empty for the model's own
        own : calibration stored with the model; None for PHOTOGRAPHS

        Raises
        ------
        InputError
            When the file cannot be read or holds something else.

        """
        try:
            values = json.loads(Path(file).read_text()) if file else own
            return PHOTOGRAPHS if values is None else cls.from_dict({"calibrated_by": LABELS, **values})
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise InputError(f"matching.calibration {file or 'of the model'} is not what `ris calibrate` writes: "
                             f"{error}") from error

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PromptBank:
        """Make a bank of the values of a calibration file."""
        given: dict[str, Any] = {_FIELDS.get(name, name): tuple(value) if isinstance(value, list) else value
                                 for name, value in values.items()}
        given["false_absences"] = tuple((float(at), float(share)) for at, share in given.get("false_absences", ()))
        if isinstance(given.get("statistics"), dict):
            given["statistics"] = FeatureStatistics.from_dict(given["statistics"])
        return cls(**given)

    def to_dict(self) -> dict[str, Any]:
        """Return the values of a calibration file, ready for JSON; without those that it does not use."""
        keys = {field: key for key, field in _FIELDS.items()}
        values: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _OPTIONAL and value == field.default:
                continue
            values[keys.get(field.name, field.name)] = (
                value.to_dict() if isinstance(value, FeatureStatistics) else
                list(value) if isinstance(value, tuple) else value)
        return values


_FIELDS = {"nothings": "background_classes"}
"""Keys of calibration files that are named otherwise than the fields."""
_OPTIONAL = frozenset({"name_slope", "name_bias", "colour_slope", "colour_bias", "statistics", "calibrated_by",
                       "fingerprint", "visual_weight", "false_absences"})
"""Fields that only some calibrations use."""

PHOTOGRAPHS = PromptBank(
    nouns=(
        "person|man|woman|boy|girl|child|kid|baby|guy|lady|player|people", "dog|puppy", "cat|kitten", "bird", "horse",
        "cow", "sheep", "elephant", "bear", "zebra", "giraffe", "car|truck|bus|van|vehicle",
        "bicycle|bike|motorcycle", "train", "airplane|plane", "boat", "cup|mug", "glass|wine glass", "bottle",
        "can|tin", "bowl", "plate|dish|saucer", "fork", "knife", "spoon", "pot|pan", "vase", "box|carton|package",
        "book|notebook|magazine", "ball", "block|brick", "cone", "banana", "apple", "orange", "sandwich", "cake",
        "pizza", "donut", "carrot", "broccoli", "food|meal", "chair|stool|armchair", "sofa|couch", "bed", "desk",
        "cabinet|cupboard|shelf|drawer", "lamp|light", "door", "window", "mirror", "clock",
        "television|tv|screen|monitor", "laptop|computer", "keyboard", "mouse", "remote", "phone|cell phone",
        "camera", "pen|pencil|marker", "scissors", "screwdriver|hammer|wrench|tool", "tape", "cable",
        "bag|backpack|handbag|suitcase", "umbrella", "hat|cap|helmet", "shoe", "shirt|jacket|coat", "towel|cloth",
        "toy|teddy bear|doll", "plant|potted plant", "flower", "tree", "sink", "toilet", "refrigerator|fridge",
        "oven|stove", "microwave", "toothbrush", "paper|card", "sign", "skateboard|surfboard|skis", "kite",
        "racket|bat"),
    colours=("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey"),
    background_classes=("table top", "floor", "wall", "background", "shadow", "sky", PART, "blurry texture"))
"""Names of household and street scenes, for models of photographs that bring no calibration."""
