/* Which kernels this CPU can run. */
#include "program.h"
#include "stages.h"

#include <stddef.h>
#include <string.h>
#if defined(__x86_64__) || defined(_M_X64)
#include <cpuid.h>
#endif

typedef int64_t peak(int64_t rounds, float *sum);
peak rp_peak_avx512, rp_peak_avx2, rp_peak_neon; /* peak.inc */

typedef struct {
    const char *name;
    rp_kernel *const *table;
    const rp_stages *stages;
    int (*runs)(void);
    peak *peak;
} isa;

#if defined(__x86_64__) || defined(_M_X64)
/* Asked of the processor itself: the compilers' builtins need a library that clang-cl does not link. */
static uint32_t bits(unsigned leaf, int word)
{
    unsigned r[4] = {0};
    return __get_cpuid_count(leaf, 0, &r[0], &r[1], &r[2], &r[3]) ? r[word] : 0;
}

/* Whether the processor has all these features and the operating system saves the registers. */
static int has(uint32_t leaf1_ecx, uint32_t leaf7_ebx, uint32_t saved)
{
    const uint32_t osxsave = 1u << 27;
    if ((bits(1, 2) & (leaf1_ecx | osxsave)) != (leaf1_ecx | osxsave) || (bits(7, 1) & leaf7_ebx) != leaf7_ebx)
        return 0;
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & saved) == saved;
}

enum { FMA = 1 << 12, F16C = 1 << 29, AVX2 = 1 << 5, AVX512F = 1 << 16, AVX512DQ = 1 << 17, AVX512BW = 1 << 30 };
enum { SAVES_YMM = 0x6, SAVES_ZMM = 0xe6 };
#define AVX512VL (1u << 31)

static int has_avx512(void) { return has(FMA | F16C, AVX2 | AVX512F | AVX512DQ | AVX512BW | AVX512VL, SAVES_ZMM); }
static int has_avx2(void) { return has(FMA | F16C, AVX2, SAVES_YMM); }
#endif
static int always(void) { return 1; }

static const isa known[] = {
#if defined(__x86_64__) || defined(_M_X64)
    {"avx512", rp_table_avx512, rp_stages_avx512, has_avx512, rp_peak_avx512},
    {"avx2", rp_table_avx2, rp_stages_avx2, has_avx2, rp_peak_avx2},
#elif defined(__aarch64__) || defined(_M_ARM64)
    {"neon", rp_table_neon, rp_stages_neon, always, rp_peak_neon},
#endif
    {"ref", rp_table_ref, rp_stages_ref, always, NULL},
};

int rp_isas(const char **names, int room)
{
    int count = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].runs() && count < room)
            names[count++] = known[i].name;
    return count;
}

static const isa *find(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].name, name) && known[i].runs())
            return &known[i];
    return NULL;
}

rp_kernel *const *rp_table(const char *name)
{
    const isa *found = find(name);
    return found ? found->table : NULL;
}

const rp_stages *rp_stages_of(const char *name, int rounded)
{
    const isa *found = find(name);
    return found ? found->stages + (rounded != 0) : NULL;
}

int64_t rp_peak(const char *name, int64_t rounds)
{
    const isa *found = find(name);
    float sum;
    return found && found->peak ? found->peak(rounds, &sum) : 0;
}
