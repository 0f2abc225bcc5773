"""The pressed notebooks, the ledger and its page agree with the chapters."""

import re
from pathlib import Path

import fingerprints
import ledger_page
import nbformat
import press
import pytest

SOURCES = press.sources()
NOTEBOOKS = {path.stem: path for path in (press.BOOK / "notebooks").glob("*.ipynb")}
LEDGERS = {path.stem: path for path in (press.BOOK / "ledger").glob("*.jsonl")}
REMEDY = "run `make notebooks`"

ABSOLUTE_PATH = re.compile(
    r"(?<![\w.:/])/(home|root|tmp|var|usr|opt|mnt|work|srv|data|private|Users)/"
    r"|\b[A-Z]:\\\w"
)
# any UID but those that the standard itself defines
DICOM_UID = re.compile(r"(?<![\d.])(?!1\.2\.840\.10008\b)[0-2](\.(0|[1-9]\d*)){7,}")
DICOM_NAME = re.compile(r"\w\^\w")
DICOM_LINE = re.compile(r"\(00[0-4]\d, ?[0-9a-f]{4}\) .* [A-Z]{2}: '.+'")

pressed = pytest.mark.parametrize("name", sorted(SOURCES.keys() & NOTEBOOKS.keys()))


def notebook_of(name):
    return nbformat.read(NOTEBOOKS[name], as_version=4)


def ledger_of(name):
    return LEDGERS[name].read_text("utf-8") if name in LEDGERS else ""


def outputs_of(notebook):
    for cell in press.code_cells(notebook):
        for output in cell.outputs:
            yield cell, output


def words_of(notebook):
    """Everything an output shows that can be read."""
    for _, output in outputs_of(notebook):
        yield output.get("text", "")
        yield "\n".join(output.get("traceback", []))
        for kind, content in output.get("data", {}).items():
            if not kind.startswith("image/png"):
                yield str(content)


def test_every_chapter_is_pressed_and_every_notebook_has_its_chapter():
    assert sorted(NOTEBOOKS) == sorted(SOURCES), REMEDY
    assert LEDGERS.keys() <= SOURCES.keys(), REMEDY


def test_every_chapter_has_solutions_and_the_other_way_round():
    chapters = {name for name in SOURCES if not name.startswith("solutions_")}
    assert SOURCES.keys() == chapters | {f"solutions_{name}" for name in chapters}


@pressed
def test_cells_are_those_of_the_chapter(name):
    def cells(notebook):
        return [(cell.id, cell.cell_type, cell.source) for cell in notebook.cells]

    assert cells(notebook_of(name)) == cells(press.read(name, SOURCES[name])), REMEDY


@pressed
def test_tags_and_captions_are_those_of_the_chapter(name):
    def marks(notebook):
        for cell in notebook.cells:
            mystnb = dict(cell.metadata.get("mystnb", {}))
            mystnb["image"] = {**mystnb.get("image", {}), "alt": None}
            yield cell.id, cell.metadata.get("tags"), mystnb

    expected = press.read(name, SOURCES[name])
    assert list(marks(notebook_of(name))) == list(marks(expected)), REMEDY


@pressed
def test_outputs_and_ledger_are_as_the_press_wrote_them(name):
    notebook = notebook_of(name)
    seal = press.seal(notebook, ledger_of(name))
    assert notebook.metadata["medvae"]["seal"] == seal, f"changed by hand: {REMEDY}"


@pressed
def test_notebook_was_pressed_with_the_library_as_it_is(name):
    notebook = notebook_of(name)
    code = "\n".join(cell.source for cell in press.code_cells(notebook))
    library = fingerprints.library_fingerprint(code, press.BOOK.parent)
    assert notebook.metadata["medvae"]["library"] == library, REMEDY


@pressed
def test_cells_were_run_in_order(name):
    # a count of null would make the comparison of outputs pass without comparing
    code = press.code_cells(notebook_of(name))
    counts = [cell.execution_count for cell in code]
    assert counts == list(range(1, len(code) + 1)), REMEDY


@pressed
def test_no_cell_is_exempt_from_running(name):
    for cell in press.code_cells(notebook_of(name)):
        assert not {"nbval-skip", "raises-exception"} & set(
            cell.metadata.get("tags", [])
        )
        assert "NBVAL_" not in cell.source


@pressed
def test_outputs_hold_no_errors_and_no_stderr(name):
    for cell, output in outputs_of(notebook_of(name)):
        assert output.output_type != "error", cell.source
        assert output.get("name") != "stderr", cell.source


@pressed
def test_outputs_hold_no_drawn_vectors_and_no_bare_objects(name):
    notebook = notebook_of(name)
    for cell, output in outputs_of(notebook):
        assert "image/svg+xml" not in output.get("data", {}), cell.source
    for words in words_of(notebook):
        assert not re.search(r"<[\w. ]+ (object )?at 0x|<Figure size", words), words


@pressed
def test_notebook_is_small(name):
    assert NOTEBOOKS[name].stat().st_size <= press.LARGEST_BYTES


def test_all_notebooks_together_are_small():
    assert sum(path.stat().st_size for path in NOTEBOOKS.values()) <= 5_000_000


