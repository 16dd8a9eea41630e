#include "program.h"

#include <stddef.h>

const char *const rp_kernel_names[RP_COUNT] = {
#define RP_ROW(name, what) #name,
    RP_KERNELS(RP_ROW)
#undef RP_ROW
};

enum { MAX_SIDE = 1 << 13, MAX_CHANNELS = 1 << 13, MAX_WINDOW = 64 };

/* A tensor lies inside its space; slack up to the next multiple of RP_LANES included where ld has room for it. */
static int fits(const rp_program *p, const rp_tensor *t)
{
    if (t->space < 0 || t->space >= p->spaces || t->h < 1 || t->w < 1 || t->c < 1 || t->h > MAX_SIDE || t->w > MAX_SIDE ||
        t->c > MAX_CHANNELS || t->ld < t->c || t->ld > 2 * MAX_CHANNELS || t->at < 0)
        return 0;
    const int64_t last = t->ld < rp_lanes(t->c) ? t->ld : rp_lanes(t->c); /* of the last pixel, other tensors' channels may follow */
    return t->at <= p->sizes[t->space] - ((int64_t)t->h * t->w - 1) * t->ld - last;
}

static int64_t panels(int inputs, int outputs) { return (int64_t)rp_lanes(outputs) * (inputs + 1); }

static int inside(const rp_program *p, int64_t at, int64_t size) { return at >= 0 && at <= p->weights_size - size; }

/* A window of k moved by `stride` over n inputs, `pad` zeros before them: the last of `out` windows still starts inside. */
static int window_fits(int k, int stride, int pad, int n, int out)
{
    return k >= 1 && k <= 5 && stride >= 1 && stride <= 2 && pad >= 0 && pad < k && n >= 1 && n <= MAX_SIDE && out >= 1 &&
           out <= MAX_SIDE && (out - 1) * stride - pad < n;
}

/* Both sides of an image. */
static int windows_fit(int k, int stride, int pad, int h, int w, int out_h, int out_w)
{
    return window_fits(k, stride, pad, h, out_h) && window_fits(k, stride, pad, w, out_w);
}

/* The same for planes. */
static int fits_planar(const rp_program *p, const rp_tensor *t)
{
    return t->space >= 0 && t->space < p->spaces && t->h >= 1 && t->w >= 1 && t->c >= 1 && t->h <= MAX_SIDE && t->w <= MAX_SIDE &&
           t->c <= MAX_CHANNELS && t->at >= 0 && t->ld >= rp_margin(t->w) + rp_lanes(t->h * rp_row(t->w)) &&
           t->ld <= 2 * MAX_SIDE * MAX_SIDE && t->at <= p->sizes[t->space] - rp_planes(t->w, t->c, t->ld);
}

/* Sparse weights of `outputs` outputs: the stream at packed ends before `end`, every output comes once in every chunk, every input is a
 * channel of its chunk. */
static int stream_is_sound(const rp_tensor *in, const float *packed, const float *end, int outputs, int chunk)
{
    if (end - packed < (outputs + 3) / 4 * 4)
        return 0;
    const rp_pair *pair = rp_pairs(packed, outputs), *const last = pair + (end - (const float *)pair) / 4;
    for (int first = 0; first < in->c; first += chunk) {
        unsigned char seen[MAX_CHANNELS] = {0};
        for (int n = 0; n < outputs; n += 2) {
            if (pair >= last || pair->count < 0 || pair->count >= last - pair)
                return 0;
            for (int q = 0; q < 2; q++) {
                const int32_t output = pair->output[q];
                if (output < 0 || output >= outputs || (seen[output]++ && !(q && output == pair->output[0] && n + 1 == outputs)))
                    return 0;
            }
            const int32_t count = pair++->count;
            for (int32_t i = 0; i < count; i++, pair++)
                for (int q = 0; q < 2; q++) {
                    const int64_t channel = pair->at[q] / in->ld;
                    if (pair->at[q] % in->ld || channel < first || channel >= first + chunk || channel >= in->c)
                        return 0;
                }
        }
    }
    return 1;
}

