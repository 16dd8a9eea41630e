"""The messages of landmarks and detections against what protobuf answered, and what other libraries do with them."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import facade_cases
import pytest

from refpose.mediapipe.framework.formats import detection_pb2, landmark_pb2, location_data_pb2
from refpose.mediapipe.framework.wire import DecodeError

FILE = json.loads((Path(__file__).parent / "recorded" / "facade.json").read_text())
RECORDED = FILE["messages"]
NAMES = {
    "N": landmark_pb2.NormalizedLandmark,
    "NL": landmark_pb2.NormalizedLandmarkList,
    "W": landmark_pb2.Landmark,
    "WL": landmark_pb2.LandmarkList,
    "C": landmark_pb2.NormalizedLandmarkListCollection,
    "D": detection_pb2.Detection,
    "L": location_data_pb2.LocationData,
}


def test_all_cases_are_recorded() -> None:
    assert list(RECORDED) == facade_cases.MESSAGES


@pytest.mark.parametrize("case", facade_cases.MESSAGES)
def test_as_protobuf(case: str) -> None:
    expected = RECORDED[case]
    if expected == "raises Exception":  # protobuf's DecodeError; refpose's is a ValueError
        expected = "raises ValueError"
    assert facade_cases.outcome(case, NAMES) == expected


def test_bytes_that_are_no_message() -> None:
    with pytest.raises(DecodeError, match="ends in the middle of a field"):
        landmark_pb2.Landmark.FromString(b"\r\x00")


def test_json_format() -> None:
    """google.protobuf's converters take the messages, where a program has protobuf."""
    json_format = pytest.importorskip("google.protobuf.json_format")
    text_format = pytest.importorskip("google.protobuf.text_format")
    points = landmark_pb2.NormalizedLandmarkList(landmark=[{"x": 0.1, "y": 1 / 3}, {}])
    assert json_format.MessageToDict(points) == {"landmark": [{"x": 0.1, "y": 0.33333334}, {}]}
    assert text_format.Parse(str(points), landmark_pb2.NormalizedLandmarkList()) == points


@pytest.mark.parametrize("case", facade_cases.CONVERSIONS)
def test_conversions(case: str) -> None:
    """Also with protobuf 3.20, whose classes ask for more of the interface."""
    names = {
        **NAMES,
        "J": pytest.importorskip("google.protobuf.json_format"),
        "T": pytest.importorskip("google.protobuf.text_format"),
    }
    called = re.match(r"([JT])\.(\w+)\(.*?, (\w+)=", case)
    if called and called[3] != "nothing":
        converter = getattr(names[called[1]], called[2])
        if called[3] not in inspect.signature(converter).parameters:
            pytest.skip(f"this protobuf's {called[2]} has no {called[3]}")
    found, expected = facade_cases.outcome(f"m = {facade_cases.CONVERTED}\n{case}", names), FILE["conversions"][case]
    assert found == ("raises ValueError" if expected == "raises Exception" else expected) or (
        found.startswith("raises") and expected.startswith("raises")
    )


def test_all_conversions_are_recorded() -> None:
    assert list(FILE["conversions"]) == facade_cases.CONVERSIONS


def test_unknown_fields() -> None:
    """protobuf 3 has this method; 4 has a class instead, which takes its own messages alone."""
    data = b"\x30\x81\x01\x39abcdefgh\x42\x03abc\x4d\x01\x00\x00\x00\x53\x58\x07\x54"
    found = landmark_pb2.Landmark.FromString(data).UnknownFields()
    assert [(field.field_number, field.wire_type, field.data) for field in found[:4]] == [
        (6, 0, 129),
        (7, 1, int.from_bytes(b"abcdefgh", "little")),
        (8, 2, b"abc"),
        (9, 5, 1),
    ]
    assert [(field.field_number, field.data) for field in found[4].data] == [(11, 7)]
    assert len(landmark_pb2.Landmark(x=1).UnknownFields()) == 0
