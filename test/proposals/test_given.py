"""Proposals from label images and COCO annotations."""

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from ris_ros.errors import InputError
from ris_ros.proposals.given import from_coco, from_labels, read_masks
from ris_ros.utils.masks import mask_to_rle

LABELS = np.zeros((20, 30), np.uint8)
LABELS[2:8, 3:13] = 1
LABELS[10:18, 20:29] = 200


def test_labels_become_masks_sorted_by_value():
    proposals = from_labels(LABELS)
    assert proposals.boxes.tolist() == [[3, 2, 13, 8], [20, 10, 29, 18]]
    assert (proposals.masks[1] == (LABELS == 200)).all()
    assert len(from_labels(np.zeros((4, 5), int))) == 0
    with pytest.raises(InputError, match="integers"):
        from_labels(LABELS.astype(float))


@pytest.mark.parametrize("suffix, kind", [("png", np.uint8), ("png", np.uint16), ("tiff", np.uint16)])
def test_label_images_of_8_and_16_bits(tmp_path, suffix, kind):
    labels = LABELS.astype(kind) * (1 if kind == np.uint8 else 300)
    Image.fromarray(labels).save(tmp_path / f"labels.{suffix}")
    assert (read_masks(tmp_path / f"labels.{suffix}", 20, 30).masks == from_labels(LABELS).masks).all()


def test_a_palette_image_is_its_indices(tmp_path):
    palette_image = Image.fromarray(LABELS, mode="L").convert("P")
    palette_image.putpalette(list(range(256)) * 3)
    palette_image.save(tmp_path / "voc.png")
    assert len(read_masks(tmp_path / "voc.png", 20, 30)) == 2


def test_polygons_and_both_run_length_forms_agree():
    mask = LABELS == 1
    counts, value, run = [], False, 0
    for pixel in mask.T.ravel():
        if pixel != value:
            counts.append(run)
            value, run = pixel, 0
        run += 1
    counts.append(run)
    proposals = from_coco([
        {"segmentation": [[3, 2, 13, 2, 13, 8, 3, 8]], "score": 0.5},
        {"segmentation": {"size": [20, 30], "counts": counts}},
        {"segmentation": mask_to_rle(mask)},
    ], 20, 30)
    assert (proposals.masks == mask).all()
    assert proposals.quality.tolist() == [0.5, 1, 1]


def test_two_polygons_of_one_object_are_one_mask():
    proposals = from_coco([{"segmentation": [[0, 0, 4, 0, 4, 4, 0, 4], [10, 10, 14, 10, 14, 14, 10, 14]]}], 20, 30)
    assert proposals.boxes.tolist() == [[0, 0, 14, 14]]


def test_a_data_set_gives_the_masks_of_the_named_image(tmp_path):
    file = tmp_path / "set.json"
    runs = [mask_to_rle(value == LABELS) for value in (1, 200)]
    file.write_text(json.dumps({
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "b.png"}],
        "annotations": [{"image_id": 7, "segmentation": runs[0]}, {"image_id": 8, "segmentation": runs[1]}]}))
    assert (read_masks(file, 20, 30, "b.png").masks == (LABELS == 200)).all()
    with pytest.raises(InputError, match="2 images; name the one"):
        read_masks(file, 20, 30)
    with pytest.raises(InputError, match=r"0 images named 'c\.png'"):
        read_masks(file, 20, 30, "c.png")
    file.write_text(json.dumps([{"segmentation": runs[0]}]))
    assert len(read_masks(file, 20, 30)) == 1


@pytest.mark.parametrize("content", ["{", '{"images": []}', '[{"segmentation": 3}]', "[{}]", "3",
                                     '[{"segmentation": [[1, 2]]}]', '[{"segmentation": [[1, 2, 3, 4]]}]',
                                     '[{"segmentation": []}]', '[{"segmentation": [7]}]', '[{"segmentation": [null]}]',
                                     '[{"segmentation": [["a", "b", "c", "d", "e", "f"]]}]',
                                     '[{"segmentation": [[1, 2, 3, 4, 5, 1e999]]}]', '[{"segmentation": {}}]', "[7]",
                                     '[{"segmentation": {"size": [20, 30], "counts": 7}}]',
                                     '[{"segmentation": {"size": ["a", 30], "counts": "1"}}]',
                                     '[{"segmentation": {"size": [20, 30], "counts": [-1, 601]}}]',
                                     '[{"segmentation": {"size": [20, 30], "counts": "\\ud800"}}]',
                                     '[{"segmentation": {"size": [3, 3], "counts": [9]}}]'])
def test_unreadable_annotations_are_refused_in_one_line(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError) as refusal:
        read_masks(tmp_path / "x.json", 20, 30)
    assert "\n" not in str(refusal.value)


def test_label_images_that_do_not_fit_are_refused(tmp_path):
    Image.fromarray(LABELS).save(tmp_path / "labels.png")
    with pytest.raises(InputError, match="640 x 480 pixels like its image"):
        read_masks(tmp_path / "labels.png", 480, 640)
    (tmp_path / "labels.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="cannot read masks from"):
        read_masks(tmp_path / "labels.png", 20, 30)
    with pytest.raises(InputError, match="cannot read masks from"):
        read_masks(tmp_path / "absent.png", 20, 30)


@pytest.mark.parametrize("seed", range(5))
def test_run_lengths_fill_the_image_or_are_refused(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((37, 53)) < rng.choice([0.01, 0.5, 0.99])
    runs = coco.encode(np.asfortranarray(mask, np.uint8))
    annotation = {"segmentation": {"size": [37, 53], "counts": runs["counts"].decode()}}
    np.testing.assert_array_equal(from_coco([annotation], 37, 53).masks[0], mask)
    annotation["segmentation"]["counts"] = annotation["segmentation"]["counts"][:-1]
    with pytest.raises(InputError):
        from_coco([annotation], 37, 53)
