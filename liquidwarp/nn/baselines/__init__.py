"""The methods that Liquid Warping GAN was measured against: the networks alone, in PyTorch."""
