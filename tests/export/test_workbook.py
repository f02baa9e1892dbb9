"""The workbook of a trained network, worked by LibreOffice: the digits chosen one after the other, the probabilities read."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from openpyxl import load_workbook
from torch import nn

from export.finished_runs import TEST, finished_run
from export.styles import STYLES
from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.networks.load import load_network
from handgrad.digits.networks.published import NETWORKS
from handgrad.digits.training.loop import predict
from handgrad.export.from_module import plan_of
from handgrad.export.verb import export
from handgrad.export.workbook.book import Source, choose_hundred, workbook_bytes
from handgrad.export.workbook.layers import count_formulas
from handgrad.export.workbook.worked import ask_libreoffice, worked_words
from handgrad.xlsx.libreoffice import office_program

IMAGES, LABELS = draw_digits(120, seed=4)
office = pytest.mark.skipif(office_program() is None, reason="no LibreOffice")


def book_of(module: nn.Module, name: str) -> tuple[bytes, np.ndarray]:
    """Return the book of *module* and torch's own probabilities of its hundred digits."""
    with torch.no_grad():
        logs = predict(module.eval(), torch.from_numpy(IMAGES)).double().numpy()
    hundred = choose_hundred(
        IMAGES, LABELS, logs.argmax(axis=1), np.flatnonzero(logs.argmax(axis=1) != LABELS).tolist()
    )
    source = Source(plan_of(module, name), ["A test."], hundred, logs[hundred.indexes])
    return workbook_bytes(source), np.exp(logs[hundred.indexes])


def check_in_libreoffice(module: nn.Module, name: str, count: int) -> None:
    book, expected = book_of(module, name)
    worked = ask_libreoffice(book, plan_of(module, name), count)
    assert worked is not None
    np.testing.assert_allclose(worked.values, expected[:count], atol=1e-5)


@office
def test_libreoffice_finds_the_probabilities_of_torch() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 3, 5, stride=3, padding=2), nn.BatchNorm2d(3), nn.Hardtanh(), nn.Conv2d(3, 4, 3, padding=1, dilation=2),
        nn.GELU(), nn.AvgPool2d(2, padding=1), nn.Flatten(), nn.LayerNorm(100), nn.Linear(100, 10), nn.LogSoftmax(1),
    )  # fmt: skip
    check_in_libreoffice(module, "many", 2)


@office
@pytest.mark.long
@pytest.mark.parametrize("style", STYLES)
def test_libreoffice_finds_the_probabilities_of_every_style(style: str) -> None:
    torch.manual_seed(0)
    check_in_libreoffice(STYLES[style](), style, 3)


@office
@pytest.mark.long
@pytest.mark.parametrize("name", NETWORKS)
def test_libreoffice_finds_the_probabilities_of_every_shipped_network(name: str) -> None:
    torch.manual_seed(0)
    check_in_libreoffice(load_network(name), name, 3)


@pytest.mark.long
def test_the_book_of_the_default_network_is_below_a_megabyte_and_its_stored_values_are_its_own() -> None:
    torch.manual_seed(1)
    module = load_network("stem-16k")
    book, expected = book_of(module, "stem-16k")
    assert len(book) <= 1_000_000
    assert count_formulas(plan_of(module)) == 8_790
    read = load_workbook(BytesIO(book), data_only=True)
    assert read.sheetnames[0] == "Digit" and read.sheetnames[-4:] == ["Answer", "Images", "Check", "How to read this"]
    assert read.sheetnames[1:-4] == ["Conv_1", "Conv_2", "Conv_3", "Pool_4", "Conv_5", "Conv_6", "Pool_7", "Linear_8"]
    stored = [read["Answer"].cell(6 + digit, 4).value for digit in range(10)]
    np.testing.assert_allclose(stored, expected[0], atol=1e-6)
    found = [read["Check"].cell(row, 5).value for row in range(6, 6 + 16 + 10)]
    assert found == ["same"] * 26
    differences = [read["Check"].cell(row, 4).value for row in range(6, 6 + 16 + 10)]
    assert max(differences) < 1e-4


def test_a_run_is_exported_with_its_proof_and_what_libreoffice_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from handgrad.export import renderers

    out, told = tmp_path / "net.xlsx", []
    monkeypatch.setattr(renderers, "ask_libreoffice", lambda book, plan: None)
    monkeypatch.setattr(renderers, "MANY_FORMULAS", 100)
    exported = export(finished_run(tmp_path), "xlsx", out, tell=lambda line: told.append((line, out.exists())))
    # A network with many formulas is written all the same, after saying how many.
    many = [(line, there) for line, there in told if "the book will be large and slow to open" in line]
    assert many == [(f"{exported.notes[0].split()[0]} formulas: the book will be large and slow to open", False)]
    assert exported.proof.same == TEST
    assert any("not installed or did not answer" in note for note in exported.notes)
    words = [row[0].value for row in load_workbook(tmp_path / "net.xlsx")["How to read this"].iter_rows()]
    assert f"Before this book was written: {exported.proof.sentence}." in words


def test_a_book_that_answers_otherwise_is_refused() -> None:
    from handgrad.export.proof import LossError
    from handgrad.xlsx.live import Worked

    expected = np.full((3, 10), 0.05)
    expected[:, 4] = 0.55
    near = Worked((expected + 5e-6).tolist(), 1.0, 0.5, [0.1] * 3)
    assert "the run's answer on 3 of 3" in worked_words(near, expected, LossError)
    with pytest.raises(LossError, match="does not give the answers of the run"):
        worked_words(Worked((expected + 2e-5).tolist(), 1.0, 0.5, [0.1] * 3), expected, LossError)
