"""Times of the steps from a new process to loaded models, for `ris bench start`: prints one line of JSON.

The module itself imports nothing that is slow, so that what is imported can be timed.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ris_ros.config import Config

LIBRARIES = ("torch", "torchvision", "open_clip")
"""Libraries whose import takes long."""


def time_loading(config: Config) -> dict[str, float]:
    """Return the seconds of each step, in the order of `ReferringSegmenter.from_config`."""
    seconds: dict[str, float] = {}

    @contextmanager
    def step(name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        seconds[name] = time.perf_counter() - start

    for library in LIBRARIES:
        with step(f"import of {library}"):
            importlib.import_module(library)
    with step("import of ris_ros"):
        from ris_ros.calibration import calibrated_bank
        from ris_ros.encoding import load_encoder
        from ris_ros.parsing import make_parser
        from ris_ros.proposals import make_proposer
        from ris_ros.segmenter import ReferringSegmenter
        from ris_ros.utils.device import resolve_device
    device = resolve_device(config.device)
    with step("spaCy and the reader of expressions"):
        parser = make_parser(config.language, config.method)
    with step("proposer"):
        proposer = make_proposer(config.proposals, device, offline=config.offline)
    with step("encoder"):
        encoder = load_encoder(config.encoder, device, offline=config.offline)
    with step("calibration and word lists"):
        ReferringSegmenter(config, proposer, encoder, parser, calibrated_bank(config, encoder))
    return seconds


if __name__ == "__main__":
    print(json.dumps(time_loading(Config.from_dict(json.loads(sys.argv[1])))))
