"""Which points of the face's mesh are lips, lids and bones; by MediaPipe's numbers."""

MOUTH_CORNERS = (61, 291)
"""The one on the picture's left first."""

UPPER_LIP = (
    (191, 80, 81, 82, 13, 312, 311, 310, 415),
    (183, 42, 41, 38, 12, 268, 271, 272, 407),
    (184, 74, 73, 72, 11, 302, 303, 304, 408),
    (185, 40, 39, 37, 0, 267, 269, 270, 409),
)
"""Rows from the opening outwards, each from the picture's left to its right, without the corners."""

LOWER_LIP = (
    (95, 88, 178, 87, 14, 317, 402, 318, 324),
    (96, 89, 179, 86, 15, 316, 403, 319, 325),
    (77, 90, 180, 85, 16, 315, 404, 320, 307),
    (146, 91, 181, 84, 17, 314, 405, 321, 375),
)
"""The same of the lower lip, point for point below those of the upper."""

LIP_CORNERS = ((78, 308), (62, 292), (76, 306), (61, 291))
"""Where the rows end."""

MOUTH = (78, *UPPER_LIP[0], 308, *LOWER_LIP[0][::-1])
"""The border of the mouth's opening, all the way round."""

UPPER_LIDS = ((246, 161, 160, 159, 158, 157, 173), (398, 384, 385, 386, 387, 388, 466))
"""Borders of the lids of the eyes on the picture's left and right, each from left to right, without the corners."""

LOWER_LIDS = ((7, 163, 144, 145, 153, 154, 155), (382, 381, 380, 374, 373, 390, 249))

LID_CREASES = ((247, 30, 29, 27, 28, 56, 190), (414, 286, 258, 257, 259, 260, 467))
"""Points above the upper lids' borders, where lids fold."""

UNDER_LIDS = ((25, 110, 24, 23, 22, 26, 112), (341, 256, 252, 253, 254, 339, 255))
"""Points below the lower lids' borders."""

EYE_CORNERS = ((33, 133), (362, 263))

EYES = tuple(
    (corners[0], *upper, corners[1], *lower[::-1])
    for corners, upper, lower in zip(EYE_CORNERS, UPPER_LIDS, LOWER_LIDS, strict=True)
)
"""The border of each eye's opening, all the way round."""

OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""The border of the face, clockwise as the picture shows it, from the top of the forehead."""

BONES = (
    *(10, 338, 297, 109, 67, 151, 54, 284, 21, 251, 162, 389, 127, 356, 234, 454),
    *(9, 8, 168, 6, 197, 195, 33, 133, 362, 263),
)
"""Points that hardly move against the skull: forehead, temples, bridge of the nose, corners of the eyes."""

FOREHEAD, CHIN = 10, 152
EYES_APART = (33, 263)
"""Outer corners of the eyes: their distance is the unit of a face."""
