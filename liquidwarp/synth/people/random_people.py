"""Random people: bodies, colours, hair and clothes."""

import colorsys
from dataclasses import replace

import numpy as np

from liquidwarp.synth.people.dressed_person import PersonAppearance
from liquidwarp.synth.people.fabrics import Fabric
from liquidwarp.synth.people.garments import Garment
from liquidwarp.synth.people.hair import HairStyle
from liquidwarp.synth.people.skin import Complexion
from liquidwarp.synth.procedural import Color

Rng = np.random.Generator

_FABRICS = {
    "upper": {
        "plain": 36,
        "stripes": 14,
        "checks": 10,
        "knit": 10,
        "print": 9,
        "logo": 9,
        "dots": 6,
        "flowers": 8,
        "blotches": 5,
        "blocks": 9,
    },
    "lower": {"plain": 50, "denim": 36, "checks": 6, "stripes": 3, "flowers": 3, "leather": 2, "blotches": 3},
    "jacket": {"plain": 50, "denim": 15, "leather": 12, "knit": 15, "checks": 8},
}
"""How often things are made of what."""

_SKINS = np.array(
    [(0.93, 0.77, 0.69), (0.87, 0.68, 0.58), (0.80, 0.60, 0.47), (0.68, 0.48, 0.36), (0.52, 0.34, 0.25),
     (0.32, 0.21, 0.16)]
)  # fmt: skip
_HAIRS = np.array(
    [(0.06, 0.05, 0.05), (0.10, 0.07, 0.05), (0.20, 0.12, 0.08), (0.33, 0.21, 0.12), (0.62, 0.47, 0.28),
     (0.48, 0.20, 0.10), (0.55, 0.54, 0.53), (0.80, 0.72, 0.58)]
)  # fmt: skip


def random_appearance(rng: Rng, clothes: Rng | None = None) -> PersonAppearance:
    """Return somebody: body, complexion and hair by chance from `rng`, clothes from `clothes` (or `rng`)."""
    female = bool(rng.random() < 0.5)
    gender = float(np.clip(rng.normal(0.75 if female else -0.75, 0.25), -1, 1))
    shape = {
        "gender": gender,
        "weight": float(np.clip(rng.normal(-0.1, 0.4), -0.8, 1.0)),
        "muscle": float(np.clip(rng.normal(0.0, 0.35), -0.8, 0.9)),
        "height": float(np.clip(rng.normal(0.0, 0.4), -0.9, 0.9)),
        "proportions": float(rng.uniform(0.4, 1.0)),
        "age": float(np.clip(rng.normal(0.0, 0.3), -0.4, 0.8)),
    }
    at = float(np.clip(rng.beta(1.2, 1.4), 0, 1)) * (len(_SKINS) - 1)
    low = min(int(at), len(_SKINS) - 2)
    skin = _SKINS[low] + (at - low) * (_SKINS[low + 1] - _SKINS[low]) + rng.normal(0, 0.012, 3)
    dark = at / (len(_SKINS) - 1)
    chances = np.array([0.3, 0.25, 0.15, 0.1, 0.08, 0.05, 0.05, 0.02]) * np.array([1, 1, *(1.05 - dark,) * 6])
    color = _HAIRS[rng.choice(len(_HAIRS), p=chances / chances.sum())] * rng.uniform(0.8, 1.2)
    if rng.random() < 0.04:
        color = np.array(colorsys.hsv_to_rgb(rng.random(), 0.6, 0.6))
    complexion = Complexion(
        _color(skin),
        _color(skin * np.array([0.84, 0.6, 0.62])),
        _color(np.array(colorsys.hsv_to_rgb(rng.choice([0.07, 0.08, 0.3, 0.58]), 0.5, rng.uniform(0.15, 0.5)))),
        _color(color * 0.7),
        makeup=float(rng.uniform(0.1, 0.9)) if female else 0.1,
        stubble=0.0 if female else float(rng.choice([0.0, rng.uniform(0.2, 1.0)])),
    )
    return PersonAppearance(shape, complexion, _hair(rng, color, female), _clothes(clothes or rng, female))


def _hair(rng: Rng, color: np.ndarray, female: bool) -> HairStyle | None:
    kind = rng.choice(["bald", "short", "long", "bun"], p=[0.0, 0.25, 0.5, 0.25] if female else [0.12, 0.73, 0.1, 0.05])
    if kind == "bald":
        return None
    frizzy = bool(rng.random() < (0.5 if color.sum() < 0.4 else 0.15)) and kind != "long"
    return HairStyle(
        _color(color),
        length=float(rng.uniform(0.15, 1.1)) if kind == "long" else 0.0,
        volume=float(rng.uniform(0.05, 0.1) if frizzy and rng.random() < 0.4 else rng.uniform(0.008, 0.034)),
        frizz=float(rng.uniform(0.4, 1.0)) if frizzy else float(rng.choice([0.0, 0.2, 0.4])),
        part=float(rng.uniform(-0.04, 0.04)),
        bun=kind == "bun",
        seed=int(rng.integers(1 << 16)),
    )


