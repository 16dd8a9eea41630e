/* expf, sinf, cosf and atan2f rounded correctly, as MediaPipe 1.x has them. libm.h has the other set.
 *
 * The same lines as refpose/stages/rounded.py, where they are described, for one number at a time: pairs of doubles
 * that hold about 104 bits, rounded once. Only expf works on many numbers; it is computed in double, and anew where
 * that cannot decide. */
#ifndef RP_ROUNDED_H
#define RP_ROUNDED_H

#include "libm.h"

typedef struct {
    double high, low;
} rp_dd;

/* Coefficients of Taylor series. */
static const rp_dd rp_exp_series[24] = {{0x1.0000000000000p+0, 0},
                                        {0x1.0000000000000p+0, 0},
                                        {0x1.0000000000000p-1, 0},
                                        {0x1.5555555555555p-3, 0x1.5555555555555p-57},
                                        {0x1.5555555555555p-5, 0x1.5555555555555p-59},
                                        {0x1.1111111111111p-7, 0x1.1111111111111p-63},
                                        {0x1.6c16c16c16c17p-10, -0x1.f49f49f49f49fp-65},
                                        {0x1.a01a01a01a01ap-13, 0x1.a01a01a01a01ap-73},
                                        {0x1.a01a01a01a01ap-16, 0x1.a01a01a01a01ap-76},
                                        {0x1.71de3a556c734p-19, -0x1.c154f8ddc6c00p-73},
                                        {0x1.27e4fb7789f5cp-22, 0x1.cbbc05b4fa99ap-76},
                                        {0x1.ae64567f544e4p-26, -0x1.c062e06d1f209p-80},
                                        {0x1.1eed8eff8d898p-29, -0x1.2aec959e14c06p-83},
                                        {0x1.6124613a86d09p-33, 0x1.f28e0cc748ebep-87},
                                        {0x1.93974a8c07c9dp-37, 0x1.05d6f8a2efd1fp-92},
                                        {0x1.ae7f3e733b81fp-41, 0x1.1d8656b0ee8cbp-97},
                                        {0x1.ae7f3e733b81fp-45, 0x1.1d8656b0ee8cbp-101},
                                        {0x1.952c77030ad4ap-49, 0x1.ac981465ddc6cp-103},
                                        {0x1.6827863b97d97p-53, 0x1.eec01221a8b0bp-107},
                                        {0x1.2f49b46814157p-57, 0x1.2650f61dbdcb4p-112},
                                        {0x1.e542ba4020225p-62, 0x1.ea72b4afe3c2fp-120},
                                        {0x1.71b8ef6dcf572p-66, -0x1.d043ae40c4647p-120},
                                        {0x1.0ce396db7f853p-70, -0x1.aebcdbd20331cp-124},
                                        {0x1.761b41316381ap-75, -0x1.3423c7d91404fp-130}};
static const rp_dd rp_sin_series[15] = {{0x1.0000000000000p+0, 0},
                                        {-0x1.5555555555555p-3, -0x1.5555555555555p-57},
                                        {0x1.1111111111111p-7, 0x1.1111111111111p-63},
                                        {-0x1.a01a01a01a01ap-13, -0x1.a01a01a01a01ap-73},
                                        {0x1.71de3a556c734p-19, -0x1.c154f8ddc6c00p-73},
                                        {-0x1.ae64567f544e4p-26, 0x1.c062e06d1f209p-80},
                                        {0x1.6124613a86d09p-33, 0x1.f28e0cc748ebep-87},
                                        {-0x1.ae7f3e733b81fp-41, -0x1.1d8656b0ee8cbp-97},
                                        {0x1.952c77030ad4ap-49, 0x1.ac981465ddc6cp-103},
                                        {-0x1.2f49b46814157p-57, -0x1.2650f61dbdcb4p-112},
                                        {0x1.71b8ef6dcf572p-66, -0x1.d043ae40c4647p-120},
                                        {-0x1.761b41316381ap-75, 0x1.3423c7d91404fp-130},
                                        {0x1.3f3ccdd165fa9p-84, -0x1.58ddadf344487p-139},
                                        {-0x1.d1ab1c2dccea3p-94, -0x1.054d0c78aea14p-149},
                                        {0x1.259f98b4358adp-103, 0x1.eaf8c39dd9bc5p-157}};
