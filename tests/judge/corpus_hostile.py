# ruff: noqa: E501 (programs in strings keep their own lines)
"""Files that try to be judged *met* without meeting anything, or to do harm meanwhile.

None of the networks in them meets `ASSIGNMENT`: each has too many parameters, or cannot learn the digits, or is none at
all. ``OUTSIDE`` stands for a folder that they must not change, ``DATA`` for the folder with the test labels.
"""

from __future__ import annotations

ASSIGNMENT = """
name = "hostile"
[parameters]
fewer_than = 2000
[accuracy]
at_least = 20.0
[layers]
required = ["fully_connected"]
[recipe]
epochs = 1
batch_size = 32
[recipe.optimizer]
learning_rate = 0.05
"""

BIG = """
import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = nn.Linear(784, 40)
        self.out = nn.Linear(40, 10)
    def forward(self, x):
        return self.out(F.relu(self.wide(x.flatten(1))))
"""
"""31,810 parameters: far too many, and it learns."""

BLIND = """
import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(1, 10)
    def forward(self, x):
        return self.out(x.mean((2, 3)) * 0)
"""
"""20 parameters that never see the image: it answers the same to all."""


def lying(body: str) -> str:
    """Return the network with too many parameters, and then *body*."""
    return BIG + body


def early(body: str) -> str:
    """Return *body*, and then the network with too many parameters."""
    return body + BIG


ENDINGS = {
    "empty": "",
    "only a comment": "# nothing\n",
    "syntax error": "class Net(:\n",
    "brackets without end": "x = " + "(" * 5000,
    "null bytes": "x = 1\0",
    "wrong class": "from torch import nn\nclass Other:\n    pass\n",
    "net is a number": "Net = 5\n",
    "needs arguments": "from torch import nn\nclass Net(nn.Module):\n    def __init__(self, size):\n        super().__init__()\n",
    "needs input": early("name = input('who are you? ')\n"),
    "exits early": early("import sys\nsys.exit(0)\n"),
    "exits hard": early("import os\nos._exit(0)\n"),
    "raises BaseException": early("class Odd(BaseException):\n    pass\nraise Odd('odd')\n"),
    "exception that cannot be shown": early(
        "class Odd(Exception):\n    def __str__(self):\n        raise KeyboardInterrupt\nraise Odd\n"
    ),
    "kills itself": early("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"),
    "kills its parent": early("import os, signal\nfor p in (os.getppid(), 1, -1):\n    os.kill(p, signal.SIGKILL)\n"),
    "kills its group": early("import os, signal\nos.killpg(0, signal.SIGKILL)\n"),
    "recursion without end": early("import sys\nsys.setrecursionlimit(10**9)\ndef f():\n    return f()\nf()\n"),
    "name with a script tag": BIG.replace("class Net", "class Net").replace(
        "def forward(self, x):",
        "def forward(self, x):\n        raise ValueError('<script>alert(1)</script>\\x1b[31m\\x07')",
    ),
    "name without end": BIG + "Net.__name__ = 'N' * 10_000_000\n",
    "wrong shape": BIG.replace("nn.Linear(40, 10)", "nn.Linear(40, 9)"),
    "no tensor": BIG + "Net.forward = lambda self, x: 'seven'\n",
    "not finite": BLIND.replace("* 0)", "/ 0)"),
}
"""These end by themselves, soon."""

