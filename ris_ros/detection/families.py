"""The phrase detectors of transformers: each is asked through the library's own processor and post-processing.

An image is encoded once, for all phrases. Every phrase is asked by itself, in a batch with the others: a detector that
reads several phrases as one text lets them compete, and the answer to one would depend on which others were asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ris_ros.config import DetectorConfig
from ris_ros.errors import InputError
from ris_ros.types import Detections, check_image
from ris_ros.utils.device import AdaptiveBatcher

MIN_SCORE_SHARE = 0.2
"""Share of the threshold from which on detections are kept: below it they are hardly ever right."""


class TransformersDetector:
    """A phrase detector of transformers; see `detector.PhraseDetector`.

    Parameters
    ----------
    source : folder or repository
    device : ``cpu``, ``cuda`` or ``cuda:N``
    dtype : of the weights
    config : further settings
    threshold : of the family, used where the settings leave it open

    Raises
    ------
    ValueError
        If the weights do not fill the model. The library raises further errors for damaged files.

    """

    model_class = "AutoModelForZeroShotObjectDetection"

    def __init__(self, source: str, device: str, dtype: torch.dtype, config: DetectorConfig, threshold: float):
        import transformers

        self.config = config
        self._threshold = threshold
        self.processor = transformers.AutoProcessor.from_pretrained(source)
        # Its weights are read as safetensors, which cannot run code.
        model, info = getattr(transformers, self.model_class).from_pretrained(
            source, dtype=dtype, use_safetensors=True, output_loading_info=True)
        if missing := info["missing_keys"]:
            raise ValueError(f"the weights lack {len(missing)} parameters, such as {sorted(missing)[0]}")
        self.model = model.eval().requires_grad_(False).to(device)
        self._batcher = AdaptiveBatcher(config.batch_size, "phrases", "a smaller detector.model or detector.dtype")

    @property
    def notes(self) -> list[str]:
        """Return what does not run as requested, for diagnostics."""
        return [self._batcher.note] if self._batcher.note else []

    @property
    def threshold(self) -> float:
        """Return the score of a detection that is right as often as wrong, 0..1."""
        return self.config.threshold if self.config.threshold >= 0 else self._threshold

    @torch.inference_mode()
    def embed(self, image: np.ndarray) -> Any:
        """Encode an image, uint8 RGB [H, W, 3], once for any number of phrases."""
        check_image(image)
        inputs = self.processor.image_processor(images=image, return_tensors="pt", input_data_format="channels_last")
        return self._encode({name: self._to_model(value) for name, value in inputs.items()
                             if isinstance(value, Tensor)})

    @torch.inference_mode()
    def __call__(self, image: np.ndarray, phrases: Sequence[str], *, embedding: Any = None) -> list[Detections]:
        """Return the detections of each phrase; see `detector.PhraseDetector`."""
        embedding = self.embed(image) if embedding is None else embedding
        size = (image.shape[0], image.shape[1])

        def detect(batch: Sequence[str]) -> list[Detections]:
            found = self._detect(embedding, list(batch), size, MIN_SCORE_SHARE * self.threshold)
            return [_best(one, size, self.config.max_detections) for one in found]

        return [one for batch in self._batcher.map(detect, phrases) for one in batch]

    def _encode(self, inputs: dict[str, Tensor]) -> Any:
        """Return what `_detect` needs of an image, whose inputs the processor made."""
        raise NotImplementedError

    def _detect(self, embedding: Any, phrases: list[str], size: tuple[int, int], min_score: float
                ) -> list[dict[str, Any]]:
        """Return the library's boxes, scores and perhaps masks for each phrase in an image of (height, width)."""
        raise NotImplementedError

    def _to_model(self, value: Tensor) -> Tensor:
        value = value.to(self.model.device)
        return value.to(self.model.dtype) if value.is_floating_point() else value

    def _tokens(self, texts: Any, **options: Any) -> dict[str, Tensor]:
        inputs = self.processor(text=texts, return_tensors="pt", **options)
        return {name: self._to_model(value) for name, value in inputs.items() if isinstance(value, Tensor)}


class GroundingDino(TransformersDetector):
    """Grounding DINO (Liu et al., arXiv 2303.05499) and MM-Grounding-DINO (arXiv 2401.02361), such as LLMDet."""

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        self._backbone = self.model.model.backbone
        self._given = self.model.model.backbone = _GivenFeatures(self._backbone)

    def _encode(self, inputs: dict[str, Tensor]) -> Any:
        return inputs, self._backbone(inputs["pixel_values"], inputs["pixel_mask"])

    def _detect(self, embedding: Any, phrases: list[str], size: tuple[int, int], min_score: float
                ) -> list[dict[str, Any]]:
        inputs, self._given.features = embedding
        # A full stop ends a phrase for this model.
        tokens = self._tokens([[phrase.replace(".", " ")] for phrase in phrases], padding=True)
        try:
            outputs = self.model(**{name: _repeated(value, len(phrases)) for name, value in inputs.items()}, **tokens)
        finally:
            self._given.features = None
        _to_float32(outputs, "logits", "pred_boxes")
        _check_numbers(outputs.logits)
        found: list[dict[str, Any]] = self.processor.post_process_grounded_object_detection(
            outputs, tokens["input_ids"], threshold=min_score, target_sizes=[size] * len(phrases))
        return found


