"""Texts and pictures that towers are compared on, made of nothing but numbers."""

import random

import numpy as np
from PIL import Image

SUBJECTS = ("dog cat horse child woman man bird car bicycle boat train cake pizza sandwich flower "
            "tree mountain river lighthouse bridge street kitchen wedding guitar football snowman "
            "butterfly helicopter newspaper umbrella").split()
QUALITIES = ("red blue small old yellow sleeping running wooden striped enormous wet cheerful "
             "black-and-white blurry half-eaten").split()
PLACES = ("on a couch,in the snow,at the beach,under a bridge,in front of a church,at night,"
          "behind the fence,on top of a hill,in Paris,during a thunderstorm,next to two others,"
          "beside the railway station,through a window,in the 1980s").split(",")

SPECIAL = [
    "", " ", "   \t\n ", "a", "A", ".", "...", "!?", "'", "it's", "they're", "I'd've", "rock 'n' roll",
    "dog", "DOG", "Dog", "dOg", "RED CAR", "A Photo Of A DOG!", "ÉCOLE", "ÄÖÜ ß", "İstanbul", "ΑΒΓ Σίσυφος",
    "café", "cafe\u0301", "naïve façade", "São Paulo", "Zürich", "smörgåsbord", "Łódź", "Dvořák", "Tiếng Việt",
    "🐕", "🐕 in the snow", "👨‍👩‍👧‍👦", "🏳️‍🌈 flag", "❤️", "😀😀😀", "sunset 🌅 at sea", "🇨🇭",
    "狗", "雪地里的狗", "一只猫在沙发上睡觉", "日本の桜", "東京タワーの夜景", "한국의 가을", "собака в снегу",
    "ЗАКАТ НАД МОРЕМ", "قطة نائمة", "כלב בשלג", "ภูเขา", "कुत्ता", "γάτα στον καναπέ", "dog 狗 собака",
    "2019", "12345678901234567890", "3 dogs", "1/2", "50%", "f/2.8 at 1/250 s", "IMG_2034.JPG", "snake_case_word",
    "hyphen-ated-word", "e-mail@example.org", "https://example.org/a?b=c&d=e", "#hashtag @mention", "C++ & C#",
    "(a dog) [in] {the} <snow>", "\"quoted\"", "“curly quotes”", "em—dash", "ellipsis…", "tab\tseparated",
    "line\nbreak", "no\u00a0break", "zero\u200bwidth", "soft\u00adhyphen", "ﬁ ligature", "ｆｕｌｌ ｗｉｄｔｈ",
    "x² + y³", "½ cup", "№ 5", "™ ® ©", "a\u0301\u0323", "ｶﾀｶﾅ", "Ⅷ", "<|startoftext|>", "a <|endoftext|> b",
    "</s>", "<unk>", "▁", "Ġ", "\u0000", "\ufeffmark", "\U0001f9d1\u200d\U0001f680",
    "supercalifragilisticexpialidocious", "a" * 300, "ab " * 100, "日" * 100, "🐕" * 60,
    "Donaudampfschifffahrtsgesellschaftskapitän", "the the the the", "  leading and trailing  ",
    "many     spaces", "MiXeD CaSe TeXt", "don't", "DON'T", "dogs'", "l'été à la plage", "¿dónde está?",
]


def sentence(chance):
    one, other = chance.sample(SUBJECTS, 2)
    shapes = (f"a {chance.choice(QUALITIES)} {one} {chance.choice(PLACES)}",
              f"{one} and {other} {chance.choice(PLACES)}",
              f"A photo of a {chance.choice(QUALITIES)} {one}.",
              f"Two {one}s, one of them {chance.choice(QUALITIES)}")
    return chance.choice(shapes)


def corpus():
    """What small tokenizers learn from."""
    chance = random.Random(1)
    return [sentence(chance) for _ in range(2000)] + [text for text in SPECIAL if text.isprintable()]


def texts(count):
    chance = random.Random(2)
    long = " ".join(sentence(chance) for _ in range(40)).split()[:200]
    written = SPECIAL + [" ".join(long), " ".join(long[:76]), " ".join(long[:40]), " ".join(long[:63])]
    while len(written) < count:
        text = sentence(chance)
        if text not in written:
            written.append(text)
    return written[:count]


def waves(width, height, seed):
    """Soft colours, hard edges and a little noise: what a resize may get wrong."""
    random_numbers = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    short = min(width, height)
    picture = np.zeros((height, width, 3))
    for channel in range(3):
        for _ in range(4):
            fx, fy, phase = random_numbers.uniform(-6, 6, 3)
            picture[..., channel] += np.sin(2 * np.pi * (fx * x + fy * y) / short + phase)
    picture = 128 + 36 * picture
    for _ in range(5):
        cx, cy = random_numbers.uniform(0, width), random_numbers.uniform(0, height)
        radius = random_numbers.uniform(0.05, 0.3) * short
        inside = (x - cx) ** 2 + (y - cy) ** 2 < radius**2
        picture[inside] = random_numbers.uniform(0, 255, 3)
    picture[:, int(width * 0.7):int(width * 0.7) + 2] = 255
    picture += random_numbers.normal(0, 3, picture.shape)
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


# Odd and even differences between the sides, small and tall, larger and smaller than what is seen.
PICTURES = [
    ("odd.png", 101, 70, {}), ("even.png", 90, 64, {}), ("tall.png", 64, 91, {}),
    ("square.png", 64, 64, {}), ("small.png", 30, 23, {}), ("narrow.png", 300, 40, {}),
    ("landscape.jpg", 333, 250, {}), ("portrait.jpg", 251, 337, {}), ("whole.jpg", 400, 267, {"subsampling": 0}),
    ("turned.jpg", 333, 250, {"turned": 6}), ("mirrored.jpg", 251, 337, {"turned": 5}),
    ("large.jpg", 1201, 803, {}),
]


def draw(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, width, height, how) in enumerate(PICTURES):
        picture = waves(width, height, seed)
        if name.endswith(".png"):
            picture.save(folder / name, optimize=True)
            continue
        exif = Image.Exif()
        if "turned" in how:
            exif[0x0112] = how["turned"]
        picture.save(folder / name, quality=85, subsampling=how.get("subsampling", 2), exif=exif)
    return [folder / name for name, *_ in PICTURES]
