"""Rendered tables whose objects' boxes are known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ris_ros.geometry import locate
from ris_ros.sim.poses import pose, world_vertices
from ris_ros.sim.render import Renderer
from ris_ros.sim.scene import Scene, SceneObject
from ris_ros.types import CameraModel, Depth

OBJECTS = {
    "box": SceneObject("box", "blue", (0.05, 0.1, 0.0), yaw=0.4),
    "block": SceneObject("block", "red", (-0.2, -0.1, 0.0), yaw=-1.1),
    "book": SceneObject("book", "green", (0.30, -0.1, 0.0), yaw=1.2),
    "upper block": SceneObject("block", "white", (0.30, -0.1, 0.030), yaw=0.3, support=2),
    "banana": SceneObject("banana", "yellow", (-0.25, 0.12, 0.0), yaw=2.0)}


class Table:
    """A rendered scene whose objects have names."""

    def __init__(self, renderer, scene, names):
        self.scene, self.names = scene, list(names)
        self.rendering = renderer.render(scene)
        self.image, self.metres = self.rendering.image, self.rendering.depth
        self.camera_pose, self.intrinsics = self.rendering.camera_pose, self.rendering.intrinsics

    def mask(self, name):
        return self.rendering.mask(self.names.index(name))

    def depth(self, metres=None):
        return Depth(self.metres if metres is None else metres, CameraModel(self.intrinsics))

    def locate(self, name, metres=None, **options):
        return locate(self.mask(name), self.depth(metres), **options)

    def true_box(self, name):
        """Return centre [3], longer axis [3] and size [3] (length, width, height) of an upright box in the world."""
        index = self.names.index(name)
        turn, shift = pose(self.scene, index)
        local = (world_vertices(self.scene, index) - shift) @ turn
        low, high = local.min(0), local.max(0)
        size = high - low
        longer = int(size[1] > size[0])
        return turn @ ((low + high) / 2) + shift, turn[:, longer], np.array([size[longer], size[1 - longer], size[2]])

    def check_box(self, name, found, centre=0.01, angle=10, size=0.01):
        """Assert that a located object has the true box; the tolerances are metres, degrees and metres."""
        box = found.transformed(self.camera_pose).box
        true_centre, longer, true_size = self.true_box(name)
        assert np.linalg.norm(box.centre - true_centre) < centre
        assert np.degrees(np.arccos(min(1, abs(box.axes[:, 0] @ longer)))) < angle
        np.testing.assert_allclose(box.size, true_size, atol=size)


@pytest.fixture(scope="session")
def make_table():
    """Render objects by name, by default those of `table`, with a camera of choice."""
    with Renderer() as renderer:
        def make(camera=None, objects=OBJECTS):
            scene = Scene(tuple(objects.values()))
            return Table(renderer, scene if camera is None else dataclasses.replace(scene, camera=camera), objects)
        yield make


@pytest.fixture(scope="session")
def table(make_table):
    """A box, a block, a book with another block on it, and a banana."""
    return make_table()
