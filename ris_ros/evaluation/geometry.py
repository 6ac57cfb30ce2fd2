"""How well objects are placed in space, on simulated tables whose truth is known.

Measured are the objects that stand, or lie as they always do, on the table itself, and that nothing hides. Each is
placed twice: from its true mask and exact depth, and from a mask and a depth image with the faults that real ones have.
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
from ris_ros.geometry import Object3D, locate, rays
from ris_ros.sim.poses import pose, world_vertices
from ris_ros.sim.render import Renderer
from ris_ros.sim.samples import split_seeds
from ris_ros.sim.scene import Rendering, Scene
from ris_ros.sim.tabletop import sample_scene
from ris_ros.types import CameraModel, Depth

BOX_LIKE = ("box", "book", "block")
# Bodies of revolution have no yaw.
ROUND = ("ball", "bottle", "bowl", "can", "cup", "plate", "vase")
# What counts as right: metres, degrees, metres.
CENTRE, YAW, WIDTH = 0.01, 10.0, 0.01
CONDITIONS = ("exact", "faulty")


@dataclass(frozen=True)
class Placement:
    """How one object was placed.

    Attributes
    ----------
    seed, index, category : the scene and the object in it
    condition : "exact" or "faulty" mask and depth
    centre : metres from the middle of the box that was found to the middle of the true one
    centroid : metres from the mean of the points that were found to the mean of those that are truly seen
    seen : metres from the mean of the points that were found to the middle of the true box
    yaw : degrees between the shorter axes, 0 to 90, and to 45 for what is square; NaN for what is round
    width, length, height : what was found less what is true, metres
    failure : why nothing was found; the figures are then NaN

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
        """Whether centre, yaw (where there is one) and width are all as near as a gripper needs them."""
        return self.centre < CENTRE and not self.yaw >= YAW and abs(self.width) < WIDTH


@dataclass(frozen=True)
class PlacementReport:
    """All placements and what they come to."""

    split: str
    scenes: int
    placements: list[Placement]

    def groups(self) -> Iterator[tuple[str, str, list[Placement]]]:
        """Condition, name and placements: box-like ones together, then each category."""
        for condition in CONDITIONS:
            among = [one for one in self.placements if one.condition == condition]
            boxes = [one for one in among if one.category in BOX_LIKE]
            yield condition, "box-like", boxes
            rest = sorted({one.category for one in among} - set(BOX_LIKE))
            for category in (*BOX_LIKE, *rest):
                yield condition, category, [one for one in among if one.category == category]

    def to_dict(self) -> dict[str, Any]:
        """Every placement as JSON-able values; NaN is None."""
        def plain(value: Any) -> Any:
            return None if isinstance(value, float) and np.isnan(value) else value
        return {"split": self.split, "scenes": self.scenes, "placements": [
            {name: plain(value) for name, value in asdict(one).items()} for one in self.placements]}

    def table(self) -> Table:
        """Errors, median and largest, and the share that is right."""
        table = Table(title=f"{self.split} split, {self.scenes} scenes",
                      caption=f"errors: median / 95 % / largest; right: centre within {1000 * CENTRE:.0f} mm, yaw "
                              f"within {YAW:.0f}°, width within {1000 * WIDTH:.0f} mm; points' mean: how far the mean "
                              "of the visible points is from the middle")
        for name in ("mask, depth", "objects", "n", "centre mm", "yaw °", "width mm", "height mm",
                     "points' mean mm", "right %"):
            table.add_column(name, justify="left" if name in ("mask, depth", "objects") else "right", no_wrap=True)
        for condition, name, group in self.groups():
            if not group:
                continue
            if name == "box-like":
                table.add_section()
            table.add_row(condition, name, str(len(group)), *(
                _spread([abs(getattr(one, field)) for one in group], scale) for field, scale in (
                    ("centre", 1000), ("yaw", 1), ("width", 1000), ("height", 1000), ("seen", 1000))),
                f"{100 * np.mean([one.right for one in group]):.0f}")
        return table


