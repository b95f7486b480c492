"""Everything known of a person from photos, prepared once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.appearance import LayerTuning, Observation, appearance_from_observations
from liquidwarp.appearance.excerpt import Excerpt
from liquidwarp.appearance.shoes import wears_shoes
from liquidwarp.appearance.tuning import LAYER_TUNING
from liquidwarp.bodies import BodyModel, Identity, load_body
from liquidwarp.clothing import ClothingTuning, SilhouetteView, above_ground, fit_offsets, shoe_offsets
from liquidwarp.clothing.tuning import CLOTHING_TUNING
from liquidwarp.detect import ClipDetection, Detector, detect_clip
from liquidwarp.detect.light import brightened
from liquidwarp.errors import InputError
from liquidwarp.fit import FitTuning, find_camera
from liquidwarp.fit.tuning import FIT_TUNING
from liquidwarp.flow import visibility
from liquidwarp.geometry import bounded_size, enlarged, field_of_view, project, shrunk
from liquidwarp.inpaint import BackgroundTuning, clip_background, photo_background
from liquidwarp.inpaint.tuning import BACKGROUND_TUNING
from liquidwarp.matting import ForegroundTuning, HeldTuning, MattingTuning, find_held, foreground_colors, refine_alpha
from liquidwarp.matting.tuning import FOREGROUND_TUNING, HELD_TUNING, MATTING_TUNING
from liquidwarp.media import (
    ClipLike,
    PictureLike,
    given_name,
    is_path,
    is_stack,
    is_video,
    open_video,
    read_frames,
    read_picture,
)
from liquidwarp.person import SourceState, SourceView, is_person_file
from liquidwarp.raster import rasterize
from liquidwarp.tasks.agreement import DOUBT_TUNING, DoubtTuning, pose_doubts, tell_of_misread, tells_hands
from liquidwarp.tasks.cut_off import tell_of_cuts, tell_of_face
from liquidwarp.tasks.recover import detect_source, fit_clip, fit_photo, spread_views, steady_view, tell_of_others
from liquidwarp.tasks.worn import WORN_TUNING, WornTuning, find_worn
from liquidwarp.types import BodyTrack, shots_of

_log = logging.getLogger(__name__)

_CLIP_VIEWS = 6  # frames of a clip that are used as photos


@dataclass(frozen=True)
class SourceTuning:
    """The numbers of learning a person, by the room that they belong to.

    Examples:
        >>> from liquidwarp.appearance import LayerTuning
        >>> from liquidwarp.tasks import SourceTuning, source_from_tracks
        >>> wide = SourceTuning(layers=LayerTuning(rim=0.02))  # colours mix over more of an outline
        >>> photo = [person.photo], [person.alpha], [person.track]
        >>> other = source_from_tracks(*photo, body=person.body, tuning=wide)
        >>> bool((other.appearance.kinds != person.appearance.kinds).any())
        True
    """

    fit: FitTuning = FIT_TUNING
    """Of the body in the photos."""

    matting: MattingTuning = MATTING_TUNING
    """Of the person's alpha."""

    held: HeldTuning = HELD_TUNING
    """Of what the person holds."""

    foreground: ForegroundTuning = FOREGROUND_TUNING
    """Of the person's own colours."""

    clothing: ClothingTuning = CLOTHING_TUNING
    """Of the clothes' offsets."""

    layers: LayerTuning = LAYER_TUNING
    """Of what the photos tell of the surface, and what they do not."""

    worn: WornTuning = WORN_TUNING
    """Of skirts and long hair."""

    background: BackgroundTuning = BACKGROUND_TUNING
    """Of the photo without the person."""

    doubts: DoubtTuning = DOUBT_TUNING
    """Of poses that may be misread."""


SOURCE_TUNING = SourceTuning()
"""As tuned."""


@dataclass(frozen=True, eq=False)
class _Photo:
    """One photo of the person with the body found in it, and where it shows what the person holds."""

    rgb: np.ndarray
    alpha: np.ndarray
    track: BodyTrack
    held: np.ndarray | None = None

    @property
    def view(self) -> SilhouetteView:
        """The outline, and the body in it."""
        track = self.track
        alpha = torch.from_numpy(self.alpha)
        return SilhouetteView(track.global_orient, track.body_pose, track.transl, track.camera, alpha)


