"""Motions of objects under a swaying camera: the target is pushed, or a similar object is carried past it.

Each function returns the trajectory of `count` frames, or None if the scene does not allow the motion.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import cv2
import numpy as np

from ris_ros.sim.motion import (
    Trajectory,
    choose_target,
    ease,
    frame_times,
    orbit,
    shift,
    there_and_back,
    to_point,
    wave,
)
from ris_ros.sim.poses import TABLE_HALF, project
from ris_ros.sim.scene import Scene, SceneObject
from ris_ros.sim.tabletop import footprint

_PUSH_CLEARANCE = 0.012
"""Metres between the footprints of a pushed object and of the others."""
_CARRY_CLEARANCE = 0.005
"""Metres between the footprints of a carried object and of those below its path."""
_BORDER = 60
"""Pixels between the centre of a pushed object and the edge of the image."""


def pushed(scene: Scene, rng: np.random.Generator, count: int) -> Trajectory | None:
    """Slide and rotate the target over the table, and perhaps back; the camera swings slightly."""
    target = choose_target(scene, rng, free=True)
    if target is None:
        return None
    start = np.array(scene.objects[target].position)
    for _ in range(12):
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.12, 0.24)
        step = length * np.array([np.cos(angle), 0.8 * np.sin(angle), 0])
        turn = rng.uniform(-0.8, 0.8)
        if _is_path_free(scene, target, start, start + step):
            break
    else:
        return None
    profile = ease if rng.random() < 0.5 else there_and_back
    reach = math.radians(rng.uniform(-6, 6))
    scenes = []
    for t in frame_times(count):
        obj = scene.objects[target]
        obj = dataclasses.replace(obj, position=to_point(start + profile(t) * step), yaw=obj.yaw + turn * profile(t))
        objects = (*scene.objects[:target], obj, *scene.objects[target + 1:])
        scenes.append(dataclasses.replace(scene, objects=objects, camera=orbit(scene.camera, reach * wave(t))))
    return Trajectory(scenes, target)


def passing(scene: Scene, rng: np.random.Generator, count: int) -> Trajectory | None:
    """Carry a similar object past, between camera and target, so that it occludes the target for a while."""
    target = choose_target(scene, rng, free=True)
    if target is None:
        return None
    colour, _, across = _distractor_setup(scene, target, rng)
    model, eye = scene.objects[target], np.array(scene.camera.position)
    # On the line of sight, or somewhat below it, where a part of the target stays visible.
    along = (2 * _radius(scene, target) + rng.uniform(0.02, 0.05)) / np.linalg.norm((eye - model.position)[:2])
    middle = np.array(model.position) + along * (eye - model.position) * (1, 1, rng.uniform(0.5, 1.0))
    start, end = middle - 0.34 * across, middle + 0.34 * across

    def position(t: float) -> np.ndarray:
        return start + min(t / 0.6, 1.0) * (end - start)

    return _carry(scene, target, _similar_object(model, colour, start, rng), (start, middle, end), position, rng, count)


def beside(scene: Scene, rng: np.random.Generator, count: int) -> Trajectory | None:
    """Carry a similar object up to the target, hold it beside the target for a moment, and carry it on."""
    target = choose_target(scene, rng, free=True)
    if target is None:
        return None
    colour, towards, across = _distractor_setup(scene, target, rng)
    model = scene.objects[target]
    middle = np.array(model.position) + across * (2 * _radius(scene, target) + rng.uniform(0.015, 0.03)) * -1
    start, end = middle - 0.22 * across - 0.04 * towards, middle + 0.10 * towards - 0.16 * across

    def position(t: float) -> np.ndarray:
        return start + ease(t / 0.4) * (middle - start) + ease((t - 0.6) / 0.4) * (end - middle)

    return _carry(scene, target, _similar_object(model, colour, start, rng), (start, middle, end), position, rng, count)


def _distractor_setup(scene: Scene, target: int, rng: np.random.Generator) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the distractor's colour, and unit vectors [3] on the table from the target to the camera and sideways."""
    model = scene.objects[target]
    # One distractor in three also has the target's colour, the others do not.
    colours = [obj.colour for obj in scene.objects if obj.colour != model.colour]
    colour = model.colour if rng.integers(3) == 0 else str(rng.choice(colours or ["white"]))
    towards = (np.array(scene.camera.position) - model.position) * (1, 1, 0)
    towards /= np.linalg.norm(towards)
    across = np.array([-towards[1], towards[0], 0]) * rng.choice((-1, 1))
    return colour, towards, across


