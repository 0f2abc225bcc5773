"""TensorFlow's fast convolutions are on wherever the course trains, its log is off."""

import os
import subprocess
import sys

import pytest

NAME = "TF_ENABLE_ONEDNN_OPTS"


@pytest.mark.parametrize(("given", "found"), [(None, "1"), ("0", "0")])
def test_package_turns_onednn_on_unless_told_otherwise(given, found):
    environment = {k: v for k, v in os.environ.items() if k != NAME}
    environment |= {NAME: given} if given else {}
    asked = f"import medvae_course, os; print(os.environ['{NAME}'])"
    done = subprocess.run(
        [sys.executable, "-c", asked], env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == found


FIRST = """\
from medvae_course.teach.quiet import without_log
with without_log():  # TensorFlow's; its fast convolutions are on
    import keras
"""


def test_chapters_load_keras_fast_and_without_log(root):
    for path in sorted((root / "book/chapters").glob("*.md")):
        text = path.read_text("utf-8")
        if "import keras" in text:
            assert text.index("import keras") > text.index(FIRST), path.name


@pytest.mark.parametrize("closed", [False, True])
def test_nothing_of_tensorflows_log_is_seen(closed):
    code = f"{FIRST}from medvae_course.models import training\nkeras.ops.zeros(1)\n"
    done = subprocess.run(
        [sys.executable, "-c", code + "print('loaded')"],
        env={k: v for k, v in os.environ.items() if not k.startswith("TF_")},
        stdout=subprocess.PIPE,
        stderr=None if closed else subprocess.PIPE,
        preexec_fn=(lambda: os.close(2)) if closed else None,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr or "") == (0, "loaded\n", "")
