"""Filters on low-resolution logits: stability, small regions, duplicates and remainders."""

import numpy as np

from ris_ros.proposals import filters


def disc(radius, centre=(32, 32), side=64):
    rows, columns = np.ogrid[:side, :side]
    return radius - np.hypot(rows - centre[0], columns - centre[1])


def test_sharp_masks_are_stable_and_blurred_ones_are_not():
    steep, vague = 10 * disc(10), 0.1 * disc(10)
    stable, unstable = filters.stability_score(np.stack([steep, vague]).astype(np.float32))
    assert stable > 0.9 and unstable < 0.2
    assert filters.stability_score(np.full((1, 8, 8), -5, np.float32)) == 0


def test_small_islands_and_holes_are_removed():
    logits = disc(12).astype(np.float32)
    clean = logits > 0
    logits[32, 32] = -3
    logits[2:4, 2:4] = 5
    assert ((filters.remove_small_regions(logits, 6) > 0) == clean).all()


def test_large_islands_and_holes_are_kept():
    spoon = np.maximum(disc(9, (16, 16)), disc(6, (48, 48)))
    spoon = np.where(disc(4, (16, 16)) > 0, -1, spoon).astype(np.float32)
    assert (filters.remove_small_regions(spoon, 20) == spoon).all()


def test_the_largest_island_is_always_kept():
    logits = np.full((16, 16), -1, np.float32)
    logits[4, 4] = logits[9, 9:11] = 1
    assert np.argwhere(filters.remove_small_regions(logits, 50) > 0).tolist() == [[9, 9], [9, 10]]


def test_nms_keeps_the_better_duplicate_and_all_nested_masks():
    whole, part = disc(20) > 0, disc(10) > 0
    ring, duplicate = whole & ~part, disc(19.8) > 0
    kept = filters.mask_nms(np.stack([whole, part, ring, duplicate]), np.array([0.8, 0.7, 0.6, 0.9]), 0.85)
    assert kept.tolist() == [3, 1, 2]


def test_the_remainder_of_a_whole_without_its_part():
    bowl, ball, other = disc(16), disc(9), disc(6, (8, 8))
    rest, whole = filters.remainders(np.stack([bowl, ball, other]).astype(np.float32), 4)
    assert whole.tolist() == [0]
    assert ((rest[0] > 0) == (bowl > 0) & ~(ball >= 0)).all()


def test_fragmented_remainders_are_dropped():
    bar = np.minimum(disc(16), 3 - np.abs(np.arange(64) - 32)).astype(np.float32)  # Cuts the disc in two.
    for pair in ([disc(16), bar], [disc(16), disc(15.5)], [disc(16), disc(2)], [disc(30), disc(12)]):
        assert len(filters.remainders(np.stack(pair).astype(np.float32), 4)[0]) == 0
    rest, whole = filters.remainders(np.zeros((0, 64, 64), np.float32), 4)
    assert rest.shape == (0, 64, 64) and len(whole) == 0


def test_nms_of_no_masks():
    assert filters.mask_nms(np.zeros((0, 4, 4), bool), np.zeros(0), 0.8).shape == (0,)
