"""What a member of a sweep leaves, in a moment: `python pretended_member.py <flags>`.

PRETEND=<kind>:<member> makes one member refuse its flags, crash, end the sweep by SIGTERM, or kill
it and go on itself when <sweep>.released is there. The file <sweep>.log tells which members were
trained.
"""

import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path

flags = dict(flag.removeprefix("--").split("=", 1) for flag in sys.argv[1:] if "=" in flag)
run = Path(flags["run_dir"])
size = int(flags.get("width") or flags["labels"])
run.mkdir(exist_ok=True)
kind, _, name = os.environ.get("PRETEND", "").partition(":")
kind = kind if name == run.name else ""
if kind == "refuse":
    print("error: --lr=7 is too much", file=sys.stderr)
    sys.exit(2)
if kind == "crash":
    os.kill(os.getpid(), signal.SIGKILL)
with open(run / ".lock", "a") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        if kind == "stop":
            os.kill(os.getppid(), signal.SIGTERM)
            signal.pause()
        if kind == "kill":
            os.kill(os.getppid(), signal.SIGKILL)
            released, deadline = run.parent.with_suffix(".released"), time.monotonic() + 60
            while not released.exists() and time.monotonic() < deadline:
                time.sleep(0.02)
        time.sleep(0.1)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
    if not (run / "model.keras").exists():
        with open(run.parent.with_suffix(".log"), "a") as log:
            log.write(f"{run.name}\n")
    (run / "model.keras").touch()
    seconds = {"train": 0.1 * size}
    network = {"network_accuracy": 1 - 0.9 / size**0.5, "parameters": 7 * size, "operations": size}
    saved = {"phases": {"train": {}}, "seconds": seconds, "results": network, "device": "cpu:0"}
    saved["flags"] = {"subset_seed": int(flags["subset_seed"])}
    (run / "experiment.json").write_text(json.dumps(saved))
    error = 0.01 * size + 0.001 * int(flags["seed"])
    columns = (
        "stage,split,threshold,filters,outputs_per_filter,fc_inputs,accuracy,noise,noise_clustered,"
        "clusters,cluster_size,signal,noise_internal,noise_external,snr_internal,snr_external,"
        "dead_filters,zero_signal_labels"
    )
    threshold = flags.get("threshold", "0.3")
    rows = [
        f"{stage},test,{threshold},8,4,32,{1 - error - more},2,2,1,1.5,3,0,0.5,inf,6,0,0"
        for stage, more in (("layer3", 0.1), ("layer5", 0.0))
    ]
    (run / "layers.csv").write_text("\n".join([columns, *rows]) + "\n")
