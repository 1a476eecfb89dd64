r"""LaTeX read as plain text, and long LaTeX sums broken over lines."""

from __future__ import annotations

import re
import unicodedata

_SIGNS = {
    **{"nabla": "∇", "Delta": "Δ", "partial": "∂", "int": "∫", "sum": "Σ", "prod": "Π", "infty": "∞", "cdot": "·"},
    **{"times": "×", "to": "→", "le": "≤", "ge": "≥", "leq": "≤", "geq": "≥", "ne": "≠", "neq": "≠", "approx": "≈"},
    **{"pm": "±", "dots": "...", "ldots": "...", "cdots": "...", "ell": "ℓ", "hbar": "ħ", "langle": "<", "rangle": ">"},
    **{"sim": "~", "otimes": "⊗", "in": "∈", "mapsto": "↦", "Box": "□", "oplus": "⊕", "square": "□", "top": "ᵀ"},
    **{"propto": "∝", "rm": "", "Big": "", "big": ""},
    **{"quad": "  ", "qquad": "   ", "lvert": "|", "rvert": "|", "mid": "|", "Vert": "‖", "lVert": "‖", "rVert": "‖"},
    **{"varepsilon": "ε", "varphi": "φ", "varsigma": "ς", "vartheta": "θ", "Longrightarrow": "⟹", "iff": "⟺"},
}
_SPACE = {"tr", "log", "exp", "sin", "cos", "det", "operatorname", "Var", "sinh", "cosh", "tan"}
_DROPPED = re.compile(r"\\(?:left|right|bigl|bigr|Bigl|Bigr|displaystyle|small|limits|nonumber)(?![A-Za-z])\.?")
_FONTS = {"mathcal", "mathrm", "mathbf", "mathbb", "text", "operatorname", "boldsymbol", "textbf", "emph", "mathfrak"}
_ACCENTS = {"bar": "\u0304", "overline": "\u0304", "hat": "\u0302", "dot": "\u0307", "tilde": "\u0303", '"': "\u0308"}
_TIDY = ((r"\s+", " "), (r"([(\[]) ", r"\1"), (r" ([,)\]])", r"\1"), (r"([(=] ?-) (?=\w)", r"\1"))
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LATEX_TOKEN = re.compile(r"\\[A-Za-z]+\s*|\\.|.", re.DOTALL)
_FRACTION = re.compile(r"\\[td]?frac\{([^{}]*)\}\{([^{}]*)\}")
_BREAK_OPEN, _BREAK_CLOSE = re.compile(r"\\left(?![A-Za-z])"), re.compile(r"\\right(?![A-Za-z])")


def plain(latex: str) -> str:
    r"""Return LaTeX mathematics as one line of plain text: `\tfrac{1}{2} \nabla_{i} f` becomes `1/2 ∇_i f`."""
    tokens = _LATEX_TOKEN.findall(_DROPPED.sub(" ", latex.replace("$", "")))
    text, rest = _read(tokens, 0, closing=False)
    assert rest == len(tokens)
    for pattern, replacement in _TIDY:
        text = re.sub(pattern, replacement, text)
    return unicodedata.normalize("NFC", text.strip())


def _read(tokens: list[str], place: int, closing: bool) -> tuple[str, int]:
    # Everything up to the brace that closes this group, or to the end.
    pieces: list[str] = []
    while place < len(tokens):
        token = tokens[place]
        if token == "}":
            if closing:
                return "".join(pieces), place + 1
            place += 1
            continue
        piece, place = _atom(tokens, place)
        pieces.append(piece)
    return "".join(pieces), place


