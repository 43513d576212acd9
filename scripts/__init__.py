"""Scripts that make what is committed; run from the top of the repository."""
