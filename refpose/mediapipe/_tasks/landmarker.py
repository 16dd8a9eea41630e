"""`refpose.tasks.TasksPose` over MediaPipe's images, with MediaPipe's complaints."""

from __future__ import annotations

import numpy as np

from ...tasks import TasksPose
from ...trackers import Result
from . import complaints
from .bundle import Bundle
from .images import LAYOUTS, Pixels
from .options import Settings


class Landmarker:
    """Finds people on images of one stream, or on single ones.

    Parameters
    ----------
    bundle : Bundle
    settings : Settings
    version : str
        One of `refpose.tasks.VERSIONS`.
    """

    def __init__(self, bundle: Bundle, settings: Settings, version: str) -> None:
        settings.check()
        self._pose = TasksPose(
            bundle.landmarks.name,
            "video" if settings.stream else "image",
            settings.num_poses,
            version,
            settings.output_segmentation_masks,
            settings.min_pose_detection_confidence,
            settings.min_pose_presence_confidence,
            settings.min_tracking_confidence if settings.stream else 0.5,
            networks=bundle,
        )

    def process(self, image: Pixels, time_us: int, rotation_degrees: int) -> list[Result]:
        """The people on an image.

        Raises
        ------
        RuntimeError, ValueError
            When the image is of a kind that MediaPipe does not look for people on.
        """
        if not image.array.size:
            raise RuntimeError(complaints.picture("ROI width and height must be > 0."))
        if image.format_name == "GRAY8":
            if self._pose.version == "0.10.21":
                raise ValueError(complaints.detector("TfLiteTensor and Tensor sizes do not match."))
            raise RuntimeError(complaints.detector("LiteRT [224,224,3] and MediaPipe [224,224] tensor shapes differ."))
        if image.format_name not in ("SRGB", "SRGBA"):
            reason = "" if LAYOUTS[image.format_name].dtype == np.float32 else " (MediaPipe ends the process here)"
            raise ValueError(complaints.picture(f"Unsupported format: {image.format_number}{reason}"))
        pixels = np.ascontiguousarray(image.array[:, :, :3])
        try:
            return [result for _, result in self._pose.at(pixels, time_us, rotation_degrees)]
        except ValueError as error:
            raise ValueError(complaints.region(str(error))) from error
