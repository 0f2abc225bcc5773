import re

import fingerprints
import ledger_cells
import ledger_page
import nbformat
import press
import pytest
from small_book import CHAPTER, SOLUTIONS

SOLUTION = SOLUTIONS.split("[solution]\n")[1].split("\n```")[0]
NAMES = ["98_count", "solutions_98_count"]


@pytest.fixture
def book(tmp_path):
    """A book of one chapter beside a library of one module."""
    for folder, text in (("chapters", CHAPTER), ("solutions", SOLUTIONS)):
        (tmp_path / "book" / folder).mkdir(parents=True)
        (tmp_path / "book" / folder / "98_count.md").write_text(text, "utf-8")
    library = tmp_path / "medvae_course" / "teach"
    library.mkdir(parents=True)
    (library / "claims.py").write_text('"""Claims."""\nA = 1\n', "utf-8")
    return tmp_path / "book"


@pytest.fixture(scope="module")
def pressed(tmp_path_factory):
    """The same book after a press, to be copied."""
    folder = tmp_path_factory.mktemp("pressed")
    book = folder / "book"
    for name, text in (("chapters", CHAPTER), ("solutions", SOLUTIONS)):
        (book / name).mkdir(parents=True)
        (book / name / "98_count.md").write_text(text, "utf-8")
    assert press.main([], book=book) == 0
    return book


def files_of(book):
    return {
        str(path.relative_to(book)): path.read_bytes()
        for path in sorted(book.rglob("*"))
        if path.is_file()
    }


def notebook_of(book, name="98_count"):
    return nbformat.read(book / "notebooks" / f"{name}.ipynb", as_version=4)


@pytest.fixture
def copied(book, pressed):
    """A pressed book that may be changed, and the names of what would run."""
    for name, content in files_of(pressed).items():
        (book / name).parent.mkdir(exist_ok=True)
        (book / name).write_bytes(content)
    for name in NAMES:  # as if pressed with this book's library
        path = book / "notebooks" / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        code = "\n".join(cell.source for cell in press.code_cells(notebook))
        library = fingerprints.library_fingerprint(code, book.parent)
        notebook.metadata["medvae"]["library"] = library
        nbformat.write(notebook, path)
    return book


@pytest.fixture
def runs(monkeypatch):
    ran = []

    def run(notebook, folder):
        ran.append(notebook.cells[0].source.splitlines()[0])
        raise press.PressError("no kernel in this test")

    monkeypatch.setattr(press, "run", run)
    return ran


def test_press_writes_outputs_claims_and_the_page(pressed):
    notebook = notebook_of(pressed)
    code = press.code_cells(notebook)
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4]
    assert code[1].outputs[0].text.splitlines() == [
        "✓ C98.1 one and one is two | really",
        "✓ C98.2 the gain is real",
    ]
    assert code[3].outputs[0].text == "None\n"
    assert press.code_cells(notebook_of(pressed, NAMES[1]))[0].outputs[0].text == "4\n"
    assert [
        entry["id"]
        for entry in ledger_page.records(pressed / "ledger" / "98_count.jsonl")
    ] == ["C98.1", "C98.2"]
    page = (pressed / "ledger.md").read_text("utf-8").replace("\u00a0", " ")
    link = "(notebooks/98_count.ipynb)"
    assert "## Count to two" in page
    assert f"* - ✓ [C98.1]{link}\n  - one and one is two \\| really\n  - yes\n" in page
    assert "\n  - 0.7 dB > 0.5 [0.6, 0.8]\n  - seed 0\n" in page
    assert re.search(r"Count to two\]\(\S+\)\n  - \d+ s\n  - \d+ MB\n", page)
    assert "Preset cpu, backend none; " in page


def test_alt_is_lifted_into_the_cell_beside_its_caption(pressed):
    cell = press.code_cells(notebook_of(pressed))[2]
    assert cell.metadata == {
        "mystnb": {
            "figure": {"caption": "A dot.", "name": "fig-dot"},
            "image": {"alt": "A single dot is seen."},
        },
        "tags": ["hide-input"],
    }


def test_notebook_holds_nothing_of_the_machine(pressed):
    for name in NAMES:
        notebook = notebook_of(pressed, name)
        assert set(notebook.metadata) == {"kernelspec", "medvae"}
        text = (pressed / "notebooks" / f"{name}.ipynb").read_text("utf-8")
        assert str(pressed.parent) not in text
        assert "ledger.jsonl" not in text


