/* Every kernel as plain loops: what the fast ones must return, bit for bit. */
#include "common.inc"

#include <math.h>
#include <stdbool.h>

static float clip6(float v) { return v < 0.0f ? 0.0f : v > 6.0f ? 6.0f : v; }

/* 1 + exp(-x): see ops.py. */
static float one_plus_exp_minus(float x)
{
    static const float c[6] = {1.0f, 0x1.62e42ap-1f, 0x1.ebf9c2p-3f, 0x1.c6b6d8p-5f, 0x1.3ce8acp-7f, 0x1.5bda4p-10f};
    float y = x * -0x1.715476p0f;
    y = y < -126.0f ? -126.0f : y > 126.0f ? 126.0f : y;
    const float round = 0x1.8p23f + 127.0f, m = y + round, f = y - (m - round);
    float p = c[5];
    for (int k = 4; k >= 0; k--)
        p = fmaf(p, f, c[k]);
    uint32_t bits;
    memcpy(&bits, &m, sizeof bits);
    bits <<= 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return fmaf(p, power, 1.0f);
}

/* A clamp or the step's other activation, as far as these flags are set in the step. */
static float activate(const rp_step *s, float v, int relu6, int act)
{
    if (s->flags & relu6)
        return clip6(v);
    if (!(s->flags & act))
        return v;
    switch (s->flags & RP_ACTIVATIONS) {
    case RP_SWISH:
        return v / one_plus_exp_minus(v);
    case RP_ESWISH:
        return v * 1.25f / one_plus_exp_minus(v);
    default:
        return 1.0f / one_plus_exp_minus(v);
    }
}

/* Where the weights of output n start in packed panels, and the width of its panel: row 0 is the bias. */
static const float *panel_column(const float *packed, int inputs, int outputs, int n, int *width)
{
    int start = 0;
    while (start + rp_panel(rp_padded_channels(outputs) - start) <= n)
        start += rp_panel(rp_padded_channels(outputs) - start);
    *width = rp_panel(rp_padded_channels(outputs) - start);
    return packed + (int64_t)start * (inputs + 1) + (n - start);
}

/* The value of a tensor, zero outside the image. */
static float value(const rp_tensor *t, const rp_memory *m, int y, int x, int c)
{
    const bool inside = y >= 0 && y < t->h && x >= 0 && x < t->w;
    return inside ? at(t, m)[((int64_t)y * t->w + x) * t->ld + c] : 0.0f;
}

/* Output n of `outputs` of a k x k convolution of the input. */
static float convolve(const rp_step *s, const rp_memory *m, int k, int stride, int pad, const float *packed,
                      int outputs, int y, int x, int n)
{
    int width;
    const float *w = panel_column(packed, k * k * s->in.c, outputs, n, &width);
    float acc = *w;
    for (int ky = 0; ky < k; ky++)
        for (int kx = 0; kx < k; kx++)
            for (int c = 0; c < s->in.c; c++) {
                const float factor = s->gate.space < 0 ? *(w += width) : *(w += width) * value(&s->gate, m, 0, 0, c);
                acc = fmaf(value(&s->in, m, y * stride - pad + ky, x * stride - pad + kx, c), factor, acc);
            }
    return acc;
}

/* The depthwise result of channel c around output (y, x). Blocks keep the expanded row iy in slot iy % k of scratch. */
static float filter(const rp_step *s, const rp_memory *m, int y, int x, int c)
{
    const float *w = m->weights + s->depthwise + (int64_t)(c / RP_LANES * RP_LANES) * (s->k * s->k + 1) + c % RP_LANES;
    float acc = *w;
    for (int kx = 0; kx < s->k; kx++)
        for (int ky = 0; ky < s->k; ky++) {
            const int iy = y * s->stride - s->pad + ky, ix = x * s->stride - s->pad + kx;
            float v = 0.0f;
            if (!s->mid)
                v = value(&s->in, m, iy, ix, c);
            else if (iy >= 0 && iy < s->mid_h && ix >= 0 && ix < s->mid_w)
                v = m->scratch[((int64_t)(iy % s->k) * s->mid_w + ix) * s->mid + c];
            acc = fmaf(v, *(w += RP_LANES), acc);
        }
    return activate(s, acc, RP_RELU6_DEPTHWISE, RP_ACT_DEPTHWISE);
}

