r"""Films of flows: shapes, strips of frames, animations."""

from geomflow.figures.film.shapes import Globe, Revolution, Shape, Sheet
from geomflow.figures.film.strip import Frame, colour_scale, draw_strip, save_film

__all__ = ["Frame", "Globe", "Revolution", "Shape", "Sheet", "colour_scale", "draw_strip", "save_film"]
