"""What `recorded/make_facade.py` asks MediaPipe 0.10.21 and the tests ask refpose: the same questions.

Cases are Python source, evaluated by `outcome` with names of the package under test; nothing here imports either.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import pickle
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np

_NUMBERS = (
    *("0.1", "0.5", "1 / 3", "1e10", "123456789.0", "16777217", "1e-7", "1e-40", "-0.0", "0", "3", "1e39", "-1e39"),
    *("0.30000001192092896", "0.00012345678", "999999.5", "1000000", "1234567.0", "0.999999999", "True"),
    *("float('nan')", "float('inf')", "np.float32(0.1)", "np.float64(0.2)", "np.int64(3)", "np.bool_(True)"),
)
_THRESHOLDS = (
    *("'x'", "None", "2", "-1", "float('nan')", "np.float64(0.5)", "True", "[0.5]", "np.array(0.5)"),
    *("1e300", "10**400", "1j"),
)

# N, NL, W, WL: NormalizedLandmark, NormalizedLandmarkList, Landmark, LandmarkList; the last line is the result.
_DETECTION = (
    "d = D(label=['a\\n\\x22é'], label_id=[-1, 2], score=[.1, 1 / 3], detection_id=2**40, timestamp_usec=-5)\n"
    "d.location_data.format = L.RELATIVE_BOUNDING_BOX\n"
    "d.location_data.relative_bounding_box.width = .25\n"
    "d.location_data.relative_keypoints.add(x=.5, keypoint_label='nose')\n"
    "d.associated_detections.add(id=3, confidence=.5)\n"
)
_DETECTIONS = [
    *(
        _DETECTION + last
        for last in (
            *("d", "d.SerializeToString()", "D.FromString(d.SerializeToString()) == d", "copy.deepcopy(d) == d"),
            *("pickle.loads(pickle.dumps(d)) == d", "[field.name for field, _ in d.ListFields()]"),
            *("d.label_id.append(2.5)", "d.label_id.append(2**31)", "d.label.append(3)", "d.label = ['x']"),
            *("d.location_data = L()", "d.detection_id = 2**63", "d.feature_tag = 1", "d.HasField('label')"),
            "d.label_id.extend([7, 8])\nd.label_id.remove(2)\nd.label_id.insert(0, 5)\n"
            "d.label_id, d.label_id[1:], d.label_id == [5, -1, 7, 8], d.label_id.pop(), len(d.label_id)",
            "d.ClearField('location_data')\nd.HasField('location_data'), d.location_data.format",
            "e = D()\ne.CopyFrom(d)\ne.MergeFrom(d)\ne",
        )
    ),
    "d = D()\nd.location_data.format, d.location_data.relative_bounding_box.xmin, d.HasField('location_data'), bool(d)",
    "d = D()\nd.location_data.SetInParent()\nd.HasField('location_data'), d, d.SerializeToString()",
    *("D(location_data={'format': 2, 'relative_bounding_box': {'xmin': .5}})", "D(location_data=3)"),
    *("L.Format.Name(2), L.Format.Value('MASK'), L.Format.items()", "L.Format.Name(9)", "L(format=7)"),
    *("L(format='MASK')", "L(format='x')", "L(format=1.5)", "L.BoundingBox(xmin=3, width=-4)"),
    *("D.FromString(b'\\x10\\x05\\x10\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x01').label_id",),
    *("D.FromString(b'\\x1d\\x00\\x00\\x80?').score", "D.FromString(b'\\x12\\x01\\x80')"),
    *("D.DESCRIPTOR.full_name, L.BoundingBox.DESCRIPTOR.full_name, D.LABEL_FIELD_NUMBER",),
]
MESSAGES = [
    *_DETECTIONS,
    *(f"str(N(x={value}))" for value in _NUMBERS),
    *(f"N(x={value})" for value in ("'a'", "b'1'", "[1]", "1j", "np.zeros(1)", "np.array(0.5)", "10**400", "None")),
    "N(1)",
    "N(q=1)",
    "N(x=None, y=1)",
    "m = N()\nm.x = 'a'",
    "m = N()\nm.x = None",
    "m = N()\nm.q = 1",
    "N().q",
    "m = N()\nm.x = np.float32(0.3)\nm",
    "N(x=0.1).x",
    "type(N(x=np.float32(1)).x).__name__",
    "N().visibility",
    "N(x=0).HasField('x'), N().HasField('x'), N(presence=0).HasField('presence')",
    "N().HasField('q')",
    "NL(landmark=[N()]).HasField('landmark')",
    "N().ListFields()",
    "[(field.name, field.number, value) for field, value in N(y=1, x=2).ListFields()]",
    "[(field.name, len(value)) for field, value in NL(landmark=[N()]).ListFields()]",
    "m = NL()\nm.landmark\nm.ListFields()",
    "[field.name for field in N.DESCRIPTOR.fields], N.DESCRIPTOR.name, N.DESCRIPTOR.full_name",
    "N(x=1) == N(x=1), N(x=1) == N(x=1, y=0), N(x=1) == W(x=1), N() == 1, N() != None",
    "N(x=float('nan')) == N(x=float('nan'))",
    "hash(N())",
    "N() < N()",
    "bool(N()), bool(NL()), bool(NL().landmark)",
    "len(N())",
    "len(NL())",
    "list(NL())",
    "NL()[0]",
    "str(NL(landmark=[N(x=1, y=0.25), N()]))",
    "repr(WL(landmark=[W(x=1, visibility=0.1)]))",
    "NL(landmark=[dict(x=1)])",
    "NL(landmark=(N(x=i) for i in range(2)))",
    "NL(landmark=NL(landmark=[N(x=1)]).landmark)",
    "NL(landmark=None)",
    *(f"NL(landmark={value})" for value in ("[1]", "[None]", "[W(x=1)]", "N()", "NL()", "5")),
    "NL([N()])",
    *(
        f"a = NL(landmark=[N(x=1), N(y=2), N(z=3)])\n{line}"
        for line in (
            "a.landmark",
            "str(a.landmark)",
            "len(a.landmark)",
            "a.landmark[0:2]",
            "type(a.landmark[0:2]).__name__",
            "a.landmark[1:9]",
            "a.landmark[-1]",
            "a.landmark[7]",
            "a.landmark['a']",
            "a.landmark[np.int64(1)]",
            "a.landmark == NL(landmark=[N(x=1), N(y=2), N(z=3)]).landmark",
            "a.landmark == [N(x=1), N(y=2), N(z=3)]",
            "a.landmark == [N(x=1)]",
            "N(y=2) in a.landmark",
            "list(reversed(a.landmark))",
            "a.landmark is a.landmark, a.landmark[0] is a.landmark[0]",
            "[item for item in a.landmark]",
            "np.array(a.landmark).shape",
            "a.landmark.add(x=4, y=5)\na",
            "a.landmark.add().x = 3\na",
            "a.landmark.add(q=1)",
            "a.landmark.add(1)",
            "b = N(x=9)\na.landmark.append(b)\nb.x = 8\na",
            "a.landmark.append(1)",
            "a.landmark.append(W())",
            "a.landmark.extend([N(x=1)] * 2)\na",
            "a.landmark.extend(a.landmark[:2])\na",
            "a.landmark.extend(1)",
            "a.landmark.extend(None)",
            "a.landmark = [N()]",
            "a.landmark = a.landmark",
            "a.landmark[0] = N()",
            "del a.landmark[0]\na",
            "del a.landmark[1:]\na",
            "del a.landmark[7]",
            "a.landmark.pop(), a",
            "a.landmark.pop(0), a",
            "a.landmark.remove(N(y=2))\na",
            "a.landmark.remove(N(x=9))",
            "a.landmark.reverse()\na",
            "a.landmark.sort(key=lambda item: -item.z)\na",
            "a.landmark.insert(0, N(x=7))\na",
            "a.landmark.insert(9, N(x=7))\na",
            "a.landmark.insert(0, 3)",
            "a.landmark + a.landmark",
            "a.landmark.clear()",
            "copy.deepcopy(a.landmark)",
            "b = copy.deepcopy(a)\na.landmark[0].x = 9\nb",
            "b = copy.copy(a)\na.landmark[0].x = 9\nb",
            "pickle.loads(pickle.dumps(a)) == a",
            "b = a.landmark[0]\nb.x = 5\na",
            "a.landmark[0].CopyFrom(N(x=7))\na",
            "a.landmark[0].ClearField('x')\na",
            "a.MergeFrom(NL(landmark=[N(x=1)]))\na",
            "a.CopyFrom(NL(landmark=[N(x=1)]))\na",
            "a.CopyFrom(a)\na",
            "a.Clear()\na",
            "a.ClearField('landmark')\na",
            "a.SerializeToString()",
            "a.ByteSize()",
            "NL.FromString(a.SerializeToString()) == a",
            "b = NL(landmark=[N()])\nb.ParseFromString(a.SerializeToString()), b",
            "b = NL(landmark=[N()])\nb.MergeFromString(a.SerializeToString()), b",
        )
    ),
    "NL().landmark",
    "NL().landmark.pop()",
    "NL(landmark=[N()] * 40).SerializeToString()",
    "N(x=1, presence=0.5).SerializeToString()",
    "m = N(x=1)\nm.CopyFrom(N(y=2))\nm",
    "m = N(x=1)\nm.MergeFrom(N(y=2))\nm",
    "N().CopyFrom(W())",
    "N().MergeFrom(1)",
    "m = N(x=1, y=2)\nm.ClearField('x')\nm",
    "N().ClearField('q')",
    "m = N(x=1)\nm.Clear()\nm",
    "pickle.loads(pickle.dumps(N(x=1, presence=0)))",
    "N.FromString(b'zz')",
    "N.FromString(b'\\r\\x00')",
    "N.FromString(b'\\x00\\x00')",
    "N.FromString(b'\\x0f')",
    "N.FromString(b'\\r\\x00\\x00\\x80?\\x30\\x81\\x01\\x39abcdefgh\\x42\\x03abc').x",
    "N.FromString(b'\\x09abcdefgh').HasField('x')",
    "C(landmark_list=[NL(landmark=[N(x=1)])])",
    *(f"N(x=1).{call}" for call in ("IsInitialized()", "FindInitializationErrors()", "SetInParent()", "Extensions")),
    "errors = []\nN().IsInitialized(errors), errors",
    *(f"N().{call}" for call in ("WhichOneof('x')", "WhichOneof('q')", "HasExtension('x')", "ClearExtension('x')")),
    *(f"N(x=1).{call}" for call in ("SerializeToString(deterministic=True)", "SerializeToString(nothing=True)")),
    *(f"N(x=1).{call}" for call in ("SerializePartialToString(deterministic=True)", "SerializeToString(True)")),
    "N.X_FIELD_NUMBER, N.PRESENCE_FIELD_NUMBER, NL.LANDMARK_FIELD_NUMBER, N().Y_FIELD_NUMBER",
    "f = N.DESCRIPTOR.fields[1]\nf.index, f.default_value, f.has_default_value, f.label, f.type, f.cpp_type, f.number",
    "f = N.DESCRIPTOR.fields[1]\nf.containing_type.name, f.enum_type, f.message_type, f.is_extension, f.json_name",
    "f = N.DESCRIPTOR.fields[1]\nf.camelcase_name, f.LABEL_REPEATED, f.TYPE_FLOAT, f.CPPTYPE_FLOAT, f.has_presence",
    "f = NL.DESCRIPTOR.fields[0]\nf.index, f.default_value, f.label, f.type, f.cpp_type, f.message_type.full_name",
    "d = N.DESCRIPTOR\nd.fields_by_number[1].name, list(d.fields_by_camelcase_name), d.containing_type, d.has_options",
    "d = N.DESCRIPTOR\nlist(d.oneofs), list(d.nested_types), list(d.extensions), d.file.name, d._concrete_class is N",
    "N.__name__, N.DESCRIPTOR.file.package, list(N.DESCRIPTOR.file.message_types_by_name)",
    *(
        f"m = N.FromString({data})\n{call}"
        for data in (
            "b'\\x30\\x81\\x01'",
            "b'\\x43\\x08\\x01\\x44\\r\\x00\\x00\\x80?'",
            "b'\\x09abcdefgh'",
            "b'\\x4dabcd'",
        )
        for call in (
            *("m.SerializeToString(), m.ByteSize()", "m == N()", "str(m)", "m.x = 2\nm.SerializeToString()"),
            *(
                "m.DiscardUnknownFields()\nm.SerializeToString()",
                "m.Clear()\nm.SerializeToString()",
                "[value for _, value in m.ListFields()]",
            ),
            *("n = N(y=1)\nn.MergeFrom(m)\nn.SerializeToString()", "n = N(y=1)\nn.CopyFrom(m)\nn == m"),
            *("copy.deepcopy(m).SerializeToString()", "pickle.loads(pickle.dumps(m)) == m"),
            "l = NL(landmark=[m])\nl.DiscardUnknownFields()\nl.SerializeToString()",
        )
    ),
    *(
        f"N.FromString({data})"
        for data in ("b'\\x43\\x08\\x01'", "b'\\x44'", "b'\\x43\\x4c'", "b'\\x30' + b'\\xff' * 11")
    ),
    *(
        f"N.FromString({data})"
        for data in ("'abc'", "None", "5", "memoryview(b'\\r\\x00\\x00\\x80?')", "b'\\x43' * 200")
    ),
    "m = NL(landmark=[N()])\nn = m.landmark[0]\nm.Clear()\nn.x = 5\nm, n",
    "m = NL(landmark=[N(x=1)])\nm.MergeFrom(m)\nm",
    "m = NL()\nm.landmark.add().SetInParent()\nm",
    "m = NL()\nm.landmark.MergeFrom([N(x=1)])\nm",
    "N().HasField(5)",
    "N(**{'x': 1}) == N(x=1)",
]

# What google.protobuf's converters make of messages; J and T are json_format and text_format, m is a message.
_OPTIONS = (
    *("", "including_default_value_fields=True", "preserving_proto_field_name=True", "float_precision=3"),
    *("including_default_value_fields=True, float_precision=4", "use_integers_for_enums=True", "nothing=1"),
)
CONVERSIONS = [
    _DETECTION + "J.MessageToDict(d), J.ParseDict(J.MessageToDict(d), D()) == d",
    _DETECTION + "T.Parse(T.MessageToString(d), D()) == d, T.MessageToString(d, as_one_line=True)",
    *(f"J.MessageToDict({message}, {option})" for option in _OPTIONS for message in ("m", "N(x=1)", "NL()")),
    *(f"J.MessageToJson(m, {option})" for option in (*_OPTIONS, "indent=0", "sort_keys=True")),
    *(
        f"J.ParseDict({value}, NL())"
        for value in ("{'landmark': [{'x': .5, 'y': 'NaN'}, {}]}", "{'landmark': [{'q': 1}]}")
    ),
    "J.ParseDict({'landmark': [{'q': .5}]}, NL(), ignore_unknown_fields=True)",
    """J.Parse('{"landmark": [{"x": 0.5}]}', NL())""",
    "J.Parse(J.MessageToJson(m), NL())",
    *(f"T.MessageToString(m, {option})" for option in ("", "as_one_line=True", "float_format='.3f'", "indent=2")),
    *("T.Parse(T.MessageToString(m), NL())", "T.Parse('landmark { q: 2 }', NL())", "T.MessageToBytes(m)"),
    "T.Merge('landmark { x: 2 }', NL(landmark=[N()]))",
]
CONVERTED = "NL(landmark=[N(x=.1, y=1 / 3, visibility=.5), N(), N(x=float('nan'), y=1e-7, z=-float('inf'))])"

# Arguments of Pose
ARGUMENTS = [
    *(
        f"model_complexity={value}"
        for value in ("'1'", "1.0", "None", "True", "np.int64(2)", "np.float32(1)", "np.bool_(1)")
    ),
    *(f"enable_segmentation={value}" for value in ("1", "0", "None", "'x'", "np.bool_(True)")),
    *(f"static_image_mode={value}" for value in ("1", "None", "'x'", "[]", "np.bool_(1)", "np.zeros(2)")),
    *(f"smooth_landmarks={value}" for value in ("0", "1", "None", "'x'", "np.bool_(0)", "0, static_image_mode=True")),
    *(f"smooth_segmentation={value}" for value in ("0", "''", "[1]", "None, static_image_mode=True")),
    *(f"min_detection_confidence={value}" for value in _THRESHOLDS),
    *(f"min_tracking_confidence={value}" for value in ("'x'", "None", "float('nan')", "np.float32(1)")),
    "foo=1",
    "upper_body_only=False",
    "1, 2, 3, 4, 5, 6, 7, 8",
    "True, 1, True, True, True, 0.5, 0.5",
    "False, 0",
]

HOLISTIC_ARGUMENTS = [
    *(f"refine_face_landmarks={value}" for value in ("True", "0", "None", "'x'", "np.bool_(True)")),
    *("model_complexity=1.0", "model_complexity=0", "enable_segmentation=1", "min_detection_confidence='x'"),
    *("1, 2, 3, 4, 5, 6, 7, 8, 9", "True, 1, True, True, True, True, 0.5, 0.5", "foo=1", "static_image_mode='x'"),
    *("smooth_landmarks=0", "min_tracking_confidence=None", "smooth_segmentation=None, static_image_mode=True"),
]

# What is done with a new Pose p; A is a (48, 64, 3) uint8 array.
CALLS = [
    "p.process(np.zeros((4, 4, 4), np.uint8))",
    "p.process(np.arange(36, dtype=np.uint8).reshape(3, 3, 4))",
    "p.process(np.zeros((2, 4, 4, 3), np.uint8))",
    "p.process(np.zeros((4, 4), np.uint8))",
    "p.process(np.zeros(4, np.uint8))",
    "p.process([[1]])",
    "p.process(None)",
    "p.process('x')",
    "p.process()",
    "p.process(image=A)",
    *(f"p.process(A.astype({kind}))" for kind in ("float", "'f4'", "'i1'", "'u2'", "'i8'", "object", "bool", "'>u1'")),
    "p.process(np.zeros((1, 1, 3), np.uint8))",
    "p.process(A[:, ::-1])",
    "p.process(np.asfortranarray(A))",
    "p.process(read_only(A))",
    "p.process(read_only(A[:, ::-1]))",
    "p.process(read_only(np.asfortranarray(A)))",
    "p.process(read_only((A > 9)[:, ::-1]))",
    "p.process(np.zeros((0, 4, 3), np.uint8))",
    "p.process(np.zeros((4, 0, 3), np.uint8))",
    "failed(p)\np.process(A)",
    "failed(p)\np.process(A[0])",
    "failed(p)\np.process(A / 2)",
    "p.close()\np.process(A)",
    "p.close()\np.process(None)",
    "p.close()\np.close()",
    "p.close()\np.reset()",
    "p.reset()\np.reset()\np.process(A)",
    "with p: p.process(A)",
    "with p: p.close()",
    "p.process(A).pose_landmarks, p.process(A).pose_world_landmarks, p.process(A).segmentation_mask",
    "list(p.process(A))",
    "p.process(A).nothing",
    "bool(p.process(A)), p.process(A)._fields",
]

# A first program, as tutorials have it; only its import line is changed for refpose.
PROGRAM = """
import cv2
import mediapipe as mp
import time