/* Activation, residual, clamp: the end of every pointwise convolution. */
static void finish(const rp_step *s, const rp_memory *m, int y, int x, int n, float v)
{
    v = activate(s, v, RP_RELU6, RP_ACT);
    if (s->add.space >= 0)
        v = v + value(&s->add, m, y, x, n);
    if (s->flags & RP_RELU6_SUM)
        v = clip6(v);
    at(&s->out, m)[((int64_t)y * s->out.w + x) * s->out.ld + n] = v;
}

/* One pointwise output from a row of inputs in scratch. */
static float combine(const float *x, int inputs, const float *packed, int outputs, int n)
{
    int width;
    const float *w = panel_column(packed, inputs, outputs, n, &width);
    float acc = *w;
    for (int i = 0; i < inputs; i++)
        acc = fmaf(x[i], *(w += width), acc);
    return acc;
}

static void conv(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.h, part, parts, &lo, &hi);
    for (int y = lo; y < hi; y++)
        for (int x = 0; x < s->out.w; x++)
            for (int n = 0; n < s->out.c; n++)
                finish(s, m, y, x, n,
                       convolve(s, m, s->k, s->stride, s->pad, m->weights + s->project, s->out.c, y, x, n));
}

static void pointwise(const rp_step *s, const rp_memory *m, int part, int parts) { conv(s, m, part, parts); }

/* Sums of every channel over row y of a tensor, columns ascending. */
static void sum_row(const rp_memory *m, const rp_tensor *t, const rp_tensor *sums, int y)
{
    double *to = (double *)(at(sums, m) + y * sums->ld);
    for (int c = 0; c < t->c; c++) {
        to[c] = 0.0;
        for (int x = 0; x < t->w; x++)
            to[c] += value(t, m, y, x, c);
    }
}

/* One output row of depthwise, and its sums where these are wanted. */
static void filter_row(const rp_step *s, const rp_memory *m, int y)
{
    for (int x = 0; x < s->out.w; x++)
        for (int c = 0; c < s->out.c; c++)
            at(&s->out, m)[((int64_t)y * s->out.w + x) * s->out.ld + c] = filter(s, m, y, x, c);
    if (s->sums.space >= 0)
        sum_row(m, &s->out, &s->sums, y);
}

static void depthwise(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.h, part, parts, &lo, &hi);
    for (int y = lo; y < hi; y++)
        filter_row(s, m, y);
}

/* One output row of depthwise then pointwise. */
static void separable_row(const rp_step *s, const rp_memory *m, int y)
{
    const int channels = s->mid ? s->mid : s->in.c;
    float *middle = m->scratch + (int64_t)s->k * s->mid_w * s->mid;
    for (int x = 0; x < s->out.w; x++) {
        for (int c = 0; c < channels; c++)
            middle[c] = filter(s, m, y, x, c);
        for (int n = 0; n < s->out.c; n++)
            finish(s, m, y, x, n, combine(middle, channels, m->weights + s->project, s->out.c, n));
    }
}

static void separable(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.h, part, parts, &lo, &hi);
    for (int y = lo; y < hi; y++)
        separable_row(s, m, y);
}

/* Expands the rows that output row y reads and that are not there yet; *next is the first of these. */
static void expand_rows(const rp_step *s, const rp_memory *m, int y, int *next)
{
    const int first = y * s->stride - s->pad, end = min(first + s->k, s->mid_h);
    if (*next < first)
        *next = first;
    for (; *next < end; ++*next)
        for (int x = 0; x < s->mid_w; x++)
            for (int e = 0; e < s->mid; e++) {
                const float v = convolve(s, m, s->expand_k, s->expand_stride, s->expand_pad, m->weights + s->expand,
                                         s->mid, *next, x, e);
                m->scratch[((int64_t)(*next % s->k) * s->mid_w + x) * s->mid + e] =
                    activate(s, v, RP_RELU6_EXPAND, RP_ACT_EXPAND);
            }
}

static void bottleneck(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi, next = 0;
    share(s->out.h, part, parts, &lo, &hi);
    for (int y = lo; y < hi; y++) {
        expand_rows(s, m, y, &next);
        separable_row(s, m, y);
    }
}

static void expand_depthwise(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi, next = 0;
    share(s->out.h, part, parts, &lo, &hi);
    for (int y = lo; y < hi; y++) {
        expand_rows(s, m, y, &next);
        filter_row(s, m, y);
    }
}

