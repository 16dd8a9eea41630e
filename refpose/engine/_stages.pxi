# The pipeline's stages in C: the functions of stages.py with the same arguments, results and bits. Part of _native.pyx.

from libc.stdint cimport int32_t, int64_t, uint8_t, uintptr_t

from refpose.stages import heatmaps, landmarks

cdef extern from "stages.h" nogil:
    ctypedef struct rp_axis:
        int count
        int radius
        const int32_t *near
        const int32_t *far
        const double *near_weight
        const double *far_weight
        const double *blur
    ctypedef struct rp_square:
        float left, top, right, bottom, x, y, width, height, cos, sin
    ctypedef struct rp_heatmap:
        int rows
        int columns
        int channels
        int depth
        const float *values
        const float *kernel
        const float *bias
    ctypedef struct rp_euro:
        const double *min_cutoff
        const double *beta
        const double *derivative_cutoff
    ctypedef struct rp_stages:
        void (*expf)(const float *x, int64_t n, float *y) noexcept nogil
        void (*probability)(const float *logits, int64_t n, float *y) noexcept nogil
        void (*warp)(const uint8_t *image, int height, int width, const double *matrix, int size, int replicate,
                     float scale, float offset, int fused, float *out) noexcept nogil
        void (*warp_mask)(const float *mask, int n, const double *matrix, int width, int first, int rows,
                          float *scratch, float *out) noexcept nogil
        void (*refine)(float *position, int count, const rp_heatmap *map, int window) noexcept nogil
        void (*landmarks)(const float *network, int count, float side, const rp_heatmap *map, int window,
                          const rp_square *square, float *position, float *visibility, float *presence) noexcept nogil
        void (*one_euro)(const float *values, int64_t n, const rp_euro *parameters, double frequency,
                         double value_scale, double *raw, double *value, double *speed, float *smooth) noexcept nogil
        void (*network_input)(const uint8_t *image, int height, int width, const rp_axis *rows, const rp_axis *columns,
                              double low, double high, const float *values, int side, double *scratch,
                              float *out) noexcept nogil
        void (*find_peaks)(const float *heatmap, int rows, int columns, int channels, const double *weights,
                           double *scratch, int32_t *at, float *value) noexcept nogil
    int64_t rp_input_scratch(int height, int width, int radius)
    int64_t rp_mask_scratch(int n, int width)
    void rp_crop_matrix(const double *corners, int size, double *matrix)
    const rp_stages *rp_stages_of(const char *isa, int rounded)

cdef extern from "libm.h" nogil:
    float rp_sinf(float x)
    float rp_cosf(float x)
    float rp_atan2f(float y, float x)

cdef extern from "rounded.h" nogil:
    float rp_rounded_sinf(float x)
    float rp_rounded_cosf(float x)
    float rp_rounded_atan2f(float y, float x)


def sinf(x):
    """`refpose.stages.libm.sinf` of one number."""
    return np.float32(rp_sinf(x))


def cosf(x):
    """`refpose.stages.libm.cosf` of one number."""
    return np.float32(rp_cosf(x))


def atan2f(y, x):
    """`refpose.stages.libm.atan2f` of one point."""
    return np.float32(rp_atan2f(y, x))


def rounded_sinf(x):
    """`refpose.stages.rounded.sinf` of one number."""
    return np.float32(rp_rounded_sinf(x))


def rounded_cosf(x):
    """`refpose.stages.rounded.cosf` of one number."""
    return np.float32(rp_rounded_cosf(x))


def rounded_atan2f(y, x):
    """`refpose.stages.rounded.atan2f` of one point."""
    return np.float32(rp_rounded_atan2f(y, x))


def crop_matrix(corners, int size):
    """`refpose.stages.warp.crop_matrix`."""
    cdef double flat[8]
    cdef double matrix[9]
    if len(corners) != 4:
        raise ValueError(f"corners: expected 4 points, found {len(corners)}")
    for i, (x, y) in enumerate(corners):
        flat[2 * i], flat[2 * i + 1] = x, y
    rp_crop_matrix(flat, size, matrix)
    return tuple(matrix[i] for i in range(9))


cdef rp_axis as_axis(axis, blur):
    """The C form of a `refpose.stages.heatmaps.Axis`; it must outlive it, and so must its blur's weights."""
    cdef rp_axis made
    made.count = len(axis.near)
    made.radius = len(blur) - 1
    made.near = <const int32_t *><uintptr_t>axis.near.ctypes.data
    made.far = <const int32_t *><uintptr_t>axis.far.ctypes.data
    made.near_weight = <const double *><uintptr_t>axis.near_weight.ctypes.data
    made.far_weight = <const double *><uintptr_t>axis.far_weight.ctypes.data
    made.blur = <const double *><uintptr_t>blur.ctypes.data
    return made