mpDraw = mp.solutions.drawing_utils
mpPose = mp.solutions.pose
pose = mpPose.Pose(min_detection_confidence=0.65, min_tracking_confidence=0.65)

cap = cv2.VideoCapture("person.mp4")
pTime = 0
while True:
    success, img = cap.read()
    if not success:
        break
    imgRGB = cv2.cvtColor(img, cv2.COLOR_BGR2RGB)
    results = pose.process(imgRGB)
    print(results.pose_landmarks)
    if results.pose_landmarks:
        mpDraw.draw_landmarks(img, results.pose_landmarks, mpPose.POSE_CONNECTIONS)
        for id, lm in enumerate(results.pose_landmarks.landmark):
            h, w, c = img.shape
            cx, cy = int(lm.x * w), int(lm.y * h)
    cTime = time.time()
    fps = 1 / max(cTime - pTime, 1e-9)
    pTime = cTime
    cv2.imshow("Image", img)
    cv2.waitKey(1)
"""

# More programs, in the style of public ones; the first line of each says what it tries.
PROGRAMS = [
    """# a detector class, angles, a counter, and a bare except
import math
import cv2
import mediapipe as mp

class poseDetector():
    def __init__(self, mode=False, smooth=True, detectionCon=0.5, trackCon=0.5):
        self.mpDraw = mp.solutions.drawing_utils
        self.mpPose = mp.solutions.pose
        self.pose = self.mpPose.Pose(static_image_mode=mode, smooth_landmarks=smooth,
                                     min_detection_confidence=detectionCon, min_tracking_confidence=trackCon)

    def findPose(self, img, draw=True):
        self.results = self.pose.process(cv2.cvtColor(img, cv2.COLOR_BGR2RGB))
        if self.results.pose_landmarks and draw:
            self.mpDraw.draw_landmarks(img, self.results.pose_landmarks, self.mpPose.POSE_CONNECTIONS,
                                       self.mpDraw.DrawingSpec(color=(245,117,66), thickness=2, circle_radius=2),
                                       self.mpDraw.DrawingSpec(color=(245,66,230), thickness=2, circle_radius=2))
        return img

    def findAngle(self, p1, p2, p3):
        x1, y1, x2, y2, x3, y3 = [value for p in (p1, p2, p3) for value in self.lmList[p]]
        return math.degrees(math.atan2(y3 - y2, x3 - x2) - math.atan2(y1 - y2, x1 - x2))