static void few_channel_separable(const rp_step *s, const rp_memory *m, int part, int parts)
{
    separable(s, m, part, parts);
}

static void few_channel_stem(const rp_step *s, const rp_memory *m, int part, int parts)
{
    bottleneck(s, m, part, parts);
}

static void add(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.h, part, parts, &lo, &hi);
    for (int y = lo; y < hi; y++)
        for (int x = 0; x < s->out.w; x++)
            for (int c = 0; c < s->out.c; c++)
                finish(s, m, y, x, c, value(&s->in, m, y, x, c));
}

/* Source of output index i of 2n: p = clip(i/2 - 1/4, 0, n - 1) lies between *low and *low + 1, *a of the way. */
static void half_pixel(int i, int n, int *low, float *a)
{
    const float p = fmaxf(0.0f, fminf(0.5f * (float)i - 0.25f, (float)(n - 1)));
    *low = (int)p;
    *a = p - (float)*low;
}

static void upsample(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.h, part, parts, &lo, &hi);
    for (int y = lo; y < hi; y++)
        for (int x = 0; x < s->out.w; x++) {
            int top, left;
            float ay, ax;
            half_pixel(y, s->in.h, &top, &ay);
            half_pixel(x, s->in.w, &left, &ax);
            const int bottom = min(top + 1, s->in.h - 1), right = min(left + 1, s->in.w - 1);
            for (int c = 0; c < s->out.c; c++) {
                const float tl = value(&s->in, m, top, left, c), tr = value(&s->in, m, top, right, c);
                const float bl = value(&s->in, m, bottom, left, c), br = value(&s->in, m, bottom, right, c);
                const float t = tl + (tr - tl) * ax, b = bl + (br - bl) * ax;
                finish(s, m, y, x, c, t + (b - t) * ay);
            }
        }
}

/* Runs one plain step of the head on tensors in scratch. */
static void mask_head_part(rp_kernel *kernel, rp_step part, const rp_memory *m)
{
    part.gate.space = part.sums.space = -1;
    kernel(&part, m, 0, 1);
}

static void mask_head(const rp_step *s, const rp_memory *m, int part, int parts)
{
    (void)parts;
    if (part) /* as a whole: the parts would have to agree on the tensors in scratch */
        return;
    rp_memory own = *m;
    const int c = RP_MASK_HEAD_CHANNELS;
    const int64_t small = (int64_t)s->add.h * s->add.w * c;
    own.space[RP_BUFFERS - 1] = m->scratch;
    own.scratch = m->scratch + 10 * small;
    rp_tensor level[2][2];
    for (int i = 0; i < 4; i++) {
        const rp_tensor *size = i < 2 ? &s->add : &s->out;
        level[i / 2][i % 2] =
            (rp_tensor){RP_BUFFERS - 1, size->h, size->w, c, i < 2 ? i * small : 2 * small + (i - 2) * 4 * small, c};
    }
    const rp_tensor none = {.space = -1};
    for (int large = 0; large < 2; large++) {
        rp_tensor *t = level[large];
        mask_head_part(upsample,
                       (rp_step){.in = large ? level[0][0] : s->in, .add = large ? none : s->add, .out = t[0]}, &own);
        for (int i = 0; i < 2; i++) {
            const int64_t at = s->depthwise + (2 * large + i) * RP_MASK_HEAD_BLOCK;
            mask_head_part(separable,
                           (rp_step){.in = t[i],
                                     .add = t[i],
                                     .out = t[1 - i],
                                     .k = 3,
                                     .stride = 1,
                                     .pad = 1,
                                     .depthwise = at,
                                     .project = at + RP_LANES * 10,
                                     .flags = RP_RELU6_DEPTHWISE | RP_RELU6_SUM},
                           &own);
        }
    }
    mask_head_part(
        conv,
        (rp_step){.in = level[1][0], .add = none, .out = s->out, .k = 3, .stride = 1, .pad = 1, .project = s->project},
        &own);
}

/* Output row or column i of 2n reads *near and, if that is inside, *far. */
static void neighbours(int i, int *near, int *far)
{
    *near = i / 2;
    *far = i % 2 ? *near + 1 : *near - 1;
}

