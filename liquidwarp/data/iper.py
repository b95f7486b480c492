"""Data sets in the layout of iPER: people, outfits, and per outfit one clip in an A-pose and one of random motion.

ROOT/images/SSS/C/A/000.jpg ...      subject, outfit, action (1 = A-pose turn, 2 = random motion)
ROOT/masks/SSS/C/A/000.png ...       255 = person; ours, iPER itself has none
ROOT/tracks/SSS/C/A.npz              `BodyTrack`, in place of iPER's smpls/SSS/C/A/pose_shape.pkl
ROOT/backgrounds/SSS/C/A.png              the place without the person; may be missing
ROOT/train.txt, ROOT/val.txt         one SSS/C/A a line
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from liquidwarp.data.folder import ImageFiles
from liquidwarp.data.protocols.files import frame_number
from liquidwarp.errors import InputError, LiquidwarpError
from liquidwarp.media import read_image
from liquidwarp.types import BodyTrack, Clip

_log = logging.getLogger(__name__)


class IperFolder:
    """The clips of one split; a clip's files are opened when it is asked for.

    Attributes:
        root: the data set.
        names: of the clips that can be used, as the split lists them.
        skipped: why the others cannot, by name.
    """

    def __init__(self, root: str | Path, split: str | Sequence[str] = "train") -> None:
        """List a split, or clips by their names.

        Raises:
            InputError: the split's list is missing, or none of its clips can be used.
        """
        self.root = Path(root)
        listing = self.root / f"{split}.txt" if isinstance(split, str) else self.root
        try:
            wanted = listing.read_text().split() if isinstance(split, str) else list(split)
        except OSError as error:
            raise InputError(
                f"{listing}: {error.strerror}; make the data set with datasets/iper/prepare.py or "
                "datasets/synthetic/make.py"
            ) from error
        self.skipped: dict[str, str] = {}
        names = []
        for name in wanted:
            try:
                self._files(name)
            except LiquidwarpError as error:
                self.skipped[name] = str(error)
                _log.warning("%s skipped: %s", name, error)
            else:
                names.append(name)
        self.names = tuple(names)
        if not names:
            why = "; ".join(list(self.skipped.values())[:3]) or "the list is empty"
            raise InputError(f"{listing}: none of its clips can be used ({why})")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Clip:
        """Return one clip, its frames still on the disk.

        Raises:
            InputError: its track is damaged or of another length.
        """
        return self.clip(self.names[index])

    def clip(self, name: str) -> Clip:
        """Return the clip of a name, its frames still on the disk, in the order of their numbers.

        Raises:
            InputError: it is not there, incomplete, or its track is damaged.
        """
        images, masks = self._files(name)
        track = BodyTrack.load(self.root / "tracks" / f"{name}.npz")
        if len(track) != len(images):
            raise InputError(f"{name}: {len(images)} frames but a track of {len(track)}; make the clip again")
        background = self.root / "backgrounds" / f"{name}.png"
        place = read_image(background).rgb if background.exists() else None
        person = name.rsplit("/", 1)[0]
        return Clip(name, ImageFiles(images), ImageFiles(masks, gray=True), track, place, person)

    def people(self) -> dict[str, tuple[str, ...]]:
        """Return the clips that can be used, by subject and outfit."""
        groups: dict[str, list[str]] = {}
        for name in self.names:
            groups.setdefault(name.rsplit("/", 1)[0], []).append(name)
        return {person: tuple(names) for person, names in groups.items()}

    def _files(self, name: str) -> tuple[list[Path], list[Path]]:
        images, covers = list_frames(self.root, name), list_frames(self.root, name, "masks")
        if not images:
            raise InputError(f"{self.root / 'images' / name}: no pictures; make or unpack them first")
        if len(covers) != len(images):
            masks = self.root / "masks" / name
            raise InputError(f"{masks}: {len(covers)} masks for {len(images)} pictures; make the clip again")
        if not (self.root / "tracks" / f"{name}.npz").exists():
            raise InputError(f"{self.root / 'tracks' / name}.npz is missing; make the clip again")
        return images, covers


def list_frames(root: Path, name: str, part: str = "images") -> list[Path]:
    """Return the pictures of a clip in the order of their numbers, whatever the width of the numbers."""
    folder = root / part / name
    if not folder.is_dir():
        return []
    files = [file for file in folder.iterdir() if file.suffix.lower() in (".jpg", ".jpeg", ".png")]
    return sorted((file for file in files if file.stem[-1:].isdigit()), key=lambda file: frame_number(file.name))


def missing_videos(root: str | Path, needs: Mapping[str, int]) -> dict[str, str]:
    """Return what a prepared folder lacks, by video; empty where all is there.

    Args:
        root: the folder.
        needs: how many frames each video must have at least, as `Protocol.needs` says.
    """
    root, found = Path(root), {}
    for name, count in needs.items():
        images, masks = len(list_frames(root, name)), len(list_frames(root, name, "masks"))
        lacks = []
        if images < count:
            lacks.append("no pictures" if not images else f"{images} pictures of {count}")
        if masks < images:
            lacks.append("no masks" if not masks else f"{masks} masks of {images}")
        if not (root / "tracks" / f"{name}.npz").exists():
            lacks.append("no track")
        if lacks:
            found[name] = ", ".join(lacks)
    return found


def load_iper(root: str | Path, split: str | Sequence[str] = "train") -> IperFolder:
    """Return the clips of a split ("train" or "val"), or of given names, of a data set in iPER's layout, lazily.

    Raises:
        InputError: the split's list is missing, or none of its clips can be used.
    """
    return IperFolder(root, split)
