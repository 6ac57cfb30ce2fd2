"""The method: an image and an expression in, the mask of the object it names out."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from ris_ros.calibration import calibrated_bank, calibration_notes, load_bank, store_names, visual_weight
from ris_ros.config import Config
from ris_ros.encoding import MaskFeatures, MaskGuidedEncoder, check_encoder, load_encoder
from ris_ros.errors import InputError
from ris_ros.grounding import (
    AppearanceScorer,
    Grounder,
    Layout,
    PatchSearch,
    PromptBank,
    decide,
    fuse,
    missing_descriptions,
    similarity,
    still_missing,
)
from ris_ros.grounding import thresholds as t
from ris_ros.grounding.guesses import Guesses, WordLists
from ris_ros.grounding.rivals import RivalNames
from ris_ros.grounding.search import MatchingRegion
from ris_ros.language import MAX_WORDS, ExpressionParser
from ris_ros.proposals import ImageEmbedding, Proposer, as_promptable, make_proposer
from ris_ros.types import Candidate, Depth, Description, Proposals, Query, Result, check_image
from ris_ros.utils.cancellation import check_cancelled
from ris_ros.utils.device import resolve_device
from ris_ros.utils.frame_cache import FrameCache
from ris_ros.utils.stage_timer import StageTimer

_NO_PROPOSALS = "no object stands out in the image"
_MAX_SEARCHES = 4
"""Searches of one image whose masks are kept for further queries."""

_SearchKey = tuple[tuple[str, tuple[str, ...], str], ...]
"""Head, attributes and appearance of each description that is searched for."""


@dataclass(frozen=True, eq=False)
class EncodedFrame:
    """An image, its proposals and their features; immutable.

    Attributes
    ----------
    image : uint8 RGB [H, W, 3]
    proposals : of the image
    features : of the proposals
    embedding : for further prompts; None where no more masks can be asked for

    """

    image: np.ndarray
    proposals: Proposals
    features: MaskFeatures
    embedding: ImageEmbedding | None


class ReferringSegmenter:
    """Zero-shot referring image segmentation.

    Implements "Zero-shot Referring Image Segmentation with Global-Local Context Features" (CVPR 2023): mask proposals,
    mask-guided CLIP features of each in its global and its local context, text features of the sentence and of its
    target noun phrase, and the proposal whose features are closest to the text's.

    One image serves many queries: call ``set_image`` once and ``query`` as often as you like, or call the segmenter
    itself. An answer depends on the image, its depth, the text and the settings alone, never on earlier queries.

    Parameters
    ----------
    config : every setting
    proposer : image uint8 RGB [H, W, 3] -> Proposals
    encoder : features of masks and texts
    parser : expression -> Query
    bank : phrases to contrast a description with, and the calibration; None for the one of the settings or the model

    """

    def __init__(self, config: Config, proposer: Proposer, encoder: MaskGuidedEncoder, parser: ExpressionParser,
                 bank: PromptBank | None = None):
        self.config = config
        self.proposer = proposer
        self.encoder = encoder
        self.parser = parser
        self.bank = bank or load_bank(config.matching, encoder)
        self._rivals: RivalNames | None = None
        self._guesses = Guesses(self.bank, WordLists(parser.is_noun, parser.is_english, MAX_WORDS), self._encode_text,
                                encoder.is_cut, encoder.model.context_length)
        self._frames: FrameCache[EncodedFrame] = FrameCache(config.frames_kept)
        self._frame: EncodedFrame | None = None
        self._depth: Depth | None = None
        # Computed lazily for the current frame, depth and settings.
        self._grounder: Grounder | None = None
        self._searches: OrderedDict[_SearchKey, tuple[EncodedFrame, Grounder] | None] = OrderedDict()
        self._timer = StageTimer()

    @classmethod
    def from_config(cls, config: Config | str | Path | None = None) -> ReferringSegmenter:
        """Load every model that a configuration names.

        Parameters
        ----------
        config : settings, or the path of a YAML file of them; None for the defaults

        Raises
        ------
        InputError, MissingError
            When a setting is wrong, or a package or checkpoint is missing; the message says what to do.

        """
        if not isinstance(config, Config):
            config = Config() if config is None else Config.from_yaml(config)
        device = resolve_device(config.device)
        # What is missing is told before anything slow is loaded: the encoder, which is the slowest, comes last.
        check_encoder(config.encoder, offline=config.offline)
        parser = ExpressionParser(config.language, config.method)
        proposer = make_proposer(config.proposals, device, offline=config.offline)
        encoder = load_encoder(config.encoder, device, offline=config.offline)
        return cls(config, proposer, encoder, parser, calibrated_bank(config, encoder))

    def sibling(self) -> ReferringSegmenter:
        """Return another segmenter on the same models, with an image of its own."""
        return ReferringSegmenter(self.config, self.proposer, self.encoder, self.parser, self.bank)

    def __call__(self, image: np.ndarray, text: str, *, depth: Depth | None = None) -> Result:
        """Find what `text` names in `image`, uint8 RGB [H, W, 3]; `depth` as in :meth:`set_image`."""
        self.parser.parse(text)  # Fail early: refuse a text without words before the image is processed.
        self.set_image(image, depth=depth)
        return self.query(text)

    def set_image(self, image: np.ndarray, proposals: Proposals | None = None, *, depth: Depth | None = None
                  ) -> Proposals:
        """Propose masks for an image and encode them.

        An image that matches a recent one, as from a static camera, is served from the :class:`FrameCache`.

        Parameters
        ----------
        image : uint8 RGB [H, W, 3]
        proposals : masks to use instead of the proposer's
        depth : of the image; with it, relations and distances are computed in 3-D, otherwise from the image

        Returns
        -------
        The masks that queries choose among.

        """
        check_image(image)
        tolerance = self.config.frame_tolerance if self.config.method == "full" else 0
        frame = self._frames.get(image, tolerance) if proposals is None else None
        if frame is None or frame is not self._frame:
            self._timer.take()
        if frame is None:
            # A copy, as the caller may write into its own image before all features are computed.
            frame = self._encode(image.copy(), proposals)
            if proposals is None:
                self._frames.put(frame.image, frame)
        if frame is not self._frame or depth is not self._depth:
            self._frame, self._depth = frame, depth
            self._forget_grounding()
        return frame.proposals

    @property
    def proposals(self) -> Proposals | None:
        """The masks of the image that was set last; None before."""
        return self._frame.proposals if self._frame is not None else None

    def query(self, text: str, *, min_confidence: float = 0.0) -> Result:
        """Find what `text` names in the image that was set last.

        Parameters
        ----------
        text : an expression
        min_confidence : 0..1, lower bound on the configured threshold, for targets that may be absent

        Raises
        ------
        InputError
            When no image was set, or the text has no words.

        """
        frame = self._current_frame()
        with self._timer.stage("language"):
            query = self.parser.parse(text)
        if self.config.method == "reference":
            with self._timer.stage("matching"):
                result = self._match_reference(query, frame)
        else:
            result = self._match_full(query, frame, min_confidence)
        return replace(result, timings=self._timer.take())

    def visual_features(self) -> Tensor:
        """Return the fused global and local features of the current proposals, float32 [N, D] (paper, section 3.2)."""
        return self._fused(self._current_frame().features)

    @property
    def visual_weight(self) -> float:
        """The share of the global feature in the fusion; the model's own where the settings leave it open."""
        return visual_weight(self.config.matching, self.encoder)

    @property
    def calibrated_by(self) -> str:
        """What the confidence was fitted with: "labels", "frames", "stock images" or "nothing"."""
        return self.bank.calibrated_by

    @property
    def notes(self) -> list[str]:
        """The fallbacks in effect, such as the CPU instead of a GPU; for diagnostics."""
        return [*getattr(self.proposer, "notes", ()), *self.encoder.notes,
                *calibration_notes(self.config, self.bank, self.visual_weight)]

    def update(self, config: Config) -> None:
        """Adopt the settings of another configuration; those that are not live need a new segmenter."""
        if config.proposals != self.config.proposals:
            self._frames.clear()
        self._forget_grounding()
        self.config = config
        self.proposer.config = config.proposals

    def _encode(self, image: np.ndarray, proposals: Proposals | None) -> EncodedFrame:
        embedding = None
        with self._timer.stage("proposals"):
            promptable = as_promptable(self.proposer)
            if proposals is None and promptable is not None:
                embedding = promptable.embed(image)
                proposals = promptable(image, embedding=embedding)
            elif proposals is None:
                proposals = self.proposer(image)
        with self._timer.stage("visual"):
            features = self.encoder.encode_masks(image, proposals.masks, method=self.config.method)
            features.for_fusion(self.visual_weight)  # They are lazy: compute them here, to time them as "visual".
        return EncodedFrame(image, proposals, features, embedding)

    def _match_reference(self, query: Query, frame: EncodedFrame) -> Result:
        """Choose the proposal whose feature is closest to the text's (paper, sections 3.1 to 3.3)."""
        proposals, weight = frame.proposals, self.config.matching.text_weight
        if not len(proposals):
            return Result.nothing(query, proposals.masks.shape[1:], _NO_PROPOSALS)
        texts = self._encode_text([query.sentence] * (weight > 0) + [query.target_phrase] * (weight < 1))
        cosine = similarity(self._fused(frame.features), fuse(texts[0], texts[-1], weight))
        logit = self.encoder.logit_scale * cosine
        score = logit.softmax(0)
        best_first = logit.argsort(descending=True)[:self.config.matching.max_candidates].tolist()
        candidates = [
            Candidate(index=i, mask=proposals.masks[i], box=proposals.boxes[i], score=float(score[i]),
                      terms={"cosine": float(cosine[i]), "logit": float(logit[i])}) for i in best_first]
        best = candidates[0]
        return Result(found=True, mask=best.mask, box=best.box, score=best.score, confidence=best.score,
                      candidates=candidates, query=query, instances=[best])

    def _match_full(self, query: Query, frame: EncodedFrame, min_confidence: float) -> Result:
        """Choose what fits every part of the query; where nothing does, propose more masks and choose again."""
        with self._timer.stage("matching"):
            if self._grounder is None and len(frame.proposals):
                self._grounder = self._make_grounder(frame)
            result = self._decide(query, frame, self._grounder, min_confidence)
        if result.found:
            return result
        with self._timer.stage("search"):
            searched = self._search(query, frame)
        if searched is None:
            return result
        with self._timer.stage("matching"):
            return self._decide(query, *searched, min_confidence)

    def _decide(self, query: Query, frame: EncodedFrame, grounder: Grounder | None, min_confidence: float) -> Result:
        if grounder is None:
            return Result.nothing(query, frame.proposals.masks.shape[1:], _NO_PROPOSALS)
        settings = self.config.matching
        threshold = (settings.min_confidence if settings.min_confidence >= 0
                     else self.bank.threshold(settings.max_false_absence))
        return decide(query, frame.proposals, grounder, min_confidence=max(threshold, min_confidence),
                      max_candidates=settings.max_candidates, calibrated=self.bank.is_calibrated,
                      doubts=self._guesses.note(query))

    def _search(self, query: Query, frame: EncodedFrame) -> tuple[EncodedFrame, Grounder] | None:
        """Prompt for masks where patches match descriptions that no proposal matches; None without any."""
        if frame.embedding is None or not self.config.proposals.search_prompts:
            return None
        missing = [description for description in missing_descriptions(query, self._grounder)
                   if not self._guesses.unknown_name(description)]  # They would be found anywhere.
        key = tuple((description.head, description.attributes, description.appearance) for description in missing)
        if key not in self._searches:
            self._searches[key] = self._with_searched_masks(frame, missing) if missing else None
            while len(self._searches) > _MAX_SEARCHES:
                self._searches.popitem(last=False)
        self._searches.move_to_end(key)
        return self._searches[key]

    def _with_searched_masks(self, frame: EncodedFrame, missing: list[Description]
                             ) -> tuple[EncodedFrame, Grounder] | None:
        """Return the frame extended by masks prompted where patches match, until all is found; None without any.

        A search ends without success where no further patch matches, or after ``proposals.search_prompts``.
        """
        patches, settings, embedding = frame.features.patch_features, self.config.proposals, frame.embedding
        if patches is None or embedding is None:
            return None
        scorer = self._scorer(patches.flatten(0, 1), self.bank.without_statistics())
        searches = [PatchSearch(description, scorer, (patches.shape[0], patches.shape[1])) for description in missing]
        grounder, is_first = None, True
        budget = settings.search_prompts
        while searches and budget > 0:
            check_cancelled()
            count = min(budget, t.SEARCH_ROUND)
            regions = [region for search in searches for region in search.regions()] if is_first else []
            points = np.concatenate([search.next_points(count) for search in searches])
            if not len(points):
                break
            found = self._prompt(frame.image, embedding, points, regions)
            found = found.new_to(frame.proposals, settings.duplicate_iou)
            if len(found):
                frame = replace(frame, proposals=frame.proposals.extended(found),
                                features=frame.features.extended(found.masks))
                grounder = self._make_grounder(frame)
                missing = still_missing(missing, grounder)
                searches = [search for search in searches if search.description in missing]
            is_first, budget = False, budget - count
        return None if grounder is None else (frame, grounder)

    def _prompt(self, image: np.ndarray, embedding: ImageEmbedding, points: np.ndarray, regions: list[MatchingRegion]
                ) -> Proposals:
        """Return the masks at points and in regions, both in shares of the image's width and height."""
        promptable, settings = as_promptable(self.proposer), self.config.proposals
        if promptable is None:
            return Proposals.from_masks(np.zeros((0, *image.shape[:2]), bool))
        size = np.array(image.shape[1::-1])
        found = promptable(image, points * size, embedding=embedding)
        for region in regions:
            masks = promptable.object_in(embedding, region.box * np.tile(size, 2), region.point[None] * size,
                                         np.ones(1))
            for index in np.flatnonzero(masks.quality >= settings.min_quality).tolist():
                found = found.extended(masks.take([index]).new_to(found, settings.duplicate_iou))
        return found

    def _make_grounder(self, frame: EncodedFrame) -> Grounder:
        fused = self._fused(frame.features)
        if not fused.isfinite().all():
            raise InputError("the encoder's features are not finite: try encoder.dtype float32, or another model")
        layout = Layout.measure(frame.proposals, self._depth)
        return Grounder(layout, self._scorer(fused, self.bank, layout))

    def _scorer(self, features: Tensor, bank: PromptBank, layout: Layout | None = None) -> AppearanceScorer:
        return AppearanceScorer(features, self._encode_text, self.encoder.logit_scale, bank, layout,
                                self._rival_names(bank), self._guesses)

    def _rival_names(self, bank: PromptBank) -> RivalNames:
        """Return the names of a bank for the encoder; those of the vocabulary are encoded once for each model."""
        if self._rivals is None or not self._rivals.are_of(bank):
            store_names(self.encoder, bank)
            self._rivals = RivalNames(bank, self.encoder.encode_text)
        return self._rivals

    def _fused(self, features: MaskFeatures) -> Tensor:
        return fuse(*features.for_fusion(self.visual_weight), self.visual_weight)

    def _encode_text(self, texts: list[str]) -> Tensor:
        with self._timer.stage("text"):
            return self.encoder.encode_text(texts)

    def _current_frame(self) -> EncodedFrame:
        if self._frame is None:
            raise InputError("no image to search: call set_image first")
        return self._frame

    def _forget_grounding(self) -> None:
        self._grounder = None
        self._searches.clear()