static void enlarge(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.h, part, parts, &lo, &hi);
    for (int y = lo; y < hi; y++)
        for (int x = 0; x < s->out.w; x++)
            for (int c = 0; c < s->out.c; c++) {
                int row, column[2], other;
                float mixed[2];
                neighbours(y, &row, &other);
                neighbours(x, &column[0], &column[1]);
                for (int i = 0; i < 2; i++) {
                    mixed[i] = value(&s->in, m, row, column[i], c) * 0.75f;
                    if (other >= 0 && other < s->in.h)
                        mixed[i] = mixed[i] + value(&s->in, m, other, column[i], c) * 0.25f;
                }
                float v = mixed[0] * 0.75f;
                if (column[1] >= 0 && column[1] < s->in.w)
                    v = v + mixed[1] * 0.25f;
                finish(s, m, y, x, c, v);
            }
}

static void average_pool(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.h, part, parts, &lo, &hi);
    for (int y = lo; y < hi; y++)
        for (int x = 0; x < s->out.w; x++)
            for (int c = 0; c < s->out.c; c++) {
                const float upper = value(&s->in, m, 2 * y, 2 * x, c) + value(&s->in, m, 2 * y, 2 * x + 1, c);
                const float lower = value(&s->in, m, 2 * y + 1, 2 * x, c) + value(&s->in, m, 2 * y + 1, 2 * x + 1, c);
                finish(s, m, y, x, c, (upper + lower) * 0.25f);
            }
}

static void row_sums(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->in.h, part, parts, &lo, &hi);
    for (int y = lo; y < hi; y++)
        sum_row(m, &s->in, &s->out, y);
}

static void mean(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.c, part, parts, &lo, &hi);
    for (int c = lo; c < hi; c++) {
        double total = 0.0;
        for (int y = 0; y < s->in.h; y++)
            total += ((const double *)(at(&s->in, m) + y * s->in.ld))[c];
        finish(s, m, 0, 0, c, (float)(total / ((double)s->in.h * s->mid_w)));
    }
}

static float larger(float a, float b) { return a > b ? a : b; }

static void max_pool(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.h, part, parts, &lo, &hi);
    for (int y = lo; y < hi; y++)
        for (int x = 0; x < s->out.w; x++)
            for (int c = 0; c < s->out.c; c++) {
                float v = 0.0f;
                if (c < s->in.c)
                    v = larger(
                        larger(value(&s->in, m, 2 * y, 2 * x, c), value(&s->in, m, 2 * y, 2 * x + 1, c)),
                        larger(value(&s->in, m, 2 * y + 1, 2 * x, c), value(&s->in, m, 2 * y + 1, 2 * x + 1, c)));
                finish(s, m, y, x, c, v);
            }
}

static void depth_to_space(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.h, part, parts, &lo, &hi);
    for (int y = lo; y < hi; y++)
        for (int x = 0; x < s->out.w; x++)
            for (int c = 0; c < s->out.c; c++)
                finish(s, m, y, x, c, value(&s->in, m, y / 2, x / 2, (2 * (y % 2) + x % 2) * s->out.c + c));
}

static void copy(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.h, part, parts, &lo, &hi);
    for (int y = lo; y < hi; y++)
        for (int x = 0; x < s->out.w; x++)
            for (int c = 0; c < s->out.c; c++)
                finish(s, m, y, x, c, c < s->in.c ? value(&s->in, m, y, x, c) : 0.0f);
}

/* 2^(j/32), j = 0..31, to the nearest float */
static const float exp2_32[32] = {
    0x1p0f,        0x1.059b0ep0f, 0x1.0b5586p0f, 0x1.11301ep0f, 0x1.172b84p0f, 0x1.1d4874p0f, 0x1.2387a6p0f,
    0x1.29e9ep0f,  0x1.306fep0f,  0x1.371a74p0f, 0x1.3dea64p0f, 0x1.44e086p0f, 0x1.4bfdaep0f, 0x1.5342b6p0f,
    0x1.5ab07ep0f, 0x1.6247ecp0f, 0x1.6a09e6p0f, 0x1.71f75ep0f, 0x1.7a1148p0f, 0x1.82589ap0f, 0x1.8ace54p0f,
    0x1.93737cp0f, 0x1.9c4918p0f, 0x1.a5503cp0f, 0x1.ae89fap0f, 0x1.b7f77p0f,  0x1.c199bep0f, 0x1.cb720ep0f,
    0x1.d5818ep0f, 0x1.dfc974p0f, 0x1.ea4afap0f, 0x1.f50766p0f,
};

