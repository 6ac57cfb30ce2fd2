"""One picture at a time: ask a method everything about it, and compare its answers with the truth."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco

from ris_ros.config import Config
from ris_ros.encoding import MaskGuidedEncoder, load_encoder
from ris_ros.errors import InputError
from ris_ros.evaluation.baselines import Method, make_method, method_config
from ris_ros.evaluation.contour import contour_accuracy
from ris_ros.evaluation.datasets.base import AnnotatedObject, Expression, Picture, Shape
from ris_ros.evaluation.folder import read_plane
from ris_ros.evaluation.mask_sources import Source, make_source
from ris_ros.evaluation.metrics import box_iou, overlap
from ris_ros.evaluation.records import Outcome
from ris_ros.types import CameraModel, Depth
from ris_ros.utils.device import resolve_device
from ris_ros.utils.masks import mask_box


@dataclass(frozen=True)
class Plan:
    """What is measured; with the data set, all that the numbers depend on.

    Attributes
    ----------
    method : one of baselines.METHODS
    config : every setting; those that make up the method are laid over it
    proposals : where masks come from, see candidates.make_source
    cache : folder that keeps a proposer's masks; None keeps none
    depth : whether depth is handed to the method, where the data set has it

    """

    method: str = "full"
    config: Config = field(default_factory=Config)
    proposals: str = ""
    cache: Path | None = None
    depth: bool = False

    def build(self, encoder: MaskGuidedEncoder | None = None) -> Examiner:
        """Load the models; a given encoder is taken as it is."""
        device = resolve_device(self.config.device)
        config = method_config(self.method, self.config)
        encoder = encoder or load_encoder(config.encoder, device)
        source = make_source(self.proposals, config.proposals, device, self.cache)
        proposer = getattr(source, "proposer", None)
        return Examiner(make_method(self.method, config, encoder, proposer), source, depth=self.depth)


@dataclass(frozen=True)
class Examined:
    """What a picture came to.

    Attributes
    ----------
    asked : how many expressions there were
    outcomes : of those that could be asked
    problems : one line for each that could not
    seconds : all in all
    method_seconds : of these, what proposals, features and answers took

    """

    asked: int
    outcomes: list[Outcome]
    problems: list[str]
    seconds: float
    method_seconds: float


class Examiner:
    """A method and the source of its masks, ready for pictures."""

    def __init__(self, method: Method, source: Source, *, depth: bool = False):
        self.method, self.source, self._depth = method, source, depth

    def __call__(self, picture: Picture) -> Examined:
        """Ask everything about a picture. What is wrong with it becomes problems; nothing is skipped in silence."""
        started = time.perf_counter()
        picture = replace(picture, things={name: AnnotatedObject(_Once(thing.shape), thing.category)
                                           for name, thing in picture.things.items()})
        try:
            image = picture.read_image()
            depth = _depth(picture) if self._depth else None
            looking = time.perf_counter()
            self.method.set_image(image, self.source(picture, image), depth=depth)
            looked = time.perf_counter() - looking
        except InputError as error:
            lost = f"picture {picture.id}: {error}; {len(picture.expressions)} expressions are left out"
            return Examined(len(picture.expressions), [], [lost], time.perf_counter() - started, 0.0)
        things, problems = _encoded_things(picture, image.shape[:2])
        outcomes, spent = [], looked
        for expression in picture.expressions:
            try:
                truth = picture.truth(expression, *image.shape[:2])
                asking = time.perf_counter()
                answer = self.method.query(expression.text)
                seconds = time.perf_counter() - asking
            except InputError as error:
                problems.append(f"picture {picture.id}, reference {expression.ref}, sentence {expression.sentence}: "
                                f"{error}; it is left out")
                continue
            spent += seconds
            outcomes.append(_outcome(picture, expression, answer.mask, float(answer.confidence), truth, things,
                                     seconds + looked / len(picture.expressions)))
        return Examined(len(picture.expressions), outcomes, problems, time.perf_counter() - started, spent)


class _Once:
    """A shape that is decoded at most once."""

    def __init__(self, shape: Shape):
        self._shape = shape
        self._mask: np.ndarray | None = None

    def mask(self, height: int, width: int) -> np.ndarray:
        if self._mask is None:
            self._mask = self._shape.mask(height, width)
        return self._mask


def _depth(picture: Picture) -> Depth | None:
    if picture.depth is None or picture.intrinsics is None:
        return None
    return Depth(read_plane(picture.depth).astype(np.float32) / 1000, CameraModel(picture.intrinsics))


def _encoded_things(picture: Picture, size: tuple[int, int]) -> tuple[list[tuple[str, Any]], list[str]]:
    """Class and run lengths of every thing that has a class, and what is wrong with the others."""
    things, problems = [], []
    for name, thing in picture.things.items():
        try:
            if thing.category:
                things.append((thing.category, _encoded(thing.shape.mask(*size))))
        except InputError as error:
            problems.append(f"picture {picture.id}: {name}: {error}; no answer can be told to be of its class")
    return things, problems


def _encoded(mask: np.ndarray) -> dict[str, Any]:
    return coco.encode(np.asfortranarray(mask, np.uint8))


def _outcome(picture: Picture, expression: Expression, answer: np.ndarray, confidence: float, truth: np.ndarray,
             things: list[tuple[str, Any]], seconds: float) -> Outcome:
    intersection, union = overlap(answer, truth)
    answered = bool(answer.any())
    runs = _encoded(answer)
    categories = {picture.things[target].category for target in expression.targets}
    return Outcome(
        image=picture.id, ref=expression.ref, sentence=expression.sentence, text=expression.text, kind=expression.kind,
        targets=len(expression.targets), answered=answered, intersection=intersection, union=union,
        area=int(truth.sum()), box_iou=box_iou(mask_box(answer), mask_box(truth)),
        category=categories.pop() if len(categories) == 1 else "", chosen=_class_of(runs, things),
        confidence=confidence, size=truth.shape, mask=runs["counts"].decode("ascii") if answered else "",
        seconds=round(seconds, 6), video=picture.video,
        contour=contour_accuracy(answer, truth) if picture.video else None)


def _class_of(runs: dict[str, Any], things: list[tuple[str, Any]]) -> str:
    """The class of the thing that an answer overlaps most, by IoU; empty when it overlaps none."""
    if not things:
        return ""
    overlaps = coco.iou([runs], [encoded for _, encoded in things], [0] * len(things))[0]
    best = int(np.argmax(overlaps))
    return things[best][0] if overlaps[best] > 0 else ""
