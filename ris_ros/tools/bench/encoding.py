"""Features of N masks: a forward pass for each and one for its crop, mask by mask, against ours.

The models have random weights at true size: time and memory do not depend on their values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ris_ros.config import EncoderConfig
from ris_ros.tools.bench.measure import Row, alone, operations, peak_memory, timed
from ris_ros.utils.device import multiplies_bfloat16

TEXTS = tuple(f"the {colour} {thing}" for colour in ("red", "blue", "green", "white")
              for thing in ("cup", "box", "bottle on the left", "bowl behind the can", "thing"))
"""What is asked, to see whether the answers agree."""


def bench_encoding(pictures: list[tuple[np.ndarray, np.ndarray]], device: str, architectures: list[str],
                   counts: list[int]) -> dict[str, list[Row]]:
    """Tables of features, of global features alone, and of texts.

    Parameters
    ----------
    pictures : images, RGB uint8 [H, W, 3], and their masks, bool [N, H, W]; the first is measured on for every number
        of masks, the others, at the smallest number, only serve to compare answers
    device : cpu, cuda or cuda:N
    architectures : CLIP vision transformers of open_clip
    counts : numbers of masks

    """
    counts = sorted(set(counts))
    work = [(image, enough(masks, counts[-1] if index == 0 else counts[0]))
            for index, (image, masks) in enumerate(pictures)]
    dtypes = ["float32"] + ["auto"] * multiplies_bfloat16(device)
    tables: dict[str, list[Row]] = {"encoding": [], "global features alone": [], "texts": []}
    for architecture in architectures:
        theirs = alone(_theirs, architecture, device, work, counts)
        for dtype in dtypes:
            ours = alone(_ours, architecture, dtype, device, work, counts)
            tables["encoding"] += _encoding_rows(f"{architecture}, {dtype}", ours, theirs, counts)
            if dtype == "auto":
                continue  # Crops alone are computed otherwise.
            tables["global features alone"] += _global_rows(f"{architecture}, {dtype}", ours, theirs, counts)
            tables["texts"].append({
                "what": f"{architecture}, {dtype}, {len(TEXTS)} texts", "seconds": ours["texts"],
                "reference": theirs["texts"], "ratio": theirs["texts"] / ours["texts"]})
    return tables


def enough(masks: np.ndarray, count: int) -> np.ndarray:
    """`count` masks: the given ones, and where those are too few the same ones moved, so that no two are equal."""
    step = max(1, masks.shape[2] // 20)
    return np.stack([np.roll(masks[i % len(masks)], step * (i // len(masks)), axis=1) for i in range(count)])


def _encoding_rows(what: str, ours: dict[Any, Any], theirs: dict[Any, Any], counts: list[int]) -> list[Row]:
    rows = []
    for count in counts:
        seconds, reference = ours[count]["seconds"], theirs[count]["in context"] + theirs[count]["alone"]
        lost = np.concatenate([_lost(a, b) for a, b in zip(ours[count]["cosines"], theirs[count]["cosines"],
                                                           strict=True)])
        rows.append({
            "what": f"{what}, {count} masks", "seconds": seconds, "reference": reference, "ratio": reference / seconds,
            "same answers": f"{(lost == 0).sum()} of {len(lost)}", "cosine lost": float(lost.max()),
            "furthest feature": _furthest(ours[count]["features"], theirs[count]["features"]),
            "arithmetic": ours[count]["operations"] / (2 * count * theirs["pass"]),
            "GB": ours[count]["GB"], "reference, GB": theirs[count]["GB"]})
    return rows


def _global_rows(what: str, ours: dict[Any, Any], theirs: dict[Any, Any], counts: list[int]) -> list[Row]:
    rows = [{"what": f"{what}, {count} masks", "seconds": ours[count]["in context"],
             "reference": theirs[count]["in context"],
             "ratio": theirs[count]["in context"] / ours[count]["in context"],
             "arithmetic": ours[count]["operations in context"] / (count * theirs["pass"])} for count in counts]
    if len(counts) > 1:
        few, many = counts[0], counts[-1]
        one = theirs[many]["in context"] / many
        rows[-1]["one more mask, in passes"] = (ours[many]["in context"] - ours[few]["in context"]) / (many - few) / one
        more = ours[many]["operations in context"] - ours[few]["operations in context"]
        rows[-1]["the same, by arithmetic"] = more / (many - few) / theirs["pass"]
    return rows


def _lost(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """How much less than the reference's answers ours are worth by the reference's own cosines; 0 for the same ones."""
    return theirs.max(axis=0) - theirs[ours.argmax(axis=0), np.arange(ours.shape[1])]


def _furthest(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """The largest distance between a feature of either, global or local, as a share of its length."""
    return max(float((np.linalg.norm(a - b, axis=1) / np.linalg.norm(b, axis=1)).max())
               for a, b in zip(ours, theirs, strict=True))


def _theirs(architecture: str, device: str, work: list[tuple[np.ndarray, np.ndarray]], counts: list[int]
            ) -> dict[Any, Any]:
    import torch

    from ris_ros.encoding import load_encoder
    from ris_ros.tools.bench import reference

    encoder = load_encoder(EncoderConfig(model=f"{architecture}/random"), device)
    kinds = {"in context": reference.in_context, "alone": reference.alone}
    image, masks = work[0]
    for encode in kinds.values():
        encode(encoder, image, masks[0])  # Warm: libraries choose their kernels.
    texts, seconds = timed(lambda: torch.stack([reference.text(encoder, text) for text in TEXTS]))
    found: dict[Any, Any] = {"texts": seconds, "pass": operations(lambda: reference.alone(encoder, image, masks[0]))}
    features = {kind: [] for kind in kinds}
    times = dict.fromkeys(kinds, 0.0)
    for number, mask in enumerate(masks, start=1):
        for kind, encode in kinds.items():
            feature, seconds = timed(lambda encode=encode, mask=mask: encode(encoder, image, mask))
            features[kind].append(feature)
            times[kind] += seconds
        if number in counts:
            both = [torch.stack(some) for some in features.values()]
            found[number] = {**times, "features": _arrays(both), "cosines": [_cosines(both, texts)],
                             "GB": peak_memory()}
    for image, masks in work[1:]:
        found[counts[0]]["cosines"].append(_cosines(
            [torch.stack([encode(encoder, image, mask) for mask in masks]) for encode in kinds.values()], texts))
    return found


def _ours(architecture: str, dtype: str, device: str, work: list[tuple[np.ndarray, np.ndarray]], counts: list[int]
          ) -> dict[Any, Any]:
    from ris_ros.encoding import load_encoder

    encoder = load_encoder(EncoderConfig(model=f"{architecture}/random", dtype=dtype), device)
    image, masks = work[0]
    encoder.encode_masks(image, masks[:2], method="full")
    texts, seconds = timed(lambda: encoder.encode_text(list(TEXTS)))
    found: dict[Any, Any] = {"texts": seconds}
    crop = operations(lambda: encoder.look(image, masks[:1], method="full").local)
    for count in counts:
        features, seconds = timed(lambda count=count: encoder.encode_masks(image, masks[:count], method="full"))
        memory = peak_memory()
        looks = [encoder.look(image, masks[:count], method="full") for _ in range(2)]
        _, in_context = timed(lambda looks=looks: looks[0].in_context)
        shared = operations(lambda looks=looks: looks[1].in_context)
        found[count] = {"seconds": seconds, "in context": in_context, "features": _arrays(features),
                        "cosines": [_cosines(features, texts)], "operations in context": shared,
                        "operations": shared + count * crop, "GB": memory}
    for image, masks in work[1:]:
        found[counts[0]]["cosines"].append(_cosines(encoder.encode_masks(image, masks, method="full"), texts))
    return found


def _arrays(features: Any) -> list[np.ndarray]:
    # Arrays cross from process to process more surely than tensors, which may lie on a GPU.
    return [feature.cpu().numpy() for feature in features]


def _cosines(features: Any, texts: Any) -> np.ndarray:
    """Of every mask with every text, [masks, texts]; the largest for a text is its answer."""
    import torch.nn.functional as F  # noqa: N812

    fused = 0.95 * features[0] + 0.05 * features[1]
    return F.cosine_similarity(fused[:, None], texts[None], dim=2).cpu().numpy()
