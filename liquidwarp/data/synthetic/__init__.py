"""Photo-like pictures of synthetic people, made from the open body by code alone."""
