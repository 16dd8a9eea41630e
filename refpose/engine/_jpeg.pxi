# JPEG pictures in C: the function of stages/jpeg.py with the same arguments and pixels. Part of _native.pyx.

cdef extern from "jpeg.h" nogil:
    ctypedef struct rp_jpeg_size:
        int height
        int width
        int channels
    const char *rp_jpeg_read_size(const uint8_t *data, int64_t size, rp_jpeg_size *found)
    const char *rp_jpeg_decode(const uint8_t *data, int64_t size, int tolerant, uint8_t *pixels)


cdef int check_jpeg(const char *failed) except -1:
    """Raise what a picture is refused for."""
    if failed != NULL:
        reason = failed.decode()
        raise ValueError(reason) if reason else MemoryError("no memory for the picture")
    return 0


def decode_jpeg(bytes data not None, bint tolerant, int64_t max_pixels):
    """`refpose.stages.jpeg.decode_jpeg`."""
    cdef const uint8_t *source = data
    cdef int64_t size = len(data)
    cdef rp_jpeg_size found
    cdef const char *failed
    cdef uint8_t *pixels
    check_jpeg(rp_jpeg_read_size(source, size, &found))
    if <int64_t>found.height * found.width > max_pixels:
        raise ValueError(f"more than {max_pixels:,} pixels (REFPOSE_MAX_PIXELS raises this bound)")
    out = np.empty((found.height, found.width, found.channels), np.uint8)
    pixels = <uint8_t *><uintptr_t>out.ctypes.data
    with nogil:
        failed = rp_jpeg_decode(source, size, tolerant, pixels)
    check_jpeg(failed)
    return out
