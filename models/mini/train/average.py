"""Averages the weights of two moments of one training run.

    average.py --work WORK --of A.pt B.pt --shares 0.6 0.4 --out C.pt

Late weights know the training captions by heart, early ones less so: between them lies better
than both. Names are those of files in WORK.
"""
import argparse
import pathlib

import torch


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--work", type=pathlib.Path, required=True)
    arguments.add_argument("--of", nargs=2, required=True)
    arguments.add_argument("--shares", nargs=2, type=float, required=True)
    arguments.add_argument("--out", required=True)
    given = arguments.parse_args()
    first, second = (torch.load(given.work / name) for name in given.of)
    share = given.shares[0] / sum(given.shares)
    torch.save({name: (share * value + (1 - share) * second[name] if value.dtype.is_floating_point else value)
                for name, value in first.items()}, given.work / given.out)


if __name__ == "__main__":
    main()
