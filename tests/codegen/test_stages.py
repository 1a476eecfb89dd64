"""What is kept between stages: values whose repetition would cost more than a boundary, in the order of their use."""

import pytest

from geomflow.codegen.emit import Line, names_in
from geomflow.codegen.stages import staged


def lines_of(*given):
    """Lines from (name, source, cost)."""
    return [Line(name, source, tuple(names_in(source)), cost) for name, source, cost in given]


@pytest.mark.parametrize(("cost", "kept"), [(60, False), (61, True)])
def test_what_costs_more_than_a_boundary_is_kept(cost, kept):
    source = staged(lines_of(("a", "x + y", cost)), ["a", "2*a"])
    assert source == ["a = x + y", *(["a, = keep(a)"] if kept else [])]


@pytest.mark.parametrize(("users", "kept"), [(3, False), (4, True)])
def test_every_user_but_one_repeats_it(users, kept):
    source = staged(lines_of(("a", "x + y", 30)), [f"{k}*a*a" for k in range(users)])  # twice in one line is once
    assert ("a, = keep(a)" in source) == kept


def test_lines_are_users_too():
    lines = lines_of(("a", "x + y", 61), ("b", "a + a", 1), ("c", "a - 1", 1))
    assert staged(lines[:2], ["b"]) == ["a = x + y", "b = a + a"]
    assert staged(lines, ["b", "c"]) == ["a = x + y", "a, = keep(a)", "b = a + a", "c = a - 1"]


def test_a_value_repeats_what_is_open_below_it_but_not_what_is_kept():
    below = ("a", "x + y", 60)
    assert "b, = keep(b)" in staged(lines_of(below, ("b", "a + 1", 1)), ["b", "2*b"])
    # with a second user a is kept as well, and b is cheap
    source = staged(lines_of(("a", "x + y", 61), ("b", "a + 1", 1)), ["b", "2*b", "a"])
    assert source == ["a = x + y", "a, = keep(a)", "b = a + 1"]
    # what stands in several parts is repeated with each
    parts = lines_of(("a", "x", 21), ("b", "a + 1", 5), ("c", "a + 2", 5), ("d", "b + c", 1))
    assert "d, = keep(d)" not in staged(parts, ["d", "2*d"])  # 21 + 5 + 21 + 5 + 1 = 53
    parts[0] = Line("a", "x", ("x",), 25)  # 61
    assert "d, = keep(d)" in staged(parts, ["d", "2*d"])


def test_what_can_be_computed_together_makes_one_stage():
    lines = lines_of(
        ("a", "x + y", 70), ("b", "a*2", 70), ("c", "x - y", 70), ("d", "c + 1", 1), ("e", "a + b", 1), ("f", "b", 1)
    )
    assert staged(lines, ["c", "d", "e + f"]) == [
        "a = x + y",
        "c = x - y",
        "a, c = keep(a, c)",
        "b = a*2",
        "d = c + 1",
        "b, = keep(b)",
        "e = a + b",
        "f = b",
    ]


@pytest.mark.parametrize(("rest", "kept"), [(3978, False), (3979, True)])
def test_long_programs_keep_more(rest, kept):
    lines = lines_of(("a", "x + y", 21), ("b", "x - y", rest))
    assert ("a, = keep(a)" in staged(lines, ["a", "2*a", "b"])) == kept
    assert "a, = keep(a)" not in staged(lines_of(("a", "x + y", 20), ("b", "x - y", 5000)), ["a", "2*a", "b"])


def test_without_lines_there_is_nothing_to_keep():
    assert staged([], ["x"]) == []
