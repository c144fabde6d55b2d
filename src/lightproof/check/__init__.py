"""Find exposed images."""
