"""PG2, DSC and SHUP over our own bodies: one photo and two poses, to one picture."""

from liquidwarp.methods.pose_transfer.method import (
    PoseTransferMethod,
    PoseTransferSession,
    build_dsc,
    build_pg2,
    build_shup,
    export,
)

__all__ = [
    "PoseTransferMethod",
    "PoseTransferSession",
    "build_dsc",
    "build_pg2",
    "build_shup",
    "export",
]
