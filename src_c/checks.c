/* What each kernel asks of a step, and how much scratch memory it takes: the functions that the rows of kernels.h
 * name.
 *
 * A check returns NULL, or what of the step does not fit. A step that passes reads and writes nothing but its
 * tensors, its weights and its scratch memory, and the plain and the fast kernel do the same with it. */
#include "program.h"

#include <stddef.h>

/* What a step may have besides an input and an output. */
enum { ADD = 1, GATE = 2, SUMS = 4, EXPANDS = 8 };

/* Where it may have an activation. */
enum {
    PROJECTION = RP_RELU6 | RP_ACT,
    DEPTHWISE = RP_RELU6_DEPTHWISE | RP_ACT_DEPTHWISE,
    EXPANSION = RP_RELU6_EXPAND | RP_ACT_EXPAND,
};

static int has(const rp_tensor *t) { return t->space != -1; }

/* A tensor lies inside its space; padding up to the next multiple of RP_LANES included where ld has room for it. */
static int fits(const rp_program *p, const rp_tensor *t)
{
    if (t->space < 0 || t->space >= p->spaces || t->h < 1 || t->w < 1 || t->c < 1 || t->h > RP_MAX_SIDE ||
        t->w > RP_MAX_SIDE || t->c > RP_MAX_CHANNELS || t->ld < t->c || t->ld > 2 * RP_MAX_CHANNELS || t->at < 0)
        return 0;
    /* of the last pixel: other tensors' channels may follow */
    const int64_t last = t->ld < rp_padded_channels(t->c) ? t->ld : rp_padded_channels(t->c);
    return t->at <= p->sizes[t->space] - ((int64_t)t->h * t->w - 1) * t->ld - last;
}

/* The same for planes. */
static int fits_planar(const rp_program *p, const rp_tensor *t)
{
    return t->space >= 0 && t->space < p->spaces && t->h >= 1 && t->w >= 1 && t->c >= 1 && t->h <= RP_MAX_SIDE &&
           t->w <= RP_MAX_SIDE && t->c <= RP_MAX_CHANNELS && t->at >= 0 && t->ld >= rp_plane(t->h, t->w, 1) &&
           t->ld <= 2 * RP_MAX_SIDE * RP_MAX_SIDE && t->at <= p->sizes[t->space] - rp_planes(t->w, t->c, t->ld);
}

/* Whole vectors of channels are read and written: ld must leave room for them. */
static int padded(const rp_tensor *t) { return t->ld % RP_LANES == 0; }

static int same_size(const rp_tensor *a, const rp_tensor *b) { return a->h == b->h && a->w == b->w; }

static int same_shape(const rp_tensor *a, const rp_tensor *b) { return same_size(a, b) && a->c == b->c; }

static int twice_as_large(const rp_tensor *large, const rp_tensor *small)
{
    return large->h == 2 * small->h && large->w == 2 * small->w;
}

static int inside(const rp_program *p, int64_t at, int64_t size) { return at >= 0 && at <= p->weights_size - size; }

/* Room for the sums of a tensor's rows; of a mean, for any number of rows. */
static int holds_sums(const rp_tensor *sums, const rp_tensor *t)
{
    return (sums->h == t->h || t->h == 1) && sums->w == 1 && sums->c == 2 * rp_padded_channels(t->c) &&
           sums->at % 2 == 0 && sums->ld % 2 == 0;
}

/* A window of k moved by `stride` over n inputs, `pad` zeros before them: the last of `out` windows still starts
 * inside. */
static int window_fits(int k, int stride, int pad, int n, int out)
{
    return k >= 1 && k <= 5 && stride >= 1 && stride <= 2 && pad >= 0 && pad < k && n >= 1 && n <= RP_MAX_SIDE &&
           out >= 1 && out <= RP_MAX_SIDE && (out - 1) * stride - pad < n;
}

/* Both sides of an image. */
static int windows_fit(int k, int stride, int pad, int h, int w, int out_h, int out_w)
{
    return window_fits(k, stride, pad, h, out_h) && window_fits(k, stride, pad, w, out_w);
}

