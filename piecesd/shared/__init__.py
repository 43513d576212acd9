"""What the processes of one daemon share: a directory, and counts in its files."""
