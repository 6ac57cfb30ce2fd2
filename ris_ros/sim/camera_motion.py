"""Motions of the camera over a static table.

Each function returns the trajectory of `count` frames, or None if the scene does not allow the motion.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from ris_ros.sim.motion import Trajectory, choose_target, ease, frame_times, orbit, shift, to_point, wave
from ris_ros.sim.poses import project, world_vertices
from ris_ros.sim.scene import Camera, Scene


def swing(scene: Scene, rng: np.random.Generator, count: int) -> Trajectory | None:
    """Swing the camera around the table, as `ris_camera` does."""
    target = choose_target(scene, rng)
    reach, phase = math.radians(rng.uniform(14, 26)) * rng.choice((-1, 1)), rng.uniform(0, 0.3)
    angles = [reach * (math.sin(2 * math.pi * (0.5 * t + phase)) - math.sin(2 * math.pi * phase))
              for t in frame_times(count)]
    return _trajectory(scene, [orbit(scene.camera, angle) for angle in angles], target)


def dolly(scene: Scene, rng: np.random.Generator, count: int) -> Trajectory | None:
    """Move the camera closer or farther away, and a little down or up."""
    target = choose_target(scene, rng)
    if target is None:
        return None
    centre = np.array(scene.objects[target].position)
    start, focus = np.array(scene.camera.position), np.array(scene.camera.target)
    share, rise = rng.uniform(0.2, 0.35) * rng.choice((-1, 1)), rng.uniform(-0.06, 0.06)
    cameras = [dataclasses.replace(
        scene.camera, position=to_point(start + share * ease(t) * (centre - start) + (0, 0, rise * ease(t))),
        target=to_point(focus + 0.6 * abs(share) * ease(t) * (centre - focus))) for t in frame_times(count)]
    return _trajectory(scene, cameras, target)


def pan(scene: Scene, rng: np.random.Generator, count: int) -> Trajectory | None:
    """Slide the camera sideways and turn it from side to side; everything crosses the image."""
    target = choose_target(scene, rng)
    slide, turn = rng.uniform(-0.16, 0.16), rng.uniform(0.08, 0.16) * rng.choice((-1, 1))
    lift = rng.uniform(-0.05, 0.05)
    return _trajectory(scene, [shift(scene.camera, (slide * wave(t), 0, 0), (turn * wave(t), lift * wave(t), 0))
                               for t in frame_times(count)], target)


def shake(scene: Scene, rng: np.random.Generator, count: int) -> Trajectory | None:
    """Shake the camera like one that is hand-held or on a driving base: slow sway and quick jolts."""
    target = choose_target(scene, rng)
    sway = rng.uniform(-0.06, 0.06, 3) * (1, 0.6, 0.5)
    jolts = np.stack([np.convolve(rng.normal(size=count + 4), np.ones(3) / 3, "same")[2:-2] for _ in range(3)], axis=1)
    jolts = (jolts - jolts[0]) * (0.012, 0.012, 0.006)
    return _trajectory(scene, [shift(scene.camera, sway * wave(t), jolt)
                               for t, jolt in zip(frame_times(count), jolts, strict=True)], target)


def leaving(scene: Scene, rng: np.random.Generator, count: int) -> Trajectory | None:
    """Turn the camera away until the target has left the image, wait, and turn back."""
    target = choose_target(scene, rng)
    if target is None:
        return None
    x = scene.objects[target].position[0]
    side = -1 if x > 0 else 1  # The side of the image that is nearer.
    turn = 0.62 + abs(x) * -0.4 + rng.uniform(0.0, 0.12)
    slide = rng.uniform(-0.05, 0.05)

    def away(t: float) -> float:
        return ease(t / 0.25) - ease((t - 0.35) / 0.25)

    return _trajectory(scene, [shift(scene.camera, (slide * away(t), 0, 0), (side * turn * away(t), 0, 0))
                               for t in frame_times(count)], target, may_leave=True)


def _trajectory(scene: Scene, cameras: list[Camera], target: int | None, *, may_leave: bool = False
                ) -> Trajectory | None:
    """Return the scene as each camera sees it; None without a target, or if it leaves the image and must not."""
    if target is None:
        return None
    scenes = [dataclasses.replace(scene, camera=camera) for camera in cameras]
    if not may_leave and not all(_is_in_image(scene, target) for scene in scenes):
        return None
    return Trajectory(scenes, target)


def _is_in_image(scene: Scene, index: int) -> bool:
    pixels = project(scene, world_vertices(scene, index))
    return bool(((pixels > 0) & (pixels < (scene.camera.width, scene.camera.height))).all())
