# cython: language_level=3
"""The C engine: which kernels there are, and programs of steps that run without the GIL.

A program is immutable and may be run by several threads at once; each running call has its own arena and scratch
memory, kept for the next call.
"""

from libc.stdint cimport int32_t, int64_t, uintptr_t
from libc.string cimport memcpy

import numpy as np

from refpose.engine import layout

cdef extern from "context.h" nogil:
    int RP_COUNT
    enum:
        RP_BUFFERS
        RP_MAX_THREADS
    int RP_RELU6
    int RP_RELU6_SUM
    int RP_RELU6_DEPTHWISE
    int RP_RELU6_EXPAND
    int RP_ACT
    int RP_ACT_DEPTHWISE
    int RP_ACT_EXPAND
    int RP_BINARY16
    int RP_BINARY16_EXPAND
    int RP_SIGMOID
    int RP_SWISH
    int RP_ESWISH
    ctypedef struct rp_step:
        pass
    ctypedef void (*rp_kernel)(const rp_step *, const void *, int, int)
    ctypedef struct rp_program:
        int count
        int spaces
        const rp_step *steps
        const float *weights
        int64_t sizes[RP_BUFFERS]
        int64_t weights_size
        int64_t scratch
        rp_kernel *table
    ctypedef struct rp_context:
        pass
    const char *rp_check(rp_program *program, int *bad)
    int rp_isas(const char **names, int room)
    rp_kernel *rp_table(const char *isa)
    int64_t rp_peak(const char *isa, int64_t rounds)
    ctypedef struct rp_tensor:
        pass
    ctypedef struct rp_contract:
        const char *name
        const char *text
    const rp_contract *rp_contracts
    ctypedef struct rp_fact:
        const char *name
        const char *type
        int64_t value
    const rp_fact *rp_step_members
    const rp_fact *rp_tensor_members
    const rp_fact *rp_layout
    void *rp_aligned(size_t bytes)
    void rp_aligned_free(void *memory)
    rp_context *rp_context_new(const rp_program *program, int threads)
    void rp_context_run(rp_context *context, float *const *buffers)
    void rp_context_free(rp_context *context)

cdef extern from "packing.h" nogil:
    int64_t rp_pack_sparse(
        const float *kernel, const float *bias, int outputs, int inputs, int chunk, int32_t plane, int32_t *scratch,
        float *to
    )

RELU6, RELU6_SUM, RELU6_DEPTHWISE, RELU6_EXPAND = RP_RELU6, RP_RELU6_SUM, RP_RELU6_DEPTHWISE, RP_RELU6_EXPAND
ACT, ACT_DEPTHWISE, ACT_EXPAND = RP_ACT, RP_ACT_DEPTHWISE, RP_ACT_EXPAND
BINARY16, BINARY16_EXPAND = RP_BINARY16, RP_BINARY16_EXPAND
ACTIVATIONS = {"sigmoid": RP_SIGMOID, "swish": RP_SWISH, "eswish": RP_ESWISH}
MAX_SIZE = 2**40  # values in one space
cdef extern from *:
    unsigned long long RP_SOURCES

SOURCES = f"{RP_SOURCES:016x}"
"""Hash of the sources that this was built from; setup.py makes it."""
KNOWN_ISAS = ("avx512", "avx2", "neon", "ref")


cdef list facts(const rp_fact *fact):
    """(name, type, value) of every row of a list of what the C headers say."""
    found = []
    while fact.name != NULL:
        found.append((fact.name.decode(), fact.type.decode(), fact.value))
        fact += 1
    return found


cdef described(const rp_fact *members, size_t size, dict types):
    """A structure as the C headers have it."""
    names, kinds, offsets = zip(*facts(members))
    formats = [types[kind] for kind in kinds]
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size}, align=True)


_TYPES = {"int32_t": np.dtype("i4"), "int64_t": np.dtype("i8")}
_TYPES["rp_tensor"] = described(rp_tensor_members, sizeof(rp_tensor), _TYPES)
STEP = described(rp_step_members, sizeof(rp_step), _TYPES)
"""A row of a program: `rp_step` of kernels.h."""

LAYOUT = {name: value for name, _, value in facts(rp_layout)}
"""The constants of layout.h."""
for _name, _value in vars(layout).items():
    if _name.isupper() and LAYOUT.get(_name) != _value:
        raise ImportError(f"{_name} is {LAYOUT.get(_name)} in the C engine, {_value} in refpose/engine/layout.py")


def kernels():
    """Names of the kernels, in the order of their numbers in a step, and what they compute."""
    return {rp_contracts[i].name.decode(): rp_contracts[i].text.decode() for i in range(RP_COUNT)}


def isas():
    """Names of the instruction sets that this build has kernels for and this CPU can run, best first."""
    cdef const char *names[8]
    return tuple(names[i].decode() for i in range(rp_isas(names, 8)))


def peak(str isa, int64_t rounds):
    """Multiply-adds that so many rounds of nothing else were made of; how long they take says what this CPU can do."""
    cdef bytes name = isa.encode()
    cdef const char *what = name
    cdef int64_t done
    with nogil:
        done = rp_peak(what, rounds)
    return done


cdef float *address(array, int64_t size, bint writable, str what) except NULL:
    """Where the values of a float32 array lie that has exactly `size` of them."""
    if not isinstance(array, np.ndarray) or array.dtype != np.float32:
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{what}: expected a float32 array, found {found}")
    if array.size != size:
        raise ValueError(f"{what}: expected {size} values, found {array.size} (shape {array.shape})")
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise ValueError(f"{what}: expected a C-contiguous, aligned array")
    if writable and not array.flags.writeable:
        raise ValueError(f"{what}: the array is read-only")
    return <float *><uintptr_t>array.ctypes.data


