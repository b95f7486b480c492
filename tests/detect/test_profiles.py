"""What is known of a detector comes with its keypoints as a value; its name decides nothing."""

import pickle
from copy import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from fit_samples import dance, film
from toy_people import ToyDetector, ToyPhoto, toy_photo

from liquidwarp.bodies import load_body
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.bodies.rigged import RiggedBody
from liquidwarp.detect import MEDIAPIPE_PROFILE, Detector, LiteRtDetector, MediaPipeDetector, detect_clip, profile_of
from liquidwarp.fit import fit_track
from liquidwarp.tasks import recover, recover_meanwhile
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack, DetectorProfile, Keypoints


@pytest.fixture(scope="module")
def body() -> RiggedBody:
    return toy_body()


@pytest.fixture(scope="module")
def photos(body: RiggedBody) -> list[ToyPhoto]:
    colours = np.tile(np.array((200, 40, 40), np.uint8), (16, 1))
    return [toy_photo(body, colours, turn=0.2 * step) for step in range(4)]


def called(name: str, photos: list[ToyPhoto], profile: DetectorProfile | None = None) -> Detector:
    detector = ToyDetector(*photos)
    detector.name = name
    if profile is not None:
        detector.profile = profile
    return detector


def moving(photos: list[ToyPhoto]) -> np.ndarray:
    return np.stack([photo.rgb for photo in photos])


def same_motion(one: BodyTrack, other: BodyTrack) -> bool:
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in ("body_pose", "transl", "betas"))


def test_a_detector_s_name_decides_nothing(body: RiggedBody, photos: list[ToyPhoto]) -> None:
    plain = recover(moving(photos), body=body, detector=called("plain", photos))
    for name in ("YOLO + ViTPose", "mediapipe-0.10.21"):
        track = recover(moving(photos), body=body, detector=called(name, photos))
        assert same_motion(plain, track)
        assert track.detector == name


def seen(frames: int, noise: float) -> tuple[RiggedBody, Keypoints]:
    """Return a dance of the open body, and what a detector without a profile says of it."""
    body = load_body()
    pose, transl = dance(body, frames / 25, 25.0)
    truth = film(body, torch.zeros(body.num_betas), pose, transl, 25.0, noise=noise, depth_noise=0.05)
    return body, truth.keypoints


@pytest.mark.slow
def test_a_profile_decides_whatever_the_name() -> None:
    body, keypoints = seen(6, 0.5)

    def fitted(name: str, profile: DetectorProfile, who: RiggedBody = body) -> BodyTrack:
        return fit_track(who, replace(keypoints, detector=name, profile=profile), steps=2).track

    plain = fitted("any", DetectorProfile())
    known = fitted("any", MEDIAPIPE_PROFILE)
    assert same_motion(known, fitted("MediaPipe-0.10.21", MEDIAPIPE_PROFILE))
    for profile in (
        MEDIAPIPE_PROFILE,
        DetectorProfile(leans=True),
        DetectorProfile(depth_sigma=0.1),
        DetectorProfile(offsets=MEDIAPIPE_PROFILE.offsets),
    ):
        assert not same_motion(plain, fitted("any", profile))
    alias = copy(body)
    alias.name = "mine"
    assert same_motion(known, fitted("any", MEDIAPIPE_PROFILE, alias))
    own = copy(body)
    own._landmarks = replace(own._landmarks, definition="")
    assert same_motion(fitted("any", DetectorProfile(leans=True)), fitted("any", MEDIAPIPE_PROFILE, own))


def test_a_detector_may_say_what_is_known_of_it(photos: list[ToyPhoto]) -> None:
    mine = DetectorProfile(depth_sigma=0.05)
    size = photos[0].rgb.shape[:2]

    def profile(detector: Detector) -> DetectorProfile:
        return detect_clip(moving(photos), fps=25.0, size=size, detector=detector).keypoints.profile

    assert isinstance(called("old", photos), Detector)
    assert not hasattr(called("old", photos), "profile")
    assert profile(called("old", photos)) == DetectorProfile()
    assert profile(called("new", photos, mine)) is mine
    assert profile_of(MediaPipeDetector()) is profile_of(LiteRtDetector()) is MEDIAPIPE_PROFILE


@pytest.mark.slow
def test_the_profile_goes_with_the_detector_into_another_thread(body: RiggedBody, photos: list[ToyPhoto]) -> None:
    mine = DetectorProfile(depth_sigma=0.02)
    alone = recover(moving(photos), body=body, detector=called("x", photos, mine))
    _, track = recover_meanwhile(lambda: None, moving(photos), body=body, detector=called("x", photos, mine))
    assert same_motion(alone, track)
    assert not same_motion(alone, recover(moving(photos), body=body, detector=called("x", photos)))


def test_what_is_measured_on_one_side_holds_for_the_other() -> None:
    rows = MEDIAPIPE_PROFILE.offsets_on(load_body().landmark_definition, MEDIAPIPE)
    swapped = [
        MEDIAPIPE.index(n.replace("left", "#").replace("right", "left").replace("#", "right")) for n in MEDIAPIPE
    ]
    torch.testing.assert_close(rows[swapped] * torch.tensor([-1.0, 1, 1]), rows, atol=0, rtol=0)
    assert float(rows.norm(dim=1).max()) < 0.04
    assert rows.abs().sum(1).gt(0).all()


def test_profiles_are_values() -> None:
    again = pickle.loads(pickle.dumps(MEDIAPIPE_PROFILE))
    assert again == MEDIAPIPE_PROFILE
    assert hash(again) == hash(MEDIAPIPE_PROFILE)
    assert replace(again, leans=False) != again


def test_settings_other_than_the_usual_are_part_of_the_name() -> None:
    assert MediaPipeDetector().name == MediaPipeDetector(search_every=4).name == "mediapipe-0.10.21"
    assert MediaPipeDetector(mirror=False).name == "mediapipe-0.10.21 (mirror=False)"
    assert LiteRtDetector().name == LiteRtDetector(search_every=4).name == "litert-full"
    assert LiteRtDetector("lite", mirror=False, search_every=12).name == "litert-lite (mirror=False, search_every=12)"
