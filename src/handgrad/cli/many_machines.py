"""The lines that start a Dask scheduler and its workers on other machines, to be adapted there."""

from __future__ import annotations

from handgrad.errors import known
from handgrad.version import __version__

SLURM = """\
#!/bin/bash
# sbatch workers.sh: eight tasks, the scheduler in the first; all can read the folder in which it is started.
#SBATCH --job-name=handgrad
#SBATCH --ntasks=8
#SBATCH --cpus-per-task=1
#SBATCH --time=04:00:00
export HANDGRAD_DATA=$HOME/mnist OMP_NUM_THREADS=1
rm -f scheduler.json
dask scheduler --scheduler-file scheduler.json --no-dashboard &
until [ -e scheduler.json ]; do sleep 1; done
srun dask worker --scheduler-file scheduler.json --nworkers 1 --nthreads 1 --no-dashboard --death-timeout 60
# then, where that file can be read: {command} --on scheduler.json
"""
KUBERNETES = """\
# kubectl apply -f workers.yaml; IMAGE holds Python with: pip install "handgrad[cluster]=={version}"
apiVersion: v1
kind: Service
metadata: {{name: handgrad-scheduler}}
spec: {{selector: {{app: handgrad-scheduler}}, ports: [{{port: 8786}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: handgrad-scheduler}}
spec:
  selector: {{matchLabels: {{app: handgrad-scheduler}}}}
  template:
    metadata: {{labels: {{app: handgrad-scheduler}}}}
    spec: {{containers: [{{name: scheduler, image: IMAGE, args: [dask, scheduler, --no-dashboard]}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: handgrad-workers}}
spec:
  replicas: 8
  selector: {{matchLabels: {{app: handgrad-worker}}}}
  template:
    metadata: {{labels: {{app: handgrad-worker}}}}
    spec:
      containers:
      - name: worker
        image: IMAGE
        args: [dask, worker, "tcp://handgrad-scheduler:8786", --nthreads, "1", --no-dashboard]
        env: [{{name: OMP_NUM_THREADS, value: "1"}}]
        resources: {{limits: {{cpu: "1", memory: 2Gi}}}}
# then, in the cluster or through kubectl port-forward service/handgrad-scheduler 8786:
# {command} --on tcp://127.0.0.1:8786
"""
SSH = """\
# The scheduler here, two workers on each machine; whoever reaches port 8786 can run programs on all of them.
dask scheduler --host 0.0.0.0 --no-dashboard &
for host in first second third; do
  ssh "$host" 'OMP_NUM_THREADS=1 HANDGRAD_DATA=$HOME/mnist \\
    dask worker tcp://'"$(hostname)"':8786 --nworkers 2 --nthreads 1 --no-dashboard' &
done
{command} --on tcp://127.0.0.1:8786
"""
KINDS = {"slurm": SLURM, "kubernetes": KUBERNETES, "ssh": SSH}


def print_workers(kind: str, command: str = "handgrad study quick --seeds 0..29") -> None:
    """Print the lines for *kind*, which end with *command*; raises `UsageError` for a kind that is not known."""
    known("--print", kind, KINDS)
    print(KINDS[kind].format(command=command, version=__version__), end="")