def _clothes(rng: Rng, female: bool) -> tuple[Garment, ...]:
    chances = [0.5, 0.12, 0.2, 0.18] if female else [0.8, 0.2, 0.0, 0.0]
    lower = str(rng.choice(["trousers", "shorts", "skirt", "dress"], p=chances))
    reaches = ((0.0, 0.08), (0.2, 0.45), (0.5, 0.8), (0.9, 1.0))
    sleeve = _between(rng, *reaches[rng.choice(4, p=[0.12, 0.4, 0.13, 0.35])])
    neck = _between(rng, 0.085, 0.125)
    below, loose = _below(rng, lower)
    worn = [*below, _shoes(rng)] if loose and rng.random() < 0.4 else [_shoes(rng), *below]
    if lower == "dress" or (female and lower == "trousers" and rng.random() < 0.15):  # or a tunic
        length = _between(rng, 0.2, 1.0) if lower == "dress" else _between(rng, 0.0, 0.3)
        ease = _between(rng, 0.006, 0.04)
        worn.append(Garment("dress", _cloth(rng, "upper"), length, sleeve, ease, neck))
    else:
        ease = _between(rng, 0.003, 0.008) if rng.random() < 0.35 else _between(rng, 0.01, 0.03)
        hem = _between(rng, 0.0, 0.8)
        front = str(rng.choice(["plain", "buttons", "zip"], p=[0.7, 0.2, 0.1]))
        trim = _cloth(rng, "jacket") if rng.random() < 0.25 else None
        top = Garment("top", _cloth(rng, "upper"), hem, sleeve, ease, neck, _between(rng, 0.4, 1.0), trim, front)
        tucked = rng.random() < (0.7 if lower == "skirt" else 0.15)
        if tucked:
            top = replace(top, length=-0.9 if lower == "skirt" else -0.4)
        worn.insert(len(worn) - len(below) if tucked and worn[-1] in below else len(worn), top)
    if rng.random() < 0.22:
        trim = _cloth(rng, "jacket") if rng.random() < 0.3 else None
        length, reach, ease = _between(rng, 0.0, 0.8), _between(rng, 0.75, 1.0), _between(rng, 0.016, 0.034)
        worn.append(Garment("jacket", _cloth(rng, "jacket"), length, reach, ease, 0.108, trim=trim))
    return tuple(worn)


def _below(rng: Rng, kind: str) -> tuple[list[Garment], bool]:
    """Return what is worn on the legs, and whether it hangs over shoes."""
    if kind == "trousers":
        tight = rng.random() < 0.4
        ease = _between(rng, 0.001, 0.006) if tight else _between(rng, 0.01, 0.05)
        return [Garment("trousers", _cloth(rng, "lower"), _between(rng, 0.85, 1.02), ease=ease)], not tight
    if kind == "shorts":
        length, ease = _between(rng, 0.0, 0.45), _between(rng, 0.004, 0.035)
        return [Garment("trousers", _cloth(rng, "lower"), length, ease=ease)], False
    if kind == "skirt":
        length, ease = _between(rng, 0.15, 1.0), _between(rng, 0.004, 0.045)
        return [Garment("skirt", _cloth(rng, "lower"), length, ease=ease)], False
    return [], False


def _shoes(rng: Rng) -> Garment:
    sole = Fabric("plain", _gray(rng, 0.9) if rng.random() < 0.5 else random_color(rng))
    upper = Fabric("leather", random_color(rng), seed=int(rng.integers(99)))
    if rng.random() < 0.2:
        return Garment("boots", upper, _between(rng, 0.0, 1.0), ease=_between(rng, 0.003, 0.012))
    return Garment("shoes", upper, trim=sole)


def _between(rng: Rng, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _cloth(rng: Rng, where: str) -> Fabric:
    chances = _FABRICS[where]
    kind = str(rng.choice(list(chances), p=np.array(list(chances.values())) / sum(chances.values())))
    color, accent = random_color(rng), random_color(rng)
    if kind == "denim":
        deep = rng.uniform(0.15, 0.5)
        color = _color(np.array([0.55, 0.72, 1.0]) * deep)
        accent = _color(np.array([0.7, 0.8, 0.95]) * (deep + 0.3))
    if sum(abs(a - b) for a, b in zip(color, accent, strict=True)) < 0.5:
        accent = _gray(rng, 0.9) if sum(color) < 1.5 else _gray(rng, 0.12)
    scale = {
        "print": rng.uniform(0.05, 0.1),
        "logo": rng.uniform(0.04, 0.09),
        "blotches": rng.uniform(0.04, 0.16),
        "knit": rng.uniform(0.006, 0.016),
        "dots": rng.uniform(0.02, 0.06),
        "flowers": rng.uniform(0.04, 0.12),
    }.get(kind, rng.uniform(0.025, 0.11))
    return Fabric(kind, color, accent, float(scale), int(rng.integers(1 << 12)))


def random_color(rng: Rng) -> Color:
    """Return a colour as clothes have it: often grey, dark or muted, now and then strong."""
    kind = rng.choice(["gray", "muted", "dark", "strong"], p=[0.42, 0.26, 0.18, 0.14])
    if kind == "gray":
        return _gray(rng, float(rng.choice([0.06, 0.12, 0.3, 0.55, 0.85, 0.92])))
    hue = rng.random()
    saturation, value = {
        "muted": (rng.uniform(0.15, 0.45), rng.uniform(0.35, 0.85)),
        "dark": (rng.uniform(0.3, 0.8), rng.uniform(0.12, 0.35)),
        "strong": (rng.uniform(0.6, 0.95), rng.uniform(0.5, 0.9)),
    }[str(kind)]
    return _color(np.array(colorsys.hsv_to_rgb(hue, saturation, value)))


def _gray(rng: Rng, value: float) -> Color:
    return _color(value * (1 + rng.normal(0, 0.03, 3)))


def _color(values: np.ndarray) -> Color:
    red, green, blue = np.clip(values, 0.01, 0.96)
    return float(red), float(green), float(blue)
