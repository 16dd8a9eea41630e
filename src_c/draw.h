/* Lines and circles with OpenCV's pixels. refpose/stages/raster.py says what they mean. */
#ifndef RP_DRAW_H
#define RP_DRAW_H

#include <stdint.h>

/* A picture of three channels, whatever lies between its values: strides are in bytes and may be negative. */
typedef struct {
    unsigned char *pixels; /* the first channel of the pixel at the top left */
    int64_t height, width, row, column, channel;
    int64_t item; /* bytes of a value */
} rp_canvas;

/* n lines. ends (n, 4): x, y of one end and of the other. colors: three values of the picture's type for each.
 * thickness: 1 to 32767. */
void rp_draw_lines(const rp_canvas *canvas, int64_t n, const int32_t *ends, const void *colors,
                   const int32_t *thickness);

/* n circles. circles (n, 3): x, y of the centre, radius from 0 on. thickness: at most 32767, negative fills. */
void rp_draw_circles(const rp_canvas *canvas, int64_t n, const int32_t *circles, const void *colors,
                     const int32_t *thickness);

#endif
