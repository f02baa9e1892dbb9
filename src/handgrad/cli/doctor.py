"""``handgrad doctor``: what is installed, on what it would run, where the data is, and how to fix what is missing."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from handgrad.allowance import usable_cores
from handgrad.cli.app import app
from handgrad.errors import MissingError, counted

INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16", "neon", "asimd", "bf16")
"""Flags of /proc/cpuinfo that decide how fast a training is."""


@dataclass(frozen=True)
class Finding:
    """One part: whether it is there and right, whether handgrad cannot do without it, and the command that fixes it."""

    part: str
    ok: bool
    needed: bool
    found: str
    fix: str | None = None


@app.command(short_help="Say what is installed, where the data is, and what to fix.")
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Say what is installed, on which device it runs, where the data is, and the command that fixes what is missing.

    The exit status is 3 when a needed part is missing.
    """
    findings = [*_packages(), *_machine(), _spreadsheet(), _data()]
    missing = [finding for finding in findings if finding.needed and not finding.ok]
    if as_json:
        print(json.dumps({"ok": not missing, "findings": [asdict(finding) for finding in findings]}, indent=1))
    else:
        print("\n".join(_text(findings)))
    if missing:
        # The list and the error go to two streams: without this the error could stand above the list.
        sys.stdout.flush()
        names = ", ".join(finding.part for finding in missing)
        raise MissingError(f"{names} – missing or not usable – {missing[0].fix or 'see the list'}")


def _text(findings: list[Finding]) -> Iterator[str]:
    """Return the findings as lines for people, the command that fixes a part below it."""
    width = max(len(finding.part) for finding in findings)
    for finding in findings:
        mark = "ok      " if finding.ok else "MISSING " if finding.needed else "optional"
        yield f"{mark}  {finding.part:{width}}  {finding.found}"
        if finding.fix and not finding.ok:
            yield f"{'':8}  {'':{width}}  → {finding.fix}"


def _packages(distribution: str = "handgrad") -> Iterator[Finding]:
    """Return Python and every dependency that the installed package itself declares; extras for developing are left out."""
    yield Finding(
        "python", sys.version_info >= (3, 11), True, platform.python_version(), "install Python 3.11 or newer"
    )
    try:
        declared = importlib.metadata.requires(distribution) or []
        yield Finding(distribution, True, True, importlib.metadata.version(distribution))
    except importlib.metadata.PackageNotFoundError:
        yield Finding(distribution, False, True, "not installed, only its files are there", "pip install .")
        return
    for requirement in declared:
        specifier, _, marker = requirement.partition(";")
        extra = re.search(r"""extra\s*==\s*["']([^"']+)["']""", marker)
        if extra is None:
            yield _package(specifier, None)
        elif extra[1] != "dev":
            yield _package(specifier, f"{distribution}[{extra[1]}]")


def _package(specifier: str, extra: str | None) -> Finding:
    """Return what is installed for a requirement such as ``torch<3,>=2.11``; *extra* is what would install it."""
    match = re.match(r"[A-Za-z0-9._-]+", specifier.strip())
    name = match[0] if match else specifier.strip()
    wanted = specifier.strip()[len(name) :].strip(" ()")
    fix = f'pip install "{extra or name + wanted}"'
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, extra is None, "not installed", fix)
    if not _satisfies(version, wanted):
        return Finding(name, False, extra is None, f"{version}, {wanted} is needed", fix)
    return Finding(name, True, extra is None, version)


def _satisfies(version: str, wanted: str) -> bool:
    """Return whether *version* meets bounds such as ``<3,>=2.11``; only the signs that handgrad's own bounds use are judged."""
    numbers = _release(version)
    bounds = re.findall(r"(>=|<)\s*([0-9.]+)", wanted)
    return all(numbers >= _release(bound) if sign == ">=" else numbers < _release(bound) for sign, bound in bounds)


def _release(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version without trailing zeros, so that 3 and 3.0 are equal."""
    match = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(number) for number in match[0].split(".")] if match else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> Iterator[Finding]:
    """Return processor, instruction sets and CUDA as torch sees them."""
    model, flags = _processor(cpuinfo)
    try:
        # A torch that is half installed fails in many ways: a missing library is an OSError, not an ImportError.
        import torch

    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        yield Finding("processor", True, True, model)
        yield Finding("torch works", False, True, reason, "pip install --force-reinstall torch")
        return
    cores = usable_cores()
    yield Finding("processor", True, True, f"{model}, {counted(cores, 'usable core')}")
    capability = torch.backends.cpu.get_cpu_capability()
    yield Finding("instruction sets", True, False, f"torch uses {capability}; {' '.join(flags) or 'no flags to read'}")
    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
        yield Finding("cuda", True, False, f"{names}, CUDA {torch.version.cuda}")
    else:
        build = torch.version.cuda or "none"
        found = f"no device found (torch {torch.__version__}, built for CUDA: {build})"
        yield Finding("cuda", False, False, found, "not needed; for a GPU install a CUDA build of torch (pytorch.org)")


def _processor(cpuinfo: Path) -> tuple[str, list[str]]:
    """Return the model of the processor and those of its flags that matter, from Linux where it is Linux."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    pairs: dict[str, Any] = {}
    for each in lines:
        key, colon, value = each.partition(":")
        if colon:
            pairs.setdefault(key.strip().lower(), value.strip())
    flags = set(f"{pairs.get('flags', '')} {pairs.get('features', '')}".split())
    model = pairs.get("model name") or platform.processor() or platform.machine()
    return model, [flag for flag in INSTRUCTIONS if flag in flags]


def _spreadsheet() -> Finding:
    """Return whether LibreOffice is there, which opens workbooks and recalculates them in the tests."""
    path = shutil.which("soffice") or shutil.which("libreoffice")
    fix = "any spreadsheet program opens the workbooks; on Debian: apt install libreoffice-calc"
    return Finding("libreoffice", path is not None, False, path or "not found", fix)


def _data() -> Finding:
    """Return where the data is; without any a training draws its own, but a folder that was named must be right."""
    from handgrad.cli.data import survey
    from handgrad.cli.environment import data_folder

    try:
        from handgrad.digits.data.fetch import default_cache
        from handgrad.digits.data.mnist import MIRRORS

        folder = data_folder(None)
        record = survey(folder, default_cache(), MIRRORS)
    except ImportError as error:
        return Finding("data", False, False, f"cannot be read without {error.name}", "repair the packages first")
    except MissingError as error:
        named = data_folder(None) is not None
        fetch = "correct or unset HANDGRAD_DATA" if named else "handgrad data --fetch"
        return Finding("data", False, named, str(error), fetch)
    if record.name is None:
        found = f"nothing in {record.folder}: a training draws its own digits"
        return Finding(
            "data", False, False, found, "handgrad data --fetch, or set HANDGRAD_DATA to a folder of the files"
        )
    return Finding("data", True, False, f"{record.name} in {record.folder}")
