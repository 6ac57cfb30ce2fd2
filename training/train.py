"""Train the bundled CLIP on the simulated tabletop: ``python -m training.train --output DIR``.

The model learns both kinds of visual feature that the method compares with text: the crop of a mask, and the mask in
the context of the whole image. Run again with the same folder, it goes on from its last checkpoint. On cores that other
processes share, OMP_NUM_THREADS=1 is several times quicker than two threads that wait for each other.
"""

from __future__ import annotations

import argparse
import logging
import math
from pathlib import Path

import numpy as np
import open_clip
import torch
import torch.nn.functional as F  # noqa: N812
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch import Tensor
from tqdm import tqdm

from ris_ros.config import ProposalsConfig
from ris_ros.proposals import make_proposer
from ris_ros.sim.splits import ALL_PAIRS, HELD_OUT_PAIRS, TRAIN_SEEDS, VALIDATION_SEEDS
from training.bundle import write_bundle
from training.dataset import (
    CATEGORY_NAMES,
    COLOUR_NAMES,
    NOTHINGS,
    Shots,
    article,
    load_or_render,
    noun_phrase,
    sentence,
)

logger = logging.getLogger(__name__)

SIZE, PATCH, MASKED_BLOCKS = 96, 8, 3
GRID = SIZE // PATCH
MODEL_CONFIG = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": SIZE, "layers": 6, "width": 128, "head_width": 32, "mlp_ratio": 2.0,
                   "patch_size": PATCH},
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 96, "heads": 4, "layers": 2},
}
# Of a batch: pictures, masks in context, masks in context that are larger than _MANY patches, crops, sentences.
_PICTURES, _IN_CONTEXT, _LARGE, _CROPS, _SENTENCES = 9, 48, 2, 48, 48
_MANY = 30
# Two thirds of a crop's patches show something.
_PATCHES_KEPT = 0.66
_WARM_UP = 60
_CHECKPOINT_STEPS, _REPORT_STEPS = 50, 500

# (colour, category), either -1 for any, of what a text can name, in the three forms of noun_phrase.
SEEN_PAIRS = [(c, k) for c, colour in enumerate(COLOUR_NAMES) for k, category in enumerate(CATEGORY_NAMES)
               if (colour, category) in ALL_PAIRS - HELD_OUT_PAIRS]
_FORMS = (SEEN_PAIRS, [(-1, k) for k in range(len(CATEGORY_NAMES))], [(c, -1) for c in range(len(COLOUR_NAMES))])
_NOTHING_TEXTS = (("table", "table top", "wood"), ("floor", "ground", "background"),
                  ("two objects", "several objects", "objects"), ("part", "piece", "part of an object"))


# --- features ---------------------------------------------------------------------------------------------------------

