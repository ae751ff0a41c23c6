#!/usr/bin/env python3
"""Writes a CLIP of the full geometry of ViT-B/32 with random weights into a folder, the vectors
that `transformers` makes with it, and what Pillow makes of the pictures. See README.md."""

import argparse
import pathlib
import shutil

import numpy as np

import expected
import export
import models
import samples


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("into", type=pathlib.Path)
    parser.add_argument("--photos", type=pathlib.Path, required=True)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--like", type=pathlib.Path, help="a repository of a CLIP ViT-B/32, of "
                        "which everything but the weights is taken")
    arguments = parser.parse_args()
    into = arguments.into
    photos = sorted(arguments.photos.glob("*.jpg"))
    photos = photos[:: max(1, len(photos) // arguments.count)][: arguments.count]
    paths, texts = samples.draw(into / "pictures") + photos, samples.texts(200)
    if arguments.like:
        model, processor, tokenizer = like(arguments.like, into / "clip")
    else:
        model, processor, tokenizer = drawn(into / "clip")
    models.export_hub(model, "clip", into / "clip", 224, 77)
    expected.write(into, "clip", paths, texts,
                   expected.image_vectors(models.ClipImages(model), processor, paths),
                   expected.text_vectors(models.ClipTexts(model), tokenizer, texts, 77, True))
    pixels = [squares(path) for path in paths]
    np.stack(pixels).tofile(into / "clip.u8")


def drawn(folder):
    """A configuration and a tokenizer of our own."""
    tokenizer = models.clip_tokenizer(samples.corpus(), 1000, 77)
    vision = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
              "num_attention_heads": 12, "image_size": 224, "patch_size": 32}
    text = {"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12,
            "num_attention_heads": 8, "max_position_embeddings": 77}
    model, processor = models.clip(tokenizer, vision, text, 512)
    export.save(folder, model, processor, tokenizer)
    return model, processor, tokenizer


def like(repository, folder):
    """The files of a repository of the hub as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*repository.glob("*.json"), *repository.glob("merges.txt")]:
        shutil.copy(path, folder)
    return models.clip_like(folder)


def squares(path):
    """Pillow's bicubic, and the geometry of `transformers`: 224 x 224 RGB."""
    picture = expected.opened(path)
    width, height = picture.size
    short, long = min(width, height), max(width, height)
    length = int(224 * long / short)
    size = (224, length) if width <= height else (length, 224)
    resized = picture.resize(size, resample=3)
    left, top = (size[0] - 224) // 2, (size[1] - 224) // 2
    return np.asarray(resized.crop((left, top, left + 224, top + 224)))


if __name__ == "__main__":
    main()
