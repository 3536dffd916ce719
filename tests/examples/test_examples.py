"""The examples, bundled as `owactors deploy` does and run in real sandboxes on their input."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from owactors.cli.bundle import Bundle, bundle
from owactors.cli.parameters import read_content, read_object
from owactors.container.port import ContainerFactory
from tests.container.backends import PATIENCE, body_of, init_body, run_body, sandbox, scenario

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BACKEND = sandbox("sandbox")


def run_in_sandbox(code: Bundle, kind: str, parameters: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The result of one call in a new sandbox."""
    results: list[dict[str, Any]] = []

    async def play(factory: ContainerFactory) -> None:
        container = await factory.create(BACKEND.spec(kind))
        init = body_of(await container.initialize(init_body(code.code, binary=code.binary), PATIENCE))
        assert init.status == 200, init.body
        run = body_of(await container.run(run_body(parameters), PATIENCE))
        assert run.status == 200, run.body
        results.append(json.loads(run.body))

    scenario(BACKEND, folder, play)
    return results[0]


def test_word_statistics_of_a_long_text(tmp_path: Path) -> None:
    folder = EXAMPLES / "wordstats"

    result = run_in_sandbox(bundle(folder / "wordstats.py"), "python:3", read_object(folder / "params.json"), tmp_path)

    assert (result["words"], result["sentences"]) == (1359, 84)
    assert result["top_words"][0] == ["about", 9]
    assert ["eighteen seconds", 3] in result["top_pairs"]


def test_a_thumbnail_made_with_an_installed_package(tmp_path: Path) -> None:
    folder = EXAMPLES / "thumbnail"
    parameters = {"image": read_content(folder / "input.png"), "size": 64}

    result = run_in_sandbox(bundle(folder / "thumbnail"), "python:3", parameters, tmp_path)

    assert (result["from"], result["to"]) == ([640, 400], [64, 40])
    picture = base64.b64decode(result["thumbnail"])
    assert picture.startswith(b"\x89PNG")
    assert len(picture) == result["bytes"]


@pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="needs Node.js and npm")
def test_markdown_made_with_an_installed_package(tmp_path: Path) -> None:
    folder = EXAMPLES / "markdown"
    parameters = {"markdown": read_content(folder / "input.md")}

    result = run_in_sandbox(bundle(folder / "markdown"), "nodejs:18", parameters, tmp_path)

    assert result["title"] == "Bread for a cold morning"
    assert [heading["depth"] for heading in result["contents"]] == [1, 2, 2, 2]
    assert "<td>wheat flour</td>" in result["html"]
    assert '<code class="language-python">' in result["html"]
