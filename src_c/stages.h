/* The pipeline's work per pixel, heat map cell or number, beside the networks: the functions of refpose/stages/table.py
 * with the same bits.
 *
 * Written once as plain loops in stages.inc, compiled once per ISA, and vectorised by the compiler. */
#ifndef RP_STAGES_H
#define RP_STAGES_H

#include <stdint.h>

/* How one axis of a picture is resampled: the two places each of `count` results lies between and their weights,
 * after a blur with radius + 1 weights from its middle on. */
typedef struct {
    int count, radius;
    const int32_t *near, *far;
    const double *near_weight, *far_weight, *blur;
} rp_axis;

/* Rows of the picture that are kept: what one row of results needs, and a few more. */
static inline int rp_source_slots(int height, int radius) { return height < 2 * radius + 4 ? height : 2 * radius + 4; }

/* From row to row, in doubles: a whole number of the runs that are worked on at a time. */
static inline int64_t rp_source_stride(int width) { return (3 * (int64_t)width + 31) / 32 * 32; }

static inline int64_t rp_input_scratch(int height, int width, int radius)
{
    return (rp_source_slots(height, radius) + 2) * rp_source_stride(width) + 2 * (2 * (int64_t)radius + 1) +
           rp_source_slots(height, radius);
}

/* Pixels of a mask that are worked on at a time. */
enum { RP_MASK_SPAN = 32 };

static inline int64_t rp_mask_scratch(int n, int width)
{
    return ((int64_t)n + 2) * ((int64_t)n + 2) + 2 * ((int64_t)width + RP_MASK_SPAN);
}

/* A region of the image, in fractions of its width and height, and the padding of the square around it, in fractions
 * of that. */
typedef struct {
    float left, top, right, bottom, x, y, width, height, cos, sin;
} rp_square;

/* A heat map: its values (rows, columns, channels); or what the pointwise convolution that ends it makes them of,
 * (rows, columns, depth), with the weights (channels, depth) and biases of that. */
typedef struct {
    int rows, columns, channels, depth;
    const float *values, *kernel, *bias; /* kernel NULL: the values of the map */
} rp_heatmap;

/* Parameters of One-Euro filters, one of each for every value. */
typedef struct {
    const double *min_cutoff, *beta, *derivative_cutoff;
} rp_euro;

/* name, arguments */
#define RP_STAGES(X)                                                                                                   \
    /* y[i] = e^x[i] */                                                                                                \
    X(expf, (const float *x, int64_t n, float *y))                                                                     \
    /* y[i] = 1 / (e^-logits[i] + 1), sum and quotient in double and rounded once */                                   \
    X(probability, (const float *logits, int64_t n, float *y))                                                         \
    /* Square piece of an RGB picture in OpenCV's fixed-point arithmetic. matrix: output pixel -> source pixel, */     \
    /* 3 x 3, row-major. Outside the picture: its nearest pixel, or zeros. out (size, size, 3): byte * scale + */      \
    /* offset, rounded once, or the product as well where they are not fused. */                                       \
    X(warp, (const uint8_t *image, int height, int width, const double *matrix, int size, int replicate, float scale,  \
             float offset, int fused, float *out))                                                                     \
    /* Rows of a picture of this width from row `first` on, with an (n, n) mask drawn into it. matrix: picture */      \
    /* pixel -> mask pixel, 2 x 3. scratch: rp_mask_scratch floats. out (rows, width). */                              \
    X(warp_mask,                                                                                                       \
      (const float *mask, int n, const double *matrix, int width, int first, int rows, float *scratch, float *out))    \
    /* Moves the x, y of `count` (x, y, z) positions to the centre of mass of a window of their channel of the heat */ \
    /* map. */                                                                                                         \
    X(refine, (float *position, int count, const rp_heatmap *map, int window))                                         \
    /* Rows of x, y, z in pixels of the crop and two logits -> positions on the image (count, 3), refined on the */    \
    /* way, visibility and presence. side: of the crop; square: letterbox and region, see rp_square. */                \
    X(landmarks, (const float *network, int count, float side, const rp_heatmap *map, int window,                      \
                  const rp_square *square, float *position, float *visibility, float *presence))                       \
    /* One step of n One-Euro filters: values -> smooth; the states raw, value and speed are read and written. */      \
    X(one_euro, (const float *values, int64_t n, const rp_euro *parameters, double frequency, double value_scale,      \
                 double *raw, double *value, double *speed, float *smooth))                                            \
    /* A picture in the middle of a square, as scikit-image resizes it: every byte b of colour c as */                 \
    /* values[3 * b + c]. Colours are limited to low..high. scratch: rp_input_scratch doubles. out (side, side, 3). */ \
    X(network_input, (const uint8_t *image, int height, int width, const rp_axis *rows, const rp_axis *columns,        \
                      double low, double high, const float *values, int side, double *scratch, float *out))            \
    /* Index and value of the first maximum of each channel, after a Gaussian with five weights from its middle on */  \
    /* (NULL: none). scratch: 11 * columns * channels doubles. */                                                      \
    X(find_peaks, (const float *heatmap, int rows, int columns, int channels, const double *weights, double *scratch,  \
                   int32_t *at, float *value))

typedef struct {
#define RP_ROW(name, arguments) void(*name) arguments;
    RP_STAGES(RP_ROW)
#undef RP_ROW
} rp_stages;

/* Matrix from pixels of a size x size crop to the picture; corners: x, y of bottom left, top left, top right, bottom
 * right. */
void rp_crop_matrix(const double corners[8], int size, double matrix[9]);

/* The stages of an ISA with glibc's expf or the correctly rounded one (rounded.h), NULL if this CPU cannot run it. */
const rp_stages *rp_stages_of(const char *isa, int rounded);

extern const rp_stages rp_stages_ref[2];
#if defined(__x86_64__) || defined(_M_X64)
extern const rp_stages rp_stages_avx2[2], rp_stages_avx512[2];
#elif defined(__aarch64__) || defined(_M_ARM64)
extern const rp_stages rp_stages_neon[2];
#endif

#endif
