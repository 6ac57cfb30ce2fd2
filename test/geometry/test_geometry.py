from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ris_ros import geometry
from ris_ros.errors import InputError
from ris_ros.geometry import locate
from ris_ros.sim.poses import pose, rotation, world_vertices
from ris_ros.sim.render import Renderer
from ris_ros.sim.scene import Camera, Scene, SceneObject
from ris_ros.sim.shapes import CATEGORIES
from ris_ros.types import CameraModel, Depth

TABLE = Scene((SceneObject("box", "blue", (0.05, 0.1, 0.0), yaw=0.4), SceneObject("block", "red", (-0.2, -0.1, 0.0),
               yaw=-1.1), SceneObject("book", "green", (0.30, -0.1, 0.0), yaw=1.2), SceneObject("block", "white",
               (0.30, -0.1, 0.030), yaw=0.3, support=2), SceneObject("banana", "yellow", (-0.25, 0.12, 0.0), yaw=2.0)))
BOX, BLOCK, _, UPPER_BLOCK, BANANA = range(5)


@pytest.fixture(scope="module")
def renderer():
    with Renderer() as renderer:
        yield renderer


@pytest.fixture(scope="module")
def table(renderer):
    return renderer.render(TABLE)


def depth_of(rendering, metres=None):
    return Depth(rendering.depth if metres is None else metres, CameraModel(rendering.intrinsics))


def truth(scene, index):
    """Centre [3], longer axis [3] and size [3] (length, width, height) of an object's upright box in the world."""
    turn, shift = pose(scene, index)
    local = (world_vertices(scene, index) - shift) @ turn
    low, high = local.min(0), local.max(0)
    size = high - low
    longer = int(size[1] > size[0])
    return turn @ ((low + high) / 2) + shift, turn[:, longer], np.array([size[longer], size[1 - longer], size[2]])


def check_box(scene, index, rendering, found, centre=0.01, angle=10, size=0.01):
    there = found.moved(rendering.camera_pose)
    true_centre, longer, true_size = truth(scene, index)
    assert np.linalg.norm(there.box.centre - true_centre) < centre
    assert np.degrees(np.arccos(min(1, abs(there.box.axes[:, 0] @ longer)))) < angle
    np.testing.assert_allclose(there.box.size, true_size, atol=size)


@pytest.mark.parametrize("index", [BOX, BLOCK, UPPER_BLOCK])
def test_boxes_are_where_they_are(table, index):
    found = locate(table.mask(index), depth_of(table), table.image)
    check_box(TABLE, index, table, found, centre=0.005, angle=2, size=0.006)
    assert found.up_from == "support"
    np.testing.assert_allclose(table.camera_pose[:3, :3] @ found.up, (0, 0, 1), atol=0.01)


def test_points_are_those_of_the_mask_with_their_colours(table):
    points = locate(table.mask(BOX), depth_of(table), table.image).points
    assert points.xyz.dtype == np.float32 and points.colours.dtype == np.uint8
    columns, rows = points.pixels.T
    assert table.mask(BOX)[rows, columns].all()
    assert len(points) > 0.95 * table.mask(BOX).sum()
    np.testing.assert_array_equal(points.colours, table.image[rows, columns])
    np.testing.assert_allclose(points.xyz[:, 2], table.depth[rows, columns], atol=1e-6)
    projected = points.xyz @ table.intrinsics.T
    np.testing.assert_allclose(projected[:, :2] / projected[:, 2:], points.pixels, atol=1e-3)
    assert not locate(table.mask(BOX), depth_of(table)).points.colours.any()


def test_the_grasp_closes_across_the_shorter_side(table):
    found = locate(table.mask(BLOCK), depth_of(table)).moved(table.camera_pose)
    _, longer, size = truth(TABLE, BLOCK)
    assert abs(found.grasp.closing @ longer) < 0.05
    assert found.grasp.opening == pytest.approx(size[1], abs=0.01)
    np.testing.assert_allclose(found.grasp.approach, (0, 0, -1), atol=0.01)
    across = np.array([-longer[1], longer[0]])
    expected = np.arctan2(across[1], across[0])
    assert abs((found.grasp.yaw - expected + np.pi / 2) % np.pi - np.pi / 2) < np.radians(3)
    assert -np.pi / 2 < found.grasp.yaw <= np.pi / 2


def test_a_bent_thing_is_grasped_where_it_is(table):
    found = locate(table.mask(BANANA), depth_of(table))
    assert found.grasp.opening < 0.8 * found.box.size[1]
    assert np.linalg.norm(found.points.xyz - found.grasp.centre, axis=1).min() < 0.02


