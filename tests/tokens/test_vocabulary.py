import hashlib
import lzma
from pathlib import Path
from typing import get_args

from twisted.trial.unittest import SynchronousTestCase

from piecesd import catalog
from piecesd.tokens import vocabulary
from piecesd.tokens.vocabulary import (
    VOCABULARIES,
    DamagedVocabulary,
    EncodingName,
    Vocabulary,
    read_vocabulary,
    unpack,
)


class ReadVocabularyTests(SynchronousTestCase):
    def test_every_vocabulary_is_what_its_makers_published(self) -> None:
        for name, shipped in VOCABULARIES.items():
            digest = hashlib.sha256(read_vocabulary(name)).hexdigest()
            self.assertEqual(digest, shipped.sha256)

    def test_a_missing_file_is_told_by_its_name(self) -> None:
        gone = Vocabulary(file_name="gone.xz", sha256="")
        self.patch(vocabulary, "VOCABULARIES", {"claude": gone})
        error = self.assertRaises(DamagedVocabulary, read_vocabulary, "claude")
        self.assertIn("gone.xz", str(error))

    def test_a_file_cut_short_is_refused(self) -> None:
        compressed = lzma.compress(read_vocabulary("claude"))
        self.assertRaises(DamagedVocabulary, unpack, "claude", compressed[:-20])

    def test_other_data_than_was_shipped_is_refused(self) -> None:
        compressed = lzma.compress(read_vocabulary("claude") + b" ")
        self.assertRaises(DamagedVocabulary, unpack, "claude", compressed)


class EncodingNamesTests(SynchronousTestCase):
    def test_there_is_a_vocabulary_for_each_encoding_a_catalogue_may_name(self) -> None:
        self.assertEqual(set(get_args(catalog.EncodingName)), set(get_args(EncodingName)))
        self.assertEqual(set(VOCABULARIES), set(get_args(EncodingName)))

    def test_the_readme_states_the_hash_of_each(self) -> None:
        readme = (Path(vocabulary.__file__).parent / "vocab" / "README.md").read_text()
        for shipped in VOCABULARIES.values():
            self.assertIn(shipped.file_name, readme)
            self.assertIn(shipped.sha256, readme)
