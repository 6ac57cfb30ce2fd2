"""Prompted proposals of photographs with the default network: real weights, objects marked by hand."""

import os
from pathlib import Path

import numpy as np
import psutil
import pytest

from ris_ros.config import ProposalsConfig
from ris_ros.errors import InputError
from ris_ros.proposals import make_proposer
from ris_ros.tools.bench.boxes import installed_pictures, read_folder
from ris_ros.tools.bench.proposals import count_found
from ris_ros.utils.cancellation import Cancelled, cancellable
from ris_ros.utils.images import write_image
from ris_ros.utils.masks import box_iou, mask_box, pairwise_iou
from ris_ros.visualization import draw_proposals

data = pytest.importorskip("skimage.data")

MARKED = {
    "coffee": {
        "cup without saucer": (0.85, (173, 18, 408, 306), (173, 18, 408, 286)),
        "cup with saucer": (0.9, (77, 18, 480, 391)),
        "spoon": (0.8, (318, 67, 425, 326), (326, 200, 406, 326), (326, 230, 406, 326)),
        "saucer": (0.8, (77, 67, 480, 391)),
        "coffee surface": (0.85, (204, 96, 370, 194)),
    },
    "astronaut": {
        "person": (0.85, (19, 15, 363, 512), (19, 149, 363, 512), (19, 15, 512, 512)),
        "head": (0.8, (153, 15, 302, 190), (177, 75, 270, 190)),
        "patch": (0.85, (133, 349, 208, 423)),
        "name tag": (0.8, (279, 340, 330, 377)),
        "flag": (0.5, (0, 0, 100, 512)),
        "shuttle": (0.8, (354, 0, 458, 290), (354, 0, 458, 275)),
        "fuel tank": (0.8, (397, 0, 437, 178)),
        "helmet": (0.85, (277, 344, 512, 512)),
    },
    "chelsea": {
        "cat": (0.9, (0, 0, 400, 300)),
        "left eye": (0.8, (136, 86, 203, 147)),
        "right eye": (0.8, (298, 110, 343, 164)),
    },
    "rocket": {
        "rocket": (0.8, (310, 127, 335, 406)),
        "left tower": (0.85, (0, 0, 88, 427)),
        "right tower": (0.85, (558, 0, 640, 427)),
        "left pylon": (0.75, (165, 124, 204, 427)),
        "right pylon": (0.8, (440, 122, 480, 427)),
    },
}
"""Photograph -> object -> (minimum IoU, boxes): the box of the best proposal must overlap one of the boxes by so much.

Boxes are xyxy in pixels and were marked by eye; several where an object can be segmented in more than one sensible way,
such as a cup with or without its handle.
"""


@pytest.fixture(scope="module")
def on_photographs(proposer):
    return {name: proposer(getattr(data, name)()) for name in MARKED}


