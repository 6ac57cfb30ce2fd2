"""Boxes and grasps around points of known solids, which only show the sides that face the camera."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.geometry.boxes import extent, fit_box
from ris_ros.geometry.grasps import fit_grasp
from ris_ros.geometry.objects import OrientedBox
from ris_ros.geometry.support import Support

# A level camera, half a metre above a table: x right, y down, z forward.
UP = np.array([0.0, -1.0, 0.0])
TABLE = Support(UP, -0.5, "given")


def on_table(x, z, height):
    """Return points [P, 3] at a place of the table, from its right (x), its far end (z) and the height above it."""
    return np.column_stack([np.ravel(x), 0.5 - np.ravel(height), np.ravel(z)])


def visible_cuboid(centre, yaw, size, steps=25):
    """Return points of the top and of the two sides that face the camera."""
    length, width, height = size
    a, b = (grid.ravel() for grid in np.meshgrid(np.linspace(-0.5, 0.5, steps), np.linspace(-0.5, 0.5, steps)))
    half = np.full(a.size, 0.5)
    faces = []
    for u, v, w, normal in ((a, b, half, None), (half, a, b, (1, 0)), (-half, a, b, (-1, 0)), (a, half, b, (0, 1)),
                            (a, -half, b, (0, -1))):
        turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
        ground = np.column_stack([u * length, v * width]) @ turn.T + centre
        if normal is None or (turn @ normal) @ ground.mean(0) < 0:
            faces.append(on_table(ground[:, 0], ground[:, 1], (w + 0.5) * height))
    return np.concatenate(faces)


@pytest.mark.parametrize("yaw", np.radians([0, 20, 65, 90, 130]))
@pytest.mark.parametrize("size", [(0.3, 0.2, 0.1), (0.2, 0.12, 0.3)])
def test_the_box_of_a_cuboid_has_its_pose_and_size(yaw, size):
    box = fit_box(visible_cuboid((0.2, 1.0), yaw, size), TABLE)
    np.testing.assert_allclose(box.centre, (0.2, 0.5 - size[2] / 2, 1.0), atol=0.004)
    np.testing.assert_allclose(box.size, size, atol=0.004)
    # The columns are the longer side, the shorter one and up, and make a rotation.
    assert abs(box.axes[:, 0] @ (np.cos(yaw), 0, np.sin(yaw))) > np.cos(np.radians(1))
    np.testing.assert_allclose(box.axes[:, 2], UP, atol=1e-12)
    np.testing.assert_allclose(box.axes.T @ box.axes, np.eye(3), atol=1e-12)
    assert np.linalg.det(box.axes) == pytest.approx(1)


@pytest.mark.parametrize("yaw", np.radians([25, 45, 70]))
def test_two_sides_without_the_top_are_enough(yaw):
    # Any rectangle around a corner of the ground has the same area along the diagonal: points must lie on its sides.
    points = visible_cuboid((0.0, 1.0), yaw, (0.3, 0.2, 0.1))
    sides = points[TABLE.heights(points) < 0.09]
    box = fit_box(sides, TABLE)
    assert abs(box.axes[:, 0] @ (np.cos(yaw), 0, np.sin(yaw))) > np.cos(np.radians(2))
    np.testing.assert_allclose(box.size[:2], (0.3, 0.2), atol=0.006)


def test_the_hidden_half_of_a_standing_cylinder_is_added():
    angle, height = (grid.ravel() for grid in np.meshgrid(np.linspace(0, np.pi, 80), np.linspace(0, 0.12, 30)))
    # The camera sees the half that faces it: around the direction from (0.3, 0.9) to the origin.
    towards = np.arctan2(-0.9, -0.3)
    x, z = 0.3 + 0.04 * np.cos(angle - np.pi / 2 + towards), 0.9 + 0.04 * np.sin(angle - np.pi / 2 + towards)
    box = fit_box(on_table(x, z, height), TABLE)
    np.testing.assert_allclose(box.size, (0.08, 0.08, 0.12), atol=0.005)
    np.testing.assert_allclose(box.centre, (0.3, 0.44, 0.9), atol=0.005)
    # A gripper along the second axis closes across the line of sight.
    assert abs(box.axes[:, 0] @ (0.3, 0, 0.9)) / np.hypot(0.3, 0.9) > 0.999
    assert abs(box.axes[:, 1] @ (0.3, 0, 0.9)) < 0.05


def test_the_hidden_part_of_a_lying_cylinder_is_added():
    # 0.3 m long, of radius 0.04, across the view, 1 m away: its upper front is visible.
    along, angle = (grid.ravel() for grid in np.meshgrid(np.linspace(-0.15, 0.15, 60), np.linspace(
        -np.pi / 2, np.pi / 2, 60)))
    sight = np.arctan2(0.5 - 0.04, -1.0)
    z, height = 1.0 + 0.04 * np.cos(angle + sight), 0.04 + 0.04 * np.sin(angle + sight)
    box = fit_box(on_table(along, z, height), TABLE)
    np.testing.assert_allclose(box.size, (0.3, 0.08, 0.08), atol=0.006)
    np.testing.assert_allclose(box.centre, (0, 0.46, 1.0), atol=0.005)


def test_a_box_stands_on_its_support_and_is_never_flat():
    points = visible_cuboid((0.0, 1.0), 0.3, (0.3, 0.2, 0.0))
    box = fit_box(points, TABLE)
    assert box.size[2] == pytest.approx(1e-3)
    assert box.centre[1] == pytest.approx(0.5 - 0.5e-3)


def test_the_extent_leaves_out_a_few_outliers_at_each_end():
    # 0.4 % of 1,000 steps are 4 steps.
    np.testing.assert_allclose(extent(np.arange(1001.0)), (4, 996))
    np.testing.assert_allclose(extent(np.column_stack([np.arange(1001.0), -np.arange(1001.0)])),
                               [[4, -996], [996, -4]])


def bar(along, low, high, count=30):
    """Return points of a thin wall across the box, at some length of it."""
    across = np.linspace(low, high, count)
    return np.column_stack([np.full(count, along), across, np.zeros(count)])


BOX = OrientedBox(np.array([1.0, 2.0, 3.0]), np.eye(3), np.array([0.4, 0.2, 0.1]))


def test_a_grasp_closes_on_the_middle_of_the_object():
    # Wide at its ends, narrow and to one side at its middle: within 0.05 * 0.4 m of it.
    points = np.concatenate([bar(-0.19, -0.1, 0.1), bar(0.0, -0.01, 0.03, 1001), bar(0.021, -0.1, 0.1)]) + BOX.centre
    grasp = fit_grasp(points, BOX)
    assert grasp.opening == pytest.approx(0.04 * 0.992)
    np.testing.assert_allclose(grasp.centre, (1.0, 2.01, 3.0), atol=1e-9)
    np.testing.assert_array_equal(grasp.closing, (0, 1, 0))
    np.testing.assert_array_equal(grasp.approach, (0, 0, -1))


@pytest.mark.parametrize(("along", "counts"), [(0.009, True), (0.011, False), (-0.009, True), (-0.011, False)])
def test_a_grasp_of_a_short_object_closes_on_a_slice_of_two_centimetres(along, counts):
    short = OrientedBox(np.zeros(3), np.eye(3), np.array([0.1, 0.08, 0.1]))
    opening = fit_grasp(np.concatenate([bar(along, -0.04, 0.04), bar(0.0, -0.01, 0.01, 40)]), short).opening
    assert (opening > 0.07) == counts


@pytest.mark.parametrize(("count", "opening"), [(20, 0.04), (19, 0.2)])
def test_a_grasp_without_enough_surface_is_as_wide_as_the_box(count, opening):
    grasp = fit_grasp(bar(0.0, -0.02, 0.02, count) + BOX.centre, BOX)
    assert grasp.opening == pytest.approx(opening, rel=0.01)
    np.testing.assert_allclose(grasp.centre, BOX.centre, atol=1e-9)