/* Activations only where these flags allow them, and one at each place. */
static const char *flags_error(const rp_step *s, int flags)
{
    const int sum = has(&s->add) ? RP_RELU6_SUM : 0, other = RP_ACT | RP_ACT_DEPTHWISE | RP_ACT_EXPAND;
    const int both = (s->flags & RP_RELU6 && s->flags & RP_ACT) ||
                     (s->flags & RP_RELU6_EXPAND && s->flags & RP_ACT_EXPAND) ||
                     (s->flags & RP_RELU6_DEPTHWISE && s->flags & RP_ACT_DEPTHWISE);
    if (both || s->flags & ~(flags | sum | RP_ACTIVATIONS) || (s->flags & other && !(s->flags & RP_ACTIVATIONS)))
        return "activation";
    if (s->flags & RP_ACT_DEPTHWISE && (s->flags & RP_ACTIVATIONS) < RP_SWISH)
        return "activation";
    return has(&s->add) && s->flags & RP_ACT ? "activation" : NULL;
}

/* Interleaved tensors, as far as `parts` and `flags` allow. */
static const char *step_error(const rp_program *p, const rp_step *s, int parts, int flags)
{
    const rp_tensor *gate = &s->gate, *sums = &s->sums;
    if (!fits(p, &s->in))
        return "input tensor";
    if (!fits(p, &s->out))
        return "output tensor";
    if (has(&s->add) && (!(parts & ADD) || !fits(p, &s->add) || !same_shape(&s->add, &s->out)))
        return "residual tensor";
    if (has(gate) && (!(parts & GATE) || !fits(p, gate) || gate->h != 1 || gate->w != 1 || gate->c != s->in.c))
        return "gate tensor";
    if (has(sums) &&
        (!(parts & SUMS) || !fits(p, sums) || !holds_sums(sums, &s->out) || !(s->flags & RP_ACT_DEPTHWISE)))
        return "row sums";
    if (parts & EXPANDS ? s->mid < 1 || s->mid > RP_MAX_CHANNELS : s->mid != 0)
        return "expanded channels";
    return flags_error(s, flags);
}

static int64_t no_scratch(const rp_step *s, int plain)
{
    (void)s, (void)plain;
    return 0;
}

/* Dense convolutions of interleaved tensors. */

static const char *conv_error(const rp_program *p, const rp_step *s)
{
    const rp_tensor *in = &s->in, *out = &s->out;
    const char *error = step_error(p, s, 0, PROJECTION);
    if (error)
        return error;
    if (!windows_fit(s->k, s->stride, s->pad, in->h, in->w, out->h, out->w))
        return "window";
    return inside(p, s->project, rp_panels(s->k * s->k * in->c, out->c)) ? NULL : "weights";
}

/* Input rows that a convolution copies, their zero columns included. */
static int64_t copied_rows(int k, int stride, int columns, int channels)
{
    return (int64_t)k * ((int64_t)(columns - 1) * stride + k) * channels;
}

static int64_t conv_scratch(const rp_step *s, int plain)
{
    (void)plain;
    return copied_rows(s->k, s->stride, s->out.w, s->in.c);
}

static const char *pointwise_error(const rp_program *p, const rp_step *s)
{
    const char *error = step_error(p, s, ADD | GATE, PROJECTION);
    if (error)
        return error;
    if (!same_size(&s->in, &s->out) || s->k != 1 || s->stride != 1 || s->pad != 0)
        return "output size";
    if (has(&s->add) && !padded(&s->add))
        return "residual tensor";
    return inside(p, s->project, rp_panels(s->in.c, s->out.c)) ? NULL : "weights";
}

/* The weights times the gate. */
static int64_t pointwise_scratch(const rp_step *s, int plain)
{
    (void)plain;
    return has(&s->gate) ? rp_panels(s->in.c, s->out.c) : 0;
}

/* Depthwise convolutions, what comes before them and what comes behind: with ADD, a projection. */

static const char *windowed_error(const rp_program *p, const rp_step *s, int parts, int flags)
{
    const rp_tensor *in = &s->in, *out = &s->out;
    const int expands = parts & EXPANDS, projects = parts & ADD, channels = expands ? s->mid : in->c;
    const int h = expands ? s->mid_h : in->h, w = expands ? s->mid_w : in->w, mid = rp_padded_channels(channels);
    const char *error = step_error(p, s, parts, flags);
    if (error)
        return error;
    if ((s->k != 3 && s->k != 5) || !windows_fit(s->k, s->stride, s->pad, h, w, out->h, out->w) ||
        (expands && !windows_fit(s->expand_k, s->expand_stride, s->expand_pad, in->h, in->w, h, w)))
        return "window";
    if (s->rows < 1 || s->rows > RP_MAX_WINDOW || rp_window(s) > RP_MAX_WINDOW)
        return "tile";
    if (!projects && (channels != out->c || !padded(out)))
        return "output tensor";
    if (expands &&
        (s->chunk < RP_LANES || s->chunk % RP_LANES || (s->chunk < mid && (s->chunk % RP_PANEL || mid % RP_PANEL))))
        return "tile";
    if (has(&s->add) && !padded(&s->add))
        return "residual tensor";
    if (!inside(p, s->depthwise, rp_groups(s->k, channels)) ||
        (projects && !inside(p, s->project, rp_panels(channels, out->c))) ||
        (expands && !inside(p, s->expand, rp_panels(s->expand_k * s->expand_k * in->c, channels))))
        return "weights";
    return NULL;
}