def _atom(tokens: list[str], place: int) -> tuple[str, int]:
    token = tokens[place]
    if token == "{":
        return _read(tokens, place + 1, closing=True)
    if token in "^_":
        body, place = _atom(tokens, place + 1) if place + 1 < len(tokens) else ("", place + 1)
        body = body.strip()
        if token == "^" and body.isdigit():
            return body.translate(_SUPERSCRIPTS), place
        return ("" if not body else token + (body if _is_word(body) else f"({body})")), place
    if not token.startswith("\\"):
        return (" " if token == "~" else token), place + 1
    name, place = token[1:].strip(), place + 1
    if name in ("frac", "tfrac", "dfrac"):
        above, place = _argument(tokens, place)
        below, place = _argument(tokens, place)
        return f"{_grouped(above)}/{_grouped(below)}", place
    if name in ("sqrt", *_ACCENTS):
        body, place = _argument(tokens, place)
        return (f"√{_grouped(body)}" if name == "sqrt" else body + _ACCENTS[name]), place
    if name in _FONTS:
        body, place = _argument(tokens, place)
        return body + (" " if name == "operatorname" else ""), place
    return _sign(name) + (" " if token[-1].isspace() and name not in ("nabla", "partial") else ""), place


def _is_word(text: str) -> bool:
    return all(letter.isalnum() or unicodedata.combining(letter) for letter in text)


def _sign(name: str) -> str:
    if name in _SIGNS:
        return _SIGNS[name] + (" " if name in ("Delta", "int") else "")
    if name in _SPACE:
        return name + " "
    capital = "CAPITAL" if name[:1].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {capital} LETTER {ALTERNATIVE.get(name, name).upper()}")
    except KeyError:
        return {"|": "‖", "{": "{", "}": "}"}.get(name, " " if not name.isalpha() else name + " ")


#: Letters that Unicode spells otherwise than LaTeX.
ALTERNATIVE = {"lambda": "lamda", "Lambda": "Lamda"}


def _argument(tokens: list[str], place: int) -> tuple[str, int]:
    while place < len(tokens) and tokens[place].isspace():
        place += 1
    return _atom(tokens, place) if place < len(tokens) else ("", place)


def _grouped(text: str) -> str:
    text = text.strip()
    return text if re.fullmatch(r"\w+|[^\s+\-/]+", text) else f"({text})"


def width(latex: str) -> int:
    r"""Return about how many letters wide LaTeX mathematics is set.

    Sub- and superscripts count three quarters, a fraction as much as the wider of its two sides.
    """
    body = re.sub(r"[_^](\{[^{}]*\}|.)", lambda m: "x" * round(0.75 * len(plain(m.group(0))[1:])), latex)
    previous = ""
    while previous != body:
        previous = body
        body = _FRACTION.sub(lambda m: max(plain(m.group(1)), plain(m.group(2)), key=len), body)
    return len(plain(body).replace(" ", ""))


def broken(latex: str, limit: int) -> list[str]:
    r"""Return the lines over which a sum is to be set so that none is much wider than `limit` letters.

    Breaks stand before a + or -: outside all brackets where that is enough, else inside the outermost, and so on.
    Brackets `\left( ... \right)` cannot be broken, so they become `\bigl( ... \bigr)`.
    """
    lines = _lines(latex, limit, depth=0)
    opened = _BREAK_CLOSE.sub(r"\\bigr", _BREAK_OPEN.sub(r"\\bigl", latex))
    for depth in (1, 2):
        if max(map(width, lines)) <= limit or opened == latex:
            break
        lines = _lines(opened, limit, depth)
    return lines


def _lines(latex: str, limit: int, depth: int) -> list[str]:
    lines: list[str] = []
    for piece in _summands(latex, depth):
        if lines and width(lines[-1] + piece) <= limit:
            lines[-1] += piece
        else:
            lines.append(piece)
    return lines


def _summands(latex: str, depth: int) -> list[str]:
    # Split before " + " and " - ", outside braces and inside at most `depth` brackets.
    pieces, braces, brackets, current = [], 0, 0, ""
    tokens = _LATEX_TOKEN.findall(latex)
    for p, token in enumerate(tokens):
        braces += (token == "{") - (token == "}")
        brackets += token.strip() in (r"\left", r"\bigl")
        brackets -= token.strip() in (r"\right", r"\bigr")
        binary = token in "+-" and tokens[p - 1 : p] == [" "] and tokens[p + 1 : p + 2] == [" "]
        if binary and braces == 0 and brackets <= depth:
            pieces.append(current)
            current = ""
        current += token
    return [*pieces, current]
