"""What the native engine promises whatever the circumstances: the same bits for any threads, instruction set, choice of
outputs, process; clear errors for what does not fit; no memory that grows.
"""

from __future__ import annotations

import ast
import ctypes
import itertools
import os
import platform
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from refpose import Pose, load_network
from refpose.engine import MAX_THREADS, Network, layout, native_isa
from refpose.images import read_image

native = pytest.importorskip("refpose.engine._native", reason="the native engine was not built")

NETWORKS = [
    pytest.param(name, marks=pytest.mark.full if name == "heavy" else ())
    for name in ("detector", "lite", "full", "heavy")
]
PACKAGE = str(Path(native.__file__).resolve().parents[1])

HASHES = """
    import hashlib
    import numpy as np
    from refpose import load_network

    def outputs(name="lite", threads=1):
        net = load_network(name, "native", threads)
        x = np.random.default_rng(7).random(net.input_shape, np.float32)
        return hashlib.sha256(b"".join(y.tobytes() for y in net(x).values())).hexdigest()
"""


@cache
def network(name: str, threads: int = 1) -> Network:
    return load_network(name, "native", threads)


@cache
def picture(name: str, seed: int = 7) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random(network(name).input_shape, np.float32)


def same(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    return found.keys() <= expected.keys() and all(np.array_equal(found[name], expected[name]) for name in found)


def run(code: str, folder: Path, *arguments: str, **environment: str) -> str:
    """What a script that can compute ``outputs()`` prints; a file, since a spawned process imports it anew."""
    script = folder / "script.py"
    script.write_text(textwrap.dedent(HASHES) + textwrap.dedent(code), "utf-8")
    paths = os.pathsep.join([PACKAGE, os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-X", "faulthandler", str(script), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def expected_hash(name: str = "lite") -> str:
    import hashlib

    return hashlib.sha256(b"".join(y.tobytes() for y in network(name)(picture(name)).values())).hexdigest()


@pytest.mark.parametrize("name", NETWORKS)
def test_equals_the_reference(name: str) -> None:
    assert same(network(name)(picture(name)), load_network(name, "reference")(picture(name)))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("threads", [1, 2, 3, 4, MAX_THREADS])
def test_same_bits_again_and_for_any_threads(name: str, threads: int) -> None:
    x, expected = picture(name), network(name)(picture(name))
    net = load_network(name, "native", threads)
    for _ in range(3):
        assert same(net(x), expected)
        net(picture(name, 8))  # leaves other numbers in the arena


@pytest.mark.parametrize("name", NETWORKS)
def test_every_subset_of_outputs(name: str) -> None:
    net, x = network(name), picture(name)
    expected = net(x)
    for count in range(1, len(net.output_names) + 1):
        for wanted in itertools.combinations(net.output_names, count):
            found = net(x, wanted)
            assert tuple(found) == wanted
            assert same(found, expected)
    backwards = net.output_names[::-1]
    assert tuple(net(x, backwards)) == backwards
    assert same(net(x, backwards), expected)


@pytest.mark.parametrize("isa", native.KNOWN_ISAS)
def test_every_instruction_set(isa: str, tmp_path: Path) -> None:
    if isa not in native.isas():
        pytest.skip(f"this machine cannot run {isa}")
    for name in ("detector", "lite"):
        code = f"from refpose.engine import native_isa\nprint(native_isa(), outputs({name!r}, 2))"
        assert run(code, tmp_path, REFPOSE_ISA=isa).split() == [isa, expected_hash(name)]


def test_unknown_and_missing_instruction_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    for bad in ("sse9", "", "AVX2"):
        monkeypatch.setenv("REFPOSE_ISA", bad)
        with pytest.raises(ValueError, match=f"REFPOSE_ISA: expected one of avx512, avx2, neon, ref, found {bad!r}"):
            load_network("lite", "native")
    missing = next(isa for isa in native.KNOWN_ISAS if isa not in native.isas())
    monkeypatch.setenv("REFPOSE_ISA", missing)
    with pytest.raises(RuntimeError, match=f"this machine cannot run {missing!r}, only .*ref"):
        load_network("lite", "native")
    with pytest.raises(RuntimeError, match=f"this machine cannot run {missing!r}"):
        Pose("lite", engine="native")


@pytest.mark.parametrize("threads", [0, -1, 65, 1000, 2**40, 1.0, "2", None])
def test_bad_numbers_of_threads(threads: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"threads must be (from 1 to 64|a whole number)"):
        load_network("lite", "native", threads)


def test_the_typed_face_names_what_there_is() -> None:
    """_native.pyi against the module it describes."""
    stub = ast.parse((Path(native.__file__).parent / "_native.pyi").read_text("utf-8"))
    names = {node.name: node for node in stub.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    constants = {node.target.id for node in stub.body if isinstance(node, ast.AnnAssign)}
    there = {
        name
        for name in vars(native)
        if not name.startswith("_") and name not in ("np", "heatmaps", "landmarks", "layout")
    }
    assert names.keys() | constants == there
    for name, node in names.items():
        if isinstance(node, ast.ClassDef):
            methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
            assert methods - {"__init__"} == {one for one in dir(getattr(native, name)) if not one.startswith("_")}


def test_a_step_is_described_as_the_kernels_read_it() -> None:
    tensor = [("space", "i4"), ("h", "i4"), ("w", "i4"), ("c", "i4"), ("at", "i8"), ("ld", "i8")]
    numbers = "kernel flags k stride pad mid mid_h mid_w expand_k expand_stride expand_pad rows chunk"
    tensors, offsets = ("in", "add", "out", "gate", "sums"), ("expand", "depthwise", "project")
    expected = np.dtype(
        [(name, "i4") for name in numbers.split()]
        + [(name, np.dtype(tensor, align=True)) for name in tensors]
        + [(name, "i8") for name in offsets],
        align=True,
    )
    assert expected == native.STEP
    assert native.STEP.fields == expected.fields


def planar_step(rows: int, columns: int, channels: int, ld: int) -> NDArray[Any]:
    """Enlarges planes of the first buffer into the second."""
    step = np.zeros(1, native.STEP)
    step["kernel"] = list(native.kernels()).index("planar_upsample")
    for name in ("add", "gate", "sums"):
        step[name]["space"] = -1
    step["in"] = (1, rows, columns, channels, 0, ld)
    step["out"] = (2, 2 * rows, 2 * columns, channels, 0, layout.plane_size(2 * rows, 2 * columns))
    return step


@pytest.mark.parametrize(("rows", "columns", "channels"), [(1, 1, 1), (3, 5, 2), (7, 14, 3), (56, 56, 2)])
def test_planes_are_as_large_as_the_kernels_ask_for(rows: int, columns: int, channels: int) -> None:
    weights = np.zeros(16, np.float32)
    ld = layout.plane_size(rows, columns)
    most, _ = layout.tensor_size((rows, columns, channels), True)
    enlarged, _ = layout.tensor_size((2 * rows, 2 * columns, channels), True)
    native.Program(planar_step(rows, columns, channels, ld), weights, (16, most, -enlarged), "ref")
    with pytest.raises(ValueError, match="input tensor out of range"):
        native.Program(planar_step(rows, columns, channels, ld - 1), weights, (16, most, -enlarged), "ref")
    size = channels * ld + layout.plane_padding(columns) + layout.END_PADDING - 1
    with pytest.raises(ValueError, match="input tensor out of range"):
        native.Program(planar_step(rows, columns, channels, ld), weights, (16, size, -enlarged), "ref")


def test_another_layout_than_the_headers_is_noticed(tmp_path: Path) -> None:
    code = """
        from refpose.engine import layout

        layout.END_PADDING = 64
        try:
            from refpose.engine import _native
        except ImportError as error:
            print(error)
    """
    assert run(code, tmp_path) == "END_PADDING is 128 in the C engine, 64 in refpose/engine/layout.py\n"


# Threads and processes -----------------------------------------------------------------------------------------------


def test_one_network_in_several_threads() -> None:
    net, expected = load_network("lite", "native", 2), network("lite")(picture("lite"))
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _: same(net(picture("lite")), expected), range(40)))


def test_networks_of_their_own_in_several_threads() -> None:
    def work(threads: int) -> bool:
        net = load_network("detector", "native", threads)
        return all(same(net(picture("detector")), expected) for _ in range(5))

    expected = network("detector")(picture("detector"))
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, [1, 2, 3, 4, 2, 1]))


