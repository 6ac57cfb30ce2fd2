"""Geometry of a scene: poses of objects and camera in the world, and projection into the image."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ris_ros.sim.scene import Scene, SceneObject
from ris_ros.sim.shapes import Shape

TABLE_HALF = (0.56, 0.42)
"""Half the extent of the table top along x and y, metres."""
TABLE_HEIGHT = 0.72
"""Height of the table top above the floor, metres."""


def pose(scene: Scene, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rotation [3, 3] and translation [3] of an object, for rotation @ (scale * vertex) + translation."""
    obj = scene.objects[index]
    shape = obj.shape
    orientation = rotation("z", obj.yaw)
    position = np.array(obj.position)
    if obj.lying:
        assert shape.lying_tilt is not None, f"a {obj.category} cannot lie on its side"
        orientation = orientation @ rotation("x", shape.lying_tilt)
        return orientation, position - rotation("z", obj.yaw) @ (obj.scale * _underside_centre(shape))
    if obj.inside and obj.support is not None and shape.rod:
        angle, _ = lean(obj, scene.objects[obj.support])
        orientation = orientation @ rotation("y", angle - np.pi / 2)
        return orientation, position - orientation @ (obj.scale * _lower_end(shape))
    return orientation, position


def world_vertices(scene: Scene, index: int) -> np.ndarray:
    """Return an object's vertices, float64 [V, 3], metres, world frame."""
    obj = scene.objects[index]
    orientation, translation = pose(scene, index)
    vertices: np.ndarray = obj.scale * obj.shape.vertices @ orientation.T + translation
    return vertices


def lean(rod: SceneObject, vessel: SceneObject) -> tuple[float, np.ndarray]:
    """Compute how a rod leans in a vessel, with its foot at the wall and its upper part on the opposite rim.

    Returns
    -------
    angle : radians from the vertical
    foot : [3], metres, the centre of its lower end from the centre of the vessel's underside, at yaw 0

    """
    shape = rod.shape
    inside = _interior(vessel)
    assert shape.rod is not None, f"a {rod.category} is not a rod"
    radius, vertices = shape.rod * rod.scale, (shape.vertices - _lower_end(shape)) * rod.scale
    floor, (rim, height) = inside[1], inside[-1]
    angle, foot = 0.0, np.zeros(3)
    for _ in range(12):                 # Converges: each step changes the angle by a fraction of the last change.
        lowest = (vertices @ rotation("y", angle - np.pi / 2)[2]).min()
        foot = np.array([radius / np.cos(angle) - floor[0], 0.0, floor[1] - lowest])
        angle = np.arctan((rim - radius / np.cos(angle) - foot[0]) / (height - foot[2]))
    return float(angle), foot


def rest_height(obj: SceneObject, vessel: SceneObject) -> float:
    """Return the height, metres, at which an object rests that is dropped into the centre of an upright vessel.

    The height is measured from the vessel's underside to the object's.
    """
    vertices = obj.shape.vertices * obj.scale
    radius, height = _interior(vessel).T
    return float((np.interp(np.linalg.norm(vertices[:, :2], axis=1), radius, height) - vertices[:, 2]).max())


def camera_pose(scene: Scene) -> np.ndarray:
    """Return the camera's pose, float64 [4, 4], from its optical frame (x right, y down, z forward) to the world."""
    position, target = np.array(scene.camera.position, float), np.array(scene.camera.target, float)
    ahead = (target - position) / np.linalg.norm(target - position)
    # A camera that looks straight down has the table's y axis up in its image.
    right = np.cross(ahead, (0, 0, 1) if abs(ahead[2]) < 0.9999 else (0, 1, 0))
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3] = np.column_stack([right, np.cross(ahead, right), ahead, position])
    return matrix


def intrinsics(scene: Scene) -> np.ndarray:
    """Return the camera matrix, float64 [3, 3], pixels; the centre of the upper left pixel is (0, 0)."""
    camera = scene.camera
    focal = camera.height / 2 / np.tan(np.radians(camera.fovy) / 2)
    return np.array([[focal, 0, (camera.width - 1) / 2], [0, focal, (camera.height - 1) / 2], [0, 0, 1]])


def project(scene: Scene, points: np.ndarray) -> np.ndarray:
    """Project world points [N, 3] to pixels (column, row), float64 [N, 2]."""
    matrix = camera_pose(scene)
    homogeneous = (points - matrix[:3, 3]) @ matrix[:3, :3] @ intrinsics(scene).T
    pixels: np.ndarray = homogeneous[:, :2] / homogeneous[:, 2:]
    return pixels


def rotation(axis: str, angle: float) -> np.ndarray:
    """Return the rotation [3, 3] about the axis "x", "y" or "z" by an angle in radians."""
    c, s = np.cos(angle), np.sin(angle)
    return {"x": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
            "y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
            "z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])}[axis]


def _interior(vessel: SceneObject) -> np.ndarray:
    """Return the profile (radius, z), float [K, 2], metres, of a vessel's inside."""
    interior = vessel.shape.interior
    assert interior is not None, f"a {vessel.category} holds nothing"
    scaled: np.ndarray = interior * vessel.scale
    return scaled


@lru_cache
def _underside_centre(shape: Shape) -> np.ndarray:
    """Return the centre of the underside of a shape laid on its side, before any yaw."""
    assert shape.lying_tilt is not None, "the shape cannot lie on its side"
    lying = shape.vertices @ rotation("x", shape.lying_tilt).T
    low, high = lying.min(0), lying.max(0)
    return np.array([*(low + high)[:2] / 2, low[2]])


def _lower_end(shape: Shape) -> np.ndarray:
    """Return the centre [3] of the end of a rod at which x is lowest."""
    end: np.ndarray = shape.vertices[shape.vertices[:, 0] < shape.vertices[:, 0].min() + 1e-3].mean(0)
    return end