cap = cv2.VideoCapture('person.mp4')
detector = poseDetector()
counter, stage = 0, None
while True:
    success, img = cap.read()
    if not success:
        break
    img = detector.findPose(img)
    try:
        h, w, c = img.shape
        detector.lmList = [(lm.x * w, lm.y * h) for lm in detector.results.pose_landmarks.landmark]
        angle = detector.findAngle(12, 14, 16)
        stage = 'up' if angle > 0 else 'down'
        counter += stage == 'up'
        print(angle, stage, counter)
    except:
        print('nobody')
    cv2.imshow('Image', img)
""",
    """# parts of a skeleton with specs of their own, and settings of the modules
import cv2
import mediapipe as mp
from mediapipe.framework.formats import landmark_pb2
from mediapipe.python.solutions import drawing_styles, drawing_utils

mp_pose = mp.solutions.pose
ok, img = cv2.VideoCapture('person.mp4').read()
with mp_pose.Pose(static_image_mode=True) as pose:
    landmarks = pose.process(cv2.cvtColor(img, cv2.COLOR_BGR2RGB)).pose_landmarks
style, connections = drawing_styles.get_default_pose_landmarks_style(), list(mp_pose.POSE_CONNECTIONS)
for landmark in list(mp_pose.PoseLandmark)[:11]:
    style[landmark] = drawing_utils.DrawingSpec(color=(255, 255, 0), thickness=None)
    connections = [pair for pair in connections if landmark.value not in pair]
