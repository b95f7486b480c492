"""DisCo's networks, put together from diffusers' and transformers' parts."""