cdef double *doubles(array, int64_t size, str what) except NULL:
    """Where the values of a float64 array lie that has exactly `size` of them."""
    if array.dtype != np.float64 or array.size != size or not array.flags.c_contiguous:
        raise ValueError(f"{what}: expected {size} float64 values, C-contiguous, found {array.dtype} {array.shape}")
    return <double *><uintptr_t>array.ctypes.data


cdef rp_heatmap as_heatmap(heatmap, int count) except *:
    """A heat map for so many landmarks: an array, or an `Unfinished` one."""
    cdef rp_heatmap made
    made.kernel = made.bias = NULL
    made.depth = 0
    if isinstance(heatmap, np.ndarray):
        made.rows, made.columns, made.channels = heatmap.shape
        made.values = address(heatmap, <int64_t>made.rows * made.columns * made.channels, False, "heat map")
    else:
        x, kernel, bias = heatmap
        made.rows, made.columns, made.depth = x.shape
        made.channels = len(bias)
        made.values = address(x, <int64_t>made.rows * made.columns * made.depth, False, "heat map")
        made.kernel = address(kernel, <int64_t>made.channels * made.depth, False, "kernel")
        made.bias = address(bias, made.channels, False, "bias")
    if count > made.channels:
        raise ValueError(f"{count} landmarks, but a heat map of {made.channels} channels")
    return made


