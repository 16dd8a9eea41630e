"""What `recorded/make_facade.py` draws with MediaPipe 0.10.21 and OpenCV 4.11, and the tests with refpose.

A case is Python source that draws into a picture `I`. Of the package under test it sees `DrawingSpec`,
`draw_landmarks`, the messages `N`, `NL`, `W` and `WL`, and the modules drawing_utils `D`, drawing_styles `S`,
face_mesh_connections `F` and hands_connections `H`. `P` is a list of landmarks, `C` its connections.
"""

from __future__ import annotations

import array
import collections
import copy
import dataclasses
import decimal
import enum
import fractions
import hashlib
import inspect
import pickle
import types
from collections.abc import Callable
from typing import Any

import numpy as np

_COLORS = (
    *("None", "255", "255.0", "2.5", "(255,)", "(255, 0)", "(1, 2, 3)", "(1, 2, 3, 4)", "(1, 2, 3, 4, 5)", "()", "[]"),
    *("[1, 2, 3]", "'red'", "''", "b'abc'", "bytearray(b'abc')", "True", "False", "(True, False, True)"),
    *("('1', 2, 3)", "(None, 2, 3)", "1j", "(1, 2, 1j)", "(300, -5, 2.5)", "(0.5, 1.5, 2.5)", "(254.5, 255.5, 0.4999)"),
    *("(-0.5, -0.51, 127.5)", "(float('nan'), 1, 2)", "(float('inf'), float('-inf'), 2)", "float('nan')", "-3", "1e9"),
    *("(2**31 - 1, 2**31, 2**32)", "(2**31 + 7, -(2**31), -(2**31) - 1)", "(1e10, 2**63, -1e10)", "(2**64, 0, 0)"),
    *("{1, 2, 3}", "{1: 2}", "range(3)", "(i for i in range(3))", "iter([1, 2, 3])"),
    *("fractions.Fraction(5, 2)", "decimal.Decimal('2.5')", "(fractions.Fraction(5, 2), decimal.Decimal(3), 1)"),
    *(f"np.{kind}(7)" for kind in ("float64", "float32", "int64", "int32", "uint8", "uint64", "bool_", "float16")),
    *(
        f"np.array([9, 8, 7], np.{kind})"
        for kind in ("uint8", "int8", "int16", "uint16", "int32", "int64", "uint64", "float32", "float64", "float16")
    ),
    *("np.array([True, False, True])", "np.array([1j, 2, 3])", "np.array(['1', '2', '3'])", "np.array([1, 2, None])"),
    *("np.array([9])", "np.array([9, 8])", "np.array([9, 8, 7, 6, 5])", "np.zeros(0)"),
    *("np.array([[9, 8, 7]])", "np.array([[9], [8], [7]])", "np.array([[9.0, 8, 7]])", "np.array([[9.0], [8], [7]])"),
    *("np.array([[9.0, 8], [7, 6]])", "np.array([[[9, 8, 7.0]]])", "(np.uint8(9), np.int64(8), np.float32(7.5))"),
    *("np.array([9, 1, 8, 1, 7])[::2]", "np.array([7, 8, 9])[::-1]", "(np.array(9), 2, 3)", "(np.array([9]), 2, 3)"),
    *(
        "Level.low",
        "(Level.low, Level.high, 3)",
        "Triple(9, 8, 7)",
        "array.array('i', [9, 8, 7])",
        "memoryview(b'abc')",
    ),
    *(
        "Sized([9, 8, 7])",
        "Numbered(9)",
        "Indexed(9)",
        "(Numbered(9), 8, 7)",
        "(Indexed(9), 8, 7)",
        "Listed([9, 8, 7])",
    ),
    *("'#ff0000'", "object()", "(1, (2, 3), 4)", "[[1, 2, 3]]", "P", "np.array([np.nan, 1, 2])"),
)
_WHOLE = (
    *("None", "1", "2", "3", "5", "0", "-1", "-2", "-7", "2.0", "2.5", "'2'", "True", "False", "(2,)", "[2]", "{}"),
    *("1j", "float('nan')", "2**31 - 1", "2**31", "2**40", "-(2**31)", "-(2**31) - 1", "10**400", "32767", "32768"),
    *("np.array(2)", "np.array([2])", "np.array([2, 3])", "np.array(2.0)", "fractions.Fraction(2)", "object()"),
    *(f"np.{kind}(2)" for kind in ("int8", "uint8", "int32", "int64", "uint64", "bool_", "float32", "float64")),
    *("decimal.Decimal(2)", "Level.low", "Numbered(2)", "Indexed(2)", "-0.0", "40", "200"),
)
_KINDS = (
    *("bool_", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32"),
    *("float64", "complex64", "'S1'"),
)
_IMAGES = (
    *(f"np.zeros((40, 50, 3), {kind if kind[0] == chr(39) else 'np.' + kind})" for kind in _KINDS),
    *(f"np.zeros({shape}, np.uint8)" for shape in ("(40, 50)", "(40, 50, 1)", "(40, 50, 4)", "(40, 50, 2)", "(9,)")),
    *(f"np.zeros({shape}, np.uint8)" for shape in ("(0, 50, 3)", "(40, 0, 3)", "(0, 0, 3)", "(1, 1, 3)", "(1, 50, 3)")),
    *("np.zeros((40, 50, 3, 1), np.uint8)", "np.zeros((40, 50, 3, 3), np.uint8)", "np.zeros((2, 40, 3), np.uint8)"),
    *("np.full((40, 50, 3), 200, np.uint8)", "np.zeros((40, 50, 3), np.float32) + 0.5", "np.zeros((40, 50, 0))"),
    *("None", "[[[0, 0, 0]]]", "'picture'", "np.ma.zeros((40, 50, 3))", "5"),
    *("np.zeros((40, 50, 3), np.uint8).view(Array)", "np.zeros((120, 50, 3), np.uint8)[:40]"),
    *("np.zeros((40, 90, 3), np.uint8)[:, 20:70]", "np.zeros((40, 50, 3), np.float64) - 1", "types.SimpleNamespace()"),
)
_CONNECTIONS = (
    *("[]", "None", "()", "0", "1", "[(0, 1)]", "[[0, 1]]", "((0, 1),)", "{(0, 1)}", "frozenset([(0, 1), (1, 2)])"),
    *("[(0, 1), (0, 9)]", "[(0, 1), (-1, 0)]", "[(0, 1, 2)]", "[(0,)]", "[0]", "[None]", "['01']", "[('0', '1')]"),
    *("[(0.0, 1.0)]", "[(0.5, 1)]", "[(None, 1)]", "[(True, False)]", "[(np.int64(0), np.int64(1))]", "'01'"),
    *("np.array([[0, 1], [1, 2]])", "np.array([[0, 1]])", "iter([(0, 1)])"),
    *("((i, i + 1) for i in range(2))", "{(0, 1): 5}", "[(0, 0)]", "[(0, 1), (0, 1)]", "[(0, 3), (1, 2)]", "[()]"),
    *("[(Level.low, Level.high)]", "[(0, 1), 5, (1, 2)]", "[(0, 1), (1, 2), (0, 9)]", "[(0, 9), (0, 1)]", "[(1j, 0)]"),
    *("[slice(0, 1)]", "[{0: 0, 1: 1}]", "[np.array([0, 1])]", "5", "[(float('nan'), 0)]", "[(2**70, 0)]"),
)
_STYLES = (
    *("None", "{}", "False", "0", "1", "''", "'red'", "[]", "[DrawingSpec((9, 8, 7))] * 4", "()", "object()"),
    *("{0: DrawingSpec((9, 8, 7))}", "{i: DrawingSpec((9, 8, i), i, 3) for i in range(4)}", "{0: None}", "{0: 5}"),
    *("types.MappingProxyType({i: DrawingSpec((9, 8, 7)) for i in range(4)})", "DrawingSpec", "DrawingSpec()"),
    *("collections.defaultdict(lambda: DrawingSpec((9, 8, 7), 1, 1))", "collections.ChainMap({}, {})"),
    *(
        "collections.UserDict({i: DrawingSpec((9, 8, 7)) for i in range(4)})",
        "{Level(i): DrawingSpec() for i in (1, 2)}",
    ),
    *("types.SimpleNamespace(color=(9, 8, 7), thickness=1, circle_radius=3)", "types.SimpleNamespace(color=(9, 8, 7))"),
    *("{(0, 1): DrawingSpec((9, 8, 7)), (1, 2): DrawingSpec((5, 6, 7), 4)}", "{(0, 1): DrawingSpec((9, 8, 7))}"),
    *("{frozenset((0, 1)): DrawingSpec()}", "{(1, 0): DrawingSpec()}", "{(0, 1): None, (1, 2): None}", "np.zeros(2)"),
)
_LISTS = (
    *("None", "NL()", "[]", "0", "1", "P.landmark", "'x'", "[N(x=.5, y=.5)]", "types.SimpleNamespace(landmark=[])"),
    *("types.SimpleNamespace(landmark=list(P.landmark))", "types.SimpleNamespace(landmark=None)", "W"),
    *("types.SimpleNamespace(landmark=tuple(P.landmark))", "types.SimpleNamespace(landmark=iter(P.landmark))"),
    *("types.SimpleNamespace(landmark=[types.SimpleNamespace(x=.5, y=.5, z=0)])", "np.zeros(3)", "np.zeros(1)"),
    *("NL(landmark=[N()])", "NL(landmark=[N(x=.5)])", "NL(landmark=[N(x=1, y=1)])", "NL(landmark=[N(x=1.0001, y=.5)])"),
    *("NL(landmark=[N(x=-.0, y=.5)])", "NL(landmark=[N(x=-1e-12, y=.5)])", "NL(landmark=[N(x=float('nan'), y=.5)])"),
    *("NL(landmark=[N(x=float('inf'), y=.5)])", "NL(landmark=[N(x=.5, y=1.0000000001)])"),
    *("NL(landmark=[N(x=.5, y=.5, visibility=.49999)])", "NL(landmark=[N(x=.5, y=.5, visibility=.5)])"),
    *("NL(landmark=[N(x=.5, y=.5, presence=.4)])", "NL(landmark=[N(x=.5, y=.5, presence=.5, visibility=1)])"),
    *("NL(landmark=[N(x=.5, y=.5, visibility=0)])", "NL(landmark=[N(x=.5, y=.5, visibility=float('nan'))])"),
    *("NL(landmark=[N(x=.999, y=.999), N(x=.001, y=.001)])", "WL(landmark=[W(x=.5, y=.5, visibility=.9)])"),
)
_SET = (
    *(
        "D._VISIBILITY_THRESHOLD = 0.9",
        "D._VISIBILITY_THRESHOLD = 0",
        "D._PRESENCE_THRESHOLD = 0.1",
        "D._BGR_CHANNELS = 4",
    ),
    *("D.WHITE_COLOR = (1, 2, 3)", "D.RED_COLOR = (1, 2, 3)", "D._normalized_to_pixel_coordinates = lambda *a: (5, 6)"),
    *(
        "D._normalized_to_pixel_coordinates = lambda x, y, w, h: (int(x * w), int(y * h))",
        "D._VISIBILITY_THRESHOLD = None",
    ),
    *(
        "D._normalized_to_pixel_coordinates = lambda *a: None",
        "D._normalized_to_pixel_coordinates = lambda *a: (5.5, 6)",
    ),
    *("D._normalized_to_pixel_coordinates = lambda *a: [7, 8]", "D._normalized_to_pixel_coordinates = lambda *a: (9,)"),
    *("D._normalized_to_pixel_coordinates = lambda *a: (10**10, 3)", "D._BGR_CHANNELS = 3.0", "D.WHITE_COLOR = None"),
    *(
        "D._normalized_to_pixel_coordinates = lambda *a: (-9, 3000)",
        "D.DrawingSpec = None",
        "D.DrawingSpec.thickness = 9",
    ),
    *("D._normalized_to_pixel_coordinates = lambda *a: (np.int64(7), np.int32(8))", "D.WHITE_COLOR = 7"),
    *("D._normalized_to_pixel_coordinates = lambda *a: np.array([7, 8])", "D.mp = 5", "D.math = None"),
    *("D.draw_landmarks.__defaults__[1].color = (7, 7, 7)", "D.draw_landmarks.__defaults__[2].thickness = 5"),
)
_STYLE_SET = (
    *("S._THICKNESS_POSE_LANDMARKS = 5", "S._WHITE = (1, 2, 3)", "S._POSE_LANDMARKS_LEFT = frozenset()"),
    *("S._POSE_LANDMARKS_RIGHT = frozenset([0, 1])", "S.PoseLandmark = types.SimpleNamespace(NOSE=7)", "S._RADIUS = 1"),
    *("S.DrawingSpec = lambda color, thickness: D.DrawingSpec(color, 1, 1)", "S._GREEN = 1", "S._THICKNESS_DOT = 9"),
    *("S._THICKNESS_CONTOURS = 9", "S._THICKNESS_TESSELATION = 9", "S._RED = 1", "S._GRAY = 1", "S._BLUE = 1"),
    *("S._HAND_LANDMARK_STYLE = {}", "S._HAND_CONNECTION_STYLE = {}", "S._FACEMESH_CONTOURS_CONNECTION_STYLE = {}"),
)

CASES = [
    *(f"draw_landmarks(I, P, C, DrawingSpec({color}))" for color in _COLORS),
    *(f"draw_landmarks(I, P, C, None, DrawingSpec({color}))" for color in _COLORS),
    *(f"draw_landmarks(I, P, C, DrawingSpec((9, 8, 7), {value}, 4))" for value in _WHOLE),
    *(
        f"draw_landmarks(I, P, C, DrawingSpec((9, 8, 7), circle_radius={value}))"
        for value in _WHOLE
        if value not in ("2**31 - 1", "np.uint64(2)")  # beyond int32 with the border; a float in NumPy 1
    ),
    *(f"draw_landmarks(I, P, C, None, DrawingSpec((9, 8, 7), {value}, {value}))" for value in _WHOLE),
    *(
        f"draw_landmarks(I, P, C, DrawingSpec((9, 8, 7), {thickness}, {radius}))"
        for thickness in (1, 2, 3, -1, 0)
        for radius in (0, 1, 2, 5, 9, -1)
    ),
    *(f"I = {image}\ndraw_landmarks(I, P, C)" for image in _IMAGES),
    *(f"draw_landmarks(I, P, {connections})" for connections in _CONNECTIONS),
    *(f"draw_landmarks(I, P, {connections}, None, {{}})" for connections in ("[(0, 1)]", "[[0, 1]]", "None")),
    *(f"draw_landmarks(I, P, C, {style})" for style in _STYLES),
    *(f"draw_landmarks(I, P, C, None, {style})" for style in _STYLES[1:]),
    *(f"draw_landmarks(I, {points}, [(0, 0)])" for points in _LISTS),
    *(f"draw_landmarks(I, {points})" for points in _LISTS),
    *(f"draw_landmarks(I, P, C, is_drawing_landmarks={value})" for value in ("False", "None", "0", "'no'", "[]")),
    *("draw_landmarks()", "draw_landmarks(I)", "draw_landmarks(image=I, landmark_list=P, connections=C)"),
    "draw_landmarks(I, landmark_list=P, landmark_drawing_spec=DrawingSpec(color=(0, 0, 9), thickness=3))",
    "draw_landmarks(I, P, C, colour=1)",
    *(f"{line}\nD.draw_landmarks(I, P, C)" for line in _SET),
    "D._BGR_CHANNELS = 4\nI = np.full((40, 50, 4), 9, np.uint8)\nD.draw_landmarks(I, P, C)",
    "D._BGR_CHANNELS = 1\nI = np.full((40, 50, 1), 9, np.uint8)\nD.draw_landmarks(I, P, C)",
    "D._BGR_CHANNELS = 2\nI = np.full((40, 50, 2), 9, np.uint8)\nD.draw_landmarks(I, P, C)",
    "D._BGR_CHANNELS = 5\nI = np.full((40, 50, 5), 9, np.uint8)\nD.draw_landmarks(I, P, C)",
    "D._BGR_CHANNELS = 4\nI = np.full((40, 50, 4), 9, np.uint8)\nD.draw_landmarks(I, P, C, DrawingSpec((1, 2, 3, 4)))",
]
CASES += [
    *(
        f"r = np.random.default_rng({seed})\nI = np.full(r.integers(9, 300, 2).tolist() + [3], 50, np.uint8)\n"
        "q = np.linalg.qr(r.normal(size=(3, 3)))[0]\n"
        "D.draw_axis(I, q, r.normal(size=3) * .2 + [0, 0, -.5], axis_length=r.uniform(0, 2))"
        for seed in range(40)
    ),
    "D.draw_axis(I, np.eye(3), np.zeros(3))",
    "D.draw_axis(I, np.eye(3), [0, 0, 1], (2, 3), (.1, -.2), .5, DrawingSpec(thickness=5))",
    *(
        f"D.draw_axis(I, np.eye(3), [0, .1, 1], axis_drawing_spec=DrawingSpec(thickness={t}))"
        for t in (None, 0, 1, 2.5)
    ),
    *("D.draw_axis(I[..., :1], np.eye(3), [0, 0, 1])", "D.draw_axis(I, np.eye(2), [0, 0, 1])", "D.draw_axis(I)"),
    "D.RED_COLOR = (1, 2, 3)\nD.draw_axis(I, np.eye(3), [.1, .2, -1])",
    "D.draw_axis(np.zeros((40, 50, 3), np.int64), np.eye(3), [.1, .2, -1])",
]
_DETECT = (
    "L = D.location_data_pb2.LocationData\nd = D.detection_pb2.Detection(location_data=L(format=2))\n"
    "d.location_data.relative_keypoints.add(x=.2, y=.3)\nd.location_data.relative_keypoints.add(x=.6, y=.7)\n"
    "b = d.location_data.relative_bounding_box\nb.xmin, b.ymin, b.width, b.height = .1, .2, .7, .5\n"
)
CASES += [
    _DETECT + "D.draw_detection(I, d)",
    *(
        f"{_DETECT}D.draw_detection(I, d, DrawingSpec({color}, {width}, {radius}), DrawingSpec({color}, {width}))"
        for color in ("None", "9", "(1.5, -3, 400)", "[1, 2, 3]", "'red'")
        for width, radius in ((-1, 4), (0, 0), (1, 1), (3, 2), (7, 9), (None, 5), (2, -1), (2.5, 3))
    ),
    *(
        f"{_DETECT}r = np.random.default_rng({seed})\nI = np.full(r.integers(1, 99, 2).tolist() + [3], 50, np.uint8)\n"
        "b.xmin, b.ymin, b.width, b.height = r.uniform(-.1, .7, 4)\n"
        "d.location_data.relative_keypoints[0].x = r.uniform(-.5, 1.5)\n"
        "D.draw_detection(I, d, DrawingSpec((1, 2, 3), int(r.integers(-1, 9)), int(r.integers(9))),"
        " DrawingSpec((4, 5, 6), int(r.integers(-1, 20))))"
        for seed in range(20)
    ),
    *(f"{_DETECT}d.location_data.format = {number}\nD.draw_detection(I, d)" for number in (0, 1, 3)),
    _DETECT + "d.location_data.ClearField('relative_bounding_box')\nD.draw_detection(I, d)",
    _DETECT + "D.draw_detection(I[..., :1], d)",
    *("D.draw_detection(I, D.detection_pb2.Detection())", "D.draw_detection(I, None)", "D.draw_detection(I)"),
]
# Cases whose last line is an answer
ANSWERS = [
    "vars(DrawingSpec())",
    "DrawingSpec(1, 2, 3)",
    "DrawingSpec(colour=1)",
    "DrawingSpec() == DrawingSpec(), DrawingSpec() == DrawingSpec(thickness=1)",
    "hash(DrawingSpec())",
    "dataclasses.astuple(DrawingSpec())",
    "dataclasses.replace(DrawingSpec(), thickness=7)",
    "str(inspect.signature(DrawingSpec))[:1]",
    "copy.deepcopy(DrawingSpec((1, 2, 3)))",
    "pickle.loads(pickle.dumps(DrawingSpec((1, 2, 3)))) == DrawingSpec((1, 2, 3))",
    *(
        f"[(p.name, p.kind.name, None if p.default is p.empty else p.default) "
        f"for p in inspect.signature(D.{function}).parameters.values()]"
        for function in (
            "draw_landmarks",
            "plot_landmarks",
            "draw_axis",
            "_normalized_to_pixel_coordinates",
            "_normalize_color",
        )
    ),
    *(
        f"D._normalized_to_pixel_coordinates({arguments})"
        for arguments in (
            *(
                "0, 0, 10, 10",
                "1, 1, 10, 10",
                ".5, .25, 640, 480",
                "-.1, 0, 9, 9",
                "1.1, 0, 9, 9",
                "float('nan'), 0, 9, 9",
            ),
            *("1 + 1e-10, 0, 9, 9", "-1e-300, 0, 9, 9", "'a', 0, 9, 9"),
            *("float('inf'), 0, 9, 9", ".5, .5, 0, 0", ".5, .5, 9.5, 9.5", "True, False, 9, 9", ".999999, .5, 9, 9"),
            *("None, 0, 9, 9", "np.array(.5), .5, 9, 9", ".5, .5, -5, 9", "1j, 0, 9, 9"),
            "normalized_x=.5, normalized_y=.5, image_width=10, image_height=20",
        )
    ),
    *(f"D._normalize_color({color})" for color in ("(1, 2, 3)", "[255]", "()", "None", "'a'", "5")),
    *(f"D.{name}" for name in ("_PRESENCE_THRESHOLD", "_VISIBILITY_THRESHOLD", "_BGR_CHANNELS", "WHITE_COLOR")),
    *(f"D.{name}" for name in ("BLACK_COLOR", "RED_COLOR", "GREEN_COLOR", "BLUE_COLOR")),
    *(
        f"{line}\n[(int(k), v) for k, v in S.get_default_pose_landmarks_style().items()]"
        for line in ("pass", *_STYLE_SET)
    ),
    *(
        f"{line}\n[(k if isinstance(k, tuple) else int(k), v) for k, v in S.{function}().items()]"
        for function in (
            *("get_default_hand_landmarks_style", "get_default_hand_connections_style"),
            *("get_default_face_mesh_contours_style", "get_default_face_mesh_iris_connections_style"),
        )
        for line in ("pass", *_STYLE_SET[5:])
    ),
    "list(S.get_default_face_mesh_contours_style(1).items())",
    *(f"{line}\nS.get_default_face_mesh_tesselation_style()" for line in ("pass", *_STYLE_SET[7:13])),
    "s = S.get_default_pose_landmarks_style()\ns[1] is s[2], s[1] is s[4], s[4] is s[5], s[0] is s[1]",
    "s = S.get_default_pose_landmarks_style()\ntype(s).__name__, {type(key).__name__ for key in s}",
    "s = S.get_default_pose_landmarks_style()\nt = S.get_default_pose_landmarks_style()\ns == t, s[1] is t[1]",
    "S.get_default_hand_landmarks_style()[0] is S.get_default_hand_landmarks_style()[0]",
    "S._POSE_LANDMARKS_LEFT",
    "S._POSE_LANDMARKS_RIGHT",
    *(
        f"S.{name}"
        for name in ("_RADIUS", "_RED", "_GREEN", "_BLUE", "_YELLOW", "_GRAY", "_PURPLE", "_PEACH", "_WHITE")
    ),
    *(f"S.{name}" for name in ("_CYAN", "_MAGENTA", "_THICKNESS_WRIST_MCP", "_THICKNESS_FINGER", "_THICKNESS_DOT")),
    *(f"S.{name}" for name in ("_THICKNESS_TESSELATION", "_THICKNESS_CONTOURS", "_THICKNESS_POSE_LANDMARKS")),
    *(
        f"S.{name}"
        for name in ("_PALM_LANDMARKS", "_THUMP_LANDMARKS", "_INDEX_FINGER_LANDMARKS", "_HAND_LANDMARK_STYLE")
    ),
    *(f"list(F.FACEMESH_{name})" for name in ("LIPS", "LEFT_EYE", "LEFT_IRIS", "LEFT_EYEBROW", "RIGHT_EYE", "NOSE")),
    *(f"list(F.FACEMESH_{name})" for name in ("RIGHT_EYEBROW", "RIGHT_IRIS", "FACE_OVAL", "CONTOURS", "IRISES")),
    "list(F.FACEMESH_TESSELATION)",
    *(f"H.HAND_{finger}_CONNECTIONS" for finger in ("PALM", "THUMB", "INDEX_FINGER", "RING_FINGER", "PINKY_FINGER")),
    *("H.HAND_MIDDLE_FINGER_CONNECTIONS", "list(H.HAND_CONNECTIONS)"),
    *(f"S.{name}" for name in ("_MIDDLE_FINGER_LANDMARKS", "_RING_FINGER_LANDMARKS", "_PINKY_FINGER_LANDMARKS")),
]


class Level(enum.IntEnum):
    low = 1
    high = 2


class Numbered:
    """Has a value as a float."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __float__(self) -> float:
        return float(self.value)


class Indexed(Numbered):
    """Has a value as an int."""

    def __index__(self) -> int:
        return int(self.value)


class Sized(collections.UserList[Any]):
    """A sequence that is no list."""


class Listed:
    """Has a length and items."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Any:
        return self.values[index]


class Array(np.ndarray):
    """An array of a class of its own."""


Triple = collections.namedtuple("Triple", "b g r")
_SPACE = {
    **{kind.__name__: kind for kind in (Level, Numbered, Indexed, Sized, Listed, Array, Triple)},
    **{module.__name__: module for module in (array, collections, copy, dataclasses, decimal, fractions, inspect)},
    "np": np,
    "pickle": pickle,
    "types": types,
}


def points(module: Any) -> Any:
    """Four landmarks as `module`, a landmark_pb2, has them; the last is not sure enough to be drawn."""
    places = [(0.2, 0.3, 0.9), (0.6, 0.5, 0.8), (0.4, 0.9, 0.7), (0.9, 0.1, 0.2)]
    return module.NormalizedLandmarkList(
        landmark=[module.NormalizedLandmark(x=x, y=y, z=0, visibility=v) for x, y, v in places]
    )


def _run(case: str, package: Any, last: Callable[[str, dict[str, Any]], Any]) -> Any:
    """Run a case, hand its last line to `last`, and put back what it has set in the modules of `package`."""
    solutions = package.solutions
    drawing, styles, messages = solutions.drawing_utils, solutions.drawing_styles, solutions.drawing_utils.landmark_pb2
    space = {
        **_SPACE,
        "D": drawing,
        "S": styles,
        "F": solutions.face_mesh_connections,
        "H": solutions.hands_connections,
        "DrawingSpec": drawing.DrawingSpec,
        "draw_landmarks": drawing.draw_landmarks,
        "N": messages.NormalizedLandmark,
        "NL": messages.NormalizedLandmarkList,
        "W": messages.Landmark,
        "WL": messages.LandmarkList,
        "P": points(messages),
        "C": [(0, 1), (1, 2), (2, 3)],
        "I": np.full((40, 50, 3), 100, np.uint8),
    }
    before = [(module, dict(vars(module))) for module in (drawing, styles)]
    specs = [spec for spec in drawing.draw_landmarks.__defaults__ if isinstance(spec, drawing.DrawingSpec)]
    looks = [dict(vars(spec)) for spec in specs]
    thickness = drawing.DrawingSpec.thickness
    try:
        *statements, final = case.split("\n")
        exec("\n".join(statements), space)
        return last(final, space)
    finally:
        for module, values in before:
            vars(module).update(values)
            for name in set(vars(module)) - set(values):
                delattr(module, name)
        for spec, look in zip(specs, looks, strict=True):
            vars(spec).update(look)
        drawing.DrawingSpec.thickness = thickness


def kind(error: Exception) -> str:
    """Of an exception: its built-in kind; OpenCV's are of none in particular."""
    return next(base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins")


def drawn(case: str, package: Any) -> list[str]:
    """The kind of exception that a case raises, "" if none, and what is then on the picture, as a short hash."""

    def last(line: str, space: dict[str, Any]) -> list[str]:
        try:
            exec(line, space)
            raised = ""
        except Exception as error:  # noqa: BLE001 - any kind may be the recorded one
            raised = kind(error)
        image = space["I"]
        # An object array holds addresses.
        content = image.tobytes() if isinstance(image, np.ndarray) and image.dtype != object else repr(image).encode()
        return [raised, hashlib.sha256(content).hexdigest()[:12]]

    return _run(case, package, last)


def answer(case: str, package: Any) -> str:
    """The result of a case, as a short hash if it is long, or the kind of exception it raises."""

    def last(line: str, space: dict[str, Any]) -> str:
        try:
            text = repr(eval(line, space))
            return text if len(text) < 200 else f"{text[:40]}... {hashlib.sha256(text.encode()).hexdigest()[:12]}"
        except Exception as error:  # noqa: BLE001 - any kind may be the recorded one
            return f"raises {kind(error)}"

    return _run(case, package, last)