static int sparse_is_sound(const rp_program *p, const rp_step *s)
{
    const int64_t at = s->kernel == RP_planar_pointwise ? s->project : s->expand;
    const float *packed = p->weights + at, *end = p->weights + p->weights_size;
    if (s->chunk < 1 || s->chunk > MAX_CHANNELS || at % 4 || !inside(p, at, 0))
        return 0;
    if (s->kernel == RP_planar_pointwise)
        return stream_is_sound(&s->in, packed, end, s->out.c, s->chunk);
    const int groups = (s->out.c + s->rows - 1) / s->rows;
    if (!inside(p, at, groups))
        return 0;
    for (int group = 0; group < groups; group++) {
        const int64_t start = 4 * (int64_t)((const rp_int *)packed)[group];
        const int left = s->out.c - group * s->rows;
        if (start < 0 || start > end - packed ||
            !stream_is_sound(&s->in, packed + start, end, left < s->rows ? left : s->rows, s->chunk))
            return 0;
    }
    return 1;
}

/* What stem_row asks for: 3x3 of three channels to half the size, one panel of weights. */
static int stem_fits(const rp_tensor *in, int k, int stride, int pad, int h, int w, int c)
{
    return in->c == 3 && in->ld == 3 && in->h == 2 * h && in->w == 2 * w && w % RP_LANES == 0 && c % 24 == 0 && c <= RP_NARROW &&
           k == 3 && stride == 2 && (pad == 0 || pad == 1);
}

static const char *planar_error(const rp_program *p, const rp_step *s)
{
    const rp_tensor *in = &s->in, *add = &s->add, *out = &s->out;
    if (s->kernel == RP_planar_stem ? !fits(p, in) : !fits_planar(p, in))
        return "input tensor";
    if (s->kernel == RP_planar_depth_to_space ? !fits(p, out) : !fits_planar(p, out))
        return "output tensor";
    if (add->space != -1 && (s->kernel != RP_planar_pointwise || !fits_planar(p, add) || add->h != out->h || add->w != out->w ||
                             add->c != out->c))
        return "residual tensor";
    switch (s->kernel) {
    case RP_planar_stem:
        if (!stem_fits(in, s->k, s->stride, s->pad, out->h, out->w, out->c))
            return "window";
        if (s->flags != RP_RELU6)
            return "activation";
        return inside(p, s->project, panels(27, out->c)) ? NULL : "weights";
    case RP_planar_pointwise:
        if (in->h != out->h || in->w != out->w)
            return "output tensor";
        return sparse_is_sound(p, s) ? NULL : "weights";
    case RP_planar_expand_depthwise:
        if (s->rows < 1 || s->rows > MAX_CHANNELS)
            return "tile";
        if (!sparse_is_sound(p, s))
            return "weights";
        /* fall through */
    case RP_planar_depthwise:
        if ((s->k != 3 && s->k != 5) || s->pad > 2 || (s->kernel == RP_planar_depthwise && in->c != out->c) ||
            (s->stride == 2 && in->w % 2) ||
            !windows_fit(s->k, s->stride, s->pad, in->h, in->w, out->h, out->w) ||
            (out->h - 1) * s->stride + s->k - s->pad > in->h + 2 || (out->w - 1) * s->stride + s->k - s->pad > in->w + 2)
            return "window";
        return inside(p, s->depthwise, (int64_t)rp_lanes(out->c) * (s->k * s->k + 1)) ? NULL : "weights";
    case RP_planar_upsample:
        return out->h == 2 * in->h && out->w == 2 * in->w && in->c == out->c ? NULL : "output tensor";
    default:
        return out->h == 2 * in->h && out->w == 2 * in->w && in->c == 4 * out->c ? NULL : "output tensor";
    }
}

/* Whole vectors of channels are read and written: ld must leave room for them. */
static int padded(const rp_tensor *t) { return t->ld % RP_LANES == 0; }

