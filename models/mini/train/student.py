"""Trains the image tower from random initialisation.

    student.py --work WORK --minutes M [--side 80] [--resume] [--joint] [--workers 2] [--rate 2e-3]

Without --joint it learns the teacher's components at every place and on average (teach.py); with
--joint also what joint.py made of them: the vector in the space of texts, the captions, and the
labels. Processes share weights without locks (Hogwild), as threads of one process wait for each
other on a busy machine. Writes WORK/student.pt (and WORK/student-ema.pt: the average of late
weights, which is the one to use).
"""
import argparse
import copy
import json
import math
import os
import pathlib
import time

import numpy as np
import torch
from torch.nn import functional

from net import COMPONENTS, ImageTower

# How often a picture of a set is drawn, against one of the others.
WEIGHTS = {"flickr8k": 1.5, "coco": 1.5, "tiny-imagenet": 0.5, "imagenette": 0.6, "flowers": 0.6}
SIDE = 112


class Pictures:
    """All views of all sets that may be trained on, and those of Flickr8k's dev split."""

    def __init__(self, work, parts=("train",)):
        self.sets, owner, index, self.labels, self.files, weights = [], [], [], [], [], []
        for folder in sorted((work / "arrays").iterdir()):
            if not (folder / "rows.json").exists():
                continue
            rows = json.loads((folder / "rows.json").read_text())
            self.sets.append({name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("pixels", "maps", "pooled")})
            for i, row in enumerate(rows):
                if row["part"] in parts:
                    owner.append(len(self.sets) - 1)
                    index.append(i)
                    self.labels.append(row["label"])
                    self.files.append(row["file"].split("/")[-1])
                    weights.append(WEIGHTS.get(folder.name.split("-again")[0], 1.0))
        self.owner, self.index = np.array(owner), np.array(index)
        self.weights = np.array(weights) / np.sum(weights)
        self.cumulative = np.cumsum(self.weights)

    def __len__(self):
        return len(self.owner)

    def draw(self, count, rng):
        return np.minimum(np.searchsorted(self.cumulative, rng.random(count)), len(self) - 1)

    def take(self, name, rows):
        return np.stack([self.sets[self.owner[i]][name][self.index[i]] for i in rows])


def tensor(pixels, side):
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
    if side != SIDE:
        smaller = side < SIDE
        x = functional.interpolate(x, size=(side, side), mode="bilinear" if smaller else "bicubic",
                                   antialias=smaller, align_corners=False)
    return x.contiguous(memory_format=torch.channels_last)


def jitter(x, rng):
    """Light and contrast of each picture, changed a little; colours less."""
    n = len(x)
    pick = lambda low, high, *shape: torch.from_numpy(rng.uniform(low, high, shape).astype("f4"))
    mean = x.mean((1, 2, 3), keepdim=True)
    x = (x - mean) * pick(0.75, 1.3, n, 1, 1, 1) + mean + pick(-0.2, 0.2, n, 1, 1, 1)
    return x * pick(0.92, 1.08, n, 3, 1, 1)


def average_into(average, model, decay):
    with torch.no_grad():
        for kept, now in zip(average.state_dict().values(), model.state_dict().values()):
            if kept.dtype.is_floating_point:
                kept.lerp_(now, 1 - decay)
            else:
                kept.copy_(now)


def places_loss(predicted, maps, basis, side):
    """How far the teacher's components are: at each place, and on average, where noise is less."""
    target = torch.from_numpy(maps.astype("f4")).permute(0, 3, 1, 2) * basis["unit"]
    if predicted.shape[-1] != target.shape[-1]:
        target = functional.adaptive_avg_pool2d(target, predicted.shape[-1])
    place = (predicted - target).square().sum(1).mean() / basis["spread"]
    whole = (predicted.mean((2, 3)) - target.mean((2, 3))).square().sum(1).mean() / basis["spread_of_mean"]
    return place, whole