def normalised(pixels: np.ndarray) -> Tensor:
    """Model input [N, 3, H, W] from uint8 [N, H, W, 3]."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (OPENAI_DATASET_MEAN, OPENAI_DATASET_STD))
    return (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - mean) / std


def crop_features(visual: torch.nn.Module, crops: Tensor, kept: float = 1.0) -> Tensor:
    """Features [N, D] of crops; with `kept` below 1 of a share of the patches, which trains nearly as well.

    Random ones of those that show something are kept, and empty ones only where there are too few.
    """
    tokens = visual._embeds(crops)
    if kept < 1:
        count = round(kept * (tokens.shape[1] - 1))
        shows = F.max_pool2d(crops, PATCH) + F.max_pool2d(-crops, PATCH) > 0.02
        merit = shows.any(1).flatten(1) + torch.rand(len(tokens), tokens.shape[1] - 1, device=tokens.device)
        chosen = torch.cat([merit.new_zeros(len(tokens), 1, dtype=torch.long),
                            1 + merit.argsort(1, descending=True)[:, :count]], 1)
        tokens = tokens.gather(1, chosen[..., None].expand(-1, -1, tokens.shape[2]))
    pooled, _ = visual._pool(visual.transformer(tokens))
    return pooled @ visual.proj


def context_tokens(visual: torch.nn.Module, images: Tensor) -> Tensor:
    """Tokens [S, 1 + patches, W] of whole pictures, up to where masks come in."""
    tokens = visual._embeds(images)
    for block in visual.transformer.resblocks[:-MASKED_BLOCKS]:
        tokens = block(tokens)
    return tokens


def context_features(visual: torch.nn.Module, tokens: Tensor, scene: Tensor, masks: Tensor) -> Tensor:
    """Features [N, D] of soft masks [N, patches] in their pictures' tokens.

    Exactly the masked blocks of the method, at a fraction of the cost: patches outside a mask are zero before every
    block, hence alike, and take part as a single token of so much more weight in the attention.
    """
    patches = masks.shape[1]
    kept = int((masks > 0).sum(1).max())
    chosen = masks.argsort(dim=1, descending=True)[:, :kept]
    weights = torch.cat([masks.new_ones(len(masks), 1), masks.gather(1, chosen), masks.new_zeros(len(masks), 1)], 1)
    index = torch.cat([chosen.new_zeros(len(masks), 1), 1 + chosen, chosen.new_zeros(len(masks), 1)], 1)
    tokens = tokens[scene[:, None], index]
    bias = tokens.new_zeros(kept + 2, kept + 2)
    bias[:, -1] = math.log(patches - kept) if kept < patches else -math.inf
    for block in visual.transformer.resblocks[-MASKED_BLOCKS:]:
        tokens = block(tokens * weights[..., None], attn_mask=bias)
    pooled, _ = visual._pool(tokens)
    return pooled @ visual.proj


def text_features(model: open_clip.CLIP, tokens: Tensor) -> Tensor:
    """As ``model.encode_text``, but no further than the longest text; later padding cannot change the result."""
    tokens = tokens[:, :int((tokens != 0).sum(1).max())]
    return _read(model, tokens, model.token_embedding(tokens))


def _read(model: open_clip.CLIP, tokens: Tensor, embedded: Tensor) -> Tensor:
    length = tokens.shape[1]
    hidden = embedded + model.positional_embedding[:length]
    hidden = model.ln_final(model.transformer(hidden, attn_mask=model.attn_mask[:length, :length]))
    return hidden[torch.arange(len(tokens)), tokens.argmax(1)] @ model.text_projection


def _waves(grid: int, width: int) -> Tensor:
    """Where a patch is, as sines and cosines of its row and column [grid * grid, width].

    A model that begins so finds out which patches are neighbours, and with that shapes, much sooner.
    """
    frequencies = 0.5 * grid ** -torch.linspace(0, 1, width // 4)
    along = torch.arange(grid)[:, None] * frequencies * math.pi
    waves = torch.cat([along.sin(), along.cos()], 1)
    rows, columns = waves.repeat_interleave(grid, 0), waves.repeat(grid, 1)
    return 0.5 * torch.cat([rows, columns], 1)


# --- one step ---------------------------------------------------------------------------------------------------------

class Trainer:
    """Model, optimiser and everything a step needs.

    Every step draws from generators seeded by its own number, so that a resumed run repeats an unbroken one.

    Parameters
    ----------
    shots : training masks
    steps : of the whole run
    learning_rate : its highest value
    seed : of weights and batches
    device : "cpu" or "cuda"

    """

    def __init__(self, shots: Shots, steps: int, learning_rate: float, seed: int, device: str):
        self.shots, self.steps, self.learning_rate, self.seed = shots, steps, learning_rate, seed
        self.device = torch.device(device)
        self.step = 0
        torch.manual_seed(seed)
        self.model = open_clip.CLIP(**MODEL_CONFIG)
        self.model.visual.positional_embedding.data[1:] = _waves(GRID, self.model.visual.positional_embedding.shape[1])
        self.tokenizer = open_clip.SimpleTokenizer(context_length=MODEL_CONFIG["text_cfg"]["context_length"])
        self.model.to(self.device).train()
        # Only words of training texts are learnt. All others stay zero: an unknown word says nothing.
        table = self.model.token_embedding.weight.requires_grad_(False)
        self.words = self._vocabulary().to(self.device)
        self.row_of = torch.full((len(table),), len(self.words), device=self.device)
        self.row_of[self.words] = torch.arange(len(self.words), device=self.device)
        self.strange = np.setdiff1d(np.arange(300, 49000), self.words.cpu().numpy())
        self.embedding = torch.nn.Parameter(table[self.words].clone())
        table.zero_()
        learnt = [p for p in self.model.parameters() if p.requires_grad]
        heavy = [p for p in learnt if p.ndim >= 2]
        light = [p for p in learnt if p.ndim < 2] + [self.embedding]
        self.optimiser = torch.optim.AdamW([{"params": heavy, "weight_decay": 0.05},
                                            {"params": light, "weight_decay": 0.0}], betas=(0.9, 0.98))

    def advance(self) -> float:
        """One step; its loss."""
        rng = np.random.default_rng((self.seed, self.step))
        torch.manual_seed(self.seed * 1_000_003 + self.step)
        done = self.step / self.steps
        rate = self.learning_rate * min(1, (self.step + 1) / _WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * done))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss = self._loss(rng, _PATCHES_KEPT if done < 0.8 else 1.0)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*self.model.parameters(), self.embedding], 1.0)
        self.optimiser.step()
        self.model.logit_scale.data.clamp_(0, math.log(60))
        self.step += 1
        return loss.item()

    def trained(self) -> open_clip.CLIP:
        """The model as it is now, its table of words filled in."""
        self.model.token_embedding.weight.data[self.words] = self.embedding.data
        return self.model

    def state(self) -> dict:
        """What a checkpoint keeps."""
        return {"model": self.trained().state_dict(), "optimiser": self.optimiser.state_dict(), "step": self.step}

    def load(self, state: dict) -> None:
        """Go on from a checkpoint."""
        self.model.load_state_dict(state["model"])
        self.embedding.data.copy_(self.model.token_embedding.weight.data[self.words])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]

    def _loss(self, rng: np.random.Generator, kept: float) -> Tensor:
        shots, visual = self.shots, self.model.visual
        pictures = rng.choice(len(shots.images), _PICTURES, replace=False)
        among = np.flatnonzero(np.isin(shots.scene, pictures))
        variant = rng.integers(2, size=len(shots.scene))
        large = (shots.masks[among, variant[among]] > 0).sum((1, 2)) > _MANY
        several = rng.permutation(among[~large])[:_IN_CONTEXT]
        few = rng.permutation(among[large])[:_LARGE]
        flipped = rng.random(len(shots.images)) < 0.5
        crops = rng.permutation(len(several))[:_CROPS]

        images = shots.images[pictures]
        images[flipped[pictures]] = images[flipped[pictures], :, ::-1]
        tokens = context_tokens(visual, self._pixels(images, rng))
        row = np.zeros(len(shots.images), np.int64)
        row[pictures] = np.arange(len(pictures))
        features = []
        for part in (several, few):
            if len(part):
                masks = shots.masks[part, variant[part]]
                turned = flipped[shots.scene[part]]
                masks[turned] = masks[turned, :, ::-1]
                soft = torch.from_numpy(masks.reshape(len(part), -1)).float().to(self.device) / 255
                picture = torch.from_numpy(row[shots.scene[part]]).to(self.device)
                features.append(context_features(visual, tokens, picture, soft))
        in_context = torch.cat(features)

        pixels = shots.crops[several[crops], variant[several[crops]]]
        mirrored = rng.random(len(pixels)) < 0.5
        pixels[mirrored] = pixels[mirrored, :, ::-1]
        local = crop_features(visual, self._moved(self._pixels(pixels, rng), rng), kept)
        share = torch.from_numpy(rng.uniform(0.2, 0.8, (len(crops), 1)).astype(np.float32)).to(self.device)
        fused = share * in_context[torch.from_numpy(crops).to(self.device)] + (1 - share) * local

        members = np.concatenate([several, few])
        return self._text_loss([(in_context, members), (local, several[crops]), (fused, several[crops])], rng)

    def _pixels(self, pixels: np.ndarray, rng: np.random.Generator) -> Tensor:
        bright = rng.uniform(0.88, 1.1, (len(pixels), 1, 1, 1))
        lit = np.clip(pixels * bright, 0, 255).astype(np.uint8)
        return normalised(lit).to(self.device)

    def _moved(self, crops: Tensor, rng: np.random.Generator) -> Tensor:
        """Crops a little larger, smaller or to one side, as a mask's box is when it misses an edge."""
        count = len(crops)
        views = np.zeros((count, 2, 3), np.float32)
        views[:, [0, 1], [0, 1]] = rng.uniform(0.9, 1.1, (count, 2))
        views[:, :, 2] = rng.uniform(-0.1, 0.1, (count, 2))
        grid = F.affine_grid(torch.from_numpy(views).to(crops.device), list(crops.shape), align_corners=False)
        return F.grid_sample(crops, grid, padding_mode="border", align_corners=False)

    def _text_loss(self, groups: list[tuple[Tensor, np.ndarray]], rng: np.random.Generator) -> Tensor:
        """Each mask among all names, and each sentence among the masks of the batch."""
        names, of_form = [], []
        for form, labels in enumerate(_FORMS):
            names += [article(noun_phrase(c, k, form, rng), rng) for c, k in labels]
            of_form += [form] * len(labels)
        names += [article(texts[rng.integers(len(texts))], rng) for texts in _NOTHING_TEXTS]
        phrases, sentences, meant = self._sentences(groups[0][1], rng)
        tokens = torch.cat([self.tokenizer(names), self._disturbed(self.tokenizer(sentences), rng),
                            self.tokenizer(phrases)]).to(self.device)
        # Texts of like length go together, so that names are not padded to the length of sentences.
        name_features, sentence_features, phrase_features = (
            self._text_features(part) for part in tokens.split([len(names), len(sentences), len(phrases)]))
        half = (torch.arange(len(sentences)) % 2 == 0).to(self.device)[:, None]
        sentence_features = torch.where(half, sentence_features, 0.5 * sentence_features + 0.5 * phrase_features)
        scale = self.model.logit_scale.exp()
        name_features, sentence_features = F.normalize(name_features, dim=1), F.normalize(sentence_features, dim=1)
        of_form = np.array(of_form)
        loss = torch.zeros((), device=self.device)
        for features, members in groups:
            visual = F.normalize(features, dim=1)
            logits = scale * visual @ name_features.T
            for form in range(len(_FORMS)):
                columns = np.concatenate([np.flatnonzero(of_form == form), len(of_form) + np.arange(len(NOTHINGS))])
                loss = loss + F.cross_entropy(logits[:, columns], self._targets(form, members))
            fits = torch.from_numpy(self._fits(meant, members)).to(self.device)
            told = fits.any(1)
            chances = (scale * sentence_features[told] @ visual.T).log_softmax(1)
            loss = loss - chances.masked_fill(~fits[told], -math.inf).logsumexp(1).mean()
        return loss / len(groups)

    def _text_features(self, tokens: Tensor) -> Tensor:
        tokens = tokens[:, :int((tokens != 0).sum(1).max())]
        table = torch.cat([self.embedding, self.embedding.new_zeros(1, self.embedding.shape[1])])
        return _read(self.model, tokens, table[self.row_of[tokens]])

    def _targets(self, form: int, members: np.ndarray) -> Tensor:
        labels = _FORMS[form]
        index = {label: i for i, label in enumerate(labels)}
        shots = self.shots
        return torch.tensor([
            len(labels) + shots.nothing[i] if shots.nothing[i] >= 0
            else index[(-1 if form == 1 else shots.colour[i], -1 if form == 2 else shots.category[i])]
            for i in members], device=self.device)

    def _fits(self, meant: np.ndarray, members: np.ndarray) -> np.ndarray:
        """Bool [M, N]: whether what a sentence means fits a mask."""
        colour, category = self.shots.colour[members], self.shots.category[members]
        alike = ((meant[:, :1] < 0) | (meant[:, :1] == colour)) & ((meant[:, 1:] < 0) | (meant[:, 1:] == category))
        return alike & (self.shots.nothing[members] < 0)

    def _sentences(self, members: np.ndarray, rng: np.random.Generator) -> tuple[list[str], list[str], np.ndarray]:
        """Phrases, sentences about them, and the (colour, category) that they mean."""
        shots = self.shots
        objects = rng.permutation(members[shots.nothing[members] < 0])[:_SENTENCES]
        phrases, sentences, meant = [], [], []
        for i in objects:
            form = int(rng.choice(3, p=(0.6, 0.25, 0.15)))
            near = np.flatnonzero((shots.scene == shots.scene[i]) & (shots.nothing < 0))
            marks = [noun_phrase(shots.colour[j], shots.category[j], int(rng.choice(2)), rng)
                     for j in rng.choice(near, 2)]
            phrase = noun_phrase(shots.colour[i], shots.category[i], form, rng)
            phrases.append(article(phrase, rng))
            sentences.append(sentence(phrase, tuple(marks), rng))
            meant.append((-1 if form == 1 else shots.colour[i], -1 if form == 2 else shots.category[i]))
        return phrases, sentences, np.array(meant)

    def _disturbed(self, tokens: Tensor, rng: np.random.Generator) -> Tensor:
        """A strange word put before the text or into it now and then; the model must read past it."""
        tokens = tokens.clone()
        for row in tokens:
            end = int(row.argmax())
            if rng.random() < 0.25 and end + 1 < len(row):
                at = 1 if rng.random() < 0.5 else int(rng.integers(1, end + 1))
                row[at + 1:end + 2] = row[at:end + 1].clone()
                row[at] = int(rng.choice(self.strange))
        return tokens

    def _vocabulary(self) -> Tensor:
        """Every token, int64 [K], that training texts can have."""
        rng = np.random.default_rng(self.seed)
        texts = [article(text, rng) for texts in _NOTHING_TEXTS for text in texts for _ in range(40)]
        for _ in range(20_000):
            form = int(rng.integers(3))
            marks = [noun_phrase(*SEEN_PAIRS[rng.integers(len(SEEN_PAIRS))], 0, rng) for _ in range(3)]
            colour, category = SEEN_PAIRS[rng.integers(len(SEEN_PAIRS))]
            texts.append(sentence(noun_phrase(colour, category, form, rng), (marks[0], marks[1]), rng))
        tokens = self.tokenizer(texts).unique()
        return tokens[tokens > 0]       # 0 pads after the end.


