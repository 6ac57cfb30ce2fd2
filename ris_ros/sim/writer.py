"""Export of simulated scenes and their expressions as a data-set folder; docs/dataset.md describes the format."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track

import ris_ros
from ris_ros.errors import InputError
from ris_ros.sim.samples import SceneSample, samples, split_seeds
from ris_ros.sim.styles import PLAIN, find_style
from ris_ros.utils.images import write_image

FORMAT_VERSION = 1


def write_dataset(directory: str | Path, *, split: str = "train", scenes: int = 100, start: int = 0,
                  per_kind: int | None = 2, styles: Sequence[str] = (PLAIN,), progress: bool = False
                  ) -> dict[str, int]:
    """Render scenes and write their images, depth, masks and expressions.

    Parameters
    ----------
    directory : created if missing; must be empty
    split : train, validation, test or hard
    scenes, start : how many of the split's scenes, starting at which
    per_kind : maximum number of expressions of each kind and scene; None for all
    styles : of the scenes, which they share in equal blocks
    progress : whether to show a progress bar on stderr

    Returns
    -------
    The number of scenes and of expressions written.

    Raises
    ------
    InputError
        If the directory is not empty or cannot be created, or there are no such scenes or no such style.

    """
    directory = Path(directory)
    seeds = split_seeds(split, scenes, start)
    for style in styles:
        find_style(style)
    _create_empty(directory)
    console = Console(stderr=True)
    rendered = track(samples(split, scenes, start, per_kind, styles), "rendering", total=scenes, console=console,
                     disable=not progress)
    count = 0
    with open(directory / "expressions.jsonl", "w", encoding="utf-8") as file:
        for number, sample in enumerate(rendered):
            rows = _write_scene(directory, f"{number:06d}.png", sample)
            file.writelines(json.dumps(row) + "\n" for row in rows)
            count += len(rows)
    about = {"format": FORMAT_VERSION, "written_by": f"ris_ros {ris_ros.__version__}", "split": split,
             "seeds": [seeds.start, seeds.stop], "per_kind": per_kind, "styles": list(styles),
             "scenes": scenes, "expressions": count}
    (directory / "dataset.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return {"scenes": scenes, "expressions": count}


def _create_empty(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise InputError(f"{directory} is not empty; name a new directory, or empty this one")
        for folder in ("images", "depth", "masks"):
            (directory / folder).mkdir()
    except OSError as error:
        raise InputError(f"cannot write to {directory}: {error.strerror}") from error


def _write_scene(directory: Path, name: str, sample: SceneSample) -> list[dict[str, Any]]:
    """Write one scene's image files and return its rows of expressions.jsonl."""
    rendering = sample.rendering
    write_image(directory / "images" / name, rendering.image)
    millimetres = np.round(rendering.depth * 1000)
    # Depth beyond 16 bits is written as 0, which means unknown.
    Image.fromarray(np.where(millimetres < 2**16, millimetres, 0).astype(np.uint16)).save(directory / "depth" / name)
    Image.fromarray(rendering.instances.astype(np.uint8)).save(directory / "masks" / name)
    scene_fields = {
        "image": f"images/{name}", "masks": f"masks/{name}", "depth": f"depth/{name}",
        "intrinsics": rendering.intrinsics.ravel().tolist(), "camera_pose": rendering.camera_pose.ravel().tolist(),
        "classes": {str(i): obj.category for i, obj in enumerate(sample.scene.objects, 1)},
    }
    return [{"text": expression.text, "targets": [i + 1 for i in expression.targets], "kind": expression.kind,
             "phrase": expression.phrase, **scene_fields} for expression in sample.expressions]