def basis_of(work):
    """Components are divided by the root of their deviation: between raw and whitened."""
    made = np.load(work / "basis.npz")
    deviation = torch.from_numpy(made["scale"] * 127 / 6)
    unit = torch.from_numpy(made["scale"]) / deviation.sqrt()
    return {"unit": unit[None, :, None, None], "spread": deviation.sum().item(), "spread_of_mean": None}


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--work", type=pathlib.Path, required=True)
    arguments.add_argument("--minutes", type=float, required=True)
    arguments.add_argument("--side", type=int, default=SIDE)
    arguments.add_argument("--batch", type=int, default=96)
    arguments.add_argument("--rate", type=float, default=2e-3)
    arguments.add_argument("--end", type=float, default=0.01, help="the last rate, as a part of the first")
    arguments.add_argument("--warm", type=float, default=0.02, help="part of the time in which the rate grows")
    arguments.add_argument("--workers", type=int, default=2)
    arguments.add_argument("--resume", action="store_true")
    arguments.add_argument("--joint", action="store_true")
    arguments.add_argument("--words", type=float, default=1.0, help="what captions count beside the teacher")
    arguments.add_argument("--from", dest="weights", help="weights to begin with, in the place of student.pt")
    given = arguments.parse_args()
    work = given.work
    torch.set_num_threads(1)
    torch.manual_seed(0)
    pictures, basis = Pictures(work), basis_of(work)
    sample = pictures.take("maps", pictures.draw(2000, np.random.default_rng(1)))
    mean = torch.from_numpy(sample.astype("f4").mean((1, 2))) * basis["unit"][:, :, 0, 0]
    basis["spread_of_mean"] = (mean - mean.mean(0)).square().sum(1).mean().item()
    net = ImageTower().to(memory_format=torch.channels_last)
    if given.resume:
        net.load_state_dict(torch.load(given.weights or work / "student.pt"))
    joint = None
    if given.joint:
        from joint import Joint
        joint = Joint(work, pictures, given.words)
        if not given.resume or not json.loads((work / "student.json").read_text()).get("joint"):
            joint.start(net)
    net.share_memory()
    seen = torch.zeros(given.workers).share_memory_()
    print(f"{len(pictures)} views, {sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters", flush=True)
    rank = 0
    for child in range(1, given.workers):
        if os.fork() == 0:
            rank = child
            os.setsid()
            os.nice(10)
            break
    rng = np.random.default_rng(100 + rank + int(time.time()))
    decayed = [p for p in net.parameters() if p.ndim > 1]
    plain = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
    if joint:
        groups.append({"params": joint.parameters(), "weight_decay": 0.0})
    optimiser = torch.optim.AdamW(groups, given.rate, betas=(0.9, 0.98))
    average = copy.deepcopy(net) if rank == 0 else None
    started, step, told, running = time.time(), 0, time.time(), None
    while True:
        part = (time.time() - started) / (given.minutes * 60)
        if part >= 1:
            break
        rate = min(part / given.warm, 1) * (given.end + (1 - given.end) * 0.5 * (1 + math.cos(math.pi * part)))
        for group in optimiser.param_groups:
            group["lr"] = given.rate * max(rate, 1e-4)
        rows = joint.draw(given.batch, rng) if joint else pictures.draw(given.batch, rng)
        pixels, maps = pictures.take("pixels", rows), pictures.take("maps", rows)
        turned = rng.random(len(rows)) < 0.5
        pixels[turned], maps[turned] = pixels[turned, :, ::-1], maps[turned, :, ::-1]
        with torch.autocast("cpu", torch.bfloat16):
            places = net.places(jitter(tensor(pixels, given.side), rng))
            predicted = net.teacher(places)
        place, whole = places_loss(predicted.float(), maps, basis, given.side)
        loss = place + 2 * whole
        shown = [place.item(), whole.item()]
        if joint:
            more, words = joint.loss(net.head(places.mean((2, 3)).float()), rows, rng)
            loss = 0.3 * loss + more
            shown += words
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        step += 1
        seen[rank] += len(rows)
        now = torch.tensor(shown)
        running = now if running is None else 0.97 * running + 0.03 * now
        if rank == 0:
            average_into(average, net, min(0.998, step / (step + 20)))
            if time.time() - told > 60:
                told = time.time()
                print(f"{(told - started) / 60:.1f} min, {int(seen.sum())} views, rate {given.rate * rate:.5f}, "
                      f"losses {[round(v, 3) for v in running.tolist()]}", flush=True)
                save(work, net, average, joint)
    if rank:
        os._exit(0)
    for _ in range(1, given.workers):
        os.wait()
    save(work, net, average, joint)
    print(f"{int(seen.sum())} views in {given.minutes} minutes, losses {[round(v, 4) for v in running.tolist()]}", flush=True)


def save(work, net, average, joint):
    torch.save(net.state_dict(), work / "student.pt")
    torch.save(average.state_dict(), work / "student-ema.pt")
    (work / "student.json").write_text(json.dumps({"joint": joint is not None}))


if __name__ == "__main__":
    main()
