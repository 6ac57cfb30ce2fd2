"""The training loop of the bundled model: batches, loss and optimiser."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import open_clip
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from training.augmentation import augment
from training.dataset import TrainingViews
from training.model import (
    CONTEXT_LENGTH,
    create_model,
    global_features,
    image_tokens,
    local_features,
    normalise,
    text_features_of,
    trim_padding,
)
from training.texts import BACKGROUND_CLASSES, BACKGROUND_TEXTS, FORMS, SEEN_PAIRS, noun_phrase, sentence, with_article

BATCH_IMAGES = 9
"""Number of scenes per batch."""
BATCH_MASKS, BATCH_LARGE_MASKS = 48, 2
"""Maximum number of masks per batch: of those that cover up to LARGE_MASK_PATCHES patches, and of larger ones."""
LARGE_MASK_PATCHES = 30
BATCH_CROPS, BATCH_SENTENCES = 48, 48
"""Maximum number of crops, and of sentences, per batch."""
KEPT_PATCHES = 0.66
"""Share of a crop's patches that is encoded: about two thirds of them are not uniform."""
ALL_PATCHES_FROM = 0.8
"""Share of all steps after which whole crops are encoded."""
STRETCH, SHEAR = 0.2, 0.15
"""Largest deviation of a crop's scale along each side from 1, and largest shift of a side, as a share of the other."""
WARM_UP_STEPS = 60
"""Steps of linear warm-up of the learning rate."""