drawing_utils.draw_landmarks(img, landmarks, connections=connections, landmark_drawing_spec=style)
cv2.imshow('body without face', img)
style[mp_pose.PoseLandmark.LEFT_WRIST].thickness = 7  # of the whole left side
Spec = drawing_utils.DrawingSpec
colours = {pair: Spec((pair[0] * 7, 255 - pair[1] * 5, 90), 1 + pair[0] % 4) for pair in connections}
drawing_utils.draw_landmarks(img, landmarks, connections, style, colours)
cv2.imshow('each line', img)
arm = landmark_pb2.NormalizedLandmarkList(landmark=[landmarks.landmark[i] for i in (11, 13, 15)])
drawing_utils.draw_landmarks(img, arm, [(0, 1), (1, 2)], Spec(255, -1, 6), Spec((0, 255)))
cv2.imshow('arm', img)
for i in (0, 5, 12):
    landmarks.landmark[i].visibility = 0
try:
    drawing_utils.draw_landmarks(img, landmarks, [(11, 23), (13, 15), (12, 99), (23, 24)])
except ValueError as error:
    print(error)
cv2.imshow('as far as it came', img)
before = drawing_utils._VISIBILITY_THRESHOLD, drawing_styles._THICKNESS_POSE_LANDMARKS
drawing_utils._VISIBILITY_THRESHOLD, drawing_styles._THICKNESS_POSE_LANDMARKS = .9, 9
drawing_utils.draw_landmarks(img, landmarks, None, drawing_styles.get_default_pose_landmarks_style())
drawing_utils._VISIBILITY_THRESHOLD, drawing_styles._THICKNESS_POSE_LANDMARKS = before
cv2.imshow('set', img)
""",
    """# holistic for the pose, and constants of hands and faces
