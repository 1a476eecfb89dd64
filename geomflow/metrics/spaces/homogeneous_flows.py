r"""Exact solutions of Ricci flow: left-invariant metrics."""

FAMILY = ()
