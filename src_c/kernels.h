/* THE table of kernels, and the step that they run.
 *
 * A kernel does one step of a plan, or one of `parts` equal shares of it. It knows shapes and tiles, never networks.
 * A row of RP_KERNELS names all that a kernel is:
 *
 *     name      the plain loops in one of plain_*.inc that define the result, and the fast function in one of the other
 *               .inc files, which is compiled for each instruction set; all give the same bits
 *     check     what it asks of a step; beside the plain loops
 *     scratch   how much scratch memory it takes; beside the plain loops
 *     text      what it computes, for people
 *
 * Whatever a row lacks does not compile. The kernel's other half, how a plan comes to use it, is its record in
 * refpose/engine/kernels.py. layout.h draws the data. */
#ifndef RP_KERNELS_H
#define RP_KERNELS_H

#include "layout.h"

/* name, check, scratch, text */
#define RP_KERNELS(X)                                                                                                  \
    X(conv, conv_error, conv_scratch, "convolution of any size and stride")                                            \
    X(pointwise, pointwise_error, pointwise_scratch, "pointwise convolution, residual")                                \
    X(depthwise, depthwise_error, window_scratch, "depthwise convolution 3x3 or 5x5, stride 1 or 2")                   \
    X(separable, separable_error, window_scratch, "depthwise, pointwise, residual")                                    \
    X(bottleneck, bottleneck_error, window_scratch,                                                                    \
      "pointwise or other convolution (expand), depthwise, pointwise (project), residual")                             \
    X(expand_depthwise, expand_depthwise_error, window_scratch, "pointwise or other convolution (expand), depthwise")  \
    X(few_channel_separable, few_channel_separable_error, few_channel_scratch,                                         \
      "depthwise 3x3, pointwise to few outputs, the input added or not; vectors of columns")                           \
    X(few_channel_stem, few_channel_stem_error, few_channel_scratch,                                                   \
      "3x3 convolution of three channels, stride 2, depthwise 3x3, pointwise; vectors of columns")                     \
    X(mask_head, mask_head_error, mask_head_scratch,                                                                   \
      "eight channels: twice enlarged, two residual separable blocks each time, then 3x3 to one channel")              \
    X(planar_stem, planar_stem_error, planar_stem_scratch,                                                             \
      "3x3 convolution of three interleaved channels to planes, stride 2")                                             \
    X(planar_pointwise, planar_pointwise_error, planar_pointwise_scratch,                                              \
      "pointwise convolution of planes, zero weights skipped, residual")                                               \
    X(planar_expand_depthwise, planar_expand_depthwise_error, planar_expand_depthwise_scratch,                         \
      "pointwise (expand), depthwise on planes, zero weights skipped")                                                 \
    X(planar_depthwise, planar_depthwise_error, planar_depthwise_scratch, "depthwise convolution of planes")           \
    X(planar_upsample, planar_upsample_error, planar_upsample_scratch, "bilinear resize of planes to twice the size")  \
    X(planar_depth_to_space, planar_depth_to_space_error, no_scratch,                                                  \
      "2x2 blocks from channels, planes to interleaved")                                                               \
    X(add, add_error, no_scratch, "sum of two tensors")                                                                \
    X(upsample, upsample_error, upsample_scratch,                                                                      \
      "bilinear resize to twice the size, plus a second tensor if there is one")                                       \
    X(enlarge, enlarge_error, enlarge_scratch, "bilinear resize to twice the size, zeros around the image")            \
    X(max_pool, max_pool_error, no_scratch, "2x2 maximum; channels the input lacks become zero")                       \
    X(average_pool, average_pool_error, no_scratch, "2x2 mean")                                                        \
    X(row_sums, row_sums_error, no_scratch, "sum of every channel over each row, in double")                           \
    X(mean, mean_error, no_scratch, "mean of every channel from the sums of the rows")                                 \
    X(depth_to_space, depth_to_space_error, no_scratch, "2x2 blocks from channels")                                    \
    X(copy, copy_error, no_scratch, "reshape, concatenation, channel padding")                                         \
    X(logistic, logistic_error, no_scratch, "the network's own sigmoid")

