"""Training: generators from pairs, configured by TOML files, resumable."""
