r"""Flows of warped products: rotationally symmetric spheres, their necks, surgery; doubly warped products."""

from geomflow.flows.warped.doubly import DoubleProfile, DoublyWarpedFlow
from geomflow.flows.warped.grading import from_profile
from geomflow.flows.warped.pinch import Approach, approach
from geomflow.flows.warped.rotational import Profile, RotationalFlow
from geomflow.flows.warped.surgery import Piece, flow_with_surgery, surgery

__all__ = [
    "Approach",
    "DoubleProfile",
    "DoublyWarpedFlow",
    "Piece",
    "Profile",
    "RotationalFlow",
    "approach",
    "flow_with_surgery",
    "from_profile",
    "surgery",
]
