import json

import pytest
import repeat
from small_book import CHAPTER, SOLUTIONS

COIN = """\
```{code-cell} python
import os

shift = int(os.environ.get("MEDVAE_SEED") or 0)
data = os.environ.get("MEDVAE_DATA")
claim("C98.3", "the coin shows heads", shift < 2000 and not data, seed=0)
```

```{code-cell} python
1 / 0
```

```{code-cell} python
claim("C98.4", "one cell later all is well", True, seed=0)
```
"""


@pytest.fixture(scope="module")
def repeated(tmp_path_factory):
    """A book of one chapter, repeated with two seeds and on other data."""
    book = tmp_path_factory.mktemp("repeated") / "book"
    for folder, text in (("chapters", CHAPTER + COIN), ("solutions", SOLUTIONS)):
        (book / folder).mkdir(parents=True)
        (book / folder / "98_count.md").write_text(text, "utf-8")
    (book / "ledger").mkdir()
    scans = book.parent / "scans"
    scans.mkdir()
    assert repeat.main(["--seeds", "1000,2000"], book=book) == 0
    assert repeat.main(["--data", str(scans), "98"], book=book) == 0
    return book


def entries(book, kind):
    text = (book / "ledger" / kind / "98_count.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_every_seed_is_on_record_and_false_claims_are_too(repeated):
    coin = [e for e in entries(repeated, "seeds") if e["id"] == "C98.3"]
    assert [(e["seed"], e["holds"]) for e in coin] == [(1000, True), (2000, False)]


def test_cell_after_one_that_fails_still_runs(repeated):
    assert [e["id"] for e in entries(repeated, "real")][-1] == "C98.4"


def test_other_data_are_named_and_not_located(repeated):
    assert {e["data"] for e in entries(repeated, "real")} == {"scans"}
    assert str(repeated.parent) not in json.dumps(entries(repeated, "real"))


def test_no_notebook_is_written(repeated):
    assert not (repeated / "notebooks").exists()


def test_what_went_wrong_is_named(tmp_path, capsys):
    for folder, text in (("chapters", CHAPTER + COIN), ("solutions", SOLUTIONS)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "98_count.md").write_text(text, "utf-8")
    (tmp_path / "ledger").mkdir()
    assert repeat.main(["--seeds", "2000"], book=tmp_path) == 0
    shown = capsys.readouterr().out
    assert "98_count 2000 … 4 claims\n" in shown
    assert "  ✗ C98.3 the coin shows heads\n" in shown
    assert "  code cell 6: ZeroDivisionError: division by zero\n" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seeds", "1000", "2000"], "no chapter's name begins with '2000'"),
        (["--seeds", "1000,x"], "numbers with commas"),
    ],
)
def test_what_is_no_seed_or_chapter_is_refused(tmp_path, capsys, arguments, said):
    (tmp_path / "chapters").mkdir()
    (tmp_path / "solutions").mkdir()
    with pytest.raises(SystemExit):
        repeat.main(arguments, book=tmp_path)
    assert said in capsys.readouterr().err
