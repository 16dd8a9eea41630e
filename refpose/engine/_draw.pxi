# Lines and circles in C: the functions of stages/raster.py with the same arguments and pixels. Part of _native.pyx.

cdef extern from "draw.h" nogil:
    ctypedef struct rp_canvas:
        unsigned char *pixels
        int64_t height
        int64_t width
        int64_t row
        int64_t column
        int64_t channel
        int64_t item
    void rp_draw_lines(const rp_canvas *canvas, int64_t n, const int32_t *ends, const void *colors,
                       const int32_t *thickness)
    void rp_draw_circles(const rp_canvas *canvas, int64_t n, const int32_t *circles, const void *colors,
                         const int32_t *thickness)


cdef rp_canvas as_canvas(image) except *:
    """The C form of a picture, which must outlive it."""
    cdef rp_canvas made
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype.hasobject or max(image.shape) >= 2**30:
        raise ValueError(f"image: expected numbers of shape (height, width, 3), found {image.dtype} {image.shape}")
    if not image.flags.writeable:
        raise ValueError("image: the array is read-only")
    made.pixels = <unsigned char *><uintptr_t>image.ctypes.data
    made.height, made.width = image.shape[:2]
    made.row, made.column, made.channel = image.strides
    made.item = image.itemsize
    return made


cdef const int32_t *whole_numbers(array, int64_t size, str what) except NULL:
    """Where the values of an int32 array lie that has exactly `size` of them."""
    if array.dtype != np.int32 or array.size != size or not array.flags.c_contiguous:
        raise ValueError(f"{what}: expected {size} int32 values, C-contiguous, found {array.dtype} {array.shape}")
    return <const int32_t *><uintptr_t>array.ctypes.data


cdef const void *values_for(image, colors, int64_t n) except NULL:
    """Where n colours lie that have the type of a picture."""
    if colors.dtype != image.dtype or colors.shape != (n, 3) or not colors.flags.c_contiguous:
        raise ValueError(f"colors: expected {image.dtype} of shape {(n, 3)}, found {colors.dtype} {colors.shape}")
    return <const void *><uintptr_t>colors.ctypes.data


cdef int check_least(array, int least, str what) except -1:
    """Raise ValueError when one of some numbers is below `least`."""
    if array.size and array.min() < least:
        raise ValueError(f"{what}: expected at least {least}, found {array.min()}")
    return 0


def draw_lines(image, ends, colors, thickness):
    """`refpose.stages.raster.draw_lines`."""
    cdef int64_t n = len(ends)
    cdef rp_canvas canvas = as_canvas(image)
    cdef const int32_t *places = whole_numbers(ends, 4 * n, "ends")
    cdef const int32_t *widths = whole_numbers(thickness, n, "thickness")
    cdef const void *paint = values_for(image, colors, n)
    check_least(thickness, 1, "thickness")
    with nogil:
        rp_draw_lines(&canvas, n, places, paint, widths)


def draw_circles(image, circles, colors, thickness):
    """`refpose.stages.raster.draw_circles`."""
    cdef int64_t n = len(circles)
    cdef rp_canvas canvas = as_canvas(image)
    cdef const int32_t *places = whole_numbers(circles, 3 * n, "circles")
    cdef const int32_t *widths = whole_numbers(thickness, n, "thickness")
    cdef const void *paint = values_for(image, colors, n)
    if n:
        check_least(circles[:, 2], 0, "radius")
    with nogil:
        rp_draw_circles(&canvas, n, places, paint, widths)