def _similar_object(model: SceneObject, colour: str, position: np.ndarray, rng: np.random.Generator) -> SceneObject:
    """Return an object of the model's category and of similar size, in a colour and at a position."""
    yaw, scale = float(rng.uniform(-np.pi, np.pi)), model.scale * float(rng.uniform(0.95, 1.12))
    return SceneObject(model.category, colour, to_point(position), yaw=yaw, scale=scale, lying=model.lying,
                       tint=to_point(rng.uniform(-1, 1, 3)))


def _carry(scene: Scene, target: int, distractor: SceneObject, path: tuple[np.ndarray, np.ndarray, np.ndarray],
           position: Callable[[float], np.ndarray], rng: np.random.Generator, count: int) -> Trajectory | None:
    """Carry a distractor along `path`, to `position` at a time 0..1, while the camera sways."""
    cleared = _clear_path(scene, target, distractor, path)
    if cleared is None:
        return None
    scene, target = cleared
    sway = rng.uniform(-0.05, 0.05, 3) * (1, 0.5, 0.3)
    scenes = []
    for t in frame_times(count):
        moved = dataclasses.replace(distractor, position=to_point(position(t)))
        scenes.append(dataclasses.replace(scene, objects=(*scene.objects, moved),
                                          camera=shift(scene.camera, sway * wave(t))))
    return Trajectory(scenes, target, len(scene.objects))


def _radius(scene: Scene, index: int) -> float:
    """Return the radius, metres, of the circle about the centre of an object's footprint that contains it."""
    outline = footprint(scene, index)
    return float(np.linalg.norm(outline - outline.mean(0), axis=1).max())


def _is_path_free(scene: Scene, index: int, start: np.ndarray, end: np.ndarray) -> bool:
    """Return whether an object can slide along a line on the table and in the image without touching any other."""
    radius = _radius(scene, index)
    others = [footprint(scene, i) for i in range(len(scene.objects)) if i != index]
    for t in np.linspace(0, 1, 9):
        position = start + t * (end - start)
        if (np.abs(position[:2]) + radius > TABLE_HALF).any() or not _is_in_image(scene, position):
            return False
        if any(-cv2.pointPolygonTest(outline, (float(position[0]), float(position[1])), True)
               < radius + _PUSH_CLEARANCE for outline in others):
            return False
    return True


def _is_in_image(scene: Scene, position: np.ndarray) -> bool:
    [(x, y)] = project(scene, position[None]).tolist()
    return _BORDER < x < scene.camera.width - _BORDER and _BORDER < y < scene.camera.height - _BORDER


def _clear_path(scene: Scene, target: int, distractor: SceneObject, path: tuple[np.ndarray, np.ndarray, np.ndarray]
                ) -> tuple[Scene, int] | None:
    """Remove the objects that are in a distractor's path.

    Returns
    -------
    The scene without those objects and the target's new index; None if the target is in the path or too few are left.

    """
    radius = _radius(Scene((distractor,), camera=scene.camera), 0)
    start, middle, end = path
    blocked: set[int] = set()
    for index in range(len(scene.objects)):
        outline = footprint(scene, index)
        for first, last in ((start, middle), (middle, end)):
            for t in np.linspace(0, 1, 12):
                x, y, _ = first + t * (last - first)
                if -cv2.pointPolygonTest(outline, (float(x), float(y)), True) < radius + _CARRY_CLEARANCE:
                    blocked.add(index)
    if target in blocked:
        return None
    kept = [i for i in range(len(scene.objects)) if i not in blocked]
    # Objects on a removed one are removed as well.
    while len(supported := [i for i in kept if scene.objects[i].support in (None, *kept)]) < len(kept):
        kept = supported
    if len(kept) < 3 or target not in kept:
        return None
    objects = tuple(dataclasses.replace(
        obj, support=None if obj.support is None else kept.index(obj.support))
        for obj in (scene.objects[i] for i in kept))
    return dataclasses.replace(scene, objects=objects), kept.index(target)
