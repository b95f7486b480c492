"""Scenes: light, backdrops, what stands in front of them, and where the camera stands."""
