r"""Every derivation in one LaTeX document, its certificates beside it as JSON, compiled where LaTeX is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from geomflow.core.card import Card
from geomflow.core.store import atomic_write, ensure_writable
from geomflow.experiments.derive.derived import Derived
from geomflow.symbolic.derivation import document

_SECONDS = 120


def write_book(parts: Sequence[Derived], folder: Path, name: str, card: Card, title: str = "") -> None:
    r"""Write `name.tex` and `name.json` into a folder, and `name.pdf` if pdflatex is there; say so on the card.

    Args:
        parts: what goes into the document, in this order.
        folder: made if it does not exist.
        name: of the files, without suffix.
        card: gets one line for each file.
        title: with a title the document begins with it and with a table of contents.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder = ensure_writable(folder)
    latex = document(*(d for part in parts for d in part.derivations), title=title)
    atomic_write(folder / f"{name}.tex", latex.encode())
    records = [{"derivation": part.name, **c.to_dict()} for part in parts for c in part.certificates]
    atomic_write(folder / f"{name}.json", json.dumps(records, indent=1, ensure_ascii=False).encode())
    card.text(f"LaTeX: {folder / name}.tex")
    card.text(f"Certificates (jets, seeds, residuals): {folder / name}.json")
    pdf, reason = _compiled(latex, name)
    if pdf is None:
        card.text(f"No PDF: {reason}")
    else:
        atomic_write(folder / f"{name}.pdf", pdf)
        card.text(f"PDF: {folder / name}.pdf")


def _compiled(latex: str, name: str) -> tuple[bytes | None, str]:
    # Twice, for the table of contents. TeX's own files stay in a folder that goes away.
    program = shutil.which("pdflatex")
    if program is None:
        return None, "pdflatex is not installed."
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{name}.tex"
        source.write_text(latex, encoding="utf-8")
        command = [program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", source.name]
        for _ in range(2):
            try:
                done = subprocess.run(command, cwd=folder, capture_output=True, timeout=_SECONDS, check=False)
            except subprocess.TimeoutExpired:
                return None, f"pdflatex took more than {_SECONDS} s."
            if done.returncode != 0:
                lines = done.stdout.decode(errors="replace").splitlines()
                first = next((line for line in lines if line.startswith("!")), "an error")
                return None, f"pdflatex stopped with `{first}`."
        return source.with_suffix(".pdf").read_bytes(), ""
