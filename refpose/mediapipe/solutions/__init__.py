"""mediapipe.solutions: the pose, also holistic's, and how to draw it."""

from typing import TYPE_CHECKING

from refpose.mediapipe import _missing
from refpose.mediapipe.solutions import drawing_styles, drawing_utils, holistic, pose, pose_connections

__all__ = ["drawing_styles", "drawing_utils", "holistic", "pose", "pose_connections"]

if not TYPE_CHECKING:
    from refpose.mediapipe.solutions import face_mesh_connections, hands_connections
    from refpose.mediapipe.solutions._hands import HandLandmark

    __getattr__ = _missing.attributes(__name__)

    _missing.module(__name__, "hands", HandLandmark=HandLandmark, HAND_CONNECTIONS=hands_connections.HAND_CONNECTIONS)
    _missing.module(
        __name__,
        "face_mesh",
        FACEMESH_NUM_LANDMARKS=468,
        FACEMESH_NUM_LANDMARKS_WITH_IRISES=478,
        **{name: value for name, value in vars(face_mesh_connections).items() if name.startswith("FACEMESH_")},
    )
