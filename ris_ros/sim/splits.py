"""Which scenes and which combinations of colour and category are for training, and which never are."""

from __future__ import annotations

from ris_ros.sim.shapes import CATEGORIES, COLOURS

# Seeds of scenes.
TRAIN_SEEDS = range(0, 100_000)
VALIDATION_SEEDS = range(100_000, 200_000)
TEST_SEEDS = range(200_000, 300_000)

Pair = tuple[str, str]

ALL_PAIRS: frozenset[Pair] = frozenset((colour, category) for colour in COLOURS for category in CATEGORIES)

# (colour, category), never seen in training, on a tenth of the combinations. Every colour and every category is
# held out in one or two combinations and seen in all its others.
HELD_OUT_PAIRS: frozenset[Pair] = frozenset({
    ("red", "cup"), ("green", "cup"), ("blue", "mug"), ("yellow", "bowl"), ("white", "plate"), ("pink", "bottle"),
    ("black", "can"), ("purple", "vase"), ("grey", "vase"), ("brown", "box"), ("orange", "book"), ("blue", "ball"),
    ("red", "block"), ("yellow", "cone"), ("green", "banana"), ("white", "spoon"), ("purple", "pen"),
})
