"""Datasets to records, and synthetic people."""
