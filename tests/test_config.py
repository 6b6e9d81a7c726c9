"""Presets, overrides, and what is said of settings that cannot be."""

import pytest
from conftest import SMALL, SMALL_COMPLEX
from hypothesis import given
from hypothesis import strategies as st

from sharpear.config import Config, load_config, preset_names, to_toml
from sharpear.errors import UsageError

EVERY = [*preset_names(), str(SMALL), str(SMALL_COMPLEX)]


def test_the_presets_are_there():
    assert {"music", "speech", "low-latency"} <= set(preset_names())


@pytest.mark.parametrize("preset", EVERY)
def test_presets_are_valid_and_described(preset):
    config = load_config(preset)
    assert config.description
    assert config.bank.low_hz < config.bank.high_hz


@pytest.mark.parametrize("preset", EVERY)
def test_toml_reads_back(tmp_path, preset):
    config = load_config(preset)
    path = tmp_path / "copy.toml"
    path.write_text(to_toml(config), encoding="utf-8")
    assert load_config(str(path)) == config
    assert load_config(path) == config


def test_every_section_is_shown():
    shown = to_toml(load_config("music"))
    assert all(f"\n[{name}]\n" in shown for name in Config.model_fields if name != "description")


@pytest.mark.parametrize("preset", preset_names())
def test_every_field_can_be_overridden_by_its_own_value(preset):
    config = load_config(preset)
    for line in to_toml(config).splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif " = " in line and not line.startswith("description"):
            key, rest = line.split(" = ", 1)
            assert load_config(preset, {f"{section}.{key}": rest.split("  # ")[0]}) == config


OVERRIDES = [
    ("bank.low_hz", "80", 80.0),
    ("bank.low_hz", 80, 80.0),
    ("bank.low_hz", "8e1", 80.0),
    ("bank.scale", "erb", "erb"),
    ("bank.scale", '"erb"', "erb"),
    ("network.flow", "[[0, 0.2], [0.1, 0]]", ((0.0, 0.2), (0.1, 0.0))),
]


@pytest.mark.parametrize(("key", "value", "expected"), OVERRIDES)
def test_overrides_are_read_as_toml_or_as_words(key, value, expected):
    section, field = key.split(".")
    assert getattr(getattr(load_config(str(SMALL), {key: value}), section), field) == expected


HOSTILE = [
    "",
    "nan",
    "inf",
    "-1",
    "80\nchannels = 2",
    "[" * 5000,
    "9" * 5000,
    "1979-05-27",
    "{a = 1}",
    "\x00",
    "80 # x",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_are_usage_errors_of_one_line(value):
    if value == "80 # x":
        assert load_config(str(SMALL), {"frames.hop_ms": value}).frames.hop_ms == 80
        return
    with pytest.raises(UsageError) as told:
        load_config(str(SMALL), {"bank.low_hz": value})
    assert "bank.low_hz" in str(told.value)
    assert len(str(told.value)) < 400
    assert str(told.value).isprintable()


def complaint(overrides: dict) -> str | None:
    try:
        load_config(str(SMALL), overrides)
    except UsageError as error:
        return str(error)
    return None


@pytest.mark.slow
@given(key=st.text(max_size=30), value=st.text(max_size=30))
def test_any_override_gives_a_config_or_a_usage_error(key, value):
    said = complaint({key: value})
    assert said is None or said.isprintable()


@given(value=st.floats())
def test_any_number_is_taken_or_refused(value):
    said = complaint({"frames.hop_ms": value})
    if said is None:
        assert load_config(str(SMALL), {"frames.hop_ms": value}).frames.hop_ms == value
    else:
        assert "frames.hop_ms" in said
    assert (said is None) == (0.125 <= value <= 100)


def test_an_unknown_key_is_named_before_what_is_missing(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[banc]\nlow_hz = 80\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"unknown setting 'banc'"):
        load_config(path)
    path.write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=r"bank is missing"):
        load_config(path)


def test_a_complaint_about_the_whole_names_no_key():
    with pytest.raises(UsageError, match=r"small\.toml: network\.mode"):
        load_config(str(SMALL), {"network.mode": "complex"})
    with pytest.raises(UsageError, match=r"small_complex\.toml: network\.mode"):
        load_config(str(SMALL_COMPLEX), {"bank.bandwidth_unit": "window"})


@given(description=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_description_survives_the_round_trip(tmp_path_factory, description):
    config = load_config(str(SMALL)).model_copy(update={"description": description})
    path = tmp_path_factory.getbasetemp() / "described.toml"
    path.write_text(to_toml(config), encoding="utf-8", newline="")
    assert load_config(path).description == description


@pytest.mark.parametrize(
    "text",
    ["", "[bank]\nlow_hz = 3", "not toml", "[bank", "bank = 3", "x = " + "[" * 5000, "[bank]\nlow_hz = 1\nlow_hz = 2"],
)
def test_broken_preset_files_are_usage_errors(tmp_path, text):
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match="broken"):
        load_config(str(path))


def test_a_preset_that_is_not_text_or_not_a_file(tmp_path):
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder.toml").mkdir()
    for name in ("binary.toml", "folder.toml", "missing.toml"):
        with pytest.raises(UsageError, match=name):
            load_config(tmp_path / name)
