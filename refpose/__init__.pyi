"""The public names. Written by tests/make_stub.py from the list in __init__.py; do not edit."""

from . import draw as draw
from . import images as images
from . import mediapipe as mediapipe
from . import motion as motion
from . import plot as plot
from . import tables as tables
from . import topology as topology
from . import video as video
from .engine import Network as Network
from .engine import load_network as load_network
from .person import Person as Person
from .pose import Pose as Pose
from .stages.filters import Smoothing as Smoothing
from .stages.roi import Roi as Roi
from .topology import POSE_CONNECTIONS as POSE_CONNECTIONS
from .topology import PoseLandmark as PoseLandmark

__version__: str
__all__ = [
    "POSE_CONNECTIONS",
    "Network",
    "Person",
    "Pose",
    "PoseLandmark",
    "Roi",
    "Smoothing",
    "__version__",
    "load_network",
]
