"""Everybody Dance Now over our own bodies: drawings of a skeleton, to frames of the one person it was trained on."""

from liquidwarp.methods.edn.method import EdnMethod, EdnSession, EdnSynthesis, build, export

__all__ = ["EdnMethod", "EdnSession", "EdnSynthesis", "build", "export"]
