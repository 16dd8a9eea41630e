"""MediaPipe 1.x's names for refpose: ``from refpose.mediapipe import v1 as mp`` instead of ``import mediapipe as mp``.

Results, names and errors are those of MediaPipe 1.2.3, whose bits are those of 1.0.0 and later. There are no
`solutions` any more. A program that cannot be edited gets this package from
``refpose.mediapipe.install(version="1.2.3")``.
"""

from typing import TYPE_CHECKING, Any

from refpose.mediapipe import _missing
from refpose.mediapipe.v1 import tasks
from refpose.mediapipe.v1.tasks.python.vision.core.image import Image, ImageFormat

__all__ = ["Image", "ImageFormat", "__version__", "tasks"]

# The release whose numbers these are
__version__ = "1.2.3"

if not TYPE_CHECKING:
    _missing_attribute = _missing.attributes(__name__)

    def __getattr__(name: str) -> Any:
        if name == "solutions":
            raise AttributeError(
                "module 'mediapipe' has no attribute 'solutions': MediaPipe 1.x has Tasks alone; the solutions are in "
                "refpose.mediapipe, which stands in for MediaPipe 0.10.21",
                name=name,
            )
        return _missing_attribute(name)
