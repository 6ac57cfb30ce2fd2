"""Where an object's shape is in the world."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ris_ros.sim.scene import Scene, SceneObject
from ris_ros.sim.shapes import CATEGORIES, Shape

# Table top, metres: half its extent along x and y, and its height above the floor.
TABLE_HALF = (0.56, 0.42)
TABLE_HEIGHT = 0.72


def pose(scene: Scene, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotation [3, 3] and translation [3] of an object: world = rotation @ (scale * vertex) + translation."""
    thing = scene.objects[index]
    shape = CATEGORIES[thing.category]
    turn = rotation("z", thing.yaw)
    position = np.array(thing.position)
    if thing.lying:
        turn = turn @ rotation("x", shape.lying_tilt)
        return turn, position - rotation("z", thing.yaw) @ (thing.scale * _underside(thing.category))
    if thing.inside and shape.rod:
        angle, _ = lean(thing, scene.objects[thing.support])
        turn = turn @ rotation("y", angle - np.pi / 2)
        return turn, position - turn @ (thing.scale * _lower_end(shape))
    return turn, position


def world_vertices(scene: Scene, index: int) -> np.ndarray:
    """An object's vertices, float64 [V, 3], metres, world frame."""
    thing = scene.objects[index]
    turn, shift = pose(scene, index)
    return thing.scale * CATEGORIES[thing.category].vertices @ turn.T + shift


def lean(rod: SceneObject, vessel: SceneObject) -> tuple[float, np.ndarray]:
    """How a rod stands in a vessel, its foot at the wall and leaning on the rim opposite.

    Returns
    -------
    angle : radians from the vertical
    foot : [3], metres, the middle of its lower end from the middle of the vessel's underside, at yaw 0

    """
    shape = CATEGORIES[rod.category]
    inside = CATEGORIES[vessel.category].interior * vessel.scale
    radius, vertices = shape.rod * rod.scale, (shape.vertices - _lower_end(shape)) * rod.scale
    floor, (rim, height) = inside[1], inside[-1]
    angle = 0.0
    for _ in range(12):                 # Converges: each step changes the angle by a fraction of the last change.
        lowest = (vertices @ rotation("y", angle - np.pi / 2)[2]).min()
        foot = np.array([radius / np.cos(angle) - floor[0], 0.0, floor[1] - lowest])
        angle = np.arctan((rim - radius / np.cos(angle) - foot[0]) / (height - foot[2]))
    return float(angle), foot


def rest_height(thing: SceneObject, vessel: SceneObject) -> float:
    """How far, metres, something dropped into the middle of an upright vessel comes to rest above its underside."""
    vertices = CATEGORIES[thing.category].vertices * thing.scale
    radius, height = (CATEGORIES[vessel.category].interior * vessel.scale).T
    return float((np.interp(np.linalg.norm(vertices[:, :2], axis=1), radius, height) - vertices[:, 2]).max())


def camera_pose(scene: Scene) -> np.ndarray:
    """The camera's pose, float64 [4, 4]: from its optical frame (x right, y down, z forward) to the world frame."""
    position, target = np.array(scene.camera.position, float), np.array(scene.camera.target, float)
    ahead = (target - position) / np.linalg.norm(target - position)
    # A camera that looks straight down has the table's y axis up in its picture.
    right = np.cross(ahead, (0, 0, 1) if abs(ahead[2]) < 0.9999 else (0, 1, 0))
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3] = np.column_stack([right, np.cross(ahead, right), ahead, position])
    return matrix


def intrinsics(scene: Scene) -> np.ndarray:
    """The camera matrix, float64 [3, 3], pixels; the middle of the upper left pixel is (0, 0)."""
    camera = scene.camera
    focal = camera.height / 2 / np.tan(np.radians(camera.fovy) / 2)
    return np.array([[focal, 0, (camera.width - 1) / 2], [0, focal, (camera.height - 1) / 2], [0, 0, 1]])


def project(scene: Scene, points: np.ndarray) -> np.ndarray:
    """Pixels (column, row), float64 [N, 2], of world points [N, 3]."""
    matrix = camera_pose(scene)
    seen = (points - matrix[:3, 3]) @ matrix[:3, :3] @ intrinsics(scene).T
    return seen[:, :2] / seen[:, 2:]


def rotation(axis: str, angle: float) -> np.ndarray:
    """Rotation [3, 3] about a world axis, radians."""
    c, s = np.cos(angle), np.sin(angle)
    return {"x": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
            "y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
            "z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])}[axis]


@lru_cache
def _underside(category: str) -> np.ndarray:
    """Middle of the underside of a shape laid on its side, before any yaw."""
    shape = CATEGORIES[category]
    laid = shape.vertices @ rotation("x", shape.lying_tilt).T
    low, high = laid.min(0), laid.max(0)
    return np.array([*(low + high)[:2] / 2, low[2]])


def _lower_end(shape: Shape) -> np.ndarray:
    return shape.vertices[shape.vertices[:, 0] < shape.vertices[:, 0].min() + 1e-3].mean(0)
