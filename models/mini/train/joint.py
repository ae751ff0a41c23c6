"""One space for pictures and texts, made from the two teachers' features.

    joint.py --work WORK [--steps N] [--text-steps N]

First a linear map of the picture teacher's average features and a small network over the
sentence encoder's vectors are trained together: captions (a caption finds its picture among
others), ImageNet's names by the teacher's own logits, and the labels of our sets. Then the text
tower, word pieces only, learns to give the same vectors. Writes WORK/joint.pt and
WORK/text.pt; `Joint` gives student.py what it learns from them.
"""
import argparse
import json
import math
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from net import DIMENSION, TextTower

LARGEST_SCALE = math.log(60.0)


class SentenceHead(nn.Module):
    """The sentence encoder's vectors, [N,384], into the common space."""

    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.1)
        self.linear = nn.Linear(384, DIMENSION)
        self.deep = nn.Sequential(nn.Linear(384, 768), nn.GELU(), nn.Dropout(0.2), nn.Linear(768, DIMENSION))

    def forward(self, x):
        x = self.drop(x) * 10
        return functional.normalize(self.linear(x) + self.deep(x), dim=-1)


class Texts:
    """What texts.py wrote."""

    def __init__(self, work):
        made = json.loads((work / "texts.json").read_text())
        self.texts, self.groups, self.labels = made["texts"], made["groups"], made["labels"]
        self.imagenet, self.captions = made["imagenet"], made["captions"]
        self.pieces = torch.from_numpy(np.load(work / "pieces.npy")).long()

    def forbidden(self, work):
        """Texts of pictures that are only for testing, and of no others."""
        splits = json.loads((work / "flickr8k.json").read_text())["splits"]
        tested = {i for file, ids in self.captions.items() if splits.get(file) in ("dev", "test") for i in ids}
        allowed = {i for file, ids in self.captions.items() if splits.get(file, "train") == "train" for i in ids}
        others = {i for key, ids in self.groups.items() if key != "captions" for i in ids}
        return tested - allowed - others


