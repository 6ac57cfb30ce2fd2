"""Short films of the tabletop whose truth is known: the camera moves, things are pushed, carried past and hidden.

Each film is one of KINDS and plays at RATE frames a second. The same kind and seed always give the same film.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from ris_ros.errors import InputError
from ris_ros.sim.poses import TABLE_HALF, project, rotation, world_vertices
from ris_ros.sim.render import Renderer
from ris_ros.sim.scene import Camera, Rendering, Scene, SceneObject
from ris_ros.sim.tabletop import footprint, sample_scene

RATE = 15.0
"""Frames a second."""

SMALLEST = 900
"""Pixels of 640 x 480 that the target of a film shows at least in its first frame."""

_GAP = 0.012  # metres between the footprints of what moves and what stands


@dataclass(frozen=True)
class Sequence:
    """A film of one target.

    Attributes
    ----------
    kind : one of KINDS
    seed : of the scene and of the motion
    scenes : one for each frame; object i is the same thing in all of them
    target : index of the object to follow
    distractor : index of the like object that moves; None for none

    """

    kind: str
    seed: int
    scenes: tuple[Scene, ...]
    target: int
    distractor: int | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a film.

    Attributes
    ----------
    rendering : picture and truth
    mask : bool [H, W], what is seen of the target
    visible : 0..1, the share of the target that is neither hidden nor outside the picture

    """

    rendering: Rendering
    mask: np.ndarray
    visible: float


def sample_sequence(kind: str, seed: int, frames: int | None = None) -> Sequence:
    """The film of a kind and a seed, of 40 frames, or where the target is out of sight 75, or as many as asked for.

    Raises
    ------
    InputError
        When there is no such kind, or no scene near this seed has room for what should happen.

    """
    if kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    rng = np.random.default_rng((seed, list(KINDS).index(kind), 4711))
    for attempt in range(40):
        # Later attempts take scenes of their own; a film's seed names it, and no two films share a scene.
        scene = sample_scene(seed + 1_000_000 * attempt)
        sequence = KINDS[kind](scene, rng, frames or (75 if kind in HIDING else 40))
        if sequence is not None:
            scenes, target, distractor = sequence
            return Sequence(kind, seed, tuple(scenes), target, distractor)
    raise InputError(f"no scene near seed {seed} has room for {kind}")


def frames(sequence: Sequence, renderer: Renderer) -> Iterator[Frame]:
    """Render a film, frame by frame."""
    whole = 0.0
    for scene in sequence.scenes:
        rendering = renderer.render(scene)
        mask = rendering.mask(sequence.target)
        outline = cv2.convexHull(project(scene, world_vertices(scene, sequence.target)).astype(np.float32))
        share = float(mask.sum()) / max(cv2.contourArea(outline), 1.0)
        # A convex outline is larger than most shapes; how much larger is taken from the film's best view so far.
        whole = max(whole, share)
        yield Frame(rendering, mask, share / whole if whole else 0.0)


# --- kinds of films ---------------------------------------------------------------------------------------------------

_Film = tuple[list[Scene], int, int | None]


def _swing(scene: Scene, rng: np.random.Generator, count: int) -> _Film | None:
    """The camera goes round the table, as `ris_camera` does when it moves."""
    target = _target(scene, rng)
    reach, phase = math.radians(rng.uniform(14, 26)) * rng.choice((-1, 1)), rng.uniform(0, 0.3)
    angles = [reach * (math.sin(2 * math.pi * (0.5 * t + phase)) - math.sin(2 * math.pi * phase)) for t in _time(count)]
    return _filmed(scene, [_turned(scene.camera, angle) for angle in angles], target)


