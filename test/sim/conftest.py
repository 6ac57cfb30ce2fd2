"""Synthetic scenes and renderings for the tests of semantics and expressions, without a renderer."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.sim.scene import Camera, Rendering, Scene


@pytest.fixture(scope="session")
def paint():
    """A function that returns a scene of given objects and its rendering."""
    return _paint


def _paint(*objects, half=18):
    """Paint a square of 2 * half * scale pixels where each object projects to."""
    camera = Camera()
    position, target = np.array(camera.position), np.array(camera.target)
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.array([1.0, 0.0, 0.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = position
    focal = camera.height / 2 / np.tan(np.radians(camera.fovy / 2))
    instances = np.zeros((camera.height, camera.width), np.int32)
    points = [pose[:3, :3].T @ (np.array(item.position) - position) for item in objects]
    for i in sorted(range(len(objects)), key=lambda k: -points[k][2]):
        x, y, z = points[i]
        column, row = int(focal * x / z + camera.width / 2), int(focal * y / z + camera.height / 2)
        side = round(half * objects[i].scale)
        instances[max(row - side, 0):max(row + side, 0), max(column - side, 0):max(column + side, 0)] = i + 1
    intrinsics = np.array([[focal, 0, camera.width / 2], [0, focal, camera.height / 2], [0, 0, 1]])
    image = np.zeros((camera.height, camera.width, 3), np.uint8)
    return Scene(tuple(objects)), Rendering(image, np.ones(instances.shape, np.float32), instances, intrinsics, pose)
