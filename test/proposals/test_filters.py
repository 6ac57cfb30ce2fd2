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


def add_remainders(*masks, quality=None, max_iou=0.88, max_count=8):
    """Return the remainders alone, and the quality that they have."""
    logits = np.array(masks, np.float32).reshape(-1, 64, 64)
    known = np.ones(len(logits)) if quality is None else np.array(quality)
    extended, values = filters.with_remainders(logits, known, 4, max_iou=max_iou, max_count=max_count)
    assert (extended[:len(logits)] == logits).all() and (values[:len(logits)] == known).all()
    return extended[len(logits):] > 0, values[len(logits):]


def test_the_remainder_of_a_whole_without_its_part():
    bowl, ball, other = disc(16), disc(9), disc(6, (8, 8))
    [rest], quality = add_remainders(bowl, ball, other, quality=[0.8, 0.9, 1.0])
    assert quality == [0.8]
    assert (rest == (bowl > 0) & ~(ball >= 0)).all()


def test_a_plate_is_proposed_without_a_small_block_on_it():
    plate, block = disc(20), disc(8)  # A sixth of its area.
    [rest], _ = add_remainders(plate, block)
    assert (rest == (plate > 0) & ~(block >= 0)).all()


def test_remainders_that_are_proposed_already_are_left_out_and_do_not_count():
    bowl, ball, plate, block = disc(12, (16, 16)), disc(8, (16, 16)), disc(14, (46, 46)), disc(8, (46, 46))
    ring = np.minimum(bowl, -ball)
    [rest], _ = add_remainders(bowl, ball, ring, plate, block, quality=[1, 1, 1, 0.9, 0.9], max_count=1)
    assert (rest == (plate > 0) & ~(block >= 0)).all()
    # The same part twice: its remainders are duplicates of each other.
    assert len(add_remainders(bowl, ball, disc(8.2, (16, 16)))[0]) == 1


def test_remainders_of_good_masks_come_first_and_their_number_is_limited():
    bowl, ball, plate, block = disc(12, (16, 16)), disc(8, (16, 16)), disc(14, (46, 46)), disc(8, (46, 46))
    # Both the whole and its part count.
    for quality, expected in (([0.8, 1, 0.9, 1], [0.9, 0.8]), ([0.9, 0.8, 0.8, 1], [0.8, 0.9])):
        assert add_remainders(bowl, ball, plate, block, quality=quality)[1].tolist() == expected
    assert len(add_remainders(bowl, ball, plate, block, max_count=1)[0]) == 1
    assert len(add_remainders(bowl, ball, plate, block, max_count=0)[0]) == 0


def test_fragmented_remainders_are_dropped():
    bar = np.minimum(disc(16), 3 - np.abs(np.arange(64) - 32))  # Cuts the disc in two.
    for pair in ([disc(16), bar], [disc(16), disc(15.5)], [disc(16), disc(2)], [disc(30), disc(12)]):
        assert len(add_remainders(*pair)[0]) == 0
    assert len(add_remainders()[0]) == 0


def test_nms_of_no_masks():
    assert filters.mask_nms(np.zeros((0, 4, 4), bool), np.zeros(0), 0.8).shape == (0,)
