"""Models of open_clip that need transformers: each family in its own configuration, smaller, with random weights.

Tokenizers are of the right classes, with a few words.
"""

import json
import string

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from ris_ros.config import EncoderConfig
from ris_ros.encoding import load_encoder

transformers = pytest.importorskip("transformers")

WORDS = ("the", "a", "red", "blue", "cup", "bowl", "left")
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
CHARACTERS = (*string.ascii_letters, *string.digits, *string.punctuation)


def pieces(*special):
    """Return the vocabulary of a unigram model: pieces with their scores."""
    return [(token, 0.0) for token in special] + [("▁", -3.0)] + [(f"▁{word}", -1.0) for word in WORDS] + [
        (letter, -4.0) for letter in CHARACTERS]


def letters(*special, space="▁"):
    """Return the vocabulary of a model of byte pairs without merges."""
    return {token: index for index, token in enumerate(dict.fromkeys((*special, space, *CHARACTERS)))}


TOKENIZERS = {
    "t5": lambda: transformers.T5Tokenizer(vocab=pieces("<pad>", "</s>", "<unk>"), extra_ids=0),
    "gemma": lambda: transformers.GemmaTokenizer(
        vocab=letters("<pad>", "<eos>", "<bos>", "<unk>", "<mask>"), merges=[]),
    "bert": lambda: transformers.BertTokenizer(vocab={word: index for index, word in enumerate(
        ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS))}),
    "xlm-roberta": lambda: transformers.XLMRobertaTokenizer(vocab=pieces(*SPECIAL)),
    "roberta": lambda: transformers.RobertaTokenizer(vocab=letters(*SPECIAL, space="Ġ"), merges=[]),
    "nllb": lambda: transformers.NllbTokenizer(vocab=letters(*SPECIAL), merges=[], src_lang="eng_Latn"),
}

SMALL = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 32, "intermediate_size": 32}

TEXT_TOWERS = {
    "xlm-roberta": lambda size: transformers.XLMRobertaConfig(vocab_size=size, **SMALL, pad_token_id=1),
    "roberta": lambda size: transformers.RobertaConfig(vocab_size=size, **SMALL, pad_token_id=1),
    "t5": lambda size: transformers.MT5Config(vocab_size=size, d_model=32, d_kv=16, d_ff=32, num_layers=2, num_heads=2),
    "nllb": lambda size: transformers.M2M100Config(
        vocab_size=size, d_model=32, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, pad_token_id=1),
}

FAMILIES = {
    "ViT-B-16-SigLIP": "t5",
    "ViT-B-16-SigLIP2": "gemma",
    "ViT-L-14-CLIPA": "bert",
    "ViT-H-14-worldwide": "xlm-roberta",
    "ViT-L-14-worldwide": "t5",
    "xlm-roberta-base-ViT-B-32": "xlm-roberta",
    "roberta-ViT-B-32": "roberta",
    "coca_roberta-ViT-B-32": "roberta",
    "mt5-base-ViT-B-32": "t5",
    "nllb-clip-base": "nllb",
    "nllb-clip-base-siglip": "nllb",
}
"""An architecture of each family of the 49 -> its tokenizer, and its text tower where that is of transformers too."""

TEXTS = ["the red cup", "a blue bowl", "the red cup, left"]


def shrunk(architecture, kind, folder):
    """Return open_clip's configuration with smaller towers; the tokenizer and a text tower are in `folder`."""
    config = json.loads(json.dumps(open_clip.get_model_config(architecture)))
    tokenizer = TOKENIZERS[kind]()
    tokenizer.save_pretrained(folder)
    vision, text = config["vision_cfg"], config["text_cfg"]
    if "timm_model_name" in vision:
        # The smallest transformer of timm; the pooling and all else stay.
        vision |= {"timm_model_name": "test_vit3", "image_size": 160}
        config["embed_dim"] = 96
    else:
        vision |= {"image_size": 64, "patch_size": 16, "width": 32, "layers": 4, "head_width": 16}
        config["embed_dim"] = 32
    text |= {"hf_tokenizer_name": str(folder), "width": 32, "heads": 2, "layers": 2, "vocab_size": len(tokenizer)}
    if "eos_id" in text:
        assert text["eos_id"] == tokenizer.eos_token_id
    if "hf_model_name" in text:
        TEXT_TOWERS[kind](len(tokenizer)).save_pretrained(folder / "text")
        text["hf_model_name"] = str(folder / "text")
    if "multimodal_cfg" in config:
        config["multimodal_cfg"] |= {"width": config["embed_dim"], "heads": 2, "layers": 1}
    return config


@pytest.fixture(params=FAMILIES)
def family(request, tmp_path):
    """The name of a small architecture, registered with open_clip, and a folder with a model of it."""
    name = f"small-{request.param}"
    folder = tmp_path / "model"
    folder.mkdir()
    config = shrunk(request.param, FAMILIES[request.param], folder)
    (tmp_path / f"{name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / f"{name}.json")
    torch.manual_seed(0)
    model = open_clip.create_model(name, pretrained_text=False)
    save_file({key: weights.contiguous().clone() for key, weights in model.state_dict().items()},
              folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    yield name, folder
    del open_clip.factory._MODEL_CONFIGS[name]


@pytest.mark.parametrize("source", ["file", "local-dir"])
def test_a_family_is_loaded_and_its_features_are_open_clips(family, source):
    name, folder = family
    model_name = f"{name}/{folder}/open_clip_model.safetensors" if source == "file" else f"local-dir:{folder}"
    encoder = load_encoder(EncoderConfig(model=model_name), "cpu", offline=True)
    theirs = open_clip.create_model(f"local-dir:{folder}").eval()
    with torch.inference_mode():
        expected = theirs.encode_text(open_clip.get_tokenizer(f"local-dir:{folder}")(TEXTS), normalize=False)
    texts = encoder.encode_text(TEXTS)
    assert texts.dtype == torch.float32
    torch.testing.assert_close(texts, expected, atol=1e-5, rtol=1e-4)
    assert torch.cdist(texts, texts)[~torch.eye(3, dtype=torch.bool)].min() > 1e-3  # All texts are told apart.
    assert not encoder.is_cut("the red cup") and encoder.is_cut("the red cup " * 200)

    image = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    masks = np.zeros((2, 60, 80), bool)
    masks[0, 10:40, 10:40], masks[1, 20:60, 40:80] = True, True
    assert encoder.has_global_path
    for method in ("reference", "full"):
        features = encoder.encode_masks(image, masks, method=method)
        for one in features.for_fusion(0.5):
            assert one.shape == (2, texts.shape[1]) and one.dtype == torch.float32 and bool(one.isfinite().all())
            assert not torch.allclose(one[0], one[1], atol=1e-3)
    with torch.inference_mode():
        whole = theirs.encode_image(encoder.preprocess(image), normalize=False)
    torch.testing.assert_close(encoder.model.encode_image(encoder.preprocess(image), normalize=False), whole)


def test_all_architectures_that_need_the_package_belong_to_these_families():
    def traits(architecture):
        config = open_clip.get_model_config(architecture)
        text = config["text_cfg"]
        return ("timm_model_name" in config["vision_cfg"], "multimodal_cfg" in config, "hf_model_name" in text,
                text.get("pool_type"), text.get("hf_pooler_type"), json.dumps(text.get("tokenizer_kwargs")))

    tried = {traits(architecture) for architecture in FAMILIES}
    for architecture in open_clip.list_models():
        text = open_clip.get_model_config(architecture)["text_cfg"]
        if text.get("hf_model_name") or text.get("hf_tokenizer_name"):
            assert traits(architecture) in tried, architecture
