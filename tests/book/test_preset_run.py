"""A preset's run says of each notebook what it cost and what came out otherwise."""

import json

import ledger_page
import nbformat
import preset_run
import pytest

OPTIONS = ["--", "--nbval", "--nbval-current-env"]
CLAIM = """\
import os
from medvae_course.teach.claims import claim
os.environ["MEDVAE_CLAIMS"] = "record"
claim("C99.1", "the preset is that of the run",
      os.environ["MEDVAE_PRESET"] == "gpu-small")
claim("C99.2", "one is two", 1 == 2)"""
SAID = "✓ C99.1 the preset is that of the run\n✗ C99.2 one is two\n"


def cell(source, text):
    output = nbformat.v4.new_output("stream", name="stdout", text=text)
    return nbformat.v4.new_code_cell(source, execution_count=1, outputs=[output])


@pytest.fixture
def book(tmp_path):
    (tmp_path / "notebooks").mkdir()
    cells = [cell(CLAIM, SAID), cell("print(1)", "2\n")]
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(made, tmp_path / "notebooks/99_odd.ipynb")
    return tmp_path


def test_what_differs_and_what_fails_is_named(book, capsys):
    out = book / "ledger/presets/gpu-small_tensorflow.jsonl"
    out.parent.mkdir(parents=True)
    older = {
        "notebook": "98_even",
        "seconds": 1,
        "gpu_mib": 2,
        "cells": 1,
        "differ": [],
    }
    older |= {"claims": 0, "fail": [], "versions": {}, "preset": "p", "backend": "b"}
    out.write_text(json.dumps(older | {"device": "none"}) + "\n", "utf-8")
    words = ["99", "--preset", "gpu-small", *OPTIONS]
    assert preset_run.main(words, book=book) == 1
    kept, record = map(json.loads, out.read_text("utf-8").splitlines())
    assert kept["notebook"] == "98_even"
    assert (record["notebook"], record["cells"]) == ("99_odd", 2)
    assert (record["claims"], record["fail"]) == (2, ["C99.2"])
    assert record["differ"] == ["Cell 1"]
    assert record["gpu_mib"] == 0
    assert record["values"] == {"C99.1": None, "C99.2": None}
    section = ledger_page.presets(book)
    assert (
        "* - [98_even](notebooks/98_even.ipynb)\n  - 1 s, 2 MiB of the GPU" in section
    )
    assert "1 of 2 hold, not: C99.2, 1 of 2 cells differ\n" in section
    assert "1 of 2 hold, not: C99.2, 1 of 2 cells differ" in capsys.readouterr().out


def test_differences_between_backends_are_a_table(tmp_path):
    for name, worst in (("jax", 2.3e-7), ("torch", 4.1e-6)):
        record = {"backend": name, "versions": {name: "1"}}
        record["differences"] = {"VAE": worst}
        (tmp_path / f"{name}.json").write_text(json.dumps(record), "utf-8")
    section = ledger_page.backends(tmp_path)
    assert "* - Model\n  - jax\n  - torch\n" in section
    assert "* - VAE\n  - 2e-07\n  - 4e-06\n" in section
    assert ledger_page.backends(tmp_path / "nothing") == ""


def test_claims_that_were_not_reached_have_failed(book, monkeypatch):
    stored = [{"id": f"C99.{n}"} for n in (1, 2, 3)]
    ledger = book / "ledger/99_odd.jsonl"
    ledger.parent.mkdir()
    ledger.write_text("".join(json.dumps(one) + "\n" for one in stored), "utf-8")
    monkeypatch.setattr(ledger_page, "page", lambda book: "")
    preset_run.main(["99", "--preset", "gpu-small", *OPTIONS], book=book)
    out = book / "ledger/presets/gpu-small_tensorflow.jsonl"
    record = json.loads(out.read_text("utf-8"))
    assert (record["claims"], record["fail"]) == (3, ["C99.2", "C99.3"])


def test_backend_that_cannot_be_loaded_ends_the_run(book, monkeypatch):
    monkeypatch.setitem(preset_run.COUNT, "tensorflow", "no.such.name")
    with pytest.raises(SystemExit, match="tensorflow cannot be loaded.*NameError"):
        preset_run.main(["99", "--preset", "gpu-small", *OPTIONS], book=book)
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    with pytest.raises(SystemExit, match="must be one of tensorflow, jax.*'theano'"):
        preset_run.main(["99", "--preset", "gpu-small", *OPTIONS], book=book)
    assert not (book / "ledger/presets").exists()


def test_missing_gpu_is_said_with_the_remedy(book, monkeypatch, capsys):
    monkeypatch.setattr(preset_run, "gpu", lambda: None)
    assert preset_run.main(["--preset", "gpu"], book=book) == 1
    assert "needs a GPU, and none answers" in capsys.readouterr().out
    monkeypatch.setattr(preset_run, "gpu", lambda: ("A card", 0))
    monkeypatch.setattr(preset_run, "n_gpus", lambda: 0)
    assert preset_run.main(["--preset", "gpu"], book=book) == 1
    assert "sees none, though nvidia-smi does" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        preset_run.main(["42", "--preset", "gpu-small"], book=book)
