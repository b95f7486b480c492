"""Few-shot video-to-video synthesis (Wang et al., NeurIPS 2019): its networks, in both published layouts."""
