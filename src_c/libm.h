/* glibc 2.36's expf, sinf, cosf and atan2f, written out: MediaPipe's results depend on their bits, so the platform's
 * are not called.
 *
 * The same lines as refpose/libm.py, where the algorithms are described. Every operation is rounded on its own
 * (contraction is off), which is what makes the compiler, the instruction set and the C library irrelevant. */
#ifndef RP_LIBM_H
#define RP_LIBM_H

#include "exp2.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* v rounded to an integer, halves to even, for |v| < 2^31: adding 1.5 * 2^52 leaves it in the low bits. */
static inline int32_t rp_nearest(double v)
{
    const double shifted = v + 0x1.8p52;
    int64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return (int32_t)(uint32_t)(uint64_t)bits;
}

static inline float rp_expf(float x)
{
    const double wide = x < -104.0f ? -104.0 : x > 89.0f ? 89.0 : x;
    const int32_t index = rp_nearest(wide * 0x1.71547652b82fep+5);
    const double k = index, high = 0x1.7154765p+5, low = 0x1.71547652b82fep+5 - 0x1.7154765p+5;
    const double r = (wide * high - k) + wide * low;
    /* index >> 5 is -151..129: the power of two is a normal double, and the product rounds at the end only. */
    const uint64_t exponent = (uint64_t)((index >> 5) + 1023) << 52;
    double power;
    memcpy(&power, &exponent, sizeof power);
    const double scale = rp_exp2_32[index & 31] * power;
    const double y = (0x1.c6af84b912394p-20 * r + 0x1.ebfce50fac4f3p-13) * (r * r) + (0x1.62e42ff0c52d6p-6 * r + 1.0);
    return x == x ? (float)(y * scale) : x; /* no branch before, so that loops over this are vectorised */
}

/* Sine (turn 0) or cosine (turn 1) for |x| <= 3.15: sine and cosine of the rest after n quarter turns, and which of
 * them it is. */
static inline float rp_sine(float x, int turn)
{
    const double wide = x, n = floor(wide * 0x1.45F306DC9C883p-1 + 0.5);
    const double r = wide - n * 0x1.921FB54442D18p0, z = r * r;
    const double sine =
        (r + (r * z) * -0x1.555545995a603p-3) + ((r * z) * z) * (0x1.1107605230bc4p-7 + z * -0x1.994eb3774cf24p-13);
    const double cosine = ((1.0 + z * -0x1.ffffffd0c621cp-2) + (z * z) * 0x1.55553e1068f19p-5) +
                          ((z * z) * z) * (-0x1.6c087e89a359dp-10 + z * 0x1.99343027bf8c3p-16);
    const int quarter = (int)n + turn;
    const double value = quarter & 1 ? cosine : sine;
    return (float)(quarter & 2 ? -value : value);
}

static inline float rp_sinf(float x) { return x == 0.0f ? x : rp_sine(x, 0); } /* keeps the sign of zero */
static inline float rp_cosf(float x) { return rp_sine(x, 1); }

static inline float rp_atan2f(float y, float x)
{
    static const float hi[] = {0.0f, 0x1.dac670p-2f, 0x1.921fb4p-1f, 0x1.f730bcp-1f, 0x1.921fb4p+0f};
    static const float lo[] = {0.0f, 0x1.586ed2p-28f, 0x1.4442d0p-25f, 0x1.281f68p-25f, 0x1.4442d0p-24f};
    static const float a[] = {3.3333334327e-01f, -2.0000000298e-01f, 1.4285714924e-01f, -1.1111110449e-01f,
                              9.0908870101e-02f, -7.6918758452e-02f, 6.6610731184e-02f, -5.8335702866e-02f,
                              4.9768779427e-02f, -3.6531571299e-02f, 1.6285819933e-02f};
    const float half_pi = 0x1.921fb6p+0f, pi = 0x1.921fb6p+1f, pi_lo = -8.7422776573e-08f;
    float angle;
    if (y == 0.0f) {
        angle = 0.0f;
    } else if (x == 0.0f) {
        return copysignf(half_pi, y);
    } else {
        const float q = fabsf(y / x);
        const int k = (q >= 7.0f / 16) + (q >= 11.0f / 16) + (q >= 19.0f / 16) + (q >= 39.0f / 16);
        const float t = k == 0   ? q
                        : k == 1 ? (2.0f * q - 1.0f) / (2.0f + q)
                        : k == 2 ? (q - 1.0f) / (q + 1.0f)
                        : k == 3 ? (q - 1.5f) / (1.0f + 1.5f * q)
                                 : -1.0f / q;
        const float z = t * t, w = z * z;
        const float even = z * (a[0] + w * (a[2] + w * (a[4] + w * (a[6] + w * (a[8] + w * a[10])))));
        const float odd = w * (a[1] + w * (a[3] + w * (a[5] + w * (a[7] + w * a[9]))));
        const float part = t * (even + odd);
        angle = k == 0 ? t - part : hi[k] - ((part - lo[k]) - t);
        if (q >= 0x1p25f)
            angle = half_pi;
    }
    if (signbit(x))
        angle = pi - (angle - pi_lo);
    return copysignf(angle, y);
}

#endif
