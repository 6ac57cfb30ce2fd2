"""Time and memory of mask features, next to one pass per mask and one per crop; and a plot of the times.

The models have random weights at true size: time and memory do not depend on their values.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ris_ros.config import EncoderConfig
from ris_ros.tools.bench.measure import Row, count_operations, peak_memory, run_in_subprocess, timed
from ris_ros.utils.device import has_fast_bfloat16

if TYPE_CHECKING:
    from torch import Tensor

    from ris_ros.encoding import MaskFeatures, MaskGuidedEncoder

logger = logging.getLogger(__name__)

TEXTS = tuple(f"the {colour} {noun}" for colour in ("red", "blue", "green", "white")
              for noun in ("cup", "box", "bottle on the left", "bowl behind the can", "thing"))
"""Expressions for which the answers are compared."""
GLOBAL_WEIGHT = 0.95
"""Weight of the global features in the comparison of answers; the local ones have the rest."""
LABELS = {"float32": "ours, float32", "auto": "ours, crops in bfloat16"}
"""Labels in the plot by the encoder's setting `dtype`."""

MaskedImage = tuple[np.ndarray, np.ndarray]
"""An image, uint8 RGB [H, W, 3], and masks of it, bool [N, H, W]."""


@dataclass(eq=False)
class _Measurement:
    """Encoding of some number of masks.

    Attributes
    ----------
    seconds, global_seconds : time for all features, and for the global ones alone
    features : global and local features, float32 [N, D] each
    cosines : cosines of every mask with every text, [N, T], of each image
    gigabytes : peak of memory so far
    operations, global_operations : floating-point operations for all features, and for the global ones alone

    """

    seconds: float
    global_seconds: float
    features: list[np.ndarray]
    cosines: list[np.ndarray]
    gigabytes: float
    operations: float = 0.0
    global_operations: float = 0.0


@dataclass(eq=False)
class _Side:
    """Measurements of one implementation.

    Attributes
    ----------
    text_seconds : time for TEXTS
    pass_operations : floating-point operations of one forward pass; only of the reference
    by_count : measurements by the number of masks

    """

    text_seconds: float
    pass_operations: float = 0.0
    by_count: dict[int, _Measurement] = field(default_factory=dict)


def bench_encoding(images: Sequence[MaskedImage], device: str, architectures: list[str], counts: list[int]
                   ) -> dict[str, list[Row]]:
    """Measure mask features, global features alone, and texts; return a table of each.

    Parameters
    ----------
    images : images with their masks; the first is measured with every number of masks, the others are only used, with
        the smallest number, to compare answers
    device : cpu, cuda or cuda:N
    architectures : CLIP vision transformers of open_clip
    counts : numbers of masks

    """
    counts = sorted(set(counts))
    work = [(image, repeat_masks(masks, counts[-1] if index == 0 else counts[0]))
            for index, (image, masks) in enumerate(images)]
    dtypes = ["float32", "auto"] if has_fast_bfloat16(device) else ["float32"]
    tables: dict[str, list[Row]] = {"encoding": [], "global features alone": [], "texts": []}
    for architecture in architectures:
        theirs = run_in_subprocess(_measure_reference, architecture, device, work, counts)
        for dtype in dtypes:
            ours = run_in_subprocess(_measure_ours, architecture, dtype, device, work, counts)
            tables["encoding"] += _encoding_rows(f"{architecture}, {dtype}", ours, theirs)
            if dtype == "auto":
                continue  # Only the crops are computed in another type.
            tables["global features alone"] += _global_rows(f"{architecture}, {dtype}", ours, theirs)
            tables["texts"].append({
                "what": f"{architecture}, {dtype}, {len(TEXTS)} texts", "seconds": ours.text_seconds,
                "reference": theirs.text_seconds, "ratio": theirs.text_seconds / ours.text_seconds})
    return tables


