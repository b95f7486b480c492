"""Pictures to look at: overlays, flow and coverage as colours, contact sheets, clips side by side."""

from liquidwarp.viz.body import (
    PART_COLORS,
    draw_body,
    draw_landmarks,
    draw_overlay,
    draw_track,
    part_map,
    shaded_body,
)
from liquidwarp.viz.clips import compare_clips, write_comparison
from liquidwarp.viz.maps import (
    COVERAGE_COLORS,
    coverage_map,
    feature_pictures,
    flow_colors,
    flow_shift,
    flow_wheel,
    fragment_pictures,
    wheel_colors,
)
from liquidwarp.viz.pictures import as_picture, blend, resized, side_by_side, with_legend
from liquidwarp.viz.sheet import Row, contact_sheet
from liquidwarp.viz.show import Shown, show

__all__ = [
    "COVERAGE_COLORS",
    "PART_COLORS",
    "Row",
    "Shown",
    "as_picture",
    "blend",
    "compare_clips",
    "contact_sheet",
    "coverage_map",
    "draw_body",
    "draw_landmarks",
    "draw_overlay",
    "draw_track",
    "feature_pictures",
    "flow_colors",
    "flow_shift",
    "flow_wheel",
    "fragment_pictures",
    "part_map",
    "resized",
    "shaded_body",
    "show",
    "side_by_side",
    "wheel_colors",
    "with_legend",
    "write_comparison",
]
