"""A learnt person: the value that everything downstream is prepared from."""

from liquidwarp.person.state import SourceState, SourceView

__all__ = ["SourceState", "SourceView"]
