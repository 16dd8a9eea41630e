"""The messages of mediapipe/framework/formats/location_data.proto: where something is on a picture."""

from __future__ import annotations

from refpose.mediapipe.framework.message import Float, Message, Repeated, file
from refpose.mediapipe.framework.scalars import INT32, STRING, Enumeration, Scalar, Single, enumeration

DESCRIPTOR = file("location_data")


class LocationData(Message, file=DESCRIPTOR):
    """A box and key points. (MediaPipe's binary masks are kept as unknown fields.)"""

    __slots__ = ()

    class BoundingBox(Message, file=DESCRIPTOR):
        """A box in pixels."""

        __slots__ = ()
        xmin, ymin, width, height = (Scalar(number, INT32) for number in (1, 2, 3, 4))

    class RelativeBoundingBox(Message, file=DESCRIPTOR):
        """A box in fractions of the picture's width and height."""

        __slots__ = ()
        xmin, ymin, width, height = Float(1), Float(2), Float(3), Float(4)

    class RelativeKeypoint(Message, file=DESCRIPTOR):
        """A point in fractions of the picture's width and height."""

        __slots__ = ()
        x, y = Float(1), Float(2)
        keypoint_label = Scalar(3, STRING)
        score = Float(4)

    GLOBAL, BOUNDING_BOX, RELATIVE_BOUNDING_BOX, MASK = range(4)
    Format = Enumeration(
        "mediapipe.LocationData.Format",
        {"GLOBAL": GLOBAL, "BOUNDING_BOX": BOUNDING_BOX, "RELATIVE_BOUNDING_BOX": RELATIVE_BOUNDING_BOX, "MASK": MASK},
    )
    format = Scalar(1, enumeration(Format))
    bounding_box = Single(2, BoundingBox)
    relative_bounding_box = Single(3, RelativeBoundingBox)
    relative_keypoints = Repeated(5, RelativeKeypoint)
