r"""`geomflow derive`: print a derivation with its certificate, and write it as LaTeX."""

from __future__ import annotations