import cv2
import numpy as np
import mediapipe as mp
from mediapipe.python.solutions import face_mesh, hands

mp_holistic, mp_drawing = mp.solutions.holistic, mp.solutions.drawing_utils
HAND, FACE = mp_holistic.HAND_CONNECTIONS, mp_holistic.FACEMESH_TESSELATION
cap = cv2.VideoCapture('person.mp4')
with mp_holistic.Holistic(min_detection_confidence=0.5, refine_face_landmarks=True) as holistic:
    while True:
        ret, frame = cap.read()
        if not ret:
            break
        image = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        image.flags.writeable = False
        results = holistic.process(image)
        mp_drawing.draw_landmarks(frame, results.pose_landmarks, mp_holistic.POSE_CONNECTIONS,
                                  mp_drawing.DrawingSpec(color=(80,22,10), thickness=2, circle_radius=4),
                                  mp_drawing.DrawingSpec(color=(80,44,121), thickness=2, circle_radius=2))
        row = [[p.x, p.y, p.z, p.visibility] for p in results.pose_landmarks.landmark] if results.pose_landmarks else []
        world = results.pose_world_landmarks
        print(np.array(row).flatten()[:3].tolist(), world and world.landmark[5])
        cv2.imshow('Raw Webcam Feed', frame)
