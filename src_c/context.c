/* The memory and the threads of one running call. */
#include "context.h"

#include "threads.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 };

void *rp_aligned(size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    char *raw = malloc(bytes + ALIGN + sizeof(void *));
    if (!raw)
        return NULL;
    char *memory = raw + sizeof(void *) + ALIGN - 1;
    memory -= (uintptr_t)memory % ALIGN;
    memcpy(memory - sizeof(void *), &raw, sizeof raw);
    return memory;
}

void rp_aligned_free(void *memory)
{
    if (!memory)
        return;
    void *raw;
    memcpy(&raw, (char *)memory - sizeof(void *), sizeof raw);
    free(raw);
}

struct rp_context {
    const rp_program *program;
    int threads;
    rp_pool *pool; /* NULL for one thread */
    float *arena, *scratch;
    int64_t scratch_size; /* floats of one thread, a whole number of cache lines */
};

rp_context *rp_context_new(const rp_program *program, int threads)
{
    rp_context *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->program = program;
    c->threads = threads;
    c->scratch_size = (program->scratch + RP_LANES - 1) / RP_LANES * RP_LANES;
    c->arena = rp_aligned((size_t)program->sizes[0] * sizeof(float));
    c->scratch = rp_aligned((size_t)(c->scratch_size * threads) * sizeof(float));
    if (!c->arena || !c->scratch) {
        rp_context_free(c);
        return NULL;
    }
    return c;
}

typedef struct {
    rp_context *context;
    rp_memory memory;
    int parts;
} call;

static void run_part(void *argument, int part)
{
    const call *shared = argument;
    rp_context *c = shared->context;
    rp_memory memory = shared->memory;
    memory.scratch = c->scratch + part * c->scratch_size;
    rp_run(c->program, &memory, part, shared->parts, shared->parts > 1 ? rp_pool_barrier : NULL, c->pool);
}

void rp_context_run(rp_context *c, float *const *buffers)
{
    call shared = {.context = c, .memory = {.weights = c->program->weights}, .parts = 1};
    shared.memory.space[0] = c->arena;
    for (int i = 1; i < c->program->spaces; i++)
        shared.memory.space[i] = buffers[i - 1];
    if (c->pool && !rp_pool_alive(c->pool)) {
        rp_pool_free(c->pool);
        c->pool = NULL;
    }
    if (c->threads > 1 && !c->pool)
        c->pool = rp_pool_new(c->threads); /* where no thread can be had, the caller's does all the work */
    if (c->pool) {
        shared.parts = c->threads;
        rp_pool_run(c->pool, run_part, &shared);
    } else {
        run_part(&shared, 0);
    }
}

void rp_context_free(rp_context *c)
{
    if (!c)
        return;
    rp_pool_free(c->pool);
    rp_aligned_free(c->arena);
    rp_aligned_free(c->scratch);
    free(c);
}
