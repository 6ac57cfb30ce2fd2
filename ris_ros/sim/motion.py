"""Shared parts of camera and object motions: time profiles, camera moves and the choice of the target."""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike

from ris_ros.sim.poses import project, rotation, world_vertices
from ris_ros.sim.scene import Camera, Scene

MIN_TARGET_PIXELS = 900
"""Minimum visible area, in pixels of 640 x 480, of a target in the first frame. Its silhouette must be twice as large,
as about half of it may be occluded."""


class Trajectory(NamedTuple):
    """The scene at every frame of a motion.

    Attributes
    ----------
    scenes : one for each frame; object i is the same object in all of them
    target : index of the object to track
    distractor : index of the similar object that moves; None without one

    """

    scenes: list[Scene]
    target: int
    distractor: int | None = None


def choose_target(scene: Scene, rng: np.random.Generator, *, free: bool = False) -> int | None:
    """Choose an object that is large enough in the image; None if there is none.

    Parameters
    ----------
    scene : the first frame
    rng : chooses among the objects
    free : whether the object must neither carry another nor rest on one

    """
    suitable = []
    for index, obj in enumerate(scene.objects):
        area = cv2.contourArea(cv2.convexHull(project(scene, world_vertices(scene, index)).astype(np.float32)))
        alone = obj.support is None and all(other.support != index for other in scene.objects)
        if area >= 2 * MIN_TARGET_PIXELS and (alone or not free):
            suitable.append(index)
    return int(rng.choice(suitable)) if suitable else None


# --- profiles of a motion over time, which runs from 0 to 1 -----------------------------------------------------------

def frame_times(count: int) -> list[float]:
    """Return the times of `count` frames, evenly from 0 to 1."""
    times: list[float] = np.linspace(0, 1, count).tolist()
    return times


def ease(t: float) -> float:
    """Return a smooth step from 0 to 1 over time 0..1, with zero velocity at both ends; other times are clipped."""
    t = min(max(t, 0.0), 1.0)
    return float(t * t * (3 - 2 * t))


def there_and_back(t: float) -> float:
    """Return 0 to 1 and back to 0."""
    return ease(2 * t if t < 0.5 else 2 - 2 * t)


def wave(t: float) -> float:
    """Return one period of a sine: out to one side, through the middle, to the other side and back."""
    return math.sin(2 * math.pi * t)


# --- camera moves -----------------------------------------------------------------------------------------------------

def orbit(camera: Camera, angle: float) -> Camera:
    """Return the camera rotated about the vertical through its target by an angle in radians."""
    position = rotation("z", angle) @ np.subtract(camera.position, camera.target) + camera.target
    return dataclasses.replace(camera, position=to_point(position))


def shift(camera: Camera, position: ArrayLike, target: ArrayLike = (0, 0, 0)) -> Camera:
    """Return the camera shifted by `position`; the point it looks at is shifted by `target` in addition, metres."""
    return dataclasses.replace(camera, position=to_point(np.add(camera.position, position)),
                               target=to_point(np.add(camera.target, position) + target))


def to_point(position: np.ndarray) -> tuple[float, float, float]:
    """Return an array [3] as a tuple of floats."""
    x, y, z = position.tolist()
    return x, y, z
