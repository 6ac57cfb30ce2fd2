"""Short image sequences of the tabletop with ground truth: moving camera, pushed, carried and occluded objects.

Each sequence is one of KINDS and has FRAME_RATE frames per second. The same kind and seed always give the same
sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from ris_ros.errors import InputError
from ris_ros.sim.camera_motion import dolly, leaving, pan, shake, swing
from ris_ros.sim.motion import Trajectory
from ris_ros.sim.object_motion import beside, passing, pushed
from ris_ros.sim.poses import project, world_vertices
from ris_ros.sim.render import Renderer
from ris_ros.sim.scene import Rendering, Scene
from ris_ros.sim.tabletop import sample_scene

FRAME_RATE = 15.0
"""Frames per second."""

KINDS: dict[str, Callable[[Scene, np.random.Generator, int], Trajectory | None]] = {
    "swing": swing, "dolly": dolly, "pan": pan, "shake": shake,
    "pushed": pushed, "beside": beside, "passing": passing, "leaving": leaving,
}
CAMERA_KINDS = ("swing", "dolly", "pan", "shake")
"""Kinds in which only the camera moves and the target stays in the image."""
OUT_OF_SIGHT_KINDS = ("passing", "leaving")
"""Kinds in which the target is occluded or outside the image for a while."""


@dataclass(frozen=True)
class Sequence:
    """An image sequence of one target, not yet rendered.

    Attributes
    ----------
    kind : one of KINDS
    seed : of the scene and of the motion
    scenes : one for each frame; object i is the same object in all of them
    target : index of the object to track
    distractor : index of the similar object that moves; None without one

    """

    kind: str
    seed: int
    scenes: tuple[Scene, ...]
    target: int
    distractor: int | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a sequence.

    Attributes
    ----------
    rendering : image and ground truth
    mask : bool [H, W], the visible part of the target
    visible : 0..1, the share of the target that is neither occluded nor outside the image

    """

    rendering: Rendering
    mask: np.ndarray
    visible: float


def sample_sequence(kind: str, seed: int, frames: int | None = None) -> Sequence:
    """Sample the sequence of a kind and a seed.

    Parameters
    ----------
    kind : one of KINDS
    seed : the same kind and seed give the same sequence
    frames : number of frames; None for 40, or 75 in OUT_OF_SIGHT_KINDS

    Raises
    ------
    InputError
        If there is no such kind, or no scene of this seed allows the motion.

    """
    if kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    rng = np.random.default_rng((seed, list(KINDS).index(kind), 4711))
    for attempt in range(40):
        # Later attempts use other scenes, far from all seeds of the splits: no two sequences share a scene.
        scene = sample_scene(seed + 1_000_000 * attempt)
        trajectory = KINDS[kind](scene, rng, frames or (75 if kind in OUT_OF_SIGHT_KINDS else 40))
        if trajectory is not None:
            return Sequence(kind, seed, tuple(trajectory.scenes), trajectory.target, trajectory.distractor)
    raise InputError(f"no scene near seed {seed} has room for {kind}")


def render_frames(sequence: Sequence, renderer: Renderer) -> Iterator[Frame]:
    """Render a sequence frame by frame."""
    max_share = 0.0
    for scene in sequence.scenes:
        rendering = renderer.render(scene)
        mask = rendering.mask(sequence.target)
        outline = cv2.convexHull(project(scene, world_vertices(scene, sequence.target)).astype(np.float32))
        share = float(mask.sum()) / max(cv2.contourArea(outline), 1.0)
        # A convex outline is larger than most shapes; the best view so far gives the ratio.
        max_share = max(max_share, share)
        yield Frame(rendering, mask, share / max_share if max_share else 0.0)
