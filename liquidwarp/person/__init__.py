"""A learnt person: the value that everything downstream is prepared from."""

from liquidwarp.person.face import PersonFace, find_face
from liquidwarp.person.files import PERSON_ENDING, is_person_file
from liquidwarp.person.state import SourceState, SourceView
from liquidwarp.person.views import choose_views

__all__ = [
    "PERSON_ENDING",
    "PersonFace",
    "SourceState",
    "SourceView",
    "choose_views",
    "find_face",
    "is_person_file",
]
