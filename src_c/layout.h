/* How values lie in memory: the constants, once for C and Python, and drawings of what kernels read.
 *
 * Sizes and offsets are in floats, never in bytes.
 *
 * Interleaved tensors: value (y, x, c) lies at  at + (y * w + x) * ld + c,  ld >= c.  Values c..ld-1 of a pixel are
 * padding: they may be read and written but never matter. Weights are padded with zeros to a multiple of 16 outputs.
 *
 * Pointwise and convolution weights: panels of 48, 32 or 16 outputs (rp_panel), each a bias row and K weight rows:
 *
 *     outputs   0 ........ 47 | 48 ....... 95 | 96 .. 111        K = kernel rows x kernel columns x input channels,
 *     bias      bbbbbbbbbbbbb   bbbbbbbbbbbbb   bbbbbbb          the last changing fastest
 *     k = 0     wwwwwwwwwwwww   wwwwwwwwwwwww   wwwwwww
 *     ...       wwwwwwwwwwwww   wwwwwwwwwwwww   wwwwwww          panel of output n starts at n * (K + 1)
 *     k = K-1   wwwwwwwwwwwww   wwwwwwwwwwwww   wwwwwww
 *
 * The same as binary16 (rp_half, two in the place of a float), where a step has the flag RP_BINARY16 or
 * RP_BINARY16_EXPAND: large matrices, which come from afar. Kernels widen them, which is exact, a panel at a time.
 *
 * Depthwise weights: groups of 16 channels, each a bias row and k * k tap rows, walked down each kernel column first:
 *
 *     channels  0 ....... 15 | 16 ...... 31 | ...
 *     bias      bbbbbbbbbbbb   bbbbbbbbbbbb
 *     (0, 0)    wwwwwwwwwwww   wwwwwwwwwwww              (row, column); group of channel c starts at c * (k * k + 1)
 *     (1, 0)    wwwwwwwwwwww   wwwwwwwwwwww
 *     ...
 *
 * Planar tensors (w columns, rows of w + 2): the image of channel c starts at  at + c * ld + padding, row after row;
 * the two values behind each row and everything between two images is zero, so that all of a 5x5 window's taps can
 * be read anywhere:
 *
 *     |<- padding ->|r0 r0 r0 . . r1 r1 r1 . . r2 r2 r2 . .|<- padding ->|r0 r0 r0 ...        . = 0
 *                    image of channel 0                                   image of channel 1
 *
 * Sparse pointwise weights: the biases, then a stream of rp_pair, 16 bytes each. For each chunk of `chunk` inputs,
 * all outputs in pairs that have about as many non-zero weights there (the last pair of an odd number names its
 * output twice):
 *
 *     bias 0 ... bias N-1 (padded to a multiple of 4)
 *     head: outputs n0, n1, count
 *     tap:  at0, at1, weight0, weight1      count times, inputs ascending; at = channel * ld of the input; the shorter
 *     tap:  ...                             list is filled up with zero weights
 *     head: ...
 *
 * Grouped sparse weights have such a stream for each group of `rows` outputs, numbered from 0; in front, padded to a
 * multiple of 4, int32s that say where each group starts, in rp_pairs from the beginning. */
#ifndef RP_LAYOUT_H
#define RP_LAYOUT_H

#include <stdint.h>

/* name, value: constants that C and Python share. Python's are in refpose/engine/layout.py, and held against these when
 * the extension is imported. */
