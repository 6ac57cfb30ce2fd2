"""Weakened encoders: repeatable, stronger with the level, and without a calibration."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.config import EncoderConfig
from ris_ros.encoding import load_encoder
from ris_ros.errors import InputError
from ris_ros.evaluation.weakening import KINDS, parse_weakening, weaken

IMAGE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
MASKS = np.zeros((2, 60, 80), bool)
MASKS[0, 5:30, 5:40] = MASKS[1, 20:55, 30:70] = True


@pytest.fixture(scope="module")
def encoder():
    return load_encoder(EncoderConfig(), "cpu")


def cosine(encoder, other):
    one, two = (tower.encode_masks(IMAGE, MASKS).local_features.numpy() for tower in (encoder, other))
    return (one * two).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(two, axis=1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_higher_level_is_farther_from_the_encoder(encoder, kind):
    weak, weaker = cosine(encoder, weaken(encoder, kind, 0.3)), cosine(encoder, weaken(encoder, kind, 3.0))
    assert (weaker < weak).all()
    assert (weak < 1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_weakened_encoder_is_repeatable_and_leaves_the_original_alone(encoder, kind):
    before = encoder.encode_masks(IMAGE, MASKS).local_features
    one, two = (weaken(encoder, kind, 0.5, seed=1).encode_masks(IMAGE, MASKS) for _ in range(2))
    np.testing.assert_array_equal(one.global_features, two.global_features)
    np.testing.assert_array_equal(one.local_features, two.local_features)
    np.testing.assert_array_equal(encoder.encode_masks(IMAGE, MASKS).local_features, before)
    assert weaken(encoder, kind, 0.5).calibration is None


def test_the_noise_of_a_mask_does_not_depend_on_the_other_masks(encoder):
    noisy = weaken(encoder, "features", 0.5)
    both, second = noisy.encode_masks(IMAGE, MASKS), noisy.encode_masks(IMAGE, MASKS[1:])
    np.testing.assert_allclose(both.local_features[1], second.local_features[0], rtol=1e-3, atol=1e-3)


def test_a_weakening_is_parsed_or_refused(encoder):
    assert parse_weakening("weights:0.6") == ("weights", 0.6, 0)
    assert parse_weakening("bias:1:7") == ("bias", 1.0, 7)
    for text in ("weights", "weights:much", "weights:0.5:x"):
        with pytest.raises(InputError, match="KIND:LEVEL"):
            parse_weakening(text)
    with pytest.raises(InputError, match="no kind"):
        weaken(encoder, "fog", 1.0)
    for level in (-1.0, float("nan")):
        with pytest.raises(InputError, match="level"):
            weaken(encoder, "weights", level)