def encode_source(
    source: ClipLike,
    *,
    body: BodyModel | None = None,
    detector: Detector | None = None,
    person: int = 0,
    fov: float | None = None,
    background: PictureLike | None = None,
    progress: bool = False,
    tuning: SourceTuning = SOURCE_TUNING,
) -> SourceState:
    """Learn all that the photo(s) of a person tell: body, clothes, surface and background.

    Detectors, fits and fills run on the CPU; `SourceState.to` moves what was learnt to where pictures are to be made.

    Args:
        source: a photo, a sequence of photos of one person in the same clothes, or a clip (a video, a folder, a stack);
            photos may be paths, PIL pictures, arrays or tensors (`media.read_picture`), and are cut out by their alpha
            channel if they have one. Or the file of a person who was learnt before (`SourceState.save`), which is read.
        body: the body to fit; the open body by default, or that of the file.
        detector: what finds people; see `detect.default_detector`.
        person: which person, 0 is the largest.
        fov: field of view along the longer side, degrees; by default what a photo says of itself (EXIF), what a clip
            tells, or that of a usual lens. Pitch and roll are estimated (`fit.find_camera`).
        background: the first photo, or the clip, without the person, where it is known; else it is worked out.
        progress: show progress bars.
        tuning: the numbers of what is learnt; a person from a file is learnt already.

    Raises:
        InputError: a source that cannot be read.
        TypeError: a source, or an item of it, that is nothing of these.
        NoPersonError: nobody in it.

    Examples:
        >>> from liquidwarp.demo import asset
        >>> from liquidwarp.tasks import encode_source
        >>> person = encode_source(asset("woman_stripes.jpg"))
        >>> person.body.name, len(person.track), person.background.shape == person.photo.shape
        ('anny', 1, True)
    """
    items = _items(source)
    learnt = learnt_file(items, person)
    if learnt is not None:
        return SourceState.load(learnt, body)
    body = body or load_body()
    clip = _moving(source)
    behind = None if background is None else read_picture(background, "background").rgb
    if clip is not None:
        photos, behind = _photos_of_clip(clip, body, detector, person, fov, behind, progress, tuning)
        name = given_name(source)
    else:
        if not items:
            raise InputError("source is empty; give at least one photo")
        photos = _photos(items, body, detector, person, fov, tuning)
        name = _name(items)
    tell_of_cuts(name, body, [photo.track for photo in photos])
    looked_at = photos if clip is None else photos[:1]  # of a clip, the frame that counts most
    state = _state(body, photos, behind, tuning)
    tell_of_face(name, body.topology, [view.faces for view in state.views])
    doubts = [pose_doubts(body, state.track.betas, state.offsets, photo.view) for photo in looked_at]
    tell_of_misread(name, doubts, tuning=tuning.doubts)
    return state


def _items(source: ClipLike) -> list[PictureLike]:
    if isinstance(source, Sequence) and not isinstance(source, str | bytes):
        return list(source)
    return [source]


def _moving(source: ClipLike) -> Path | np.ndarray | None:
    """Return a clip as a path or as frames (T, H, W, 3); None where the source is photos."""
    if is_path(source):
        path = Path(source)
        return path if path.is_dir() or is_video(path) else None
    return read_frames(source) if is_stack(source) else None


def learnt_file(items: Sequence[PictureLike], person: int = 0) -> str | Path | None:
    """Return the file of a learnt person, if that is what a source is.

    Args:
        items: what `encode_source` is given.
        person: the number that it is given.

    Raises:
        InputError: the file is one of several items, or another person than its only one is asked for.
    """
    paths = [Path(item) for item in items if is_path(item)]
    found = next((path for path in paths if is_person_file(path)), None)
    if found is not None and len(items) > 1:
        raise InputError(
            f"{found}: a learnt person among {len(items)} photos; give it alone, or learn the person anew from them all"
        )
    if found is not None and person:
        raise InputError(f"{found}: there is no person {person} in a learnt person's file; leave the number out")
    return found


def source_from_tracks(
    photos: Sequence[PictureLike],
    alphas: Sequence[Float[np.ndarray, "H W"]],
    tracks: Sequence[BodyTrack],
    *,
    body: BodyModel | None = None,
    tuning: SourceTuning = SOURCE_TUNING,
) -> SourceState:
    """Learn what photos tell of a person whose body and outline in them are known, such as frames of a data set.

    Args:
        photos: of one person in the same clothes; the first gives place and background.
        alphas: the person in each, 1 = person.
        tracks: the body in each, one frame long, with the photo's camera; the first gives the shape.
        body: the body that the tracks are of; the one they name by default.
        tuning: the numbers of what is learnt.

    Raises:
        InputError: no photo, or not as many alphas and tracks.

    Examples:
        >>> from liquidwarp.tasks import source_from_tracks
        >>> again = source_from_tracks([person.photo], [person.alpha], [person.track], body=person.body)
        >>> len(again.views), again.background.shape == again.photo.shape
        (1, True)
        >>> again.track is person.track  # what is known is not estimated
        True
    """
    if not photos or not len(photos) == len(alphas) == len(tracks):
        raise InputError(
            f"{len(photos)} photos, {len(alphas)} alphas, {len(tracks)} tracks; give one of each per photo"
        )
    pictures = [read_picture(photo, "photo").rgb for photo in photos]
    known = [_Photo(*item) for item in zip(pictures, alphas, tracks, strict=True)]
    return _state(body or load_body(tracks[0].body), known, None, tuning)