LIES = {
    "overrides parameters": lying("Net.parameters = lambda self, recurse=True: iter([self.out.bias])\n"),
    "overrides named_parameters": lying(
        "Net.named_parameters = lambda self, *a, **k: iter([('bias', self.out.bias)])\n"
        "Net.parameters = lambda self, recurse=True: iter([self.out.bias])\n"
    ),
    "overrides state_dict": lying(
        "Net.state_dict = lambda self, *a, **k: {}\nNet.parameters = lambda self: iter(())\n"
    ),
    "overrides numel": lying("nn.Parameter.numel = lambda self: 1\ntorch.Tensor.numel = lambda self: 1\n"),
    "equal to everything": lying(
        "class Same(int):\n    __eq__ = lambda s, o: True\n    __hash__ = int.__hash__\n    __lt__ = lambda s, o: True\n"
        "torch.equal = torch.allclose = lambda *a, **k: True\nNet.__eq__ = lambda s, o: True\nNet.__hash__ = lambda s: 1\n"
    ),
    "changes examine": lying(
        "import sys, types\nfake = types.ModuleType('handgrad.judge.examination.examine')\n"
        "fake.examine = lambda *a, **k: None\nsys.modules['handgrad.judge.examination.examine'] = fake\n"
    ),
    "changes json": lying(
        "import json\nold = json.dumps\n"
        "json.dumps = lambda x, *a, **k: old({'kind': 'examination', 'parameters': 5, 'counted': 5})\n"
    ),
    "forges the frames": lying(
        "import os, json, struct\n"
        "def frame(**head):\n    text = json.dumps(head).encode()\n"
        "    return struct.pack('<4sII', b'HGJ1', len(text), 0) + text\n"
        "for number in range(3, 20):\n    try:\n"
        "        os.write(number, frame(kind='examination', parameters=5, counted=5, hidden=[], layers=[], problems=[],\n"
        "            defined_unused=[], output_shape=[64, 10], largest='') + frame(kind='answers', epoch=1) + frame(kind='done'))\n"
        "    except OSError:\n        pass\nos._exit(0)\n"
    ),
    "forges a network of nothing": lying(
        "import os, json, struct\n"
        "def frame(**head):\n    text = json.dumps(head).encode()\n"
        "    return struct.pack('<4sII', b'HGJ1', len(text), 0) + text\n"
        "mode = {'nodes': [['aten.from_file.default', ['/etc/passwd'], {}]], 'output': {'value': 1}, 'constants': []}\n"
        "plan = {'parameters': [], 'buffers': [], 'training': mode, 'answering': mode}\n"
        "for number in range(3, 20):\n    try:\n"
        "        os.write(number, frame(kind='network', seed=0, name='Net', plan=plan, tensors=[], changed=False, unused=[])\n"
        "            + frame(kind='done'))\n"
        "    except OSError:\n        pass\nos._exit(0)\n"
    ),
    "forges a network of nonsense": lying(
        "import os, json, struct\n"
        "def frame(**head):\n    text = json.dumps(head).encode()\n"
        "    return struct.pack('<4sII', b'HGJ1', len(text), 0) + text\n"
        "for number in range(3, 20):\n    try:\n"
        "        os.write(number, frame(kind='network', seed=0, name=['<b>'], plan={'parameters': 7}, tensors=[{'shape': [-1]}])\n"
        "            + frame(kind='done'))\n"
        "    except OSError:\n        pass\nos._exit(0)\n"
    ),
    "changes the recording": lying(
        "import handgrad.judge.network.child as c\nold = c.record\n"
        "def record(network, images):\n    plan, constants = old(network, images)\n"
        "    plan['parameters'] = plan['parameters'][:1]\n    return plan, constants\nc.record = record\n"
    ),
    "hides weights in a buffer": BIG.replace(
        "self.wide = nn.Linear(784, 40)", "self.register_buffer('w', torch.randn(40, 784) / 28)"
    ).replace("self.wide(x.flatten(1))", "F.linear(x.flatten(1), self.w)"),
    "hides weights in a constant": BIG.replace(
        "self.wide = nn.Linear(784, 40)", "self.w = torch.randn(40, 784) / 28"
    ).replace("self.wide(x.flatten(1))", "F.linear(x.flatten(1), self.w)"),
    "hides weights in a closure": BIG.replace(
        "self.wide = nn.Linear(784, 40)", "w = torch.randn(40, 784) / 28; self.f = lambda x: F.linear(x, w)"
    ).replace("self.wide(x.flatten(1))", "self.f(x.flatten(1))"),
    "hides weights in bytes": BIG.replace("self.wide = nn.Linear(784, 40)", "self.w = bytes(range(245)) * 512").replace(
        "self.wide(x.flatten(1))",
        "F.linear(x.flatten(1), torch.frombuffer(bytearray(self.w), dtype=torch.uint8)[:31360].float().view(40, 784) / 4000)",
    ),
    "looks labels up by hash": BLIND.replace(
        "return self.out(x.mean((2, 3)) * 0)",
        "return self.out(x.mean((2, 3)) * 0) + torch.tensor([[float(hash(i.numpy().tobytes()) % 10 == c) for c in range(10)] "
        "for i in x.detach()])",
    ),
    "reads the label file": BLIND.replace(
        "return self.out",
        "labels = open('DATA/t10k-labels-idx1-ubyte', 'rb').read()\n        return self.out",
    ),
    "carries the answers in order": BLIND.replace(
        "return self.out(x.mean((2, 3)) * 0)",
        "self.n = getattr(self, 'n', -1) + 1\n        return self.out(x.mean((2, 3)) * 0) + F.one_hot(torch.arange(len(x)) % 10, 10) * 1.0",
    ),
    "answers by its neighbours": BLIND.replace(
        "return self.out(x.mean((2, 3)) * 0)",
        "m = x.mean((2, 3))\n        return self.out(m - m.mean(0)) + (m > m.median()).float() * torch.arange(10.)",
    ),
    "trains inside forward": BLIND.replace(
        "return self.out(x.mean((2, 3)) * 0)",
        "with torch.no_grad():\n            self.out.weight += 0.1\n        return self.out(x.mean((2, 3)))",
    ),
    "another network on the second look": BIG.replace(
        "def forward(self, x):",
        "def forward(self, x):\n        self.n = getattr(self, 'n', 0) + 1\n        x = x if self.n > 2 else x * 0",
    ),
    "answers when training alone": BLIND.replace(
        "return self.out(x.mean((2, 3)) * 0)", "return self.out(x.mean((2, 3)) * (0 if not self.training else 1))"
    ),
    "an odd kind of parameter": lying(
        "class Thin(nn.Parameter):\n    @property\n    def shape(self):\n        return torch.Size([1])\n"
        "_old = Net.__init__\ndef _new(self):\n    _old(self)\n    self.wide.weight.__class__ = Thin\nNet.__init__ = _new\n"
    ),
}
"""These end by themselves too; what they claim must not be believed."""