/* Room for the sums of a tensor's rows; of a mean, for any number of rows. */
static int holds_sums(const rp_tensor *sums, const rp_tensor *t)
{
    return (sums->h == t->h || t->h == 1) && sums->w == 1 && sums->c == 2 * rp_lanes(t->c) && sums->at % 2 == 0 && sums->ld % 2 == 0;
}

/* What the narrow kernels ask for beyond what separable and bottleneck do. */
static const char *narrow_error(const rp_program *p, const rp_step *s)
{
    const int stem = s->kernel == RP_narrow_stem, channels = stem ? s->mid : s->in.c, outputs = s->out.c;
    const rp_tensor *in = &s->in, *add = &s->add, *out = &s->out;
    if (channels % 8 || channels > RP_NARROW || outputs % 8 || outputs > RP_NARROW || out->w % (2 * RP_LANES) ||
        (stem ? s->mid_h != out->h || s->mid_w != out->w : in->h != out->h || in->w != out->w))
        return "tensors";
    if (add->space != -1 && (stem || add->space != in->space || add->at != in->at || add->ld != in->ld || in->c != out->c))
        return "residual tensor";
    if (s->k != 3 || s->stride != 1 || s->pad != 1 ||
        (stem && !stem_fits(in, s->expand_k, s->expand_stride, s->expand_pad, s->mid_h, s->mid_w, s->mid)))
        return "window";
    const int sum = add->space != -1 ? RP_RELU6_SUM : RP_RELU6, inner = RP_RELU6_DEPTHWISE | (stem ? RP_RELU6_EXPAND : 0);
    if ((s->flags & ~sum) != inner)
        return "activation";
    return inside(p, s->depthwise, (int64_t)rp_lanes(channels) * 10) && inside(p, s->project, panels(channels, outputs)) &&
                   (!stem || inside(p, s->expand, panels(27, channels)))
               ? NULL
               : "weights";
}

