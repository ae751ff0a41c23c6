"""The two towers as PyTorch modules.

The image tower is a plain residual network of dense convolutions (they train and run fast on
CPUs, and quantise well): 112 x 112 pixels to 7 x 7 places of FEATURES numbers. When it is used
it sees pictures at SEEN pixels, where it finds more than at the side it learned with, and each
also in a mirror: what it gives is the average of both. The text tower
is a weighted bag of word pieces beside one block of attention, which sees their order.
"""
import math

import torch
from torch import nn
from torch.nn import functional

FEATURES = 768
SEEN = 144
DIMENSION = 256
COMPONENTS = 256
LENGTH = 24


def convolution(into, out, kernel=3, stride=1):
    return nn.Sequential(nn.Conv2d(into, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out))


class Basic(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    def __init__(self, into, out, stride=1):
        super().__init__()
        self.first = convolution(into, out, 3, stride)
        self.second = convolution(out, out)
        self.shortcut = None
        if stride != 1:
            self.shortcut = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), *convolution(into, out, 1))
        nn.init.zeros_(self.second[1].weight)

    def forward(self, x):
        y = self.second(torch.relu(self.first(x)))
        return torch.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class Bottleneck(nn.Module):
    """A 3 x 3 convolution on fewer channels beside a shortcut."""

    def __init__(self, channels, inner):
        super().__init__()
        self.narrow = convolution(channels, inner, 1)
        self.middle = convolution(inner, inner)
        self.widen = convolution(inner, channels, 1)
        nn.init.zeros_(self.widen[1].weight)

    def forward(self, x):
        y = torch.relu(self.middle(torch.relu(self.narrow(x))))
        return torch.relu(self.widen(y) + x)


class ImageTower(nn.Module):
    """Pixels in -1..1, [N,3,112,112], to a unit vector of DIMENSION."""

    def __init__(self):
        super().__init__()
        self.places = nn.Sequential(
            convolution(3, 64, 7, 4), nn.ReLU(),
            Basic(64, 64),
            Basic(64, 128, 2), Basic(128, 128),
            convolution(128, 256, 3, 2), nn.ReLU(),
            *[Bottleneck(256, 160) for _ in range(6)],
            convolution(256, FEATURES, 1), nn.ReLU(),
        )
        # Only while learning: the teacher's components at each place.
        self.teacher = nn.Conv2d(FEATURES, COMPONENTS, 1)
        self.head = nn.Linear(FEATURES, DIMENSION)

    def features(self, x):
        return self.places(x).mean((2, 3)).float()

    def forward(self, x):
        return functional.normalize(self.head(self.features(x)), dim=-1)


class TextTower(nn.Module):
    """Ids of word pieces, [N,LENGTH], 0 where there is none, to a unit vector of DIMENSION."""

    def __init__(self, pieces, width=112, hidden=512, dropped=0.1, heads=4):
        super().__init__()
        self.embedding = nn.Embedding(pieces + 1, width, padding_idx=0)
        nn.init.normal_(self.embedding.weight, std=0.1)
        with torch.no_grad():
            self.embedding.weight[0] = 0
        self.weight = nn.Embedding(pieces + 1, 1)
        nn.init.zeros_(self.weight.weight)
        self.position = nn.Parameter(torch.randn(LENGTH, width) * 0.02)
        self.norm = nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.mix = nn.Linear(width, width)
        self.inner = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(),
                                   nn.Linear(2 * width, width))
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.inner[3].weight)
        self.linear = nn.Linear(width, DIMENSION)
        self.deep = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, hidden), nn.GELU(),
                                  nn.Linear(hidden, DIMENSION))
        self.dropped, self.heads = dropped, heads

    def pooled(self, ids):
        there = (ids > 0).float()
        if self.training and self.dropped > 0:
            # Never all pieces of a text: that would teach the tower what nothing means.
            there = there * torch.maximum((torch.rand_like(there) > self.dropped).float(),
                                          (torch.arange(ids.shape[1]) == 0).float())
        x = self.embedding(ids)
        y = self.norm(x + self.position)
        batch, length, width = y.shape
        split = lambda t: t.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
        scores = split(self.query(y)) @ split(self.key(y)).transpose(2, 3) / math.sqrt(width // self.heads)
        scores = scores + (there[:, None, None, :] - 1) * 1e4
        attended = (scores.softmax(-1) @ split(self.value(y))).transpose(1, 2).reshape(batch, length, width)
        x = x + self.mix(attended)
        x = x + self.inner(x)
        weight = self.weight(ids)[..., 0].exp() * there
        weight = weight / (weight.sum(1, keepdim=True) + 1e-6)
        return (x * weight[..., None]).sum(1) * math.sqrt(10)

    def forward(self, ids):
        x = self.pooled(ids)
        return functional.normalize(self.linear(x) + self.deep(x), dim=-1)
