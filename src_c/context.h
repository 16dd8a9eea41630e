/* The memory and the threads of one running call. */
#ifndef RP_CONTEXT_H
#define RP_CONTEXT_H

#include "program.h"

#include <stddef.h>

typedef struct rp_context rp_context;

/* NULL when there is no memory. */
rp_context *rp_context_new(const rp_program *program, int threads);
/* Runs the whole program on the caller's buffers (spaces 1 and up). */
void rp_context_run(rp_context *context, float *const *buffers);
void rp_context_free(rp_context *context);

/* Memory aligned to a cache line; NULL when there is none. */
void *rp_aligned(size_t bytes);
void rp_aligned_free(void *memory);

#endif