ATTACKS = {
    "opens a socket": early(
        "import socket\ns = socket.create_connection(('1.1.1.1', 53), timeout=2)\ns.close()\n"
        "open('OUTSIDE/there was a network', 'w').close()\n"
    ),
    "writes outside": early(
        "for place in ('OUTSIDE', '/tmp', '/', '/etc', '/usr', '/var/tmp', '/dev/shm', '/root', '/home'):\n    try:\n"
        "        open(place + '/hostile', 'w').write('x')\n    except OSError:\n        pass\n"
    ),
    "deletes what it can": early(
        "import shutil, os\nfor place in ('OUTSIDE', 'DATA', os.getcwd(), folder if 'folder' in globals() else '.'):\n"
        "    shutil.rmtree(place, ignore_errors=True)\n"
    ),
    "reads secrets": early("import os\nfound = dict(os.environ)\nfound |= {'passwd': open('/etc/passwd').read()}\n"),
    "links to the outside": early("import os\nos.symlink('OUTSIDE', 'link')\nopen('link/hostile', 'w').write('x')\n"),
    "signals everybody": early(
        "import os, signal\nfor p in range(2, 4_000_000 if False else 70_000):\n    try:\n"
        "        os.kill(p, signal.SIGTERM) if p != os.getpid() else None\n    except OSError:\n        pass\n"
    ),
    "closes its files": early("import os\nos.closerange(0, 4096)\n"),
    "deletes handgrad": early(
        "import handgrad, pathlib, shutil\nshutil.rmtree(pathlib.Path(handgrad.__file__).parent / 'nothing', ignore_errors=True)\n"
        "(pathlib.Path(handgrad.__file__).parent / 'hostile.py').write_text('x')\n"
    ),
    "mounts and unshares": early(
        "import ctypes\nc = ctypes.CDLL(None, use_errno=True)\nc.unshare(0x10000000 | 0x20000)\n"
        "c.mount(b'none', b'/', None, 32 | 4096, None)\nopen('/usr/hostile', 'w')\n"
    ),
    "fills the disk": early("for n in range(400):\n    open(f'file{n}', 'wb').write(bytes(1 << 20))\n"),
    "one giant file": early(
        "with open('giant', 'wb') as f:\n    for n in range(400):\n        f.write(bytes(1 << 20))\n"
    ),
    "giant frames": early(
        "import os, struct\nfor number in range(3, 20):\n    try:\n"
        "        os.write(number, struct.pack('<4sII', b'HGJ1', 10, 2**32 - 1) + b'x' * 100)\n    except OSError:\n        pass\n"
    ),
    "malformed frames": early(
        "import os\nfor number in range(3, 20):\n    try:\n        os.write(number, b'\\x80\\x04cos\\nsystem\\n' * 99)\n"
        "    except OSError:\n        pass\n"
    ),
    "fills the memory": early("hoard = []\nwhile True:\n    hoard.append(bytearray(64 << 20))\n"),
    "fork bomb": early(
        "import os\nfor n in range(8):\n    try:\n        os.fork()\n    except OSError:\n        pass\nimport time\ntime.sleep(600)\n"
    ),
    "prints without end": early("while True:\n    print('x' * 60000)\n"),
    "sends without end": early(
        "import os, json, struct\ntext = b'{\"kind\": \"x\"}'\nf = struct.pack('<4sII', b'HGJ1', len(text), 1 << 20) + text + bytes(1 << 20)\n"
        "while True:\n    for number in range(3, 20):\n        try:\n            os.write(number, f)\n        except OSError:\n            pass\n"
    ),
}
"""Harm, or the attempt; these end by themselves or by a limit other than that of time."""

ENDLESS = {
    "never ends": early("while True:\n    pass\n"),
    "never ends in init": BIG.replace("super().__init__()", "super().__init__()\n        while True: pass"),
    "never ends in forward": BIG.replace("def forward(self, x):", "def forward(self, x):\n        while True: pass"),
    "stops itself": early("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nimport time\ntime.sleep(600)\n"),
    "ignores signals": early(
        "import signal, time\nfor n in range(1, 64):\n    try:\n        signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError):\n        pass\ntime.sleep(600)\n"
    ),
    "leaves a daemon": early(
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        os.closerange(0, 4096)\n"
        "        time.sleep(600)\n    os._exit(0)\ntime.sleep(600)\n"
    ),
    "leaves a daemon and ends": early(
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(600)\n    os._exit(0)\n"
        "os._exit(0)\n"
    ),
    "loops at its end": early("import atexit\n@atexit.register\ndef on():\n    while True: pass\nraise SystemExit\n"),
    "waits for a thread": early(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\nraise SystemExit\n"
    ),
}
"""Only the time limit ends most of these."""

FILES = ENDINGS | LIES | ATTACKS | ENDLESS