cdef class Stages:
    """The stages compiled for one instruction set.

    Parameters
    ----------
    isa : str
        One of `isas()`.
    rounded : bool
        Whether expf, and what is made with it, is that of `refpose.stages.rounded` instead of `refpose.stages.libm`.
    """

    cdef const rp_stages *stages

    def __cinit__(self, isa, bint rounded=False):
        self.stages = rp_stages_of(isa.encode(), rounded)
        if self.stages == NULL:
            raise ValueError(f"no stages for {isa!r}: expected one of {', '.join(isas())}")

    def expf(self, x):
        """`refpose.stages.libm.expf`."""
        source = np.ascontiguousarray(x, np.float32)
        y = np.empty(np.shape(x), np.float32)
        cdef int64_t n = y.size
        cdef const float *values = address(source, n, False, "x")
        cdef float *out = address(y, n, True, "y")
        with nogil:
            self.stages.expf(values, n, out)
        return y

    def probability(self, logits):
        """`refpose.stages.segmentation.probability`."""
        y = np.empty(np.shape(logits), np.float32)
        cdef int64_t n = y.size
        cdef const float *values = address(logits, n, False, "logits")
        cdef float *out = address(y, n, True, "mask")
        with nogil:
            self.stages.probability(values, n, out)
        return y

    def warp_f32(self, image, matrix, int size, str border, float scale, float offset, bint fused=True):
        """`refpose.stages.warp.warp_f32`."""
        cdef double m[9]
        cdef int height, width, replicate = border == "replicate"
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.flags.c_contiguous:
            raise ValueError(
                f"image: expected C-contiguous bytes of shape (height, width, 3), found {image.dtype} {image.shape}"
            )
        height, width = image.shape[:2]
        if height < 1 or width < 1 or size < 1:
            raise ValueError(f"expected at least one pixel, found an image of shape {image.shape} and a crop of {size}")
        if len(matrix) != 9:
            raise ValueError(f"matrix: expected 9 numbers, found {len(matrix)}")
        for i in range(9):
            m[i] = matrix[i]
        out = np.empty((size, size, 3), np.float32)
        cdef const uint8_t *pixels = <const uint8_t *><uintptr_t>image.ctypes.data
        cdef float *to = address(out, out.size, True, "crop")
        with nogil:
            self.stages.warp(pixels, height, width, m, size, replicate, scale, offset, fused, to)
        return out

    def warp_mask(self, mask, matrix, int width, int height, int first=0, out=None):
        """`refpose.stages.warp.warp_mask`, or the rows of it from the first on for which there is room in `out`."""
        cdef double m[6]
        cdef int rows, n = len(mask)
        if width < 1 or height < 1 or n < 1:
            raise ValueError(f"expected at least one pixel, found {width} x {height} and a mask of side {n}")
        if len(matrix) != 6:
            raise ValueError(f"matrix: expected 6 numbers, found {len(matrix)}")
        for i in range(6):
            m[i] = matrix[i]
        cdef const float *values = address(mask, <int64_t>n * n, False, "mask")
        scratch = np.empty(rp_mask_scratch(n, width), np.float32)
        out = np.empty((height, width), np.float32) if out is None else out
        rows = len(out)
        cdef float *work = address(scratch, scratch.size, True, "scratch")
        cdef float *to = address(out, <int64_t>rows * width, True, "image mask")
        with nogil:
            self.stages.warp_mask(values, n, m, width, first, rows, work, to)
        return out

    def refine(self, position_roi, heatmap, window):
        """`refpose.stages.landmarks.refine`."""
        cdef int reach, count = len(position_roi)
        cdef rp_heatmap map = as_heatmap(heatmap, count)
        refined = np.array(position_roi, np.float32, order="C")
        cdef float *position = address(refined, 3 * <int64_t>count, True, "landmarks")
        reach = min(window, 2 * max(map.rows, map.columns) + 1)
        with nogil:
            self.stages.refine(position, count, &map, reach)
        return refined

    def landmarks(self, rows, heatmap, window, square, roi, cos, sin):
        """`refpose.stages.landmarks.on_image`."""
        cdef rp_square place
        cdef int reach, count = min(len(rows), landmarks.USED)
        cdef float side = landmarks.INPUT_SIZE
        cdef rp_heatmap map = as_heatmap(heatmap, count)
        place.left, place.top, place.right, place.bottom = square.letterbox
        place.x, place.y, place.width, place.height = roi.x, roi.y, roi.width, roi.height
        place.cos, place.sin = cos, sin
        position = np.empty((count, 3), np.float32)
        sure = np.empty((2, count), np.float32)
        cdef const float *network = address(rows, 5 * <int64_t>len(rows), False, "landmarks")
        cdef float *places = address(position, 3 * <int64_t>count, True, "positions")
        cdef float *visibility = address(sure, 2 * <int64_t>count, True, "visibility")
        reach = min(window, 2 * max(map.rows, map.columns) + 1)
        with nogil:
            self.stages.landmarks(network, count, side, &map, reach, &place, places, visibility, visibility + count)
        return landmarks.Landmarks(position, sure[0], sure[1])

    def one_euro(self, values, states, parameters, double frequency, double value_scale):
        """`refpose.stages.filters.one_euro`."""
        cdef int64_t n = values.size
        cdef rp_euro limits
        after = states.copy()
        smooth = np.empty(values.shape, np.float32)
        cdef const float *now = address(values, n, False, "values")
        cdef double *state = doubles(after, 3 * n, "states")
        cdef double *limit = doubles(parameters, 3 * n, "parameters")
        limits.min_cutoff, limits.beta, limits.derivative_cutoff = limit, limit + n, limit + 2 * n
        cdef float *out = address(smooth, n, True, "smooth")
        with nogil:
            self.stages.one_euro(now, n, &limits, frequency, value_scale, state, state + n, state + 2 * n, out)
        return smooth, after

    def network_input(self, image, int side, lite):
        """`refpose.stages.heatmaps.network_input`."""
        cdef int height, width
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.flags.c_contiguous:
            raise ValueError(
                f"image: expected C-contiguous bytes of shape (height, width, 3), found {image.dtype} {image.shape}"
            )
        height, width = image.shape[:2]
        if height < 1 or width < 1 or side < 1:
            raise ValueError(f"expected at least one pixel, found an image of shape {image.shape}, a square of {side}")
        rows, columns = heatmaps.axes(height, width, side)
        rows_blur, columns_blur = np.array(rows.blur), np.array(columns.blur)
        cdef rp_axis down = as_axis(rows, rows_blur), along = as_axis(columns, columns_blur)
        table = heatmaps.normalisation(lite)
        scratch = np.empty(rp_input_scratch(height, width, down.radius))
        out = np.empty((side, side, 3), np.float32)
        cdef double low = int(image.min()) * (1 / 255), high = int(image.max()) * (1 / 255)
        cdef const uint8_t *pixels = <const uint8_t *><uintptr_t>image.ctypes.data
        cdef const float *values = address(table, 768, False, "values")
        cdef double *work = <double *><uintptr_t>scratch.ctypes.data
        cdef float *to = address(out, out.size, True, "network input")
        with nogil:
            self.stages.network_input(pixels, height, width, &down, &along, low, high, values, side, work, to)
        return out

    def find_peaks(self, heatmap, smoothed):
        """`refpose.stages.heatmaps.find_peaks`."""
        cdef int rows, columns, channels
        rows, columns, channels = heatmap.shape
        if rows < 1 or columns < 1 or channels < 1:
            raise ValueError(f"expected at least one value, found a heat map of shape {heatmap.shape}")
        blur = np.array(heatmaps.gaussian(heatmaps.SMOOTHING))
        scratch = np.empty(11 * columns * channels)
        place, value = np.empty(channels, np.int32), np.empty(channels, np.float32)
        cdef const float *maps = address(heatmap, <int64_t>rows * columns * channels, False, "heat map")
        cdef const double *weights = NULL
        cdef double *work = <double *><uintptr_t>scratch.ctypes.data
        cdef int32_t *at = <int32_t *><uintptr_t>place.ctypes.data
        cdef float *peak = address(value, channels, True, "peaks")
        if smoothed:
            weights = <const double *><uintptr_t>blur.ctypes.data
        with nogil:
            self.stages.find_peaks(maps, rows, columns, channels, weights, work, at, peak)
        return place.astype(np.intp), value
