"""The last step: head and text tower together, on the image tower's frozen features.

    refit.py --work WORK [--steps N]

First the tower's batch norms are measured anew, at the side that it is used at.

Captions against pictures and labels against pictures, as joint.py, with the student's features
in the place of the teacher's; texts that no picture belongs to stay where the sentence encoder
put them. Writes WORK/final.pt: {"image", "text"} state, and prints recalls of the dev split; the
test split is not looked at.
"""
import argparse
import json
import math
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from joint import LARGEST_SCALE, Texts, contrast, label_targets, load_pooled, recall
from net import SEEN, ImageTower, TextTower
from student import Pictures, tensor


def settle(net, pictures, rng, batches=40):
    """Averages and deviations of all layers at SEEN, which are not those of the side learned with."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    net.train()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for _ in range(batches):
            net.places(tensor(pictures.take("pixels", pictures.draw(96, rng)), SEEN))
    net.eval()


def features(net, pictures, rows, flipped=False):
    out = []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(rows), 128):
            pixels = pictures.take("pixels", rows[start:start + 128])
            x = tensor(np.ascontiguousarray(pixels[:, :, ::-1]) if flipped else pixels, SEEN)
            out.append(net.features(x))
    return torch.cat(out)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--work", type=pathlib.Path, required=True)
    arguments.add_argument("--steps", type=int, default=350)
    arguments.add_argument("--weights", default="student-ema.pt")
    arguments.add_argument("--captioned", type=int, default=20_000, help="views with captions")
    arguments.add_argument("--others", type=int, default=8_000, help="pictures without captions")
    arguments.add_argument("--threads", type=int, default=1)
    given = arguments.parse_args()
    work, rng = given.work, np.random.default_rng(0)
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    texts = Texts(work)
    net = ImageTower().to(memory_format=torch.channels_last)
    net.load_state_dict(torch.load(work / given.weights))
    tower = TextTower(len(json.loads((work / "vocab.json").read_text())))
    tower.load_state_dict(torch.load(work / "text.pt"))
    targets = torch.load(work / "joint.pt")["targets"].float()

    train = Pictures(work)
    settle(net, train, rng)
    captioned = np.array([file in texts.captions for file in train.files])
    others = rng.permutation(np.flatnonzero(~captioned))[:given.others]
    described = rng.permutation(np.flatnonzero(captioned))[:given.captioned]
    rows = np.concatenate([described, others])
    plain = features(net, train, rows)
    turned = features(net, train, rows[:len(rows) - len(others)], flipped=True)
    turned = torch.cat([turned, plain[len(turned):]])
    files, labels = [train.files[i] for i in rows], [train.labels[i] for i in rows]
    dev = Pictures(work, ("dev",))
    asked_of_dev = texts.pieces[[i for file in dev.files for i in texts.captions[file]]]
    rows_of_dev = np.arange(len(dev))
    shown_dev = (features(net, dev, rows_of_dev) + features(net, dev, rows_of_dev, flipped=True)) / 2
    logits = load_pooled(work, ("train",))[1][rows]

    def told(stage):
        net.eval(), tower.eval()
        with torch.no_grad():
            found = recall(functional.normalize(net.head(shown_dev), dim=1), tower(asked_of_dev))
        tower.train()
        print(f"{stage}: dev R@1/5/10 {found}", flush=True)

    told("before")
    by_file = {}
    for i, file in enumerate(files):
        if file in texts.captions:
            by_file.setdefault(file, []).append(i)
    pictures = list(by_file)
    names = sorted({label for label in labels if label in texts.labels})
    number = {name: i for i, name in enumerate(names)}
    labelled = torch.tensor([i for i, label in enumerate(labels) if label in number])
    which = torch.tensor([number[labels[i]] for i in labelled])
    forbidden = texts.forbidden(work)
    allowed = torch.tensor([i for i in range(len(targets)) if i not in forbidden])
    scales = nn.Parameter(torch.full((3,), math.log(20.0)))
    sparse = [tower.embedding.weight, tower.weight.weight]
    dense = [p for name, p in tower.named_parameters() if name not in ("embedding.weight", "weight.weight")]
    optimiser = torch.optim.AdamW([{"params": net.head.parameters(), "lr": 1e-3, "weight_decay": 0.02},
                                   {"params": dense, "lr": 4e-4, "weight_decay": 0.02},
                                   {"params": sparse, "lr": 1.5e-3, "weight_decay": 0.0},
                                   {"params": [scales], "lr": 1e-3, "weight_decay": 0.0}])
    rates = [group["lr"] for group in optimiser.param_groups]

    def seen(some):
        """Each picture, its mirrored one, or what the tower gives: the average of both."""
        share = torch.randint(0, 3, (len(some), 1)) / 2
        return plain[some] * share + turned[some] * (1 - share)

    # The tower knows these pictures by heart: half of what it says of them has to do.
    embed = lambda some: functional.normalize(net.head(functional.dropout(seen(some), 0.5)), dim=1)
    one_of = lambda groups: torch.tensor([ids[rng.integers(len(ids))] for ids in groups])
    batch = 512
    tower.train()
    for step in range(given.steps):
        part = step / given.steps
        for group, rate in zip(optimiser.param_groups, rates):
            group["lr"] = rate * min(1, part / 0.05 + 0.01) * max(0.02, 1 - part)
        asked = [pictures[i] for i in rng.choice(len(pictures), min(batch, len(pictures)), replace=False)]
        some = torch.tensor([by_file[file][rng.integers(len(by_file[file]))] for file in asked])
        own = one_of([texts.captions[file] for file in asked])
        loss = contrast(embed(some), tower(texts.pieces[own]), scales[0])
        if step % 2 == 0:
            some = torch.randint(0, len(plain), (batch,))
            classes = tower(texts.pieces[one_of(texts.imagenet)])
            believed = logits[some][:, 1:].float().softmax(1)
            scores = embed(some) @ classes.T * scales[1].exp()
            loss = loss - 0.4 * (believed * scores.log_softmax(1)).sum(1).mean()
        elif len(labelled):
            some = torch.randint(0, len(labelled), (batch,))
            classes = tower(texts.pieces[one_of([texts.labels[name] for name in names])])
            scores = embed(labelled[some]) @ classes.T * scales[2].exp()
            with torch.no_grad():
                meant = label_targets(classes)[which[some]]
            loss = loss - 0.5 * (meant * scores.log_softmax(1)).sum(1).mean()
        some = allowed[torch.randint(0, len(allowed), (512,))]
        loss = loss + 2 * (1 - (tower(texts.pieces[some]) * targets[some]).sum(1)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            scales.clamp_(max=LARGEST_SCALE)
        if step % 100 == 0:
            print(f"refit {step}: loss {loss.item():.3f}", flush=True)
    told("after")
    torch.save({"image": net.state_dict(), "text": tower.state_dict()}, work / "final.pt")


if __name__ == "__main__":
    main()