static const rp_dd rp_cos_series[15] = {{0x1.0000000000000p+0, 0},
                                        {-0x1.0000000000000p-1, 0},
                                        {0x1.5555555555555p-5, 0x1.5555555555555p-59},
                                        {-0x1.6c16c16c16c17p-10, 0x1.f49f49f49f49fp-65},
                                        {0x1.a01a01a01a01ap-16, 0x1.a01a01a01a01ap-76},
                                        {-0x1.27e4fb7789f5cp-22, -0x1.cbbc05b4fa99ap-76},
                                        {0x1.1eed8eff8d898p-29, -0x1.2aec959e14c06p-83},
                                        {-0x1.93974a8c07c9dp-37, -0x1.05d6f8a2efd1fp-92},
                                        {0x1.ae7f3e733b81fp-45, 0x1.1d8656b0ee8cbp-101},
                                        {-0x1.6827863b97d97p-53, -0x1.eec01221a8b0bp-107},
                                        {0x1.e542ba4020225p-62, 0x1.ea72b4afe3c2fp-120},
                                        {-0x1.0ce396db7f853p-70, 0x1.aebcdbd20331cp-124},
                                        {0x1.f2cf01972f578p-80, -0x1.9ada5fcc1ab14p-135},
                                        {-0x1.88e85fc6a4e5ap-89, 0x1.71c37ebd16540p-143},
                                        {0x1.0a18a2635085dp-98, 0x1.b9e2e28e1aa54p-153}};

static inline rp_dd rp_two_sum(double a, double b)
{
    const double s = a + b, z = s - a;
    return (rp_dd){s, (a - (s - z)) + (b - z)};
}

static inline rp_dd rp_quick_sum(double a, double b)
{
    const double s = a + b;
    return (rp_dd){s, b - (s - a)};
}

static inline rp_dd rp_two_product(double a, double b)
{
    const double split = 0x1p27 + 1, p = a * b, c = split * a, d = split * b;
    const double a_high = c - (c - a), b_high = d - (d - b), a_low = a - a_high, b_low = b - b_high;
    return (rp_dd){p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low};
}

static inline rp_dd rp_dd_sum(rp_dd x, rp_dd y)
{
    rp_dd high = rp_two_sum(x.high, y.high);
    const rp_dd low = rp_two_sum(x.low, y.low);
    high = rp_quick_sum(high.high, high.low + low.high);
    return rp_quick_sum(high.high, high.low + low.low);
}

static inline rp_dd rp_dd_product(rp_dd x, rp_dd y)
{
    const rp_dd p = rp_two_product(x.high, y.high);
    return rp_quick_sum(p.high, p.low + (x.high * y.low + x.low * y.high));
}

static inline rp_dd rp_dd_negative(rp_dd x) { return (rp_dd){-x.high, -x.low}; }

static inline rp_dd rp_dd_quotient(rp_dd x, rp_dd y)
{
    const double first = x.high / y.high;
    rp_dd rest = rp_dd_sum(x, rp_dd_negative(rp_dd_product(y, (rp_dd){first, 0})));
    const double second = rest.high / y.high;
    rest = rp_dd_sum(rest, rp_dd_negative(rp_dd_product(y, (rp_dd){second, 0})));
    const rp_dd q = rp_quick_sum(first, second);
    return rp_quick_sum(q.high, q.low + rest.high / y.high);
}

static inline rp_dd rp_series(const rp_dd *coefficients, int count, rp_dd x)
{
    rp_dd value = coefficients[count - 1];
    for (int i = count - 2; i >= 0; i--)
        value = rp_dd_sum(rp_dd_product(value, x), coefficients[i]);
    return value;
}

/* The nearest float: to odd first, so that the second rounding is right. */
static inline float rp_dd_rounded(rp_dd x)
{
    int64_t bits;
    memcpy(&bits, &x.high, sizeof bits);
    if (x.low != 0 && !(bits & 1))
        bits += (x.low > 0) == (x.high > 0) ? 1 : -1;
    memcpy(&x.high, &bits, sizeof bits);
    return (float)x.high;
}