def _dolly(scene: Scene, rng: np.random.Generator, count: int) -> _Film | None:
    """The camera comes closer, or draws back, and sinks or rises a little."""
    target = _target(scene, rng)
    middle = np.array(scene.objects[target].position)
    start, look = np.array(scene.camera.position), np.array(scene.camera.target)
    share, rise = rng.uniform(0.2, 0.35) * rng.choice((-1, 1)), rng.uniform(-0.06, 0.06)
    return _filmed(scene, [dataclasses.replace(
        scene.camera, position=tuple(start + share * _ease(t) * (middle - start) + (0, 0, rise * _ease(t))),
        target=tuple(look + 0.6 * abs(share) * _ease(t) * (middle - look))) for t in _time(count)], target)


def _pan(scene: Scene, rng: np.random.Generator, count: int) -> _Film | None:
    """The camera slides sideways and looks about, so that everything crosses the picture."""
    target = _target(scene, rng)
    slide, turn = rng.uniform(-0.16, 0.16), rng.uniform(0.08, 0.16) * rng.choice((-1, 1))
    lift = rng.uniform(-0.05, 0.05)
    return _filmed(scene, [_moved(scene.camera, (slide * _wave(t), 0, 0), (turn * _wave(t), lift * _wave(t), 0))
                           for t in _time(count)], target)


def _shake(scene: Scene, rng: np.random.Generator, count: int) -> _Film | None:
    """The camera is held by a hand or stands on a driving base: slow sway and quick jolts."""
    target = _target(scene, rng)
    sway = rng.uniform(-0.06, 0.06, 3) * (1, 0.6, 0.5)
    jolts = np.stack([np.convolve(rng.normal(size=count + 4), np.ones(3) / 3, "same")[2:-2] for _ in range(3)], axis=1)
    jolts = (jolts - jolts[0]) * (0.012, 0.012, 0.006)
    return _filmed(scene, [_moved(scene.camera, sway * _wave(t), jolt) for t, jolt in
                           zip(_time(count), jolts, strict=True)], target)


def _pushed(scene: Scene, rng: np.random.Generator, count: int) -> _Film | None:
    """The target slides over the table, turns, and may come back, while the camera swings a little."""
    target = _target(scene, rng, free=True)
    if target is None:
        return None
    start = np.array(scene.objects[target].position)
    for _ in range(12):
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.12, 0.24)
        step = length * np.array([np.cos(angle), 0.8 * np.sin(angle), 0])
        turn = rng.uniform(-0.8, 0.8)
        if _free_path(scene, target, start, start + step):
            break
    else:
        return None
    shape = _ease if rng.random() < 0.5 else _there_and_back
    reach = math.radians(rng.uniform(-6, 6))
    scenes = []
    for t in _time(count):
        thing = scene.objects[target]
        thing = dataclasses.replace(thing, position=tuple(start + shape(t) * step), yaw=thing.yaw + turn * shape(t))
        scenes.append(dataclasses.replace(_with(scene, target, thing), camera=_turned(scene.camera, reach * _wave(t))))
    return scenes, target, None


def _passing(scene: Scene, rng: np.random.Generator, count: int) -> _Film | None:
    """A like object is carried past, between camera and target, and hides it for a while; the camera sways."""
    return _carried(scene, rng, count, near=True)


def _beside(scene: Scene, rng: np.random.Generator, count: int) -> _Film | None:
    """A like object comes close to the target, stays beside it for a moment and goes on; the camera sways."""
    return _carried(scene, rng, count, near=False)