#define RP_LAYOUT(X)                                                                                                   \
    X(LANES, 16)            /* channels of interleaved tensors and outputs of packed weights come in multiples */      \
    X(PANEL, 48)            /* outputs of the widest panel */                                                          \
    X(ROW_GAP, 2)           /* zeros behind each row of a plane */                                                     \
    X(END_PADDING, 128)     /* values behind the last plane that whole tiles may read */                               \
    X(LEVEL_PADDING, 16)    /* zeros on both sides of a row of a level (few_channels.inc) */                           \
    X(FEW_CHANNELS, 48)     /* channels of the few_channel kernels at most: their pointwise weights are one panel */   \
    X(FEW_CHANNEL_SLOTS, 4) /* rows that their levels keep */                                                          \
    X(STEM_PLANES, 6)       /* a row of three channels for a convolution of stride 2: even and odd columns apart */    \
    X(MASK_HEAD_CHANNELS, 8)                                                                                           \
    X(MASK_HEAD_SLOTS, 8)                                                                                              \
    X(BUFFERS, 8) /* spaces that a step can name: the arena, then the caller's inputs and outputs */                   \
    X(MAX_THREADS, 64)                                                                                                 \
    X(MAX_SIDE, 8192) /* rows and columns of a tensor */                                                               \
    X(MAX_CHANNELS, 8192)                                                                                              \
    X(MAX_WINDOW, 64) /* rows that a tile of a depthwise convolution reads */

enum {
#define RP_ROW(name, value) RP_##name = value,
    RP_LAYOUT(RP_ROW)
#undef RP_ROW
};

/* The weights of the mask head: four blocks (twice two) of a depthwise group and a pointwise panel, then `project`. */
enum { RP_MASK_HEAD_BLOCK = RP_LANES * (1 + 9) + RP_LANES * (1 + RP_MASK_HEAD_CHANNELS) };

static inline int64_t rp_padded_size(int64_t size) { return (size + RP_LANES - 1) / RP_LANES * RP_LANES; }
static inline int rp_padded_channels(int channels) { return (int)rp_padded_size(channels); }

/* Width of the panel that starts when `left` outputs are left (a multiple of 16): 48 while possible, but never a
 * lone 16 after it. */
static inline int rp_panel(int left)
{
    if (left >= RP_PANEL && left != RP_PANEL + RP_LANES)
        return RP_PANEL;
    return left >= 2 * RP_LANES ? 2 * RP_LANES : RP_LANES;
}
/* Values of all panels. */
static inline int64_t rp_panels(int inputs, int outputs) { return (int64_t)rp_padded_channels(outputs) * (inputs + 1); }
/* Floats that the panels take up; of panels as binary16. */
static inline int64_t rp_panels_size(int inputs, int outputs, int binary16)
{
    return rp_panels(inputs, outputs) / (binary16 ? 2 : 1);
}
/* Values of the widest panel. */
static inline int64_t rp_widest_panel(int inputs) { return (int64_t)RP_PANEL * (inputs + 1); }
/* Values of all groups of depthwise weights. */
static inline int64_t rp_groups(int k, int channels) { return (int64_t)rp_padded_channels(channels) * (k * k + 1); }

/* Planes. */
static inline int rp_row(int w) { return w + RP_ROW_GAP; }
static inline int rp_plane_padding(int w) { return (int)rp_padded_size(2 * rp_row(w) + 2); }
/* Values of the mask of a plane: the image and what tiles reach beyond it. */
static inline int64_t rp_plane_mask(int h, int w) { return (int64_t)h * rp_row(w) + RP_END_PADDING; }
/* Values of the half of a plane with every second column: for stride 2, the even columns and the odd ones are kept
 * apart. */
static inline int64_t rp_half_plane(int h, int w) { return rp_padded_size(rp_plane_padding(w) + h * rp_row(w) / 2); }
/* From plane to plane where there is no more than one kernel reads. */
static inline int64_t rp_plane(int h, int w, int stride)
{
    return stride == 2 ? 2 * rp_half_plane(h, w) : rp_plane_padding(w) + rp_padded_size(h * rp_row(w));
}
/* Values of a whole tensor of c planes. */
static inline int64_t rp_planes(int w, int c, int64_t ld) { return c * ld + rp_plane_padding(w) + RP_END_PADDING; }

/* Levels: rows of planes with padding on both sides, and one of zeros. */
static inline int64_t rp_level_row(int w) { return w + 2 * RP_LEVEL_PADDING; }
static inline int64_t rp_level_size(int w, int c, int slots) { return (1 + slots) * c * rp_level_row(w); }

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
typedef uint16_t __attribute__((may_alias)) rp_half;

static inline const rp_pair *rp_pairs(const float *packed, int outputs)
{
    return (const rp_pair *)(packed + (outputs + 3) / 4 * 4);
}

#endif
