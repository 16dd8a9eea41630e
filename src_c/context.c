/* The memory and the threads of one running call. */
#include "context.h"

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
    float *arena, *scratch;
};

rp_context *rp_context_new(const rp_program *program, int threads)
{
    rp_context *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->program = program;
    c->threads = threads;
    c->arena = rp_aligned((size_t)program->sizes[0] * sizeof(float));
    c->scratch = rp_aligned((size_t)program->scratch * sizeof(float));
    if (!c->arena || !c->scratch) {
        rp_context_free(c);
        return NULL;
    }
    return c;
}

void rp_context_run(rp_context *c, float *const *buffers)
{
    rp_memory memory = {.weights = c->program->weights, .scratch = c->scratch};
    memory.space[0] = c->arena;
    for (int i = 1; i < c->program->spaces; i++)
        memory.space[i] = buffers[i - 1];
    rp_run(c->program, &memory, 0, 1, NULL, NULL);
}

void rp_context_free(rp_context *c)
{
    if (!c)
        return;
    rp_aligned_free(c->arena);
    rp_aligned_free(c->scratch);
    free(c);
}
