"""docs/scale.md's Kubernetes example has the fields that KubeRay's RayJob needs, and its command is one that `matte` takes."""

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mattecli.cli.app import app

YAML = Path(__file__).resolve().parents[1] / "docs" / "kuberay" / "rayjob.yaml"
TEMPLATE = {
    "type": "object",
    "required": ["spec"],
    "properties": {"spec": {"type": "object", "required": ["containers"]}},
}
GROUP = {"type": "object", "required": ["rayStartParams", "template"], "properties": {"template": TEMPLATE}}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "ray.io/v1"},
        "kind": {"const": "RayJob"},
        "metadata": {"type": "object", "required": ["name"]},
        "spec": {
            "type": "object",
            "required": ["entrypoint", "rayClusterSpec"],
            "properties": {
                "entrypoint": {"type": "string"},
                "shutdownAfterJobFinishes": {"type": "boolean"},
                "ttlSecondsAfterFinished": {"type": "integer"},
                "rayClusterSpec": {
                    "type": "object",
                    "required": ["headGroupSpec", "workerGroupSpecs"],
                    "properties": {
                        "headGroupSpec": GROUP,
                        "workerGroupSpecs": {
                            "type": "array",
                            "minItems": 1,
                            "items": {
                                **GROUP,
                                "required": [*GROUP["required"], "groupName", "replicas", "minReplicas", "maxReplicas"],
                            },
                        },
                    },
                },
            },
        },
    },
}


def test_the_rayjob_is_valid_and_its_command_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yaml, jsonschema = pytest.importorskip("yaml"), pytest.importorskip("jsonschema")
    job = yaml.safe_load(YAML.read_text())
    jsonschema.validate(job, SCHEMA)
    monkeypatch.chdir(tmp_path)
    words = shlex.split(job["spec"]["entrypoint"])
    assert words[0] == "matte"
    # Everything but the bucket is right: the command gets as far as the manifest.
    words[words.index("--manifest") + 1] = "missing.jsonl"
    words[words.index("--results") + 1] = "results.jsonl"
    done = CliRunner().invoke(app, words[1:])
    assert done.exit_code == 1 and "there is no file missing.jsonl" in done.stderr
