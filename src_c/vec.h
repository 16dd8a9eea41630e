/* The vector type and its few verbs. One file is compiled for one ISA, which it names by defining RP_AVX512, RP_AVX2
 * or RP_NEON.
 *
 * VL lanes of float32. Every multiply-add is an explicit fma: contraction is off, so nothing else is ever fused.
 * vmax and vmin return their second operand when either is NaN, so that vclip6 hands NaN on, as NumPy's does. */
#ifndef RP_VEC_H
#define RP_VEC_H

#include "exp2.h"
#include "layout.h"

#include <stdint.h>
#include <string.h>

#define RP_INLINE static inline __attribute__((always_inline, unused))
#if defined(__clang__)
#define RP_UNROLL _Pragma("clang loop unroll(full)")
#else
#define RP_UNROLL _Pragma("GCC unroll 32")
#endif

/* i = 0 ... n - 1, the loop's body written out as often. */
#define RP_UNROLLED(i, n) RP_UNROLL for (int i = 0; i < (n); i++)

/* Keeps the compiler from spreading the computation of an address over all its uses. */
#define RP_OPAQUE(pointer) __asm__("" : "+r"(pointer))

/* Keeps a vector in its register: the compiler would load it again for every multiply-add that needs it. */
#if defined(RP_NEON)
#define RP_KEEP(vector) __asm__("" : "+w"(vector))
#else
#define RP_KEEP(vector) __asm__("" : "+v"(vector))
#endif

#if defined(RP_AVX512)
#include <immintrin.h>
#define VL 16
typedef __m512 vf;
RP_INLINE vf vload(const float *p) { return _mm512_loadu_ps(p); }
RP_INLINE void vstore(float *p, vf a) { _mm512_storeu_ps(p, a); }
RP_INLINE void vstore_n(float *p, vf a, int n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), a); }
RP_INLINE vf vset(float a) { return _mm512_set1_ps(a); }
RP_INLINE vf vfma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
RP_INLINE vf vmax(vf a, vf b) { return _mm512_max_ps(a, b); }
RP_INLINE vf vmin(vf a, vf b) { return _mm512_min_ps(a, b); }
#elif defined(RP_AVX2)
#include <immintrin.h>
#define VL 8
typedef __m256 vf;
RP_INLINE vf vload(const float *p) { return _mm256_loadu_ps(p); }
RP_INLINE void vstore(float *p, vf a) { _mm256_storeu_ps(p, a); }
RP_INLINE void vstore_n(float *p, vf a, int n) { memcpy(p, &a, (size_t)n * sizeof *p); }
RP_INLINE vf vset(float a) { return _mm256_set1_ps(a); }
RP_INLINE vf vfma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
RP_INLINE vf vmax(vf a, vf b) { return _mm256_max_ps(a, b); }
RP_INLINE vf vmin(vf a, vf b) { return _mm256_min_ps(a, b); }
#elif defined(RP_NEON)
#include <arm_neon.h>
#define VL 4
typedef float32x4_t vf;
RP_INLINE vf vload(const float *p) { return vld1q_f32(p); }
RP_INLINE void vstore(float *p, vf a) { vst1q_f32(p, a); }
RP_INLINE void vstore_n(float *p, vf a, int n) { memcpy(p, &a, (size_t)n * sizeof *p); }
RP_INLINE vf vset(float a) { return vdupq_n_f32(a); }
RP_INLINE vf vfma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
RP_INLINE vf vmax(vf a, vf b) { return vmaxq_f32(a, b); }
RP_INLINE vf vmin(vf a, vf b) { return vminq_f32(a, b); }
#else
#error "define RP_AVX512, RP_AVX2 or RP_NEON"
#endif

/* a * b + c in the lower half; the upper one means nothing. Where 512 bits are twice 256, half the work. */
RP_INLINE vf vfma_low(vf a, vf b, vf c)
{
#if VL == 16
    return _mm512_castps256_ps512(
        _mm256_fmadd_ps(_mm512_castps512_ps256(a), _mm512_castps512_ps256(b), _mm512_castps512_ps256(c)));
#else
    return vfma(a, b, c);
#endif
}

/* Vectors of p[0] and of p[1], from one load where shuffles are the cheaper. */
RP_INLINE void vset_pair(const float *p, vf *a, vf *b)
{
#if VL == 16
    __m128 both = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)p));
    RP_KEEP(both);
    *a = _mm512_broadcastss_ps(both);
    *b = _mm512_permutexvar_ps(_mm512_set1_epi32(1), _mm512_castps128_ps512(both));
#else
    *a = vset(p[0]), *b = vset(p[1]);
#endif
}

