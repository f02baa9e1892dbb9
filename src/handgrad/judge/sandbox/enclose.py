"""Shuts a process in before a stranger's program runs in it: a root of its own, limits, no rights, no open files.

Only the standard library, and only calls that every step before has left the right to make: the order of the steps in
`shut_in` and `give_up_rights` is the isolation. What fails raises, and the program is not run.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

CLONE = {
    "mount": 0x20000,
    "uts": 0x4000000,
    "ipc": 0x8000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "net": 0x40000000,
}
"""Flags of unshare(2)."""
# From <sys/mount.h>: Python has no function for any of these calls.
READ_ONLY, NO_SUID, NO_DEV, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
DETACH = 2
# glibc has no wrapper for it; on another processor the level without namespaces is what remains.
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
MOUNT_SETATTR = 442
"""One number on every architecture; the call is there from Linux 5.12 on."""
# From <linux/fcntl.h>; the second reaches what is mounted further down, which a plain remount leaves as it is.
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
# From <sys/prctl.h>.
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 36, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
# From <linux/capability.h>: the layout of 64 bits; an older one would leave the upper half as it is.
CAPABILITY_VERSION_3 = 0x20080522
MOST_FILES = 4096
"""The warm process opens a few dozen; a copy of it cannot have more."""
# Nothing that is a disk, a terminal or memory.
DEVICES = ("null", "zero", "random", "urandom")

_libc = ctypes.CDLL(None, use_errno=True)


class _Attributes(ctypes.Structure):
    """struct mount_attr of mount_setattr(2)."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def _checked(result: int, what: str) -> None:
    """Raise OSError, naming *what* was tried, where a C call says that it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def die_with_parent() -> None:
    """Let the kernel kill this process when the one that started it is gone, however that came about.

    The kernel forgets this when a process changes its user, so it is asked for again afterwards.
    """
    _checked(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "die with the parent")


def adopt_orphans() -> None:
    """Let orphans of the program become children of this process, so that none gets out of sight."""
    _checked(_libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "adopt orphans")


def out_of_reach() -> None:
    """Let no process of the same user read the memory of this one or attach to it."""
    _checked(_libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "keep others from attaching")


def unshare(kinds: Sequence[str]) -> None:
    """Move this process into new namespaces of these *kinds*; in one for users it is root, and nobody else is there."""
    unknown = [kind for kind in kinds if kind not in CLONE]
    if unknown:
        raise OSError(f"no namespace of the kind {unknown[0]}")
    user, group = os.geteuid(), os.getegid()
    _checked(_libc.unshare(sum(CLONE[kind] for kind in kinds)), "unshare")
    if "user" in kinds:
        # Since Linux 3.19 an unprivileged gid_map is refused before this, because leaving a group could open what it
        # was shut out of.
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")
        # Counted for the user namespace that this process has: a further one would hand all capabilities back.
        Path("/proc/sys/user/max_user_namespaces").write_text("0", encoding="ascii")


def _mount(source: str | None, target: str, kind: str | None, flags: int, *, data: str | None = None) -> None:
    """mount(2)."""
    arguments = [None if value is None else os.fsencode(value) for value in (source, target, kind, data)]
    result = _libc.mount(arguments[0], arguments[1], arguments[2], ctypes.c_ulong(flags), arguments[3])
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
    # mount_setattr reaches what is mounted below too; a remount changes one mount and leaves the others writable.
    attributes = _Attributes(set=READ_ONLY | NO_SUID | NO_DEV)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    call = _libc.syscall(MOUNT_SETATTR, AT_FDCWD, os.fsencode(target), AT_RECURSIVE, ctypes.byref(attributes), size)
    _checked(call, f"make {path} read-only")


def shut_in(spec: Mapping[str, Any]) -> None:
    """Replace the root by an empty one that holds what *spec* shows, a few devices, and an empty home in memory."""
    root, owner = spec["root"], spec["user"]
    # First: until it is private, every mount here would appear in the system outside.
    _mount(None, "/", None, RECURSIVE | PRIVATE)
    _mount("tmpfs", root, "tmpfs", NO_SUID | NO_DEV, data="size=1m,mode=755")
    for path in spec["shown"]:
        _show(path, root)
    for path, target in spec["links"]:
        Path(root + path).symlink_to(target)
    Path(root, "dev").mkdir()
    for name in DEVICES:
        Path(root, "dev", name).touch()
        _mount(f"/dev/{name}", f"{root}/dev/{name}", None, BIND)
    Path(root, "proc").mkdir()
    # Of the new process namespace, so that it shows nobody else's processes; torch reads it to count processors.
    _mount("proc", f"{root}/proc", "proc", READ_ONLY | NO_SUID | NO_DEV)
    Path(root + spec["home"]).mkdir(parents=True, exist_ok=True)
    # In memory and bounded, also in the number of files: a million empty files take no size and a lot of kernel
    # memory.
    options = f"size={spec['disk']},nr_inodes=10000,mode=700,uid={owner},gid={owner}"
    _mount("tmpfs", root + spec["home"], "tmpfs", NO_SUID | NO_DEV, data=options)
    Path(root, "old").mkdir()
    number = PIVOT_ROOT[platform.machine()]
    # pivot_root and not chroot: out of a chroot root can climb again, and the old root must go away entirely.
    _checked(_libc.syscall(number, os.fsencode(root), os.fsencode(f"{root}/old")), "pivot_root")
    os.chdir("/")
    # Lazily: something may still be open in it here, and closes with the files that are closed next.
    _checked(_libc.umount2(b"/old", DETACH), "leave the old root")
    Path("/old").rmdir()
    _mount(None, "/", None, REMOUNT | BIND | READ_ONLY | NO_SUID | NO_DEV)


def data_held() -> int:
    """Return the bytes of private memory that this process may write to, as ``RLIMIT_DATA`` counts them; 0 where unknown."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_bytes().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def limit(limits: Mapping[str, int]) -> None:
    """Set the kernel's limits for this process and all that it starts."""
    for name, value in limits.items():
        _, hard = resource.getrlimit(getattr(resource, name))
        # A limit that a container has set already can only be lowered.
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(getattr(resource, name), (value, value))


def give_up_rights(how: str, user: int) -> None:
    """Give up every capability and every way to win one back.

    *how* is "user" (become *user*, who owns nothing), "rights" (stay root of an empty user namespace, without any right)
    or "nothing".
    """
    if how in ("user", "rights"):
        # The kernel says where they end: newer ones have more than this Python knows of.
        for capability in range(64):
            if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
                break
        # Not there before Linux 4.3, and empty unless somebody filled it.
        _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    if how == "user":
        # Before the user changes: afterwards the right to do so is gone. Group before user for the same reason.
        os.setgroups([])
        # Real, effective and saved: a saved id would be a way back.
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    if how in ("user", "rights"):
        # No new program is executed that would give them up: this process is a copy of one that had them.
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        _checked(_libc.capset(header, (ctypes.c_uint32 * 6)()), "give up capabilities")
    _checked(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")


def close_all_but(kept: Sequence[int]) -> None:
    """Close every file that is open, but those in *kept* and the first three."""
    last = 3
    # closerange skips what is not open, without asking for each.
    for number in sorted(kept):
        os.closerange(last, number)
        last = number + 1
    os.closerange(last, MOST_FILES)
