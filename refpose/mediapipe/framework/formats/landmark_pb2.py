"""The landmark messages of mediapipe/framework/formats/landmark.proto."""

from __future__ import annotations

from refpose.mediapipe.framework.message import Float, Message, Repeated, file

DESCRIPTOR = file("landmark")


class Landmark(Message, file=DESCRIPTOR):
    """A point in metres, and how sure it is."""

    __slots__ = ()
    x = Float(1)
    y = Float(2)
    z = Float(3)
    visibility = Float(4)
    presence = Float(5)


class LandmarkList(Message, file=DESCRIPTOR):
    """Points in metres."""

    __slots__ = ()
    landmark = Repeated(1, Landmark)


class LandmarkListCollection(Message, file=DESCRIPTOR):
    """The points of several people."""

    __slots__ = ()
    landmark_list = Repeated(1, LandmarkList)


class NormalizedLandmark(Message, file=DESCRIPTOR):
    """A point in fractions of the image's width and height, and how sure it is."""

    __slots__ = ()
    x = Float(1)
    y = Float(2)
    z = Float(3)
    visibility = Float(4)
    presence = Float(5)


class NormalizedLandmarkList(Message, file=DESCRIPTOR):
    """Points in fractions of the image's width and height."""

    __slots__ = ()
    landmark = Repeated(1, NormalizedLandmark)


class NormalizedLandmarkListCollection(Message, file=DESCRIPTOR):
    """The points of several people."""

    __slots__ = ()
    landmark_list = Repeated(1, NormalizedLandmarkList)


_LANDMARK = Landmark.DESCRIPTOR
_LANDMARKLIST = LandmarkList.DESCRIPTOR
_LANDMARKLISTCOLLECTION = LandmarkListCollection.DESCRIPTOR
_NORMALIZEDLANDMARK = NormalizedLandmark.DESCRIPTOR
_NORMALIZEDLANDMARKLIST = NormalizedLandmarkList.DESCRIPTOR
_NORMALIZEDLANDMARKLISTCOLLECTION = NormalizedLandmarkListCollection.DESCRIPTOR
