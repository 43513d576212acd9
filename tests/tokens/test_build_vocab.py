import lzma
import zipfile
from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.tokens.vocabulary import DamagedVocabulary, EncodingName, read_vocabulary, unpack
from scripts import build_vocab


class BuildTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        members: Mapping[EncodingName, str] = {"claude": "data/claude.json"}
        self.patch(build_vocab, "_MEMBERS", members)

    def wheel(self, suffix: bytes = b"") -> Path:
        """A wheel with the right data, followed by ``suffix``."""
        path = self.directory / "data.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data/claude.json", read_vocabulary("claude") + suffix)
        return path

    def test_what_is_built_is_what_is_read(self) -> None:
        build_vocab.build(self.wheel(), self.directory)
        built = (self.directory / "claude.json.xz").read_bytes()
        self.assertEqual(unpack("claude", built), read_vocabulary("claude"))

    def test_a_wheel_with_other_data_is_refused_and_nothing_written(self) -> None:
        self.assertRaises(DamagedVocabulary, build_vocab.build, self.wheel(b"\n"), self.directory)
        self.assertEqual([path.name for path in self.directory.iterdir()], ["data.whl"])

    def test_a_sound_file_is_left_alone(self) -> None:
        path = self.directory / "claude.json.xz"
        packed_otherwise = lzma.compress(read_vocabulary("claude"), preset=0)
        path.write_bytes(packed_otherwise)
        build_vocab.build(self.wheel(), self.directory)
        self.assertEqual(path.read_bytes(), packed_otherwise)
