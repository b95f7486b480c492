"""Rendering: a fine renderer for single pictures, a quick one for clips, and the camera's sensor."""