static const char *step_error(const rp_program *p, const rp_step *s)
{
    const rp_tensor *in = &s->in, *add = &s->add, *out = &s->out;
    if (s->kernel < 0 || s->kernel >= RP_COUNT)
        return "kernel";
    if (s->kernel >= RP_planar_stem && s->kernel <= RP_planar_depth_to_space)
        return planar_error(p, s);
    if (!fits(p, in))
        return "input tensor";
    if (!fits(p, out))
        return "output tensor";
    if (add->space != -1 && (!fits(p, add) || (s->kernel != RP_tail && (add->h != out->h || add->w != out->w || add->c != out->c))))
        return "residual tensor";
    const rp_tensor *gate = &s->gate, *sums = &s->sums;
    if (gate->space != -1 && (s->kernel != RP_pointwise || !fits(p, gate) || gate->h != 1 || gate->w != 1 || gate->c != in->c))
        return "gate tensor";
    if (add->space != -1 && s->flags & RP_ACT)
        return "activation";
    const int same = in->h == out->h && in->w == out->w;
    if (sums->space != -1 && ((s->kernel != RP_depthwise && s->kernel != RP_expand_depthwise) || !fits(p, sums) ||
                              !holds_sums(sums, out) || !(s->flags & RP_ACT_DEPTHWISE)))
        return "row sums";
    if (s->flags & RP_ACT_DEPTHWISE && (s->flags & RP_ACTIVATIONS) < RP_SWISH)
        return "activation";
    const int expands = s->kernel == RP_bottleneck || s->kernel == RP_expand_depthwise || s->kernel == RP_narrow_stem;
    const int projects = s->kernel == RP_bottleneck || s->kernel == RP_separable;
    if (expands ? s->mid < 1 || s->mid > MAX_CHANNELS : s->mid != 0)
        return "expanded channels";
    const int channels = expands ? s->mid : in->c;
    switch (s->kernel) {
    case RP_conv:
        if (add->space != -1)
            return "residual tensor";
        if (!windows_fit(s->k, s->stride, s->pad, in->h, in->w, out->h, out->w))
            return "window";
        return inside(p, s->project, panels(s->k * s->k * in->c, out->c)) ? NULL : "weights";
    case RP_pointwise:
        if (!same || s->k != 1 || s->stride != 1 || s->pad != 0)
            return "output size";
        if (add->space != -1 && !padded(add))
            return "residual tensor";
        return inside(p, s->project, panels(in->c, out->c)) ? NULL : "weights";
    case RP_depthwise:
    case RP_separable:
    case RP_bottleneck:
    case RP_expand_depthwise:
        if (expands ? !windows_fit(s->expand_k, s->expand_stride, s->expand_pad, in->h, in->w, s->mid_h, s->mid_w) ||
                          !windows_fit(s->k, s->stride, s->pad, s->mid_h, s->mid_w, out->h, out->w)
                    : !windows_fit(s->k, s->stride, s->pad, in->h, in->w, out->h, out->w))
            return "window";
        if (s->k != 3 && s->k != 5)
            return "window";
        if (s->rows < 1 || s->rows > MAX_WINDOW || rp_window(s) > MAX_WINDOW)
            return "tile";
        if (!projects && (channels != out->c || !padded(out) || add->space != -1))
            return "output tensor";
        if (expands && (s->chunk < RP_LANES || s->chunk % RP_LANES ||
                        (s->chunk < rp_lanes(s->mid) && (s->chunk % 48 || rp_lanes(s->mid) % 48))))
            return "tile";
        if (add->space != -1 && !padded(add))
            return "residual tensor";
        if (!inside(p, s->depthwise, (int64_t)rp_lanes(channels) * (s->k * s->k + 1)) ||
            (projects && !inside(p, s->project, panels(channels, out->c))) ||
            (expands && !inside(p, s->expand, panels(s->expand_k * s->expand_k * in->c, s->mid))))
            return "weights";
        return NULL;
    case RP_narrow_separable:
    case RP_narrow_stem:
        return narrow_error(p, s);
    case RP_tail:
        if (in->c != RP_TAIL_CHANNELS || add->space == -1 || in->h < 2 || in->w % 32 || !padded(in) ||
            add->h != 2 * in->h || add->w != 2 * in->w || add->c != in->c || !padded(add) ||
            out->h != 4 * in->h || out->w != 4 * in->w || out->c != 1 || out->ld != 1)
            return "tensors";
        return inside(p, s->depthwise, 4 * RP_TAIL_BLOCK) && inside(p, s->project, panels(9 * RP_TAIL_CHANNELS, 1)) ? NULL : "weights";
    case RP_add:
        if (!same || in->c != out->c || add->space == -1 || !padded(in) || !padded(add) || !padded(out))
            return "tensors";
        return NULL;
    case RP_upsample:
        if (out->h != 2 * in->h || out->w != 2 * in->w || in->c != out->c || !padded(in) || !padded(out) ||
            (add->space != -1 && !padded(add)))
            return "tensors";
        return NULL;
    case RP_max_pool:
        if (in->h != 2 * out->h || in->w != 2 * out->w || in->c > out->c || !padded(in) || !padded(out) || add->space != -1)
            return "tensors";
        return NULL;
    case RP_average_pool:
        return in->h == 2 * out->h && in->w == 2 * out->w && in->c == out->c && add->space == -1 ? NULL : "tensors";
    case RP_row_sums:
        return holds_sums(out, in) && padded(in) && add->space == -1 ? NULL : "tensors";
    case RP_mean:
        return holds_sums(in, out) && out->h == 1 && out->w == 1 && s->mid_w > 0 && add->space == -1 ? NULL : "tensors";
    case RP_enlarge:
        if (out->h != 2 * in->h || out->w != 2 * in->w || in->c != out->c || !padded(in) || !padded(out) || add->space != -1)
            return "tensors";
        return NULL;
    case RP_depth_to_space:
        return out->h == 2 * in->h && out->w == 2 * in->w && in->c == 4 * out->c ? NULL : "tensors";
    case RP_copy:
        return same && in->c <= out->c ? NULL : "tensors";
    default:
        return same && in->c == out->c ? NULL : "tensors";
    }
}

