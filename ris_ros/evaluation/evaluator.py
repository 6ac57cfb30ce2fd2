"""Evaluation of one picture: a method answers all expressions about it, and the answers are compared with the truth."""

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
from ris_ros.evaluation.baselines import Method, Prediction, make_method, method_config
from ris_ros.evaluation.datasets.base import AnnotatedObject, Expression, Picture, StoredMask
from ris_ros.evaluation.datasets.storage import read_depth
from ris_ros.evaluation.mask_sources import MaskSource, make_mask_source
from ris_ros.evaluation.metrics import contour_accuracy, intersection_and_union
from ris_ros.evaluation.records import Record
from ris_ros.proposals import make_proposer
from ris_ros.types import CameraModel, Depth
from ris_ros.utils.device import resolve_device
from ris_ros.utils.masks import box_iou, mask_box


@dataclass(frozen=True)
class Plan:
    """The configuration of an evaluation: together with the data set, everything that the results depend on.

    Attributes
    ----------
    method : one of baselines.METHODS
    config : all settings; those that define the method override it
    proposals : where masks come from, see mask_sources.make_mask_source
    cache : folder that keeps a proposer's masks; None keeps none
    depth : whether the method gets depth, if the data set has it

    """

    method: str = "full"
    config: Config = field(default_factory=Config)
    proposals: str = ""
    cache: Path | None = None
    depth: bool = False

    def build(self, encoder: MaskGuidedEncoder | None = None) -> Evaluator:
        """Load the models and return an evaluator; a given encoder is used instead of the configured one."""
        device = resolve_device(self.config.device)
        config = method_config(self.method, self.config)
        proposer = None if self.proposals else make_proposer(config.proposals, device, offline=config.offline)
        encoder = encoder or load_encoder(config.encoder, device, offline=config.offline)
        source = make_mask_source(self.proposals, proposer, self.cache)
        return Evaluator(make_method(self.method, config, encoder, proposer), source, depth=self.depth)


@dataclass(frozen=True)
class PictureEvaluation:
    """The result for one picture.

    Attributes
    ----------
    asked : number of expressions about it
    records : one for each expression that could be answered
    problems : one line for each that could not
    seconds : time taken in all
    method_seconds : the part of it that the method took, for proposals, features and answers

    """

    asked: int
    records: list[Record]
    problems: list[str]
    seconds: float
    method_seconds: float


class Evaluator:
    """Evaluates a method, with a source of masks, on pictures."""

    def __init__(self, method: Method, source: MaskSource, *, depth: bool = False):
        self.method, self.source, self._depth = method, source, depth

    def __call__(self, picture: Picture) -> PictureEvaluation:
        """Evaluate all expressions about a picture; errors are listed as problems."""
        started = time.perf_counter()
        picture = replace(picture, objects={name: AnnotatedObject(_DecodedOnce(annotated.mask), annotated.category)
                                            for name, annotated in picture.objects.items()})
        try:
            image = picture.read_image()
            depth = _read_depth(picture) if self._depth else None
            encoding_started = time.perf_counter()
            self.method.set_image(image, self.source(picture, image), depth=depth)
            encoding_seconds = time.perf_counter() - encoding_started
        except InputError as error:
            problem = f"picture {picture.id}: {error}; {len(picture.expressions)} expressions are left out"
            return PictureEvaluation(len(picture.expressions), [], [problem], time.perf_counter() - started, 0.0)
        classified, problems = _classified_objects(picture, image.shape[:2])
        records, method_seconds = [], encoding_seconds
        for expression in picture.expressions:
            try:
                truth = picture.target_mask(expression, *image.shape[:2])
                query_started = time.perf_counter()
                answer = self.method.query(expression.text)
                query_seconds = time.perf_counter() - query_started
            except InputError as error:
                problems.append(f"picture {picture.id}, reference {expression.ref}, sentence {expression.sentence}: "
                                f"{error}; it is left out")
                continue
            method_seconds += query_seconds
            records.append(_record(picture, expression, answer, truth, classified,
                                   query_seconds + encoding_seconds / len(picture.expressions)))
        return PictureEvaluation(len(picture.expressions), records, problems, time.perf_counter() - started,
                                 method_seconds)


class _DecodedOnce:
    """A stored mask that is decoded at most once."""

    def __init__(self, stored: StoredMask):
        self._stored = stored
        self._mask: np.ndarray | None = None

    def decode(self, height: int, width: int) -> np.ndarray:
        if self._mask is None:
            self._mask = self._stored.decode(height, width)
        return self._mask


def _read_depth(picture: Picture) -> Depth | None:
    if picture.depth is None or picture.intrinsics is None:
        return None
    return Depth(read_depth(picture.depth), CameraModel(picture.intrinsics))


def _classified_objects(picture: Picture, size: tuple[int, int]) -> tuple[list[tuple[str, Any]], list[str]]:
    """Return class and run lengths of the objects that have a class, and a line for each whose mask is damaged."""
    classified, problems = [], []
    for name, annotated in picture.objects.items():
        try:
            if annotated.category:
                classified.append((annotated.category, _run_lengths(annotated.mask.decode(*size))))
        except InputError as error:
            problems.append(f"picture {picture.id}: {name}: {error}; the class of answers that overlap it is unknown")
    return classified, problems


def _run_lengths(mask: np.ndarray) -> dict[str, Any]:
    run_lengths: dict[str, Any] = coco.encode(np.asfortranarray(mask, np.uint8))
    return run_lengths


def _record(picture: Picture, expression: Expression, answer: Prediction, truth: np.ndarray,
            classified: list[tuple[str, Any]], seconds: float) -> Record:
    intersection, union = intersection_and_union(answer.mask, truth)
    is_answered = bool(answer.mask.any())
    run_lengths = _run_lengths(answer.mask)
    categories = {picture.objects[target].category for target in expression.targets}
    return Record(
        image=picture.id, ref=expression.ref, sentence=expression.sentence, text=expression.text, kind=expression.kind,
        targets=len(expression.targets), answered=is_answered, intersection=intersection, union=union,
        area=int(truth.sum()), box_iou=box_iou(mask_box(answer.mask), mask_box(truth)),
        category=categories.pop() if len(categories) == 1 else "",
        chosen=_class_of_best_overlap(run_lengths, classified),
        confidence=float(answer.confidence), size=(truth.shape[0], truth.shape[1]),
        mask=run_lengths["counts"].decode("ascii") if is_answered else "",
        seconds=round(seconds, 6), video=picture.video,
        contour=contour_accuracy(answer.mask, truth) if picture.video else None)


def _class_of_best_overlap(run_lengths: dict[str, Any], classified: list[tuple[str, Any]]) -> str:
    """Return the class of the object that an answer overlaps with the highest IoU; empty if it overlaps none."""
    if not classified:
        return ""
    overlaps = coco.iou([run_lengths], [encoded for _, encoded in classified], [0] * len(classified))[0]
    best = int(np.argmax(overlaps))
    return classified[best][0] if overlaps[best] > 0 else ""