def _carried(scene: Scene, rng: np.random.Generator, count: int, *, near: bool) -> _Film | None:
    target = _target(scene, rng, free=True)
    if target is None:
        return None
    model = scene.objects[target]
    # One distractor in three is of the target's colour too, the others differ in that.
    colours = [thing.colour for thing in scene.objects if thing.colour != model.colour]
    colour = model.colour if rng.integers(3) == 0 else str(rng.choice(colours or ["white"]))
    eye = np.array(scene.camera.position)
    towards = (eye - model.position) * (1, 1, 0)
    towards /= np.linalg.norm(towards)
    across = np.array([-towards[1], towards[0], 0]) * rng.choice((-1, 1))
    radius = _radius(scene, target)
    if near:
        # On the line of sight, or somewhat below it so that a part of the target stays in view.
        along = (2 * radius + rng.uniform(0.02, 0.05)) / np.linalg.norm((eye - model.position)[:2])
        middle = np.array(model.position) + along * (eye - model.position) * (1, 1, rng.uniform(0.5, 1.0))
        ends = middle - 0.34 * across, middle + 0.34 * across
    else:
        middle = np.array(model.position) + across * (2 * radius + rng.uniform(0.015, 0.03)) * -1
        ends = middle - 0.22 * across - 0.04 * towards, middle + 0.10 * towards - 0.16 * across
    other = SceneObject(model.category, colour, tuple(ends[0]), yaw=float(rng.uniform(-np.pi, np.pi)),
                        scale=model.scale * float(rng.uniform(0.95, 1.12)), lying=model.lying,
                        tint=tuple(rng.uniform(-1, 1, 3).tolist()))
    cleared = _cleared(scene, target, other, [*ends, middle])
    if cleared is None:
        return None
    scene, target = cleared
    sway = rng.uniform(-0.05, 0.05, 3) * (1, 0.5, 0.3)
    scenes = []
    for t in _time(count):
        if near:
            place = ends[0] + min(t / 0.6, 1.0) * (ends[1] - ends[0])
        else:
            a = _ease(min(t / 0.4, 1.0))
            b = _ease(min(max((t - 0.6) / 0.4, 0.0), 1.0))
            place = ends[0] + a * (middle - ends[0]) + b * (ends[1] - middle)
        moved = dataclasses.replace(other, position=tuple(place.tolist()))
        scenes.append(dataclasses.replace(scene, objects=(*scene.objects, moved),
                                          camera=_moved(scene.camera, sway * _wave(t), (0, 0, 0))))
    return scenes, target, len(scene.objects)


def _leaving(scene: Scene, rng: np.random.Generator, count: int) -> _Film | None:
    """The camera looks away until the target has left the picture, waits, and looks back."""
    target = _target(scene, rng)
    x = scene.objects[target].position[0]
    side = -1 if x > 0 else 1  # The shorter way out.
    turn = 0.62 + abs(x) * -0.4 + rng.uniform(0.0, 0.12)
    slide = rng.uniform(-0.05, 0.05)

    def away(t: float) -> float:
        return _ease(min(t / 0.25, 1.0)) - _ease(min(max((t - 0.35) / 0.25, 0.0), 1.0))
    return _filmed(scene, [_moved(scene.camera, (slide * away(t), 0, 0), (side * turn * away(t), 0, 0))
                           for t in _time(count)], target, stays=False)


KINDS: dict[str, Callable[[Scene, np.random.Generator, int], _Film | None]] = {
    "swing": _swing, "dolly": _dolly, "pan": _pan, "shake": _shake,
    "pushed": _pushed, "beside": _beside, "passing": _passing, "leaving": _leaving,
}
"""What happens in a film. In the first four the camera alone moves, and the target stays in the picture; in the last
two of all it is out of sight for a while."""
MOVING_CAMERA = ("swing", "dolly", "pan", "shake")
HIDING = ("passing", "leaving")


# --- what they share --------------------------------------------------------------------------------------------------

def _time(count: int) -> np.ndarray:
    return np.linspace(0, 1, count)


def _ease(t: float) -> float:
    """0 to 1 with a gentle start and end."""
    return float(t * t * (3 - 2 * t))


def _wave(t: float) -> float:
    """Out to one side, through the middle, to the other side and back to the middle."""
    return math.sin(2 * math.pi * t)


def _there_and_back(t: float) -> float:
    return _ease(2 * t if t < 0.5 else 2 - 2 * t)


def _turned(camera: Camera, angle: float) -> Camera:
    """The camera carried round the vertical through its target, by `angle` radians."""
    position = rotation("z", angle) @ np.subtract(camera.position, camera.target) + camera.target
    return dataclasses.replace(camera, position=tuple(position.tolist()))


