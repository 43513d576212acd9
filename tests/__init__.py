from tests.hypothesis_profiles import load_usual

load_usual()