def test_pressing_again_gives_the_same_but_for_the_cost(pressed):
    def all_but_cost():
        text = {name: data.decode() for name, data in files_of(pressed).items()}
        return {
            name: re.sub(r'"(megabytes|seconds)": \d+|  - \d+ (s|MB)\n', "", words)
            for name, words in text.items()
        }

    before = all_but_cost()
    assert press.main(["98", "--force"], book=pressed) == 0
    assert all_but_cost() == before


def test_cost_of_a_run_is_kept_with_the_notebook(pressed):
    for name in NAMES:
        cost = notebook_of(pressed, name).metadata["medvae"]["cost"]
        assert 0 < cost["seconds"] < 100
        assert 20 < cost["megabytes"] < 2000
        assert all(
            "getrusage" not in c.source for c in notebook_of(pressed, name).cells
        )


def test_nothing_runs_when_nothing_changed(copied, runs, capsys):
    before = files_of(copied)
    assert press.main([], book=copied) == 0
    assert runs == []
    assert files_of(copied) == before
    assert capsys.readouterr().out.count("outputs kept") == 2


def test_prose_is_renewed_without_a_run(copied, runs):
    source = copied / "chapters" / "98_count.md"
    source.write_text(CHAPTER.replace("Look at the line.", "Look at it."), "utf-8")
    assert press.main([], book=copied) == 0
    assert runs == []
    notebook = notebook_of(copied)
    assert "Look at it." in notebook.cells[0].source
    assert [cell.execution_count for cell in press.code_cells(notebook)] == [1, 2, 3, 4]


def test_new_caption_keeps_the_alt_and_needs_no_run(copied, runs):
    source = copied / "chapters" / "98_count.md"
    source.write_text(CHAPTER.replace("A dot.", "One dot."), "utf-8")
    assert press.main([], book=copied) == 0
    assert runs == []
    mystnb = press.code_cells(notebook_of(copied))[2].metadata["mystnb"]
    assert mystnb["figure"]["caption"] == "One dot."
    assert mystnb["image"]["alt"] == "A single dot is seen."


def change_code(book):
    path = book / "chapters" / "98_count.md"
    path.write_text(CHAPTER.replace("1 + 1 == 2", "1 + 1 > 1"), "utf-8")


def change_solution(book):
    path = book / "solutions" / "98_count.md"
    path.write_text(SOLUTIONS.replace("double(2)", "double(3)"), "utf-8")


def change_library(book):
    path = book.parent / "medvae_course" / "teach" / "claims.py"
    path.write_text('"""Claims."""\nA = 2\n', "utf-8")


def change_output(book):
    path = book / "notebooks" / "98_count.ipynb"
    path.write_text(path.read_text("utf-8").replace("✓ C98.2", "✗ C98.2"), "utf-8")


def change_ledger(book):
    path = book / "ledger" / "98_count.jsonl"
    path.write_text(path.read_text("utf-8").replace("0.7", "0.9"), "utf-8")


def lose_ledger(book):
    (book / "ledger" / "98_count.jsonl").unlink()


def merge_badly(book):
    path = book / "notebooks" / "98_count.ipynb"
    path.write_text("<<<<<<< ours\n" + path.read_text("utf-8"), "utf-8")


@pytest.mark.parametrize(
    "change",
    [
        merge_badly,
        change_code,
        change_solution,  # the chapter's stub is made of it
        change_library,
        change_output,
        change_ledger,
        lose_ledger,
    ],
)
def test_change_makes_it_run(copied, runs, change):
    change(copied)
    notebook = files_of(copied)["notebooks/98_count.ipynb"]
    assert press.main(["98_count"], book=copied) == 1
    assert runs == ["# Count to two"]
    assert files_of(copied)["notebooks/98_count.ipynb"] == notebook


def test_docstring_of_the_library_makes_nothing_run(copied, runs):
    path = copied.parent / "medvae_course" / "teach" / "claims.py"
    path.write_text('"""Claims, and more words."""\n\nA = 1\n', "utf-8")
    assert press.main([], book=copied) == 0
    assert runs == []