def contact_sheet(image, proposals):
    """Return the image, all masks in colour, then a tile for each proposal with the rest darkened."""
    tiles = [image, draw_proposals(image, proposals)]
    tiles += [np.where(mask[..., None], image, image // 5) for mask in proposals.masks]
    tiles += [np.zeros_like(image)] * (-len(tiles) % 6)
    return np.vstack([np.hstack(tiles[start:start + 6]) for start in range(0, len(tiles), 6)])


@pytest.mark.parametrize("name", MARKED)
def test_marked_objects_are_proposed(on_photographs, name, tmp_path):
    proposals = on_photographs[name]
    folder = Path(os.environ.get("RIS_TEST_OUTPUT") or tmp_path)
    write_image(folder / f"proposals_{name}.png", contact_sheet(getattr(data, name)(), proposals))
    best = {obj: max(box_iou(box, marked) for box in proposals.boxes for marked in boxes)
            for obj, (_, *boxes) in MARKED[name].items()}
    missed = {obj: round(iou, 2) for obj, iou in best.items() if iou < MARKED[name][obj][0]}
    assert not missed
    assert len(proposals) <= 140  # Each costs a forward pass of CLIP.


def test_a_saucer_is_proposed_without_its_cup(on_photographs):
    saucer, cup = [(130, 260), (260, 360), (420, 310)], [(190, 100), (290, 150), (290, 250)]
    assert any(all(mask[y, x] for x, y in saucer) and not any(mask[y, x] for x, y in cup)
               for mask in on_photographs["coffee"].masks)


def test_all_of_24_coins_side_by_side_are_proposed(proposer):
    coins = next(picture for picture in installed_pictures() if picture.name == "coins")
    proposals = proposer(coins.image)
    assert len(coins.boxes) == 24
    assert count_found(coins.boxes, proposals.boxes) >= 23


def test_the_picture_decides_on_the_number_of_prompts(proposer):
    def count_prompts(image):
        return proposer.collect(image, proposer.embed(image)).prompts

    simple = np.full((480, 640, 3), 200, np.uint8)
    simple[200:300, 250:400] = (180, 30, 30)
    assert count_prompts(simple) < 48
    few, many = (count_prompts(getattr(data, name)()) for name in ("coffee", "astronaut"))
    assert 1.5 * few < many <= ProposalsConfig().max_prompts


def test_prompts_are_bounded(proposer, monkeypatch):
    image = data.astronaut()
    embedding = proposer.embed(image)
    for bound in (1, 20, 30):
        monkeypatch.setattr(proposer, "config", ProposalsConfig(max_prompts=bound))
        assert proposer.collect(image, embedding).prompts == bound


def test_prompts_in_stages_give_the_masks_of_all_at_once_also_after_they_were_cancelled(proposer):
    image = data.coffee()
    embedding = proposer.embed(image)
    rounds = proposer.rounds(image, embedding)
    first = rounds.proposals(12)
    assert rounds.pool.prompts == 12
    with pytest.raises(Cancelled), cancellable(lambda: rounds.pool.prompts >= 30):
        rounds.run()
    assert 30 <= rounds.pool.prompts < 40
    whole, at_once = rounds.proposals(), proposer(image, embedding=embedding)
    assert len(first) < len(whole)
    np.testing.assert_array_equal(whole.masks, at_once.masks)
    np.testing.assert_array_equal(whole.quality, at_once.quality)


PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "photos"


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="the photographs are not in the repository")
def test_most_things_in_further_photographs_are_proposed(proposer):
    found = things = 0
    for picture in read_folder(PHOTOS):
        found += count_found(picture.boxes, proposer(picture.image).boxes)
        things += len(picture.boxes)
    assert found >= 0.8 * things


@pytest.mark.parametrize("name", MARKED)
def test_proposals_are_distinct_tight_and_best_first(on_photographs, name):
    proposals = on_photographs[name]
    settings = ProposalsConfig()
    assert proposals.masks.dtype == bool and proposals.boxes.dtype == proposals.quality.dtype == np.float32
    assert proposals.masks.shape == (len(proposals), *getattr(data, name)().shape[:2])
    assert ((proposals.quality >= settings.min_quality) & (proposals.quality <= 1)).all()
    for mask, box in zip(proposals.masks, proposals.boxes, strict=True):
        assert (mask_box(mask) == box).all()
        assert mask.mean() >= settings.min_area
    iou = pairwise_iou(proposals.masks, proposals.masks)
    assert (iou - np.eye(len(iou))).max() < settings.duplicate_iou + 0.05


def test_a_box_gives_the_object_in_it(proposer):
    image = data.coffee()
    embedding = proposer.embed(image)
    for obj in ("cup without saucer", "spoon", "coffee surface"):
        min_iou, box, *_ = MARKED["coffee"][obj]
        answers = proposer.object_in(embedding, np.array(box, float), np.zeros((0, 2)), np.zeros(0))
        assert len(answers) <= 4 and answers.masks.shape[1:] == image.shape[:2]
        assert box_iou(answers.boxes[0], box) > min_iou
    # In the box of cup and saucer, a point on the saucer counts for it or against it.
    _, box, *_ = MARKED["coffee"]["cup with saucer"]
    scale, decoder = embedding.transform.scale, proposer.network.decoder
    point = np.array([130.0, 300]) * scale
    prompt = np.array([point, *(np.array(box) * np.tile(scale, 2)).reshape(2, 2)])
    positive, negative = (decoder.decode(decoder.prepare(embedding.features), prompt[None], np.array([[label, 2, 3]])
                                         ).coarse[0] for label in (1, 0))
    column, row = (point / 16).astype(int)
    assert (positive[:, row, column] > negative[:, row, column]).all()


def test_an_embedded_image_is_not_encoded_again(proposer, monkeypatch):
    embedding = proposer.embed(data.coffee())
    expected = make_few(proposer, max_prompts=4)
    monkeypatch.setattr(proposer.network, "encode", None)
    monkeypatch.setattr(proposer, "config", ProposalsConfig(max_prompts=4))
    assert (proposer(data.coffee(), embedding=embedding).masks == expected.masks).all()


def test_new_settings_apply_to_the_next_image(proposer, on_photographs):
    few = make_few(proposer, max_prompts=4)
    assert 0 < len(few) < len(on_photographs["coffee"]) and len(few) <= 12


def test_stricter_filters_keep_a_subset(proposer):
    assert len(make_few(proposer, max_prompts=8, min_quality=0.97)) < len(make_few(proposer, max_prompts=8))


def make_few(proposer, **settings):
    """Return proposals for the coffee photograph with other settings, from the same loaded network."""
    before = proposer.config
    proposer.config = ProposalsConfig(**settings)
    try:
        return proposer(data.coffee())
    finally:
        proposer.config = before


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (3, 5)])
def test_tiny_images_are_accepted(proposer, shape):
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    assert proposer(image).masks.shape[1:] == shape


