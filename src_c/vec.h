/* The vector type and its few verbs. One file is compiled for one ISA, which it names by defining RP_AVX512, RP_AVX2 or RP_NEON.
 *
 * VL lanes of float32. Every multiply-add is an explicit fma: contraction is off, so nothing else is ever fused.
 * vmax and vmin return their second operand when either is NaN, so that vclip6 hands NaN on, as NumPy's does. */
#ifndef RP_VEC_H
#define RP_VEC_H

#include <stdint.h>
#include <string.h>

#define RP_INLINE static inline __attribute__((always_inline, unused))
#if defined(__clang__)
#define RP_UNROLL _Pragma("clang loop unroll(full)")
#else
#define RP_UNROLL _Pragma("GCC unroll 32")
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

RP_INLINE vf vclip6(vf a) { return vmin(vset(6.0f), vmax(vset(0.0f), a)); }

#endif
