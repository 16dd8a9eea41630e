/* THE table of kernels, the step they run and the packed data they read.
 *
 * A kernel does one step of a plan, or one of `parts` equal shares of it. It knows shapes and tiles, never networks. Every
 * row of RP_KERNELS exists once in ref.c, as plain loops that define the result, and once, fast, in each isa_*.c; all give the same
 * bits. Sizes and offsets are in floats, never in bytes.
 *
 * Interleaved tensors: value (y, x, c) lies at  at + (y * w + x) * ld + c,  ld >= c.  Lanes c..ld-1 are slack: they may be read
 * and written but never matter. Weights are padded with zeros to a multiple of 16 outputs.
 *
 * Pointwise and convolution weights: panels of 48, 32 or 16 outputs (rp_panel), each a bias row and K weight rows:
 *
 *     outputs   0 ........ 47 | 48 ....... 95 | 96 .. 111        K = kernel rows x kernel columns x input channels,
 *     bias      bbbbbbbbbbbbb   bbbbbbbbbbbbb   bbbbbbb          the last changing fastest
 *     k = 0     wwwwwwwwwwwww   wwwwwwwwwwwww   wwwwwww
 *     ...       wwwwwwwwwwwww   wwwwwwwwwwwww   wwwwwww          panel of output n starts at n * (K + 1)
 *     k = K-1   wwwwwwwwwwwww   wwwwwwwwwwwww   wwwwwww
 *
 * Depthwise weights: groups of 16 channels, each a bias row and k * k tap rows, walked down each kernel column first:
 *
 *     channels  0 ....... 15 | 16 ...... 31 | ...
 *     bias      bbbbbbbbbbbb   bbbbbbbbbbbb
 *     (0, 0)    wwwwwwwwwwww   wwwwwwwwwwww              (row, column); group of channel c starts at c * (k * k + 1)
 *     (1, 0)    wwwwwwwwwwww   wwwwwwwwwwww
 *     ...
 *
 * Planar tensors (w columns, rows of w + 2): the image of channel c starts at  at + c * ld + margin, row after row; the two values
 * behind each row and everything between two images is zero, so that all of a 5x5 window's taps can be read anywhere:
 *
 *     |<- margin ->|r0 r0 r0 . . r1 r1 r1 . . r2 r2 r2 . .|<- margin ->|r0 r0 r0 ...        . = 0
 *                   image of channel 0                                  image of channel 1
 *
 * Sparse pointwise weights: the biases, then a stream of rp_pair, 16 bytes each. For each chunk of `chunk` inputs, all outputs in
 * pairs that have about as many non-zero weights there (the last pair of an odd number names its output twice):
 *
 *     bias 0 ... bias N-1 (padded to a multiple of 4)
 *     head: outputs n0, n1, count
 *     tap:  at0, at1, weight0, weight1      count times, inputs ascending; at = channel * ld of the input; the shorter list is
 *     tap:  ...                             filled up with zero weights
 *     head: ...
 *
 * planar_expand_depthwise has such a stream for each group of `rows` outputs, numbered from 0; in front, padded to a multiple of 4,
 * int32s that say where each group starts, in rp_pairs from the beginning.
 */
#ifndef RP_KERNELS_H
#define RP_KERNELS_H

#include <stdint.h>

#define RP_LANES 16    /* packed weights and tensors in the arena come in multiples of this many channels */
#define RP_BUFFERS 8   /* spaces a step can name: the arena, then the caller's inputs and outputs */
#define RP_MAX_PARTS 64

/* name: what it computes */
#define RP_KERNELS(X)                                                                                                  \
    X(conv, "convolution of any size and stride")                                                                      \
    X(pointwise, "pointwise convolution, residual")                                                                    \
    X(depthwise, "depthwise convolution 3x3 or 5x5, stride 1 or 2")                                                    \
    X(separable, "depthwise, pointwise, residual")                                                                     \
    X(bottleneck, "pointwise or other convolution (expand), depthwise, pointwise (project), residual")                 \
    X(expand_depthwise, "pointwise or other convolution (expand), depthwise")                                          \
    X(narrow_separable, "depthwise 3x3, pointwise to few outputs, the input added or not; vectors of columns")           \
    X(narrow_stem, "3x3 convolution of three channels, stride 2, depthwise 3x3, pointwise; vectors of columns")         \
    X(tail, "eight channels: twice enlarged, two residual separable blocks each time, then 3x3 to one channel")        \
    X(planar_stem, "3x3 convolution of three interleaved channels to planes, stride 2")                                \
    X(planar_pointwise, "pointwise convolution of planes, zero weights skipped, residual")                             \
    X(planar_expand_depthwise, "pointwise (expand), depthwise on planes, zero weights skipped")                        \
    X(planar_depthwise, "depthwise convolution of planes")                                                             \
    X(planar_upsample, "bilinear resize of planes to twice the size")                                                  \
    X(planar_depth_to_space, "2x2 blocks from channels, planes to interleaved")                                        \
    X(add, "sum of two tensors")                                                                                       \
    X(upsample, "bilinear resize to twice the size, plus a second tensor if there is one")                             \
    X(enlarge, "bilinear resize to twice the size, zeros around the image")                                            \
    X(max_pool, "2x2 maximum; channels the input lacks become zero")                                                   \
    X(average_pool, "2x2 mean")                                                                                        \
    X(row_sums, "sum of every channel over each row, in double")                                                       \
    X(mean, "mean of every channel from the sums of the rows")                                                         \
    X(depth_to_space, "2x2 blocks from channels")                                                                      \
    X(copy, "reshape, concatenation, channel padding")                                                                 \
    X(logistic, "the network's own sigmoid")