static const char *depthwise_error(const rp_program *p, const rp_step *s)
{
    return windowed_error(p, s, SUMS, DEPTHWISE);
}

static const char *separable_error(const rp_program *p, const rp_step *s)
{
    return windowed_error(p, s, ADD, DEPTHWISE | PROJECTION);
}

static const char *bottleneck_error(const rp_program *p, const rp_step *s)
{
    return windowed_error(p, s, ADD | EXPANDS, EXPANSION | DEPTHWISE | PROJECTION);
}

static const char *expand_depthwise_error(const rp_program *p, const rp_step *s)
{
    return windowed_error(p, s, SUMS | EXPANDS, EXPANSION | DEPTHWISE);
}

/* The window, one row of zeros, the depthwise result, the rows that an expansion with a window copies. Plain: the
 * expanded rows that one output row needs, one pixel in between. */
static int64_t window_scratch(const rp_step *s, int plain)
{
    if (plain)
        return (int64_t)s->k * s->mid_w * s->mid + s->mid + s->in.c;
    const int64_t columns = (int64_t)(s->out.w - 1) * s->stride + s->k;
    const int c = rp_padded_channels(s->mid ? s->mid < s->chunk ? s->mid : s->chunk : s->in.c);
    return (1 + rp_window(s)) * columns * c + (int64_t)s->rows * s->out.w * c +
           (s->mid ? copied_rows(s->expand_k, s->expand_stride, s->mid_w, s->in.c) : 0);
}

/* Blocks of few channels on wide images. */

/* What stem_row asks for: 3x3 of three channels to half the size, one panel of weights. */
static int stem_fits(const rp_tensor *in, int k, int stride, int pad, int h, int w, int c)
{
    return in->c == 3 && in->ld == 3 && in->h == 2 * h && in->w == 2 * w && w % RP_LANES == 0 && c % 24 == 0 &&
           c <= RP_FEW_CHANNELS && k == 3 && stride == 2 && (pad == 0 || pad == 1);
}

static const char *few_channel_error(const rp_program *p, const rp_step *s, int parts)
{
    const rp_tensor *in = &s->in, *add = &s->add, *out = &s->out;
    const int stem = parts & EXPANDS, channels = stem ? s->mid : in->c, outputs = out->c;
    const char *error = step_error(p, s, parts, RP_RELU6 | RP_RELU6_DEPTHWISE | RP_RELU6_EXPAND);
    if (error)
        return error;
    if (channels % 8 || channels > RP_FEW_CHANNELS || outputs % 8 || outputs > RP_FEW_CHANNELS ||
        out->w % (2 * RP_LANES) || (stem ? s->mid_h != out->h || s->mid_w != out->w : !same_size(in, out)))
        return "tensors";
    if (has(add) && (add->space != in->space || add->at != in->at || add->ld != in->ld || in->c != out->c))
        return "residual tensor";
    if (s->k != 3 || s->stride != 1 || s->pad != 1 ||
        (stem && !stem_fits(in, s->expand_k, s->expand_stride, s->expand_pad, s->mid_h, s->mid_w, s->mid)))
        return "window";
    const int clamps = RP_RELU6_DEPTHWISE | (stem ? RP_RELU6_EXPAND : 0);
    if ((s->flags & ~(has(add) ? RP_RELU6_SUM : RP_RELU6)) != clamps)
        return "activation";
    if (!inside(p, s->depthwise, rp_groups(3, channels)) || !inside(p, s->project, rp_panels(channels, outputs)) ||
        (stem && !inside(p, s->expand, rp_panels(27, channels))))
        return "weights";
    return NULL;
}

