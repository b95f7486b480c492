"""From light to the bytes of a picture: exposure, blur, noise, compression."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, UInt8


@dataclass(frozen=True)
class CameraSensor:
    """How pictures come out.

    Attributes:
        exposure: factor on the light.
        balance: factors on red and blue.
        contrast: power on the code values; 1 keeps them.
        blur: of the lens, standard deviation in pixels.
        grain: noise, standard deviation in 8-bit steps in the middle tones.
        quality: of JPEG compression; None keeps the pixels.
    """

    exposure: float = 1.0
    balance: tuple[float, float] = (1.0, 1.0)
    contrast: float = 1.0
    blur: float = 0.0
    grain: float = 1.0
    quality: int | None = None


def random_sensor(rng: np.random.Generator) -> CameraSensor:
    """Return a random camera: mostly good ones, now and then a bad one."""
    return CameraSensor(
        exposure=float(np.exp(rng.normal(0.12, 0.28))),
        balance=(float(np.exp(rng.normal(0, 0.05))), float(np.exp(rng.normal(0, 0.05)))),
        contrast=float(np.exp(rng.normal(0, 0.1))),
        blur=float(rng.choice([0.0, 0.4, rng.uniform(0.4, 0.9)], p=[0.4, 0.35, 0.25])),
        grain=float(rng.choice([0.5, 1.5, rng.uniform(1.5, 5.0)], p=[0.5, 0.3, 0.2])),
        quality=int(rng.integers(55, 97)) if rng.random() < 0.7 else None,
    )


def expose(
    light: Float[np.ndarray, "H W 3"], sensor: CameraSensor, rng: np.random.Generator
) -> UInt8[np.ndarray, "H W 3"]:
    """Return the picture of linear light."""
    import cv2

    gain = sensor.exposure * np.array([sensor.balance[0], 1.0, sensor.balance[1]], np.float32)
    light = light * gain
    if sensor.blur > 0.05:
        light = cv2.GaussianBlur(light, (0, 0), sensor.blur)
    code = tone_map(light, sensor.contrast)
    if sensor.grain > 0:
        code = code + sensor.grain * _grain(code.shape, rng)
    picture = (code + 0.5).clip(0, 255).astype(np.uint8)
    if sensor.quality is None:
        return picture
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, sensor.quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def _grain(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return noise: a random cut of one fixed field, turned and mirrored, since drawing it anew costs milliseconds."""
    field = _field(shape[0] + 96, shape[1] + 96)
    row, column = rng.integers(0, 97, 2)
    cut = field[row : row + shape[0], column : column + shape[1]]
    return cut[:: rng.choice([-1, 1]), :: rng.choice([-1, 1]), rng.permutation(3)] * np.float32(rng.choice([-1, 1]))


@lru_cache(maxsize=4)
def _field(height: int, width: int) -> np.ndarray:
    import cv2

    noise = np.random.default_rng(0).standard_normal((height, width, 3), dtype=np.float32)
    return np.asarray(1.2 * cv2.GaussianBlur(noise, (3, 3), 0.6) + 0.2 * noise)


def tone_map(light: Float[np.ndarray, "H W 3"], contrast: float = 1.0) -> Float[np.ndarray, "H W 3"]:
    """Return code values, 0 to 255: a soft shoulder for the highlights, then the sRGB curve, by a table."""
    table = _CURVE if contrast == 1.0 else 255 * (_CURVE / 255) ** np.float32(contrast)
    index = np.sqrt(np.clip(light, 0, _TOP) / _TOP) * (len(table) - 1)
    return table[(index + 0.5).astype(np.int32)]


_TOP = 4.0


def _curve() -> np.ndarray:
    x = _TOP * np.linspace(0, 1, 4096) ** 2
    knee = 0.7
    x = np.where(x > knee, knee + (1 - knee) * (1 - np.exp(-(x - knee) / (1 - knee))), x)
    code = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)
    return (255 * code).astype(np.float32)


_CURVE = _curve()