class _GivenFeatures(nn.Module):
    """A backbone whose features of one image are given, and repeated for each text about it."""

    def __init__(self, backbone: nn.Module):
        super().__init__()
        self.position_embedding = backbone.position_embedding
        self.features: Any = None

    def forward(self, pixel_values: Tensor, pixel_mask: Tensor) -> tuple[list[tuple[Tensor, Tensor]], list[Tensor]]:
        """Return the feature maps with their masks, and their position embeddings, for each image of a batch."""
        maps, positions = self.features
        count = len(pixel_values)
        return ([(_repeated(features, count), _repeated(mask, count)) for features, mask in maps],
                [_repeated(position, count) for position in positions])


class Owl(TransformersDetector):
    """OWL-ViT (Minderer et al., arXiv 2205.06230) and OWLv2 (arXiv 2306.09683)."""

    def _encode(self, inputs: dict[str, Tensor]) -> Any:
        feature_map = self.model.image_embedder(pixel_values=inputs["pixel_values"])[0]
        features = feature_map.flatten(1, 2)
        return features, self.model.box_predictor(features, feature_map)

    def _detect(self, embedding: Any, phrases: list[str], size: tuple[int, int], min_score: float
                ) -> list[dict[str, Any]]:
        features, boxes = embedding
        # Its text tower was trained on at most 16 tokens, and has no places for more.
        tokens = self._tokens([phrases], padding="max_length", truncation=True)
        owl = self.model.owlvit if self.model.config.model_type == "owlvit" else self.model.owlv2
        pooled = owl.text_model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).pooler_output
        queries = nn.functional.normalize(owl.text_projection(pooled), dim=-1)[None]
        logits, _ = self.model.class_predictor(features, queries, tokens["input_ids"][None, :, 0] > 0)
        _check_numbers(logits)
        # The library would give each box to its best phrase alone.
        return [self.processor.post_process_grounded_object_detection(
            SimpleNamespace(logits=logits[..., [i]].float(), pred_boxes=boxes.float()), threshold=min_score,
            target_sizes=[size])[0]
            for i in range(len(phrases))]


class Sam3(TransformersDetector):
    """SAM 3 (Carion et al., arXiv 2511.16719), which gives masks."""

    model_class = "Sam3Model"

    def _encode(self, inputs: dict[str, Tensor]) -> Any:
        return self.model.get_vision_features(pixel_values=inputs["pixel_values"])

    def _detect(self, embedding: Any, phrases: list[str], size: tuple[int, int], min_score: float
                ) -> list[dict[str, Any]]:
        count = len(phrases)
        tokens = self._tokens(phrases)
        vision = type(embedding)(
            fpn_hidden_states=tuple(_repeated(value, count) for value in embedding.fpn_hidden_states),
            fpn_position_encoding=tuple(_repeated(value, count) for value in embedding.fpn_position_encoding))
        outputs = self.model(vision_embeds=vision, input_ids=tokens["input_ids"],
                             attention_mask=tokens["attention_mask"])
        _to_float32(outputs, "pred_logits", "pred_boxes", "pred_masks", "presence_logits")
        _check_numbers(outputs.pred_logits)
        found: list[dict[str, Any]] = self.processor.post_process_instance_segmentation(
            outputs, threshold=min_score, target_sizes=[size] * count)
        return found


def _repeated(value: Tensor, count: int) -> Tensor:
    """Return the values of one image, [1, ...], for a batch of texts about it, without a copy."""
    return value.expand(count, *value.shape[1:])


def _to_float32(outputs: Any, *names: str) -> None:
    """Convert some of the outputs: pixels and shares of an image need more digits than bfloat16 has."""
    for name in names:
        setattr(outputs, name, getattr(outputs, name).float())


def _check_numbers(logits: Tensor) -> None:
    """Raise an InputError where a logit is no number, which would be taken for the lack of a detection."""
    if logits.isnan().any():
        raise InputError("the detector's scores are not finite: try detector.dtype float32, or another model")


def _best(found: dict[str, Any], size: tuple[int, int], max_count: int) -> Detections:
    """Return the detections with the highest scores, without those whose box or mask is empty."""
    height, width = size
    scores = found["scores"].float().cpu().numpy()
    boxes = found["boxes"].float().cpu().numpy().clip(0, np.array([width, height] * 2, np.float32))
    # The library does not resize an empty set of masks.
    masks = found["masks"].bool().cpu().numpy().reshape(-1, height, width) if "masks" in found else None
    is_shown = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    if masks is not None:
        is_shown &= masks.any(axis=(1, 2))
    kept = np.flatnonzero(is_shown)
    kept = kept[np.argsort(-scores[kept], kind="stable")][:max_count]
    return Detections(boxes[kept], scores[kept], None if masks is None else masks[kept])
