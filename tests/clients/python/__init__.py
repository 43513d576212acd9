"""The clients in Python: a script each. None of it is imported by tests, for what
it imports is not installed beside them."""
