"""mediapipe.solutions.download_utils: nothing is downloaded, the models of the pose are in the package."""

from __future__ import annotations

from refpose.mediapipe import _missing

__all__ = ["download_oss_model"]


def download_oss_model(model_path: str) -> None:
    """Nothing, if this is a model of the pose.

    Parameters
    ----------
    model_path : str
        Such as ``mediapipe/modules/pose_landmark/pose_landmark_heavy.tflite``.

    Raises
    ------
    NotImplementedError
        For the models of hands, faces and the rest.
    """
    if not model_path.rpartition("/")[2].startswith("pose_"):
        raise NotImplementedError(_missing.explain(model_path))
