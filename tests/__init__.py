from importlib.util import find_spec

if find_spec("hypothesis") is not None:  # clients are run without it, in their environment
    from tests.hypothesis_profiles import load_usual

    load_usual()
