"""Each family's detector, beside the library's own processor, model and post-processing on the same input."""

import numpy as np
import pytest
import torch

from ris_ros.config import DetectorConfig
from ris_ros.detection import load_detector
from ris_ros.detection.families import MIN_SCORE_SHARE
from ris_ros.errors import InputError

KINDS = ("grounding-dino", "mm-grounding-dino", "owlvit", "owlv2", "sam3")
PHRASES = ["red cup", "bowl in the left", "ball"]


@pytest.fixture(scope="module", params=KINDS)
def detector(request, folders):
    config = DetectorConfig(model=f"local-dir:{folders(request.param)}", threshold=0.05, max_detections=200)
    return load_detector(config, "cpu", offline=True)


def library(detector, image, phrase):
    """Return what the library's pipeline finds for one phrase."""
    kind = detector.model.config.model_type
    texts = phrase if kind == "sam3" else [[phrase]]
    padding = {} if kind == "sam3" else {"padding": "max_length" if "owl" in kind else True}
    inputs = detector.processor(images=image, text=texts, return_tensors="pt", input_data_format="channels_last",
                                **padding)
    inputs.pop("original_sizes", None)
    if kind == "sam3":
        post_process = detector.processor.post_process_instance_segmentation
    else:
        post_process = detector.processor.post_process_grounded_object_detection
    if "dino" in kind:  # Our features of the image are given; the library computes its own.
        given, detector.model.model.backbone = detector.model.model.backbone, detector._backbone
    with torch.inference_mode():
        outputs = detector.model(**inputs)
    if "dino" in kind:
        detector.model.model.backbone = given
    return post_process(outputs, threshold=MIN_SCORE_SHARE * 0.05, target_sizes=[image.shape[:2]])[0]


def rows(boxes, scores):
    """Return boxes and scores as rows in an order that does not depend on ties."""
    table = np.column_stack([boxes, scores]).round(3)
    return table[np.lexsort(table.T)]


def test_equals_the_library(detector, image):
    embedding = detector.embed(image)
    for phrase, found in zip(PHRASES, detector(image, PHRASES, embedding=embedding), strict=True):
        expected = library(detector, image, phrase)
        boxes = expected["boxes"].numpy().clip(0, [64, 48, 64, 48])
        kept = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        assert len(found) == kept.sum() > 0
        np.testing.assert_allclose(rows(found.boxes, found.scores), rows(boxes[kept], expected["scores"].numpy()[kept]),
                                   atol=2e-3)
        if found.masks is not None:
            order = np.argsort(-expected["scores"].numpy()[kept], kind="stable")
            assert (found.masks == expected["masks"].bool().numpy()[kept][order]).mean() > 0.999


def test_one_phrase_does_not_depend_on_the_others(detector, image):
    together = detector(image, PHRASES)
    for phrase, found in zip(PHRASES, together, strict=True):
        [alone] = detector(image, [phrase])
        np.testing.assert_allclose(rows(alone.boxes, alone.scores), rows(found.boxes, found.scores), atol=2e-3)


def test_shapes_types_and_order(detector, image):
    for found in detector(image, PHRASES):
        assert found.boxes.dtype == found.scores.dtype == np.float32 and found.boxes.shape == (len(found), 4)
        assert (np.diff(found.scores) <= 0).all() and (found.scores > 0).all() and (found.scores <= 1).all()
        assert (found.boxes[:, 2:] > found.boxes[:, :2]).all() and (found.boxes <= [64, 48, 64, 48]).all()
        if found.masks is not None:
            assert found.masks.dtype == bool and found.masks.shape == (len(found), 48, 64)
            assert found.masks.any(axis=(1, 2)).all()


def test_a_phrase_without_detections(folders, image):
    for kind, masks in (("mm-grounding-dino", None), ("sam3", (0, 48, 64))):
        detector = load_detector(DetectorConfig(model=f"local-dir:{folders(kind)}"), "cpu", offline=True)
        detect = detector._detect
        detector._detect = lambda *arguments, detect=detect: detect(*arguments[:-1], 0.9999)
        [found] = detector(image, ["cup"])
        assert len(found) == 0 and found.boxes.shape == (0, 4) and found.scores.shape == (0,)
        assert (found.masks is None) if masks is None else (found.masks.shape == masks and found.masks.dtype == bool)


def test_no_phrases_and_few_detections(folders, image):
    detector = load_detector(DetectorConfig(model=f"local-dir:{folders('owlv2')}", threshold=0.01, max_detections=2),
                             "cpu", offline=True)
    assert detector(image, []) == []
    assert all(len(found) == 2 for found in detector(image, PHRASES))


def test_bfloat16(folders, image):
    for kind in KINDS:
        config = DetectorConfig(model=f"local-dir:{folders(kind)}", dtype="bfloat16", threshold=0.01)
        detector = load_detector(config, "cpu", offline=True)
        assert {parameter.dtype for parameter in detector.model.parameters()} == {torch.bfloat16}
        found = detector(image, PHRASES)
        assert all(one.scores.dtype == np.float32 for one in found)
        assert sum(map(len, found)) or kind == "owlvit"  # Whose boxes lie beyond the image here.


def test_an_image_is_encoded_once(detector, image, monkeypatch):
    embedding = detector.embed(image)
    first = detector(image, ["cup"], embedding=embedding)
    monkeypatch.setattr(detector, "_encode", lambda inputs: pytest.fail("encoded again"))
    [again] = detector(image, ["cup"], embedding=embedding)
    assert np.array_equal(again.scores, first[0].scores) and detector(image, ["bowl"], embedding=embedding)


def test_scores_that_are_no_numbers_are_told(folders, image):
    for kind in ("grounding-dino", "owlv2", "sam3"):
        detector = load_detector(DetectorConfig(model=f"local-dir:{folders(kind)}"), "cpu", offline=True)
        with torch.no_grad():
            for parameter in detector.model.parameters():
                parameter.fill_(float("nan"))
        with pytest.raises(InputError, match=r"not finite: try detector\.dtype float32"):
            detector(image, ["cup"])


def test_little_memory_halves_the_batch(folders, image, monkeypatch):
    config = DetectorConfig(model=f"local-dir:{folders('owlv2')}", batch_size=4, threshold=0.05)
    detector = load_detector(config, "cpu", offline=True)
    expected, detect = detector(image, PHRASES), detector._detect

    def with_little_memory(embedding, phrases, *arguments):
        if len(phrases) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return detect(embedding, phrases, *arguments)

    monkeypatch.setattr(detector, "_detect", with_little_memory)
    for found, whole in zip(detector(image, PHRASES), expected, strict=True):
        np.testing.assert_allclose(found.scores, whole.scores, atol=1e-4)
    assert "phrases are computed 1 at a time" in detector.notes[0]