def test_poses_in_several_threads(astronaut: Path) -> None:
    image = read_image(astronaut)
    (expected,) = Pose("lite", "image", engine="native").process(image)

    def work(threads: int) -> bool:
        (person,) = Pose("lite", "image", engine="native", threads=threads).process(image)
        return np.array_equal(person.landmarks, expected.landmarks)

    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(work, [1, 2, 3]))


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")


@needs_fork
def test_after_fork(tmp_path: Path) -> None:
    code = """
        import os
        net = load_network("lite", "native", 3)
        x = np.random.default_rng(7).random(net.input_shape, np.float32)
        expected = net(x)["landmarks"]
        for _ in range(3):
            child = os.fork()
            if not child:
                same = all(np.array_equal(net(x)["landmarks"], expected) for _ in range(3))
                del net
                os._exit(0 if same and outputs(threads=2) else 1)
            assert np.array_equal(net(x)["landmarks"], expected)
            assert os.waitpid(child, 0)[1] == 0
        print(outputs(threads=3))
    """
    assert run(code, tmp_path).split() == [expected_hash()]


@pytest.mark.parametrize("method", ["spawn", pytest.param("fork", marks=needs_fork)])
def test_in_a_process_pool(method: str, tmp_path: Path) -> None:
    code = """
        import multiprocessing
        import sys

        if __name__ == "__main__":
            mine = outputs(threads=2)
            with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
                found = pool.starmap(outputs, [("lite", 1), ("lite", 2), ("lite", 3)])
            print(*{*found, mine})
    """
    assert run(code, tmp_path, method).split() == [expected_hash()]


