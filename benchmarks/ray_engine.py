"""The Ray engine on this machine: a cluster of two CPUs, the same bits as inline, and a worker that is killed.

    python benchmarks/ray_engine.py            needs pip install 'labelsmooth[ray]'; about two minutes

A cluster is started and ended here. A run of 20 trials (mixture, a linear model) is done inline, then on the cluster,
and once more with a worker process killed by SIGKILL while it trains.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from labelsmooth import compare

PORT = 6399
OPTIONS = {"model": "linear", "epochs": 3, "smoothing": (0.05, 0.1, 0.2), "seeds": 5, "progress": False}


def bits(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "predictions").iterdir())}


def trainers(session: int) -> list[int]:
    """The processes of the cluster that are in the middle of a trial."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"ray::work" in (folder / "cmdline").read_bytes() and os.getsid(int(folder.name)) == session:
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def kill_one(session: int, folder: Path, killed: list[int]) -> None:
    """Kill a worker once some trials are there."""
    while len(list((folder / "history").glob("*.jsonl"))) < 3:
        time.sleep(0.02)
    while not killed:
        for process in trainers(session)[:1]:
            os.kill(process, signal.SIGKILL)
            killed.append(process)


def main() -> None:
    root = Path(tempfile.mkdtemp(prefix="labelsmooth-ray-"))
    ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={PORT}", "--num-cpus=2"]
    ray += ["--include-dashboard=false", "--disable-usage-stats", "--object-store-memory=100000000"]
    started = time.perf_counter()
    environment = {**os.environ, "RAY_worker_niceness": "0"}  # else a busy machine gives workers nothing
    cluster = subprocess.Popen(
        ray, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        begin = time.perf_counter()
        compare("mixture", engine="inline", out=root / "inline", **OPTIONS)
        print(f"inline: {time.perf_counter() - begin:.1f} s", flush=True)
        time.sleep(max(0.0, 15 - (time.perf_counter() - started)))
        where = {"engine": "ray", "address": f"127.0.0.1:{PORT}"}
        begin = time.perf_counter()
        compare("mixture", out=root / "ray", **where, **OPTIONS)
        same = bits(root / "ray") == bits(root / "inline")
        print(f"ray: {time.perf_counter() - begin:.1f} s, same bits: {same}", flush=True)
        killed: list[int] = []
        threading.Thread(target=kill_one, args=(cluster.pid, root / "killed", killed), daemon=True).start()
        result = compare("mixture", out=root / "killed", **where, **OPTIONS)
        again = bits(root / "killed") == bits(root / "inline")
        print(f"ray, {len(killed)} worker killed: same bits: {again}, failed trials: {len(result.results['failed'])}")
        ok = same and again and len(killed) == 1 and len(bits(root / "inline")) == 40
    finally:
        cluster.terminate()
        cluster.wait(60)
        shutil.rmtree(root)
    sys.exit(not ok)


if __name__ == "__main__":
    main()
