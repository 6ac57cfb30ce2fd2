"""Locating objects from a mask and depth, on rendered tables."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.geometry import locate, rays
from ris_ros.sim.scene import Camera, SceneObject
from ris_ros.sim.shapes import CATEGORIES
from ris_ros.types import CameraModel, Depth


@pytest.mark.parametrize("name", ["box", "block", "upper block"])
def test_boxes_match_the_true_pose_and_size(table, name):
    found = table.locate(name, image=table.image)
    table.check_box(name, found, centre=0.005, angle=2, size=0.006)
    assert found.up_from == "support"
    np.testing.assert_allclose(table.camera_pose[:3, :3] @ found.up, (0, 0, 1), atol=0.01)


def test_points_lie_in_the_mask_and_have_the_pixels_colours(table):
    mask = table.mask("box")
    points = table.locate("box", image=table.image).points
    assert points.xyz.dtype == np.float32 and points.colours.dtype == np.uint8
    columns, rows = points.pixels.T
    assert mask[rows, columns].all()
    assert len(points) > 0.95 * mask.sum()
    np.testing.assert_array_equal(points.colours, table.image[rows, columns])
    np.testing.assert_allclose(points.xyz[:, 2], table.metres[rows, columns], atol=1e-6)
    projected = points.xyz @ table.intrinsics.T
    np.testing.assert_allclose(projected[:, :2] / projected[:, 2:], points.pixels, atol=1e-3)
    without_image = table.locate("box").points.colours
    assert without_image.dtype == np.uint8
    assert not without_image.any()


def test_the_grasp_closes_across_the_shorter_side(table):
    grasp = table.locate("block").transformed(table.camera_pose).grasp
    _, longer, size = table.true_box("block")
    assert abs(grasp.closing @ longer) < 0.05
    assert grasp.opening == pytest.approx(size[1], abs=0.01)
    np.testing.assert_allclose(grasp.approach, (0, 0, -1), atol=0.01)
    across = np.array([-longer[1], longer[0]])
    expected = np.arctan2(across[1], across[0])
    assert abs((grasp.yaw - expected + np.pi / 2) % np.pi - np.pi / 2) < np.radians(3)
    assert -np.pi / 2 < grasp.yaw <= np.pi / 2


def test_the_grasp_of_a_bent_object_fits_its_surface_not_its_box(table):
    found = table.locate("banana")
    assert found.grasp.opening < 0.8 * found.box.size[1]
    assert np.linalg.norm(found.points.xyz - found.grasp.centre, axis=1).min() < 0.02


def test_flying_pixels_and_a_dilated_mask_do_not_change_the_box(table):
    rng = np.random.default_rng(3)
    mask = cv2.dilate(table.mask("box").astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    # A stereo camera blends depth across edges, is noisy and misses some pixels.
    metres = cv2.blur(table.metres, (3, 3)) + rng.normal(0, 0.0015, table.metres.shape).astype(np.float32)
    metres[rng.random(metres.shape) < 0.1] = rng.choice([0, np.nan, np.inf])
    found = locate(mask, table.depth(metres))
    table.check_box("box", found)
    # Points of the table around the box are dropped.
    columns, rows = found.points.pixels.T
    assert table.mask("box")[rows, columns].mean() > 0.98


def test_isolated_flying_pixels_are_dropped(table):
    mask, metres = table.mask("box"), table.metres.copy()
    rows, columns = np.nonzero(mask & ~np.roll(mask, 1, 0))      # The upper edge.
    metres[rows, columns] = (table.metres[rows + 2, columns] + table.metres[rows - 2, columns]) / 2
    step = np.abs(table.metres[rows + 2, columns] - table.metres[rows - 2, columns])
    flying = {(int(c), int(r)) for r, c, s in zip(rows, columns, step, strict=True) if s > 0.06}
    assert len(flying) > 20
    kept = {tuple(pixel) for pixel in table.locate("box", metres).points.pixels.tolist()}
    assert len(flying & kept) < 0.1 * len(flying)


def test_a_given_up_direction_is_used(table):
    up = table.camera_pose[2, :3]
    found = table.locate("block", up=up)
    assert found.up_from == "given"
    np.testing.assert_allclose(found.up, up)
    table.check_box("block", found, centre=0.005)


def test_without_surroundings_the_camera_is_assumed_level(table):
    found = table.locate("box", np.where(table.mask("box"), table.metres, np.nan))
    assert found.up_from == "camera"
    np.testing.assert_array_equal(found.up, (0, -1, 0))


@pytest.mark.parametrize("camera", [
    Camera(position=(0.0, 0.0, 0.9)), Camera(position=(0.6, -0.5, 0.5)), Camera(position=(0, -0.8, 0.4), fovy=60),
    Camera(width=1280, height=720), Camera(width=160, height=120)], ids=str)
def test_boxes_are_located_from_other_views_and_resolutions(make_table, camera):
    table = make_table(camera)
    for name in ("box", "block"):
        table.check_box(name, table.locate(name), size=0.018 if camera.width < 200 else 0.01)


def test_a_fisheye_camera_sees_the_same_box(table):
    """Locates the box in the scene's depth as a fisheye camera in the same pose measures it."""
    camera = CameraModel(np.array([[400.0, 0, 319.5], [0, 400, 239.5], [0, 0, 1]]), (-0.02, 0.004, 0, 0), "equidistant")
    directions = rays(camera, 480, 640) @ table.intrinsics.T.astype(np.float32)
    x, y = directions[..., 0], directions[..., 1]
    metres = cv2.remap(table.metres, x, y, cv2.INTER_NEAREST)
    mask = cv2.remap(table.mask("box").astype(np.uint8), x, y, cv2.INTER_NEAREST).astype(bool)
    table.check_box("box", locate(mask, Depth(metres, camera)))


