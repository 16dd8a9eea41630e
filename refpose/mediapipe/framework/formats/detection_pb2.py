"""The messages of mediapipe/framework/formats/detection.proto: what was found, and where."""

from __future__ import annotations

from refpose.mediapipe.framework.formats.location_data_pb2 import LocationData
from refpose.mediapipe.framework.message import Float, Message, Repeated, file
from refpose.mediapipe.framework.scalars import FLOAT, INT32, INT64, STRING, Scalar, Scalars, Single

DESCRIPTOR = file("detection")


class Detection(Message, file=DESCRIPTOR):
    """Something that was found on a picture."""

    __slots__ = ()

    class AssociatedDetection(Message, file=DESCRIPTOR):
        """Another one that belongs to it."""

        __slots__ = ()
        id = Scalar(1, INT32)
        confidence = Float(2)

    label = Scalars(1, STRING)
    label_id = Scalars(2, INT32)
    score = Scalars(3, FLOAT)
    location_data = Single(4, LocationData)
    feature_tag = Scalar(5, STRING)
    track_id = Scalar(6, STRING)
    detection_id = Scalar(7, INT64)
    associated_detections = Repeated(8, AssociatedDetection)
    display_name = Scalars(9, STRING)
    timestamp_usec = Scalar(10, INT64)


class DetectionList(Message, file=DESCRIPTOR):
    """What was found on a picture."""

    __slots__ = ()
    detection = Repeated(1, Detection)
