"""What the comparisons share: the machine, choosing by name, the peers' environments, a watch on memory.

The scripts run from their own folders, so they import this file after

    sys.path.append(str(Path(__file__).parents[1]))
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

#: Where the peers' environments live, unless `--home` says otherwise.
HOME = Path.home() / ".cache" / "geomflow-peers"


def machine() -> dict:
    """What ran it, without a path."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = f"{names[0] if names else model} ({platform.machine()})"
    return {"cpu": model, "cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()}


def chosen(text: str, known: list[str]) -> list[str]:
    """The names that begin with one of the words given ("" is all of them; "geomflow." is that one alone)."""
    words = [word for word in text.split(",") if word]
    names = [n for n in known if not words or any((n + ".").startswith(word) for word in words)]
    if not names:
        raise SystemExit(f"No name begins with `{text}`. There are: {', '.join(known)}.")
    return names


def resident(group: int) -> float:
    """Resident memory of a process group in GB (0 where /proc does not exist); shared pages count once per process."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return total / 1e9


@dataclass(frozen=True)
class Environment:
    """A virtual environment: what pip installs, the Python it needs, what the system must provide first."""

    name: str
    packages: tuple[str, ...]
    python: str = ""
    system: str = ""

    def interpreter(self, home: Path) -> Path:
        """Its Python."""
        return home / self.name / "bin" / "python"

    def install(self, home: Path) -> str:
        """Create it; return "" or the last words of what failed."""
        python = shutil.which(f"python{self.python}") if self.python else sys.executable
        if python is None:
            return f"python{self.python} is not on the path"
        pip = [str(self.interpreter(home)), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        for command in ([python, "-m", "venv", str(home / self.name)], [*pip, *self.packages]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                errors = [line for line in done.stderr.splitlines() if "ERROR" in line] or [done.stderr[-200:]]
                return errors[-1].strip()
        return ""


def python(environment: Environment | None, home: Path) -> str | None:
    """The Python of an environment (None: the one running the comparison), or None where it is not installed."""
    path = Path(sys.executable) if environment is None else environment.interpreter(home)
    return str(path) if path.exists() else None


def install(environments: Iterable[Environment | None], home: Path) -> None:
    """Install these environments, each once, one after the other, and say what failed."""
    for environment in dict.fromkeys(e for e in environments if e):
        if environment.interpreter(home).exists():
            print(f"{environment.name}: already there")
            continue
        if environment.system:
            print(f"{environment.name}: needs `apt-get install {environment.system}` first")
        print(f"{environment.name}: installing {' '.join(environment.packages)} ...", flush=True)
        print(f"{environment.name}: {environment.install(home) or 'done'}")
