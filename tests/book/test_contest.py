import json
from dataclasses import replace

import contest
import ledger_page
import numpy as np
import pytest

from medvae_course.ct import datasets


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A contest on a few small phantoms, each network trained once, for one epoch."""
    book = tmp_path_factory.mktemp("contest") / "book"
    (book / "ledger").mkdir(parents=True)
    short = {
        name: (make, options, 1)
        for name, (make, options, _) in contest.MAKERS.items()
        if name != "convolutional autoencoder"
    }
    whole = datasets.load("phantom-tiny", image_size=32)
    # an interval by patient needs two patients, and this set has one
    named = np.resize(["a", "b"], len(whole.test.patients))
    data = replace(whole, test=replace(whole.test, patients=named))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contest, "CODE", 4)
        patch.setattr(contest, "MAKERS", short)
        patch.setattr(contest.datasets, "load", lambda *_, **__: data)
        arguments = ["--data", "phantom-tiny", "--seeds", "0,1"]
        assert contest.main(arguments, book=book) == 0
    return book


def test_each_code_has_a_record_for_each_seed(held):
    text = (held / "ledger" / "contest" / "phantom-tiny.jsonl").read_text("utf-8")
    found = [json.loads(line) for line in text.splitlines()]
    assert [(record["code"], record["seed"]) for record in found] == [
        ("PCA", None),
        ("dense autoencoder", 0),
        ("dense autoencoder", 1),
        ("convolutional VAE", 0),
        ("convolutional VAE", 1),
    ]
    assert found[0]["lead"] == [0, 0, 0]
    for record in found[1:]:
        lead = record["psnr"][0] - found[0]["psnr"][0]
        assert record["lead"][0] == pytest.approx(lead, abs=1e-3)
        assert record["psnr"][1] <= record["psnr"][0] <= record["psnr"][2]
        assert 0 < record["mae_hu"][0] < 1400
    assert found[1]["psnr"] != found[2]["psnr"]


def test_page_has_a_table_of_the_codes(tmp_path):
    assert ledger_page.contest(tmp_path / "contest") == ""
    (tmp_path / "contest").mkdir()
    common = {"data": "phantom", "patients": [28, 4, 8], "backend": "jax"} | {
        "versions": {"keras": "3"},
        "mae_hu": [40.4, 38, 43.6],
        "ssim": [0.9, 0.88, 0.92],
    }
    rows = [
        {"code": "PCA", "psnr": [24.6, 24, 25], "lead": [0, 0, 0]},
        {"code": "VAE", "psnr": [25.5, 25, 26], "lead": [0.9, 0.7, 1.1]},
        {"code": "VAE", "psnr": [24.4, 24, 25], "lead": [-0.2, -0.4, 0.0]},
    ]
    text = "".join(json.dumps(common | row) + "\n" for row in rows)
    (tmp_path / "contest" / "phantom.jsonl").write_text(text, "utf-8")
    page = ledger_page.contest(tmp_path / "contest").replace("\u00a0", " ")
    assert "28 patients to learn from, 8 to be judged on" in page
    assert "\n* - PCA\n  - 24.6 dB [24.0, 25.0]\n  - \n  - \n  - 40 HU" in page
    assert "\n  - 0.9 dB [0.7, 1.1]\n  - −0.2 to +0.9\n" in page


def test_table_agrees_with_the_chapter():
    ledger = contest.BOOK / "ledger"
    table = ledger_page.records(ledger / "contest" / "phantom.jsonl")
    lead = next(
        record["lead"][0]
        for record in table
        if (record["code"], record["seed"]) == ("convolutional autoencoder", 0)
    )
    claims = ledger_page.records(ledger / "04_convolutional_autoencoder.jsonl")
    (chapter,) = [c["value"] for c in claims if "beats PCA, both" in c["text"]]
    # the same training; sums in another order end a little elsewhere
    assert lead == pytest.approx(chapter, abs=0.3)