def evaluate(*, split: str = "test", scenes: int = 60, start: int = 0, progress: bool = False) -> PlacementReport:
    """Place the objects of simulated scenes; arguments and errors as :func:`samples.split_seeds`."""
    seeds = split_seeds(split, scenes, start)
    placements = []
    with Renderer() as renderer:
        for seed in track(seeds, "placing", console=Console(stderr=True), disable=not progress):
            scene = sample_scene(seed)
            rendering = renderer.render(scene)
            for index in range(len(scene.objects)):
                if _stands_free(scene, rendering, index):
                    placements += [_place(seed, scene, rendering, index, condition) for condition in CONDITIONS]
    return PlacementReport(split, scenes, placements)


def faulty_depth(metres: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Depth as a structured-light or stereo camera measures it, float32 [H, W].

    Noise grows with distance (Nguyen, Izadi and Lovell, "Modeling Kinect sensor noise", 2012, eq. 2), depth is blended
    across edges, some of the pixels beside edges and a few elsewhere have none.
    """
    noisy = cv2.blur(metres, (3, 3))
    noisy += rng.normal(size=metres.shape).astype(np.float32) * (0.0012 + 0.0019 * (noisy - 0.4) ** 2)
    kernel = np.ones((3, 3), np.uint8)
    edge = cv2.dilate(metres, kernel) - cv2.erode(metres, kernel) > 0.03
    noisy[rng.random(metres.shape) < np.where(edge, 0.3, 0.02)] = 0
    return noisy


def true_box(scene: Scene, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centre [3], axes [3, 3] and size [3] of an upright object's box in the world, as of `OrientedBox`."""
    turn, shift = pose(scene, index)
    local = (world_vertices(scene, index) - shift) @ turn
    low, high = local.min(0), local.max(0)
    order = [0, 1, 2] if high[0] - low[0] >= high[1] - low[1] else [1, 0, 2]
    return turn @ ((low + high) / 2) + shift, turn[:, order], (high - low)[order]


def _stands_free(scene: Scene, rendering: Rendering, index: int) -> bool:
    """Whether an object is on the table as it always is, and nothing is in front of any part of it."""
    if scene.objects[index].support is not None or scene.objects[index].lying:
        return False
    mask, kernel = rendering.mask(index), np.ones((5, 5), np.uint8)
    beside = (cv2.dilate(mask.astype(np.uint8), kernel) > mask) & (rendering.instances > 0)
    farthest = cv2.dilate(np.where(mask, rendering.depth, 0), kernel)
    return not (rendering.depth < farthest)[beside].any()


def _place(seed: int, scene: Scene, rendering: Rendering, index: int, condition: str) -> Placement:
    from training.dataset import imperfect

    placement = Placement(seed, index, scene.objects[index].category, condition)
    mask, metres = rendering.mask(index), rendering.depth
    camera = CameraModel(rendering.intrinsics)
    truly_seen = (rays(camera, *mask.shape)[mask] * metres[mask, None]).mean(0)
    if condition == "faulty":
        rng = np.random.default_rng((seed, index))
        mask, metres = imperfect(mask, rendering, rng), faulty_depth(metres, rng)
    try:
        found = locate(mask, Depth(metres, camera))
    except InputError as error:
        return replace(placement, failure=str(error))
    errors = _errors(found.moved(rendering.camera_pose), true_box(scene, index))
    if placement.category in ROUND:
        errors["yaw"] = np.nan
    return replace(placement, centroid=float(np.linalg.norm(found.centroid - truly_seen)), **errors)


def _errors(found: Object3D, truth: tuple[np.ndarray, np.ndarray, np.ndarray]) -> dict[str, float]:
    centre, axes, size = truth
    length, width, height = (found.box.size - size).tolist()
    yaw = np.degrees(np.arccos(min(1.0, abs(found.box.axes[:, 1] @ axes[:, 1]))))
    square = size[0] - size[1] < 0.001
    return {"centre": float(np.linalg.norm(found.box.centre - centre)),
            "seen": float(np.linalg.norm(found.centroid - centre)),
            "yaw": float(min(yaw, 90 - yaw) if square else yaw),
            "width": width, "length": length, "height": height}


def _spread(values: list[float], scale: float) -> str:
    known = np.array([value * scale for value in values if not np.isnan(value)])
    return " / ".join(f"{part:.1f}" for part in np.percentile(known, (50, 95, 100))) if len(known) else ""
