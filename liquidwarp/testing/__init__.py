"""What tests of others may use: a small body made by code, and a stand-in for a model file of the SMPL family.

No module of the package imports this one. `liquidwarp.bodies.BODIES["toy"] = toy_body` lets files and commands name
the small body.
"""

from liquidwarp.testing.stand_in import stand_in_arrays, write_stand_in
from liquidwarp.testing.toy import toy_body

__all__ = ["stand_in_arrays", "toy_body", "write_stand_in"]