def _state(
    body: BodyModel, photos: Sequence[_Photo], background: np.ndarray | None, tuning: SourceTuning
) -> SourceState:
    identity = body.identity(photos[0].track.betas)
    views = [photo.view for photo in photos]
    offsets = fit_offsets(body, identity, views, tuning=tuning.clothing)
    first = photos[0]
    worn = find_worn(body, identity, first.track, offsets, first.rgb, first.alpha, tuning=tuning.worn)
    if worn.draped is not None:
        views[0] = replace(views[0], alpha=torch.from_numpy(worn.outline))
        offsets = fit_offsets(body, identity, views, tuning=tuning.clothing)
    del views  # an outline is as large as the photo
    vertices = [_posed(body, identity, photo, offsets) for photo in photos]
    if background is None:
        background = _background(body, first, vertices[0], tuning)
    observations = [
        Observation(
            foreground_colors(photo.rgb, photo.alpha, tuning=tuning.foreground),
            photo.alpha,
            photo.track.camera,
            stands,
            worn.draped if photo is first else None,
        )
        for photo, stands in zip(photos, vertices, strict=True)
    ]
    if wears_shoes(body.topology, observations, tuning=tuning.layers.tubes.shoes):
        offsets = shoe_offsets(body, identity, offsets, tuning=tuning.clothing.shoes)
        raised = above_ground(body, identity, offsets)
        observations = [
            replace(item, vertices=_posed(body, identity, photo, offsets), shod=raised)
            for item, photo in zip(observations, photos, strict=True)
        ]
    appearance = appearance_from_observations(body.topology, observations, tuning=tuning.layers)
    seen = tuple(
        _view(body, item, photo.track, tuning.layers) for item, photo in zip(observations, photos, strict=True)
    )
    drapes = worn.drapes(observations[0].rgb)
    return SourceState(body, first.track, offsets, appearance, background, first.rgb, first.alpha, seen, drapes)


def _background(body: BodyModel, photo: _Photo, vertices: Float[Tensor, "V 3"], tuning: SourceTuning) -> np.ndarray:
    """Return a photo without the person, whose clothed body has these vertices in it."""
    # The body also covers what the alpha missed, such as fingers before wood of their colour.
    camera = photo.track.camera
    size = bounded_size(camera.size, tuning.background.most_pixels)
    covered = rasterize(vertices[None], body.topology.faces, camera.resized(size)).mask[0].numpy()
    whole = np.maximum(shrunk(photo.alpha, size), covered.astype(np.float32))
    if photo.held is not None:
        whole = np.maximum(whole, shrunk(photo.held.astype(np.float32), size))
    return photo_background(photo.rgb, whole, tuning=tuning.background)


@torch.no_grad()
def _posed(body: BodyModel, identity: Identity, photo: _Photo, offsets: torch.Tensor) -> Float[Tensor, "V 3"]:
    track = photo.track
    return body.vertices(identity, track.global_orient, track.body_pose, track.transl, offsets=offsets)[0]


def _view(body: BodyModel, item: Observation, track: BodyTrack, tuning: LayerTuning) -> SourceView:
    excerpt = Excerpt.of(item.alpha, project(item.camera, item.vertices)[:, :2].numpy(), tuning=tuning)
    shown = visibility(item.vertices[None], body.topology.faces, excerpt.camera(item.camera)).face[0]
    levels = 255 * item.alpha
    levels += 0.5
    picture = np.empty((*levels.shape, 4), np.uint8)
    picture[..., :3], picture[..., 3] = item.rgb, levels
    return SourceView(picture, item.camera, item.vertices, shown, track.pose(0))


def _photos(
    items: Sequence[PictureLike],
    body: BodyModel,
    detector: Detector | None,
    person: int,
    fov: float | None,
    tuning: SourceTuning,
) -> list[_Photo]:
    photos: list[_Photo] = []
    for item in items:
        rgb, alpha, told = _read(item)
        found = _detect_photo(rgb, given_name(item), detector, person)
        betas = photos[0].track.betas if photos else None
        lens = fov if fov is not None else told
        track = fit_photo(body, found, betas=betas, fov=lens, tuning=tuning.fit)
        photo = _Photo(rgb, _alpha(rgb, found, 0, alpha, tuning.matting), track)
        photos.append(_set_down(given_name(item), body, photo, found, tuning))
    return photos