# --- how good it is ---------------------------------------------------------------------------------------------------

@torch.inference_mode()
def selection_accuracy(model: open_clip.CLIP, tokenizer, shots: Shots, weights: np.ndarray, variant: int = 0,
                       ) -> np.ndarray:
    """Share of objects that "the COLOUR CATEGORY" picks among all objects of their scene, for each weight of context.

    Objects with a twin in both are left out. With weight 0 only crops count, with weight 1 only masks in context.
    """
    device = model.logit_scale.device
    objects = np.flatnonzero(shots.nothing < 0)
    pairs = sorted({(int(shots.colour[i]), int(shots.category[i])) for i in objects})
    texts = [f"the {COLOUR_NAMES[c]} {CATEGORY_NAMES[k]}" for c, k in pairs]
    named = dict(zip(pairs, F.normalize(text_features(model, tokenizer(texts).to(device)), dim=1), strict=True))
    right = []
    for number in range(len(shots.images)):
        mine = objects[shots.scene[objects] == number]
        crops = normalised(shots.crops[mine, variant]).to(device)
        image = normalised(shots.images[number:number + 1]).to(device)
        soft = torch.from_numpy(shots.masks[mine, variant].reshape(len(mine), -1)).float().to(device) / 255
        local = crop_features(model.visual, crops)
        context = context_features(model.visual, context_tokens(model.visual, image),
                                   torch.zeros(len(mine), dtype=torch.long, device=device), soft)
        labels = [(int(shots.colour[i]), int(shots.category[i])) for i in mine]
        for k, label in enumerate(labels):
            if labels.count(label) == 1:
                right.append([int((F.normalize(a * context + (1 - a) * local, dim=1) @ named[label]).argmax()) == k
                              for a in weights])
    return np.mean(right, axis=0)