static const char *few_channel_separable_error(const rp_program *p, const rp_step *s)
{
    return few_channel_error(p, s, ADD);
}

static const char *few_channel_stem_error(const rp_program *p, const rp_step *s)
{
    return few_channel_error(p, s, EXPANDS);
}

/* A level of what the depthwise convolution reads, behind that of the stem's input, and two rows of results. */
static int64_t few_channel_scratch(const rp_step *s, int plain)
{
    if (plain)
        return window_scratch(s, plain);
    const int w = s->out.w, slots = RP_FEW_CHANNEL_SLOTS;
    return rp_level_size(w, s->mid ? s->mid : s->in.c, slots) + (s->mid ? rp_level_size(w, RP_STEM_PLANES, slots) : 0) +
           2 * s->out.c * rp_level_row(w);
}

static const char *mask_head_error(const rp_program *p, const rp_step *s)
{
    const rp_tensor *in = &s->in, *add = &s->add, *out = &s->out;
    if (!fits(p, in))
        return "input tensor";
    if (!fits(p, out))
        return "output tensor";
    if (!has(add) || !fits(p, add))
        return "residual tensor";
    if (in->c != RP_MASK_HEAD_CHANNELS || in->h < 2 || in->w % 32 || !padded(in) || !twice_as_large(add, in) ||
        add->c != in->c || !padded(add) || !twice_as_large(out, add) || out->c != 1 || out->ld != 1 || has(&s->gate) ||
        has(&s->sums) || s->mid)
        return "tensors";
    if (s->flags)
        return "activation";
    if (!inside(p, s->depthwise, 4 * RP_MASK_HEAD_BLOCK) ||
        !inside(p, s->project, rp_panels(9 * RP_MASK_HEAD_CHANNELS, 1)))
        return "weights";
    return NULL;
}

/* Three levels at each size, that of the input, two widened rows for each enlargement. Plain: two tensors at each
 * size. */
static int64_t mask_head_scratch(const rp_step *s, int plain)
{
    const int h = s->out.h, w = s->out.w, c = RP_MASK_HEAD_CHANNELS, slots = RP_MASK_HEAD_SLOTS;
    if (plain)
        return (int64_t)h * w * c * 5 / 2 + c;
    return 3 * rp_level_size(w, c, slots) + 3 * rp_level_size(w / 2, c, slots) + rp_level_size(w / 4, c, slots) +
           4 * c * w;
}

/* Planes. */

/* Sparse weights of `outputs` outputs: the stream at packed ends before `end`, every output comes once in every chunk,
 * every input is a channel of its chunk. */