print(sorted(HAND)[:4], len(FACE), results._fields, hands.HandLandmark.WRIST, face_mesh.FACEMESH_NUM_LANDMARKS)
""",
    """# skeletons, hands and faces at random places, in all styles
import cv2
import numpy as np
from mediapipe.framework.formats.landmark_pb2 import NormalizedLandmark, NormalizedLandmarkList
from mediapipe.python.solutions import drawing_styles as S, drawing_utils as D
from mediapipe.python.solutions import face_mesh_connections as F, hands_connections as H
from mediapipe.python.solutions.pose import POSE_CONNECTIONS

rng = np.random.default_rng(1)

def scattered(n):
    return NormalizedLandmarkList(landmark=[NormalizedLandmark(x=x, y=y) for x, y in rng.uniform(-.1, 1.1, (n, 2))])

for size in ((240, 320), (100, 30), (7, 500)):
    im = np.zeros((*size, 3), np.uint8)
    D.draw_landmarks(im, scattered(21), H.HAND_CONNECTIONS, S.get_default_hand_landmarks_style(),
                     S.get_default_hand_connections_style())
    D.draw_landmarks(im, scattered(478), F.FACEMESH_TESSELATION, None, S.get_default_face_mesh_tesselation_style())
    for i in (0, 1):
        D.draw_landmarks(im, scattered(478), F.FACEMESH_CONTOURS, None, S.get_default_face_mesh_contours_style(i))
    D.draw_landmarks(im, scattered(478), F.FACEMESH_IRISES, None, S.get_default_face_mesh_iris_connections_style())
    cv2.imshow('hands and faces', im)
    D.draw_landmarks(im, scattered(33), POSE_CONNECTIONS, S.get_default_pose_landmarks_style(),
                     D.DrawingSpec(thickness=3))
    for k in range(30):
        thickness, radius, width = (int(rng.integers(low, high)) for low, high in ((-1, 9), (0, 30), (1, 12)))
        spec = D.DrawingSpec(tuple(int(v) for v in rng.integers(0, 256, 3)), thickness, radius)
        lines = D.DrawingSpec(tuple(rng.random(3) * 255), width)
        D.draw_landmarks(im, scattered(33), POSE_CONNECTIONS, spec, lines)
    cv2.imshow('poses', im)
