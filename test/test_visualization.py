"""Drawings of results: size, content and unusual input."""

import numpy as np
import pytest

from ris_ros.geometry import Grasp, Object3D, OrientedBox, Points
from ris_ros.types import CameraModel, Candidate, Description, Proposals, Query, Result
from ris_ros.visualization import draw_candidates, draw_objects, draw_proposals, draw_result, draw_sheet


def make_result(height: int, width: int, text: str, found: bool = True) -> Result:
    mask = np.zeros((height, width), bool)
    mask[height // 4:height // 2 + 1, width // 4:width // 2 + 1] = found
    box = Proposals.from_masks(mask[None]).boxes[0]
    candidates = [Candidate(0, mask, box, 0.9, {"cosine": 0.3})] if found else []
    query = Query(text, text, (Description(text),))
    return Result(found, mask, box, 0.9, 0.9, candidates, query, reason="" if found else "no cup", instances=candidates)


@pytest.mark.parametrize(("height", "width"), [(120, 160), (1, 1), (1, 300), (300, 1), (900, 30)])
@pytest.mark.parametrize("text", ["the red cup", "die grüne Tasse — 杯子", "x" * 500, "a\nb"])
def test_images_of_any_size_and_any_text_can_be_drawn(height, width, text):
    image = np.full((height, width, 3), 128, np.uint8)
    for found in (True, False):
        result = make_result(height, width, text, found)
        for drawing in (draw_result(image, result), draw_candidates(image, result.candidates)):
            assert drawing.shape == image.shape
            assert drawing.dtype == np.uint8
    assert (image == 128).all()


def test_only_the_target_is_marked():
    image = np.full((120, 160, 3), 128, np.uint8)
    drawing = draw_result(image, make_result(120, 160, "cup"))
    assert (drawing[45, 60] != 128).any()
    assert (drawing[110, 150] == 128).all()


def test_small_proposals_inside_a_large_one_are_visible():
    masks = np.zeros((2, 60, 60), bool)
    masks[0, 20:30, 20:30] = True
    masks[1, 10:50, 10:50] = True
    drawing = draw_proposals(np.full((60, 60, 3), 128, np.uint8), Proposals.from_masks(masks))
    assert (drawing[25, 25] != drawing[40, 40]).any()


def test_a_sheet_contains_every_tile():
    red, blue = (np.full((30, 40, 3), colour, np.uint8) for colour in ([255, 0, 0], [0, 0, 255]))
    sheet = draw_sheet([(red, "one"), (blue, "two"), (red, "three")], columns=2, tile_width=120)
    assert (sheet == [255, 0, 0]).all(axis=2).sum() == 2 * 120 * 90
    assert (sheet == [0, 0, 255]).all(axis=2).sum() == 120 * 90


def make_object(box: OrientedBox) -> Object3D:
    points = Points(np.zeros((0, 3)), np.zeros((0, 2)), np.zeros((0, 3)))
    grasp = Grasp(box.centre, box.axes[:, 1], -box.axes[:, 2], 0.2)
    return Object3D(points, box.centre, box, grasp, box.axes[:, 2], "given")


def test_a_box_is_drawn_at_its_projection():
    camera = CameraModel(np.array([[100.0, 0, 80], [0, 100, 60], [0, 0, 1]]))
    box = OrientedBox(np.array([0.0, 0.0, 1.0]), np.eye(3), np.array([0.4, 0.2, 0.2]))
    image = np.full((120, 160, 3), 128, np.uint8)
    drawing = draw_objects(image, [make_object(box)], camera)
    rows, columns = np.nonzero((drawing != image).any(2))
    # At the near face, 0.9 m away, 1 m is 100 / 0.9 pixels.
    np.testing.assert_allclose((columns.min(), columns.max(), rows.min(), rows.max()), (58, 102, 49, 71), atol=1)
    behind = OrientedBox(np.array([0.0, 0.0, -1.0]), np.eye(3), box.size)
    np.testing.assert_array_equal(draw_objects(image, [make_object(behind)], camera), image)
