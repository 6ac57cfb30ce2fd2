"""Results as plain data."""

import json

import numpy as np
from pycocotools import mask as coco

from ris_ros.serialization import proposals_to_dict, result_to_dict
from ris_ros.types import Candidate, Description, Proposals, Query, Result
from ris_ros.utils.masks import mask_to_rle


def make_result() -> Result:
    mask = np.zeros((7, 9), bool)
    mask[2:5, 3:8] = True
    box = Proposals.from_masks(mask[None]).boxes[0]
    query = Query("The cup", "the cup", (Description("the cup", "cup"),))
    return Result(True, mask, box, 0.75, 0.5, [Candidate(4, mask, box, 0.75, {"cosine": 0.25})], query, {"text": 0.1})


def test_a_result_survives_the_round_trip_through_json():
    answer = json.loads(json.dumps(result_to_dict(make_result(), mask=True)))
    assert answer["found"] is True
    assert answer["text"] == "The cup"
    assert answer["box"] == [3, 2, 8, 5]
    assert answer["candidates"][0]["terms"] == {"cosine": 0.25}
    assert answer["timings"] == {"text": 0.1}
    assert (coco.decode(answer["mask"]) == make_result().mask).all()
    assert (coco.decode(answer["candidates"][0]["mask"]) == make_result().mask).all()


def test_masks_are_left_out_by_default():
    assert "mask" not in json.dumps(result_to_dict(make_result()))


def test_proposals_become_lists_of_masks_boxes_and_quality():
    masks = np.stack([make_result().mask, ~make_result().mask])
    answer = json.loads(json.dumps(proposals_to_dict(Proposals.from_masks(masks, np.array([0.5, 0.25])))))
    assert answer["boxes"] == [[3, 2, 8, 5], [0, 0, 9, 7]]
    assert answer["quality"] == [0.5, 0.25]
    assert [coco.decode(mask).sum() for mask in answer["masks"]] == [15, 48]


def test_an_empty_mask_can_be_encoded():
    assert coco.decode(mask_to_rle(np.zeros((3, 4), bool))).sum() == 0
