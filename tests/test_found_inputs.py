"""What is found among many inputs, and where outputs go."""

from pathlib import Path

import pytest
from conftest import one_line

from sharpear.errors import InputError, UsageError
from sharpear.runs import Found, Job, find_inputs, plan_frames

NPZ = ("--format", "npz")


@pytest.fixture
def corpus(wav, folder) -> list[Path]:
    """Six recordings in two folders, two of one name, and things that are none."""
    for name in ("c/a", "c/b/deep", "c/.hidden", "c/old.zarr"):
        (folder / name).mkdir(parents=True)
    paths = [wav(f"c/{name}.wav", 0.2) for name in ("one", "two", "a/one", "a/three", "b/deep/four", "b/five")]
    wav("c/.hidden/six.wav", 0.2)
    wav("c/old.zarr/seven.wav", 0.2)
    (folder / "c/notes.txt").write_text("no audio")
    return paths


def places(*words: str, recursive: bool = False) -> list[str]:
    return [found.place for found in find_inputs(words, recursive)]


def test_folders_and_globs_yield_audio_only(corpus):
    assert places("c") == ["c/one.wav", "c/two.wav"]
    assert sorted(places("c", recursive=True)) == sorted(map(str, corpus))
    assert places("c/[ab]/*.wav") == ["c/a/one.wav", "c/a/three.wav", "c/b/five.wav"]
    assert len(places("c/**/*.wav")) == 6
    assert places("missing.wav") == ["missing.wav"]
    for words, error in (
        (["c/b/deep", "c/b/deep/four.wav"], UsageError),
        (["c/x*"], InputError),
        (["c/.."], InputError),
    ):
        with pytest.raises(error):
            places(*words)


def test_a_link_to_what_is_gone_fails_and_is_not_left_out(sharpen, wav, folder):
    (folder / "c").mkdir()
    wav("c/one.wav", 0.2)
    (folder / "c/gone.wav").symlink_to("nowhere.wav")
    assert places("c") == places("c/*.wav") == ["c/gone.wav", "c/one.wav"]
    done = sharpen("c", "-o", "out", *NPZ)
    assert done.code == 1
    assert "c/gone.wav" in done.err
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["one.npz"]


@pytest.mark.parametrize(
    ("found", "out", "expected"),
    [
        (Found("c/a/one.wav", "a"), "out", "out/a/one.npz"),
        (Found("c/a/one.wav"), "out", "out/c/a/one.npz"),
        (Found("/c/a/one.wav"), "out", "out/a/one.npz"),
        (Found("../c/one.wav"), "out", "out/c/one.npz"),
        (Found("c/a/one.wav", "a"), None, "c/a/one.npz"),
        (Found("/c/a/one.wav"), None, "/c/a/one.npz"),
        (Found("s3://x/a/one.wav", "a"), "memory://out", "memory://out/a/one.npz"),
        (Found("s3://x/a/one.wav", "a"), None, "s3://x/a/one.npz"),
    ],
)
def test_a_template_places_outputs(found, out, expected):
    assert plan_frames([found], out, ["npz"], "{parent}/{stem}.{ext}") == [Job(found.place, (expected,))]


@pytest.mark.parametrize("template", ["{stem}", "{artist}.{ext}", "{stem.{ext}", "{stem}.npz"])
def test_templates_that_cannot_be(template):
    with pytest.raises(UsageError, match="--output-template"):
        plan_frames([Found("a.wav")], "out", ["npz"], template)


def test_duplicate_stems_are_refused_and_the_template_keeps_them_apart(sharpen, corpus, folder):
    done = sharpen("c", "-r", "-o", "out", *NPZ)
    assert done.code == 2
    assert one_line(done.err)
    assert "--output-template" in done.err
    assert not (folder / "out").exists()
    assert sharpen("c", "-r", "-o", "out", *NPZ, "--output-template", "{parent}/{stem}.{ext}").code == 0
    made = {path.relative_to(folder / "out").as_posix() for path in (folder / "out").rglob("*.npz")}
    assert made == {"one.npz", "two.npz", "a/one.npz", "a/three.npz", "b/five.npz", "b/deep/four.npz"}
