"""How a command ended that ran in this process."""

from __future__ import annotations

import pytest

from handgrad.cli import main


def end_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run the program in this process and return status, standard output and standard error."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    output, errors = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, output, errors
