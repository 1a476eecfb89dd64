r"""Typed expressions: text is read into a small tree, which becomes a SymPy expression or a field element.

    sum   := product (("+" | "-") product)*          product := sign (("*" | "/") sign)*
    sign  := ("-" | "+") sign | power                power   := atom (("^" | "**") sign)?
    atom  := number | name "'"* ["(" sum ("," sum)* ")"] | "(" sum ")"

Numbers are exact: `0.1` is 1/10. Names are looked up by the caller; nothing is ever evaluated as code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from geomflow.core.errors import DerivationError

_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|([^\W\d]\w*)('*)|(\*\*|[-+*/^(),]))")


class Tree(NamedTuple):
    r"""A node: `kind` is "number", "name", "call" or an operator; `value` the number or name; `parts` its operands."""

    kind: str
    value: Any
    parts: tuple[Tree, ...] = ()


class _Reader:
    def __init__(self, text: str):
        self.text, self.tokens, self.place = text, [], 0
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.unreadable(f"the character `{text[at:].lstrip()[0]}` has no meaning here")
            number, name, primes, operator = match.groups()
            self.tokens.append((number, name, primes, {"**": "^"}.get(operator, operator)))
            at = match.end()
        self.tokens.append((None, None, "", None))

    def unreadable(self, why: str) -> DerivationError:
        return DerivationError(
            f"Cannot read `{self.text}`: {why}. Use names, numbers, + - * / ^ and functions such as sin(x); write "
            "products with *."
        )

    def here(self, *operators: str) -> str | None:
        operator = self.tokens[self.place][3]
        return operator if operator in operators else None

    def take(self) -> tuple:
        self.place += 1
        return self.tokens[self.place - 1]

    def expect(self, operator: str) -> None:
        if not self.here(operator):
            raise self.unreadable(f"`{operator}` is missing" + self.before())
        self.take()

    def before(self) -> str:
        number, name, primes, operator = self.tokens[self.place]
        found = number or (name and name + primes) or operator
        return f" before `{found}`" if found else " at the end"

    def whole(self) -> Tree:
        tree = self.chain("+-", lambda: self.chain("*/", self.sign))
        if self.tokens[self.place] != (None, None, "", None):
            raise self.unreadable(f"an operator is missing{self.before()}")
        return tree

    def chain(self, operators: str, operand: Callable[[], Tree]) -> Tree:
        tree = operand()
        while operator := self.here(*operators):
            self.take()
            tree = Tree(operator, None, (tree, operand()))
        return tree

    def sum(self) -> Tree:
        return self.chain("+-", lambda: self.chain("*/", self.sign))

    def sign(self) -> Tree:
        if operator := self.here("+", "-"):
            self.take()
            tree = self.sign()
            return Tree("negative", None, (tree,)) if operator == "-" else tree
        tree = self.atom()
        if self.here("^"):
            self.take()
            return Tree("^", None, (tree, self.sign()))
        return tree

    def atom(self) -> Tree:
        number, name, primes, operator = self.tokens[self.place]
        if number:
            self.take()
            return Tree("number", Fraction(number))
        if name:
            self.take()
            parts = self.arguments() if self.here("(") else None
            tree = Tree("name", name) if parts is None else Tree("call", name, parts)
            return Tree("prime", len(primes), (tree,)) if primes else tree
        if operator == "(":
            self.take()
            tree = self.sum()
            self.expect(")")
            return tree
        raise self.unreadable(f"something is missing{self.before()}")

    def arguments(self) -> tuple[Tree, ...]:
        self.expect("(")
        parts = [self.sum()]
        while self.here(","):
            self.take()
            parts.append(self.sum())
        self.expect(")")
        return tuple(parts)


@lru_cache(maxsize=4096)
def read(text: str) -> Tree:
    r"""Return the tree of a text.

    Raises:
        DerivationError: the text is no expression.
    """
    reader = _Reader(text)
    if len(reader.tokens) == 1:
        raise reader.unreadable("it is empty")
    try:
        return reader.whole()
    except RecursionError as error:
        raise DerivationError("The expression is nested too deeply. Give its parts names of their own.") from error


def evaluate(tree: Tree, leaf: Callable[[Tree], Any], power: Callable[[Tree, Tree], Any]) -> Any:
    r"""Return the value of a tree; numbers, names and calls are given by `leaf`, powers by `power`."""
    kind, parts = tree.kind, tree.parts
    if kind == "^":
        return power(*parts)
    if kind in ("+", "-", "*", "/"):
        # A long sum is a chain to the left: walked without recursion.
        chain = []
        while kind in ("+", "-", "*", "/"):
            chain.append((kind, parts[1]))
            tree = parts[0]
            kind, parts = tree.kind, tree.parts
        total = evaluate(tree, leaf, power)
        for operator, part in reversed(chain):
            value = evaluate(part, leaf, power)
            if operator == "+":
                total = total + value
            elif operator == "-":
                total = total - value
            elif operator == "*":
                total = total * value
            else:
                total = total / value
        return total
    if kind == "negative":
        return -evaluate(parts[0], leaf, power)
    return leaf(tree)


def leaves(tree: Tree) -> list[Tree]:
    r"""Return the numbers, names, calls and powers of a tree, in no particular order; powers with their bases."""
    found, stack = [], [tree]
    while stack:
        node = stack.pop()
        if node.kind in ("number", "name", "call", "prime"):
            found.append(node)
        else:
            if node.kind == "^":
                found.append(node)
            stack.extend(node.parts[:1] if node.kind == "^" else node.parts)
    return found


def rational(tree: Tree) -> Fraction | None:
    r"""Return the value of a tree without names, or None."""

    def leaf(node: Tree) -> Any:
        if node.kind != "number":
            raise LookupError
        return node.value

    def power(base: Tree, exponent: Tree) -> Any:
        value = evaluate(exponent, leaf, power)
        if value.denominator != 1 or abs(value) > 1000:
            raise LookupError
        return evaluate(base, leaf, power) ** int(value)

    try:
        return evaluate(tree, leaf, power)
    except (LookupError, ZeroDivisionError):
        return None