def test_a_uniform_image_is_accepted(proposer):
    proposals = proposer(np.full((480, 640, 3), 90, np.uint8))
    assert proposals.masks.shape[1:] == (480, 640) and proposals.boxes.shape == (len(proposals), 4)


def test_an_array_with_negative_strides_gives_the_masks_of_its_copy(proposer, monkeypatch):
    monkeypatch.setattr(proposer, "config", ProposalsConfig(max_prompts=4))
    view = data.coffee()[::-1, ::-1]
    assert (proposer(view).masks == proposer(view.copy()).masks).all()


def test_a_cup_is_found_in_20_megapixels_with_little_memory(proposer):
    small = data.coffee()
    # Resized by nearest neighbour, which is sharp enough.
    image = small[np.arange(4000) * 400 // 4000][:, np.arange(5000) * 600 // 5000]
    process = psutil.Process()
    before = process.memory_info().rss
    proposals = proposer(image)
    grown = process.memory_info().rss - before
    scale = np.array([600 / 5000, 400 / 4000] * 2)
    assert max(box_iou(box * scale, (173, 18, 408, 306)) for box in proposals.boxes) > 0.85
    # Less than the bool masks would take if every page of them were written.
    assert grown < len(proposals) * image[..., 0].nbytes + 400e6


@pytest.mark.parametrize("image", [
    np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32),
    np.zeros((0, 4, 3), np.uint8), None], ids=["grey", "rgba", "float", "empty", "none"])
def test_arrays_that_are_not_images_are_refused(proposer, image):
    with pytest.raises(InputError, match="uint8 RGB"):
        proposer(image)


def test_running_out_of_memory_halves_the_batches_of_prompts(proposer, monkeypatch):
    import torch

    decode = proposer.network.decoder.decode
    expected = len(make_proposer(ProposalsConfig(max_prompts=4), "cpu")(data.chelsea()))

    def run_out_of_memory(image, points, *arguments):
        if len(points) > 1:
            raise torch.OutOfMemoryError
        return decode(image, points, *arguments)

    short = make_proposer(ProposalsConfig(max_prompts=4), "cpu")
    monkeypatch.setattr(short.network.decoder, "decode", run_out_of_memory)
    assert len(short(data.chelsea())) == expected
    assert short.notes == ["out of memory: prompts are computed 1 at a time, which takes longer"]