def test_flying_pixels_and_a_generous_mask_do_no_harm(table):
    rng = np.random.default_rng(3)
    mask = cv2.dilate(table.mask(BOX).astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    # A stereo camera blends near and far at edges, is noisy and sees nothing here and there.
    metres = cv2.blur(table.depth, (3, 3)) + rng.normal(0, 0.0015, table.depth.shape).astype(np.float32)
    metres[rng.random(metres.shape) < 0.1] = rng.choice([0, np.nan, np.inf])
    found = locate(mask, depth_of(table, metres))
    check_box(TABLE, BOX, table, found)
    # The table around the box is not the box.
    columns, rows = found.points.pixels.T
    assert (table.instances[rows, columns] == BOX + 1).mean() > 0.98


def test_flying_pixels_are_dropped_one_by_one(table):
    metres = table.depth.copy()
    rows, columns = np.nonzero(table.mask(BOX) & ~np.roll(table.mask(BOX), 1, 0))      # The upper edge.
    metres[rows, columns] = (table.depth[rows + 2, columns] + table.depth[rows - 2, columns]) / 2
    step = np.abs(table.depth[rows + 2, columns] - table.depth[rows - 2, columns])
    flying = {(int(c), int(r)) for r, c, s in zip(rows, columns, step, strict=True) if s > 0.06}
    assert len(flying) > 20
    kept = {tuple(pixel) for pixel in locate(table.mask(BOX), depth_of(table, metres)).points.pixels.tolist()}
    assert len(flying & kept) < 0.1 * len(flying)


def test_a_given_up_is_taken(table):
    up = table.camera_pose[2, :3]
    found = locate(table.mask(BLOCK), depth_of(table), up=up)
    assert found.up_from == "given"
    np.testing.assert_allclose(found.up, up)
    check_box(TABLE, BLOCK, table, found, centre=0.005)


def test_without_anything_around_the_camera_counts_as_level(table):
    metres = np.where(table.mask(BOX), table.depth, np.nan)
    found = locate(table.mask(BOX), depth_of(table, metres))
    assert found.up_from == "camera"
    np.testing.assert_array_equal(found.up, (0, -1, 0))


@pytest.mark.parametrize("camera", [
    Camera(position=(0.0, 0.0, 0.9)), Camera(position=(0.6, -0.5, 0.5)), Camera(position=(0, -0.8, 0.4), fovy=60),
    Camera(width=1280, height=720), Camera(width=160, height=120)], ids=str)
def test_other_views_and_resolutions(renderer, camera):
    scene = dataclasses.replace(TABLE, camera=camera)
    rendering = renderer.render(scene)
    for index in (BOX, BLOCK):
        check_box(scene, index, rendering, locate(rendering.mask(index), depth_of(rendering)),
                  size=0.018 if camera.width < 200 else 0.01)


@pytest.mark.parametrize(("model", "distortion"), [
    ("plumb_bob", (-0.28, 0.07, 0.0008, -0.0005, 0.0)),
    ("rational_polynomial", (0.63, -2.9, 0.0003, -0.0002, 1.66, 0.51, -2.7, 1.58)),
    ("equidistant", (-0.02, 0.004, -0.003, 0.0007))])
def test_rays_undo_the_lens(model, distortion):
    k = np.array([[520.0, 0, 320], [0, 530, 235], [0, 0, 1]])
    directions = geometry.rays(CameraModel(k, distortion, model), 480, 640)
    rows, columns = np.mgrid[40:440:40, 40:600:40].reshape(2, -1)
    points = directions[rows, columns].astype(np.float64)[:, None]
    project = cv2.fisheye.projectPoints if model == "equidistant" else cv2.projectPoints
    pixels, _ = project(points, np.zeros((3, 1)), np.zeros((3, 1)), k, np.array(distortion))
    np.testing.assert_allclose(pixels.reshape(-1, 2), np.column_stack([columns, rows]), atol=0.02)


def test_a_fisheye_camera_sees_the_same_box(table):
    """The scene's depth as a fisheye camera in the same place measures it."""
    camera = CameraModel(np.array([[400.0, 0, 319.5], [0, 400, 239.5], [0, 0, 1]]), (-0.02, 0.004, 0, 0), "equidistant")
    directions = geometry.rays(camera, 480, 640) @ table.intrinsics.T.astype(np.float32)
    x, y = directions[..., 0], directions[..., 1]
    metres = cv2.remap(table.depth, x, y, cv2.INTER_NEAREST)
    mask = cv2.remap(table.mask(BOX).astype(np.uint8), x, y, cv2.INTER_NEAREST).astype(bool)
    check_box(TABLE, BOX, table, locate(mask, Depth(metres, camera)))


def test_moving_there_and_back_changes_nothing(table):
    found = locate(table.mask(BOX), depth_of(table))
    back = found.moved(table.camera_pose).moved(np.linalg.inv(table.camera_pose))
    np.testing.assert_allclose(back.points.xyz, found.points.xyz, atol=1e-6)
    np.testing.assert_allclose(back.box.corners, found.box.corners, atol=1e-9)
    np.testing.assert_allclose(back.grasp.closing, found.grasp.closing, atol=1e-9)
    assert back.to_dict() == found.to_dict()


def test_corners_span_the_box():
    turn = rotation("z", 0.3)
    box = geometry.OrientedBox(np.array([1.0, 2, 3]), turn, np.array([0.4, 0.2, 0.1]))
    local = (box.corners - box.centre) @ turn
    np.testing.assert_allclose(np.abs(local), np.tile([0.2, 0.1, 0.05], (8, 1)))
    assert len(np.unique(np.sign(local), axis=0)) == 8


@pytest.mark.parametrize("yaw", np.radians([-89, -30, 0, 45, 90]))
def test_yaw_is_the_angle_of_the_fingers(yaw):
    for sign in (1, -1):
        closing = sign * np.array([np.cos(yaw), np.sin(yaw), 0])
        grasp = geometry.Grasp(np.zeros(3), closing, np.array([0.0, 0, -1]), 0.1)
        assert grasp.yaw == pytest.approx(yaw, abs=1e-9)


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
def test_what_cannot_be_used_is_refused_in_one_line(table, change, words):
    camera = change.get("camera", CameraModel(table.intrinsics))
    with pytest.raises(InputError, match=words):
        locate(change.get("mask", table.mask(BOX)), Depth(change.get("metres", table.depth), camera),
               change.get("image"))


def test_depth_in_pieces_is_refused(table):
    metres = np.where(np.indices(table.depth.shape).sum(0) % 2, 1.0, 3.0).astype(np.float32)
    with pytest.raises(InputError, match="in pieces"):
        locate(table.mask(BOX), depth_of(table, metres))


def test_a_camera_info_becomes_a_model():
    info = SimpleNamespace(k=[500.0, 0, 320, 0, 510, 240, 0, 0, 1], d=np.array([0.1, 0.2, 0, 0, 0]),
                           distortion_model="")
    model = geometry.camera_model(info)
    assert model.intrinsics[1].tolist() == [0, 510, 240]
    assert (model.distortion, model.model) == ((0.1, 0.2, 0, 0, 0), "plumb_bob")


@pytest.mark.parametrize("camera", [
    CameraModel(np.array([[520.0, 0, 320], [0, 530, 235], [0, 0, 1]])),
    CameraModel(np.array([[520.0, 0, 320], [0, 530, 235], [0, 0, 1]]), (-0.28, 0.07, 0.0008, -0.0005, 0.0)),
    CameraModel(np.array([[420.0, 0, 320], [0, 420, 235], [0, 0, 1]]), (-0.02, 0.004, 0, 0), "equidistant")],
    ids=["plain", "bent", "fisheye"])
def test_projecting_goes_back_to_the_pixel(camera):
    directions = geometry.rays(camera, 480, 640)
    rows, columns = np.mgrid[60:420:60, 60:600:60].reshape(2, -1)
    np.testing.assert_allclose(geometry.project(camera, 0.7 * directions[rows, columns]),
                               np.column_stack([columns, rows]), atol=0.05)
    assert np.isnan(geometry.project(camera, np.array([[0.1, 0.1, -1.0], [0, 0, 0]]))).all()


def test_a_pixel_without_a_ray_gets_none():
    # Such coefficients fold the picture's corners back into it.
    directions = geometry.rays(CameraModel(np.array([[300.0, 0, 320], [0, 300, 240], [0, 0, 1]]),
                                           (-0.5, 0.0, 0.0, 0.0)), 480, 640)
    assert np.isnan(directions[0, 0, 0]) and np.isfinite(directions[200:280, 260:380]).all()


def test_every_catalogue_shape_has_its_place_and_height(renderer):
    # Tall ones behind, so that nothing hides anything.
    ordered = sorted(CATEGORIES, key=lambda category: CATEGORIES[category].size[2])
    scene = Scene(tuple(SceneObject(category, "red", (-0.44 + 0.22 * (i % 5), -0.26 + 0.26 * (i // 5), 0.0), yaw=0.7)
                        for i, category in enumerate(ordered)), camera=Camera(position=(0, -0.8, 0.9), fovy=52))
    rendering = renderer.render(scene)
    for index, category in enumerate(ordered):
        found = locate(rendering.mask(index), depth_of(rendering)).moved(rendering.camera_pose)
        centre, _, size = truth(scene, index)
        assert found.box.size[2] == pytest.approx(size[2], abs=0.006), category
        assert np.linalg.norm(found.box.centre - centre) < 0.03, category