/* Writes a0 b0 a1 b1 ...: 2 * VL values. */
RP_INLINE void vzip(float *p, vf a, vf b)
{
#if VL == 16
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    vstore(p, _mm512_permutex2var_ps(a, low, b));
    vstore(p + VL, _mm512_permutex2var_ps(a, _mm512_add_epi32(low, _mm512_set1_epi32(8)), b));
#elif VL == 8
    const vf low = _mm256_unpacklo_ps(a, b), high = _mm256_unpackhi_ps(a, b);
    vstore(p, _mm256_permute2f128_ps(low, high, 0x20));
    vstore(p + VL, _mm256_permute2f128_ps(low, high, 0x31));
#else
    vst2q_f32(p, (float32x4x2_t){{a, b}});
#endif
}

/* Bits of a where mask is all ones, zero where it is zero. */
RP_INLINE vf vand(vf a, vf mask)
{
#if VL == 16
    return _mm512_and_ps(a, mask);
#elif VL == 8
    return _mm256_and_ps(a, mask);
#else
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(mask)));
#endif
}

/* The lanes of b where mask is all ones, those of a where it is zero. */
RP_INLINE vf vselect(vf a, vf b, vf mask)
{
#if VL == 16
    return _mm512_castsi512_ps(
        _mm512_ternarylogic_epi32(_mm512_castps_si512(mask), _mm512_castps_si512(b), _mm512_castps_si512(a), 0xca));
#elif VL == 8
    return _mm256_blendv_ps(a, b, mask);
#else
    return vbslq_f32(vreinterpretq_u32_f32(mask), b, a);
#endif
}

/* The values at even places, then those at odd places. */
RP_INLINE vf vsplit(vf a)
{
#if VL == 16
    return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15), a);
#elif VL == 8
    return _mm256_permutevar8x32_ps(a, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
#else
    return vcombine_f32(vget_low_f32(vuzp1q_f32(a, a)), vget_low_f32(vuzp2q_f32(a, a)));
#endif
}

/* The two halves of a vector, at two places. */
RP_INLINE void vstore_halves(float *low, float *high, vf a)
{
#if VL == 16
    _mm256_storeu_ps(low, _mm512_castps512_ps256(a));
    _mm256_storeu_ps(high, _mm512_extractf32x8_ps(a, 1));
#elif VL == 8
    _mm_storeu_ps(low, _mm256_castps256_ps128(a));
    _mm_storeu_ps(high, _mm256_extractf128_ps(a, 1));
#else
    vst1_f32(low, vget_low_f32(a));
    vst1_f32(high, vget_high_f32(a));
#endif
}
RP_INLINE vf vload_halves(const float *low, const float *high)
{
#if VL == 16
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(low)), _mm256_loadu_ps(high), 1);
#elif VL == 8
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
#else
    return vcombine_f32(vld1_f32(low), vld1_f32(high));
#endif
}

/* The vector that starts at p - 1, p or p + 1 (shift -1, 0 or 1); all of p - VL to p + 2 * VL - 1 can be read. */
RP_INLINE vf vload_shifted(const float *p, int shift)
{
#if VL == 16 /* an unaligned load that crosses a cache line costs more than a shuffle */
    const __m512i here = _mm512_castps_si512(vload(p));
    if (shift < 0)
        return _mm512_castsi512_ps(_mm512_alignr_epi32(here, _mm512_castps_si512(vload(p - VL)), 15));
    if (shift > 0)
        return _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(vload(p + VL)), here, 1));
#endif
    return vload(p + shift);
}

#if VL == 16
#define VFROM256 _mm512_castps256_ps512
#define VTO256 _mm512_castps512_ps256
#elif VL == 8
#define VFROM256
#define VTO256
#endif

/* Transposes the 8 x 8 squares in each 256 bits: value j of r[i] becomes value i of out[j]. */
#if VL >= 8
RP_INLINE void vtranspose8(const vf r[8], vf out[8])
{
    vf u[8];
#if VL == 16
#define LOW _mm512_unpacklo_ps
#define HIGH _mm512_unpackhi_ps
#define PAIR(a, b, k) _mm512_shuffle_ps(a, b, k)
    const __m512i first = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
    const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(4));
#define FIRST(a, b) _mm512_permutex2var_ps(a, first, b)
#define SECOND(a, b) _mm512_permutex2var_ps(a, second, b)
#else
#define LOW _mm256_unpacklo_ps
#define HIGH _mm256_unpackhi_ps
#define PAIR(a, b, k) _mm256_shuffle_ps(a, b, k)
#define FIRST(a, b) _mm256_permute2f128_ps(a, b, 0x20)
#define SECOND(a, b) _mm256_permute2f128_ps(a, b, 0x31)
#endif
    RP_UNROLL for (int i = 0; i < 8; i += 4) { /* 4x4 squares in each 128 bits */
        const vf a = LOW(r[i], r[i + 1]), b = HIGH(r[i], r[i + 1]), c = LOW(r[i + 2], r[i + 3]),
                 d = HIGH(r[i + 2], r[i + 3]);
        u[i] = PAIR(a, c, 0x44), u[i + 1] = PAIR(a, c, 0xee), u[i + 2] = PAIR(b, d, 0x44), u[i + 3] = PAIR(b, d, 0xee);
    }
    RP_UNROLLED(i, 4) {
        out[i] = FIRST(u[i], u[i + 4]);
        out[i + 4] = SECOND(u[i], u[i + 4]);
    }
