"""Every container and subtype that libsndfile writes: the same samples by name, through stdin and in pieces."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import tone
from pipe_rig import RATE, piped

from sharpear.audio import AudioFile, Selection

HEADERLESS = {"RAW", "SD2"}  # nothing at all, and a second file that a pipe does not have
KINDS = [
    (kind, subtype)
    for kind in soundfile.available_formats()
    for subtype in soundfile.available_subtypes(kind)
    if kind not in HEADERLESS and soundfile.check_format(kind, subtype)
]


def read(path: Path, selection: Selection | None = None) -> np.ndarray:
    with AudioFile(path, selection) as audio:
        return np.concatenate(list(audio.blocks(1000)))


@pytest.mark.parametrize(("kind", "subtype"), KINDS)
@pytest.mark.parametrize("samples", [4801])
def test_a_file_a_pipe_and_pieces_give_the_same_samples(folder, kind, subtype, samples):
    path = Path("tone")
    try:
        soundfile.write(path, tone()[:1].repeat(samples) * np.linspace(-1, 1, samples), RATE, subtype, format=kind)
    except soundfile.LibsndfileError as error:
        pytest.skip(f"libsndfile does not write it: {error.error_string}")
    whole = read(path)
    assert len(whole) >= samples
    assert np.array_equal(np.concatenate(list(piped(path.read_bytes()).blocks(1000))), whole)
    middle = soundfile.info(str(path)).samplerate
    pieces = [read(path, Selection(0, 1600 / middle)), read(path, Selection(1600 / middle))]
    assert np.array_equal(np.concatenate(pieces), whole)
