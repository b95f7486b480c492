"""Networks: the Liquid Warping GAN in its published forms, and our compact generator."""