def recall(images, texts):
    """Text to picture: images [N,D], texts [5N,D] in order; percentages within the first 1, 5, 10."""
    scores = texts @ images.T
    own = torch.arange(len(images)).repeat_interleave(len(texts) // len(images))
    rank = (scores > scores[torch.arange(len(own)), own][:, None]).sum(1)
    return [round((rank < k).float().mean().item() * 100, 1) for k in (1, 5, 10)]


def load_pooled(work, parts):
    """Teacher's averages and logits of all views in `parts`, with label and file."""
    pooled, logits, labels, files = [], [], [], []
    for folder in sorted((work / "arrays").iterdir()):
        if not (folder / "rows.json").exists():
            continue
        rows = json.loads((folder / "rows.json").read_text())
        keep = [i for i, row in enumerate(rows) if row["part"] in parts]
        if not keep:
            continue
        pooled.append(np.load(folder / "pooled.npy", mmap_mode="r")[keep])
        logits.append(np.load(folder / "logits.npy", mmap_mode="r")[keep])
        labels += [rows[i]["label"] for i in keep]
        files += [rows[i]["file"].split("/")[-1] for i in keep]
    return torch.from_numpy(np.concatenate(pooled)).float(), torch.from_numpy(np.concatenate(logits)), labels, files


def contrast(images, texts, scale):
    scores = images @ texts.T * scale.exp()
    own = torch.arange(len(images))
    return (functional.cross_entropy(scores, own) + functional.cross_entropy(scores.T, own)) / 2


def label_targets(vectors, sharpness=40.0):
    """Names that mean nearly the same share the credit."""
    return (vectors @ vectors.T * sharpness).softmax(1)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--work", type=pathlib.Path, required=True)
    arguments.add_argument("--steps", type=int, default=900)
    arguments.add_argument("--text-steps", type=int, default=1200)
    given = arguments.parse_args()
    work, rng = given.work, np.random.default_rng(0)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    texts = Texts(work)
    sentences = torch.from_numpy(np.load(work / "sentences.npy")).float()
    pooled, logits, labels, files = load_pooled(work, ("train",))
    mean, deviation = pooled.mean(0), pooled.std(0) + 0.1
    pooled = (pooled - mean) / deviation
    captioned = torch.tensor([i for i, file in enumerate(files) if file in texts.captions])
    names = sorted({label for label in labels if label in texts.labels})
    number = {name: i for i, name in enumerate(names)}
    labelled = torch.tensor([i for i, label in enumerate(labels) if label in number])
    which = torch.tensor([number[labels[i]] for i in labelled])
    dev_pooled, _, _, dev_files = load_pooled(work, ("dev",))
    dev_pooled = (dev_pooled - mean) / deviation
    dev_texts = torch.tensor([i for file in dev_files for i in texts.captions[file]])

    image = nn.Sequential(nn.Dropout(0.3), nn.Linear(pooled.shape[1], DIMENSION))
    text = SentenceHead()
    scales = nn.Parameter(torch.full((3,), math.log(15.0)))
    optimiser = torch.optim.AdamW([*image.parameters(), *text.parameters(), scales], 1.5e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.5e-3, total_steps=given.steps, pct_start=0.1)
    one_of = lambda groups: torch.tensor([ids[rng.integers(len(ids))] for ids in groups])
    batch = 512
    for step in range(given.steps):
        some = captioned[torch.randint(0, len(captioned), (batch,))]
        own = torch.tensor([texts.captions[files[i]][rng.integers(len(texts.captions[files[i]]))] for i in some.tolist()])
        loss = contrast(functional.normalize(image(pooled[some]), dim=1), text(sentences[own]), scales[0])
        if step % 2 == 0:
            some = torch.randint(0, len(pooled), (batch,))
            classes = text(sentences[one_of(texts.imagenet)])
            scores = functional.normalize(image(pooled[some]), dim=1) @ classes.T * scales[1].exp()
            believed = logits[some][:, 1:].float().softmax(1)
            loss = loss - 0.5 * (believed * scores.log_softmax(1)).sum(1).mean()
        elif len(labelled):
            some = torch.randint(0, len(labelled), (batch,))
            classes = text(sentences[one_of([texts.labels[name] for name in names])])
            scores = functional.normalize(image(pooled[labelled[some]]), dim=1) @ classes.T * scales[2].exp()
            with torch.no_grad():
                targets = label_targets(classes)[which[some]]
            loss = loss - 0.5 * (targets * scores.log_softmax(1)).sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            scales.clamp_(max=LARGEST_SCALE)
        if step % 200 == 0 or step == given.steps - 1:
            image.eval(), text.eval()
            with torch.no_grad():
                found = recall(functional.normalize(image(dev_pooled), dim=1), text(sentences[dev_texts]))
            image.train(), text.train()
            print(f"joint {step}: loss {loss.item():.3f}, dev R@1/5/10 {found}", flush=True)
    image.eval(), text.eval()
    with torch.no_grad():
        targets = torch.cat([text(sentences[i:i + 4096]) for i in range(0, len(sentences), 4096)])
        dev_images = functional.normalize(image(dev_pooled), dim=1)
    torch.save({"weight": image[1].weight.detach(), "bias": image[1].bias.detach(), "mean": mean,
                "deviation": deviation, "targets": targets.half()}, work / "joint.pt")

    tower = TextTower(int(len(json.loads((work / "vocab.json").read_text()))))
    forbidden = texts.forbidden(work)
    allowed = torch.tensor([i for i in range(len(targets)) if i not in forbidden])
    captions = torch.tensor([i for i in texts.groups["captions"] if i not in forbidden])
    phrases = torch.tensor(sorted(set(texts.groups["phrases"]) | set(texts.groups["labels"])))
    sparse = [tower.embedding.weight, tower.weight.weight]
    dense = [p for name, p in tower.named_parameters() if name not in ("embedding.weight", "weight.weight")]
    optimiser = torch.optim.AdamW([{"params": dense, "lr": 2e-3, "weight_decay": 0.02},
                                   {"params": sparse, "lr": 8e-3, "weight_decay": 0.0}], betas=(0.9, 0.98))
    rates = [group["lr"] for group in optimiser.param_groups]
    of = lambda pool, count: pool[torch.randint(0, len(pool), (count,))]
    for step in range(given.text_steps):
        part = step / given.text_steps
        for group, rate in zip(optimiser.param_groups, rates):
            group["lr"] = rate * min(1, part / 0.03 + 0.01) * max(0.02, 1 - part)
        some = torch.cat([of(allowed, 320), of(captions, 256), of(phrases, 128)])
        found, wanted = tower(texts.pieces[some]), targets[some]
        scores, meant = found @ wanted.T * 20, (wanted @ wanted.T * 20).softmax(1)
        loss = 4 * (1 - (found * wanted).sum(1)).mean() - (meant * scores.log_softmax(1)).sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 300 == 0 or step == given.text_steps - 1:
            tower.eval()
            with torch.no_grad():
                vectors = tower(texts.pieces[dev_texts])
                close = (vectors * targets[dev_texts]).sum(1).mean().item()
            tower.train()
            print(f"text {step}: loss {loss.item():.3f}, to its teacher {close:.3f}, dev R@1/5/10 "
                  f"{recall(dev_images, vectors)}", flush=True)
            torch.save(tower.state_dict(), work / "text.pt")


class Joint:
    """What a view should be in the common space: the teacher's vector, captions, label."""

    def __init__(self, work, pictures, words=1.0):
        self.words = words
        self.work, self.pictures, self.texts = work, pictures, Texts(work)
        made = torch.load(work / "joint.pt")
        self.made = made
        tower = TextTower(int(len(json.loads((work / "vocab.json").read_text()))))
        tower.load_state_dict(torch.load(work / "text.pt"))
        tower.eval()
        with torch.no_grad():
            pieces = self.texts.pieces
            self.vectors = torch.cat([tower(pieces[i:i + 4096]) for i in range(0, len(pieces), 4096)])
        self.own = [self.texts.captions.get(file) for file in pictures.files]
        trained = sorted({i for ids in self.own if ids for i in ids})
        self.negatives = torch.tensor(trained)
        names = sorted({label for label in pictures.labels if label in self.texts.labels})
        number = {name: i for i, name in enumerate(names)}
        self.which = torch.tensor([number.get(label, -1) for label in pictures.labels])
        if names:
            self.classes = functional.normalize(torch.stack(
                [self.vectors[self.texts.labels[name]].mean(0) for name in names]), dim=1)
            self.targets = label_targets(self.classes)
        self.scales = nn.Parameter(torch.full((2,), math.log(20.0)))

    def parameters(self):
        return [self.scales]

    def draw(self, count, rng):
        return self.pictures.draw(count, rng)

    def start(self, net):
        """A first head: the joint map after what the student already gives of the teacher."""
        basis = np.load(self.work / "basis.npz")
        root = torch.from_numpy(basis["scale"] * 127 / 6).sqrt()
        lift = self.made["weight"] / self.made["deviation"] @ (torch.from_numpy(basis["basis"]) * root)
        with torch.no_grad():
            kernel = net.teacher.weight[:, :, 0, 0]
            net.head.weight.copy_(lift @ kernel)
            middle = (torch.from_numpy(basis["mean"]) - self.made["mean"]) / self.made["deviation"]
            net.head.bias.copy_(self.made["weight"] @ middle + self.made["bias"] + lift @ net.teacher.bias)

    def taught(self, rows):
        pooled = torch.from_numpy(self.pictures.take("pooled", rows)).float()
        x = (pooled - self.made["mean"]) / self.made["deviation"]
        return functional.normalize(x @ self.made["weight"].T + self.made["bias"], dim=1)

    def loss(self, head, rows, rng):
        z = functional.normalize(head, dim=1)
        near = (1 - (z * self.taught(rows)).sum(1)).mean()
        rows_with = [k for k, row in enumerate(rows) if self.own[row]]
        words = torch.zeros(())
        if rows_with:
            own = torch.tensor([self.own[rows[k]][rng.integers(len(self.own[rows[k]]))] for k in rows_with])
            others = self.negatives[torch.from_numpy(rng.integers(0, len(self.negatives), 1024))]
            mine = z[rows_with]
            positive = (mine * self.vectors[own]).sum(1, keepdim=True)
            scores = torch.cat([positive, mine @ self.vectors[others].T], 1) * self.scales[0].exp()
            words = functional.cross_entropy(scores, torch.zeros(len(mine), dtype=torch.long))
        which = self.which[torch.from_numpy(rows)]
        named, names = which >= 0, torch.zeros(())
        if named.any():
            scores = z[named] @ self.classes.T * self.scales[1].exp()
            names = -(self.targets[which[named]] * scores.log_softmax(1)).sum(1).mean()
        with torch.no_grad():
            self.scales.clamp_(max=math.log(50.0))
        return 4 * near + self.words * words + 0.7 * names, [near.item(), words.item(), names.item()]


if __name__ == "__main__":
    main()
