"""Symbolic curvature, side by side: every system on every case, one process each, one after the other.

    python benchmarks/symbolic/compare.py --install        # once; the peers' own environments
    python benchmarks/symbolic/compare.py                  # everything, on a quiet machine

See `benchmarks/README.md` for what is measured and what is fair about it.
"""

import argparse
import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))
from cases import CASES
from common import HOME, chosen, install, machine, python, resident
from peers import PEERS, Peer
from reference import truth
from tables import markdown, table

HERE = Path(__file__).parent
START_UP, CHECK = 120.0, 200.0


def _listen(process: subprocess.Popen, out: dict, cap: float, memory: float) -> bytes:
    """Collect the events of a process into `out` until it ends or exceeds a cap; return the end of its stderr."""
    deadline, text, errors = time.monotonic() + START_UP, b"", b""
    selector = selectors.DefaultSelector()
    for stream in (process.stdout, process.stderr):
        selector.register(stream, selectors.EVENT_READ)
    while selector.get_map():
        for key, _ in selector.select(timeout=0.25):
            chunk = os.read(key.fd, 1 << 16)
            if not chunk:
                selector.unregister(key.fileobj)
            elif key.fileobj is process.stderr:
                errors = (errors + chunk)[-4000:]
            else:
                text += chunk
        *lines, text = text.split(b"\n")
        for line in lines:
            event = json.loads(line)
            kind = event.pop("event")
            deadline = time.monotonic() + (cap if kind == "ready" else CHECK)
            out[kind] = event
        late = time.monotonic() > deadline
        if late or resident(process.pid) > memory:
            stage = "check" if "time" in out else "computation"
            out["status"] = f"{'time' if late else 'memory'} cap in the {stage}"
            break
    return errors


def run(peer: Peer, case: str, home: Path, cap: float, memory: float) -> dict:
    """One process: its events merged into one dictionary, `status` saying how it ended."""
    interpreter = python(peer.environment, home)
    if interpreter is None:
        return {"status": "not installed"}
    environment = os.environ | {
        "BENCH_START": str(time.time()),
        "OGREPY_DISABLE_UPDATE_CHECK": "True",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [interpreter, "-W", "ignore", str(HERE / peer.script), case, peer.setting]
    out: dict = {"status": "failed"}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
        cwd=HERE,
    ) as process:
        try:
            errors = _listen(process, out, cap, memory)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if "answer" in out:
        out["status"] = "done"
    elif out["status"] == "failed":
        lines = [line.strip() for line in errors.decode(errors="replace").splitlines() if line.strip()]
        words = ("Error", "ERROR", "PQUOTIENT", "diff:")
        telling = [line for line in lines if any(word in line for word in words)]
        out["message"] = (telling or lines or ["no message"])[-1][:200]
    return out


def judge(out: dict, expected: dict) -> None:
    """Compare the answer with the reference: `correct`, and `exact` (zeros are 0, a constant scalar is constant)."""
    answer = out.pop("answer", None)
    if answer is None:
        return
    out["version"] = answer["version"]
    ricci = np.array(answer["ricci"])
    scale = max(1.0, float(np.abs(expected["ricci"]).max()))
    correct = bool(np.abs(ricci - expected["ricci"]).max() < 1e-6 * scale)
    exact = bool(np.array(answer["zero"])[expected["zero"]].all())
    if "scalar" in answer:
        correct &= abs(answer["scalar"] - expected["scalar"]) < 1e-6 * max(1.0, abs(expected["scalar"]))
        exact &= answer["scalar_constant"] or not expected["constant"]
    anything = bool(expected["zero"].any() or ("scalar" in answer and expected["constant"]))
    out |= {"correct": bool(correct), "exact": bool(exact) if anything else None}


def main() -> None:
    """Install, run, print the table, write results.json and RESULTS.md."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--install", action="store_true", help="create the peers' environments first")
    parser.add_argument("--home", type=Path, default=HOME, help="where they live")
    parser.add_argument("--peers", default="", help="comma-separated beginnings of names, e.g. maxima,sage-none")
    parser.add_argument("--cases", default="", help="comma-separated beginnings of names, e.g. kerr,cp2")
    parser.add_argument("--cap", type=float, default=400.0, help="wall seconds for one computation")
    parser.add_argument("--memory", type=float, default=8.0, help="resident GB for one process")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each; the fastest is kept")
    parser.add_argument("--keep", action="store_true", help="keep earlier results.json entries that are not run again")
    parser.add_argument("--note", default="", help="a line for RESULTS.md, e.g. 'preliminary: loaded machine'")
    arguments = parser.parse_args()
    names = chosen(arguments.peers, [p.name for p in PEERS])
    peers = tuple(p for p in PEERS if p.name in names)
    if arguments.install:
        install([p.environment for p in peers], arguments.home)
        if not shutil.which("maxima"):
            print("maxima: `apt-get install maxima maxima-share` for the system's Maxima")
        return
    path = HERE / "results.json"
    results: dict = {}
    if arguments.keep and path.exists():
        results = json.loads(path.read_text())["results"]
    for case in chosen(arguments.cases, list(CASES)):
        expected = truth(CASES[case])
        for peer in peers:
            best: dict = {}
            for _ in range(arguments.repeat):
                out = run(peer, case, arguments.home, arguments.cap, arguments.memory)
                judge(out, expected)
                if not best or out.get("time", {"cpu": 1e9})["cpu"] < best.get("time", {"cpu": 1e9})["cpu"]:
                    best = out
                if "time" not in out:
                    break
            results.setdefault(case, {})[peer.name] = best
            spent = f"{best['time']['cpu']:.3f} s CPU, {best['time']['wall']:.3f} s wall" if "time" in best else ""
            verdict = f"correct {best.get('correct')}, exact {best.get('exact')}"
            print(
                f"{case:14} {peer.name:22} {spent or best['status']}  {verdict} {best.get('message', '')}", flush=True
            )
            record = {
                "machine": machine(),
                "note": arguments.note,
                "cap_seconds": arguments.cap,
                "memory_gb": arguments.memory,
                "repeat": arguments.repeat,
                "results": results,
            }
            path.write_text(json.dumps(record, indent=1) + "\n")
    print("\n" + table(record))
    (HERE / "RESULTS.md").write_text(markdown(record))


if __name__ == "__main__":
    main()
