"""SAM 2's video memory: a small random model of the real classes, against the library's own session."""

from types import SimpleNamespace

import numpy as np
import pytest

from ris_ros.config import Config
from ris_ros.errors import MissingError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ris_ros.proposals.sam2 import preprocess  # noqa: E402
from ris_ros.tracking.video_memory import VideoMemory, load_memory  # noqa: E402


@pytest.fixture(scope="module")
def model(sam2_video_folder):
    return transformers.Sam2VideoModel.from_pretrained(sam2_video_folder).eval()


def frames(stage, count):
    return [stage.frame((stage.RED, stage.motion((4 * t, -2 * t)), 36)) for t in range(count)]


def held_by(session):
    """Return how many tensors a session holds, and how many numbers they have."""
    found, todo = {}, [vars(session), vars(session.cache)]
    while todo:
        one = todo.pop()
        if isinstance(one, torch.Tensor):
            found[id(one)] = one.numel()
        elif isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, list | tuple):
            todo += one
    return len(found), sum(found.values())


def test_masks_are_those_of_the_librarys_own_session_that_keeps_everything(stage, model):
    images = frames(stage, 22)  # More than the network looks back at.
    memory = VideoMemory(model)
    memory.start(images[0], stage.disc())
    ours = [memory.advance(image) for image in images[1:]]

    image_processor = getattr(transformers, "Sam2ImageProcessor", None) or transformers.Sam2ImageProcessorFast
    processor = transformers.Sam2VideoProcessor(
        image_processor(size={"height": 128, "width": 128}), transformers.Sam2VideoVideoProcessor(), target_size=128)
    session = transformers.Sam2VideoInferenceSession(video_height=stage.SHAPE[0], video_width=stage.SHAPE[1],
                                                      dtype=torch.float32)
    processor.process_new_mask_for_video_frame(session, frame_idx=0, obj_ids=[1], input_masks=stage.disc())
    expected = []
    for image in images:
        pixels = preprocess(image, 128, torch.device("cpu"))
        np.testing.assert_allclose(pixels, processor(images=image, return_tensors="pt")["pixel_values"], atol=1e-5)
        with torch.inference_mode():
            found = model(session, frame=pixels)
        expected.append(processor.post_process_masks(
            [found.pred_masks], original_sizes=[stage.SHAPE], binarize=True)[0][0, 0].numpy())
    assert 0.001 < np.mean(expected[1:]) < 0.999 and not all((one == expected[1]).all() for one in expected[2:])
    assert ours[0].dtype == np.bool_
    np.testing.assert_array_equal(ours, expected[1:])


def test_a_session_holds_no_more_after_many_frames_than_after_a_few(stage, model):
    memory = VideoMemory(model)
    images = frames(stage, 5)
    memory.start(images[0], stage.disc())
    sizes = []
    for number in range(1, 51):
        memory.advance(images[number % 5])
        if number in (18, 34, 50):
            sizes.append(held_by(memory._session))
    assert sizes[0] == sizes[1] == sizes[2]


def test_starting_again_forgets_what_was(stage, model):
    images = frames(stage, 4)
    memory = VideoMemory(model)
    answers = []
    for _ in range(2):
        memory.start(images[0], stage.disc())
        answers.append([memory.advance(image) for image in images[1:]])
    np.testing.assert_array_equal(*answers)


def segmenter_with(**settings):
    settings = {"following.method": "sam2", "offline": True, **settings}
    return SimpleNamespace(config=Config.from_dict(settings), encoder=EncoderOnCpu())


class EncoderOnCpu:
    device = "cpu"


def test_the_model_is_loaded_once_for_a_segmenter_and_only_if_it_is_asked_for(sam2_video_folder):
    segmenter = segmenter_with(**{"following.checkpoint": str(sam2_video_folder)})
    first, second = load_memory(segmenter), load_memory(segmenter)
    assert first is not second and first._model is second._model
    of_proposals = segmenter_with(**{"proposals.method": "sam2", "proposals.checkpoint": str(sam2_video_folder)})
    assert load_memory(of_proposals)._model is not first._model
    assert load_memory(segmenter_with(**{"following.method": "motion"})) is None


def test_a_model_that_is_not_here_is_named_with_its_setting(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingError, match=r"following.checkpoint facebook/sam2.1-hiera-tiny is not on this machine"):
        load_memory(segmenter_with())


def test_too_little_memory_is_one_line_that_says_what_to_do(stage, model):
    class Full:
        config, image_size, device = model.config, model.image_size, model.device

        def __call__(self, *_, **__):
            raise torch.OutOfMemoryError("CUDA out of memory.\nMore lines")

    memory = VideoMemory(Full(), "large")
    with pytest.raises(MissingError, match=r"SAM 2 \(large\) does not fit .* choose a smaller following.checkpoint"):
        memory.start(frames(stage, 1)[0], stage.disc())
