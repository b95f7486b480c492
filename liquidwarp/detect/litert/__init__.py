"""MediaPipe's networks, run by LiteRT."""
