/* A plan made runnable: its steps checked once, then run any number of times by any number of threads, each with a
 * context. */
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

/* A row of the table of kernels, but for the kernels themselves, of which there is one for each instruction set. */
typedef struct {
    const char *name, *text;
    const char *(*check)(const rp_program *program, const rp_step *step);
    int64_t (*scratch)(const rp_step *step, int plain); /* floats; of a step that passed the check */
} rp_contract;

extern const rp_contract rp_contracts[RP_COUNT];

/* NULL, or what is wrong with step *bad. Sets scratch. */
const char *rp_check(rp_program *program, int *bad);

/* Runs part `part` of every step; `barrier` (NULL when parts is 1) is waited at after each. */
void rp_run(const rp_program *program, const rp_memory *memory, int part, int parts, void (*barrier)(void *),
            void *pool);

/* Writes the names of the ISAs that this build has and this CPU can run, best first; returns how many. */
int rp_isas(const char **names, int room);
/* The kernels of an ISA, NULL if this CPU cannot run it. */
rp_kernel *const *rp_table(const char *isa);
/* Multiply-adds done in as many rounds of nothing else, for measuring what this CPU can do at most; 0 for plain C. */
int64_t rp_peak(const char *isa, int64_t rounds);

/* What the headers say, for those who cannot read them: members of the structures and constants, ended by one without a
 * name. */
typedef struct {
    const char *name, *type;
    int64_t value; /* where a member lies, in bytes; what a constant is */
} rp_fact;

extern const rp_fact rp_step_members[], rp_tensor_members[], rp_layout[];

#endif
