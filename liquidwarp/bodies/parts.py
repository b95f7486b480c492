"""Body parts and the groups that users name."""

from liquidwarp.checks import check_choice

PARTS = (
    "torso",
    "head",
    "face",
    "hair",
    "left_upper_arm",
    "right_upper_arm",
    "left_lower_arm",
    "right_lower_arm",
    "left_hand",
    "right_hand",
    "left_upper_leg",
    "right_upper_leg",
    "left_lower_leg",
    "right_lower_leg",
    "left_foot",
    "right_foot",
)
"""Part names; a face's part label is its index here. "head" is neck, ears and skin that is neither face nor scalp."""

GROUPS: dict[str, tuple[str, ...]] = {
    "head": ("head", "face", "hair"),
    "upper": ("torso", "left_upper_arm", "right_upper_arm", "left_lower_arm", "right_lower_arm"),
    "lower": ("left_upper_leg", "right_upper_leg", "left_lower_leg", "right_lower_leg"),
    "shoes": ("left_foot", "right_foot"),
    "body": tuple(name for name in PARTS if name not in ("head", "face", "hair")),
    "all": PARTS,
}
"""Groups for appearance transfer."""


def part_labels(name: str) -> tuple[int, ...]:
    """Return the labels of a part or group.

    Raises:
        InputError: `name` is neither.

    Examples:
        >>> from liquidwarp.bodies import PARTS, part_labels
        >>> [PARTS[label] for label in part_labels("shoes")], part_labels("torso")
        (['left_foot', 'right_foot'], (0,))
    """
    check_choice("part", name, (*GROUPS, *(part for part in PARTS if part not in GROUPS)))
    return tuple(PARTS.index(part) for part in GROUPS.get(name, (name,)))
