"""The method: an image and an expression in, the mask of the object it names out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from torch import Tensor

from ris_ros.config import Config
from ris_ros.device import resolve_device
from ris_ros.encoding import MaskGuidedEncoder, load_encoder
from ris_ros.errors import InputError
from ris_ros.language import ExpressionParser
from ris_ros.matching import fuse, similarity
from ris_ros.proposals import Proposer, make_proposer
from ris_ros.types import Candidate, Depth, Proposals, Query, Result, check_image


class ReferringSegmenter:
    """Zero-shot referring image segmentation.

    Carries out "Zero-shot Referring Image Segmentation with Global-Local Context Features" (CVPR 2023): mask proposals,
    mask-guided CLIP features of each in its global and its local context, text features of the sentence and of its
    target noun phrase, and the proposal whose features are closest to the text's.

    One image serves many queries: ``set_image`` once, ``query`` as often as wanted; or call the segmenter itself.

    Parameters
    ----------
    config : every setting
    proposer : image uint8 RGB [H, W, 3] -> Proposals
    encoder : features of masks and texts
    parser : expression -> Query

    """

    def __init__(self, config: Config, proposer: Proposer, encoder: MaskGuidedEncoder, parser: ExpressionParser):
        self.config = config
        self.proposer = proposer
        self.encoder = encoder
        self.parser = parser
        self.proposals: Proposals | None = None
        self._depth: Depth | None = None
        self._image: np.ndarray | None = None  # what the proposals were made for; None for given ones
        self._features: tuple[Tensor, Tensor] | None = None
        self._timings: dict[str, float] = {}

    @classmethod
    def from_config(cls, config: Config | str | Path | None = None) -> ReferringSegmenter:
        """Load every model that a configuration (or the YAML file at a path; None: the defaults) names.

        Raises
        ------
        InputError, MissingError
            When a setting is wrong, or a package or checkpoint is missing; the message says what to do.

        """
        if not isinstance(config, Config):
            config = Config() if config is None else Config.from_yaml(config)
        device = resolve_device(config.device)
        return cls(config, make_proposer(config.proposals, device), load_encoder(config.encoder, device),
                   ExpressionParser(config.language, config.method))

    def __call__(self, image: np.ndarray, text: str, *, depth: Depth | None = None) -> Result:
        """Find what `text` names in `image`, uint8 RGB [H, W, 3]; `depth` as in :meth:`set_image`."""
        self.parser.parse(text)  # A text without words is refused before the image costs anything.
        self.set_image(image, depth=depth)
        return self.query(text)

    def set_image(self, image: np.ndarray, proposals: Proposals | None = None, *, depth: Depth | None = None
                  ) -> Proposals:
        """Propose masks for an image, uint8 RGB [H, W, 3], and encode them; given `proposals` are taken as they are.

        The very image that was proposed for last, as from a simulated or a paused camera, costs nothing. With `depth`,
        "behind", "closest" and the like are answered by where things are in space, else by where they are in the image.
        """
        check_image(image)
        self._depth = depth
        if proposals is None and np.array_equal(image, self._image):
            return self.proposals
        self._image = None
        self._timings = {}
        proposed_for = image.copy() if proposals is None else None
        with self._timed("proposals"):
            proposals = self.proposer(image) if proposals is None else proposals
        with self._timed("visual"):
            self._features = self.encoder.encode_masks(
                image, proposals.masks, method=self.config.method)
        self.proposals = proposals
        self._image = proposed_for
        return proposals

    def query(self, text: str) -> Result:
        """Find what `text` names in the image that was set last.

        Raises
        ------
        InputError
            When no image was set, or the text has no words.

        """
        if self.proposals is None:
            raise InputError("no image to search: call set_image first")
        with self._timed("language"):
            query = self.parser.parse(text)
        with self._timed("text"):
            sentence, phrase = self.encoder.encode_text([query.sentence, query.target_phrase])
        with self._timed("matching"):
            candidates = self._rank(sentence, phrase)
        timings, self._timings = self._timings, {}
        return self._answer(query, candidates, timings)

    def update(self, config: Config) -> None:
        """Take over another configuration's settings; those that are not live need a new segmenter."""
        if config.proposals != self.config.proposals:
            self._image = None
        self.config = config
        self.proposer.config = config.proposals

    def _rank(self, sentence: Tensor, phrase: Tensor) -> list[Candidate]:
        settings = self.config.matching
        weight = settings.visual_weight if settings.visual_weight >= 0 else self.encoder.default_visual_weight
        visual = fuse(*self._features, weight)
        text = fuse(sentence, phrase, settings.text_weight)
        cosine = similarity(visual, text)
        logit = self.encoder.logit_scale * cosine
        score = logit.softmax(0)
        best_first = logit.argsort(descending=True)[:settings.max_candidates].tolist()
        return [Candidate(index=i, mask=self.proposals.masks[i], box=self.proposals.boxes[i], score=float(score[i]),
                          terms={"cosine": float(cosine[i]), "logit": float(logit[i])}) for i in best_first]

    def _answer(self, query: Query, candidates: list[Candidate], timings: dict[str, float]) -> Result:
        if not candidates:
            height, width = self.proposals.masks.shape[1:]
            return Result(found=False, mask=np.zeros((height, width), bool), box=np.zeros(4, np.float32), score=0.0,
                          confidence=0.0, candidates=[], query=query, timings=timings,
                          reason="no object stands out in the image")
        best = candidates[0]
        return Result(found=True, mask=best.mask, box=best.box, score=best.score, confidence=best.score,
                      candidates=candidates, query=query, timings=timings, instances=[best])

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._timings[stage] = time.perf_counter() - start
