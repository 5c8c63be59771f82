"""docs/adding-a-model.md: the very text of the page makes a model that trains."""

import re
import time

import pytest
from places import ROOT
from tiny_project import ran_stages

PAGE = ROOT / "docs" / "adding-a-model.md"


@pytest.mark.slow
def test_model_of_the_page_trains_and_what_was_trained_before_is_not_trained_again(project):
    text = PAGE.read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, flags=re.DOTALL)[1]
    command = re.search(r"```sh\n(.*?)\n```", text, flags=re.DOTALL)[1].split()
    (project.folder / "har" / "models" / "mean_dense.py").write_text(code, encoding="utf-8")
    project.run(*command)
    assert project.metrics()["model"] == "mean_dense"
    # Back to the model before, and to this one again: nothing is trained.
    for model in ("mobilenet_lstm", "mean_dense"):
        start = time.monotonic()
        project.set_params({"model": model})
        printed = project.run("dvc", "repro")
        assert project.metrics()["model"] == model
        assert ran_stages(printed) == ["settings"] or "was trained before" in printed, printed
        assert time.monotonic() - start < 60  # 15 s on two quiet cores
    # A comment and a docstring train nothing; a constant of the training does.
    loop = project.folder / "har" / "training" / "loop.py"
    loop.write_text(loop.read_text().replace('"""Training:', '"""# The training:') + "# comment\n")
    assert "was trained before" in project.run("dvc", "repro", "train")
    steps = project.folder / "har" / "training" / "steps.py"
    before = steps.read_text()
    steps.write_text(before.replace("WARM_UP_SHARE = 0.05", "WARM_UP_SHARE = 0.06"))
    assert steps.read_text() != before
    printed = project.run("dvc", "repro", "train")
    assert "train" in ran_stages(printed)
    assert "was trained before" not in printed
