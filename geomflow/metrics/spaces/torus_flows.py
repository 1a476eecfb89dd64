r"""Exact solutions of Ricci flow: torus metrics."""

FAMILY = ()
