"""Advice names only commands that can succeed."""

import json

from mattecli.core.registry import registry
from tests.support import Run


def test_doctor_advises_a_pull_only_for_models_with_a_download(run: Run) -> None:
    findings = {record["name"]: record for record in map(json.loads, run("doctor", "--json").stdout.splitlines())}
    for name, spec in registry().models.items():
        advice = findings[name]["advice"]
        if advice is not None:
            assert ("models pull" in advice) == all(file.urls for file in spec.files), name
    assert not any(finding["advice"] and finding["advice"].split(";")[0] in finding["state"] for finding in findings.values()), "said twice"
    assert not any("`device`" in (finding["advice"] or "") for finding in findings.values()), "settings are shown as flags"


def test_info_shows_how_to_get_a_model_and_the_first_digits_of_its_hash(run: Run) -> None:
    assert "no; no weights were published" in run("models", "info", "shm").stdout
    dim = run("models", "info", "dim").stdout
    assert "no; get it with `matte models pull dim`" in dim and "647f24b6" in dim.split("sha256")[1]


def test_offline_the_error_names_an_installed_model_with_the_same_guides(run: Run, scene: object) -> None:
    done = run("image", "photo.png", "--trimap", "trimap.png", "--model", "dim-skip", "--offline", "-q")
    assert done.exit_code == 1 and "use --model fusion, which is here" in done.stderr, done.output
    done = run("image", "photo.png", "--bg", "plate.png", "--mask", "true.png", "--model", "bgm@authors", "-q")
    assert done.exit_code == 1 and "has no download" in done.stderr and "pull" not in done.stderr, done.output
