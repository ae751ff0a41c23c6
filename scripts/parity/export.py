#!/usr/bin/env python3
"""Writes tests/fixtures/parity: a small CLIP and a small SigLIP in the layouts of the hub and of
immich, and the vectors that `transformers` makes with them. See README.md."""

import argparse
import json
import pathlib
import shutil

import expected
import models
import samples

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXTS = 200
CLIP_LENGTH, SIGLIP_LENGTH, SIZE = 77, 64, 64


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=pathlib.Path, required=True,
                        help="a folder of photos, of which 50 are taken; only their vectors are kept")
    parser.add_argument("--into", type=pathlib.Path, default=ROOT / "tests/fixtures/parity")
    arguments = parser.parse_args()
    into = arguments.into
    shutil.rmtree(into, ignore_errors=True)
    photos = sorted(arguments.photos.glob("*.jpg"))
    photos = photos[:: max(1, len(photos) // 50)][:50]
    paths = samples.draw(into / "pictures") + photos
    texts, corpus = samples.texts(TEXTS), samples.corpus()

    tokenizer = models.clip_tokenizer(corpus, 200, CLIP_LENGTH)
    layers = {"num_hidden_layers": 2, "num_attention_heads": 4}
    vision = dict(layers, hidden_size=48, intermediate_size=96, image_size=SIZE, patch_size=8)
    text = dict(layers, hidden_size=48, intermediate_size=96, max_position_embeddings=CLIP_LENGTH)
    model, processor = models.clip(tokenizer, vision, text, 32)
    hub = into / "clip"
    save(hub, model, processor, tokenizer)
    models.export_hub(model, "clip", hub, SIZE, CLIP_LENGTH)
    expected.write(into, "clip", paths, texts,
                   expected.image_vectors(models.ClipImages(model), processor, paths),
                   expected.text_vectors(models.ClipTexts(model), tokenizer, texts, CLIP_LENGTH, True))
    immich(into / "immich", model, hub)

    tokenizer = models.siglip_tokenizer(corpus, 500, SIGLIP_LENGTH)
    vision = dict(vision, hidden_size=32, intermediate_size=64)
    text = dict(text, hidden_size=32, intermediate_size=64, max_position_embeddings=SIGLIP_LENGTH)
    model, processor = models.siglip(tokenizer, vision, text)
    hub = into / "siglip"
    save(hub, model, processor, tokenizer)
    models.export_hub(model, "siglip", hub, SIZE, SIGLIP_LENGTH)
    expected.write(into, "siglip", paths, texts,
                   expected.image_vectors(models.SiglipImages(model), processor, paths),
                   expected.text_vectors(models.SiglipTexts(model), tokenizer, texts,
                                         SIGLIP_LENGTH, "max_length"))


def save(folder, model, processor, tokenizer):
    folder.mkdir(parents=True)
    model.config.save_pretrained(folder)
    processor.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def immich(folder, model, hub):
    """The same weights, for one picture and text at a time, with open_clip's settings."""
    models.export_immich(model, folder, SIZE, CLIP_LENGTH)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(hub / name, folder / "textual" / name)
    prepared = {"size": [SIZE, SIZE], "mode": "RGB", "mean": [0.48145466, 0.4578275, 0.40821073],
                "std": [0.26862954, 0.26130258, 0.27577711], "interpolation": "bicubic",
                "resize_mode": "shortest", "fill_color": 0}
    (folder / "visual/preprocess_cfg.json").write_text(json.dumps(prepared) + "\n")
    config = {"embed_dim": 32, "text_cfg": {"context_length": CLIP_LENGTH}}
    (folder / "config.json").write_text(json.dumps(config) + "\n")


if __name__ == "__main__":
    main()
