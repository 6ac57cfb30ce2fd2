"""How well an object is kept across the frames of simulated films whose truth is known.

A film counts as *kept* when, in every frame in which at least half of the target is seen, the answer overlaps it by an
IoU above 0.5 and more than it overlaps any other object. A target that comes into view again may be missed for GRACE
seconds. Saying that the target is lost is right only while less than half of it is seen. A film counts as *taken over*
when the answer lies on another object for TAKEN seconds without a break, or in the last frame.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from ris_ros.errors import InputError
from ris_ros.evaluation.metrics import overlap, proportion
from ris_ros.sim.render import Renderer
from ris_ros.sim.sequences import KINDS, MOVING_CAMERA, RATE, Frame, Sequence, frames, sample_sequence
from ris_ros.sim.splits import TEST_SEEDS
from ris_ros.tracking import TrackedObject, Tracker
from ris_ros.visualization import TARGET_COLOUR, outline

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter

GRACE = 2.0
TAKEN = 0.5
SCOPES = {"here": 1.0, "near": 1.6, "everywhere": 2.8}
"""How long keyframes take, by where the target is looked for, in those where it is followed (MobileSAM on a CPU)."""
SHOWN = 8
"""Frames of a film on its sheet."""


@dataclass(frozen=True)
class Outcome:
    """What became of one film.

    Attributes
    ----------
    kind, seed : the film
    distractor : "none", "other colour" or "twin"
    started : whether there was the right mask to begin with
    iou : mean IoU over the frames in which at least half of the target is seen
    wrong : of these, frames whose answer was not the target, times of grace left out
    lost : of those, frames where it was said to be lost
    taken : whether another object was followed in its place
    regained : seconds from each return of the target to its being followed again; infinite where it never was
    track, examine : seconds that tracking a frame took, the median, and examining a keyframe, the mean

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
    """The outcomes of an evaluation and what they come to."""

    start: str
    latency: float
    outcomes: list[Outcome]

    def groups(self) -> dict[str, list[Outcome]]:
        """The outcomes of films that could start, by kind, and of all with a moving camera together."""
        started = [outcome for outcome in self.outcomes if outcome.started]
        groups = {kind: [outcome for outcome in started if outcome.kind == kind] for kind in KINDS}
        groups["moving camera"] = [outcome for outcome in started if outcome.kind in MOVING_CAMERA]
        groups["all"] = started
        return {name: group for name, group in groups.items() if group}

    def to_dict(self) -> dict[str, Any]:
        """The figures and every outcome as JSON-able values; seconds that never ended are None."""
        outcomes = []
        for outcome in self.outcomes:
            values = asdict(outcome) | {"kept": outcome.kept}
            values["regained"] = [seconds if np.isfinite(seconds) else None for seconds in outcome.regained]
            outcomes.append({name: None if isinstance(value, float) and np.isnan(value) else value
                             for name, value in values.items()})
        return {"start": self.start, "latency": self.latency, "outcomes": outcomes,
                "figures": {name: _figures(group) for name, group in self.groups().items()}}

    def table(self) -> Table:
        """The figures for a terminal."""
        begun = sum(outcome.started for outcome in self.outcomes)
        table = Table(title=f"{len(self.outcomes)} films, {begun} begun from {self.start}; a keyframe takes "
                            f"{self.latency:g} s", caption="kept: percent ± standard error")
        for name in ("film", "n", "kept", "mean IoU", "taken over", "frames wrong", "said lost", "regained after"):
            table.add_column(name, justify="left" if name == "film" else "right", no_wrap=True)
        for name, group in self.groups().items():
            if name == "moving camera":
                table.add_section()
            figures = _figures(group)
            back = figures["regained"]
            table.add_row(name, str(figures["films"]), f"{100 * figures['kept']:.1f} ± {100 * figures['error']:.1f}",
                          f"{figures['iou']:.3f}", str(figures["taken"]), str(figures["wrong"]), str(figures["lost"]),
                          "" if back is None else f"{back:.1f} s")
        return table


