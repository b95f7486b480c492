"""DreamPose's network, put together from diffusers' and transformers' parts."""
