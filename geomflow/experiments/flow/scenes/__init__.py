r"""The scenes, a file for each family of flows."""

from geomflow.experiments.flow.scene import SCENES
from geomflow.experiments.flow.scenes import conformal, homogeneous, kaehler, rotational

for _family in (rotational, conformal, homogeneous, kaehler):
    for _scene in _family.SCENES:
        SCENES.add(_scene.name, _scene)

__all__ = ["SCENES"]
