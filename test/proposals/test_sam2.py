"""The proposer `sam2`: a small random model of the real classes, against the library's own procedure."""

import shutil
import sys

import numpy as np
import pytest

from ris_ros.config import Config, ProposalsConfig
from ris_ros.errors import InputError, MissingError
from ris_ros.proposals import make_proposer

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ris_ros.proposals import sam2  # noqa: E402
from ris_ros.proposals.decoder import _near_border  # noqa: E402

POINTS = np.array([[100.0, 50.0], [300.5, 200.0], [200.0, 150.0], [3.0, 290.0]])
BOX = np.array([90.0, 100, 310, 260])


def make(checkpoint, **settings):
    return make_proposer(ProposalsConfig(method="sam2", checkpoint=str(checkpoint), **settings), "cpu", offline=True)


@pytest.fixture(scope="module")
def image():
    """Uint8 RGB [300, 400, 3], of another aspect than the network's input."""
    rows, columns = np.mgrid[:300, :400]
    return np.stack([127 + 120 * np.sin(columns / 23), 127 + 120 * np.cos(rows / 17 + columns / 60),
                     rows * 255 / 300], axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def proposer(sam2_folder):
    # Random weights predict any IoU, so every filter is opened.
    return make(sam2_folder, max_prompts=4, min_quality=0.0, min_stability=0.0)


@pytest.fixture(scope="module")
def theirs(sam2_folder):
    return transformers.Sam2Model.from_pretrained(sam2_folder).eval()


@pytest.fixture(scope="module")
def processor():
    image_processor = getattr(transformers, "Sam2ImageProcessor", None) or transformers.Sam2ImageProcessorFast
    return transformers.Sam2Processor(image_processor())


@pytest.fixture(scope="module")
def encoded(theirs, processor, image):
    pixels = processor(images=image, return_tensors="pt")["pixel_values"]
    return theirs.get_image_embeddings(pixels)


@pytest.fixture(scope="module")
def embedding(proposer, image):
    return proposer.embed(image)


def answer(theirs, processor, encoded, image, several=True, **prompts):
    inputs = processor(images=image, return_tensors="pt", **prompts)
    with torch.inference_mode():
        found = theirs(image_embeddings=encoded, multimask_output=several, **{
            name: inputs[name] for name in ("input_points", "input_labels", "input_boxes") if name in inputs})
    return found, processor.post_process_masks(found.pred_masks, inputs["original_sizes"])[0].numpy()


def test_features_are_those_of_the_librarys_own_processor_and_model(embedding, encoded):
    four_times, twice, features = encoded
    np.testing.assert_allclose(embedding.features, features.numpy(), atol=1e-4)
    for ours, expected in zip(embedding.fine, (twice, four_times), strict=True):
        np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=1e-4)
    assert embedding.features.dtype == np.float32 and embedding.transform.cell_shape == (64, 64)
    assert np.median(np.linalg.norm(embedding.cells, axis=0)) == pytest.approx(sam2.TYPICAL_LENGTH, rel=1e-3)


def test_points_give_the_masks_of_the_librarys_own_procedure(proposer, theirs, processor, encoded, embedding, image):
    found, masks = answer(theirs, processor, encoded, image, input_points=[[[list(point)] for point in POINTS]],
                          input_labels=[[[1]] * len(POINTS)])
    prompts = np.stack([POINTS * embedding.transform.scale, np.zeros_like(POINTS)], axis=1)
    decoded = proposer.network.decoder.decode(proposer.prepare(embedding), prompts, np.tile((1, -1), (len(POINTS), 1)))
    expected = found.pred_masks[0].numpy()
    assert np.ptp(found.iou_scores.numpy()) > 0.01 and expected.std() > 0.1
    np.testing.assert_allclose(decoded.quality[:, 1:], found.iou_scores[0].numpy(), atol=1e-4)
    np.testing.assert_allclose(decoded.coarse[:, 1:], expected[:, :, 2::4, 2::4], atol=1e-3)
    logits = decoded.logits(np.arange(len(POINTS)).repeat(3), np.tile((1, 2, 3), len(POINTS)))
    expected = expected.reshape(logits.shape)
    # Away from the border of a mask, its pixels have the logit of their cell.
    near_border = np.array([_near_border(one) for one in decoded.coarse[:, 1:].reshape(-1, 64, 64)])
    near_border = near_border.repeat(4, axis=1).repeat(4, axis=2)
    np.testing.assert_allclose(logits[near_border], expected[near_border], atol=1e-3)
    assert 0.02 < near_border.mean() < 0.98
    np.testing.assert_array_equal(embedding.transform.resize_logits(expected[:1])[0], masks[0, 0])


