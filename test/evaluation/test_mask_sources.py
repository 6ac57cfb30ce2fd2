from __future__ import annotations

import json

import numpy as np
import pytest

from ris_ros.config import ProposalsConfig
from ris_ros.errors import InputError
from ris_ros.evaluation.datasets import load_dataset
from ris_ros.evaluation.mask_sources import GivenMasks, ProposedMasks, make_mask_source, true_masks
from ris_ros.types import Proposals
from ris_ros.utils.masks import mask_to_rle


@pytest.fixture
def picture(refer_root):
    return load_dataset("refcoco", refer_root(), "val").pictures[0]


def test_true_masks_are_all_annotated_objects(picture):
    proposals = true_masks(picture, picture.read_image())
    assert proposals.masks.sum(axis=(1, 2)).tolist() == [100, 100]


def runs(image, x):
    mask = np.zeros(image.shape[:2], bool)
    mask[2:6, x:x + 4] = True
    return mask_to_rle(mask)


def test_given_masks_are_found_by_id_or_by_name(picture, tmp_path):
    image = picture.read_image()
    empty = mask_to_rle(np.zeros(image.shape[:2], bool))
    rows = [{"image_id": 9, "segmentation": runs(image, 1), "score": 0.5}, {"image_id": 9, "segmentation": empty},
            {"image_id": 9, "segmentation": runs(image, 20), "score": 0.9},
            {"image_id": 25, "segmentation": runs(image, 5), "score": 0.1}]
    (tmp_path / "list.json").write_text(json.dumps(rows))
    proposals = make_mask_source(str(tmp_path / "list.json"))(picture, image)
    assert proposals.quality.tolist() == pytest.approx([0.5, 0.9])
    whole = {"images": [{"id": 9, "file_name": "else.jpg"}, {"id": 7, "file_name": picture.file.name}],
             "annotations": [{**rows[0], "image_id": 7}]}
    (tmp_path / "whole.json").write_text(json.dumps(whole))
    assert len(GivenMasks(tmp_path / "whole.json")(picture, image)) == 1


def test_a_file_without_masks_of_the_picture_is_refused(picture, tmp_path):
    (tmp_path / "m.json").write_text(json.dumps([{"image_id": 25, "segmentation": []}]))
    with pytest.raises(InputError, match=r"m\.json has no masks for COCO_train2014_000000000009\.jpg \(id 9\)"):
        GivenMasks(tmp_path / "m.json")(picture, picture.read_image())
    for content in ("{", "{}", "[1]", "[{}]"):
        (tmp_path / "m.json").write_text(content)
        with pytest.raises(InputError, match="COCO's format"):
            GivenMasks(tmp_path / "m.json")


def test_proposed_masks_are_cached(picture, tmp_path):
    image, calls = picture.read_image(), []

    class Proposer:
        config = ProposalsConfig()

        def __call__(self, image):
            calls.append(image)
            masks = np.zeros((2, *image.shape[:2]), bool)
            masks[0, 3:9, 4:7] = masks[1, :, 50] = True
            return Proposals.from_masks(masks, np.array([0.9, 1 / 3], np.float32))

    first = ProposedMasks(Proposer(), tmp_path / "kept")(picture, image)
    second = ProposedMasks(Proposer(), tmp_path / "kept")(picture, image)
    assert len(calls) == 1
    for name in ("masks", "boxes", "quality"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    other = Proposer()
    other.config = ProposalsConfig(max_prompts=7)
    ProposedMasks(other, tmp_path / "kept")(picture, image)
    ProposedMasks(Proposer(), tmp_path / "kept")(picture, image + 1)
    assert len(calls) == 3
    assert ProposedMasks(Proposer())(picture, image) is None  # the method proposes masks itself