/* e^x for finite x in [-104, 89]. */
static inline float rp_exp_exactly(float x)
{
    const double wide = x, k = rp_nearest(wide / 0x1.62e42fefa39efp-1);
    const rp_dd part = rp_two_sum(wide - k * 0x1.62e42fefa3800p-1, -k * 0x1.ef35793c76730p-45);
    const rp_dd r = rp_dd_sum(part, (rp_dd){0, -k * 0x1.f97b57a079a19p-103});
    const rp_dd y = rp_series(rp_exp_series, 24, r);
    return rp_dd_rounded((rp_dd){ldexp(y.high, (int)k), ldexp(y.low, (int)k)});
}

/* e^x in double, for x in [-104, 89], right to 2^-51: a table of 2^(j/32) and a polynomial for the rest. */
static inline double rp_exp_nearly(float x)
{
    const double wide = x;
    const int32_t index = rp_nearest(wide * 0x1.71547652b82fep+5);
    const double r = (wide - index * 0x1.62e42fefa2000p-6) - index * 0x1.9ef35793c7673p-46; /* less than ln(2)/64 */
    const uint64_t exponent = (uint64_t)((index >> 5) + 1023) << 52;
    double power;
    memcpy(&power, &exponent, sizeof power);
    const double scale = rp_exp2_32[index & 31] * power;
    const double rest = r * r * (0.5 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120 + r * (1.0 / 720)))));
    return scale + scale * (r + rest);
}

static inline float rp_exp_limited(float x) { return x < -104.0f ? -104.0f : x > 89.0f ? 89.0f : x; }

static inline float rp_rounded_expf(float x)
{
    const float limited = rp_exp_limited(x == x ? x : 0.0f);
    const double y = rp_exp_nearly(limited);
    const float below = (float)(y * (1 - 0x1p-50)), above = (float)(y * (1 + 0x1p-50));
    return x != x ? x : below == above ? below : rp_exp_exactly(limited);
}

/* Sine and cosine of a float, |x| <= 3.15. */
static inline void rp_dd_sines(double x, rp_dd *sine, rp_dd *cosine)
{
    const double n = floor(x / 0x1.921fb54442d18p+0 + 0.5);
    const rp_dd part = rp_two_sum(x, -n * 0x1.921fb54442d18p+0);
    const rp_dd r = rp_dd_sum(part, (rp_dd){-n * 0x1.1a62633145c07p-54, n * 0x1.f1976b7ed8fbcp-110});
    const rp_dd square = rp_dd_product(r, r);
    const rp_dd s = rp_dd_product(rp_series(rp_sin_series, 15, square), r), c = rp_series(rp_cos_series, 15, square);
    const rp_dd turned[4] = {s, c, rp_dd_negative(s), rp_dd_negative(c)};
    *sine = turned[(int)n & 3];
    *cosine = turned[((int)n + 1) & 3];
}

static inline float rp_rounded_sinf(float x)
{
    rp_dd sine, cosine;
    rp_dd_sines(x, &sine, &cosine);
    return x == 0.0f ? x : rp_dd_rounded(sine);
}

static inline float rp_rounded_cosf(float x)
{
    rp_dd sine, cosine;
    rp_dd_sines(x, &sine, &cosine);
    return rp_dd_rounded(cosine);
}

static inline float rp_rounded_atan2f(float y, float x)
{
    const float near = rp_atan2f(y, x);
    if (y == 0.0f)
        return near;
    rp_dd sine, cosine;
    rp_dd_sines(near, &sine, &cosine);
    const rp_dd wide_x = {x, 0}, wide_y = {y, 0}, third = {0x1.5555555555555p-2, 0x1.5555555555555p-56};
    const rp_dd across = rp_dd_sum(rp_dd_product(cosine, wide_y), rp_dd_negative(rp_dd_product(sine, wide_x)));
    const rp_dd along = rp_dd_sum(rp_dd_product(cosine, wide_x), rp_dd_product(sine, wide_y));
    const rp_dd d = rp_dd_quotient(across, along);
    const rp_dd cube = rp_dd_product(rp_dd_product(d, d), rp_dd_product(d, third));
    rp_dd angle = rp_dd_sum((rp_dd){near, 0}, rp_dd_sum(d, rp_dd_negative(cube)));
    if (x > 0.0f && fabs(angle.high) < 0x1p-26) /* smaller than the ratio by less than pairs hold; decides ties */
        angle.low = angle.low - angle.high * 0x1p-106;
    return rp_dd_rounded(angle);
}

#endif