def pack_sparse(kernel, bias, int chunk, int32_t plane):
    """Packed weights of a sparse pointwise convolution with an (outputs, inputs) kernel; drawn in layout.h."""
    outputs, inputs = kernel.shape
    if outputs < 1 or inputs < 1 or chunk < 1 or plane < 0 or inputs * plane >= 2**31:
        raise ValueError(f"cannot pack {outputs} x {inputs} weights, {chunk} at a time, for planes of {plane} values")
    chunk = min(chunk, inputs)
    cdef const float *weights = address(kernel, kernel.size, False, "kernel")
    cdef const float *biases = address(bias, outputs, False, "bias")
    # a head for every pair and chunk; in a pair, the output with fewer weights takes as much room as the other
    packed = np.empty(outputs + 3 + 4 * (outputs + 1) * (inputs // chunk + 1 + inputs), np.float32)
    scratch = np.empty(2 * outputs + chunk + 2, np.int32)
    cdef int32_t *some = <int32_t *><uintptr_t>scratch.ctypes.data
    size = rp_pack_sparse(weights, biases, outputs, inputs, chunk, plane, some, <float *><uintptr_t>packed.ctypes.data)
    return packed[:size].copy()


cdef class _Context:
    cdef rp_context *context

    def __dealloc__(self):
        rp_context_free(self.context)


cdef class Program:
    """Steps, weights and the memory they need, checked once.

    Parameters
    ----------
    steps : ndarray of dtype STEP
    weights : ndarray of float32
        All packed weights. A read-only array is used where it lies, best from a multiple of 64 bytes on; any other is
        copied.
    sizes : tuple of int
        Values in each space: the arena, then the buffers that `run` is given; negative for those it writes to.
    isa : str
        One of `isas()`.
    threads : int

    Raises
    ------
    ValueError
        A step that does not fit its memory or makes no sense.
    MemoryError
        No room for the weights.
    """

    cdef rp_program program
    cdef rp_step *steps
    cdef float *weights
    cdef object owner
    cdef tuple buffers
    cdef list idle
    cdef bint ready
    cdef readonly int threads

    def __init__(self, steps, weights, sizes, isa, int threads=1):
        cdef int bad = 0
        cdef const char *error
        cdef int64_t values
        if self.steps != NULL:
            raise TypeError("a program cannot be initialised again")
        if not 1 <= threads <= RP_MAX_THREADS:
            raise ValueError(f"threads: expected 1 to {RP_MAX_THREADS}, found {threads}")
        if not 2 <= len(sizes) <= RP_BUFFERS:
            raise ValueError(f"sizes: expected 2 to {RP_BUFFERS} spaces, found {len(sizes)}")
        if any(abs(size) > MAX_SIZE for size in sizes):
            raise ValueError(f"sizes: expected at most {MAX_SIZE} values, found {sizes}")
        if not isinstance(steps, np.ndarray) or steps.dtype != STEP or steps.ndim != 1 or not steps.flags.c_contiguous:
            raise TypeError("steps: expected a one-dimensional array of dtype STEP")
        read_only = [i for i, size in enumerate(sizes) if i and size >= 0]
        if any(np.isin(steps[name]["space"], read_only).any() for name in ("out", "sums")):
            raise ValueError("a step writes to a buffer that is only read")
        if isa not in isas():
            raise ValueError(f"no kernels for {isa!r}: expected one of {', '.join(isas())}")
        self.threads = threads
        self.idle = []
        self.buffers = tuple(sizes[1:])
        values = np.size(weights)
        self.program.table = rp_table(isa.encode())
        self.program.count = len(steps)
        self.program.spaces = len(sizes)
        for i, size in enumerate(sizes):
            self.program.sizes[i] = abs(size)
        self.program.weights_size = values
        source = address(weights, values, False, "weights")
        self.steps = <rp_step *>rp_aligned(len(steps) * sizeof(rp_step))
        if self.steps == NULL:
            raise MemoryError(f"no room for {len(steps)} steps")
        memcpy(self.steps, <void *><uintptr_t>steps.ctypes.data, len(steps) * sizeof(rp_step))
        self.program.steps = self.steps
        if weights.flags.writeable:
            self.weights = <float *>rp_aligned(values * sizeof(float))
            if self.weights == NULL:
                raise MemoryError(f"no room for {values} weights")
            memcpy(self.weights, source, values * sizeof(float))
            self.program.weights = self.weights
        else:
            self.owner = weights
            self.program.weights = source
        error = rp_check(&self.program, &bad)
        if error != NULL:
            raise ValueError(f"step {bad}: {error.decode()} out of range: {steps[bad]}")
        self.ready = True

    def __dealloc__(self):
        rp_aligned_free(self.steps)
        rp_aligned_free(self.weights)

    def run(self, *buffers):
        """Run all steps on these buffers, float32 arrays of the sizes the program was made for."""
        cdef float *spaces[RP_BUFFERS]
        cdef _Context own
        cdef rp_context *context
        if not self.ready:
            raise ValueError("this program's steps were not checked: it was not initialised, or that failed")
        if len(buffers) != len(self.buffers):
            raise ValueError(f"expected {len(self.buffers)} buffers, found {len(buffers)}")
        for i, (array, size) in enumerate(zip(buffers, self.buffers)):
            spaces[i] = address(array, abs(size), size < 0, f"buffer {i}")
        try:
            own = self.idle.pop()
        except IndexError:
            own = _Context()
            own.context = rp_context_new(&self.program, self.threads)
            if own.context == NULL:
                raise MemoryError(f"no room for an arena of {self.program.sizes[0]} values") from None
        context = own.context
        with nogil:
            rp_context_run(context, spaces)
        self.idle.append(own)


include "_stages.pxi"
include "_draw.pxi"
include "_jpeg.pxi"
