r"""Metrics from a line element or from a coframe, and the way between coordinates and frames.

ds² = g_ij dx^i dx^j = η_ab θ^a θ^b,    T_a... = e_a^i T_i...,    T^a... = θ^a_i T^i...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from geomflow.core.errors import ArgumentError, MetricError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.differentials import quadratic_form
from geomflow.symbolic.charts.frames import Frame
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.charts.tensor import Tensor
from geomflow.symbolic.field.field import Element, Field
from geomflow.symbolic.field.matrices import determinant, matrix_product


def line_element(chart: Chart, text: str) -> Metric:
    r"""Return the metric with a line element, \(ds^2 = g_{ij}dx^idx^j\).

    Args:
        chart: coordinates, constants and functions.
        text: a sum of products of two differentials d<coordinate>, or squares of one-forms.

    Returns:
        The metric in coordinates.

    Raises:
        DerivationError: an unknown differential or symbol, or a term that is not quadratic in differentials.
        MetricError: the metric is singular.

    Good values: `line_element(Chart("x y"), "(dx^2 + dy^2)/y^2")`, `"dr^2 + r^2*(dtheta^2 + sin(theta)^2*dphi^2)"`.
    """
    return Metric(chart, quadratic_form(chart, text))


def from_coframe(chart: Chart, coframe: Sequence[Any], eta: Any = None) -> Metric:
    r"""Return the metric \(g = \eta_{ab}\theta^a\theta^b\) in coordinates.

    Args:
        chart: coordinates, constants and functions.
        coframe: n one-forms: text such as `"f*dt"`, or lists of components.
        eta: η_ab as a list of its diagonal or as a matrix; the identity by default.

    Returns:
        The metric in coordinates; `frame_metric` computes in the frame instead.

    Raises:
        ArgumentError: not n forms.
        MetricError: the forms are dependent or η is singular.

    Good values: `from_coframe(Chart("x y z"), ["dx", "dy", "dz - x*dy"])` (Nil).
    """
    return to_coordinates(frame_metric(chart, coframe, eta))


def frame_metric(chart: Chart, coframe: Sequence[Any], eta: Any = None, labels: Sequence[str] = ()) -> Metric:
    r"""Return the metric \(g = \eta_{ab}\theta^a\theta^b\), every tensor of which has components in the frame.

    Args:
        chart: coordinates, constants and functions.
        coframe: n one-forms, or a `Frame`.
        eta: η_ab as a list of its diagonal or as a matrix, constant or not; the identity by default.
        labels: what the indices are called; 1, 2, ... by default.

    Returns:
        The metric; `metric.ricci()[0, 0]` is \(\mathrm{Ric}(e_1, e_1)\).

    Raises:
        ArgumentError: not n forms.
        MetricError: the forms are dependent or η is singular.

    Good values: `frame_metric(Chart("r phi"), ["dr", "r*dphi"])`.
    """
    frame = coframe if isinstance(coframe, Frame) else Frame.from_coframe(chart, coframe, labels)
    matrix = square(frame.chart, eta)
    try:
        return Metric(frame.chart, matrix, frame)
    except MetricError as error:
        if matrix.shape != (frame.dim, frame.dim) or not determinant(frame.chart.field, matrix).is_zero():
            raise
        raise MetricError(
            "The matrix η is singular: its determinant vanishes identically. Give a sign for each one-form, such as "
            "eta=[-1, 1], or a matrix that can be inverted."
        ) from error


def square(chart: Chart, entries: Any) -> np.ndarray:
    r"""Return a matrix of field elements from a matrix, a list of diagonal entries, or None for the identity."""
    entries = [1] * chart.dim if entries is None else entries
    values = chart.elements(entries)
    if values.ndim == 1:
        matrix = np.full((len(values),) * 2, chart.field.zero, dtype=object)
        for a, value in enumerate(values):
            matrix[a, a] = value
        return matrix
    return values


# --- between coordinates and frames ----------------------------------------------------------------------------------


def to_coordinates(metric: Metric) -> Metric:
    r"""Return a metric given in a frame in the coordinates of its chart.

    Raises:
        ArgumentError: the frame is known by its brackets alone.
    """
    if metric.frame is None:
        return metric
    coframe = _known(metric.frame)
    field = metric.chart.field
    return Metric(
        metric.chart, matrix_product(field, matrix_product(field, coframe.T, metric.curvature.matrix), coframe)
    )


def to_frame(metric: Metric, frame: Frame) -> Metric:
    r"""Return a metric given in coordinates in a frame, \(g_{ab} = e_a^ie_b^jg_{ij}\).

    Raises:
        ArgumentError: the frame lives on another chart, or the metric is in a frame already.
    """
    if metric.frame is not None or frame.chart is not metric.chart:
        raise ArgumentError(
            "The metric must be in the coordinates of the chart of the frame. Use to_coordinates first."
        )
    _known(frame)
    field, e = metric.chart.field, frame.vectors
    return Metric(metric.chart, matrix_product(field, matrix_product(field, e, metric.curvature.matrix), e.T), frame)


def moved(tensor: Tensor, metric: Metric) -> Tensor:
    r"""Return a tensor as one of the same metric in a frame, or in coordinates again.

    Args:
        tensor: of a metric in coordinates, or in a frame.
        metric: `to_frame(tensor.metric, frame)`, or `to_coordinates(tensor.metric)`.

    Returns:
        The tensor with components that belong to `metric`.

    Raises:
        ArgumentError: the charts differ, or none or both of the metrics are in a frame.
    """
    if tensor.metric.chart is not metric.chart or (tensor.metric.frame is None) == (metric.frame is None):
        raise ArgumentError("One metric must be in a frame and the other in the coordinates of the same chart.")
    frame = metric.frame or tensor.metric.frame
    assert frame is not None
    coframe, vectors = _known(frame), frame.vectors
    above, below = (coframe, vectors) if metric.frame is not None else (vectors.T, coframe.T)
    values = tensor.components
    for slot, up in enumerate(tensor.up):
        values = contracted(metric.chart.field, above if up else below, values, slot)
    return Tensor(metric, values, tensor.up)


def contracted(field: Field, matrix: np.ndarray, values: np.ndarray, slot: int) -> np.ndarray:
    r"""Return \(\sum_j M_{ij} T_{\ldots j\ldots}\) with the index j in the slot given."""
    source = np.moveaxis(values, slot, 0)
    out = np.empty((matrix.shape[0], *source.shape[1:]), dtype=object)

    def entry(row: np.ndarray, rest: tuple[int, ...]) -> Element:
        return field.dot((m, source[(j, *rest)]) for j, m in enumerate(row))

    for i, *rest in np.ndindex(*out.shape):
        out[(i, *rest)] = entry(matrix[i], tuple(rest))
    return np.moveaxis(out, 0, slot)


def _known(frame: Frame) -> np.ndarray:
    if frame.coframe is None:
        raise ArgumentError(
            "This frame is known by its brackets alone, so there are no coordinates to go to. Give its coframe in "
            "coordinates: frame_metric(chart, [...])."
        )
    return frame.coframe
