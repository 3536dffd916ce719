"""Runs the JavaScript of actions in one Node.js process: an invoker's work without containers."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from owactors.entity.action import WhiskAction
from owactors.entity.activation import ActivationResponse
from owactors.message.activation import ActivationMessage

_LOOP = """
require('readline').createInterface({input: process.stdin}).on('line', async line => {
  const {code, args} = JSON.parse(line);
  let answer;
  try {
    const result = await new Function(code + '; return main;')()(args);
    answer = {result: result === undefined ? {} : result};
  } catch (error) {
    answer = {result: {error: 'An error has occurred: ' + error}, failed: true};
  }
  process.stdout.write(JSON.stringify(answer) + '\\n');
});
"""
_NO_DICTIONARY = "The action did not return a dictionary."
_DIED = "The action did not produce a valid response and exited unexpectedly."


class NodeFunctions:
    """A Behaviour. Functions share one process: not for code that keeps state."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, message: ActivationMessage, action: WhiskAction) -> ActivationResponse:
        answer = self._ask({"code": action.code, "args": message.content})
        if answer is None:
            return ActivationResponse.developer_error(_DIED)
        return _response(answer["result"], "failed" in answer)

    def _ask(self, question: Any) -> Any:
        if self._process is None:
            self._process = subprocess.Popen(
                ["node", "-e", _LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self.close()
            return None
        return json.loads(line)

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _response(result: Any, failed: bool) -> ActivationResponse:
    if not isinstance(result, dict | list):
        result, failed = {"error": _NO_DICTIONARY}, True
    size = len(json.dumps(result, separators=(",", ":")))
    if failed:
        return ActivationResponse(2, result, size)
    return ActivationResponse(1 if isinstance(result, dict) and "error" in result else 0, result, size)
