import json
import xml.etree.ElementTree as ET

import ledger_page
import pytest
import speed_page
import speed_picture
from press import BOOK

COMMON = {
    "command": "python tests/benchmarks/bench_training.py",
    "machine": {"processor": "A chip", "cores": 2, "memory_gib": 16},
    "batch": 64,
}


def speed(way, form, kind, seconds, pixels=64):
    return COMMON | {
        "way": way,
        "form": form,
        "kind": kind,
        "pixels": pixels,
        "parameters": 479969,
        "versions": {"keras": "3"},
        "images": 1000,
        "seconds": seconds,
        "to_the_end": True,
    }


def arrival(form, seed, seconds, *, passed=True):
    record = {"way": "Peer `x` & y", "form": form, "seed": seed, "goal_db": 24.61}
    record |= {"pixels": 64}
    return COMMON | record | {"seconds": seconds, "passed": passed, "psnr": 24.7}


TRAINING = [
    speed("ours", "as it comes", "course", [1.0, 0.8, 1.25]),
    speed("ours", "XLA", "course", [0.9, 2.0, 2.0]),
    speed("same", "as it comes", "keras, course loaded", [0.99, 0.99, 0.99]),
    speed("same", "XLA", "keras, course loaded", [0.5, 0.5, 0.5]),
    speed("Peer `x` & y", "eager", "peer", [2.0, 2.0, 2.0]),
    speed("Peer `x` & y", "eager", "peer", [9.0, 9.0, 9.0], 128),
    COMMON | {"way": "ours", "form": "odd", "pixels": 128, "reason": "no *luck*"},
]
COURSE = [
    COMMON | {"command": "python z.py --few", "job": job, "seconds": [30.0, 10.0, 20.0]}
    for job in ("whole", "press", "again", "again, all pages", "help", "import")
]

STEP = [
    COMMON
    | {"pixels": 64, "operations": 2e9, "ceiling": 1e11}
    | {"seconds": {"layers": 0.04, "gradients": 0.05, "step": 0.06, "fit": 0.08}},
    COMMON
    | {"pixels": 64, "operations": 2e9, "ceiling": 1e11}
    | {"seconds": {"layers": 0.1, "gradients": 0.09999, "step": 0.05, "fit": 0.1}},
]
READING = [
    COMMON
    | {"series": "JPEG 2000", "shape": [60, 512, 512]}
    | {"seconds": {"ours": [2.0, 3.0, 1.0], "theirs": [4.0, 4.0, 4.0]}}
]
STORE = [
    COMMON
    | {"slices": 1000, "pixels": 128, "kind": kind, "stored": 31.2}
    | {"private": 300.0, "resident": resident, "feeding": 5000.4}
    for kind, resident in (("store", 400.0), ("memory", 462.5))
]
FEEDING = [
    COMMON
    | {"pixels": 64, "images": 100}
    | {"seconds": {"arrays": [1.0, 1.0, 2.0], "store": [1.2]}}
    | {"waited": {"arrays": [0.1, 0.01, 0.1], "store": [0.3]}}
]
GPU = [
    COMMON
    | {"machine": {"processor": "A chip", "cores": 2, "gpu": "A card"}}
    | {"way": "jax", "shape": [32, 32, 1], "images": 10, "seconds": [0.5]}
    | {"operations": 1e12, "ceiling": 4e12},
    COMMON | {"way": "torch.compile", "reason": "no compiler"},
]


@pytest.fixture
def page(tmp_path):
    (tmp_path / "speed").mkdir()
    quality = [arrival("eager", 0, [3.0, 4.0]), arrival("eager", 1, [9.0])]
    quality.append(arrival("plain", 0, [9.5]) | {"way": "this course"})
    parts = {"training": TRAINING, "quality": quality, "course": COURSE, "step": STEP}
    parts |= {"reading": READING, "feeding": FEEDING, "gpu": GPU, "store": STORE}
    for name, records in parts.items():
        text = "".join(json.dumps(record) + "\n" for record in records)
        (tmp_path / "speed" / f"{name}.jsonl").write_text(text, "utf-8")
    assert speed_page.main(tmp_path) == 0
    return (tmp_path / "how_fast.md").read_text("utf-8").replace("\u00a0", " ")


