"""Values to and from other libraries, in their conventions."""
