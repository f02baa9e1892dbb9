"""Runs in the new process before anything else does: a root of its own, limits, no privileges, then the program.

Started as a script by `handgrad.judge.sandbox.run` with the standard library alone. Standard input holds a JSON object; see
`Spec` there. What fails is written to standard error with status 97, and nothing is run.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FAILED = 97
NOBODY = 65534
READ_ONLY, NO_SUID, NO_DEV, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
DETACH = 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
MOUNT_SETATTR = 442
"""One number on every architecture; the call is there from Linux 5.12 on."""
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 4, 24, 38
DEVICES = ("null", "zero", "random", "urandom")

libc = ctypes.CDLL(None, use_errno=True)


class Attributes(ctypes.Structure):
    """struct mount_attr of mount_setattr(2)."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def _checked(result: int, what: str) -> None:
    """Raise OSError, naming *what* was tried, where a C call says that it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2)."""
    arguments = [None if value is None else value.encode() for value in (source, target, kind, data)]
    result = libc.mount(arguments[0], arguments[1], arguments[2], ctypes.c_ulong(flags), arguments[3])
    _checked(result, f"mount {target}")


def _show(path: str, root: str) -> None:
    """Let *path* (file or folder, all that is mounted below it too) be seen in the new root at its own place, read-only."""
    target = root + path
    if Path(path).is_dir():
        Path(target).mkdir(parents=True, exist_ok=True)
    else:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).touch()
    _mount(path, target, None, BIND | RECURSIVE)
    attributes = Attributes(set=READ_ONLY | NO_SUID | NO_DEV)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    call = libc.syscall(MOUNT_SETATTR, AT_FDCWD, target.encode(), AT_RECURSIVE, ctypes.byref(attributes), size)
    _checked(call, f"make {path} read-only")


def _private_root(spec: Mapping[str, Any]) -> None:
    """Replace the root by an empty one that holds what *spec* shows, a few devices, and an empty home in memory."""
    root = spec["root"]
    _mount(None, "/", None, RECURSIVE | PRIVATE)
    _mount("tmpfs", root, "tmpfs", NO_SUID | NO_DEV, "size=1m,mode=755")
    for path in spec["shown"]:
        _show(path, root)
    for path, target in spec["links"]:
        Path(root + path).symlink_to(target)
    Path(root, "dev").mkdir()
    for name in DEVICES:
        Path(root, "dev", name).touch()
        _mount(f"/dev/{name}", f"{root}/dev/{name}", None, BIND)
    Path(root, "proc").mkdir()
    _mount("proc", f"{root}/proc", "proc", READ_ONLY | NO_SUID | NO_DEV)
    owner = NOBODY if spec["drop"] == "user" else 0
    Path(root + spec["home"]).mkdir(parents=True, exist_ok=True)
    options = f"size={spec['disk']},nr_inodes=10000,mode=700,uid={owner},gid={owner}"
    _mount("tmpfs", root + spec["home"], "tmpfs", NO_SUID | NO_DEV, options)
    Path(root, "old").mkdir()
    number = PIVOT_ROOT[os.uname().machine]
    _checked(libc.syscall(number, root.encode(), f"{root}/old".encode()), "pivot_root")
    os.chdir("/")
    _checked(libc.umount2(b"/old", DETACH), "leave the old root")
    Path("/old").rmdir()
    _mount(None, "/", None, REMOUNT | BIND | READ_ONLY | NO_SUID | NO_DEV)


def _limit(spec: Mapping[str, Any]) -> None:
    """Set the kernel's limits for this process and all that it starts."""
    for name, value in spec["limits"].items():
        _, hard = resource.getrlimit(getattr(resource, name))
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(getattr(resource, name), (value, value))


def _drop_privileges(how: str) -> None:
    """Give up every capability and every way to win one back; *how* is "user" (become nobody), "rights" or "nothing"."""
    if how in ("user", "rights"):
        for capability in range(64):
            if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
                break
    if how == "user":
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    _checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")


def _close_all_but(kept: Sequence[int]) -> None:
    """Close every file that the parent may have left open, but those in *kept*."""
    last = 3
    for number in sorted(kept):
        os.closerange(last, number)
        last = number + 1
    os.closerange(last, 4096)


def _main() -> None:
    """Read the spec, shut the door behind, become the program."""
    try:
        with os.fdopen(0, closefd=False) as file:
            spec = json.load(file)
        _close_all_but([spec["answers"]])
        if spec["drop"] == "rights":
            # Counted for the user namespace that this process has: a further one would hand all capabilities back.
            Path("/proc/sys/user/max_user_namespaces").write_text("0")
        if spec["root"]:
            _private_root(spec)
        _limit(spec)
        _drop_privileges(spec["drop"])
        os.chdir(spec["home"])
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.umask(0o077)
        os.write(spec["answers"], bytes.fromhex(spec["enclosed"]))
        os.execve(spec["command"][0], spec["command"], spec["environment"])
    except Exception as error:  # whatever it is, the program must not run less enclosed than was said
        sys.stderr.write(f"not isolated: {error}\n")
        raise SystemExit(FAILED) from None


if __name__ == "__main__":
    _main()