def test_failing_cell_is_shown_and_nothing_is_written(book, capsys):
    source = book / "chapters" / "98_count.md"
    source.write_text(CHAPTER.replace("1 + 1 == 2", "1 + 1 == 3"), "utf-8")
    before = files_of(book)
    assert press.main(["98_count"], book=book) == 1
    written = set(files_of(book)) - set(before)
    assert written == {"ledger.md"}
    assert "No chapter has been pressed yet." in (book / "ledger.md").read_text("utf-8")
    shown = capsys.readouterr()
    assert "code cell 2" in shown.out
    assert "1 + 1 == 3" in shown.out
    assert "ClaimError: C98.1 does not hold" in shown.out
    assert "failed: 98_count" in shown.err


def test_unknown_name_is_refused_with_the_known_ones(book, capsys):
    with pytest.raises(SystemExit, match="2"):
        press.main(["99"], book=book)
    assert "98_count, solutions_98_count" in capsys.readouterr().err


def notebook_with(*outputs):
    cell = nbformat.v4.new_code_cell("f()", outputs=list(outputs), execution_count=1)
    return nbformat.v4.new_notebook(cells=[cell])


def stderr(text):
    return nbformat.v4.new_output("stream", name="stderr", text=text)


@pytest.mark.parametrize(
    "text",
    [
        "/tmp/ipykernel_1/2.py:3: UserWarning: look\n  f()\n",
        "2026-01-01 log line\nx.py:10: DeprecationWarning: old\n",
        "WARNING:tensorflow:5 out of 5 calls triggered retracing\n",
    ],
)
def test_warning_of_python_is_refused(text):
    with pytest.raises(press.PressError, match="a warning in the cell"):
        press.tidy(notebook_with(stderr(text)))


def test_log_lines_of_the_compiled_libraries_are_dropped():
    text = (
        "WARNING: All log messages before absl::InitializeLog() are on STDERR\n"
        "I0000 00:00:1.2 3 cpu_feature_guard.cc:227] This TensorFlow binary is …\n"
    )
    notebook = notebook_with(stderr(text))
    press.tidy(notebook)
    assert notebook.cells[0].outputs == []


def picture(alt):
    return nbformat.v4.new_output(
        "display_data", {"image/png": "iVBO"}, metadata={"image/png": alt}
    )


@pytest.mark.parametrize(
    "outputs", [[picture({})], [picture({"alt": "One."}), picture({"alt": "Two."})]]
)
def test_figure_without_alt_or_beside_another_is_refused(outputs):
    with pytest.raises(press.PressError, match="one figure a cell"):
        press.tidy(notebook_with(*outputs))


def test_stub_keeps_all_but_what_is_framed():
    starter, answer = press.split_solution(SOLUTION)
    assert starter.splitlines() == [
        "# E98.1",
        "def double(x):",
        "    ...  # your code here",
        "",
        "",
        "print(double(2))",
    ]
    assert answer == "    return 2 * x"


def test_readers_see_no_frames_in_a_solution(pressed):
    source = press.code_cells(notebook_of(pressed, NAMES[1]))[0].source
    assert "solution" not in source
    assert "    return 2 * x" in source


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "# begin solution\nx = 1",
        "x = 1\n# end solution",
        "# begin solution\n# begin solution\nx = 1\n# end solution",
    ],
)
def test_solution_without_paired_frames_is_refused(source):
    with pytest.raises(press.PressError, match="# (begin|end) solution"):
        press.split_solution(source)


def test_stub_without_solution_is_refused(book, capsys):
    (book / "solutions" / "98_count.md").unlink()
    assert press.main([], book=book) == 1
    assert "no solution of E98.1" in capsys.readouterr().out


def test_notebook_over_its_size_time_or_memory_is_refused(monkeypatch):
    monkeypatch.delenv("MEDVAE_PRESET", raising=False)
    monkeypatch.delenv("MEDVAE_BUDGET_S", raising=False)
    press.within_limits(500_000, seconds=150, megabytes=4096)
    with pytest.raises(press.PressError, match="501 kB; at most 500 kB"):
        press.within_limits(501_000, seconds=1, megabytes=1)
    with pytest.raises(press.PressError, match="151 s; at most 150 s"):
        press.within_limits(1000, seconds=151, megabytes=1)
    with pytest.raises(press.PressError, match="4097 MB of memory; at most 4096 MB"):
        press.within_limits(1000, seconds=1, megabytes=4097)
    monkeypatch.setenv("MEDVAE_BUDGET_S", "300")
    press.within_limits(1000, seconds=151, megabytes=1)
    monkeypatch.setenv("MEDVAE_PRESET", "gpu")
    press.within_limits(1000, seconds=5000, megabytes=9000)


