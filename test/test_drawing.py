"""Pictures keep their size, show what they should, and survive odd input."""

import numpy as np
import pytest

from ris_ros.drawing import draw_candidates, draw_proposals, draw_result, draw_sheet
from ris_ros.types import Candidate, Description, Proposals, Query, Result


def make_result(height: int, width: int, text: str, found: bool = True) -> Result:
    mask = np.zeros((height, width), bool)
    mask[height // 4:height // 2 + 1, width // 4:width // 2 + 1] = found
    box = Proposals.from_masks(mask[None]).boxes[0]
    candidates = [Candidate(0, mask, box, 0.9, {"cosine": 0.3})] if found else []
    query = Query(text, text, (Description(text),))
    return Result(found, mask, box, 0.9, 0.9, candidates, query, reason="" if found else "no cup", instances=candidates)


@pytest.mark.parametrize(("height", "width"), [(120, 160), (1, 1), (1, 300), (300, 1), (900, 30)])
@pytest.mark.parametrize("text", ["the red cup", "die grüne Tasse — 杯子", "x" * 500, "a\nb"])
def test_every_size_and_text_is_drawn(height, width, text):
    image = np.full((height, width, 3), 128, np.uint8)
    for found in (True, False):
        result = make_result(height, width, text, found)
        for picture in (draw_result(image, result), draw_candidates(image, result.candidates)):
            assert picture.shape == image.shape
            assert picture.dtype == np.uint8
    assert (image == 128).all()


def test_the_target_is_marked_and_the_rest_is_left():
    image = np.full((120, 160, 3), 128, np.uint8)
    picture = draw_result(image, make_result(120, 160, "cup"))
    assert (picture[45, 60] != 128).any()
    assert (picture[110, 150] == 128).all()


def test_parts_inside_a_large_proposal_are_seen():
    masks = np.zeros((2, 60, 60), bool)
    masks[0, 20:30, 20:30] = True
    masks[1, 10:50, 10:50] = True
    picture = draw_proposals(np.full((60, 60, 3), 128, np.uint8), Proposals.from_masks(masks))
    assert (picture[25, 25] != picture[40, 40]).any()


def test_a_sheet_holds_every_tile():
    red, blue = (np.full((30, 40, 3), colour, np.uint8) for colour in ([255, 0, 0], [0, 0, 255]))
    sheet = draw_sheet([(red, "one"), (blue, "two"), (red, "three")], columns=2, tile_width=120)
    assert (sheet == [255, 0, 0]).all(axis=2).sum() == 2 * 120 * 90
    assert (sheet == [0, 0, 255]).all(axis=2).sum() == 120 * 90
