"""The proposer `sam`, with random weights of the real architecture instead of the large published ones."""

import builtins

import numpy as np
import pytest

from ris_ros.config import ProposalsConfig
from ris_ros.errors import InputError, MissingError
from ris_ros.proposals import make_proposer
from ris_ros.proposals.sam import MODELS

torch = pytest.importorskip("torch")
segment_anything = pytest.importorskip("segment_anything")
build_sam = pytest.importorskip("segment_anything.build_sam")

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("width", "name"), MODELS.items())
def test_a_checkpoint_is_recognized_by_the_width_of_its_encoder(width, name):
    with torch.device("meta"):
        encoder = segment_anything.sam_model_registry[name]().image_encoder
    assert encoder.pos_embed.shape[-1] == width


def test_masks_agree_with_the_packages_own_predictor(tmp_path, monkeypatch):
    # vit_b with two blocks instead of twelve, one of each kind of attention: an image takes a sixth of the time.
    monkeypatch.setitem(segment_anything.sam_model_registry, "vit_b", lambda: build_sam._build_sam(
        encoder_embed_dim=768, encoder_depth=2, encoder_num_heads=12, encoder_global_attn_indexes=[1]))
    torch.manual_seed(0)
    theirs = segment_anything.sam_model_registry["vit_b"]().eval()
    file = tmp_path / "sam.pth"
    torch.save(theirs.state_dict(), file)
    # Random weights predict IoUs around 0, so every filter is opened.
    proposer = make_proposer(ProposalsConfig(
        method="sam", checkpoint=str(file), max_prompts=3, min_quality=0.0, min_stability=0.0), "cpu")
    image = np.random.default_rng(0).integers(0, 255, (768, 1024, 3), np.uint8)
    predictor = segment_anything.SamPredictor(theirs)
    predictor.set_image(image)
    embedding = proposer.network.encode(image)
    np.testing.assert_allclose(embedding, predictor.features, atol=1e-4)
    points = np.array([[100.0, 50.0], [900.5, 700.0], [512.0, 384.0]])
    decoder = proposer.network.decoder
    prompts = np.stack([points, np.zeros_like(points)], axis=1)
    # The predictor resizes logits to its image of 768 x 1024 pixels; these are the logits before.
    decoded = decoder.decode(decoder.prepare(embedding), prompts, np.tile((1, -1), (3, 1)))
    logits = decoded.logits(np.arange(3).repeat(3), np.tile((1, 2, 3), 3)).reshape(3, 3, 256, 256)
    for i, point in enumerate(points):
        _, expected_quality, expected = predictor.predict(point[None], np.ones(1))
        np.testing.assert_allclose(logits[i], expected, atol=1e-4)
        np.testing.assert_allclose(decoded.quality[i, 1:], expected_quality, atol=1e-4)
    box, on_and_beside, labels = np.array([300.0, 200, 700, 600]), points[:2], np.array([1, 0])
    prompt = np.concatenate([on_and_beside, box.reshape(2, 2)])
    decoded = decoder.decode(decoder.prepare(embedding), prompt[None], np.array([[*labels, 2, 3]]))
    logits, quality = decoded.logits(np.zeros(4, int), np.arange(4)), decoded.quality[0]
    for several, answers in ((False, slice(0, 1)), (True, slice(1, 4))):
        _, expected_quality, expected = predictor.predict(on_and_beside, labels, box, multimask_output=several)
        np.testing.assert_allclose(logits[answers], expected, atol=1e-4)
        np.testing.assert_allclose(quality[answers], expected_quality, atol=1e-4)
    proposals = proposer(image[:300, :400])
    assert proposals.masks.shape[1:] == (300, 400)


@pytest.mark.parametrize("content", [{"weights": 1}, b"no checkpoint"], ids=["another model", "no pickle"])
def test_files_that_are_not_checkpoints_are_refused(tmp_path, content):
    file = tmp_path / "other.pth"
    file.write_bytes(content) if isinstance(content, bytes) else torch.save(content, file)
    with pytest.raises(InputError, match="state dictionary of Segment Anything"):
        make_proposer(ProposalsConfig(method="sam", checkpoint=str(file)), "cpu")
    with pytest.raises(InputError, match="state dictionary of Segment Anything"):
        make_proposer(ProposalsConfig(method="sam", checkpoint=str(tmp_path / "absent.pth")), "cpu")


def test_the_error_for_a_missing_checkpoint_names_the_fetch_command(tmp_path, monkeypatch):
    monkeypatch.setenv("RIS_CACHE", str(tmp_path))
    with pytest.raises(MissingError, match=r"sam_vit_b_01ec64\.pth is missing; run `ris weights fetch sam_vit_b`"):
        make_proposer(ProposalsConfig(method="sam"), "cpu")


def test_the_error_for_the_missing_package_says_how_to_install_it(monkeypatch):
    real = builtins.__import__

    def without_it(name, *arguments, **options):
        if name == "segment_anything":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_it)
    with pytest.raises(MissingError, match="pip install segment-anything"):
        make_proposer(ProposalsConfig(method="sam"), "cpu")
