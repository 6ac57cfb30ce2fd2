"""Record what the package answers and compare it with an earlier recording, for changes that must not change behaviour.

Record on one commit, compare on another one on the same machine:

    ris eval snapshot before
    git checkout my-change
    ris eval snapshot before --compare

A recording is a folder of JSON lines, one file for each part: ``parses`` (the collection of expressions and generated
texts), ``masks`` (answers among the true masks of simulated scenes), ``proposals`` (answers among MobileSAM's masks)
and ``node`` (every message of one run of the node). Timings and time stamps are left out.
"""

from __future__ import annotations

import hashlib
import json
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.config import Config, LanguageConfig
from ris_ros.errors import InputError, MissingError
from ris_ros.parsing import PublishedParser, make_parser
from ris_ros.segmenter import ReferringSegmenter
from ris_ros.serialization import query_to_dict, result_to_dict
from ris_ros.sim.samples import SceneSample, samples
from ris_ros.types import CameraModel, Depth, Proposals, Result

PARTS = ("parses", "masks", "proposals", "node")

Record = tuple[str, Any]
"""A key that is unique within its part, and plain data."""

GENERATED = 4000
"""Texts that are generated beside the collection."""
MASK_SCENES, PROPOSAL_SCENES = 24, 6
"""Simulated test scenes that are answered among true masks and among proposals."""
NODE_SCENE = 3
"""Seed of the scene that the node sees."""
NODE_COMMANDS = ("the red cup", "the leftmost object", "the second object from the right", "the green unicorn",
                 "both cups", "the thing next to the book", '{"id": 7, "text": "the largest object"}', '{"text": 3}')
ALL_CANDIDATES = {"matching.max_candidates": 100}


def record(directory: Path, parts: list[str], collection: Path, report: Callable[[str], None]) -> None:
    """Write a recording of the named parts into a folder; parts that are already there are written anew."""
    directory.mkdir(parents=True, exist_ok=True)
    for part in parts:
        records = list(_recorded(part, collection))
        lines = (json.dumps(one, ensure_ascii=False) for one in records)
        (directory / f"{part}.jsonl").write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
        report(f"{part}: {len(records)} records")


def compare(directory: Path, parts: list[str], collection: Path, report: Callable[[str], None], shown: int = 10) -> int:
    """Compare what the package does now with a recording.

    Parameters
    ----------
    directory : folder that :func:`record` wrote
    parts : which parts to compare
    collection : JSON lines with a "text" each
    report : takes one line for each part and one for each difference
    shown : differences to print for each part

    Returns
    -------
    The number of records that differ.

    Raises
    ------
    InputError
        When the recording lacks a part.

    """
    total = 0
    for part in parts:
        file = directory / f"{part}.jsonl"
        if not file.is_file():
            raise InputError(f"{directory} holds no recording of {part}: run `ris eval snapshot {directory}` on the "
                             "commit to compare with")
        content = file.read_text(encoding="utf-8", errors="surrogatepass")
        before = dict(json.loads(line) for line in content.split("\n") if line)
        # As JSON gives it back: tuples are lists there.
        now = json.loads(json.dumps(dict(_recorded(part, collection))))
        changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
        report(f"{part}: {len(changed)} of {len(now)} records differ")
        for key in changed[:shown]:
            report(f"  {key}: {_difference(before.get(key), now.get(key))}")
        total += len(changed)
    return total


def _recorded(part: str, collection: Path) -> Iterator[Record]:
    if part == "parses":
        return _parses(collection)
    sources = {"masks": _mask_answers, "proposals": _proposal_answers, "node": _node_messages}
    if part not in sources:
        raise InputError(f"no part {part!r}; there are {', '.join(PARTS)}")
    return sources[part]()