static int stream_is_sound(const rp_tensor *in, const float *packed, const float *end, int outputs, int chunk)
{
    if (end - packed < (outputs + 3) / 4 * 4)
        return 0;
    const rp_pair *pair = rp_pairs(packed, outputs), *const last = pair + (end - (const float *)pair) / 4;
    for (int first = 0; first < in->c; first += chunk) {
        unsigned char seen[RP_MAX_CHANNELS] = {0};
        for (int n = 0; n < outputs; n += 2) {
            if (pair >= last || pair->count < 0 || pair->count >= last - pair)
                return 0;
            for (int q = 0; q < 2; q++) {
                const int32_t output = pair->output[q];
                if (output < 0 || output >= outputs ||
                    (seen[output]++ && !(q && output == pair->output[0] && n + 1 == outputs)))
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

/* One stream for all outputs. */
static int stream_fits(const rp_program *p, const rp_step *s, int64_t at)
{
    return s->chunk >= 1 && s->chunk <= RP_MAX_CHANNELS && at % 4 == 0 && inside(p, at, 0) &&
           stream_is_sound(&s->in, p->weights + at, p->weights + p->weights_size, s->out.c, s->chunk);
}

/* One for each group of s->rows outputs. */
static int streams_fit(const rp_program *p, const rp_step *s, int64_t at)
{
    const float *packed = p->weights + at, *end = p->weights + p->weights_size;
    const int groups = (s->out.c + s->rows - 1) / s->rows;
    if (s->chunk < 1 || s->chunk > RP_MAX_CHANNELS || at % 4 || !inside(p, at, groups))
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

/* Tensors in planes but for those that `interleaved` names, as far as `parts` and `flags` allow. */
enum { INPUT = 1, OUTPUT = 2 };

static const char *planar_error(const rp_program *p, const rp_step *s, int interleaved, int parts, int flags)
{
    if (!(interleaved & INPUT ? fits : fits_planar)(p, &s->in))
        return "input tensor";
    if (!(interleaved & OUTPUT ? fits : fits_planar)(p, &s->out))
        return "output tensor";
    if (has(&s->add) && (!(parts & ADD) || !fits_planar(p, &s->add) || !same_shape(&s->add, &s->out)))
        return "residual tensor";
    if (has(&s->gate) || has(&s->sums))
        return "tensors";
    if (s->mid != (parts & EXPANDS ? s->out.c : 0))
        return "expanded channels";
    return flags_error(s, flags);
}

static const char *planar_stem_error(const rp_program *p, const rp_step *s)
{
    const char *error = planar_error(p, s, INPUT, 0, RP_RELU6);
    if (error)
        return error;
    if (!stem_fits(&s->in, s->k, s->stride, s->pad, s->out.h, s->out.w, s->out.c))
        return "window";
    if (s->flags != RP_RELU6)
        return "activation";
    return inside(p, s->project, rp_panels(27, s->out.c)) ? NULL : "weights";
}

static int64_t planar_stem_scratch(const rp_step *s, int plain)
{
    (void)plain;
    return rp_level_size(s->out.w, RP_STEM_PLANES, RP_FEW_CHANNEL_SLOTS);
}

static const char *planar_pointwise_error(const rp_program *p, const rp_step *s)
{
    const char *error = planar_error(p, s, 0, ADD, RP_RELU6);
    if (error)
        return error;
    if (!same_size(&s->in, &s->out))
        return "output tensor";
    return stream_fits(p, s, s->project) ? NULL : "weights";
}

static int64_t planar_pointwise_scratch(const rp_step *s, int plain)
{
    return plain ? s->out.c : rp_plane_mask(s->out.h, s->out.w);
}

/* A window of planes, of which the last reaches no further than the zeros around the image. */
static int planar_window_fits(const rp_step *s)
{
    const rp_tensor *in = &s->in, *out = &s->out;
    return (s->k == 3 || s->k == 5) && s->pad <= 2 && (s->stride == 1 || in->w % 2 == 0) &&
           windows_fit(s->k, s->stride, s->pad, in->h, in->w, out->h, out->w) &&
           (out->h - 1) * s->stride + s->k - s->pad <= in->h + 2 &&
           (out->w - 1) * s->stride + s->k - s->pad <= in->w + 2;
}

static const char *planar_depthwise_error(const rp_program *p, const rp_step *s)
{
    const char *error = planar_error(p, s, 0, 0, RP_RELU6_DEPTHWISE);
    if (error)
        return error;
    if (s->in.c != s->out.c || !planar_window_fits(s))
        return "window";
    return inside(p, s->depthwise, rp_groups(s->k, s->out.c)) ? NULL : "weights";
}

static int64_t planar_depthwise_scratch(const rp_step *s, int plain)
{
    return plain ? 0 : rp_plane_mask(s->out.h, s->out.w) + rp_planes(s->in.w, 1, rp_plane(s->in.h, s->in.w, s->stride));
}

static const char *planar_expand_depthwise_error(const rp_program *p, const rp_step *s)
{
    const char *error = planar_error(p, s, 0, EXPANDS, RP_RELU6_EXPAND | RP_RELU6_DEPTHWISE);
    if (error)
        return error;
    if (s->rows < 1 || s->rows > RP_MAX_CHANNELS)
        return "tile";
    if (!streams_fit(p, s, s->expand))
        return "weights";
    if (!planar_window_fits(s))
        return "window";
    return inside(p, s->depthwise, rp_groups(s->k, s->out.c)) ? NULL : "weights";
}

/* Two masks and the expanded planes of a group. Plain: one pixel of all channels and the planes. */
static int64_t planar_expand_depthwise_scratch(const rp_step *s, int plain)
{
    const int h = s->in.h, w = s->in.w;
    if (plain)
        return s->out.c + rp_planes(w, s->rows, rp_plane(h, w, 1));
    return rp_plane_mask(h, w) + rp_plane_mask(s->out.h, s->out.w) + rp_planes(w, s->rows, rp_plane(h, w, s->stride));
}

static const char *planar_upsample_error(const rp_program *p, const rp_step *s)
{
    const char *error = planar_error(p, s, 0, 0, 0);
    if (error)
        return error;
    return twice_as_large(&s->out, &s->in) && s->in.c == s->out.c ? NULL : "output tensor";
}

/* A mask, which columns are edges, all widened rows. */
static int64_t planar_upsample_scratch(const rp_step *s, int plain)
{
    return plain ? 0 : rp_plane_mask(s->out.h, s->out.w) + (int64_t)(1 + s->in.h) * (2 * s->in.w + 32) + 64;
}

static const char *planar_depth_to_space_error(const rp_program *p, const rp_step *s)
{
    const char *error = planar_error(p, s, OUTPUT, 0, 0);
    if (error)
        return error;
    return twice_as_large(&s->out, &s->in) && s->in.c == 4 * s->out.c ? NULL : "output tensor";
}

/* What moves, adds or resizes values. */

static const char *add_error(const rp_program *p, const rp_step *s)
{
    const char *error = step_error(p, s, ADD, 0);
    if (error)
        return error;
    if (!same_shape(&s->in, &s->out) || !has(&s->add) || !padded(&s->in) || !padded(&s->add) || !padded(&s->out))
        return "tensors";
    return NULL;
}

static const char *upsample_error(const rp_program *p, const rp_step *s)
{
    const char *error = step_error(p, s, ADD, 0);
    if (error)
        return error;
    if (!twice_as_large(&s->out, &s->in) || s->in.c != s->out.c || !padded(&s->in) || !padded(&s->out) ||
        (has(&s->add) && !padded(&s->add)))
        return "tensors";
    return NULL;
}

/* Two widened rows. */
static int64_t upsample_scratch(const rp_step *s, int plain)
{
    return plain ? 0 : 4 * (int64_t)s->in.w * rp_padded_channels(s->in.c);
}

static const char *enlarge_error(const rp_program *p, const rp_step *s)
{
    const char *error = step_error(p, s, 0, 0);
    if (error)
        return error;
    return twice_as_large(&s->out, &s->in) && s->in.c == s->out.c && padded(&s->in) && padded(&s->out) ? NULL
                                                                                                       : "tensors";
}

/* A row between two. */
static int64_t enlarge_scratch(const rp_step *s, int plain)
{
    return plain ? 0 : (int64_t)s->in.w * rp_padded_channels(s->in.c);
}

static const char *max_pool_error(const rp_program *p, const rp_step *s)
{
    const char *error = step_error(p, s, 0, 0);
    if (error)
        return error;
    return twice_as_large(&s->in, &s->out) && s->in.c <= s->out.c && padded(&s->in) && padded(&s->out) ? NULL
                                                                                                       : "tensors";
}

static const char *average_pool_error(const rp_program *p, const rp_step *s)
{
    const char *error = step_error(p, s, 0, 0);
    if (error)
        return error;
    return twice_as_large(&s->in, &s->out) && s->in.c == s->out.c ? NULL : "tensors";
}

static const char *row_sums_error(const rp_program *p, const rp_step *s)
{
    const char *error = step_error(p, s, 0, 0);
    if (error)
        return error;
    return holds_sums(&s->out, &s->in) && padded(&s->in) ? NULL : "tensors";
}

static const char *mean_error(const rp_program *p, const rp_step *s)
{
    const char *error = step_error(p, s, 0, 0);
    if (error)
        return error;
    return holds_sums(&s->in, &s->out) && s->out.h == 1 && s->out.w == 1 && s->mid_w > 0 ? NULL : "tensors";
}

static const char *depth_to_space_error(const rp_program *p, const rp_step *s)
{
    const char *error = step_error(p, s, 0, 0);
    if (error)
        return error;
    return twice_as_large(&s->out, &s->in) && s->in.c == 4 * s->out.c ? NULL : "tensors";
}

static const char *copy_error(const rp_program *p, const rp_step *s)
{
    const char *error = step_error(p, s, 0, 0);
    if (error)
        return error;
    return same_size(&s->in, &s->out) && s->in.c <= s->out.c ? NULL : "tensors";
}

static const char *logistic_error(const rp_program *p, const rp_step *s)
{
    const char *error = step_error(p, s, 0, 0);
    if (error)
        return error;
    return same_shape(&s->in, &s->out) ? NULL : "tensors";
}

const rp_contract rp_contracts[RP_COUNT] = {
#define RP_ROW(name, check, scratch, text) [RP_##name] = {#name, text, check, scratch},
    RP_KERNELS(RP_ROW)
#undef RP_ROW
};
