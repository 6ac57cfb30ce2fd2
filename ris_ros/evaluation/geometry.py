"""Accuracy of 3-D localization, on simulated tables with ground truth.

Objects are evaluated if they are on the table itself, in the usual pose of their category, and not occluded. Each is
located twice: from its true mask and exact depth, and from a mask and a depth image with realistic errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ris_ros.errors import InputError
from ris_ros.evaluation.metrics import nan_to_none
from ris_ros.geometry import Object3D, locate, rays
from ris_ros.sim.degradation import degrade_mask
from ris_ros.sim.poses import pose, world_vertices
from ris_ros.sim.render import Renderer
from ris_ros.sim.samples import split_seeds
from ris_ros.sim.scene import Rendering, Scene
from ris_ros.sim.tabletop import sample_scene
from ris_ros.types import CameraModel, Depth

BOX_LIKE = ("box", "book", "block")
"""Categories with the shape of a box; they are also reported together."""
ROUND = ("ball", "bottle", "bowl", "can", "cup", "plate", "vase")
"""Bodies of revolution, which have no yaw."""

MAX_CENTRE_ERROR, MAX_YAW_ERROR, MAX_WIDTH_ERROR = 0.01, 10.0, 0.01
"""Exclusive upper bounds of the errors of a correct result, in metres, degrees and metres, for a parallel gripper."""

CONDITIONS = ("exact", "faulty")
"""The quality of mask and depth."""

SQUARE_TOLERANCE = 0.001
"""Difference of length and width, in metres, below which a box counts as square."""


@dataclass(frozen=True)
class Placement:
    """The errors with which one object was located.

    Attributes
    ----------
    seed, index, category : the scene and the object in it
    condition : one of CONDITIONS, the quality of mask and depth
    centre : distance of the estimated box's centre from the true one, metres
    centroid : distance of the estimated points' mean from that of the truly visible points, metres
    seen : distance of the estimated points' mean from the true box's centre, metres
    yaw : angle between the shorter axes, degrees, 0 to 90, or to 45 for square objects; NaN for round ones
    width, length, height : estimate minus truth, metres
    failure : why the object could not be located, in which case the errors are NaN; else empty

    """

    seed: int
    index: int
    category: str
    condition: str
    centre: float = np.nan
    centroid: float = np.nan
    seen: float = np.nan
    yaw: float = np.nan
    width: float = np.nan
    length: float = np.nan
    height: float = np.nan
    failure: str = ""

    @property
    def right(self) -> bool:
        """Whether the errors of centre, yaw (if it has one) and width are all within the limits of a gripper."""
        return (self.centre < MAX_CENTRE_ERROR and not self.yaw >= MAX_YAW_ERROR
                and abs(self.width) < MAX_WIDTH_ERROR)


@dataclass(frozen=True)
class PlacementReport:
    """The placements of all objects in the scenes of a split."""

    split: str
    scenes: int
    placements: list[Placement]

    def groups(self) -> Iterator[tuple[str, str, list[Placement]]]:
        """Yield condition, name and placements of each group: all box-like objects, then each category."""
        for condition in CONDITIONS:
            placements = [placement for placement in self.placements if placement.condition == condition]
            yield condition, "box-like", [placement for placement in placements if placement.category in BOX_LIKE]
            others = sorted({placement.category for placement in placements} - set(BOX_LIKE))
            for category in (*BOX_LIKE, *others):
                yield condition, category, [placement for placement in placements if placement.category == category]

    def to_dict(self) -> dict[str, Any]:
        """Return all placements as JSON values, with None for NaN."""
        return {"split": self.split, "scenes": self.scenes,
                "placements": [nan_to_none(asdict(placement)) for placement in self.placements]}

    def table(self) -> Table:
        """Return the errors and the percentage of correct results as a table for the terminal."""
        table = Table(title=f"{self.split} split, {self.scenes} scenes",
                      caption="errors: median / 95 % / maximum; right: centre within "
                              f"{1000 * MAX_CENTRE_ERROR:.0f} mm, yaw within {MAX_YAW_ERROR:.0f}°, width within "
                              f"{1000 * MAX_WIDTH_ERROR:.0f} mm; points' mean: distance of the mean of the visible "
                              "points from the true centre")
        for name in ("mask, depth", "objects", "n", "centre mm", "yaw °", "width mm", "height mm",
                     "points' mean mm", "right %"):
            table.add_column(name, justify="left" if name in ("mask, depth", "objects") else "right", no_wrap=True)
        for condition, name, group in self.groups():
            if not group:
                continue
            if name == "box-like":
                table.add_section()
            table.add_row(condition, name, str(len(group)), *(
                _spread([abs(getattr(placement, field)) for placement in group], scale) for field, scale in (
                    ("centre", 1000), ("yaw", 1), ("width", 1000), ("height", 1000), ("seen", 1000))),
                f"{100 * np.mean([placement.right for placement in group]):.0f}")
        return table


def evaluate(*, split: str = "test", scenes: int = 60, start: int = 0, progress: bool = False) -> PlacementReport:
    """Locate the objects of simulated scenes; parameters and errors as of :func:`samples.split_seeds`."""
    seeds = split_seeds(split, scenes, start)
    placements = []
    with Renderer() as renderer:
        for seed in track(seeds, "locating", console=Console(stderr=True), disable=not progress):
            scene = sample_scene(seed)
            rendering = renderer.render(scene)
            for index in range(len(scene.objects)):
                if is_measurable(scene, rendering, index):
                    placements += [_locate(seed, scene, rendering, index, condition) for condition in CONDITIONS]
    return PlacementReport(split, scenes, placements)


def faulty_depth(metres: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return depth, float32 [H, W] metres, as a structured-light or stereo camera would measure it.

    Noise grows with distance (Nguyen, Izadi and Lovell, "Modeling Kinect sensor noise", 2012, eq. 2), depth is blended
    across edges, and it is missing at some of the pixels beside edges and at a few elsewhere.
    """
    noisy = cv2.blur(metres, (3, 3))
    noisy += rng.normal(size=metres.shape).astype(np.float32) * (0.0012 + 0.0019 * (noisy - 0.4) ** 2)
    kernel = np.ones((3, 3), np.uint8)
    edge = cv2.dilate(metres, kernel) - cv2.erode(metres, kernel) > 0.03
    noisy[rng.random(metres.shape) < np.where(edge, 0.3, 0.02)] = 0
    return noisy