/* XNNPACK's AVX-512 sigmoid: see ops.logistic. */
static float sigmoid(float x)
{
    const float z = -fabsf(x), magic = 0x1.8p18f, m = fmaf(z, 0x1.715476p0f, magic), n = m - magic;
    int32_t pattern;
    memcpy(&pattern, &m, sizeof pattern);
    const float power = exp2_32[pattern & 31];
    float t = fmaf(n, -0x1.62E430p-1f, z);
    t = fmaf(n, 0x1.05C610p-29f, t);
    const float p = fmaf(t * power, fmaf(t, 0.5f, 0x1.0000F6p0f), power), e = ldexpf(p, (int)floorf(n)),
                y = e / (e + 1.0f);
    return signbit(x) ? y : 1.0f - y;
}

static void logistic(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.h, part, parts, &lo, &hi);
    for (int y = lo; y < hi; y++)
        for (int x = 0; x < s->out.w; x++)
            for (int c = 0; c < s->out.c; c++)
                finish(s, m, y, x, c, sigmoid(value(&s->in, m, y, x, c)));
}

/* Value (y, x) of channel c of planes: zero around the image. */
static float *planar_value(const rp_tensor *t, const rp_memory *m, int y, int x, int c)
{
    return at(t, m) + c * t->ld + rp_plane_padding(t->w) + y * rp_row(t->w) + x;
}

static void clear_planes(const rp_tensor *t, const rp_memory *m, int lo, int hi)
{
    const int64_t size = (hi - lo) * t->ld + (hi == t->c ? rp_plane_padding(t->w) + RP_END_PADDING : 0);
    memset(at(t, m) + lo * t->ld, 0, (size_t)size * sizeof(float));
}

/* Zeros around the image of every channel, but for the two values behind each row. */
static void clear_padding(const rp_tensor *t, const rp_memory *m)
{
    const int64_t padding = rp_plane_padding(t->w), image = (int64_t)t->h * rp_row(t->w), rest = t->ld - image;
    float *zero = at(t, m);
    memset(zero, 0, (size_t)padding * sizeof *zero);
    for (int c = 1; c <= t->c; c++)
        memset(zero + c * t->ld + padding - rest, 0, (size_t)(c < t->c ? rest : rest + RP_END_PADDING) * sizeof *zero);
}

static void planar_stem(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.c, part, parts, &lo, &hi);
    clear_planes(&s->out, m, lo, hi);
    for (int n = lo; n < hi; n++)
        for (int y = 0; y < s->out.h; y++)
            for (int x = 0; x < s->out.w; x++) {
                const float v = convolve(s, m, s->k, s->stride, s->pad, m->weights + s->project, s->out.c, y, x, n);
                *planar_value(&s->out, m, y, x, n) = s->flags & RP_RELU6 ? clip6(v) : v;
            }
}

/* Sums of all outputs of a sparse stream at one pixel. */
static void combine_sparse(const rp_step *s, const rp_memory *m, const float *packed, int outputs, int y, int x,
                           float *sums)
{
    const rp_pair *pair = rp_pairs(packed, outputs);
    memcpy(sums, packed, (size_t)outputs * sizeof *sums);
    for (int first = 0; first < s->in.c; first += s->chunk)
        for (int n = 0; n < outputs; n += 2) {
            const rp_pair *head = pair++;
            for (int i = 0; i < head->count; i++, pair++)
                for (int q = 0; q < 2 && (q == 0 || head->output[1] != head->output[0]); q++)
                    sums[head->output[q]] =
                        fmaf(planar_value(&s->in, m, y, x, 0)[pair->at[q]], pair->weight[q], sums[head->output[q]]);
        }
}

static void planar_pointwise(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.h, part, parts, &lo, &hi);
    if (part == 0)
        clear_padding(&s->out, m);
    for (int y = lo; y < hi; y++) {
        for (int n = 0; n < s->out.c; n++)
            memset(planar_value(&s->out, m, y, s->out.w, n), 0, 2 * sizeof(float));
        for (int x = 0; x < s->out.w; x++) {
            combine_sparse(s, m, m->weights + s->project, s->out.c, y, x, m->scratch);
            for (int n = 0; n < s->out.c; n++) {
                float v = m->scratch[n];
                if (s->flags & RP_RELU6)
                    v = clip6(v);
                if (s->add.space >= 0)
                    v = v + *planar_value(&s->add, m, y, x, n);
                *planar_value(&s->out, m, y, x, n) = s->flags & RP_RELU6_SUM ? clip6(v) : v;
            }
        }
    }
}

