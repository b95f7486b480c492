"""Whether it is still the same person: re-identification and faces; and how a clip moves, by what I3D sees in it."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from liquidwarp.detect.protocol import Box
from liquidwarp.metrics.backbones import face, i3d, osnet, pcb
from liquidwarp.metrics.crops import cut, face_box, grey_outside, mask_box, normalised, resized, to_signed
from liquidwarp.metrics.distributions import cosine, frechet_distance
from liquidwarp.metrics.frames import Region, ScoredFrame, own_pixels
from liquidwarp.metrics.scorers import Comparison, FrameScorer, Scorer, ScoreSetting, SetScorer
from liquidwarp.metrics.weights import load_weights

Embed = Callable[[Tensor], Tensor]
"""From normalised pictures to features."""

Look = Callable[[ScoredFrame, Region], np.ndarray | None]
"""The features of a frame; None where it shows nothing to look at."""

_STRIDE = 8  # frames from one window of I3D to the next


def load_osnet(setting: ScoreSetting, weights: str = "osnet") -> Embed:
    """Return OSNet."""
    net = load_weights(setting.weights, weights, device=setting.device)
    return lambda pictures: osnet.osnet_features(net, pictures)


def load_pcb(setting: ScoreSetting) -> Embed:
    """Return PCB."""
    network = pcb.pcb_network(load_weights(setting.weights, "pcb", device=setting.device))
    return lambda pictures: pcb.pcb_features(network, pictures)


def load_face(setting: ScoreSetting) -> Embed:
    """Return FaceNet."""
    net = load_weights(setting.weights, "face", device=setting.device)
    return lambda pictures: face.face_features(net, pictures)


def similarity(look: Look) -> FrameScorer:
    """Score by the cosine of features; a person made in whom nothing is found resembles nobody, and counts as 0."""

    def compare(made: ScoredFrame, real: ScoredFrame) -> Comparison:
        def score(region: Region) -> float | None:
            truth, ours = look(real, region), look(made, region)
            if truth is None:
                return None
            return 0.0 if ours is None else cosine(ours, truth)

        return score

    return FrameScorer(compare)


def distance(look: Look) -> SetScorer:
    """Score by the Fréchet distance of features."""
    return SetScorer(lambda frames, regions: look(frames[0], regions[0]), frechet_distance)


def look_at_person(embed: Embed, name: str, size: tuple[int, int], device: str) -> Look:
    """Return features of the person, cut out by the mask a little widened, or of the whole frame."""

    def look(frame: ScoredFrame, region: Region) -> np.ndarray | None:
        def features() -> np.ndarray | None:
            box: Box | None = None
            if region.name == "person":
                box = None if frame.place is None else mask_box(frame.place)
                if box is None:
                    return None
            return embed(normalised(resized(cut(frame.rgb, box), size), device))[0].cpu().numpy()

        return frame.once(f"{name} {region.name}", features)

    return look


def look_at_face(embed: Embed, setting: ScoreSetting) -> Look:
    """Return features of the face, found by landmarks."""

    def look(frame: ScoredFrame, region: Region) -> np.ndarray | None:
        def features() -> np.ndarray | None:
            box = face_box(frame.person(setting.detector))
            return None if box is None else embed_face(embed, frame, box, setting.device)

        return frame.once("face", features)

    return look


def embed_face(embed: Embed, frame: ScoredFrame, box: Box | None, device: str) -> np.ndarray:
    """Return features of a box, or of the whole frame."""
    small = resized(cut(frame.rgb, box), (face.SIDE, face.SIDE))
    picture = torch.from_numpy((small.astype(np.float32) - 127.5) / 128).permute(2, 0, 1)[None]
    return embed(picture.to(device))[0].cpu().numpy()


def make_osnet(setting: ScoreSetting) -> Scorer:
    """Cosine of OSNet's features."""
    return similarity(look_at_person(load_osnet(setting), "osnet", osnet.SIZE, setting.device))


def make_osnet_fd(setting: ScoreSetting) -> Scorer:
    """Fréchet distance of OSNet's features."""
    return distance(look_at_person(load_osnet(setting), "osnet", osnet.SIZE, setting.device))


def make_pcb(setting: ScoreSetting) -> Scorer:
    """Cosine of PCB's features."""
    return similarity(look_at_person(load_pcb(setting), "pcb", pcb.SIZE, setting.device))


def make_pcb_fd(setting: ScoreSetting) -> Scorer:
    """Fréchet distance of PCB's features."""
    return distance(look_at_person(load_pcb(setting), "pcb", pcb.SIZE, setting.device))


def make_face(setting: ScoreSetting) -> Scorer:
    """Cosine of the faces' features."""
    return similarity(look_at_face(load_face(setting), setting))


def make_face_fd(setting: ScoreSetting) -> Scorer:
    """Fréchet distance of the faces' features."""
    return distance(look_at_face(load_face(setting), setting))


def make_fvd(setting: ScoreSetting) -> Scorer:
    """Fréchet distance of I3D's class scores; outside a region all is grey."""
    net = load_weights(setting.weights, "i3d", device=setting.device)

    def small(frame: ScoredFrame, region: Region) -> Tensor:
        def make() -> Tensor:
            picture = resized(grey_outside(frame.rgb, own_pixels(frame, region)), (i3d.SIDE, i3d.SIDE))
            return to_signed(picture, setting.device)[0]

        return frame.once(f"i3d {region.name}", make)  # windows share frames

    def features(frames: Sequence[ScoredFrame], regions: Sequence[Region]) -> np.ndarray:
        clip = torch.stack([small(frame, region) for frame, region in zip(frames, regions, strict=True)], 1)
        return i3d.i3d_logits(net, clip[None])[0].cpu().numpy()

    return SetScorer(features, frechet_distance, length=i3d.LENGTH, stride=_STRIDE)