def evaluate(segmenter: ReferringSegmenter, *, films: int = 32, start: int = 0, kinds: Iterable[str] = (),
             latency: float = 1.0, ask: bool = False, seeds: range = TEST_SEEDS,
             sheets: list[tuple[np.ndarray, str]] | None = None) -> Iterator[Outcome]:
    """Follow objects through films, one outcome after the other.

    Parameters
    ----------
    segmenter : whose proposer and encoder examine keyframes
    films, start : how many, in turn of each kind, from which seed of the split on
    kinds : which kinds; none for all
    latency : seconds of the film that pass while a keyframe is examined; 0 examines every frame
    ask : begin with the segmenter's own answer to "the COLOUR CATEGORY" rather than with the true mask
    seeds : of the films
    sheets : if given, pictures with their captions are put here

    Raises
    ------
    InputError
        When there is no such kind or no such film.

    """
    kinds = list(kinds) or list(KINDS)
    if films < 1 or start < 0 or start + -(-films // len(kinds)) > len(seeds):
        raise InputError(f"there are {len(seeds)} seeds; asked for {films} films from {start} on")
    with Renderer() as renderer:
        for number in range(films):
            sequence = sample_sequence(kinds[number % len(kinds)], seeds[start + number // len(kinds)])
            yield _follow(segmenter, sequence, renderer, latency, ask, sheets)


def _follow(segmenter: ReferringSegmenter, sequence: Sequence, renderer: Renderer, latency: float, ask: bool,
            sheets: list[tuple[np.ndarray, str]] | None) -> Outcome:
    film = frames(sequence, renderer)
    first = next(film)
    about = Outcome(sequence.kind, sequence.seed, _distractor(sequence))
    text, mask = _words(sequence), first.mask
    if ask:
        if text is None:
            return about
        mask = segmenter(first.rendering.image, text).mask
        shared, union = overlap(mask, first.mask)
        if not union or shared / union <= 0.5:
            return about
    follower = Tracker(segmenter)
    others = None if ask else _others(first, sequence.target)
    answers = [(first, follower.start(first.rendering.image, mask, others=others))]
    track: list[float] = []
    examine: list[float] = []
    finding, due = None, 0.0
    for number, frame in enumerate(film, 1):
        now, image = number / RATE, frame.rendering.image
        begun = time.perf_counter()
        answer = follower.track(image, now)
        track.append(time.perf_counter() - begun)
        if finding is not None and now >= due - 1e-6:
            follower.take(finding)
            finding = None
        if finding is None and (keyframe := follower.keyframe()) is not None:
            begun = time.perf_counter()
            finding = follower.examine(keyframe)
            examine.append(time.perf_counter() - begun)
            due = now + latency * SCOPES[keyframe.scope]
            if not latency:
                follower.take(finding)
                finding, answer = None, follower.state(answer.event)
        answers.append((frame, answer))
    if sheets is not None:
        caption = f"{sequence.kind} {sequence.seed}: {text or 'one of two alike'}"
        sheets += [(_drawn(frame, answer), f"{caption}, frame {number}") for number, (frame, answer) in
                   enumerate(answers) if number in np.linspace(0, len(answers) - 1, SHOWN).round()]
    return _judged(about, sequence, answers, float(np.median(track)),
                   float(np.mean(examine)) if examine else float("nan"))


def _judged(about: Outcome, sequence: Sequence, answers: list[tuple[Frame, TrackedObject]], track: float, examine: float
            ) -> Outcome:
    ious, regained = [], []
    wrong = lost = astray = longest = 0
    away, back = False, -np.inf  # Whether the target is hidden, and when it last came back, if it is awaited still.
    for number, (frame, answer) in enumerate(answers):
        now = number / RATE
        covered = np.bincount(frame.rendering.instances[answer.mask], minlength=len(sequence.scenes[0].objects) + 1)
        rival = int(np.delete(covered, [0, sequence.target + 1]).max(initial=0))
        astray = astray + 1 if rival > covered[sequence.target + 1] and rival > 0.3 * answer.mask.sum() else 0
        longest = max(longest, astray)
        if frame.visible < 0.5:
            away = True
            continue
        if away:
            away, back = False, now
        shared, union = overlap(answer.mask, frame.mask)
        right = shared > 0.5 * union and shared > rival
        if right and np.isfinite(back):
            regained.append(now - back)
            back = -np.inf
        if np.isfinite(back) and now - back < GRACE:
            continue
        ious.append(shared / union)
        wrong += not right
        lost += not answer.found
    if np.isfinite(back):
        regained.append(np.inf)
    taken = longest >= TAKEN * RATE or astray > 0
    return Outcome(about.kind, about.seed, about.distractor, True, float(np.mean(ious)), wrong, lost, taken,
                   tuple(regained), track, examine)


def _figures(group: list[Outcome]) -> dict[str, Any]:
    kept = proportion([outcome.kept for outcome in group])
    regained = [seconds for outcome in group for seconds in outcome.regained]
    back = float(np.median(regained)) if regained else np.inf
    return {"films": len(group), "kept": kept.value, "error": kept.error,
            "iou": float(np.mean([outcome.iou for outcome in group])),
            "taken": sum(outcome.taken for outcome in group), "wrong": sum(outcome.wrong for outcome in group),
            "lost": sum(outcome.lost for outcome in group), "regained": back if np.isfinite(back) else None}


def _distractor(sequence: Sequence) -> str:
    if sequence.distractor is None:
        return "none"
    things = sequence.scenes[0].objects
    return "twin" if things[sequence.distractor].colour == things[sequence.target].colour else "other colour"


def _words(sequence: Sequence) -> str | None:
    """Colour and category of the target, where they name it alone."""
    names = [f"the {thing.colour} {thing.category}" for thing in sequence.scenes[0].objects]
    name = names[sequence.target]
    return name if names.count(name) == 1 else None


def _others(frame: Frame, target: int) -> np.ndarray:
    instances = frame.rendering.instances
    ids = [i for i in np.unique(instances) if i not in (0, target + 1)]
    return instances == np.array(ids, int)[:, None, None]


def _drawn(frame: Frame, answer: TrackedObject) -> np.ndarray:
    """The frame with the target's true outline in white and the answer's in colour, or a grey rim when it is lost."""
    picture = outline(frame.rendering.image, frame.mask, (255, 255, 255), 1)
    if answer.found:
        return outline(picture, answer.mask, TARGET_COLOUR, 3)
    picture[:8], picture[-8:], picture[:, :8], picture[:, -8:] = (90,) * 4
    return picture
