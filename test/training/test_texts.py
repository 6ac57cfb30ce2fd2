from __future__ import annotations

from ris_ros.sim.samples import HELD_OUT_PAIRS
from training.texts import CATEGORY_NAMES, COLOUR_NAMES, SEEN_PAIRS


def test_no_training_name_is_of_a_held_out_pair():
    named = {(COLOUR_NAMES[colour], CATEGORY_NAMES[category]) for colour, category in SEEN_PAIRS}
    assert not named & HELD_OUT_PAIRS
    assert len(named | HELD_OUT_PAIRS) == len(COLOUR_NAMES) * len(CATEGORY_NAMES)