def _set_down(name: str, body: BodyModel, photo: _Photo, found: ClipDetection, tuning: SourceTuning) -> _Photo:
    """Take what is held out of the person's alpha, and say so; nothing where the body does not tell where hands are."""
    track = photo.track
    if not tells_hands(body, track.betas, photo.view, tuning=tuning.doubts):
        return photo
    with torch.no_grad():
        identity = body.identity(track.betas)
        vertices = body.vertices(identity, track.global_orient, track.body_pose, track.transl)
    size = bounded_size(track.camera.size, tuning.layers.most_pixels)
    face = rasterize(vertices, body.topology.faces, track.camera.resized(size)).face_index[0].numpy()
    parts = np.where(face >= 0, body.topology.face_part.numpy()[face], -1)
    scale = np.array(size[::-1], np.float32) / np.array(track.camera.size[::-1], np.float32)
    hands = [landmarks * scale for landmarks in _seen_hands(found)]
    held = find_held(shrunk(photo.rgb, size), shrunk(photo.alpha, size), parts, hands=hands, tuning=tuning.held)
    if not held.any():
        return photo
    held = enlarged(held, track.camera.size)
    _log.warning("%s: something is held; it is left out, and what it hides is invented", name)
    return replace(photo, alpha=np.where(held, np.float32(0), photo.alpha), held=held)


def _seen_hands(found: ClipDetection) -> list[np.ndarray]:
    """Return the landmarks, in pixels, of the hands that were looked at closely in a photo."""
    hands = found.hands[0] if found.hands else None
    return [] if hands is None else [hand.image for hand in (hands.left, hands.right) if hand is not None]


def _name(items: Sequence[PictureLike]) -> str:
    names = [given_name(item) for item in items]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _read(photo: PictureLike) -> tuple[np.ndarray, np.ndarray | None, float | None]:
    """Return the picture, its alpha if it is cut out, and its field of view if it says so."""
    picture = read_picture(photo, "photo")
    alpha = picture.alpha
    return picture.rgb, alpha if alpha is not None and alpha.min() < 128 else None, picture.fov


def _detect_photo(rgb: np.ndarray, name: str, detector: Detector | None, person: int) -> ClipDetection:
    size = (rgb.shape[0], rgb.shape[1])
    found = detect_clip(
        iter([rgb]), fps=0.0, size=size, detector=detector, person=person, mask_size=max(size), source=name
    )
    tell_of_others(name, found.others, person)
    return found


def _alpha(
    rgb: np.ndarray, found: ClipDetection, frame: int, alpha: np.ndarray | None, tuning: MattingTuning
) -> np.ndarray:
    given = None if alpha is None else alpha.astype(np.float32) / 255
    coarse = given if found.masks is None else found.masks.frame(frame, (rgb.shape[0], rgb.shape[1])).numpy()
    if coarse is None:
        raise InputError(
            "the detector gives no person mask, and the photo has no alpha channel; use a detector that does"
        )
    return refine_alpha(brightened(rgb), coarse, alpha=given, landmarks=found.detection(frame), tuning=tuning)


def _photos_of_clip(
    clip: Path | np.ndarray,
    body: BodyModel,
    detector: Detector | None,
    person: int,
    fov: float | None,
    background: np.ndarray | None,
    progress: bool,
    tuning: SourceTuning,
) -> tuple[list[_Photo], np.ndarray | None]:
    """Return some frames as photos, and the background, if none is given.

    Where the camera moved there is none for all frames, and None is returned.
    """
    pictures = clip if isinstance(clip, np.ndarray) else open_video(clip)
    found = detect_source(clip, detector, person, progress, watch_camera=True)
    if found.motion is None:
        camera = find_camera(body, found.keypoints, fov=fov, tuning=tuning.fit)
        track = fit_clip(body, found, camera=camera, tuning=tuning.fit, progress=progress)
    else:
        steady = steady_view(body, found, found.motion, fov=fov, tuning=tuning.fit)
        wide = field_of_view(steady.canvas)
        camera = find_camera(body, steady.found.keypoints, fov=wide, tuning=tuning.fit)
        track = steady.finish(fit_clip(body, steady.found, camera=camera, tuning=tuning.fit, progress=progress))
    chosen = spread_views(track, _CLIP_VIEWS)
    frames = {index: frame for index, frame in enumerate(pictures) if index in chosen}
    photos = [
        _Photo(frames[index], _alpha(frames[index], found, index, None, tuning.matting), track.still(index))
        for index in chosen
    ]
    assert found.masks is not None
    if background is not None or track.path is not None:
        return photos, background
    size = (photos[0].rgb.shape[0], photos[0].rgb.shape[1])
    shot = next(shot for shot in shots_of(track.cuts, len(track)) if chosen[0] < shot.stop)
    background, _ = clip_background(
        islice(pictures, shot.start, shot.stop),
        (found.masks.frame(index, size).numpy() for index in range(shot.start, shot.stop)),
        size,
        tuning=tuning.background,
    )
    return photos, background
