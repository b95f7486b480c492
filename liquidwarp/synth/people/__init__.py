"""People: body, skin, hair, fabrics and garments; what they look like by chance; their paint computed once."""
