r"""Finite-width networks and the parametrisations of a metric by networks."""
