"""Networks: the Liquid Warping GAN in its published forms, our compact generator, and the methods beside them."""