""",
    """# a subclass, results kept, copied and written
import copy
import pickle
import cv2
import mediapipe as mp
from mediapipe.python.solution_base import SolutionBase

class MyPose(mp.solutions.pose.Pose):
    def __init__(self, **options):
        super().__init__(model_complexity=0, **options)
        self.count = 0

    def process(self, image):
        self.count += 1
        return super().process(image)

ok, img = cv2.VideoCapture('person.mp4').read()
with MyPose(static_image_mode=True, enable_segmentation=True) as pose:
    results = pose.process(cv2.cvtColor(img, cv2.COLOR_BGR2RGB))
    print(isinstance(pose, SolutionBase), pose.count, MyPose.__mro__[2].__name__)
points = pickle.loads(pickle.dumps(results.pose_landmarks))
print(points == results.pose_landmarks, copy.deepcopy(results.pose_world_landmarks) == results.pose_world_landmarks)
data = points.SerializeToString(deterministic=True)
points.Clear()
print(points.ParseFromString(data), data[:40], points.IsInitialized())
for point in points.landmark:
    point.x = 1 - point.x
del points.landmark[3:]
print(points, [field.name for field, value in points.landmark[0].ListFields()])
mask = results.segmentation_mask
print(mask.shape, mask.dtype, mask.flags.writeable, float(mask.max()), int((mask > .5).sum()))
for use in (lambda: pose.process(img), pose.close, lambda: points.landmark[9], lambda: points.WhichOneof('x')):
    try:
        use()
    except Exception as error:
        print(type(error).__name__)
