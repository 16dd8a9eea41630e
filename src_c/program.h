/* A plan made runnable: its steps checked once, then run any number of times by any number of threads, each with a context. */
#ifndef RP_PROGRAM_H
#define RP_PROGRAM_H

#include "kernels.h"

typedef struct {
    int count, spaces; /* steps; spaces they name */
    const rp_step *steps;
    const float *weights;
    int64_t sizes[RP_BUFFERS]; /* floats in each space */
    int64_t weights_size, scratch;
    rp_kernel *const *table;
} rp_program;

/* NULL, or what is wrong with step *bad. Sets scratch. */
const char *rp_check(rp_program *program, int *bad);

/* Runs part `part` of every step; `barrier` (NULL when parts is 1) is waited at after each. */
void rp_run(const rp_program *program, const rp_memory *memory, int part, int parts, void (*barrier)(void *), void *pool);

/* Writes the names of the ISAs that this build has and this CPU can run, best first; returns how many. */
int rp_isas(const char **names, int room);
/* The kernels of an ISA, NULL if this CPU cannot run it. */
rp_kernel *const *rp_table(const char *isa);
/* Multiply-adds done in as many rounds of nothing else, for measuring what this CPU can do at most; 0 for plain C. */
int64_t rp_peak(const char *isa, int64_t rounds);
extern const char *const rp_kernel_names[RP_COUNT];

#endif
