"""TensorFlow's fast convolutions are on, wherever the course trains."""

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


def test_chapters_turn_it_on_before_keras(root):
    for path in sorted((root / "book/chapters").glob("*.md")):
        text = path.read_text("utf-8")
        if "import keras" in text:
            setting = f'os.environ.setdefault("{NAME}", "1")'
            assert text.index(setting) < text.index("import keras"), path.name


def test_commands_load_tensorflow_without_a_line_of_its_log():
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    code = """
from medvae_course.cli.quiet import without_log
with without_log():
    import keras
    from medvae_course.models import training
keras.ops.zeros(1)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=kept, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
