"""What `transformers` itself makes of pictures and texts."""

import hashlib
import json

import numpy as np
import torch
from PIL import Image, ImageOps


def opened(path):
    """As viewers show it: `transformers` leaves the orientation to its callers."""
    return ImageOps.exif_transpose(Image.open(path)).convert("RGB")


def unit(vectors):
    vectors = np.concatenate([vector.detach().numpy() for vector in vectors]).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def image_vectors(tower, processor, paths):
    with torch.no_grad():
        pictures = (processor(opened(path), return_tensors="pt").pixel_values for path in paths)
        return unit([last(tower(picture)) for picture in pictures])


def text_vectors(tower, tokenizer, texts, length, padding):
    with torch.no_grad():
        # One at a time: with `padding=True` nothing is filled up, as in a batch of one.
        ids = (tokenizer(text, return_tensors="pt", padding=padding, truncation=True,
                         max_length=length).input_ids for text in texts)
        return unit([last(tower(row)) for row in ids])


def last(output):
    return output[-1] if isinstance(output, tuple) else output


def mean_cosine(vectors):
    """Between different ones: near 1, a comparison could not fail."""
    products = vectors @ vectors.T
    count = len(vectors)
    return float((products.sum() - count) / (count * (count - 1)))


def write(folder, name, paths, texts, images, words):
    """`NAME.json` says what of, `NAME.f32` has the vectors: of pictures, then of texts."""
    pictures = [{"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
                for path in paths]
    described = {"dimension": int(images.shape[1]), "pictures": pictures, "texts": texts}
    written = json.dumps(described, ensure_ascii=False, indent=0)
    (folder / f"{name}.json").write_text(written + "\n", encoding="utf-8")
    np.concatenate([images, words]).astype("<f4").tofile(folder / f"{name}.f32")
    print(f"{name}: {len(pictures)} pictures, mean cosine {mean_cosine(images):.3f}; "
          f"{len(texts)} texts, {mean_cosine(words):.3f}")