def test_exit_while_threads_run(tmp_path: Path) -> None:
    code = """
        import threading
        import time

        def work(net):
            x = np.zeros(net.input_shape, np.float32)
            while True:
                net(x)
                running.release()

        running = threading.Semaphore(0)
        nets = [load_network("lite", "native", threads) for threads in (1, 2, 3)]
        for net in nets:
            threading.Thread(target=work, args=(net,), daemon=True).start()
        for _ in range(10):
            running.acquire()
        print("done")
    """
    for _ in range(3):
        assert run(code, tmp_path) == "done\n"


# Buffers that do not fit ---------------------------------------------------------------------------------------------


def test_inputs_that_do_not_fit() -> None:
    net, x = network("lite"), picture("lite")
    for bad in (
        x.astype(np.float64),
        x.astype(np.float16),
        (x * 255).astype(np.uint8),
        x.tolist(),
        None,
        x.astype(">f4"),
    ):
        with pytest.raises(TypeError, match="lite: the input must be a float32 array, found"):
            net(bad)  # type: ignore[arg-type]
    for shaped in (x[None], x[:-1], x[..., :1], x.reshape(3, 256, 256), np.float32(1) * np.ones(()), x[:0]):
        with pytest.raises((ValueError, TypeError), match=r"lite: the input must"):
            net(shaped.astype(np.float32))
    huge = np.broadcast_to(np.float32(0), (2**20, 2**20, 2**20))  # one value, seen 2^60 times
    with pytest.raises(ValueError, match=r"must have shape \(256, 256, 3\)"):
        net(huge)


def test_inputs_of_any_layout() -> None:
    net, x = network("lite"), picture("lite")
    expected = net(x)
    padded = np.zeros((256, 512, 3), np.float32)
    padded[:, ::2] = x
    unaligned = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(x.shape)
    backwards = x[::-1].copy()[::-1]
    read_only = x.copy()
    read_only.flags.writeable = False
    for view in (padded[:, ::2], unaligned, backwards, np.asfortranarray(x), read_only, np.ma.masked_array(x)):
        assert same(net(view), expected)


@pytest.mark.parametrize("name", ["detector", "lite"])
def test_numbers_that_are_none(name: str) -> None:
    """Infinities and NaN go through the network as they do in NumPy, to the last bit, NaN's payload aside."""
    x = picture(name).copy()
    x[30:40, 50:60] = np.nan
    x[100:105, 7] = np.inf
    x[150:155, 99] = -np.inf
    x[0, 0], x[-1, -1] = 3e38, 1e-40
    with np.errstate(all="ignore"):
        expected = load_network(name, "reference")(x)
    for isa_threads in (1, 2):
        found = network(name, isa_threads)(x)
        for output, values in expected.items():
            assert np.array_equal(found[output], values, equal_nan=True), output


def small_program(isa: str = "ref", threads: int = 1) -> tuple[Any, NDArray[Any]]:
    """Copies four values from the first buffer to the second."""
    step = np.zeros(1, native.STEP)
    step["kernel"] = list(native.kernels()).index("copy")
    for name in native.STEP.names:
        if native.STEP[name].names:
            step[name]["space"] = -1
    step["in"] = (1, 1, 1, 4, 0, 4)
    step["out"] = (2, 1, 1, 4, 0, 4)
    return native.Program(step, np.zeros(16, np.float32), (16, 4, -4), isa, threads), step


