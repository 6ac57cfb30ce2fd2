from __future__ import annotations

import numpy as np
import pytest

from ris_ros.sim.poses import pose, world_vertices
from ris_ros.sim.scene import Scene, SceneObject
from ris_ros.sim.shapes import CATEGORIES


@pytest.mark.parametrize("category", [name for name, shape in CATEGORIES.items() if shape.lying_tilt is not None])
def test_an_object_on_its_side_rests_on_two_ends(category):
    scene = Scene((SceneObject(category, "red", (0.1, 0.2, 0.0), yaw=0.7, scale=1.1, lying=True),))
    vertices = world_vertices(scene, 0)
    touching = vertices[vertices[:, 2] < 5e-4]
    assert vertices[:, 2].min() == pytest.approx(0, abs=1e-9)
    assert np.linalg.norm(np.ptp(touching[:, :2], axis=0)) > 0.03
    _, axis = pose(scene, 0)[0] @ (1, 0, 0), pose(scene, 0)[0] @ (0, 0, 1)
    assert abs(axis[2]) < 0.3


def test_the_underside_of_an_object_is_at_its_position():
    scene = Scene((SceneObject("box", "red", (0.1, -0.2, 0.0), yaw=1.0, scale=1.2),))
    vertices = world_vertices(scene, 0)
    np.testing.assert_allclose((vertices.min(0) + vertices.max(0))[:2] / 2, (0.1, -0.2), atol=1e-3)
    assert np.ptp(vertices[:, 2]) == pytest.approx(1.2 * CATEGORIES["box"].size[2])
