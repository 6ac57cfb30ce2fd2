"""What a vision-language model says of proposals, as chances: each phrase against phrases that mean something else.

A cosine between image and text says little by itself; the lead over what else could be said does. "Red cup" is held, as
a name, against other names ("plate", "book") and against what is no object ("table top"), and, as a colour, against
"blue cup" and "white cup". A model's own bank of such words and its temperatures (Guo et al., arXiv 1706.04599), fitted
by `ris calibrate`, are kept beside its weights.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ris_ros.errors import InputError
from ris_ros.grounding.grounder import AppearanceScores
from ris_ros.grounding.layout import Layout
from ris_ros.grounding.wholes import several_in, whole_of
from ris_ros.types import Description

# Among what is no object, what is so because of others, see `wholes`.
PART, SEVERAL = "part of an object", "several objects"
# Heads that name no kind of thing.
ANYTHING = frozenset({"", "object", "thing", "one", "item", "stuff", "anything", "something"})


@dataclass(frozen=True)
class PromptBank:
    """Words that a phrase is held against.

    Attributes
    ----------
    nouns : kinds of things; names for the same thing stand in one string, parted by "|"
    colours : words for colours
    background_classes : what a mask can show that is no object, or not one
    name_temperature, colour_temperature : what logits are divided by before they become chances
    min_confidence : what fits less is taken not to be there

    """

    nouns: tuple[str, ...]
    colours: tuple[str, ...]
    background_classes: tuple[str, ...]
    name_temperature: float = 1.0
    colour_temperature: float = 1.0
    min_confidence: float = 0.1

    @property
    def names(self) -> tuple[str, ...]:
        """One name of each kind of thing."""
        return tuple(group.split("|")[0] for group in self.nouns)

    @classmethod
    def load(cls, file: str, own: dict[str, Any] | None) -> PromptBank:
        """The bank of a file of `ris calibrate`; without one a model's `own`, or the one for models of photographs.

        Raises
        ------
        InputError
            When the file cannot be read or holds something else.

        """
        try:
            values = json.loads(Path(file).read_text()) if file else own
            return PHOTOGRAPHS if values is None else cls(**{
                name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise InputError(f"matching.calibration {file or 'of the model'} is not what `ris calibrate` writes: "
                             f"{error}") from error


class AppearanceScorer:
    """Judges the visual features of one image's proposals, float32 [N, D].

    Where their layout is given, none fits less for being a part without a whole, or several without each, see `wholes`.
    """

    def __init__(self, features: Tensor, encode_text: Callable[[list[str]], Tensor], logit_scale: float, bank: PromptBank,
                 layout: Layout | None = None):
        self._features = F.normalize(features, dim=1)
        self._encode_text = encode_text
        self._scale = logit_scale
        self._bank = bank
        self._layout = layout

    def looks(self) -> AppearanceScores:
        """The judge as grounding knows it."""
        return AppearanceScores(self.fits, self.names, self.colours)

    def probability(self, description: Description) -> np.ndarray:
        """The chance, float64 [N] in 0..1, that each proposal shows what a description calls it."""
        bank = self._bank
        fits = np.ones(len(self._features))
        for kind, (logits, meant) in self.contrastive_logits(description).items():
            background_classes = self._log_priors if kind == "name" else None
            fits = fits * probability(logits, meant, getattr(bank, f"{kind}_temperature"), background_classes)
        if self._says_more(description) and len(fits):
            # What else is said of it cannot be held against anything: it only chooses among those that fit so far.
            logit = self._logits([description.appearance])[:, 0]
            fits = fits * np.exp(np.minimum(logit - logit[fits >= 0.5 * fits.max()].max(), 0))
        return fits

    def contrastive_logits(self, description: Description) -> dict[str, tuple[np.ndarray, int]]:
        """By kind, "name" and, where one is said, "colour": logits float64 [N, K] of phrases, and how many are meant.

        The phrases that are meant come first, those that would mean something else after them.
        """
        bank = self._bank
        if description.head in ANYTHING:
            name, meant, others = "object", bank.names, ()
        else:
            name, meant = description.head, (description.head,)
            others = tuple(noun for noun, group in zip(bank.names, bank.nouns, strict=True)
                           if name not in group.split("|"))
        found = {"name": (self._logits([*meant, *others, *bank.background_classes]), len(meant))}
        if colour := self._colour(description):
            others = [f"{other} {name}" for other in bank.colours if other != colour]
            found["colour"] = (self._logits([f"{colour} {name}", *others]), 1)
        return found

    def names(self) -> np.ndarray:
        """The chances of the bank's nouns and background_classes, float64 [N, K], for each proposal by itself."""
        return _shares(self._name_logits, self._bank.name_temperature)

    def colours(self) -> np.ndarray:
        """The chances of the bank's colours, float64 [N, C]."""
        logits = self._logits([f"{colour} object" for colour in self._bank.colours])
        return _shares(logits, self._bank.colour_temperature)

    @cached_property
    def _name_logits(self) -> np.ndarray:
        return self._logits([*self._bank.names, *self._bank.background_classes])

    @cached_property
    def _log_priors(self) -> np.ndarray:
        """Logarithms, float64 [N, background_classes], of how possible it is for each proposal to show each nothing."""
        bank = self._bank
        possible = np.ones((len(self._features), len(bank.background_classes)))
        if self._layout is not None:
            objects = probability(self._name_logits, len(bank.names), bank.name_temperature)
            for name, because in ((PART, whole_of), (SEVERAL, several_in)):
                if name in bank.background_classes:
                    possible[:, bank.background_classes.index(name)] = because(self._layout, objects)
        return np.log(possible)

    def _colour(self, description: Description) -> str:
        words = " ".join(description.attributes).split()
        return next((word for word in words if word in self._bank.colours), "")

    def _says_more(self, description: Description) -> bool:
        name = "" if description.head in ANYTHING else description.head
        return bool(set(description.appearance.split()) - {name, self._colour(description), *ANYTHING})

    def _logits(self, texts: list[str]) -> np.ndarray:
        encoded = F.normalize(self._encode_text([f"the {text}" for text in texts]), dim=1)
        return (self._scale * self._features @ encoded.T).double().cpu().numpy()


def probability(logits: np.ndarray, meant: int, temperature: float, log_priors: np.ndarray | None = None) -> np.ndarray:
    """The chance, float64 [N], of the first `meant` phrases against the rest, for logits float64 [N, K].

    `log_priors`, float64 [N, M], are logarithms of what the last M phrases are to be weighed with.
    """
    return _shares(logits, temperature, log_priors)[:, :meant].sum(1)


def _shares(logits: np.ndarray, temperature: float, log_priors: np.ndarray | None = None) -> np.ndarray:
    logits = logits / temperature
    if log_priors is not None:
        logits[:, logits.shape[1] - log_priors.shape[1]:] += log_priors
    return torch.from_numpy(logits).softmax(1).numpy()


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
    background_classes=("table top", "floor", "wall", "background", "shadow", "sky", "part of an object", "blurry texture"))