static inline int rp_lanes(int channels) { return (channels + RP_LANES - 1) / RP_LANES * RP_LANES; }

/* Planes. */
enum { RP_PLANE_SLACK = 128 }; /* behind the last plane: whole tiles may be read */

static inline int rp_row(int w) { return w + 2; }
static inline int rp_margin(int w) { return rp_lanes(2 * rp_row(w) + 2); }
/* Values of the mask of a plane: the image and what tiles reach beyond it. */
static inline int64_t rp_plane_mask(int h, int w) { return (int64_t)h * rp_row(w) + RP_PLANE_SLACK; }
/* Values of the half of a plane with every second column: for stride 2, the even columns and the odd ones are kept apart. */
static inline int64_t rp_half_plane(int h, int w) { return rp_lanes(rp_margin(w) + h * rp_row(w) / 2); }
/* From plane to plane where there is no more than one kernel reads. */
static inline int64_t rp_plane(int h, int w, int stride)
{
    return stride == 2 ? 2 * rp_half_plane(h, w) : rp_margin(w) + rp_lanes(h * rp_row(w));
}
/* Values of a whole tensor of c planes. */
static inline int64_t rp_planes(int w, int c, int64_t ld) { return c * ld + rp_margin(w) + RP_PLANE_SLACK; }

/* These lie among the other weights, which are floats. */
typedef union __attribute__((may_alias)) {
    struct {
        int32_t output[2], count;
    };
    struct {
        int32_t at[2];
        float weight[2];
    };
} rp_pair;

typedef int32_t __attribute__((may_alias)) rp_int;

static inline const rp_pair *rp_pairs(const float *packed, int outputs)
{
    return (const rp_pair *)(packed + (outputs + 3) / 4 * 4);
}

enum { RP_NARROW = 48 }; /* channels of the narrow blocks, at most: their pointwise weights are one panel */

/* The tail's weights: four blocks (twice two) of a depthwise group and a pointwise panel each, then `project`. */
enum { RP_TAIL_CHANNELS = 8, RP_TAIL_BLOCK = RP_LANES * (1 + 9) + RP_LANES * (1 + RP_TAIL_CHANNELS) };

enum {
    RP_RELU6 = 1,        /* clamp the pointwise or convolution result (bottleneck: the projection) */
    RP_RELU6_SUM = 2,    /* clamp after the residual was added */
    RP_RELU6_DEPTHWISE = 4,     /* clamp the depthwise result */
    RP_RELU6_EXPAND = 8, /* clamp the expansion */
    /* where the step's other activation, one of RP_ACTIVATIONS, is applied instead; never before a residual */
    RP_ACT = 16,
    RP_ACT_DEPTHWISE = 32,
    RP_ACT_EXPAND = 64,
    RP_SIGMOID = 1 << 8,
    RP_SWISH = 2 << 8,
    RP_ESWISH = 3 << 8,
    RP_ACTIVATIONS = 3 << 8,
};

typedef struct {
    int32_t space;   /* 0: the arena; 1...: the caller's buffers; -1: no such tensor */
    int32_t h, w, c; /* rows, columns, channels */
    int64_t at, ld;
} rp_tensor;

typedef struct {
    int32_t kernel, flags;
    int32_t k, stride, pad;    /* window size, stride, rows and columns of zeros before the first */
    int32_t mid, mid_h, mid_w; /* bottleneck, expand_depthwise: expanded channels, rows, columns; mean: mid_w columns were summed */
    int32_t expand_k, expand_stride, expand_pad; /* bottleneck, expand_depthwise: window of the expansion */
    /* tile: output rows, expanded channels (multiple of 48, or all) at a time; planar_pointwise: inputs at a time;
     * planar_expand_depthwise: outputs and inputs */
    int32_t rows, chunk;
    rp_tensor in, add, out;
    rp_tensor gate; /* pointwise: a factor for each input channel */
    /* depthwise, expand_depthwise: the sums of the result's rows; a pair of floats is a double, so c is 2 * rp_lanes(out.c) */
    rp_tensor sums;
    int64_t expand, depthwise, project; /* where the packed weights lie; a lone convolution uses project */
} rp_step;

typedef struct {
    float *space[RP_BUFFERS];
    const float *weights;
    float *scratch; /* rp_program.scratch floats, aligned to 64 bytes, of this thread */
} rp_memory;

typedef void rp_kernel(const rp_step *step, const rp_memory *memory, int part, int parts);

enum {
#define RP_ROW(name, what) RP_##name,
    RP_KERNELS(RP_ROW)
#undef RP_ROW
        RP_COUNT
};

/* Width of the panel that starts when `left` outputs are left (a multiple of 16): 48 while possible, but never a lone 16 after it. */
static inline int rp_panel(int left)
{
    if (left >= 48 && left != 64)
        return 48;
    return left >= 32 ? 32 : 16;
}

/* Rows of the expanded or copied window that are kept: those of one tile of output rows. */
static inline int rp_window(const rp_step *s) { return (s->rows - 1) * s->stride + s->k; }

extern rp_kernel *const rp_table_ref[RP_COUNT];
#if defined(__x86_64__) || defined(_M_X64)
extern rp_kernel *const rp_table_avx2[RP_COUNT], *const rp_table_avx512[RP_COUNT];
#elif defined(__aarch64__) || defined(_M_ARM64)
extern rp_kernel *const rp_table_neon[RP_COUNT];
#endif

#endif
