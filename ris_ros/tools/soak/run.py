"""Runs a camera, the node and random commands for a long time, with faults in between."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.config import Config
from ris_ros.errors import MissingError
from ris_ros.node.spinning import background_node
from ris_ros.sim.expressions import expressions
from ris_ros.sim.render import Renderer
from ris_ros.sim.tabletop import sample_scene
from ris_ros.tools.node_client import START_UP_SECONDS, use_private_ros_domain
from ris_ros.tools.soak.checks import Truth
from ris_ros.tools.soak.faults import FAULTS
from ris_ros.tools.soak.observer import Observer, wait_until
from ris_ros.tools.soak.session import ANSWER_SECONDS, Process, SoakSession

FAULT_SECONDS = 8.0
"""Mean time between two faults."""
WARM_UP_SHARE = 0.2
"""Share of a life of the node after which its memory, threads and descriptors are compared."""


def run_soak(config: Config, minutes: float, *, faults: bool, seed: int, log: Path, progress: Callable[[str], None]
             ) -> dict[str, Any]:
    """Run a soak test.

    Parameters
    ----------
    config : of the node
    minutes : how long
    faults : whether to inflict faults
    seed : of the scene, the commands and the faults
    log : file for the output of the node and the camera
    progress : takes a few words about what happens

    Returns
    -------
    Numbers by name, "faults": how often each was tried and survived, "violations" and "failures": a line for each.

    """
    use_private_ros_domain()
    # The shared memory of a killed node can make Fast DDS deaf in all others, also in the node that replaces it.
    os.environ["FASTDDS_BUILTIN_TRANSPORTS"] = "UDPv4"
    rng = random.Random(seed)
    truths = _truths(seed)
    tried: Counter[str] = Counter()
    survived: Counter[str] = Counter()
    camera = Process("ris_ros.tools.camera", {"rate": 30.0, "seed": seed}, log)
    node = Process("ris_ros.node.main", config.to_dict(), log)
    try:
        with background_node(Observer) as observer:
            soak = SoakSession(observer, camera, node, truths, rng)
            progress("loading models")
            if not wait_until(observer.is_ready, START_UP_SECONDS):
                raise MissingError(f"the node or the camera did not start; see {log}")
            end = time.monotonic() + 60 * minutes
            while (left := end - time.monotonic()) > 0:
                progress(f"{left / 60:.1f} minutes left, {observer.checks.counts['answers']} answers")
                soak.pause(min(left, rng.expovariate(1 / FAULT_SECONDS)))
                if faults:
                    [fault] = rng.choices(list(FAULTS), list(FAULTS.values()))
                    tried[fault.__name__] += 1
                    fault(soak, rng)
                    survived[fault.__name__] += soak.is_well()
                elif node.status is not None:
                    soak.is_well()
            progress("waiting for the last answers")
            wait_until(lambda: not observer.has_waiting(), ANSWER_SECONDS)
            return _report(soak, observer, {name: [survived[name], count] for name, count in tried.items()}, minutes)
    finally:
        node.kill()
        camera.kill()


def _truths(seed: int) -> list[Truth]:
    """Return expressions about the scene that the camera shows."""
    scene = sample_scene(seed)
    with Renderer() as renderer:
        rendering = renderer.render(scene)
    found = expressions(scene, rendering, np.random.default_rng(seed), "test")
    return [Truth.of(expression, rendering) for expression in found]


def _report(soak: SoakSession, observer: Observer, faults: dict[str, list[int]], minutes: float) -> dict[str, Any]:
    counts = observer.checks.counts
    median, high = np.percentile(observer.checks.latencies or [np.nan], (50, 95)).tolist()
    life = max(soak.lives, key=len)
    settled = np.array(life[int(WARM_UP_SHARE * len(life)):], float)
    slopes = [float(np.polyfit(settled[:, 0] / 3600, column, 1)[0]) if len(settled) > 2 else float("nan")
              for column in settled[:, 1:].T] if len(settled) else [float("nan")] * 3
    return {
        "minutes": minutes, "images": counts["images"],
        "commands": counts["commands"], "answers": counts["answers"],
        "answers [1/min]": counts["answers"] / minutes, "latency, median [s]": median, "latency, 95 % [s]": high,
        "right": counts["right"] / max(1, counts["judged"]), "refused": counts["refused"],
        "lost": counts["lost"], "wrong stamp": counts["wrong stamp"],
        "out of order": counts["out of order"], "too old": counts["too old"],
        "inconsistent": counts["inconsistent"], "judged without depth": counts["judged without depth"],
        "other without depth": counts["other without depth"], "memory [MB/h]": slopes[0] / 1e6,
        "threads [1/h]": slopes[1], "descriptors [1/h]": slopes[2],
        "longest life [min]": (life[-1][0] - life[0][0]) / 60 if life else 0.0,
        "faults": faults, "violations": observer.checks.violations, "failures": soak.failures}