enum {
#define RP_ROW(name, check, scratch, text) RP_##name,
    RP_KERNELS(RP_ROW)
#undef RP_ROW
        RP_COUNT
};

enum {
    RP_RELU6 = 1,           /* clamp the pointwise or convolution result (bottleneck: the projection) */
    RP_RELU6_SUM = 2,       /* clamp after the residual was added */
    RP_RELU6_DEPTHWISE = 4, /* clamp the depthwise result */
    RP_RELU6_EXPAND = 8,    /* clamp the expansion */
    /* where the step's other activation, one of RP_ACTIVATIONS, is applied instead; never before a residual */
    RP_ACT = 16,
    RP_ACT_DEPTHWISE = 32,
    RP_ACT_EXPAND = 64,
    /* the weights of this convolution are binary16 */
    RP_BINARY16 = 1 << 10,
    RP_BINARY16_EXPAND = 1 << 11,
    RP_SIGMOID = 1 << 8,
    RP_SWISH = 2 << 8,
    RP_ESWISH = 3 << 8,
    RP_ACTIVATIONS = 3 << 8,
};

/* type, name of each member: Python's description of a step is made from these lists. */
#define RP_TENSOR(X)                                                                                                   \
    X(int32_t, space) /* 0: the arena; 1...: the caller's buffers; -1: no such tensor */                               \
    X(int32_t, h)     /* rows, columns, channels */                                                                    \
    X(int32_t, w)                                                                                                      \
    X(int32_t, c)                                                                                                      \
    X(int64_t, at)                                                                                                     \
    X(int64_t, ld)

#define RP_STEP(X)                                                                                                     \
    X(int32_t, kernel)                                                                                                 \
    X(int32_t, flags)                                                                                                  \
    X(int32_t, k) /* window: size, stride, rows and columns of zeros before the first */                               \
    X(int32_t, stride)                                                                                                 \
    X(int32_t, pad)                                                                                                    \
    X(int32_t, mid) /* of kernels that expand: channels, rows, columns in between; mean: mid_w columns were summed */  \
    X(int32_t, mid_h)                                                                                                  \
    X(int32_t, mid_w)                                                                                                  \
    X(int32_t, expand_k) /* window of the expansion */                                                                 \
    X(int32_t, expand_stride)                                                                                          \
    X(int32_t, expand_pad)                                                                                             \
    X(int32_t, rows)  /* tile: output rows at a time; planar_expand_depthwise: outputs */                              \
    X(int32_t, chunk) /* tile: expanded channels (multiple of 48, or all) at a time; sparse kernels: inputs */         \
    X(rp_tensor, in)                                                                                                   \
    X(rp_tensor, add)                                                                                                  \
    X(rp_tensor, out)                                                                                                  \
    X(rp_tensor, gate) /* pointwise: a factor for each input channel */                                                \
    X(rp_tensor, sums) /* of the result's rows, depthwise or expanded: two floats are a double, so c is twice out's */ \
    X(int64_t, expand) /* where the packed weights lie; a lone convolution uses project */                             \
    X(int64_t, depthwise)                                                                                              \
    X(int64_t, project)

#define RP_MEMBER(type, name) type name;
typedef struct {
    RP_TENSOR(RP_MEMBER)
} rp_tensor;

typedef struct {
    RP_STEP(RP_MEMBER)
} rp_step;
#undef RP_MEMBER

typedef struct {
    float *space[RP_BUFFERS];
    const float *weights;
    float *scratch; /* rp_program.scratch floats, aligned to 64 bytes, of this thread */
} rp_memory;

typedef void rp_kernel(const rp_step *step, const rp_memory *memory, int part, int parts);

/* Rows of the expanded or copied window that are kept: those of one tile of output rows. */
static inline int rp_window(const rp_step *s) { return (s->rows - 1) * s->stride + s->k; }

extern rp_kernel *const rp_table_ref[RP_COUNT];
#if defined(__x86_64__) || defined(_M_X64)
extern rp_kernel *const rp_table_avx2[RP_COUNT], *const rp_table_avx512[RP_COUNT];
#elif defined(__aarch64__) || defined(_M_ARM64)
extern rp_kernel *const rp_table_neon[RP_COUNT];
#endif

#endif
