"""The default proposer on photographs: real weights, objects marked by hand."""

import os
from pathlib import Path

import numpy as np
import psutil
import pytest

from ris_ros.config import ProposalsConfig
from ris_ros.errors import InputError, MissingError
from ris_ros.proposals import make_proposer
from ris_ros.utils import weights
from ris_ros.utils.images import write_image
from ris_ros.utils.masks import mask_box
from ris_ros.visualization import draw_proposals

data = pytest.importorskip("skimage.data")

# Boxes xyxy in pixels, marked by eye; several where an object may be cut out in more than one sensible way
# (a cup with or without its handle). The number is the least IoU of the best proposal's box with one of them.
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
        "left pylon": (0.8, (165, 124, 204, 427)),
        "right pylon": (0.8, (440, 122, 480, 427)),
    },
}


@pytest.fixture(scope="module")
def proposer():
    weights.fetch("mobilesam")
    return make_proposer(ProposalsConfig(), "cpu")


@pytest.fixture(scope="module")
def on_photographs(proposer):
    return {name: proposer(getattr(data, name)()) for name in MARKED}


def box_iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def contact_sheet(image, proposals):
    """The image, all masks in colours, then a tile per proposal with the rest darkened."""
    tiles = [image, draw_proposals(image, proposals)]
    tiles += [np.where(mask[..., None], image, image // 5) for mask in proposals.masks]
    tiles += [np.zeros_like(image)] * (-len(tiles) % 6)
    return np.vstack([np.hstack(tiles[start:start + 6]) for start in range(0, len(tiles), 6)])


@pytest.mark.parametrize("name", MARKED)
def test_marked_objects_are_proposed(on_photographs, name, tmp_path):
    proposals = on_photographs[name]
    folder = Path(os.environ.get("RIS_TEST_OUTPUT") or tmp_path)
    write_image(folder / f"proposals_{name}.png", contact_sheet(getattr(data, name)(), proposals))
    best = {thing: max(box_iou(box, marked) for box in proposals.boxes for marked in boxes)
            for thing, (_, *boxes) in MARKED[name].items()}
    missed = {thing: round(iou, 2) for thing, iou in best.items() if iou < MARKED[name][thing][0]}
    assert not missed
    assert len(proposals) <= 66  # Each costs a pass of CLIP.


def test_a_saucer_is_proposed_without_its_cup(on_photographs):
    saucer, cup = [(130, 260), (260, 360), (420, 310)], [(190, 100), (290, 150), (290, 250)]
    assert any(all(mask[y, x] for x, y in saucer) and not any(mask[y, x] for x, y in cup)
               for mask in on_photographs["coffee"].masks)


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
    flat = proposals.masks.reshape(len(proposals), -1).astype(np.float32)
    shared = flat @ flat.T
    area = flat.sum(axis=1)
    iou = shared / (area[:, None] + area - shared)
    assert (iou - np.eye(len(iou))).max() < settings.duplicate_iou + 0.05


def test_a_box_is_answered_with_what_is_in_it(proposer):
    image = data.coffee()
    embedded = proposer.embed(image)
    for thing in ("cup without saucer", "spoon", "coffee surface"):
        least, box, *_ = MARKED["coffee"][thing]
        answers = proposer.object_in(embedded, np.array(box, float), np.zeros((0, 2)), np.zeros(0))
        assert len(answers) <= 4 and answers.masks.shape[1:] == image.shape[:2]
        assert box_iou(answers.boxes[0], box) > least
    # In the box of cup and saucer, a point on the saucer counts for it or against it.
    _, box, *_ = MARKED["coffee"]["cup with saucer"]
    frame, point = embedded.frame, np.array([[130.0, 300]]) * embedded.frame.scale
    (on, _), (beside, _) = (proposer.network.decode_object(
        embedded.embedding, point, np.array([label]), np.array(box) * np.tile(frame.scale, 2)) for label in (1, 0))
    column, row = (point[0] / 4).astype(int)
    assert (on[:, row, column] > beside[:, row, column]).all()


def test_an_embedded_image_is_not_encoded_again(proposer, monkeypatch):
    embedded = proposer.embed(data.coffee())
    expected = make_few(proposer, max_prompts=4)
    monkeypatch.setattr(proposer.network, "encode", None)
    monkeypatch.setattr(proposer, "config", ProposalsConfig(max_prompts=4))
    assert (proposer(data.coffee(), embedded=embedded).masks == expected.masks).all()


def test_fewer_prompts_give_fewer_masks_at_once(proposer, on_photographs):
    few = make_few(proposer, max_prompts=4)
    assert 0 < len(few) < len(on_photographs["coffee"]) and len(few) <= 12


def test_stricter_filters_keep_a_subset(proposer):
    assert len(make_few(proposer, max_prompts=8, min_quality=0.97)) < len(make_few(proposer, max_prompts=8))


def make_few(proposer, **settings):
    """Proposals for the coffee photograph under other settings, with the same loaded network."""
    before = proposer.config
    proposer.config = ProposalsConfig(**settings)
    try:
        return proposer(data.coffee())
    finally:
        proposer.config = before


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (3, 5)])
def test_tiny_images_are_no_error(proposer, shape):
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    assert proposer(image).masks.shape[1:] == shape


