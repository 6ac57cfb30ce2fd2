import numpy as np

from ris_ros.proposals import filters
from ris_ros.proposals.resize import ResizeTransform


def disc(radius, centre=(32, 32), side=64):
    rows, columns = np.ogrid[:side, :side]
    return radius - np.hypot(rows - centre[0], columns - centre[1])


def test_sharp_masks_are_stable_and_vague_ones_are_not():
    steep, vague = 10 * disc(10), 0.1 * disc(10)
    steady, shaky = filters.stability(np.stack([steep, vague]).astype(np.float32))
    assert steady > 0.9 and shaky < 0.2
    assert filters.stability(np.full((1, 8, 8), -5, np.float32)) == 0


def test_tidy_removes_specks_and_pinholes_only():
    logits = disc(12).astype(np.float32)
    clean = logits > 0
    logits[32, 32] = -3
    logits[2:4, 2:4] = 5
    assert ((filters.tidy(logits, 6) > 0) == clean).all()


def test_tidy_keeps_parts_and_holes_that_are_large_enough():
    spoon = np.maximum(disc(9, (16, 16)), disc(6, (48, 48)))
    spoon = np.where(disc(4, (16, 16)) > 0, -1, spoon).astype(np.float32)
    assert (filters.tidy(spoon, 20) == spoon).all()


def test_tidy_never_empties_a_mask():
    logits = np.full((16, 16), -1, np.float32)
    logits[4, 4] = logits[9, 9:11] = 1
    assert np.argwhere(filters.tidy(logits, 50) > 0).tolist() == [[9, 9], [9, 10]]


def test_nested_masks_survive_and_duplicates_fall_to_the_better():
    whole, part = disc(20) > 0, disc(10) > 0
    ring, again = whole & ~part, disc(19.8) > 0
    kept = filters.distinct(np.stack([whole, part, ring, again]), np.array([0.8, 0.7, 0.6, 0.9]), 0.85)
    assert kept.tolist() == [3, 1, 2]


def test_what_is_left_of_a_whole_without_a_part_is_a_mask():
    bowl, ball, beside = disc(16), disc(9), disc(6, (8, 8))
    rest, whole = filters.remainders(np.stack([bowl, ball, beside]).astype(np.float32), 4)
    assert whole.tolist() == [0]
    assert ((rest[0] > 0) == (bowl > 0) & ~(ball >= 0)).all()


def test_remainders_that_are_no_thing_are_left():
    bar = np.minimum(disc(16), 3 - np.abs(np.arange(64) - 32)).astype(np.float32)  # cuts the disc in two
    for pair in ([disc(16), bar], [disc(16), disc(15.5)], [disc(16), disc(2)], [disc(30), disc(12)]):
        assert len(filters.remainders(np.stack(pair).astype(np.float32), 4)[0]) == 0
    rest, whole = filters.remainders(np.zeros((0, 64, 64), np.float32), 4)
    assert rest.shape == (0, 64, 64) and len(whole) == 0


def test_no_masks_are_no_duplicates():
    assert filters.distinct(np.zeros((0, 4, 4), bool), np.zeros(0), 0.8).shape == (0,)


def test_masks_land_where_their_logits_were():
    # A rectangle drawn at full size, seen through the stride of the logits, comes back within half a stride.
    for height, width in ((480, 640), (640, 480), (100, 100), (3000, 2000)):
        frame = ResizeTransform(height, width)
        rows, columns = frame.logit_shape
        step = frame.scale / 4
        x1, y1, x2, y2 = (np.array([0.2, 0.3, 0.6, 0.9]) * [width, height, width, height]).round()
        across = np.minimum(np.arange(columns) + 0.5 - x1 * step[0], x2 * step[0] - np.arange(columns) - 0.5)
        down = np.minimum(np.arange(rows) + 0.5 - y1 * step[1], y2 * step[1] - np.arange(rows) - 0.5)
        [mask] = frame.masks(np.minimum(across, down[:, None])[None].astype(np.float32))
        found = np.argwhere(mask)
        stride = np.ceil(0.5 / step.min())
        assert np.abs(found.min(axis=0) - [y1, x1]).max() <= stride
        assert np.abs(found.max(axis=0) + 1 - [y2, x2]).max() <= stride


def test_a_frame_covers_the_image_and_no_more():
    frame = ResizeTransform(427, 640)
    assert frame.resize(np.zeros((427, 640, 3), np.uint8)).shape == (683, 1024, 3)
    assert frame.logit_shape == (171, 256)
    assert frame.masks(np.ones((1, *frame.logit_shape), np.float32)).all()