def test_buffers_of_a_program() -> None:
    program, _ = small_program()
    x, y = np.arange(4, dtype=np.float32), np.zeros(4, np.float32)
    program.run(x, y)
    assert np.array_equal(x, y)
    for bad in (np.zeros(4), None, [0.0] * 4, 7, np.zeros(4, ">f4"), b"0123456789abcdef"):
        with pytest.raises(TypeError, match="buffer 0: expected a float32 array"):
            program.run(bad, y)
    for bad in (np.zeros(3, np.float32), np.zeros(5, np.float32), np.zeros((0,), np.float32)):
        with pytest.raises(ValueError, match="buffer 1: expected 4 values, found"):
            program.run(x, bad)
    unaligned = np.zeros(17, np.uint8)[1:].view(np.float32)
    for bad in (np.zeros(8, np.float32)[::2], np.zeros((2, 2), np.float32).T[:, ::-1], unaligned):
        with pytest.raises(ValueError, match="buffer 1: expected a C-contiguous, aligned array"):
            program.run(x, bad)
    y.flags.writeable = False
    with pytest.raises(ValueError, match="buffer 1: the array is read-only"):
        program.run(x, y)
    for count in (0, 1, 3):
        with pytest.raises(ValueError, match=f"expected 2 buffers, found {count}"):
            program.run(*[x] * count)


def test_programs_whose_initialisation_failed_do_not_run() -> None:
    _, step = small_program()
    wrong = step.copy()
    wrong["kernel"] = 99
    for steps in (None, step, wrong):
        program = native.Program.__new__(native.Program)
        if steps is not None:
            with pytest.raises(ValueError, match=r"step 0|no kernels"):
                program.__init__(steps, np.zeros(16, np.float32), (16, 4, -4), "ref" if steps is wrong else "no isa")
        for buffers in ((), (np.zeros(4, np.float32), np.zeros(4, np.float32))):
            with pytest.raises(ValueError, match="not initialised, or that failed"):
                program.run(*buffers)


def test_programs_that_make_no_sense() -> None:
    program, step = small_program()
    weights, sizes = np.zeros(16, np.float32), (16, 4, -4)
    with pytest.raises(TypeError, match="cannot be initialised again"):
        program.__init__(step, weights, sizes, "ref")
    for threads in (0, -1, 65, 1000):
        with pytest.raises(ValueError, match="threads: expected 1 to 64"):
            native.Program(step, weights, sizes, "ref", threads)
    for isa in ("sse9", "", "AVX2"):
        with pytest.raises(ValueError, match="no kernels for"):
            native.Program(step, weights, sizes, isa)
    for bad in (np.zeros(1), step[0], step.reshape(1, 1), np.zeros(4, native.STEP)[::2], None, []):
        with pytest.raises(TypeError, match="one-dimensional array of dtype STEP"):
            native.Program(bad, weights, sizes, "ref")
    for bad in ((), (16,), (16,) * 9):
        with pytest.raises(ValueError, match="sizes: expected 2 to 8 spaces"):
            native.Program(step, weights, bad, "ref")
    with pytest.raises(ValueError, match="step 0: output tensor out of range"):
        native.Program(step, weights, (16, 4, -3), "ref")
    with pytest.raises(TypeError):
        native.Program(step, [0.0], sizes, "ref")
    with pytest.raises(TypeError):
        native.Program()
    for bad in (2**41, -(2**62), 2**70):
        with pytest.raises(ValueError, match="sizes: expected at most"):
            native.Program(step, weights, (bad, 4, -4), "ref")
    with pytest.raises(ValueError, match="writes to a buffer that is only read"):
        native.Program(step, weights, (16, 4, 4), "ref")
    with pytest.raises(ValueError, match="it was not initialised"):
        native.Program.__new__(native.Program).run(weights)


# Memory --------------------------------------------------------------------------------------------------------------


linux = pytest.mark.skipif(platform.system() != "Linux", reason="needs Linux's limits and counters")
own_memory = pytest.mark.skipif(
    "asan" in os.environ.get("LD_PRELOAD", ""), reason="AddressSanitizer takes memory itself"
)


