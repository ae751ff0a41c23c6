"""Models of CLIP's and SigLIP's architecture with random weights, and their ONNX files.

No weights are downloaded and none are trained: two implementations of one architecture are
to be compared, and for that any weights do as long as different pictures and texts get
clearly different vectors.
"""

import json
import os

# No hub is asked for anything.
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers import Regex
from transformers import (AutoTokenizer, CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer,
                          PreTrainedTokenizerFast, SiglipConfig, SiglipImageProcessor, SiglipModel)

SEED = 20261121


def spread(model):
    """Draws all weights anew, so large that what goes in decides what comes out.

    As models are initialised before training, the vectors of all pictures are nearly the
    same: a comparison of those could not fail.
    """
    generator = torch.Generator().manual_seed(SEED)
    for name, weight in model.named_parameters():
        noise = torch.randn(weight.shape, generator=generator)
        if "class_embedding" in name or "position_embedding" in name or name.endswith("probe"):
            noise *= 0.1
        elif "layer" in name and "norm" in name:
            noise = noise * 0.1 + (1 if name.endswith("weight") else 0)
        elif weight.dim() < 2:
            noise *= 0.02
        elif "token_embedding" in name:
            pass
        else:
            inputs = weight[0].numel()
            # Pixels beside each other are alike: much of a patch cancels out.
            gain = 3.0 if "patch_embedding" in name else 1.0
            # Ids are exact, and few: what comes out may depend on them as strongly as can be.
            if name.startswith("text_model"):
                gain = 2.0 if "q_proj" in name or "k_proj" in name else 1.2
            noise *= gain / inputs**0.5
        weight.data.copy_(noise)
    return model.eval()


def clip_tokenizer(corpus, merges, length):
    """CLIP's kind: byte pairs, all bytes by themselves and as ends of words."""
    pairs = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    pairs.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    split = (r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|"""
             r"""[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+""")
    pairs.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(split), behavior="removed", invert=True),
         pre_tokenizers.ByteLevel(add_prefix_space=False)])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=512 + merges, end_of_word_suffix="</w>",
                                  initial_alphabet=alphabet, show_progress=False)
    pairs.train_from_iterator(corpus, trainer)
    learned = [tuple(pair) for pair in json.loads(pairs.to_str())["model"]["merges"]][:merges]
    pieces = alphabet + [letter + "</w>" for letter in alphabet]
    pieces += [a + b for a, b in learned] + ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {}
    for piece in pieces:
        vocabulary.setdefault(piece, len(vocabulary))
    return CLIPTokenizer(vocab=vocabulary, merges=learned, model_max_length=length)


def siglip_tokenizer(corpus, pieces, length):
    """SigLIP's kind: a unigram model on cleaned lower-case text, with its end sign."""
    unigram = Tokenizer(models.Unigram())
    punctuation = Regex(r"""[!"\#\$%\&'\(\)\*\+,\-\./:;<=>\?@\[\\\]\^_`\{\|\}\~]""")
    unigram.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace(punctuation, ""),
         normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()])
    unigram.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    trainer = trainers.UnigramTrainer(vocab_size=pieces, special_tokens=["<unk>", "</s>"],
                                      unk_token="<unk>", show_progress=False)
    unigram.train_from_iterator(corpus, trainer)
    end = unigram.token_to_id("</s>")
    unigram.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", end)])
    return PreTrainedTokenizerFast(tokenizer_object=unigram, eos_token="</s>", pad_token="</s>",
                                   unk_token="<unk>", model_max_length=length)


def clip(tokenizer, vision, text, projection):
    end = tokenizer.eos_token_id
    text = dict(text, vocab_size=len(tokenizer), bos_token_id=tokenizer.bos_token_id,
                eos_token_id=end, pad_token_id=end)
    model = clip_model(CLIPConfig(text_config=text, vision_config=vision, projection_dim=projection))
    size = vision["image_size"]
    return model, CLIPImageProcessor(size={"shortest_edge": size},
                                     crop_size={"height": size, "width": size})


def clip_like(folder):
    """As the files of a repository of the hub say; nothing but the weights is made up."""
    return (clip_model(CLIPConfig.from_pretrained(folder)),
            CLIPImageProcessor.from_pretrained(folder), AutoTokenizer.from_pretrained(folder))


def clip_model(config):
    # The kind of attention that every exporter understands.
    config._attn_implementation = "eager"
    torch.manual_seed(SEED)
    return spread(CLIPModel(config))


def siglip(tokenizer, vision, text):
    text = dict(text, vocab_size=len(tokenizer), bos_token_id=None,
                eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    config = SiglipConfig(text_config=text, vision_config=vision)
    config._attn_implementation = "eager"
    torch.manual_seed(SEED)
    model = spread(SiglipModel(config))
    size = vision["image_size"]
    return model, SiglipImageProcessor(size={"height": size, "width": size})


class ClipImages(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.tower, self.projection = model.vision_model, model.visual_projection

    def forward(self, pixel_values):
        return self.projection(self.tower(pixel_values=pixel_values).pooler_output)


class ClipTexts(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.tower, self.projection = model.text_model, model.text_projection

    def forward(self, input_ids):
        return self.projection(self.tower(input_ids=input_ids).pooler_output)


class SiglipImages(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.tower = model.vision_model

    def forward(self, pixel_values):
        state = self.tower(pixel_values=pixel_values)
        return state.last_hidden_state, state.pooler_output


class SiglipTexts(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.tower = model.text_model

    def forward(self, input_ids):
        state = self.tower(input_ids=input_ids)
        return state.last_hidden_state, state.pooler_output


def export(module, example, path, inputs, outputs, axes):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(module.eval(), (example,), str(path), input_names=inputs,
                      output_names=outputs, dynamic_axes=axes, opset_version=17, dynamo=False)


def export_hub(model, kind, folder, size, length):
    """`onnx/vision_model.onnx` and `onnx/text_model.onnx`, as the hub's converter names them."""
    images, texts = (ClipImages, ClipTexts) if kind == "clip" else (SiglipImages, SiglipTexts)
    hidden = [] if kind == "clip" else ["last_hidden_state"]
    vectors = ("image_embeds", "text_embeds") if kind == "clip" else ("pooler_output",) * 2
    pictures = torch.zeros(2, 3, size, size)
    ids = torch.ones(2, length, dtype=torch.int64)
    ids[:, -1] = model.config.text_config.eos_token_id
    batch = {0: "batch_size"}
    sequence = {0: "batch_size", 1: "sequence_length"}
    dynamic = {name: batch for name in hidden}
    export(images(model), pictures, folder / "onnx/vision_model.onnx", ["pixel_values"],
           hidden + [vectors[0]], {"pixel_values": batch, vectors[0]: batch, **dynamic})
    export(texts(model), ids, folder / "onnx/text_model.onnx", ["input_ids"],
           hidden + [vectors[1]], {"input_ids": sequence, vectors[1]: batch, **dynamic})


def export_immich(model, folder, size, length):
    """`visual/model.onnx` and `textual/model.onnx`, for one picture and text at a time."""
    export(ClipImages(model), torch.zeros(1, 3, size, size), folder / "visual/model.onnx",
           ["image"], ["embedding"], {})
    ids = torch.ones(1, length, dtype=torch.int32)
    ids[:, -1] = model.config.text_config.eos_token_id
    export(ClipTexts(model), ids, folder / "textual/model.onnx", ["text"], ["embedding"], {})
