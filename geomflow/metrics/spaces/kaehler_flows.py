r"""Exact solutions of Ricci flow: Kähler metrics."""

FAMILY = ()