def _moved(camera: Camera, position: tuple | np.ndarray, target: tuple | np.ndarray) -> Camera:
    """The camera shifted, metres; `target` shifts what it looks at in addition."""
    return dataclasses.replace(camera, position=tuple(np.add(camera.position, position).tolist()),
                               target=tuple((np.add(camera.target, position) + target).tolist()))


def _filmed(scene: Scene, cameras: list[Camera], target: int | None, *, stays: bool = True) -> _Film | None:
    if target is None:
        return None
    scenes = [dataclasses.replace(scene, camera=camera) for camera in cameras]
    if stays and not all(_in_picture(scene, target) for scene in scenes):
        return None
    return scenes, target, None


def _in_picture(scene: Scene, index: int) -> bool:
    pixels = project(scene, world_vertices(scene, index))
    return bool(((pixels > 0) & (pixels < (scene.camera.width, scene.camera.height))).all())


def _with(scene: Scene, index: int, thing: SceneObject) -> Scene:
    return dataclasses.replace(scene, objects=(*scene.objects[:index], thing, *scene.objects[index + 1:]))


def _target(scene: Scene, rng: np.random.Generator, *, free: bool = False) -> int | None:
    """An object that shows well; a free one neither carries others nor rests on any."""
    fit = []
    for index, thing in enumerate(scene.objects):
        area = cv2.contourArea(cv2.convexHull(project(scene, world_vertices(scene, index)).astype(np.float32)))
        alone = thing.support is None and all(other.support != index for other in scene.objects)
        if area >= 2 * SMALLEST and (alone or not free):
            fit.append(index)
    return int(rng.choice(fit)) if fit else None


def _radius(scene: Scene, index: int) -> float:
    outline = footprint(scene, index)
    return float(np.linalg.norm(outline - outline.mean(0), axis=1).max())


def _free_path(scene: Scene, index: int, start: np.ndarray, end: np.ndarray) -> bool:
    """Whether an object can slide from one place to another without touching any, on the table and in the picture."""
    radius = _radius(scene, index)
    others = [footprint(scene, i) for i in range(len(scene.objects)) if i != index]
    for t in np.linspace(0, 1, 9):
        place = start + t * (end - start)
        if (np.abs(place[:2]) + radius > TABLE_HALF).any() or not _inside(scene, place):
            return False
        if any(-cv2.pointPolygonTest(outline, (float(place[0]), float(place[1])), True) < radius + _GAP
               for outline in others):
            return False
    return True


def _inside(scene: Scene, place: np.ndarray) -> bool:
    [(x, y)] = project(scene, place[None])
    return 60 < x < scene.camera.width - 60 and 60 < y < scene.camera.height - 60


def _cleared(scene: Scene, target: int, other: SceneObject, way: list[np.ndarray]) -> tuple[Scene, int] | None:
    """The scene without what stands in the way of `other`, and the target's new index; None when little is left."""
    lone = Scene((other,), camera=scene.camera)
    radius = _radius(lone, 0)
    blocked: set[int] = set()
    for index in range(len(scene.objects)):
        outline = footprint(scene, index)
        for start, end in ((way[0], way[2]), (way[2], way[1])):
            for t in np.linspace(0, 1, 12):
                x, y, _ = start + t * (end - start)
                if -cv2.pointPolygonTest(outline, (float(x), float(y)), True) < radius + 0.005:
                    blocked.add(index)
    if target in blocked:
        return None
    kept = [i for i in range(len(scene.objects)) if i not in blocked]
    # What stood on something that is gone goes too.
    while len(still := [i for i in kept if scene.objects[i].support in (None, *kept)]) < len(kept):
        kept = still
    if len(kept) < 3 or target not in kept:
        return None
    objects = tuple(dataclasses.replace(
        thing, support=None if thing.support is None else kept.index(thing.support))
        for thing in (scene.objects[i] for i in kept))
    return dataclasses.replace(scene, objects=objects), kept.index(target)