def test_a_box_with_points_gives_the_masks_of_the_librarys_own_procedure(
        proposer, theirs, processor, encoded, embedding, image):
    labels = np.array([1, 0])
    prompts = {"input_points": [[POINTS[:2].tolist()]], "input_labels": [[labels.tolist()]],
               "input_boxes": [[BOX.tolist()]]}
    ours = proposer.object_in(embedding, BOX, POINTS[:2], labels)
    theirs.mask_decoder.dynamic_multimask_via_stability = False  # It would replace the single mask by one of three.
    found = [answer(theirs, processor, encoded, image, several, **prompts) for several in (False, True)]
    quality = np.concatenate([one.iou_scores[0, 0].numpy() for one, _ in found])
    masks = np.concatenate([masks[0] for _, masks in found])
    is_visible = masks.any(axis=(1, 2))
    assert is_visible.any()
    np.testing.assert_allclose(ours.quality, quality[is_visible], atol=1e-4)
    # Random masks have specks between the pixels that are computed first.
    assert np.mean(ours.masks == masks[is_visible]) > 0.9


def test_an_image_is_prompted_and_its_masks_have_its_size(proposer, embedding, image):
    proposals = proposer(image, embedding=embedding)
    assert len(proposals) and proposals.masks.shape[1:] == (300, 400) and proposals.masks.dtype == np.bool_
    assert proposals.boxes.dtype == np.float32 and (proposals.quality <= 1).all()
    at_points = proposer(image, POINTS[:1], embedding=embedding)
    assert len(at_points) and at_points.masks.shape[1:] == (300, 400)


def test_the_sizes_have_the_parameters_of_the_published_ones():
    """Counts, in millions, of the table of SAM 2.1's checkpoints in its authors' repository."""
    for size, published in (("tiny", 38.9), ("small", 46.0), ("base-plus", 80.8), ("large", 224.4)):
        with torch.device("meta"):
            model = sam2._random_model(transformers.Sam2VideoModel, sam2.SIZES[size])
        assert sum(weights.numel() for weights in model.parameters()) / 1e6 == pytest.approx(published, abs=0.1)


def test_a_size_is_found_in_the_cache_of_the_hub(sam2_folder, tmp_path, monkeypatch):
    from huggingface_hub import constants

    repository = tmp_path / "models--facebook--sam2.1-hiera-small"
    (repository / "snapshots").mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123")
    (repository / "snapshots" / "0123").symlink_to(sam2_folder)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert make("small").network.checkpoint == "small"
    assert make("facebook/sam2.1-hiera-small").network.model.config.vision_config.backbone_config.hidden_size == 16
    with pytest.raises(MissingError, match=r"tiny is not on this machine, and nothing is downloaded, because offline"):
        make("tiny")


@pytest.mark.parametrize("name", ["facebook/sam2.1-hiera-tiny", "no/such-model", "tiny"])
def test_offline_the_error_names_the_command_that_fetches_it(name, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingError, match=r"run `ris weights fetch .*` where there is a network"):
        make(name)


def test_names_that_are_neither_folders_nor_repositories_are_refused():
    with pytest.raises(MissingError, match="neither a folder nor a name"):
        make("/no/such/folder")
    with pytest.raises(InputError, match=r"proposals.method must be one of mobilesam, sam, sam2"):
        Config.from_dict({"proposals.method": "sam3"})


def test_damaged_and_foreign_folders_are_refused_in_one_line(sam2_folder, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    with pytest.raises(MissingError, match=r"has no config.json and no model.safetensors"):
        make(folder)
    shutil.copy(sam2_folder / "config.json", folder)
    (folder / "model.safetensors").write_bytes((sam2_folder / "model.safetensors").read_bytes()[:100_000])
    with pytest.raises(InputError, match=r"cannot read proposals.checkpoint .*whole ones"):
        make(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"cannot read proposals.checkpoint"):
        make(folder)
    other = tmp_path / "other"
    transformers.CLIPVisionModel(transformers.CLIPVisionConfig(
        hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)).save_pretrained(other)
    with pytest.raises(InputError, match="SAM 2"):
        make(other)


def test_without_the_package_the_error_names_the_extra(monkeypatch, sam2_folder):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingError, match=r"pip install 'ris_ros\[hf\]'"):
        make(sam2_folder)


def test_too_little_memory_is_one_line_that_says_what_to_do(proposer, image, monkeypatch):
    def fail(_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nlong explanation")

    monkeypatch.setattr(proposer.network.model, "get_image_embeddings", fail)
    with pytest.raises(MissingError, match=r"does not fit into the memory of the device: choose a smaller") as caught:
        proposer.embed(image)
    assert "\n" not in str(caught.value)


def test_a_model_for_another_size_of_image_is_refused(sam2_video_folder):
    with pytest.raises(InputError, match=r"for images of 128 pixels; only 1024 are supported"):
        make(sam2_video_folder)