def _parses(collection: Path) -> Iterator[Record]:
    try:
        texts = [json.loads(line)["text"] for line in collection.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot read the expressions {collection}: {error}") from error
    parsers = {method: make_parser(LanguageConfig(), method) for method in ("full", "reference")}
    for text in dict.fromkeys([*texts, *generated_texts(texts, GENERATED)]):
        for method, parser in parsers.items():
            query = parser.parse(text)
            yield f"{method}: {text}", {**query_to_dict(query), "sentence": query.sentence}


def generated_texts(texts: list[str], count: int, seed: int = 0) -> list[str]:
    """Return texts made of others by joining, cutting, swapping and mistyping them; the same for the same seed."""
    rng = np.random.default_rng(seed)

    def one() -> str:
        return texts[rng.integers(len(texts))]

    def joined() -> str:
        links = (" next to ", " behind ", " and ", " but not ", " that is on ", ", then ", " between ", " left of ")
        return one() + links[rng.integers(len(links))] + one()

    def shortened() -> str:
        words = one().split()
        return " ".join(words[:rng.integers(1, len(words) + 1)])

    def without_a_word() -> str:
        words = one().split()
        words.pop(rng.integers(len(words)))
        return " ".join(words) or "it"

    def swapped() -> str:
        words = one().split()
        i, j = rng.integers(len(words), size=2)
        words[i], words[j] = words[j], words[i]
        return " ".join(words)

    def mistyped() -> str:
        text = one()
        at = rng.integers(len(text))
        return (text[:at] + "abcdefghijklmnopqrstuvwxyz "[rng.integers(27)] + text[at + rng.integers(2):]).strip()

    ways = (joined, shortened, without_a_word, swapped, mistyped)
    made = [ways[number % len(ways)]() for number in range(count)]
    return [text for text in made if any(character.isalnum() for character in text)]


def _mask_answers() -> Iterator[Record]:
    """Yield answers among true masks by both methods, with depth in every other scene."""
    full = ReferringSegmenter.from_config(Config().replace(ALL_CANDIDATES))
    config = full.config.replace({"method": "reference"})
    reference = ReferringSegmenter(config, full.proposer, full.encoder, PublishedParser(config.language))
    for sample in samples("test", MASK_SCENES, per_kind=None):
        truths = Proposals.from_masks(_true_masks(sample))
        for method, segmenter in (("full", full), ("reference", reference)):
            segmenter.set_image(sample.rendering.image, truths, depth=_depth(sample) if sample.seed % 2 else None)
            for text in dict.fromkeys(expression.text for expression in sample.expressions):
                yield f"{method}, scene {sample.seed}: {text}", _answer(segmenter.query(text))


def _proposal_answers() -> Iterator[Record]:
    """Yield answers among MobileSAM's masks."""
    segmenter = ReferringSegmenter.from_config(Config().replace(ALL_CANDIDATES))
    for sample in samples("test", PROPOSAL_SCENES, per_kind=None):
        image, depth = sample.rendering.image, _depth(sample)
        segmenter.set_image(image, depth=depth)
        for text in dict.fromkeys(expression.text for expression in sample.expressions):
            yield f"scene {sample.seed}: {text}", _answer(segmenter.query(text))


def _true_masks(sample: SceneSample) -> np.ndarray:
    masks = np.stack([sample.rendering.instances == i for i in range(1, len(sample.scene.objects) + 1)])
    return masks[masks.any(axis=(1, 2))]


def _depth(sample: SceneSample) -> Depth:
    return Depth(sample.rendering.depth, CameraModel(sample.rendering.intrinsics))


def _answer(result: Result) -> dict[str, Any]:
    plain = result_to_dict(result)
    del plain["timings"]
    masks = [_digest(result.mask), *(_digest(candidate.mask) for candidate in result.candidates)]
    return {**plain, "exact box": result.box.tolist(), "masks": masks}


def _node_messages() -> Iterator[Record]:
    """Yield every message of a run of the node on the simulated camera; each command waits for the last answer."""
    import rclpy
    from geometry_msgs.msg import PoseStamped
    from rclpy.node import Node
    from sensor_msgs.msg import Image, PointCloud2, RegionOfInterest
    from std_msgs.msg import String
    from visualization_msgs.msg import MarkerArray

    from ris_ros.tools.node_client import (
        ANSWER_SECONDS,
        START_UP_SECONDS,
        run_executable,
        use_private_ros_domain,
    )

    use_private_ros_domain()
    kinds = {"mask": Image, "roi": RegionOfInterest, "overlay": Image, "candidates": Image, "points": PointCloud2,
             "pose": PoseStamped, "marker": MarkerArray, "result": String}
    received: dict[str, Any] = {}

    def wait(condition: Callable[[], object], seconds: float, what: str) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise MissingError(f"waited {seconds:.0f} s for {what}; see the output of the node above")
            rclpy.spin_once(node, timeout_sec=0.05)

    rclpy.init()
    node = Node("snapshot")
    try:
        commands = node.create_publisher(String, "command", 10)
        for name, kind in kinds.items():
            node.create_subscription(kind, f"ris/{name}",
                                     lambda message, name=name: received.update({name: _plain(message)}), 10)
        with run_executable("ris_ros.tools.camera", {"seed": NODE_SCENE, "rate": 5.0}), \
                run_executable("ris_ros.node.main", {"proposals.search_prompts": 0}):
            wait(lambda: commands.get_subscription_count() and node.count_publishers("ris/result"), START_UP_SECONDS,
                 "the node")
            for command in NODE_COMMANDS:
                received.clear()
                commands.publish(String(data=command))
                wait(lambda: "result" in received and _expected(received["result"]) <= received.keys(),
                     ANSWER_SECONDS, f"the answer to {command}")
                for name, message in sorted(received.items()):
                    yield f"{command}: {name}", message
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _expected(result: dict[str, Any]) -> set[str]:
    """Return the topics that get a message beside a result: none for a failure, no pose without an object."""
    if result["objects"] is None:
        return set()
    return {"mask", "roi", "overlay", "candidates", "points", "marker"} | ({"pose"} if result["objects"] else set())


def _plain(message: Any) -> Any:
    """Return a ROS message as plain data without what differs from run to run; long arrays as digests."""
    if hasattr(message, "get_fields_and_field_types"):
        fields = {name: _plain(getattr(message, name)) for name in message.get_fields_and_field_types()
                  if name != "stamp"}
        if fields.keys() == {"data"} and str(fields["data"]).startswith("{"):
            result = json.loads(fields["data"])
            return {name: value for name, value in result.items() if name not in ("timings", "stamp", "latency")}
        return fields
    if isinstance(message, array | np.ndarray) and len(message) > 20:
        return _digest(np.asarray(message))
    return [_plain(one) for one in message] if isinstance(message, list | tuple | array | np.ndarray) else message


def _digest(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:16]


def _difference(before: Any, now: Any) -> str:
    """Return the first place in which two pieces of plain data differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in {**before, **now}:
            if before.get(name) != now.get(name):
                return f"{name}: {_difference(before.get(name), now.get(name))}"
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        place, pair = next((place, pair) for place, pair in enumerate(zip(before, now, strict=True))
                           if pair[0] != pair[1])
        return f"[{place}]: {_difference(*pair)}"
    return f"{json.dumps(before)} -> {json.dumps(now)}"