def main() -> None:
    """Render what is missing, train, evaluate and write the bundle."""
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for data, checkpoints and the bundle")
    parser.add_argument("--scenes", type=int, default=2000, help="training scenes")
    parser.add_argument("--proposed-scenes", type=int, default=500,
                        help="training scenes of which MobileSAM's masks are learnt too")
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--learning-rate", type=float, default=1.2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    data = options.output / "data"

    def shots(name: str, seeds: range, **more) -> Shots:
        return load_or_render(data / name, seeds, SIZE, GRID, lambda shards: tqdm(shards, desc=name), **more)
    proposed = min(options.proposed_scenes, options.scenes)
    parts = []
    if proposed:
        parts.append(shots("train", TRAIN_SEEDS[:proposed], exclude_pairs=HELD_OUT_PAIRS,
                           proposer=make_proposer(ProposalsConfig(), options.device)))
    if proposed < options.scenes:
        parts.append(shots("train", TRAIN_SEEDS[proposed:options.scenes], exclude_pairs=HELD_OUT_PAIRS))
    train = Shots.joined(parts)
    validation = shots("validation", VALIDATION_SEEDS[:100], exclude_pairs=HELD_OUT_PAIRS)
    held_out = shots("held-out", VALIDATION_SEEDS[100:200], only_pairs=HELD_OUT_PAIRS)

    trainer = Trainer(train, options.steps, options.learning_rate, options.seed, options.device)
    checkpoint = options.output / "checkpoint.pt"
    if checkpoint.is_file():
        trainer.load(torch.load(checkpoint, map_location="cpu", weights_only=True))
        logger.info("going on from step %d", trainer.step)
    weights = np.linspace(0, 1, 11)
    smooth = None
    with tqdm(total=options.steps, initial=trainer.step, desc="training") as progress:
        while trainer.step < options.steps:
            loss = trainer.advance()
            smooth = loss if smooth is None else 0.95 * smooth + 0.05 * loss
            progress.update()
            progress.set_postfix(loss=f"{smooth:.3f}")
            if trainer.step % _CHECKPOINT_STEPS == 0 or trainer.step == options.steps:
                unfinished = checkpoint.with_suffix(".part")
                torch.save(trainer.state(), unfinished)
                unfinished.rename(checkpoint)
            if trainer.step % _REPORT_STEPS == 0:
                _report(trainer, validation, held_out, weights[[0, 5, 10]], smooth)
    figures = _report(trainer, validation, held_out, weights, smooth)
    best = _best_weight(weights, figures)
    about = {"visual_weight": best, "seed": options.seed, "steps": options.steps, "scenes": options.scenes,
             "accuracy": {"weights": weights.round(2).tolist(), **figures},
             # Words for `ris calibrate` to fit to.
             "calibration": {"nouns": CATEGORY_NAMES, "colours": COLOUR_NAMES,
                             "nothings": ["table", "floor", "several objects", "part of an object"]}}
    write_bundle(options.output / "bundle", trainer.trained(), MODEL_CONFIG, about)
    logger.info("written to %s, visual weight %.1f", options.output / "bundle", best)


def _best_weight(weights: np.ndarray, figures: dict) -> float:
    """The middle of the weights that are as good as the best, counting both kinds of validation scene."""
    score = np.mean(list(figures.values()), axis=0)
    good = weights[score >= score.max() - 0.002]
    return round(float(good[len(good) // 2]), 2)


def _report(trainer: Trainer, validation: Shots, held_out: Shots, weights: np.ndarray, loss: float) -> dict:
    model = trainer.trained().eval()
    figures = {name: selection_accuracy(model, trainer.tokenizer, shots, weights).round(4).tolist()
               for name, shots in (("validation", validation), ("held_out", held_out))}
    model.train()
    logger.info("step %d, loss %.3f, weights %s: %s", trainer.step, loss or math.nan, weights.tolist(), figures)
    return figures


if __name__ == "__main__":
    main()
