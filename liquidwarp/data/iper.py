"""Data sets in the layout of iPER: people, outfits, and per outfit one clip in an A-pose and one of random motion.

ROOT/images/SSS/C/A/000.jpg ...      subject, outfit, action (1 = A-pose turn, 2 = random motion)
ROOT/masks/SSS/C/A/000.png ...       255 = person; ours, iPER itself has none
ROOT/tracks/SSS/C/A.npz              `BodyTrack`, in place of iPER's smpls/SSS/C/A/pose_shape.pkl
ROOT/plates/SSS/C/A.png              the place without the person; may be missing
ROOT/train.txt, ROOT/val.txt         one SSS/C/A a line
"""

import logging
from pathlib import Path

from liquidwarp.data.clip import Clip
from liquidwarp.data.folder import ImageFiles
from liquidwarp.errors import InputError, LiquidwarpError
from liquidwarp.media import read_image
from liquidwarp.types import BodyTrack

_log = logging.getLogger(__name__)


class IperFolder:
    """The clips of one split; a clip's files are opened when it is asked for.

    Attributes:
        root: the data set.
        names: of the clips that can be used, as the split lists them.
        skipped: why the others cannot, by name.
    """

    def __init__(self, root: str | Path, split: str = "train") -> None:
        """List a split.

        Raises:
            InputError: the split's list is missing, or none of its clips can be used.
        """
        self.root = Path(root)
        listing = self.root / f"{split}.txt"
        try:
            wanted = listing.read_text().split()
        except OSError as error:
            raise InputError(
                f"{listing}: {error.strerror}; make the data set with datasets/synthetic/make.py --part lists"
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
        name = self.names[index]
        images, masks = self._files(name)
        track = BodyTrack.load(self.root / "tracks" / f"{name}.npz")
        if len(track) != len(images):
            raise InputError(f"{name}: {len(images)} frames but a track of {len(track)}; make the clip again")
        plate = self.root / "plates" / f"{name}.png"
        place = read_image(plate).rgb if plate.exists() else None
        person = name.rsplit("/", 1)[0]
        return Clip(name, ImageFiles(images), ImageFiles(masks, gray=True), track, place, person)

    def _files(self, name: str) -> tuple[list[Path], list[Path]]:
        images, masks = sorted((self.root / "images" / name).glob("*.jpg")), self.root / "masks" / name
        if not images:
            raise InputError(f"{self.root / 'images' / name}: no pictures; make or unpack them first")
        covers = sorted(masks.glob("*.png"))
        if len(covers) != len(images):
            raise InputError(f"{masks}: {len(covers)} masks for {len(images)} pictures; make the clip again")
        if not (self.root / "tracks" / f"{name}.npz").exists():
            raise InputError(f"{self.root / 'tracks' / name}.npz is missing; make the clip again")
        return images, covers


def load_iper(root: str | Path, split: str = "train") -> IperFolder:
    """Return the clips of a split ("train" or "val") of a data set in the layout of iPER, lazily.

    Raises:
        InputError: the split's list is missing, or none of its clips can be used.
    """
    return IperFolder(root, split)
