"""The method: an image and an expression in, the mask of the object it names out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from ris_ros.config import Config
from ris_ros.encoding import MaskFeatures, MaskGuidedEncoder, load_encoder
from ris_ros.errors import InputError
from ris_ros.grounding import (
    AppearanceScorer,
    Grounder,
    Layout,
    PromptBank,
    decide,
    fuse,
    local_maxima,
    measure,
    mentioned,
    similarity,
)
from ris_ros.language import ExpressionParser
from ris_ros.proposals import ImageEmbedding, PromptedProposer, Proposer, make_proposer
from ris_ros.types import Candidate, Depth, Proposals, Query, Result, check_image
from ris_ros.utils.device import resolve_device
from ris_ros.utils.frame_cache import FrameCache

_NOTHING = "no object stands out in the image"
# What no proposal shows with this chance is searched for where the picture hints at it with the second.
_SHOWN, _HINTED = 0.5, 0.2


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
        self.bank = PromptBank.load(config.matching.calibration, encoder.calibration)
        self._view: EncodedFrame | None = None
        self._seen: FrameCache[EncodedFrame] = FrameCache(config.frames_kept)
        self._depth: Depth | None = None
        self._grounder: Grounder | None = None  # of the view's proposals, for the settings at hand
        self._timings: dict[str, float] = {}
        self._within = 0.0  # seconds of stages within the one at hand

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

    def sibling(self) -> ReferringSegmenter:
        """Another segmenter on the same models, with an image of its own."""
        return ReferringSegmenter(self.config, self.proposer, self.encoder, self.parser)

    def __call__(self, image: np.ndarray, text: str, *, depth: Depth | None = None) -> Result:
        """Find what `text` names in `image`, uint8 RGB [H, W, 3]; `depth` as in :meth:`set_image`."""
        self.parser.parse(text)  # A text without words is refused before the image costs anything.
        self.set_image(image, depth=depth)
        return self.query(text)

    def set_image(self, image: np.ndarray, proposals: Proposals | None = None, *, depth: Depth | None = None
                  ) -> Proposals:
        """Propose masks for an image, uint8 RGB [H, W, 3], and encode them; given `proposals` are taken as they are.

        An image that was seen among the last few, as from a still camera, costs nothing, see :class:`FrameCache`. With
        `depth`, "behind", "closest" and the like are answered by where things are in space, else by where they are in
        the image.
        """
        check_image(image)
        if depth is not self._depth:
            self._depth, self._grounder = depth, None
        tolerance = self.config.frame_tolerance if self.config.method == "full" else 0
        view = self._seen.find(image, tolerance) if proposals is None else None
        if view is None or view is not self._view:
            self._timings, self._grounder = {}, None
        if view is None:
            image = image.copy()  # The caller may write into its own before all is computed.
            view = self._look(image, proposals)
            if proposals is None:
                self._seen.put(image, view)
        self._view = view
        return view.proposals

    @property
    def proposals(self) -> Proposals | None:
        """Of the image that was set last; None before."""
        return self._view.proposals if self._view is not None else None

    def query(self, text: str, *, min_confidence: float = 0.0) -> Result:
        """Find what `text` names in the image that was set last.

        A `min_confidence` above that of the settings takes its place: what is asked for may well not be there.

        Raises
        ------
        InputError
            When no image was set, or the text has no words.

        """
        if self._view is None:
            raise InputError("no image to search: call set_image first")
        with self._timed("language"):
            query = self.parser.parse(text)
        match = (self._match_as_published if self.config.method == "reference" else
                 partial(self._match, min_confidence=min_confidence))
        with self._timed("matching"):
            result = match(query)
        if not result.found and self._search(query):
            with self._timed("matching"):
                result = match(query)
        timings, self._timings = self._timings, {}
        return replace(result, timings=timings)

    def visual_features(self) -> Tensor:
        """Global and local features of the proposals at hand, fused, float32 [N, D] (paper, section 3.2)."""
        weight = self._visual_weight()
        return fuse(*self._view.features.weighted(weight), weight)

    @property
    def notes(self) -> list[str]:
        """What does not run as it was asked for, such as on the CPU instead of a GPU; for diagnostics."""
        return [*getattr(self.proposer, "notes", ()), *self.encoder.notes]

    def update(self, config: Config) -> None:
        """Take over another configuration's settings; those that are not live need a new segmenter."""
        if config.proposals != self.config.proposals:
            self._seen.clear()
        self._grounder = None
        self.config = config
        self.proposer.config = config.proposals

    def _look(self, image: np.ndarray, proposals: Proposals | None) -> EncodedFrame:
        embedded = None
        with self._timed("proposals"):
            if proposals is None and isinstance(self.proposer, PromptedProposer):
                embedded = self.proposer.embed(image)
                proposals = self.proposer(image, embedded=embedded)
            elif proposals is None:
                proposals = self.proposer(image)
        with self._timed("visual"):
            features = self.encoder.look(image, proposals.masks, method=self.config.method)
            features.weighted(self._visual_weight())
        return EncodedFrame(image, proposals, features, embedded)

    def _match(self, query: Query, min_confidence: float) -> Result:
        """The proposal that looks like what was asked for, is where it should be, and stands to others as it should."""
        if not len(self.proposals):
            return Result.nothing(query, self.proposals.masks.shape[1:], _NOTHING)
        if self._grounder is None:
            layout = measure(self.proposals, self._depth)
            self._grounder = Grounder(layout, self._judge(self.visual_features(), layout).looks())
        settings = self.config.matching
        least = settings.min_confidence if settings.min_confidence >= 0 else self.bank.min_confidence
        return decide(query, self.proposals, self._grounder, min_confidence=max(least, min_confidence),
                      max_candidates=settings.max_candidates)

    def _search(self, query: Query) -> bool:
        """Propose masks where the picture looks like something that no proposal shows; whether there are new ones."""
        view, most = self._view, self.config.proposals.search_prompts
        if self.config.method == "reference" or view.embedded is None or not most or view.features.places is None:
            return False
        # Without proposals there is no grounder, and everything is missing.
        missing = [named for named in mentioned(query) if named.appearance not in view.searched
                   and (self._grounder is None or self._grounder.looks.probability(named).max() < _SHOWN)]
        view.searched |= {named.appearance for named in missing}
        with self._timed("search"):
            places = view.features.places
            maps = [self._judge(places.flatten(0, 1)).probability(named).reshape(places.shape[:2]) for named in missing]
            points = [local_maxima(chances, least=_HINTED, most=most) for chances in maps]
            if not sum(map(len, points)):
                return False
            height, width = view.image.shape[:2]
            found = self.proposer(view.image, np.concatenate(points) * (width, height), embedded=view.embedded)
            found = found.new_to(view.proposals, self.config.proposals.duplicate_iou)
            view.proposals, view.features = view.proposals.extended(found), view.features.extended(found.masks)
            self._grounder = None
            return len(found) > 0

    def _judge(self, features: Tensor, layout: Layout | None = None) -> AppearanceScorer:
        return AppearanceScorer(features, self._encode_text, self.encoder.logit_scale, self.bank, layout)

    def _match_as_published(self, query: Query) -> Result:
        """The proposal whose feature is closest to the text's (paper, sections 3.1 to 3.3); there always is one."""
        if not len(self.proposals):
            return Result.nothing(query, self.proposals.masks.shape[1:], _NOTHING)
        weight = self.config.matching.text_weight
        texts = self._encode_text([query.sentence] * (weight > 0) + [query.target_phrase] * (weight < 1))
        cosine = similarity(self.visual_features(), fuse(texts[0], texts[-1], weight))
        logit = self.encoder.logit_scale * cosine
        score = logit.softmax(0)
        best_first = logit.argsort(descending=True)[:self.config.matching.max_candidates].tolist()
        candidates = [
            Candidate(index=i, mask=self.proposals.masks[i], box=self.proposals.boxes[i], score=float(score[i]),
                      terms={"cosine": float(cosine[i]), "logit": float(logit[i])}) for i in best_first]
        best = candidates[0]
        return Result(found=True, mask=best.mask, box=best.box, score=best.score, confidence=best.score,
                      candidates=candidates, query=query, instances=[best])

    def _visual_weight(self) -> float:
        weight = self.config.matching.visual_weight
        return weight if weight >= 0 else self.encoder.default_visual_weight

    def _encode_text(self, texts: list[str]) -> Tensor:
        with self._timed("text"):
            return self.encoder.encode_text(texts)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        # Texts are encoded within other stages, but are a stage of their own: no second counts twice.
        outside, self._within, start = self._within, 0.0, time.perf_counter()
        yield
        taken = time.perf_counter() - start
        self._timings[stage] = self._timings.get(stage, 0.0) + taken - self._within
        self._within = outside + taken


@dataclass(eq=False)
class EncodedFrame:
    """An image as it was proposed for and encoded; `embedded` is None where no more masks can be asked for."""

    image: np.ndarray
    proposals: Proposals
    features: MaskFeatures
    embedded: ImageEmbedding | None
    searched: set[str] = field(default_factory=set)  # what was searched for, found or not
