/* Which kernels this CPU can run. */
#include "program.h"
#include "stages.h"

#include <stddef.h>
#include <string.h>

typedef struct {
    const char *name;
    rp_kernel *const *table;
    const rp_stages *stages;
    int (*runs)(void);
} isa;

#if defined(__x86_64__) || defined(_M_X64)
/* These builtins also ask the operating system whether it saves the registers. */
static int has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif
static int always(void) { return 1; }

static const isa known[] = {
#if defined(__x86_64__) || defined(_M_X64)
    {"avx512", rp_table_avx512, &rp_stages_avx512, has_avx512},
    {"avx2", rp_table_avx2, &rp_stages_avx2, has_avx2},
#elif defined(__aarch64__) || defined(_M_ARM64)
    {"neon", rp_table_neon, &rp_stages_neon, always},
#endif
    {"ref", rp_table_ref, &rp_stages_ref, always},
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

const rp_stages *rp_stages_of(const char *name)
{
    const isa *found = find(name);
    return found ? found->stages : NULL;
}