#undef LOW
#undef HIGH
#undef PAIR
#undef FIRST
#undef SECOND
}
#endif

/* Eight channels of VL pixels, ld floats apart, as one vector per channel. */
RP_INLINE void vplanar8(const float *x, int64_t ld, vf out[8])
{
#if VL == 4
    for (int half = 0; half < 2; half++) {
        const float32x4x2_t low = vtrnq_f32(vload(x + 4 * half), vload(x + ld + 4 * half));
        const float32x4x2_t high = vtrnq_f32(vload(x + 2 * ld + 4 * half), vload(x + 3 * ld + 4 * half));
        out[4 * half] = vcombine_f32(vget_low_f32(low.val[0]), vget_low_f32(high.val[0]));
        out[4 * half + 1] = vcombine_f32(vget_low_f32(low.val[1]), vget_low_f32(high.val[1]));
        out[4 * half + 2] = vcombine_f32(vget_high_f32(low.val[0]), vget_high_f32(high.val[0]));
        out[4 * half + 3] = vcombine_f32(vget_high_f32(low.val[1]), vget_high_f32(high.val[1]));
    }
#else
    vf r[8];
    RP_UNROLLED(i, 8) {
        r[i] = VFROM256(_mm256_loadu_ps(x + i * ld));
#if VL == 16
        r[i] = _mm512_insertf32x8(r[i], _mm256_loadu_ps(x + (8 + i) * ld), 1);
#endif
    }
    vtranspose8(r, out);
#endif
}

/* Eight channels of up to VL pixels, the channels x_ld apart, to pixels y_ld apart; VL values of each channel can be
 * read. */
RP_INLINE void vinterleave8(const float *x, int64_t x_ld, float *y, int64_t y_ld, int pixels)
{
#if VL == 4
    for (int i = 0; i < pixels; i++)
        for (int c = 0; c < 8; c++)
            y[i * y_ld + c] = x[c * x_ld + i];
#else
    vf r[8], out[8];
    RP_UNROLLED(c, 8)
        r[c] = vload(x + c * x_ld);
    vtranspose8(r, out);
    RP_UNROLLED(i, 8) {
        if (i < pixels)
            _mm256_storeu_ps(y + i * y_ld, VTO256(out[i]));
#if VL == 16
        if (8 + i < pixels)
            _mm256_storeu_ps(y + (8 + i) * y_ld, _mm512_extractf32x8_ps(out[i], 1));
#endif
    }
#endif
}

/* VL numbers of binary16. */
RP_INLINE vf vwiden(const rp_half *p)
{
#if VL == 16
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
#elif VL == 8
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
#else
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16((const uint16_t *)p)));
#endif
}

RP_INLINE vf vclip6(vf a) { return vmin(vset(6.0f), vmax(vset(0.0f), a)); }

/* 1 + exp(-x): see ops.py. */
RP_INLINE vf vone_plus_exp_minus(vf x)
{
    typedef int32_t vi __attribute__((vector_size(sizeof(vf))));
    const vf round = vset(0x1.8p23f + 127.0f), y = vmin(vset(126.0f), vmax(vset(-126.0f), x * vset(-0x1.715476p0f)));
    const vf m = y + round, f = y - (m - round);
    const float *c = rp_exp2_series;
    vf p = vfma(vset(c[5]), f, vset(c[4]));
    p = vfma(p, f, vset(c[3]));
    p = vfma(p, f, vset(c[2]));
    p = vfma(p, f, vset(c[1]));
    p = vfma(p, f, vset(c[0]));
    return vfma(p, (vf)((vi)m << 23), vset(1.0f));
}

/* Either half of a vector as doubles. */
#if defined(RP_AVX512)
typedef __m512d vd;
RP_INLINE vd vlow(vf a) { return _mm512_cvtps_pd(_mm512_castps512_ps256(a)); }
RP_INLINE vd vhigh(vf a) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)); }
#elif defined(RP_AVX2)
typedef __m256d vd;
RP_INLINE vd vlow(vf a) { return _mm256_cvtps_pd(_mm256_castps256_ps128(a)); }
RP_INLINE vd vhigh(vf a) { return _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1)); }
#else
typedef float64x2_t vd;
RP_INLINE vd vlow(vf a) { return vcvt_f64_f32(vget_low_f32(a)); }
RP_INLINE vd vhigh(vf a) { return vcvt_high_f64_f32(a); }
#endif

#endif
