"""Put a person in motion from a single photo, through a 3D body mesh."""

__version__ = "0.1.0"