def true_box(scene: Scene, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return centre [3], axes [3, 3] and size [3] of an upright object's box in the world, as in `OrientedBox`."""
    rotation, translation = pose(scene, index)
    local = (world_vertices(scene, index) - translation) @ rotation
    low, high = local.min(0), local.max(0)
    longest_first = [0, 1, 2] if high[0] - low[0] >= high[1] - low[1] else [1, 0, 2]
    return (rotation @ ((low + high) / 2) + translation, rotation[:, longest_first], (high - low)[longest_first])


def is_measurable(scene: Scene, rendering: Rendering, index: int) -> bool:
    """Return whether an object is on the table, in its usual pose, with nothing in front of any part of it."""
    if scene.objects[index].support is not None or scene.objects[index].lying:
        return False
    mask, kernel = rendering.mask(index), np.ones((5, 5), np.uint8)
    is_beside = (cv2.dilate(mask.astype(np.uint8), kernel) > mask) & (rendering.instances > 0)
    farthest = cv2.dilate(np.where(mask, rendering.depth, 0), kernel)
    return not (rendering.depth < farthest)[is_beside].any()


def _locate(seed: int, scene: Scene, rendering: Rendering, index: int, condition: str) -> Placement:
    placement = Placement(seed, index, scene.objects[index].category, condition)
    mask, metres = rendering.mask(index), rendering.depth
    camera = CameraModel(rendering.intrinsics)
    visible_centroid = (rays(camera, *mask.shape)[mask] * metres[mask, None]).mean(0)
    if condition == "faulty":
        rng = np.random.default_rng((seed, index))
        mask, metres = degrade_mask(mask, rendering, rng), faulty_depth(metres, rng)
    try:
        located = locate(mask, Depth(metres, camera))
    except InputError as error:
        return replace(placement, failure=str(error))
    centroid_error = float(np.linalg.norm(located.centroid - visible_centroid))
    return replace(_with_errors(placement, located.transformed(rendering.camera_pose), true_box(scene, index)),
                   centroid=centroid_error)


def _with_errors(placement: Placement, located: Object3D, truth: tuple[np.ndarray, np.ndarray, np.ndarray]
                 ) -> Placement:
    """Return the placement with the errors of an object in the world frame; `truth` is the true box."""
    centre, axes, size = truth
    length, width, height = (located.box.size - size).tolist()
    yaw = np.degrees(np.arccos(min(1.0, abs(located.box.axes[:, 1] @ axes[:, 1]))))
    if placement.category in ROUND:
        yaw = np.nan
    elif size[0] - size[1] < SQUARE_TOLERANCE:
        yaw = min(yaw, 90 - yaw)
    return replace(placement, centre=float(np.linalg.norm(located.box.centre - centre)),
                   seen=float(np.linalg.norm(located.centroid - centre)), yaw=float(yaw), width=width, length=length,
                   height=height)


def _spread(values: list[float], scale: float) -> str:
    """Return median, 95th percentile and maximum of the values that are not NaN, times `scale`."""
    known = np.array([value * scale for value in values if not np.isnan(value)])
    return " / ".join(f"{part:.1f}" for part in np.percentile(known, (50, 95, 100))) if len(known) else ""
