"""The landmark messages against what protobuf answered, and what other libraries do with them."""

from __future__ import annotations

import json
from pathlib import Path

import facade_cases
import pytest

from refpose.mediapipe.framework.formats import landmark_pb2
from refpose.mediapipe.framework.wire import DecodeError

RECORDED = json.loads((Path(__file__).parent / "recorded" / "facade.json").read_text())["messages"]
NAMES = {
    "N": landmark_pb2.NormalizedLandmark,
    "NL": landmark_pb2.NormalizedLandmarkList,
    "W": landmark_pb2.Landmark,
    "WL": landmark_pb2.LandmarkList,
    "C": landmark_pb2.NormalizedLandmarkListCollection,
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
