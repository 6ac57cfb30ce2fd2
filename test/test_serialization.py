"""Results as plain data."""

import json
from dataclasses import replace

import numpy as np
import pytest
from pycocotools import mask as coco

from ris_ros.serialization import candidate_table, proposals_to_dict, result_to_dict
from ris_ros.types import Candidate, Description, Proposals, Query, Ranking, Relation, Result
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


CUP = Description("the cup", "cup")


@pytest.mark.parametrize(("target", "names"), [
    (CUP, []), (replace(CUP, region="left", ranking=Ranking("top"), relations=(Relation("above", (CUP,)),)), []),
    (replace(CUP, region="front", ranking=Ranking("near", -1)), ["front", "near"]),
    (replace(CUP, relations=(Relation("left of", (replace(CUP, relations=(Relation("on", (CUP,)),)),)),)), ["on"]),
    (replace(CUP, excluded=(replace(CUP, ranking=Ranking("large")),) * 2), ["large"]),
    (replace(CUP, relations=(Relation("same colour", (CUP,)), Relation("between", (CUP, CUP)))), ["between"])])
def test_missing_depth_is_noted_where_the_answer_lacks_something(target, names):
    result = replace(make_result(), query=Query("the cup", "the cup", (CUP, target)), note="a guess")
    judged = f" and {', '.join(map(repr, names))} judged by the picture alone" if names else ""
    assert result.noting_missing_depth("none", is_judged=True).note == (
        f"a guess; without depth (none): not located in 3-D{judged}")
    tracked = result.noting_missing_depth("none", is_judged=False)
    assert tracked.note == "a guess; without depth (none): not located in 3-D"
    absent = replace(result, found=False)
    assert ("without depth" in absent.noting_missing_depth("none", is_judged=True).note) == bool(names)
    assert absent.noting_missing_depth("none", is_judged=False).note == "a guess"
    assert result.noting_missing_depth("", is_judged=True).note == "a guess"


def table(terms, instances):
    """Return the table of candidates with these terms, of which the first `instances` are the answer."""
    mask = make_result().mask
    candidates = [Candidate(i, mask, make_result().box, float(np.prod(list(one.values()))), one)
                  for i, one in enumerate(terms)]
    titles, rows = candidate_table(result_to_dict(replace(
        make_result(), found=bool(instances), candidates=candidates, instances=candidates[:instances])))
    return [dict(zip(titles, row, strict=True)) for row in rows]


@pytest.mark.parametrize(("terms", "instances", "reasons"), [
    ([{"looks": 0.9, "place": 0.8}, {"looks": 0.3, "place": 0.8}, {"looks": 0.9, "place": 0.1}], 1,
     ["", "looks 0.300, the answer has 0.900", "place 0.100, the answer has 0.800"]),
    ([{"looks": 0.9}, {"looks": 0.88}], 1, ["", "fits nearly as well"]),
    ([{"looks": 0.9}, {"looks": 0.5}, {"looks": 0.3}], 2, ["", "", "looks 0.300, the answer has 0.500"]),
    ([{"looks": 0.2, "rank": 0.1}, {"looks": 0.0, "rank": 1.0}], 0, ["rank 0.100", "looks 0.000"]),
    ([{"looks": 0.0}, {"looks": 0.0}], 1, ["", "looks 0.000, the answer has 0.000"]),
    ([{"cosine": -0.1, "logit": -10.0}, {"cosine": -0.2, "logit": -20.0}], 1,
     ["", "logit -20.000, the answer has -10.000"]),
    ([], 0, [])])
def test_the_table_says_why_not_the_others(terms, instances, reasons):
    rows = table(terms, instances)
    assert [row["why not"] for row in rows] == reasons
    assert [row[""] for row in rows] == ["*"] * instances + [""] * (len(rows) - instances)
    assert [row["#"] for row in rows] == [str(rank) for rank in range(1, len(rows) + 1)]


def test_the_table_has_a_column_for_every_factor_and_takes_what_json_made_of_them():
    rows = table([{"looks": 0.5, "left of": 0.25}, {"looks": float("nan")}], 1)
    assert (rows[0]["left of"], rows[1]["left of"], rows[0]["score"]) == ("0.250", "", "0.125")
    answer = {"candidates": [{"index": 0, "box": [0, 0, 1, 1], "score": None, "terms": {"looks": None}}]}
    assert candidate_table(answer)[1] == [["", "1", "[0, 0, 1, 1]", "", "", ""]]


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
