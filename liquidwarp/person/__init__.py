"""A learnt person: the value that everything downstream is prepared from."""

from liquidwarp.person.files import PERSON_ENDING, is_person_file
from liquidwarp.person.state import SourceState, SourceView
from liquidwarp.person.views import choose_views

__all__ = ["PERSON_ENDING", "SourceState", "SourceView", "choose_views", "is_person_file"]