/* A plane of depthwise results for channel c of the output, from channel `from` of planes. */
static void filter_plane(const rp_step *s, const rp_memory *m, const rp_tensor *planes, const rp_memory *where,
                         int from, int c)
{
    for (int y = 0; y < s->out.h; y++)
        for (int x = 0; x < s->out.w; x++) {
            const float *w =
                m->weights + s->depthwise + (int64_t)(c / RP_LANES * RP_LANES) * (s->k * s->k + 1) + c % RP_LANES;
            float acc = *w;
            for (int kx = 0; kx < s->k; kx++)
                for (int ky = 0; ky < s->k; ky++)
                    acc = fmaf(
                        *planar_value(planes, where, y * s->stride - s->pad + ky, x * s->stride - s->pad + kx, from),
                        *(w += RP_LANES), acc);
            *planar_value(&s->out, m, y, x, c) = s->flags & RP_RELU6_DEPTHWISE ? clip6(acc) : acc;
        }
}

static void planar_expand_depthwise(const rp_step *s, const rp_memory *m, int part, int parts)
{
    const float *packed = m->weights + s->expand;
    rp_tensor planes = s->in;
    planes.space = RP_BUFFERS - 1, planes.at = 0, planes.c = s->rows;
    planes.ld = rp_plane_padding(planes.w) + rp_padded_size(planes.h * rp_row(planes.w));
    rp_memory own = *m;
    own.space[RP_BUFFERS - 1] = m->scratch + s->out.c;
    clear_planes(&planes, &own, 0, planes.c);
    int lo, hi;
    share((s->out.c + s->rows - 1) / s->rows, part, parts, &lo, &hi);
    for (int group = lo; group < hi; group++) {
        const int c0 = group * s->rows, c1 = min(c0 + s->rows, s->out.c);
        for (int y = 0; y < s->in.h; y++)
            for (int x = 0; x < s->in.w; x++) {
                combine_sparse(s, m, packed + 4 * ((const rp_int *)packed)[group], c1 - c0, y, x, m->scratch);
                for (int c = c0; c < c1; c++)
                    *planar_value(&planes, &own, y, x, c - c0) =
                        s->flags & RP_RELU6_EXPAND ? clip6(m->scratch[c - c0]) : m->scratch[c - c0];
            }
        clear_planes(&s->out, m, c0, c1);
        for (int c = c0; c < c1; c++)
            filter_plane(s, m, &planes, &own, c - c0, c);
    }
}

static void planar_depthwise(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.c, part, parts, &lo, &hi);
    clear_planes(&s->out, m, lo, hi);
    for (int c = lo; c < hi; c++)
        filter_plane(s, m, &s->in, m, c, c);
}

static void planar_upsample(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.c, part, parts, &lo, &hi);
    clear_planes(&s->out, m, lo, hi);
    for (int c = lo; c < hi; c++)
        for (int y = 0; y < s->out.h; y++)
            for (int x = 0; x < s->out.w; x++) {
                int top, left;
                float ay, ax;
                half_pixel(y, s->in.h, &top, &ay);
                half_pixel(x, s->in.w, &left, &ax);
                const int bottom = min(top + 1, s->in.h - 1), right = min(left + 1, s->in.w - 1);
                const float tl = *planar_value(&s->in, m, top, left, c), tr = *planar_value(&s->in, m, top, right, c);
                const float bl = *planar_value(&s->in, m, bottom, left, c),
                            br = *planar_value(&s->in, m, bottom, right, c);
                const float t = tl + (tr - tl) * ax, b = bl + (br - bl) * ax;
                *planar_value(&s->out, m, y, x, c) = t + (b - t) * ay;
            }
}

static void planar_depth_to_space(const rp_step *s, const rp_memory *m, int part, int parts)
{
    int lo, hi;
    share(s->out.h, part, parts, &lo, &hi);
    for (int y = lo; y < hi; y++)
        for (int x = 0; x < s->out.w; x++)
            for (int c = 0; c < s->out.c; c++)
                finish(s, m, y, x, c, *planar_value(&s->in, m, y / 2, x / 2, (2 * (y % 2) + x % 2) * s->out.c + c));
}

rp_kernel *const rp_table_ref[RP_COUNT] = {
#define RP_ROW(name, check, scratch, text) [RP_##name] = name,
    RP_KERNELS(RP_ROW)
#undef RP_ROW
};