def test_a_plain_image_is_no_error(proposer):
    proposals = proposer(np.full((480, 640, 3), 90, np.uint8))
    assert proposals.masks.shape[1:] == (480, 640) and proposals.boxes.shape == (len(proposals), 4)


def test_views_give_what_their_copies_give(proposer):
    proposer_few = ProposalsConfig(max_prompts=4)
    before, proposer.config = proposer.config, proposer_few
    try:
        view = data.coffee()[::-1, ::-1]
        one, other = proposer(view), proposer(view.copy())
    finally:
        proposer.config = before
    assert (one.masks == other.masks).all()


def test_twenty_megapixels_find_the_same_cup_in_little_memory(proposer):
    small = data.coffee()
    # Nearest neighbour: 20 megapixels, sharp enough.
    image = small[np.arange(4000) * 400 // 4000][:, np.arange(5000) * 600 // 5000]
    process = psutil.Process()
    before = process.memory_info().rss
    proposals = proposer(image)
    grown = process.memory_info().rss - before
    scale = np.array([600 / 5000, 400 / 4000] * 2)
    assert max(box_iou(box * scale, (173, 18, 408, 306)) for box in proposals.boxes) > 0.85
    # Below what the bool masks would take if every page of them were touched.
    assert grown < len(proposals) * image[..., 0].nbytes + 400e6


@pytest.mark.parametrize("image", [
    np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32),
    np.zeros((0, 4, 3), np.uint8), None], ids=["grey", "rgba", "float", "empty", "none"])
def test_what_is_no_image_is_refused(proposer, image):
    with pytest.raises(InputError, match="uint8 RGB"):
        proposer(image)


def test_truncated_weights_are_refused(tmp_path, monkeypatch):
    whole = weights.path("mobilesam", "encoder.onnx").read_bytes()
    decoder = weights.path("mobilesam", "sam.onnx").read_bytes()
    monkeypatch.setenv("RIS_CACHE", str(tmp_path))
    (tmp_path / "mobilesam").mkdir()
    (tmp_path / "mobilesam" / "encoder.onnx").write_bytes(whole)
    (tmp_path / "mobilesam" / "sam.onnx").write_bytes(decoder[:-1])
    with pytest.raises(MissingError, match=r"sam\.onnx is damaged.*`ris weights fetch mobilesam`"):
        make_proposer(ProposalsConfig(), "cpu")


def test_absent_weights_name_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("RIS_CACHE", str(tmp_path))
    with pytest.raises(MissingError, match="run `ris weights fetch mobilesam`"):
        make_proposer(ProposalsConfig(), "cpu")


def test_a_folder_serves_as_checkpoint(proposer):
    folder = weights.path("mobilesam", "sam.onnx").parent
    other = make_proposer(ProposalsConfig(checkpoint=str(folder), max_prompts=1), "cpu")
    assert len(other(data.coffee())) > 0
    with pytest.raises(InputError, match="must be a checkpoint name"):
        make_proposer(ProposalsConfig(checkpoint="/nowhere"), "cpu")


def test_cuda_without_a_cuda_runtime_says_so(caplog):
    import onnxruntime
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    with caplog.at_level("WARNING"):
        proposer = make_proposer(ProposalsConfig(), "cuda:0")
    assert caplog.text.count("onnxruntime-gpu") == 1
    assert "runs on the CPU" in proposer.notes[0]


@pytest.mark.parametrize(("device", "tensorrt", "expected"), [
    ("cpu", True, ["CPUExecutionProvider"]),
    ("cuda:1", False, ["CUDAExecutionProvider", "CPUExecutionProvider"]),
    ("cuda", True, ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]),
])
def test_the_device_chooses_the_providers(monkeypatch, device, tensorrt, expected):
    import onnxruntime
    asked = []

    class Session:
        def __init__(self, model, options, providers):
            asked.append(providers)

        def get_providers(self):
            return expected

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [
        "TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"])
    assert make_proposer(ProposalsConfig(tensorrt=tensorrt), device).notes == []
    assert len(asked) == 2
    for providers in asked:
        assert [name if isinstance(name, str) else name[0] for name in providers] == expected
        numbers = {name[1]["device_id"] for name in providers if not isinstance(name, str)}
        assert numbers <= {1 if device == "cuda:1" else 0}


def test_prompts_of_a_batch_do_not_see_each_other(proposer):
    network = proposer.network
    embedding = network.encode(np.ascontiguousarray(data.coffee()))
    points = np.array([[200.0, 300.0], [600.0, 500.0], [10.0, 10.0]])
    together = network.decode(embedding, points)
    for i, point in enumerate(points):
        for ours, alone in zip(together, network.decode(embedding, point[None]), strict=True):
            np.testing.assert_allclose(ours[i], alone[0], atol=1e-3)


def test_prompts_become_fewer_where_memory_is_short(proposer, monkeypatch):
    import torch
    decode = proposer.network.decode
    expected = len(make_proposer(ProposalsConfig(max_prompts=4), "cpu")(data.chelsea()))

    def stingy(embedding, points):
        if len(points) > 1:
            raise torch.OutOfMemoryError
        return decode(embedding, points)

    short = make_proposer(ProposalsConfig(max_prompts=4), "cpu")
    monkeypatch.setattr(short.network, "decode", stingy)
    assert len(short(data.chelsea())) == expected
    assert short.notes == ["out of memory: prompts are computed 1 at a time, which takes longer"]