def test_every_category_is_located_with_its_height(make_table):
    # Tall ones in the back, so that no object occludes another.
    by_height = sorted(CATEGORIES, key=lambda category: CATEGORIES[category].size[2])
    objects = {category: SceneObject(category, "red", (-0.44 + 0.22 * (i % 5), -0.26 + 0.26 * (i // 5), 0.0), yaw=0.7)
               for i, category in enumerate(by_height)}
    table = make_table(Camera(position=(0, -0.8, 0.9), fovy=52), objects)
    for category in by_height:
        box = table.locate(category).transformed(table.camera_pose).box
        centre, _, size = table.true_box(category)
        assert box.size[2] == pytest.approx(size[2], abs=0.006), category
        assert np.linalg.norm(box.centre - centre) < 0.03, category


@pytest.mark.parametrize(("change", "words"), [
    ({"mask": np.zeros((480, 640), bool)}, "mask is empty"),
    ({"mask": np.ones((480, 640), np.uint8)}, "must be bool"),
    ({"metres": np.ones((240, 320), np.float32)}, "320 x 240 pixels, but the mask 640 x 480"),
    ({"metres": np.full((480, 640), np.nan, np.float32)}, "depth is known at 0"),
    ({"metres": np.zeros((480, 640), np.float32)}, "depth is known at 0"),
    ({"metres": np.full((480, 640), 812, np.float32)}, "812 m away"),
    ({"camera": CameraModel(np.zeros((3, 3)))}, "calibrate"),
    ({"camera": CameraModel(np.eye(3), (0.1,) * 5, "omnidirectional")}, "'omnidirectional'"),
    ({"camera": CameraModel(np.eye(3), (0.1,) * 3)}, "4 or 5 coefficients, not 3"),
    ({"image": np.zeros((10, 10, 3), np.uint8)}, "the image is 10 x 10"),
])
def test_invalid_input_is_refused_in_one_line(table, change, words):
    camera = change.get("camera", CameraModel(table.intrinsics))
    with pytest.raises(InputError, match=words):
        locate(change.get("mask", table.mask("box")), Depth(change.get("metres", table.metres), camera),
               change.get("image"))


def test_depth_without_a_connected_surface_is_refused(table):
    metres = np.where(np.indices(table.metres.shape).sum(0) % 2, 1.0, 3.0).astype(np.float32)
    with pytest.raises(InputError, match="no connected surface"):
        table.locate("box", metres)
