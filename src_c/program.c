#include "program.h"

#include <stddef.h>

const char *rp_check(rp_program *p, int *bad)
{
    p->scratch = 0;
    for (*bad = 0; *bad < p->count; ++*bad) {
        const rp_step *s = &p->steps[*bad];
        if (s->kernel < 0 || s->kernel >= RP_COUNT)
            return "kernel";
        const rp_contract *contract = &rp_contracts[s->kernel];
        const char *error = contract->check(p, s);
        if (error)
            return error;
        const int64_t need = contract->scratch(s, p->table == rp_table_ref);
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

#define RP_ROW(type, name) {#name, #type, offsetof(rp_step, name)},
const rp_fact rp_step_members[] = {RP_STEP(RP_ROW){NULL, NULL, 0}};
#undef RP_ROW
#define RP_ROW(type, name) {#name, #type, offsetof(rp_tensor, name)},
const rp_fact rp_tensor_members[] = {RP_TENSOR(RP_ROW){NULL, NULL, 0}};
#undef RP_ROW
#define RP_ROW(name, number) {#name, "int", number},
const rp_fact rp_layout[] = {RP_LAYOUT(RP_ROW){NULL, NULL, 0}};
#undef RP_ROW
