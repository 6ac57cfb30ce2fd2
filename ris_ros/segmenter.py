"""The method: an image and an expression in, the mask of the object it names out."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import OutOfMemoryError, Tensor

from ris_ros.calibration import calibrated_bank, calibration_notes, load_bank, store_names, visual_weight
from ris_ros.config import Config
from ris_ros.detection import PhraseDetector, check_detector, try_to_load_detector
from ris_ros.encoding import MaskFeatures, MaskGuidedEncoder, check_encoder, load_encoder
from ris_ros.errors import InputError, one_line
from ris_ros.frames import EncodedFrame, FrameDetections, GroundedFrame, assigned, merged
from ris_ros.grounding import (
    AppearanceScorer,
    AppearanceScores,
    DetectorScores,
    Grounder,
    JointScores,
    Layout,
    PatchSearch,
    PromptBank,
    decide,
    fuse,
    is_independent,
    missing_descriptions,
    phrases_of,
    similarity,
    stands_out,
)
from ris_ros.grounding import thresholds as t
from ris_ros.grounding.guesses import Guesses, WordLists
from ris_ros.grounding.pixel_colours import PROTOTYPES, colour_probabilities
from ris_ros.grounding.rivals import RivalNames
from ris_ros.language import MAX_WORDS
from ris_ros.parsing import Parser, make_parser
from ris_ros.proposals import Proposer, as_promptable, make_proposer
from ris_ros.proposals.prompting import PromptedProposer
from ris_ros.stages import StagedFrame, search
from ris_ros.types import Candidate, Depth, Description, Proposals, Query, Result, check_image
from ris_ros.utils.device import resolve_device
from ris_ros.utils.frame_cache import FrameCache
from ris_ros.utils.stage_timer import StageTimer

_NO_PROPOSALS = "no object stands out in the image"
_MAX_SEARCHES = 4
"""Searches of one image, and sets of asked phrases, whose masks are kept for further queries."""

_SearchKey = tuple[GroundedFrame, tuple[tuple[str, tuple[str, ...], str], ...]]
"""What is searched, and head, attributes and appearance of each description searched for."""

logger = logging.getLogger(__name__)


class ReferringSegmenter:
    """Zero-shot referring image segmentation.

    Implements "Zero-shot Referring Image Segmentation with Global-Local Context Features" (CVPR 2023): mask proposals,
    mask-guided CLIP features of each in its global and its local context, text features of the sentence and of its
    target noun phrase, and the proposal whose features are closest to the text's.

    One image serves many queries: call ``set_image`` once and ``query`` as often as you like, or call the segmenter
    itself. An answer depends on the image, its depth, the text and the settings alone, never on earlier queries, but
    that of a call to the segmenter on a new image, which may be early: see ``proposals.early_prompts``.

    Parameters
    ----------
    config : every setting
    proposer : image uint8 RGB [H, W, 3] -> Proposals
    encoder : features of masks and texts; None where a detector judges alone
    parser : expression -> Query
    bank : phrases to contrast a description with, and the calibration; None for the one of the settings or the model
    detector : finds what noun phrases name; None where the encoder judges alone

    """

    def __init__(self, config: Config, proposer: Proposer, encoder: MaskGuidedEncoder | None, parser: Parser,
                 bank: PromptBank | None = None, detector: PhraseDetector | None = None):
        _check_parts(config, encoder, detector)
        self.config = config
        self.proposer = proposer
        self._encoder = encoder
        self.parser = parser
        self.detector = detector
        self._detector_failure = ""
        self.bank = bank or (PromptBank.load("", None, config.matching.names) if encoder is None
                             else load_bank(config.matching, encoder))
        self._rivals: RivalNames | None = None
        lists = WordLists(parser.is_noun, parser.is_english, MAX_WORDS)
        self._guesses = Guesses(self.bank, lists) if encoder is None else Guesses(
            self.bank, lists, self._encode_text, encoder.is_cut, encoder.model.context_length)
        self._frames: FrameCache[StagedFrame] = FrameCache(config.frames_kept)
        self._frame: StagedFrame | None = None
        self._depth: Depth | None = None
        # Computed lazily for the current frame, depth and settings.
        self._grounded: OrderedDict[tuple[EncodedFrame, tuple[str, ...]], GroundedFrame] = OrderedDict()
        self._searches: OrderedDict[_SearchKey, GroundedFrame | None] = OrderedDict()
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
        appearance = config.matching.appearance
        if appearance == "detector":
            check_detector(config.detector, offline=config.offline)
        else:
            check_encoder(config.encoder, offline=config.offline)
        parser = make_parser(config.language, config.method)
        proposer = make_proposer(config.proposals, device, offline=config.offline)
        detector, failure = try_to_load_detector(config, device) if appearance != "clip" else (None, "")
        if appearance == "detector":
            return cls(config, proposer, None, parser, detector=detector)
        encoder = load_encoder(config.encoder, device, offline=config.offline)
        segmenter = cls(config, proposer, encoder, parser, calibrated_bank(config, encoder), detector)
        segmenter._detector_failure = failure
        return segmenter

    def sibling(self) -> ReferringSegmenter:
        """Return another segmenter on the same models, with an image of its own."""
        other = ReferringSegmenter(self.config, self.proposer, self._encoder, self.parser, self.bank, self.detector)
        other._detector_failure = self._detector_failure
        return other

    @property
    def encoder(self) -> MaskGuidedEncoder:
        """The encoder of masks and texts.

        Raises
        ------
        InputError
            Where matching.appearance is "detector", which does without.

        """
        if self._encoder is None:
            raise InputError("this needs the features of an encoder, and matching.appearance detector loads none: set "
                             "it to clip or both")
        return self._encoder

    @property
    def device(self) -> str:
        """The device of the models."""
        return resolve_device(self.config.device) if self._encoder is None else str(self._encoder.device)

    @property
    def arithmetic(self) -> str:
        """The dtypes that the encoder, or the detector without one, computes in."""
        return self.config.detector.dtype if self._encoder is None else self._encoder.arithmetic

    def __call__(self, image: np.ndarray, text: str, *, depth: Depth | None = None, min_confidence: float = 0.0,
                 on_early: Callable[[Result], None] | None = None) -> Result:
        """Find what `text` names in `image`, by :meth:`start_image` and :meth:`answer`, which describe the rest."""
        self.parser.parse(text)  # Fail early: refuse a text without words before the image is processed.
        self.start_image(image, depth=depth)
        return self.answer(text, min_confidence=min_confidence, on_early=on_early)

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
        self.start_image(image, proposals, depth=depth)
        return self._whole_frame().proposals

    def start_image(self, image: np.ndarray, proposals: Proposals | None = None, *, depth: Depth | None = None) -> None:
        """Begin with :meth:`set_image`, which has the same parameters: the masks may follow when they are needed."""
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

    def answer(self, text: str, *, min_confidence: float = 0.0, on_early: Callable[[Result], None] | None = None
               ) -> Result:
        """Find what `text` names in the image of :meth:`start_image`, as early as that is sure; else as :meth:`query`.

        Parameters as of :meth:`early_answer`.
        """
        early = self.early_answer(text, min_confidence=min_confidence, on_early=on_early)
        return self.query(text, min_confidence=min_confidence) if early is None else early

    def early_answer(self, text: str, *, min_confidence: float = 0.0, on_early: Callable[[Result], None] | None = None
                     ) -> Result | None:
        """Answer among the masks of the first prompts; None where that is not sure, or where all masks are there.

        Parameters
        ----------
        text, min_confidence : as in :meth:`query`
        on_early : takes each answer that has found something, sure or not

        """
        frame = self._current_frame()
        with self._timer.stage("language"):
            query = self.parser.parse(text)
        may_be_sure = self.bank.is_calibrated and is_independent(query) and not self._guesses.note(query)
        for stage in frame.stages() if may_be_sure or on_early is not None else ():
            grounded = self._ground(query, stage)
            with self._timer.stage("matching"):
                result = replace(self._decide(query, grounded, min_confidence), early=True)
                is_sure = may_be_sure and result.found and stands_out(query, grounded.grounder, result.confidence)
            if is_sure:
                result = replace(result, timings=self._timer.take())
            if on_early is not None and result.found:
                on_early(result)
            if is_sure or not may_be_sure:
                return result if is_sure else None
        return None

    def complete_image(self) -> None:
        """Propose and encode the masks that early answers did without, for the next query.

        Where it is cancelled, the next call goes on from there.
        """
        if self._frame is not None and not self._frame.is_whole:
            self._frame.whole()
            self._timer.take()  # The next answer does not wait for it.

    @property
    def proposals(self) -> Proposals | None:
        """All masks of the image that was set last; None before."""
        return self._whole_frame().proposals if self._frame is not None else None

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
        frame = self._whole_frame()
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
        frame = self._whole_frame()
        return self._fused(frame.features or self.encoder.encode_masks(frame.image, frame.proposals.masks))

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
        notes = [*getattr(self.proposer, "notes", ()), *(self.detector.notes if self.detector is not None else ())]
        if self._encoder is not None:
            notes += [*self._encoder.notes, *calibration_notes(self.config, self.bank, self.visual_weight)]
        return [*notes, *([self._detector_failure] if self._detector_failure else [])]

    @property
    def backend(self) -> str:
        """What computes the image encoder of the proposer, and why; empty for proposers that do not tell."""
        return getattr(getattr(self.proposer, "network", None), "backend", "")

    def update(self, config: Config) -> None:
        """Adopt the settings of another configuration; those that are not live need a new segmenter."""
        _check_parts(config, self._encoder, self.detector)
        if (config.proposals, config.detector) != (self.config.proposals, self.config.detector):
            self._frames.clear()
        if self.detector is not None and config.detector != self.config.detector:
            self.detector.config = config.detector
        self._forget_grounding()
        self.config = config
        self.proposer.config = config.proposals

    def _encode(self, image: np.ndarray, proposals: Proposals | None) -> StagedFrame:
        """Return an image with all masks or, where it may be answered early, with none yet."""
        proposer, promptable = self.proposer, as_promptable(self.proposer)
        with self._timer.stage("proposals"):
            embedding = promptable.embed(image) if proposals is None and promptable is not None else None
        detections = (None if self.detector is None or self.config.method != "full"
                      else FrameDetections(self.detector, image, promptable, embedding))

        def encoded(propose: Callable[[], Proposals]) -> EncodedFrame:
            with self._timer.stage("proposals"):
                found = propose()
            frame = EncodedFrame(image, found, None, embedding, detections, is_given=proposals is not None)
            if self._encoder is None:
                return frame
            with self._timer.stage("visual"):
                features = self._encoder.encode_masks(image, found.masks, method=self.config.method)
                features.for_fusion(self.visual_weight)  # They are lazy: compute them here, to time them as "visual".
            return replace(frame, features=features)

        def propose_all() -> Proposals:
            if proposals is not None:
                return proposals
            if promptable is None:
                return proposer(image)
            # Where a detector judges alone, its own masks are all that can be chosen.
            return (promptable(image, embedding=embedding) if self._encoder is not None
                    else Proposals.from_masks(np.zeros((0, *image.shape[:2]), bool)))

        first = self.config.proposals.early_prompts
        if (not first or embedding is None or self._encoder is None or self.config.method != "full"
                or not isinstance(proposer, PromptedProposer)):
            frame = StagedFrame(image, (), partial(encoded, propose_all))
            frame.whole()
            return frame
        rounds = proposer.rounds(image, embedding)
        return StagedFrame(image, [partial(encoded, partial(rounds.proposals, count)) for count in (first, 2 * first)],
                           partial(encoded, rounds.proposals))

    def _match_reference(self, query: Query, frame: EncodedFrame) -> Result:
        """Choose the proposal whose feature is closest to the text's (paper, sections 3.1 to 3.3)."""
        proposals, weight = frame.proposals, self.config.matching.text_weight
        if not len(proposals):
            return Result.nothing(query, proposals.masks.shape[1:], _NO_PROPOSALS)
        texts = self._encode_text([query.sentence] * (weight > 0) + [query.target_phrase] * (weight < 1))
        cosine = similarity(self.visual_features(), fuse(texts[0], texts[-1], weight))
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
        grounded = self._ground(query, frame)
        with self._timer.stage("matching"):
            result = self._decide(query, grounded, min_confidence)
        if result.found:
            return result
        with self._timer.stage("search"):
            searched = self._search(query, grounded)
        if searched is None:
            return result
        with self._timer.stage("matching"):
            return self._decide(query, searched, min_confidence)

    def _ground(self, query: Query, frame: EncodedFrame) -> GroundedFrame:
        """Return the frame with what the detector finds for the noun phrases of the query, if there is one."""
        phrases = phrases_of(query) if frame.detections is not None else ()
        key = frame, phrases
        if key not in self._grounded:
            frame, detected = self._detect(phrases, frame)
            with self._timer.stage("matching"):
                grounder = self._make_grounder(frame, detected) if len(frame.proposals) else None
            if phrases and detected is None:
                return GroundedFrame(frame, None, grounder)  # The detector failed, and may not the next time.
            _keep(self._grounded, key, GroundedFrame(frame, detected, grounder))
        self._grounded.move_to_end(key)
        return self._grounded[key]

    def _detect(self, phrases: tuple[str, ...], frame: EncodedFrame
                ) -> tuple[EncodedFrame, dict[str, np.ndarray] | None]:
        """Return the frame with the masks of the detections, and the detector's scores; None where none was asked."""
        if frame.detections is None:
            return frame, None
        try:
            with self._timer.stage("detection"):
                found = frame.detections.ask(phrases)
        except (InputError, OutOfMemoryError) as error:
            self._detector_failure = f"the detector failed: {one_line(error)[:200]}; choose a smaller detector.model"
            if self._encoder is None:
                raise InputError(self._detector_failure) from error
            logger.warning("%s; the answers are the encoder's alone", self._detector_failure,
                           extra={"trouble": "no-detector"})
            return frame, None
        self._detector_failure = ""
        if frame.is_given:
            return frame, assigned(frame.proposals, found)
        proposals, detected = merged(frame.proposals, found, self.config.proposals.duplicate_iou)
        added = proposals.masks[len(frame.proposals):]
        features = frame.features.extended(added) if frame.features is not None and len(added) else frame.features
        return replace(frame, proposals=proposals, features=features), detected

    def _decide(self, query: Query, grounded: GroundedFrame, min_confidence: float) -> Result:
        proposals = grounded.frame.proposals
        if grounded.grounder is None and grounded.detected is not None:
            reason = f"nothing fits {query.target_phrase or 'such object'!r}: the detector found nothing that it names"
            return Result.nothing(query, proposals.masks.shape[1:], reason, note=self._guesses.note(query))
        if grounded.grounder is None:
            return Result.nothing(query, proposals.masks.shape[1:], _NO_PROPOSALS)
        settings = self.config.matching
        own = (t.MIN_DETECTED_CONFIDENCE if self._encoder is None
               else self.bank.threshold(settings.max_false_absence))
        threshold = settings.min_confidence if settings.min_confidence >= 0 else own
        return decide(query, proposals, grounded.grounder, min_confidence=max(threshold, min_confidence),
                      max_candidates=settings.max_candidates, calibrated=self.bank.is_calibrated,
                      doubts=self._guesses.note(query))

    def _search(self, query: Query, grounded: GroundedFrame) -> GroundedFrame | None:
        """Prompt for masks where patches match descriptions that no proposal matches; None without any."""
        frame = grounded.frame
        if frame.embedding is None or frame.features is None or not self.config.proposals.search_prompts:
            return None
        missing = [description for description in missing_descriptions(query, grounded.grounder)
                   if not self._guesses.unknown_name(description)]  # They would be found anywhere.
        key = grounded, tuple((description.head, description.attributes, description.appearance)
                              for description in missing)
        if key not in self._searches:
            _keep(self._searches, key, self._with_searched_masks(grounded, missing) if missing else None)
        self._searches.move_to_end(key)
        return self._searches[key]

    def _with_searched_masks(self, grounded: GroundedFrame, missing: list[Description]) -> GroundedFrame | None:
        """Return the frame extended by masks of descriptions that no mask matches; None without any."""
        features, proposer = grounded.frame.features, as_promptable(self.proposer)
        if proposer is None or features is None or features.patch_features is None:
            return None
        rows, columns = features.patch_features.shape[:2]
        scorer = self._scorer(features.patch_features.flatten(0, 1), self.bank.without_statistics())
        searches = [PatchSearch(description, scorer, (rows, columns)) for description in missing]
        return search(grounded, searches, proposer, self.config.proposals, self._make_grounder)

    def _make_grounder(self, frame: EncodedFrame, detected: dict[str, np.ndarray] | None) -> Grounder:
        layout = Layout.measure(frame.proposals, self._depth)
        return Grounder(layout, self._appearance(frame, layout, detected))

    def _appearance(self, frame: EncodedFrame, layout: Layout, detected: dict[str, np.ndarray] | None
                    ) -> AppearanceScores:
        """Return the scores of the encoder, of the detector, or of both together."""
        if frame.features is None:
            assert self.detector is not None and detected is not None
            colours = colour_probabilities(frame.image, frame.proposals.masks)
            return DetectorScores(detected, self.detector.threshold, colours, tuple(PROTOTYPES),
                                  self.bank.vocabulary.are_related)
        fused = self._fused(frame.features)
        if not fused.isfinite().all():
            raise InputError("the encoder's features are not finite: try encoder.dtype float32, or another model")
        scores = self._scorer(fused, self.bank, layout)
        if detected is None or self.detector is None:
            return scores
        return JointScores(scores, detected, self.detector.threshold)

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

    def _current_frame(self) -> StagedFrame:
        if self._frame is None:
            raise InputError("no image to search: call set_image first")
        return self._frame

    def _whole_frame(self) -> EncodedFrame:
        return self._current_frame().whole()

    def _forget_grounding(self) -> None:
        self._grounded.clear()
        self._searches.clear()


def _keep(cache: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    """Add a value to a cache, from which the least recently used ones beyond _MAX_SEARCHES are dropped."""
    cache[key] = value
    while len(cache) > _MAX_SEARCHES:
        cache.popitem(last=False)


def _check_parts(config: Config, encoder: MaskGuidedEncoder | None, detector: PhraseDetector | None) -> None:
    """Raise an InputError for settings that the loaded models cannot serve."""
    if encoder is not None:
        return
    if detector is None:
        raise InputError("a segmenter needs an encoder, a detector, or both")
    for setting, needs_encoder in (("method reference", config.method != "full"), ("follow", config.follow)):
        if needs_encoder:
            raise InputError(f"{setting} needs the features of an encoder: set matching.appearance to clip or both")
