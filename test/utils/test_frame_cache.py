"""Which images are taken for the same."""

import numpy as np
import pytest

from ris_ros.utils.frame_cache import FrameCache

RNG = np.random.default_rng(0)
SCENE = np.kron(RNG.integers(40, 200, (15, 20, 3)), np.ones((8, 8, 1))).astype(np.uint8)


def remember(*images: np.ndarray, size: int = 3) -> FrameCache[int]:
    memory = FrameCache(size)
    for index, image in enumerate(images):
        memory.put(image, index)
    return memory


def noisy(image: np.ndarray, deviation: float) -> np.ndarray:
    return np.clip(image + RNG.normal(0, deviation, image.shape).round(), 0, 255).astype(np.uint8)


def test_a_cameras_noise_changes_nothing_but_only_where_it_is_tolerated():
    memory = remember(SCENE)
    for _ in range(20):
        assert memory.find(noisy(SCENE, 4), 4.0) == 0
    assert memory.find(noisy(SCENE, 1), 0.0) is None
    assert memory.find(SCENE.copy(), 0.0) == 0


def shifted(image: np.ndarray) -> np.ndarray:
    return np.roll(image, 1, axis=1)


def with_object(image: np.ndarray) -> np.ndarray:
    changed = image.copy()
    changed[30:42, 50:62] += 20
    return changed


def darker(image: np.ndarray) -> np.ndarray:
    return image - 6


@pytest.mark.parametrize("change", [shifted, with_object, darker])
def test_what_moves_appears_or_dims_is_noticed(change):
    assert remember(SCENE).find(change(SCENE), 4.0) is None


def test_slow_changes_add_up():
    memory = remember(SCENE)
    found = [memory.find(SCENE + np.uint8(step), 4.0) for step in range(8)]
    assert found == [0] * 5 + [None] * 3


def test_the_last_few_are_remembered_and_the_newest_comes_first():
    other = SCENE[::-1].copy()
    memory = remember(SCENE, other, SCENE + np.uint8(1), size=2)
    assert memory.find(other, 4.0) == 1
    assert memory.find(SCENE, 4.0) == 2
    assert remember(SCENE, other, size=1).find(SCENE, 4.0) is None
    memory.clear()
    assert memory.find(other, 4.0) is None


def test_sizes_differ():
    memory = remember(SCENE, SCENE[:50])
    assert memory.find(SCENE[:50], 4.0) == 1
    assert memory.find(SCENE[:51], 4.0) is None
    assert remember(np.zeros((1, 1, 3), np.uint8)).find(np.full((1, 1, 3), 9, np.uint8), 4.0) is None
