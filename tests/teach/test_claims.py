import json
import os
import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest

from medvae_course.teach.claims import ClaimError, claim

GAIN = {"value": 0.71234567, "bound": 0.5, "unit": "dB", "interval": (0.6, 0.8)}


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    path = tmp_path / "ledger.jsonl"
    monkeypatch.setenv("MEDVAE_LEDGER", str(path))
    monkeypatch.delenv("MEDVAE_DATA", raising=False)
    monkeypatch.delenv("MEDVAE_PRESET", raising=False)
    monkeypatch.delenv("MEDVAE_SEED", raising=False)
    monkeypatch.delenv("MEDVAE_CLAIMS", raising=False)
    return path


def entries(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_line_holds_id_and_sentence_and_no_digits_of_the_measurement(ledger, capsys):
    claim("C04.1", "the gain is real", True, **GAIN)
    assert capsys.readouterr().out == "✓ C04.1 the gain is real\n"


def test_entry_keeps_four_digits_and_says_how_it_was_made(ledger):
    claim("C04.1", "the gain is real", np.bool_(True), **GAIN, seed=np.int64(3))
    (entry,) = entries(ledger)
    assert entry["value"] == 0.7123
    assert entry["bound"] == 0.5
    assert entry["interval"] == [0.6, 0.8]
    assert (entry["data"], entry["preset"], entry["seed"]) == ("phantom", "cpu", 3)
    assert entry["versions"]["numpy"] == np.__version__
    assert entry["holds"] is True


def test_false_claim_raises_with_its_numbers_and_stays_on_record(ledger, capsys):
    with pytest.raises(ClaimError, match=r"C04.1 .*0.7123, bound 0.5.*in dB"):
        claim("C04.1", "the gain is huge", GAIN["value"] > 9, **GAIN)
    assert entries(ledger)[0]["holds"] is False
    assert capsys.readouterr().out == ""


def test_false_claim_is_only_recorded_where_that_is_asked_for(
    ledger, capsys, monkeypatch
):
    monkeypatch.setenv("MEDVAE_CLAIMS", "record")
    claim("C04.1", "the gain is huge", GAIN["value"] > 9, **GAIN)
    claim("C04.2", "the gain is real", True, **GAIN)
    assert [entry["holds"] for entry in entries(ledger)] == [False, True]
    shown = "✗ C04.1 the gain is huge\n✓ C04.2 the gain is real\n"
    assert capsys.readouterr().out == shown


def test_seed_on_record_is_the_one_that_was_set(ledger, monkeypatch):
    monkeypatch.setenv("MEDVAE_SEED", "1000")
    claim("C04.1", "the gain is real", True, **GAIN, seed=3)
    claim("C04.2", "the gain is real", True, **GAIN)
    assert [entry["seed"] for entry in entries(ledger)] == [1003, None]


def test_entries_are_appended_one_a_line(ledger):
    for number in (1, 2, 3):
        claim(f"C01.{number}", "äöü − ≥ stay readable", True)
    assert [entry["id"] for entry in entries(ledger)] == ["C01.1", "C01.2", "C01.3"]
    assert "äöü − ≥" in ledger.read_text("utf-8")


def test_without_a_ledger_no_file_is_written(tmp_path, monkeypatch):
    monkeypatch.delenv("MEDVAE_LEDGER", raising=False)
    monkeypatch.chdir(tmp_path)
    claim("C01.1", "a learner's run leaves nothing behind", True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [np.float32(2.5), np.array([2.5]), np.int64(2)])
def test_numpy_numbers_become_plain_ones(ledger, number):
    claim("C01.1", "a number is a number", True, value=number, bound=1, reason="exact")
    assert entries(ledger)[0]["value"] == float(np.ravel(number)[0])


def test_interval_object_is_read(ledger):
    interval = namedtuple("Interval", "estimate low high")(0.7, 0.61, 0.79)
    claim("C04.1", "the gain is real", True, **(GAIN | {"interval": interval}))
    assert entries(ledger)[0]["interval"] == [0.61, 0.79]


def test_value_outside_its_pair_of_bounds_never_holds(ledger):
    with pytest.raises(ClaimError, match="does not hold"):
        claim("C01.1", "air is air", True, value=-900, bound=(-1020, -980), reason="x")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_number_that_is_not_finite_is_refused(ledger, value):
    with pytest.raises(ClaimError, match="measured number is"):
        claim("C01.1", "it is a number", True, value=value, bound=1, reason="exact")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"claim_id": "3.2"}, "looks like C03.2"),
        ({"claim_id": "C3.2"}, "looks like C03.2"),
        ({"text": "two\nlines"}, "one line"),
        ({"holds": np.array([True, False])}, r"np.all"),
        ({"value": 1.0}, "needs a bound"),
        ({"value": 1.0, "bound": 0.5}, "reason"),
        ({"interval": (2, 1)}, r"\(low, high\)"),
        ({"value": "much"}, "one number"),
    ],
)
def test_claim_that_is_not_stated_in_full_is_refused(arguments, message):
    stated = {"claim_id": "C01.1", "text": "it is so", "holds": True}
    with pytest.raises(ValueError, match=message):
        claim(**(stated | arguments))


def test_folder_of_data_is_named_but_not_located(ledger, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDVAE_DATA", str(tmp_path / "secret" / "heads"))
    claim("C01.1", "data have a name", True)
    assert entries(ledger)[0]["data"] == "heads"
    assert "secret" not in ledger.read_text("utf-8")


def test_import_leaves_keras_alone(tmp_path):
    code = (
        "from medvae_course.teach.claims import claim; import sys\n"
        "claim('C01.1', 'no network was needed', True)\n"
        "print('keras' in sys.modules, 'matplotlib' in sys.modules)"
    )
    path = tmp_path / "ledger.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"MEDVAE_LEDGER": str(path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "False False"
    assert entries(path)[0]["backend"] is None


def test_backend_is_recorded_when_keras_is_loaded(ledger, monkeypatch):
    config = type("config", (), {"backend": staticmethod(lambda: "jax")})
    monkeypatch.setitem(
        sys.modules, "keras", type("keras", (), {"config": config, "__version__": "3"})
    )
    monkeypatch.setitem(sys.modules, "jax", type("jax", (), {"__version__": "0.9"}))
    claim("C01.1", "the backend is known", True)
    (entry,) = entries(ledger)
    assert entry["backend"] == "jax"
    assert entry["versions"]["keras"] == "3"
    assert entry["versions"]["jax"] == "0.9"
