"""Tracking accuracy on simulated image sequences with ground truth.

A target is *kept* if, in every frame in which at least half of it is visible, the answer has an IoU above 0.5 with it
and overlaps it more than any other object. After its return into view it may be missed for GRACE_SECONDS. It may be
reported lost only while less than half of it is visible. A target is *taken over* if the answer lies on another
object for TAKEOVER_SECONDS without a break, or in the last frame.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from ris_ros.errors import InputError
from ris_ros.evaluation.metrics import intersection_and_union, nan_to_none, proportion
from ris_ros.sim.render import Renderer
from ris_ros.sim.samples import TEST_SEEDS
from ris_ros.sim.sequences import CAMERA_KINDS, FRAME_RATE, KINDS, Frame, Sequence, render_frames, sample_sequence
from ris_ros.tracking import TrackedObject, Tracker
from ris_ros.tracking.verification import Verification
from ris_ros.visualization import TARGET_COLOUR, draw_outline

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter

GRACE_SECONDS = 2.0
TAKEOVER_SECONDS = 0.5

RELATIVE_LATENCY = {"here": 1.0, "near": 1.6, "everywhere": 2.8}
"""Scope of a keyframe -> time of its verification, relative to that of a tracked target (MobileSAM on a CPU)."""

TILES_PER_SEQUENCE = 8
"""Frames of each sequence on the sheet of images."""

MIN_VISIBLE = 0.5
"""Share of the target that must be visible for a frame to count."""
MIN_IOU = 0.5
"""Exclusive lower bound of the IoU of a correct answer."""
MIN_DISTRACTOR_SHARE = 0.3
"""Exclusive lower bound of the share of an answer that must lie on one other object to count as a takeover."""


@dataclass(frozen=True)
class SequenceRecord:
    """The answers in one sequence, compared with the truth.

    Attributes
    ----------
    kind, seed : identify the sequence
    distractor : "none", "other colour" or "twin"
    started : whether there was a correct mask to start from
    iou : mean IoU over the frames that count: at least half of the target is visible, and grace is over
    wrong : number of these frames with a wrong answer
    lost : number of these frames in which the target was reported lost
    taken : whether the target was taken over by another object
    regained : seconds from each return of the target until it was tracked again; infinite if it never was
    track : median seconds to track a frame
    examine : mean seconds to verify a keyframe

    """

    kind: str
    seed: int
    distractor: str
    started: bool = False
    iou: float = float("nan")
    wrong: int = 0
    lost: int = 0
    taken: bool = False
    regained: tuple[float, ...] = ()
    track: float = float("nan")
    examine: float = float("nan")

    @property
    def kept(self) -> bool:
        """Whether the target was kept throughout."""
        return self.started and not self.wrong and not self.taken


@dataclass(frozen=True)
class Report:
    """The records of an evaluation and their summary.

    Attributes
    ----------
    start : what tracking started from: "true masks" or "answers"
    latency : seconds that verifying a keyframe took, in the time of the sequences
    records : one for each sequence

    """

    start: str
    latency: float
    records: list[SequenceRecord]

    def groups(self) -> dict[str, list[SequenceRecord]]:
        """Return the records of sequences that could start, by kind, and of all with a moving camera, and of all."""
        started = [record for record in self.records if record.started]
        groups = {kind: [record for record in started if record.kind == kind] for kind in KINDS}
        groups["moving camera"] = [record for record in started if record.kind in CAMERA_KINDS]
        groups["all"] = started
        return {name: group for name, group in groups.items() if group}

    def to_dict(self) -> dict[str, Any]:
        """Return the summary and all records as JSON values; infinite times and NaN are None."""
        records = []
        for record in self.records:
            values = asdict(record) | {"kept": record.kept}
            values["regained"] = [seconds if np.isfinite(seconds) else None for seconds in record.regained]
            records.append(nan_to_none(values))
        return {"start": self.start, "latency": self.latency, "outcomes": records,
                "figures": {name: _summarize(group) for name, group in self.groups().items()}}

    def table(self) -> Table:
        """Return the summary as a table for the terminal."""
        started = sum(record.started for record in self.records)
        table = Table(title=f"{len(self.records)} sequences, {started} started from {self.start}; verifying a keyframe "
                            f"takes {self.latency:g} s", caption="kept: percent ± standard error")
        for name in ("kind", "n", "kept", "mean IoU", "taken over", "wrong frames", "lost frames", "regained after"):
            table.add_column(name, justify="left" if name == "kind" else "right", no_wrap=True)
        for name, group in self.groups().items():
            if name == "moving camera":
                table.add_section()
            summary = _summarize(group)
            regained = summary["regained"]
            table.add_row(name, str(summary["films"]), f"{100 * summary['kept']:.1f} ± {100 * summary['error']:.1f}",
                          f"{summary['iou']:.3f}", str(summary["taken"]), str(summary["wrong"]), str(summary["lost"]),
                          "" if regained is None else f"{regained:.1f} s")
        return table


def evaluate(segmenter: ReferringSegmenter, *, sequences: int = 32, start: int = 0, kinds: Iterable[str] = (),
             latency: float = 1.0, ask: bool = False, seeds: range = TEST_SEEDS,
             tiles: list[tuple[np.ndarray, str]] | None = None) -> Iterator[SequenceRecord]:
    """Track objects through simulated sequences, and yield a record for each.

    Parameters
    ----------
    segmenter : its proposer and encoder verify keyframes
    sequences : number of sequences, which cycle through the kinds
    start : number of the first seed within `seeds`
    kinds : kinds of sequences; none for all
    latency : seconds of the sequence that pass while a keyframe is verified; 0 verifies every frame
    ask : start from the segmenter's own answer to "the COLOUR CATEGORY" instead of the true mask
    seeds : seeds of the sequences
    tiles : a list to which images with captions are added; None to draw none

    Raises
    ------
    InputError
        If there is no such kind or no such sequence.

    """
    kinds = list(kinds) or list(KINDS)
    if sequences < 1 or start < 0 or start + -(-sequences // len(kinds)) > len(seeds):
        raise InputError(f"there are {len(seeds)} seeds; asked for {sequences} sequences from {start} on")
    with Renderer() as renderer:
        for number in range(sequences):
            sequence = sample_sequence(kinds[number % len(kinds)], seeds[start + number // len(kinds)])
            yield _track(segmenter, sequence, renderer, latency, ask, tiles)


def _track(segmenter: ReferringSegmenter, sequence: Sequence, renderer: Renderer, latency: float, ask: bool,
           tiles: list[tuple[np.ndarray, str]] | None) -> SequenceRecord:
    """Track the target of one sequence."""
    frames = render_frames(sequence, renderer)
    first = next(frames)
    record = SequenceRecord(sequence.kind, sequence.seed, _distractor_kind(sequence))
    text, mask = _unique_name(sequence), first.mask
    if ask:
        if text is None:
            return record
        mask = segmenter(first.rendering.image, text).mask
        intersection, union = intersection_and_union(mask, first.mask)
        if not union or intersection / union <= MIN_IOU:
            return record
    others = None if ask else _masks_of_others(first, sequence.target)
    tracking = _DelayedTracking(Tracker(segmenter), latency)
    answers = [(first, tracking.tracker.start(first.rendering.image, mask, others=others))]
    answers += [(frame, tracking.advance(frame.rendering.image, number / FRAME_RATE))
                for number, frame in enumerate(frames, 1)]
    if tiles is not None:
        caption = f"{sequence.kind} {sequence.seed}: {text or 'one of two alike'}"
        shown = np.linspace(0, len(answers) - 1, TILES_PER_SEQUENCE).round()
        tiles += [(_draw(frame, answer), f"{caption}, frame {number}")
                  for number, (frame, answer) in enumerate(answers) if number in shown]
    return replace(assess(record, sequence, answers), track=float(np.median(tracking.track_seconds)),
                   examine=float(np.mean(tracking.verify_seconds)) if tracking.verify_seconds else float("nan"))


class _DelayedTracking:
    """A tracker with simulated latency: the result of a verification arrives some frames later, as with a camera.

    Attributes
    ----------
    tracker : the tracker, to be started
    track_seconds, verify_seconds : what each frame and each verification took

    """

    def __init__(self, tracker: Tracker, latency: float):
        self.tracker = tracker
        self.track_seconds: list[float] = []
        self.verify_seconds: list[float] = []
        self._latency = latency
        self._pending: Verification | None = None
        self._due = 0.0

    def advance(self, image: np.ndarray, now: float) -> TrackedObject:
        """Track the target into the next frame, taken `now` seconds after the first."""
        started = time.perf_counter()
        answer = self.tracker.track(image, now)
        self.track_seconds.append(time.perf_counter() - started)
        if self._pending is not None and now >= self._due - 1e-6:
            self.tracker.apply(self._pending)
            self._pending = None
        if self._pending is None and (keyframe := self.tracker.next_keyframe()) is not None:
            started = time.perf_counter()
            verification = self.tracker.verify(keyframe)
            self.verify_seconds.append(time.perf_counter() - started)
            if not self._latency:
                self.tracker.apply(verification)
                return self.tracker.state(answer.event)
            self._pending, self._due = verification, now + self._latency * RELATIVE_LATENCY[keyframe.scope]
        return answer


def assess(record: SequenceRecord, sequence: Sequence, answers: list[tuple[Frame, TrackedObject]]) -> SequenceRecord:
    """Return the record with the scores of the answers in all frames, without times."""
    ious, regained = [], []
    wrong = lost = frames_on_other = max_frames_on_other = 0
    is_away, returned = False, -np.inf  # whether the target is occluded; time of its return, until it is tracked again
    for number, (frame, answer) in enumerate(answers):
        now = number / FRAME_RATE
        pixels = np.bincount(frame.rendering.instances[answer.mask], minlength=len(sequence.scenes[0].objects) + 1)
        on_target = pixels[sequence.target + 1]
        on_other = int(np.delete(pixels, [0, sequence.target + 1]).max(initial=0))
        is_on_other = on_other > on_target and on_other > MIN_DISTRACTOR_SHARE * answer.mask.sum()
        frames_on_other = frames_on_other + 1 if is_on_other else 0
        max_frames_on_other = max(max_frames_on_other, frames_on_other)
        if frame.visible < MIN_VISIBLE:
            is_away = True
            continue
        if is_away:
            is_away, returned = False, now
        intersection, union = intersection_and_union(answer.mask, frame.mask)
        is_correct = intersection > MIN_IOU * union and intersection > on_other
        if is_correct and np.isfinite(returned):
            regained.append(now - returned)
            returned = -np.inf
        if np.isfinite(returned) and now - returned < GRACE_SECONDS:
            continue
        ious.append(intersection / union)
        wrong += not is_correct
        lost += not answer.found
    if np.isfinite(returned):
        regained.append(np.inf)
    taken = max_frames_on_other >= TAKEOVER_SECONDS * FRAME_RATE or frames_on_other > 0
    return replace(record, started=True, iou=float(np.mean(ious)), wrong=wrong, lost=lost, taken=taken,
                   regained=tuple(regained))


def _summarize(group: list[SequenceRecord]) -> dict[str, Any]:
    kept = proportion([record.kept for record in group])
    regained = [seconds for record in group for seconds in record.regained]
    median = float(np.median(regained)) if regained else np.inf
    return {"films": len(group), "kept": kept.value, "error": kept.error,
            "iou": float(np.mean([record.iou for record in group])),
            "taken": sum(record.taken for record in group), "wrong": sum(record.wrong for record in group),
            "lost": sum(record.lost for record in group), "regained": median if np.isfinite(median) else None}


def _distractor_kind(sequence: Sequence) -> str:
    if sequence.distractor is None:
        return "none"
    objects = sequence.scenes[0].objects
    return "twin" if objects[sequence.distractor].colour == objects[sequence.target].colour else "other colour"


def _unique_name(sequence: Sequence) -> str | None:
    """Return colour and category of the target, or None if they also name another object."""
    names = [f"the {item.colour} {item.category}" for item in sequence.scenes[0].objects]
    name = names[sequence.target]
    return name if names.count(name) == 1 else None


def _masks_of_others(frame: Frame, target: int) -> np.ndarray:
    """Return the masks, bool [N, H, W], of the visible objects that are not the target."""
    instances = frame.rendering.instances
    ids = [i for i in np.unique(instances) if i not in (0, target + 1)]
    masks: np.ndarray = instances == np.array(ids, int)[:, None, None]
    return masks


def _draw(frame: Frame, answer: TrackedObject) -> np.ndarray:
    """Return the frame with the target's true outline in white and the answer's in colour, or a grey border if lost."""
    image = draw_outline(frame.rendering.image, frame.mask, (255, 255, 255), 1)
    if answer.found:
        return draw_outline(image, answer.mask, TARGET_COLOUR, 3)
    image[:8], image[-8:], image[:, :8], image[:, -8:] = (90,) * 4
    return image