def test_table_shows_the_fastest_form_and_its_quartiles(page):
    assert "* - ours\n  - 1000 [889, 1111], as it comes\n  - fails\n  - \n" in page
    assert "* - Peer `x` & y\n  - 500 [500, 500], eager\n  - 111 [111, 111]" in page
    assert "- s to 24.6 dB\n" in page
    assert "  - 8 [7, 9], eager\n" in page


def test_all_forms_are_there_to_unfold(page):
    assert "* - ours\n  - XLA\n  - 500\n  - –\n" in page
    assert "* - ours\n  - odd\n  - –\n  - –\n" in page
    assert "* - Peer `x` & y\n  - eager\n  - 500\n  - 111\n" in page


def test_page_says_who_is_faster(page):
    assert "At 64 × 64 this course trains 2.00 times as fast as the fastest" in page
    # of the first form that both have, whatever is the fastest of each
    assert "an epoch takes 1.01 [0.91, 1.14] times as long as with" in page
    assert "At 128" not in page


def test_page_says_who_arrives_first(page):
    said = "this course trains 10 s at 64 × 64; Peer `x` & y, eager is there first"
    assert f"{said}, after 8 s.\n" in page


def test_page_tells_how_it_was_measured_and_what_could_not_be(page):
    assert ".py`, part of `make bench`; A chip with 2 cores, 16 GiB; keras 3." in page
    assert "- `python z.py --few`; A chip with" in page
    assert "ours, odd, 128 pixels, could not be run: no \\*luck\\*" in page
    assert "The book is built from nothing in 20 s." in page
    assert "`medvae-course --help` answers in 20.00 s" in page


def test_page_says_where_a_step_goes(page):
    for cell in ("40.0 ms, 50%", "10.0 ms, 12%", "20.0 ms, 25%", "80.0 ms"):
        assert f"  - {cell}\n" in page
    for cell in ("0.0 ms, 0%", "−50.0 ms, −50%"):
        assert f"  - {cell}\n" in page
    assert "the layers run at 50% of the 100 billion operations" in page
    # 64 images in 40 ms, and a peer's 500 a second
    assert "1600 images would be trained in a second, 3.20 times the fastest" in page


def test_page_says_how_fast_is_read_and_who_waits(page):
    assert "* - ours\n  - 30 [20, 60]\n" in page
    assert "60 slices of 512 × 512" in page
    assert "* - Arrays in memory\n  - 5.0% [1.0%, 10.0%]\n" in page
    assert "* - Store on disk\n  - 25.0% [25.0%, 25.0%]\n" in page
    assert "* - Store on disk\n  - 400 MiB, 5000 a second\n" in page


def test_page_says_what_a_gpu_reaches(page):
    assert "bfloat16 on A card" in page
    assert "* - jax\n  - 20 a second, 50%\n" in page
    assert "* - torch.compile\n  - fails\n" in page
    assert "- torch.compile, could not be run: no compiler\n" in page
    assert "not run on a GPU yet" not in page


def test_picture_is_a_drawing_with_a_description(page):
    svg = page[page.index("<svg") : page.index("</svg>") + 6]
    space = "{http://www.w3.org/2000/svg}"
    drawing = ET.fromstring(svg)
    assert "Peer x & y 500 at 64 pixels" in drawing.find(f"{space}desc").text
    bars = [float(bar.get("width")[:-1]) for bar in drawing.iter(f"{space}rect")]
    assert len(bars) == 4
    assert max(bars) <= speed_picture.WIDEST


def test_seeds_that_do_not_arrive_are_counted():
    runs = [arrival("eager", 0, [3.0]), arrival("eager", 1, [9.0], passed=False)]
    assert speed_page.arrival(runs, "Peer `x` & y") == "1 of 2 seeds arrive"


def test_no_measurement_leaves_no_page(tmp_path):
    assert speed_page.main(tmp_path) == 0
    assert not list(tmp_path.iterdir())


def test_page_agrees_with_the_records():
    page = BOOK / "how_fast.md"
    written = page.read_text("utf-8") if page.exists() else ""
    assert written == speed_page.page(BOOK), "run `python book/speed_page.py`"
    for path in (BOOK / "speed").glob("*.jsonl"):
        assert all("machine" in record for record in ledger_page.records(path))
