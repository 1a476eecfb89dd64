import io
import unicodedata

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomflow.core.card import Card, number, to_ascii
from geomflow.core.errors import ArgumentError

texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=150)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2.00132, "2.001"),
        (0.0, "0"),
        (9.99999, "10.00"),
        (-0.0123449, "-0.01234"),
        (1234.56, "1235"),
        (123456.0, "1.235e+05"),
        (3.1e-12, "3.100e-12"),
        (1e-3, "0.001000"),
        (9.9e-4, "9.900e-04"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (7, "7"),
        (123456, "123456"),
        (True, "yes"),
    ],
)
def test_numbers_have_four_significant_digits(value, shown):
    assert number(value) == shown


@given(st.floats(-1e300, 1e300))
def test_a_shown_number_is_the_number_to_four_digits(value):
    assert float(number(value)) == pytest.approx(value, rel=5.1e-4, abs=0)


def test_a_card_is_aligned():
    card = Card("Locality", width=60).section("Velocity").row("order", 2.0013, "expected 2").row("constant σ²/2", 0.5)
    card.row("grid", "64 × 64").row("points", np.int64(4096)).row("defect", jnp.float64(1e-12)).text("A paragraph.")
    card.verdict("verified", "The kernel flow converges to Ricci flow in DeTurck gauge, with order two in σ.")
    assert str(card).splitlines() == [
        "── Locality ────────────────────────────────────────────────",
        "",
        "Velocity",
        "  order          2.001  expected 2",
        "  constant σ²/2  0.5000",
        "  grid           64 × 64",
        "  points         4096",
        "  defect         1.000e-12",
        "  A paragraph.",
        "  verified  The kernel flow converges to Ricci flow in",
        "            DeTurck gauge, with order two in σ.",
        "────────────────────────────────────────────────────────────",
    ]
    assert card.verdicts == [
        ("verified", "The kernel flow converges to Ricci flow in DeTurck gauge, with order two in σ.")
    ]
    assert "constant sigma^2/2  0.5000" in card.ascii()


def test_long_labels_and_values_keep_their_notes():
    card = Card("t").row("a label " * 8, "value " * 12, "the note").row("short", 1, "other")
    assert "the note" in str(card)
    assert str(card).count("value") == 12


def columns(text):
    return sum(not unicodedata.combining(letter) for letter in text)


def test_a_bar_over_a_letter_takes_no_column():
    lines = str(Card("t").row("R_zz̄ - g_zz̄", 1, "a note").row("R_zz - g_zz", 1, "a note")).splitlines()
    assert lines[1].replace("\N{COMBINING MACRON}", "") == lines[2]


@given(texts, texts, texts, texts, st.integers(60, 100))
def test_no_line_is_wider_than_the_card_and_ascii_is_ascii(title, label, value, note, width):
    card = Card(title, width).section(note).row(label, value, note).row(label, value).text(value)
    card.verdict("refused", note)
    for drawn in (str(card), card.ascii()):
        assert max(map(columns, drawn.splitlines())) <= width
    assert card.ascii().isascii()


def test_a_stream_without_unicode_gets_ascii():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Card("σ → 0").show(stream)
    stream.flush()
    assert raw.getvalue().decode().startswith("-- sigma -> 0 ---")


def test_greek_is_spelled():
    assert to_ascii("δF/δg ≤ 1e−11, Γ, ∇f, ς, é, ₂, 漢") == "deltaF/deltag <= 1e-11, Gamma, grad f, sigma, e, 2, ?"
    assert to_ascii("g_zz̄") == "g_zzbar"


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match="verified, refuted, refused"):
        Card("t").verdict("proved", "no such word")
    with pytest.raises(ArgumentError, match="`width` must be at least 60"):
        Card("t", width=20)