def test_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    press.replace(path, "first")

    def no_space(*_):
        raise OSError("no space left")

    monkeypatch.setattr(type(path), "replace", no_space)
    with pytest.raises(OSError, match="no space"):
        press.replace(path, "second")
    assert path.read_text() == "first"


def test_fingerprint_follows_imports_into_depth(tmp_path):
    package = tmp_path / "medvae_course"
    for name, text in {
        "__init__": "",
        "ct/__init__": "",
        "ct/a": "from .b import f",
        "ct/b": "import medvae_course.ct.c",
        "ct/c": "C = 1",
        "ct/unused": "U = 1",
        "teach/exercises/__init__": "",
        "teach/exercises/chapter_98": "E = 1",
    }.items():
        path = package / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    code = (
        "from medvae_course.ct import a\n"
        "from medvae_course.teach.exercises import check\n"
        'check("E98.1", 1)'
    )

    def taken():
        return fingerprints.library_fingerprint(code, tmp_path)

    before = taken()
    (package / "ct" / "unused.py").write_text("U = 2", "utf-8")
    (package / "ct" / "c.py").write_text('"""Said."""\n\nC = 1\n', "utf-8")
    assert taken() == before
    seen = {before}
    for name in ("ct/c", "ct/__init__", "teach/exercises/chapter_98"):
        (package / f"{name}.py").write_text("C = 2", "utf-8")
        seen.add(taken())
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [
        (0.7, 0.5, "> 0.5"),
        (-3.0, 0.5, "< 0.5"),
        (1024, 1024, "= 1024"),
        (-1003.0, [-1020, -980], "in [−1020, −980]"),
    ],
)
def test_page_shows_the_side_of_the_bound(value, limit, text):
    assert ledger_cells.bound(value, limit).replace("\u00a0", " ") == text


def entry(**changes):
    return {
        "id": "C98.1", "text": "it wins", "holds": True, "value": 1, "bound": 2,
        "unit": "dB", "interval": None, "reason": "exact", "data": "phantom",
        "preset": "cpu", "backend": "jax", "seed": None, "versions": {"python": "3"},
    } | changes  # fmt: skip


def section(entries, **others):
    return ledger_page.section("98_count", "Count", entries, **others).replace(
        "\u00a0", " "
    )


def test_page_says_when_a_claim_fails_and_why_an_interval_is_missing():
    text = section([entry(holds=False)])
    assert "* - ✗ fails [C98.1](notebooks/98_count.ipynb)\n  - it wins\n" in text
    assert "\n  - 1 dB < 2 (exact)\n" in text
    assert "Preset cpu, backend jax; python 3." in text


def test_page_names_data_other_than_the_phantoms():
    assert "\n  - 1 dB < 2 (exact); CT\\_small\n" in section([entry(data="CT_small")])


def test_page_shows_over_how_many_seeds_a_claim_holds_and_how_far_it_moves():
    again = [entry(seed=1000, value=3), entry(seed=2000, value=-1, holds=False)]
    text = section([entry(seed=0)], seeds=[*again, entry(id="C98.2", seed=1000)])
    assert "\n  - 2 of 3: −1 to 3\n" in text


def test_page_sets_real_ct_beside_phantoms():
    real = entry(data="scans", value=7, holds=False, interval=[6, 8])
    assert "\n  - ✗ 7 dB [6, 8]\n" in section([entry()], real=[real])
    assert "Real CT: scans." in section([entry()], real=[real])
    assert "\n  - phantoms only\n" in section([entry()], real=[entry()])


def test_page_forgets_what_was_measured_for_another_wording():
    old = entry(data="scans", text="it wins by far", value=7)
    assert "7 dB" not in section([entry(seed=0)], real=[old], seeds=[old])


def test_page_shows_a_sentence_as_it_is():
    assert ledger_cells.words("a_b * c|d <e> $f$") == r"a\_b \* c\|d \<e\> \$f\$"