/* Input rows that a convolution copies, their zero columns included. */
static int64_t copied(int k, int stride, int columns, int channels)
{
    return (int64_t)k * ((int64_t)(columns - 1) * stride + k) * channels;
}

static int64_t scratch(const rp_step *s, int plain)
{
    const int64_t column = (int64_t)(s->out.w - 1) * s->stride + s->k;
    const int c = rp_lanes(s->mid ? s->mid < s->chunk ? s->mid : s->chunk : s->in.c);
    switch (s->kernel) {
    case RP_conv:
        return copied(s->k, s->stride, s->out.w, s->in.c);
    case RP_depthwise:
    case RP_separable:
    case RP_bottleneck:
    case RP_expand_depthwise:
        return plain ? (int64_t)s->k * s->mid_w * s->mid + s->mid + s->in.c
                     : (1 + rp_window(s)) * column * c + (int64_t)s->rows * s->out.w * c +
                           (s->mid ? copied(s->expand_k, s->expand_stride, s->mid_w, s->in.c) : 0);
    case RP_narrow_separable:
    case RP_narrow_stem: {
        /* four rows and one of zeros of each level, two rows of results */
        const int64_t stem = s->kernel == RP_narrow_stem, row = s->out.w + 32;
        return plain ? (stem ? (int64_t)s->k * s->mid_w * s->mid : 0) + s->mid + s->in.c
                     : row * (stem ? 5 * (6 + s->mid) : 5 * s->in.c) + row * 2 * s->out.c;
    }
    case RP_tail: {
        /* three levels at each size, the input, two widened rows for each enlargement; plain: two tensors at each size */
        const int64_t w = s->out.w, rows = 9 * RP_TAIL_CHANNELS;
        return plain ? (int64_t)s->out.h * w * RP_TAIL_CHANNELS * 5 / 2 + RP_TAIL_CHANNELS
                     : rows * (3 * (w + 32) + 3 * (w / 2 + 32) + (w / 4 + 32)) + 4 * RP_TAIL_CHANNELS * w;
    }
    case RP_planar_stem:
        return (int64_t)(s->out.w + 32) * 5 * 6; /* the same rows of the input */
    case RP_planar_pointwise:
        return rp_plane_mask(s->out.h, s->out.w) + s->out.c;
    case RP_planar_depthwise:
        return rp_plane_mask(s->out.h, s->out.w) + rp_planes(s->in.w, 1, rp_plane(s->in.h, s->in.w, s->stride));
    case RP_planar_expand_depthwise:
        return rp_plane_mask(s->in.h, s->in.w) + rp_plane_mask(s->out.h, s->out.w) + (int64_t)s->out.c +
               rp_planes(s->in.w, s->rows, rp_plane(s->in.h, s->in.w, s->stride));
    case RP_planar_upsample:
        return rp_plane_mask(s->out.h, s->out.w) + (int64_t)(1 + s->in.h) * (2 * s->in.w + 32) + 64;
    case RP_pointwise:
        return s->gate.space < 0 ? 0 : panels(s->in.c, s->out.c);
    case RP_enlarge:
        return (int64_t)s->in.w * rp_lanes(s->in.c);
    case RP_upsample:
        return 4 * (int64_t)s->in.w * rp_lanes(s->in.c);
    default:
        return 0;
    }
}

const char *rp_check(rp_program *p, int *bad)
{
    p->scratch = 0;
    for (*bad = 0; *bad < p->count; ++*bad) {
        const char *error = step_error(p, &p->steps[*bad]);
        if (error)
            return error;
        const int64_t need = scratch(&p->steps[*bad], p->table == rp_table_ref);
        if (p->scratch < need)
            p->scratch = need;
    }
    return NULL;
}

void rp_run(const rp_program *p, const rp_memory *memory, int part, int parts, void (*barrier)(void *), void *pool)
{
    for (int i = 0; i < p->count; i++) {
        p->table[p->steps[i].kernel](&p->steps[i], memory, part, parts);
        if (barrier)
            barrier(pool);
    }
}