""",
]


def frames(astronaut: np.ndarray) -> list[np.ndarray]:
    """A short BGR video: the camera moves over the (512, 512, 3) RGB picture; one frame shows nobody."""
    found = [astronaut[8 * i : 8 * i + 448, 60 - 10 * i : 460 - 10 * i, ::-1].copy() for i in range(5)]
    found.insert(3, np.zeros_like(found[0]))
    return found


def tracked(solution: Any, astronaut: np.ndarray, model_complexity: int) -> list[str]:
    """Hashes of the landmarks, the world landmarks and the mask that `Pose` or `Holistic` finds in `frames`."""
    found = []
    with solution(model_complexity=model_complexity, enable_segmentation=True) as pose:
        for frame in frames(astronaut):
            results = pose.process(np.ascontiguousarray(frame[:, :, ::-1]))
            mask = results.segmentation_mask
            content = [str(results.pose_landmarks), str(results.pose_world_landmarks)]
            content.append("None" if mask is None else f"{mask.shape} {hashlib.sha256(mask.tobytes()).hexdigest()}")
            found.append(hashlib.sha256("".join(content).encode()).hexdigest()[:12])
    return found


def run_program(source: str, video: Iterable[np.ndarray]) -> str:
    """What a program prints, with the SHA-256 of the pictures it shows; `cv2` is a stand-in that plays `video`."""
    remaining = iter(list(video))

    class VideoCapture:
        def __init__(self, name: str) -> None:
            assert name == "person.mp4"

        def read(self) -> tuple[bool, Any]:
            frame = next(remaining, None)
            return frame is not None, frame

    cv2: Any = ModuleType("cv2")
    cv2.VideoCapture = VideoCapture
    cv2.COLOR_BGR2RGB = 4
    cv2.cvtColor = lambda image, code: image[:, :, ::-1].copy()
    cv2.imshow = lambda name, image: sys.stdout.write(f"{hashlib.sha256(image.tobytes()).hexdigest()}\n")
    cv2.waitKey = lambda milliseconds: -1
    before = sys.modules.get("cv2")
    sys.modules["cv2"] = cv2
    try:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(source, {"__name__": "__main__"})
    finally:
        del sys.modules["cv2"]
        if before is not None:
            sys.modules["cv2"] = before
    return printed.getvalue()


def plotted(figure: Any) -> list[Any]:
    """The artists of a figure of `plot_landmarks`: points and lines in order, with colours and widths."""
    (axes,) = figure.axes
    return [
        list(figure.get_size_inches()),
        [axes.elev, axes.azim],
        [
            [
                np.asarray(points._offsets3d).ravel().tolist(),
                points.get_edgecolor().ravel().tolist(),
                points.get_linewidth().tolist(),
            ]
            for points in axes.collections
        ],
        sorted(
            [np.asarray(line.get_data_3d()).tolist(), list(line.get_color()), line.get_linewidth()]
            for line in axes.lines
        ),
    ]


def outcome(case: str, names: dict[str, Any]) -> str:
    """The result of a case, or the kind of exception it raises."""
    *statements, last = case.split("\n")
    space = {"np": np, "copy": copy, "pickle": pickle, "read_only": read_only, "failed": failed, **names}
    try:
        exec("\n".join(statements), space)
        try:
            compile(last, "<case>", "eval")
        except SyntaxError:
            exec(last, space)
            return "done"
        return repr(eval(last, space))
    except Exception as error:  # noqa: BLE001 - any kind may be the recorded one
        kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
        return f"raises {kinds[0]}"


def read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


def failed(pose: Any) -> None:
    """Give a Pose an image without pixels."""
    with contextlib.suppress(RuntimeError):
        pose.process(np.zeros((0, 4, 3), np.uint8))
