"""Motion: stances, random motions, poses of a person's own body, and cloth that lags behind."""
