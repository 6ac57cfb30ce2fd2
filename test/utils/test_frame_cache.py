"""The cache of frames: which images match."""

import numpy as np
import pytest

from ris_ros.utils.frame_cache import FrameCache

RNG = np.random.default_rng(0)
SCENE = np.kron(RNG.integers(40, 200, (15, 20, 3)), np.ones((8, 8, 1))).astype(np.uint8)


def cache_of(*images: np.ndarray, size: int = 3) -> FrameCache[int]:
    cache = FrameCache(size)
    for index, image in enumerate(images):
        cache.put(image, index)
    return cache


def noisy(image: np.ndarray, deviation: float) -> np.ndarray:
    return np.clip(image + RNG.normal(0, deviation, image.shape).round(), 0, 255).astype(np.uint8)


def test_camera_noise_is_ignored_within_the_tolerance():
    cache = cache_of(SCENE)
    for _ in range(20):
        assert cache.get(noisy(SCENE, 4), 4.0) == 0
    assert cache.get(noisy(SCENE, 1), 0.0) is None
    assert cache.get(SCENE.copy(), 0.0) == 0


def shifted(image: np.ndarray) -> np.ndarray:
    return np.roll(image, 1, axis=1)


def with_object(image: np.ndarray) -> np.ndarray:
    changed = image.copy()
    changed[30:42, 50:62] += 20
    return changed


def darker(image: np.ndarray) -> np.ndarray:
    return image - 6


@pytest.mark.parametrize("change", [shifted, with_object, darker])
def test_motion_a_new_object_and_a_change_of_lighting_do_not_match(change):
    assert cache_of(SCENE).get(change(SCENE), 4.0) is None


def test_gradual_changes_accumulate():
    cache = cache_of(SCENE)
    found = [cache.get(SCENE + np.uint8(step), 4.0) for step in range(8)]
    assert found == [0] * 5 + [None] * 3


def test_the_last_images_are_kept_and_the_newest_match_is_returned():
    other = SCENE[::-1].copy()
    cache = cache_of(SCENE, other, SCENE + np.uint8(1), size=2)
    assert cache.get(other, 4.0) == 1
    assert cache.get(SCENE, 4.0) == 2
    assert cache_of(SCENE, other, size=1).get(SCENE, 4.0) is None
    cache.clear()
    assert cache.get(other, 4.0) is None


def test_images_of_different_sizes_never_match():
    cache = cache_of(SCENE, SCENE[:50])
    assert cache.get(SCENE[:50], 4.0) == 1
    assert cache.get(SCENE[:51], 4.0) is None
    assert cache_of(np.zeros((1, 1, 3), np.uint8)).get(np.full((1, 1, 3), 9, np.uint8), 4.0) is None