@linux
@own_memory
def test_memory_that_cannot_be_had(tmp_path: Path) -> None:
    code = """
        import resource

        def limit(more):
            now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (now + more if more else resource.RLIM_INFINITY, -1))

        net = load_network("full", "native")
        x = np.random.default_rng(7).random(net.input_shape, np.float32)
        y = {name: np.empty(val.shape, np.float32) for name, val in net.tape.outputs.items()}
        program = net._program(net.tape)
        refused = 0
        for more in (1, 1 << 16, 1 << 19, 1 << 20):  # an arena takes more
            limit(more)
            try:
                program.run(x, *y.values())
            except MemoryError:
                refused += 1
            limit(0)
        program.run(x, *y.values())
        heavy = load_network("heavy", "native")
        limit(1 << 20)
        try:
            heavy(x)
        except MemoryError:
            refused += 1
        limit(0)
        print(refused, hashlib.sha256(b"".join(array.tobytes() for array in y.values())).hexdigest())
    """
    assert run(code, tmp_path).split() == ["5", expected_hash("full")]


@linux
@own_memory
def test_threads_that_cannot_be_had(tmp_path: Path) -> None:
    """Where no thread can be started, the caller's does all the work."""
    code = """
        import os
        import resource
        import sys

        if len(sys.argv) == 1:  # once more, with stacks too large for the memory there is
            resource.setrlimit(resource.RLIMIT_STACK, (1 << 33, resource.getrlimit(resource.RLIMIT_STACK)[1]))
            resource.setrlimit(resource.RLIMIT_AS, (1 << 32, resource.getrlimit(resource.RLIMIT_AS)[1]))
            os.execv(sys.executable, [sys.executable, "-W", "ignore", __file__, "again"])
        print(outputs(threads=2), len(os.listdir("/proc/self/task")))
    """
    assert run(code, tmp_path, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1").split() == [expected_hash(), "1"]


class MallInfo(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    )


@linux
@own_memory
@pytest.mark.parametrize("threads", [1, 3])
def test_nothing_leaks(threads: int) -> None:
    """A thousand calls, and a hundred programs made and forgotten, leave no more memory in use."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        pytest.skip("this C library has no mallinfo2")
    mallinfo2.restype = MallInfo

    def in_use() -> int:
        info = mallinfo2()
        return int(info.uordblks + info.hblkhd)

    program, _ = small_program(native_isa(), threads)
    net, x = load_network("detector", "native", threads), picture("detector")
    buffers = [np.empty(val.shape, np.float32) for val in net.tape.outputs.values()]
    detector = net._program(net.tape)
    four = np.zeros(4, np.float32), np.ones(4, np.float32)

    def calls() -> None:
        for _ in range(1000):
            program.run(*four)
        for _ in range(20):
            detector.run(x, *buffers)
            small, _ = small_program(native_isa(), threads)
            small.run(*four)

    calls()
    before = in_use()
    calls()
    assert in_use() - before < 20_000  # Python's own objects


@linux
@own_memory
def test_peak_memory_of_a_video(tmp_path: Path) -> None:
    """Two hundred frames at 720p take less than half of what MediaPipe takes (249 MB)."""
    code = """
        import refpose

        pose = refpose.Pose("full", engine="native")
        frame = np.random.default_rng(1).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
        for _ in range(200):
            pose.process(frame, roi=refpose.Roi(0.5, 0.5, 0.5, 0.9, 0.1))
        status = dict(line.split(":") for line in open("/proc/self/status"))
        print(int(status["VmHWM"].split()[0]) * 1024 // 10**6)
    """
    assert int(run(code, tmp_path)) <= 110


@pytest.mark.parametrize(
    ("kernel", "bias", "chunk", "plane"),
    [
        (np.zeros((2, 3), np.float32), np.zeros(3, np.float32), 3, 16),
        (np.zeros((0, 3), np.float32), np.zeros(0, np.float32), 3, 16),
        (np.zeros((2, 3), np.float32), np.zeros(2, np.float32), 0, 16),
        (np.zeros((2, 3), np.float32), np.zeros(2, np.float32), 3, -1),
        (np.zeros((2, 3), np.float32), np.zeros(2, np.float32), 3, 2**30),
        (np.zeros((3, 2), np.float32).T, np.zeros(2, np.float32), 3, 16),
    ],
)
def test_what_cannot_be_packed_is_refused(kernel: Any, bias: Any, chunk: int, plane: int) -> None:
    with pytest.raises(ValueError, match=r"pack|expected"):
        native.pack_sparse(kernel, bias, chunk, plane)


def test_only_float32_is_packed() -> None:
    with pytest.raises(TypeError):
        native.pack_sparse(np.zeros((2, 3)), np.zeros(2, np.float32), 3, 16)