@pressed
def test_notebook_keeps_to_its_time_and_memory(name):
    cost = notebook_of(name).metadata["medvae"]["cost"]
    assert cost["seconds"] <= press.LONGEST_S
    assert cost["megabytes"] <= press.LARGEST_MB


def test_all_notebooks_together_keep_to_their_time():
    costs = [notebook_of(name).metadata["medvae"]["cost"] for name in NOTEBOOKS]
    assert sum(cost["seconds"] for cost in costs) <= 25 * 60


@pressed
def test_every_figure_says_what_is_seen(name):
    for cell, output in outputs_of(notebook_of(name)):
        if "image/png" in output.get("data", {}):
            alt = output.metadata["image/png"]["alt"]
            assert len(alt.split()) >= 3, cell.source
            assert output.data["text/plain"] == alt, cell.source
            assert cell.metadata["mystnb"]["image"]["alt"] == alt, cell.source


@pressed
def test_outputs_hold_no_path_of_a_machine(name):
    for words in words_of(notebook_of(name)):
        assert not ABSOLUTE_PATH.search(words), words


@pressed
def test_outputs_hold_no_identifier_of_a_patient(name):
    for words in words_of(notebook_of(name)):
        for pattern in (DICOM_UID, DICOM_NAME, DICOM_LINE):
            assert not pattern.search(words), words


@pytest.mark.parametrize(
    ("pattern", "found", "passed"),
    [
        (ABSOLUTE_PATH, "in /home/me/x", "1/2, a/tmp/b, https://x.org/usr/b, −/+"),
        (ABSOLUTE_PATH, r"C:\Users\me", "A: b"),
        (DICOM_UID, "1.3.6.1.4.1.5962.1.2.1.20040119.1", "1.2.840.10008.5.1.4.1.1.2"),
        (DICOM_UID, "2.25.1.1.1.1.1.1.1", "version 1.2.3, 0.5"),
        (DICOM_NAME, "Doe^Jane", "x ^ 2"),
        (DICOM_LINE, "(0010,0020) Patient ID LO: '1CT1'", "(0010,0020) Patient ID"),
    ],
)
def test_patterns_find_what_they_are_for(pattern, found, passed):
    assert pattern.search(found)
    assert not pattern.search(passed)


def test_page_of_the_ledger_is_made_of_the_ledgers():
    page = press.BOOK / "ledger.md"
    assert page.read_text("utf-8") == ledger_page.page(press.BOOK), REMEDY


@pytest.mark.parametrize("name", sorted(LEDGERS))
def test_claims_shown_are_those_on_record(name):
    words = "\n".join(words_of(notebook_of(name)))
    shown = re.findall(r"^✓ (C\d\d\.\d+) (.*)$", words, re.MULTILINE)
    entries = ledger_page.records(LEDGERS[name])
    assert shown == [(entry["id"], entry["text"]) for entry in entries], REMEDY


def test_claims_have_ids_of_their_own_and_of_their_chapter():
    entries = [
        (name, entry["id"])
        for name, path in LEDGERS.items()
        for entry in ledger_page.records(path)
    ]
    ids = [claim_id for _, claim_id in entries]
    assert len(ids) == len(set(ids))
    for name, claim_id in entries:
        assert name.removeprefix("solutions_").startswith(claim_id[1:3])


@pytest.mark.parametrize("name", sorted(LEDGERS))
def test_every_measured_claim_has_bound_and_interval_or_reason(name):
    for entry in ledger_page.records(LEDGERS[name]):
        assert entry["holds"] is True
        assert entry["preset"] == "cpu", REMEDY
        assert Path(entry["data"]).name == entry["data"]
        if entry["value"] is not None:
            assert entry["bound"] is not None, entry["id"]
            assert entry["interval"] or entry["reason"], entry["id"]


@pytest.mark.parametrize("name", sorted(LEDGERS))
def test_claims_hold_with_every_seed(name):
    now = {(e["id"], e["text"]) for e in ledger_page.records(LEDGERS[name])}
    for entry in ledger_page.records(press.BOOK / "ledger" / "seeds" / f"{name}.jsonl"):
        assert entry["holds"] or (entry["id"], entry["text"]) not in now, entry["id"]


@pytest.mark.parametrize("name", sorted(LEDGERS))
def test_chapter_says_which_claims_fail_on_real_ct(name):
    now = {(e["id"], e["text"]) for e in ledger_page.records(LEDGERS[name])}
    fails = [
        entry["id"]
        for entry in ledger_page.records(press.BOOK / "ledger/real" / f"{name}.jsonl")
        if not entry["holds"] and (entry["id"], entry["text"]) in now
    ]
    _, heading, said = SOURCES[name].read_text("utf-8").partition("## On real CT\n")
    said = said.partition("\n## ")[0]
    assert not fails or heading, f"{name} needs a section On real CT: {fails}"
    for claim_id in fails:
        assert re.search(rf"{re.escape(claim_id)}\b", said), claim_id


@pytest.mark.parametrize("name", [k for k in SOURCES if not k.startswith("solutions_")])
def test_every_chapter_claims_something(name):
    assert name in LEDGERS, REMEDY
