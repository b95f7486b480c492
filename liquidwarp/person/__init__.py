"""A learnt person: the value that everything downstream is prepared from."""

from liquidwarp.person.state import SourceState, SourceView
from liquidwarp.person.views import choose_views

__all__ = ["SourceState", "SourceView", "choose_views"]