class Trainer:
    """Model, optimiser and state of a training run.

    Every step uses generators that are seeded by its number, so that a resumed run repeats an uninterrupted one.

    Parameters
    ----------
    views : training masks
    steps : of the whole run
    learning_rate : its maximum
    seed : of weights and batches
    device : "cpu" or "cuda"
    half_precision : whether matrix products are computed in bfloat16; the weights stay in single precision

    """

    def __init__(self, views: TrainingViews, steps: int, learning_rate: float, seed: int, device: str,
                 half_precision: bool = False):
        self.views, self.steps, self.learning_rate, self.seed = views, steps, learning_rate, seed
        self.device, self.half_precision = torch.device(device), half_precision
        self.step = 0
        torch.manual_seed(seed)
        self.model = create_model()
        self.tokenizer = open_clip.SimpleTokenizer(context_length=CONTEXT_LENGTH)
        self.model.to(self.device).train()
        # Only words of training texts are learnt. All other embeddings stay zero, which is neutral.
        table = self.model.token_embedding.weight.requires_grad_(False)
        self.words = self._vocabulary().to(self.device)
        self.row_of = torch.full((len(table),), len(self.words), device=self.device)
        self.row_of[self.words] = torch.arange(len(self.words), device=self.device)
        self.unknown_words = np.setdiff1d(np.arange(300, 49000), self.words.cpu().numpy())
        self.embedding = torch.nn.Parameter(table[self.words].clone())
        table.zero_()
        learnt = [p for p in self.model.parameters() if p.requires_grad]
        decayed = [p for p in learnt if p.ndim >= 2]
        undecayed = [p for p in learnt if p.ndim < 2] + [self.embedding]
        self.optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05},
                                            {"params": undecayed, "weight_decay": 0.0}], betas=(0.9, 0.98))

    def advance(self) -> float:
        """Take one step and return its loss."""
        rng = np.random.default_rng((self.seed, self.step))
        torch.manual_seed(self.seed * 1_000_003 + self.step)
        done = self.step / self.steps
        rate = self.learning_rate * min(1, (self.step + 1) / WARM_UP_STEPS) * (0.5 + 0.5 * math.cos(math.pi * done))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half_precision):
            loss = self._loss(rng, KEPT_PATCHES if done < ALL_PATCHES_FROM else 1.0)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*self.model.parameters(), self.embedding], 1.0)
        self.optimiser.step()
        self.model.logit_scale.data.clamp_(0, math.log(60))
        self.step += 1
        return loss.item()

    def trained(self) -> open_clip.CLIP:
        """Return the model as it is now, with the learnt word embeddings filled in."""
        self.model.token_embedding.weight.data[self.words] = self.embedding.data
        return self.model

    def state(self) -> dict[str, Any]:
        """Return the content of a checkpoint."""
        return {"model": self.trained().state_dict(), "optimiser": self.optimiser.state_dict(), "step": self.step}

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Start from the weights of a trained model of the same configuration."""
        self.model.load_state_dict(weights)
        self.embedding.data.copy_(self.model.token_embedding.weight.data[self.words])

    def load(self, state: dict[str, Any]) -> None:
        """Resume from the state of a checkpoint."""
        self.start_from(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]

    def _loss(self, rng: np.random.Generator, kept_share: float) -> Tensor:
        """Sample a batch and return its loss."""
        views, visual = self.views, self.model.visual
        scenes = rng.choice(len(views.images), BATCH_IMAGES, replace=False)
        among = np.flatnonzero(np.isin(views.scene, scenes))
        variant = rng.integers(2, size=len(views.scene))
        is_large = (views.masks[among, variant[among]] > 0).sum((1, 2)) > LARGE_MASK_PATCHES
        small = rng.permutation(among[~is_large])[:BATCH_MASKS]
        large = rng.permutation(among[is_large])[:BATCH_LARGE_MASKS]
        flipped = rng.random(len(views.images)) < 0.5
        cropped = rng.permutation(len(small))[:BATCH_CROPS]

        images = views.images[scenes]
        images[flipped[scenes]] = images[flipped[scenes], :, ::-1]
        tokens = image_tokens(visual, self._model_input(images, rng))
        row = np.zeros(len(views.images), np.int64)
        row[scenes] = np.arange(len(scenes))
        features = []
        for part in (small, large):
            if len(part):
                masks = views.masks[part, variant[part]]
                mirrored = flipped[views.scene[part]]
                masks[mirrored] = masks[mirrored, :, ::-1]
                soft = torch.from_numpy(masks.reshape(len(part), -1)).float().to(self.device) / 255
                image = torch.from_numpy(row[views.scene[part]]).to(self.device)
                features.append(global_features(visual, tokens, image, soft))
        global_ = torch.cat(features)

        pixels = views.crops[small[cropped], variant[small[cropped]]]
        mirrored = rng.random(len(pixels)) < 0.5
        pixels[mirrored] = pixels[mirrored, :, ::-1]
        local = local_features(visual, self._jitter(self._model_input(pixels, rng), rng), kept_share)
        weight = torch.from_numpy(rng.uniform(0.2, 0.8, (len(cropped), 1)).astype(np.float32)).to(self.device)
        fused = weight * global_[torch.from_numpy(cropped).to(self.device)] + (1 - weight) * local

        return self._text_loss([(global_, np.concatenate([small, large])), (local, small[cropped]),
                                (fused, small[cropped])], rng)

    def _model_input(self, pixels: np.ndarray, rng: np.random.Generator) -> Tensor:
        """Augment uint8 images [N, H, W, 3] and normalise them."""
        return normalise(augment(pixels, rng)).to(self.device)

    def _jitter(self, crops: Tensor, rng: np.random.Generator) -> Tensor:
        """Turn, shear, scale and shift crops randomly: inaccurate boxes, other cameras, and shapes of other makes."""
        count = len(crops)
        transforms = np.zeros((count, 2, 3), np.float32)
        transforms[:, [0, 1], [0, 1]] = rng.uniform(1 - STRETCH, 1 + STRETCH, (count, 2))
        transforms[:, [0, 1], [1, 0]] = rng.uniform(-SHEAR, SHEAR, (count, 2))
        transforms[:, :, 2] = rng.uniform(-0.1, 0.1, (count, 2))
        grid = F.affine_grid(torch.from_numpy(transforms).to(crops.device), list(crops.shape), align_corners=False)
        return F.grid_sample(crops, grid, padding_mode="border", align_corners=False)

    # --- texts --------------------------------------------------------------------------------------------------------

    def _text_loss(self, groups: list[tuple[Tensor, np.ndarray]], rng: np.random.Generator) -> Tensor:
        """Return the cross-entropy of each mask among all names and of each sentence among the masks of the batch.

        Parameters
        ----------
        groups : features [N, D] and the indices [N] of their masks, for each kind of feature
        rng : chooses names and sentences

        """
        names: list[str] = []
        forms: list[int] = []
        for form, pairs in enumerate(FORMS):
            names += [with_article(noun_phrase(c, k, form, rng), rng) for c, k in pairs]
            forms += [form] * len(pairs)
        names += [with_article(texts[rng.integers(len(texts))], rng) for texts in BACKGROUND_TEXTS]
        phrases, sentences, meant = self._sentences(groups[0][1], rng)
        tokens = torch.cat([self.tokenizer(names), self._insert_unknown(self.tokenizer(sentences), rng),
                            self.tokenizer(phrases)]).to(self.device)
        # Texts of similar length are encoded together: names need not be padded to the length of sentences.
        name_features, sentence_features, phrase_features = (
            self._text_features(part) for part in tokens.split([len(names), len(sentences), len(phrases)]))
        half = (torch.arange(len(sentences)) % 2 == 0).to(self.device)[:, None]
        sentence_features = torch.where(half, sentence_features, 0.5 * sentence_features + 0.5 * phrase_features)
        scale = self.model.logit_scale.exp()
        name_features, sentence_features = F.normalize(name_features, dim=1), F.normalize(sentence_features, dim=1)
        form_of = np.array(forms)
        background = len(form_of) + np.arange(len(BACKGROUND_CLASSES))
        loss = torch.zeros((), device=self.device)
        for features, members in groups:
            visual = F.normalize(features, dim=1)
            logits = scale * visual @ name_features.T
            for form in range(len(FORMS)):
                columns = np.concatenate([np.flatnonzero(form_of == form), background])
                loss = loss + F.cross_entropy(logits[:, columns], self._targets(form, members))
            matches = torch.from_numpy(self._matches(meant, members)).to(self.device)
            matched = matches.any(1)
            log_probabilities = (scale * sentence_features[matched] @ visual.T).log_softmax(1)
            loss = loss - log_probabilities.masked_fill(~matches[matched], -math.inf).logsumexp(1).mean()
        return loss / len(groups)

    def _text_features(self, tokens: Tensor) -> Tensor:
        tokens = trim_padding(tokens)
        table = torch.cat([self.embedding, self.embedding.new_zeros(1, self.embedding.shape[1])])
        return text_features_of(self.model, tokens, table[self.row_of[tokens]])

    def _targets(self, form: int, members: np.ndarray) -> Tensor:
        """Return the index, int64 [N], of the correct name of each mask, among those of a form and of background."""
        pairs = FORMS[form]
        index = {pair: i for i, pair in enumerate(pairs)}
        views = self.views
        return torch.tensor([
            len(pairs) + views.background[i] if views.background[i] >= 0
            else index[(-1 if form == 1 else views.colour[i], -1 if form == 2 else views.category[i])]
            for i in members], device=self.device)

    def _matches(self, meant: np.ndarray, members: np.ndarray) -> np.ndarray:
        """Return whether each (colour, category), int [M, 2], either -1 for any, matches each mask, bool [M, N]."""
        colour, category = self.views.colour[members], self.views.category[members]
        same = ((meant[:, :1] < 0) | (meant[:, :1] == colour)) & ((meant[:, 1:] < 0) | (meant[:, 1:] == category))
        matches: np.ndarray = same & (self.views.background[members] < 0)
        return matches

    def _sentences(self, members: np.ndarray, rng: np.random.Generator) -> tuple[list[str], list[str], np.ndarray]:
        """Return noun phrases, sentences about them, and the (colour, category) that they mean, int [M, 2]."""
        views = self.views
        objects = rng.permutation(members[views.background[members] < 0])[:BATCH_SENTENCES]
        phrases, sentences, meant = [], [], []
        for i in objects:
            form = int(rng.choice(3, p=(0.6, 0.25, 0.15)))
            same_scene = np.flatnonzero((views.scene == views.scene[i]) & (views.background < 0))
            first, second = (noun_phrase(views.colour[j], views.category[j], int(rng.choice(2)), rng)
                             for j in rng.choice(same_scene, 2))
            phrase = noun_phrase(views.colour[i], views.category[i], form, rng)
            phrases.append(with_article(phrase, rng))
            sentences.append(sentence(phrase, (first, second), rng))
            meant.append((-1 if form == 1 else views.colour[i], -1 if form == 2 else views.category[i]))
        return phrases, sentences, np.array(meant)

    def _insert_unknown(self, tokens: Tensor, rng: np.random.Generator) -> Tensor:
        """Insert an unknown word before or into a quarter of the texts: the model must learn to ignore it."""
        tokens = tokens.clone()
        for row in tokens:
            end = int(row.argmax())
            if rng.random() < 0.25 and end + 1 < len(row):
                at = 1 if rng.random() < 0.5 else int(rng.integers(1, end + 1))
                row[at + 1:end + 2] = row[at:end + 1].clone()
                row[at] = int(rng.choice(self.unknown_words))
        return tokens

    def _vocabulary(self) -> Tensor:
        """Return every token, int64 [K], that training texts can contain."""
        rng = np.random.default_rng(self.seed)
        texts = [with_article(text, rng) for texts in BACKGROUND_TEXTS for text in texts for _ in range(40)]
        for _ in range(20_000):
            form = int(rng.integers(3))
            landmarks = [noun_phrase(*SEEN_PAIRS[rng.integers(len(SEEN_PAIRS))], 0, rng) for _ in range(3)]
            colour, category = SEEN_PAIRS[rng.integers(len(SEEN_PAIRS))]
            texts.append(sentence(noun_phrase(colour, category, form, rng), (landmarks[0], landmarks[1]), rng))
        tokens: Tensor = self.tokenizer(texts).unique()
        return tokens[tokens > 0]       # 0 pads after the end.
