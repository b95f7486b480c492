"""Networks that metrics look through, each built from the names and sizes in its published file."""
