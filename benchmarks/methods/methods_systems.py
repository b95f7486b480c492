"""The systems that are compared, as compact configurations of one trainer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PUBLISHED, ENRICHED = "as published", "mesh-enriched"
"""What a network is told: what its paper tells it, or more: the mesh's parts, normals and flow."""

TOLD = (PUBLISHED, ENRICHED)

_NO_CRITIC = {"loss.adversarial": 0.0, "loss.matching": 0.0}
_EDN_NAME = "EDN, of this person"


@dataclass(frozen=True)
class System:
    """A system.

    Attributes:
        name: in tables.
        method: as `liquidwarp methods` lists it.
        kind: `model.kind` of its training; empty for what is measured as it comes.
        told: one of `TOLD`.
        recipe: whether the method's own recipe says what is not said here.
        settings: of its training, beside those that all have.
        personal: whether it is trained on the person that it is measured on.
        extra: that has to be installed; see pyproject.toml.
    """

    name: str
    method: str
    kind: str = ""
    told: str = PUBLISHED
    recipe: bool = False
    settings: Mapping[str, object] = field(default_factory=dict)
    personal: bool = False
    extra: str = ""

    @property
    def slug(self) -> str:
        """The name as a folder's."""
        return "".join(letter if letter.isalnum() else "_" for letter in self.name)


def _liquid(name: str, kind: str) -> System:
    return System(name, "liquid", kind, settings={"model.width": 0.25})


def _few_shot(name: str, kind: str, told: str) -> System:
    own = {"model.width": 0.25, "model.photos": 1, "data.longest": 2, **_NO_CRITIC}
    return System(name, "few-shot-vid2vid", kind, told, recipe=True, settings=own)


SYSTEMS = {
    system.name: system
    for system in (
        System("surface", "surface"),
        System("compact, shipped weights", "compact"),
        _liquid("W_C", "InputConcat"),
        _liquid("W_T", "TextureWarping"),
        _liquid("W_F", "W_F"),
        _liquid("LWB, add", "AddLWB"),
        _liquid("LWB, attention", "AttLWB-SPADE"),
        _few_shot("few-shot vid2vid", "fsvid2vid-pose", PUBLISHED),
        _few_shot("few-shot vid2vid, mesh-enriched", "fsvid2vid-mesh", ENRICHED),
        System("DisCo-lite", "disco", "disco", extra="disco"),
        System(
            _EDN_NAME,
            "edn",
            "edn",
            recipe=True,
            settings={"model.width": 0.25, "model.discriminator_width": 16},
            personal=True,
        ),
        System("PG2", "pg2", "pg2", recipe=True, settings={"model.width": 0.25, "model.discriminator_width": 16}),
        System("SHUP", "shup", "shup", recipe=True, settings={"model.width": 0.5, **_NO_CRITIC}),
        System("DSC", "dsc", "dsc", recipe=True, settings={"model.width": 0.25, **_NO_CRITIC}),
    )
}
"""By name."""