def repeat_masks(masks: np.ndarray, count: int) -> np.ndarray:
    """Return `count` masks: the given ones and, as far as needed, shifted copies of them, all different."""
    step = max(1, masks.shape[2] // 20)
    return np.stack([np.roll(masks[i % len(masks)], step * (i // len(masks)), axis=1) for i in range(count)])


def plot_encoding(tables: dict[str, list[Row]], device: str, file: Path) -> None:
    """Plot seconds over masks, a panel for each architecture, into a PNG; without matplotlib, log a warning.

    Parameters
    ----------
    tables : result of :func:`bench_encoding`
    device : name of the device, for the title
    file : path of the PNG

    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        # The measurements took minutes and must not be lost for this.
        logger.warning("no %s: it needs a package; run `pip install matplotlib`", file)
        return
    panels: dict[str, dict[str, list[tuple[int, float]]]] = {}
    names = ("encoding", "global features alone")
    for table, row in ((name, row) for name in names for row in tables[name]):
        architecture, dtype, masks = row["what"].split(", ")
        count = int(masks.split()[0])
        lines = panels.setdefault(architecture, {})
        if table == "encoding":
            lines.setdefault("a pass for each mask and crop", []).append((count, row["reference"]))
            lines.setdefault(LABELS.get(dtype, dtype), []).append((count, row["seconds"]))
        elif dtype == "float32":
            lines.setdefault("ours, global features alone", []).append((count, row["seconds"]))
    figure = Figure(figsize=(4.2 * len(panels), 3.6), layout="constrained")
    for axes, (architecture, lines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(),
                                           strict=True):
        for label, points in lines.items():
            counts, seconds = zip(*sorted(set(points)), strict=True)
            axes.plot(counts, seconds, marker="o", label=label)
        axes.set(title=architecture, xlabel="masks", ylabel="seconds", xlim=(0, None), ylim=(0, None))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(frameon=False)
    figure.suptitle(device, fontsize="medium")
    figure.savefig(file, dpi=150)


def _encoding_rows(what: str, ours: _Side, theirs: _Side) -> list[Row]:
    rows = []
    for count, our in ours.by_count.items():
        their = theirs.by_count[count]
        lost = np.concatenate([_lost_cosines(a, b) for a, b in zip(our.cosines, their.cosines, strict=True)])
        rows.append({
            "what": f"{what}, {count} masks", "seconds": our.seconds, "reference": their.seconds,
            "ratio": their.seconds / our.seconds,
            "same answers": f"{(lost == 0).sum()} of {len(lost)}", "cosine lost": float(lost.max()),
            "furthest feature": _max_relative_distance(our.features, their.features),
            "arithmetic": our.operations / (2 * count * theirs.pass_operations),
            "GB": our.gigabytes, "reference, GB": their.gigabytes})
    return rows


def _global_rows(what: str, ours: _Side, theirs: _Side) -> list[Row]:
    rows: list[Row] = []
    for count, our in ours.by_count.items():
        their = theirs.by_count[count]
        rows.append({"what": f"{what}, {count} masks", "seconds": our.global_seconds,
                     "reference": their.global_seconds, "ratio": their.global_seconds / our.global_seconds,
                     "arithmetic": our.global_operations / (count * theirs.pass_operations)})
    few, many = min(ours.by_count), max(ours.by_count)
    if few < many:
        less, more = ours.by_count[few], ours.by_count[many]
        pass_seconds = theirs.by_count[many].global_seconds / many
        rows[-1]["one more mask, in passes"] = (
            (more.global_seconds - less.global_seconds) / (many - few) / pass_seconds)
        rows[-1]["the same, by arithmetic"] = (
            (more.global_operations - less.global_operations) / (many - few) / theirs.pass_operations)
    return rows


def _lost_cosines(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Return how far, by the reference's cosines, our answer to each text is below the reference's; 0 for the same."""
    lost: np.ndarray = theirs.max(axis=0) - theirs[ours.argmax(axis=0), np.arange(ours.shape[1])]
    return lost


def _max_relative_distance(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """Return the largest distance between our feature of a mask and the reference's, relative to its length."""
    return max(float((np.linalg.norm(a - b, axis=1) / np.linalg.norm(b, axis=1)).max())
               for a, b in zip(ours, theirs, strict=True))


def _measure_reference(architecture: str, device: str, work: list[MaskedImage], counts: list[int]) -> _Side:
    import torch

    from ris_ros.encoding import load_encoder
    from ris_ros.tools.bench import reference

    encoder = load_encoder(EncoderConfig(model=f"{architecture}/random"), device)
    encoders = partial(reference.encode_global, encoder), partial(reference.encode_local, encoder)
    image, masks = work[0]
    for encode in encoders:
        encode(image, masks[0])  # Lets the libraries choose their kernels.
    texts, text_seconds = timed(partial(reference.encode_texts, encoder, TEXTS))
    side = _Side(text_seconds, count_operations(partial(encoders[1], image, masks[0])))
    features: tuple[list[Tensor], list[Tensor]] = [], []
    total = [0.0, 0.0]
    for number, mask in enumerate(masks, start=1):
        for kind, encode in enumerate(encoders):
            feature, seconds = timed(partial(encode, image, mask))
            features[kind].append(feature)
            total[kind] += seconds
        if number in counts:
            both = torch.stack(features[0]), torch.stack(features[1])
            side.by_count[number] = _Measurement(total[0] + total[1], total[0], _to_arrays(both),
                                                 [_cosines(both, texts)], peak_memory())
    for image, masks in work[1:]:
        both = (torch.stack([encoders[0](image, mask) for mask in masks]),
                torch.stack([encoders[1](image, mask) for mask in masks]))
        side.by_count[counts[0]].cosines.append(_cosines(both, texts))
    return side


def _measure_ours(architecture: str, dtype: str, device: str, work: list[MaskedImage], counts: list[int]) -> _Side:
    from ris_ros.encoding import load_encoder

    encoder = load_encoder(EncoderConfig(model=f"{architecture}/random", dtype=dtype), device)
    image, masks = work[0]
    _encode_both(encoder, image, masks[:2])  # Lets the libraries choose their kernels.
    texts, text_seconds = timed(lambda: encoder.encode_text(list(TEXTS)))
    side = _Side(text_seconds)
    one = encoder.encode_masks(image, masks[:1], method="full")
    crop_operations = count_operations(lambda: one.local_features)
    for count in counts:
        features, seconds = timed(partial(_encode_both, encoder, image, masks[:count]))
        gigabytes = peak_memory()
        lazy = [encoder.encode_masks(image, masks[:count], method="full") for _ in range(2)]
        _, global_seconds = timed(partial(_compute_global, lazy[0]))
        global_operations = count_operations(partial(_compute_global, lazy[1]))
        side.by_count[count] = _Measurement(seconds, global_seconds, _to_arrays(features), [_cosines(features, texts)],
                                            gigabytes, global_operations + count * crop_operations, global_operations)
    for image, masks in work[1:]:
        side.by_count[counts[0]].cosines.append(_cosines(_encode_both(encoder, image, masks), texts))
    return side


def _compute_global(features: MaskFeatures) -> Tensor:
    return features.global_features


def _encode_both(encoder: MaskGuidedEncoder, image: np.ndarray, masks: np.ndarray) -> tuple[Tensor, Tensor]:
    features = encoder.encode_masks(image, masks, method="full")
    return features.global_features, features.local_features


def _to_arrays(features: tuple[Tensor, Tensor]) -> list[np.ndarray]:
    # Arrays can be sent between processes; tensors may be on a GPU.
    return [feature.cpu().numpy() for feature in features]


def _cosines(features: tuple[Tensor, Tensor], texts: Tensor) -> np.ndarray:
    """Return the cosines of every mask with every text, [N, T]; the mask with the largest answers the text."""
    import torch.nn.functional as F  # noqa: N812

    fused = GLOBAL_WEIGHT * features[0] + (1 - GLOBAL_WEIGHT) * features[1]
    cosines: np.ndarray = F.cosine_similarity(fused[:, None], texts[None], dim=2).cpu().numpy()
    return cosines
