"""The phrases that a description is contrasted with, and the temperatures that turn logits into probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.errors import InputError, one_line
from ris_ros.grounding.feature_statistics import FeatureStatistics
from ris_ros.grounding.vocabulary import Vocabulary
from ris_ros.utils.files import read_json

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
    nouns : kinds of objects; names of the same kind stand in one string, separated by "|"; none for those of the
        vocabulary
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
    typical_logit : of the phrases that fit objects best, in the images that it was fitted to: see
        `AppearanceScorer.best_logit`; 0 if unknown
    vocabulary : the relations of names; with no `nouns`, also the names. With some, its user's names are added to them

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
    typical_logit: float = 0.0
    vocabulary: Vocabulary = field(default_factory=Vocabulary.load, compare=False, repr=False)

    @property
    def is_calibrated(self) -> bool:
        """Return whether the confidence was fitted to images of the user's, or by the model's makers."""
        return self.calibrated_by in (LABELS, FRAMES)

    def without_statistics(self) -> PromptBank:
        """Return the same phrases without a calibration from frames, for features of another kind than its own."""
        return self if self.statistics is None else PromptBank(self.nouns, self.colours, self.background_classes,
                                                               vocabulary=self.vocabulary)

    def threshold(self, max_false_absence: float) -> float:
        """Return the confidence that this share of the present objects, 0..1, is below; negative: the bank's own."""
        if max_false_absence < 0 or not self.false_absences:
            return self.min_confidence
        thresholds, shares = np.transpose(self.false_absences)
        return float(np.interp(max_false_absence, shares, thresholds))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The K names that a description is contrasted with: one of each kind of object."""
        if not self.nouns:
            return self.vocabulary.names
        own = tuple(group.split("|")[0] for group in self.nouns)
        return own + tuple(name for name in self.vocabulary.own_names if name not in self._groups)

    def has_name(self, head: str) -> bool:
        """Return whether a head is one of the bank's own nouns."""
        return head in self._groups

    def rivals(self, head: str) -> np.ndarray:
        """Return which names are not a head, a synonym, a kind or a broader name of it, bool [K].

        Names in different groups of `nouns` are told apart, whatever their relation.
        """
        if not self.nouns:
            return self.vocabulary.unrelated(head)
        group = self._groups.get(head)
        return np.array([self._groups[name] != group if group is not None and name in self._groups
                         else not self.vocabulary.are_related(head, name) for name in self.names], bool)

    @cached_property
    def _groups(self) -> dict[str, int]:
        return {name: i for i, group in enumerate(self.nouns) for name in group.split("|")}

    @classmethod
    def load(cls, file: str, own: dict[str, Any] | None, names: str = "") -> PromptBank:
        """Load the bank that `ris calibrate` wrote.

        Parameters
        ----------
        file : path of a calibration; empty for the model's own
        own : calibration stored with the model; None for PHOTOGRAPHS
        names : path of the user's names, see `vocabulary`; empty for none

        Raises
        ------
        InputError
            When the file cannot be read or holds something else.

        """
        try:
            values = read_json(Path(file)) if file else own
            bank = PHOTOGRAPHS if values is None else cls.from_dict({"calibrated_by": LABELS, **values})
        except (ValueError, TypeError, AttributeError, KeyError, ArithmeticError) as error:
            raise InputError(f"matching.calibration {file or 'of the model'} is not what `ris calibrate` writes: "
                             f"{one_line(error)}") from error
        return replace(bank, vocabulary=Vocabulary.load(names)) if names else bank

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PromptBank:
        """Make a bank of the values of a calibration file; raises any error if they are something else."""
        given: dict[str, Any] = {_FIELDS.get(name, name): tuple(value) if isinstance(value, list) else value
                                 for name, value in values.items()}
        given["false_absences"] = tuple((float(at), float(share)) for at, share in given.get("false_absences", ()))
        if isinstance(given.get("statistics"), dict):
            given["statistics"] = FeatureStatistics.from_dict(given["statistics"])
        bank = cls(**given)
        for one in fields(bank):
            value = getattr(bank, one.name)
            if one.type == "tuple[str, ...]" and not (isinstance(value, tuple) and all(
                    isinstance(text, str) for text in value)):
                raise ValueError(f"{one.name} must be a list of texts")
            if one.type == "float" and (isinstance(value, bool | str) or not math.isfinite(value)):
                raise ValueError(f"{one.name} must be a finite number")
            if one.type == "str" and not isinstance(value, str):
                raise ValueError(f"{one.name} must be a text")
        if not np.isfinite(np.array(bank.false_absences, float)).all():
            raise ValueError("false_absences must be finite numbers")
        if not isinstance(bank.statistics, FeatureStatistics | None):
            raise ValueError("statistics must be those of `ris calibrate`")
        return bank

    def to_dict(self) -> dict[str, Any]:
        """Return the values of a calibration file, ready for JSON; without those that it does not use."""
        keys = {field: key for key, field in _FIELDS.items()}
        values: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name == "vocabulary" or (one.name in _OPTIONAL and value == one.default):
                continue
            values[keys.get(one.name, one.name)] = (
                value.to_dict() if isinstance(value, FeatureStatistics) else
                list(value) if isinstance(value, tuple) else value)
        return values


_FIELDS = {"nothings": "background_classes"}
"""Keys of calibration files that are named otherwise than the fields."""
_OPTIONAL = frozenset({"name_slope", "name_bias", "colour_slope", "colour_bias", "statistics", "calibrated_by",
                       "fingerprint", "visual_weight", "false_absences", "typical_logit"})
"""Fields that only some calibrations use."""

PHOTOGRAPHS = PromptBank(
    nouns=(),
    colours=("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey"),
    background_classes=("table top", "floor", "wall", "background", "shadow", "sky", PART, "blurry texture"))
"""The everyday names of the vocabulary, for models of photographs that bring no calibration."""
