/* check CASE...: does what the recorded cases say, with every instruction set of this CPU, and compares the bits.
 *
 * No Python is needed, so that it runs under an emulator, a sanitizer, or built by any compiler. cases.py writes the
 * cases. A case is a file of 64-bit numbers in the machine's byte order: its kind, then for each array the number of
 * bytes and the bytes, padded to a multiple of eight. What the arrays of a kind are is said where they are used
 * below. */
#include "context.h"
#include "draw.h"
#include "rounded.h"
#include "stages.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every call of the allocator, counted where the linker replaces it (--wrap). */
static atomic_int allocations;
#define RP_COUNTED(name, parameters, arguments)                                                                        \
    void *__real_##name parameters;                                                                                    \
    void *__wrap_##name parameters;                                                                                    \
    void *__wrap_##name parameters                                                                                     \
    {                                                                                                                  \
        atomic_fetch_add(&allocations, 1);                                                                             \
        return __real_##name arguments;                                                                                \
    }
#ifdef COUNT_ALLOCATIONS
RP_COUNTED(malloc, (size_t size), (size))
RP_COUNTED(calloc, (size_t count, size_t size), (count, size))
RP_COUNTED(realloc, (void *memory, size_t size), (memory, size))
RP_COUNTED(aligned_alloc, (size_t align, size_t size), (align, size))
#endif

enum { MAX_ARRAYS = 24, CANARY = 0x5a };
enum {
    PROGRAM,
    EXPF,
    SINF,
    COSF,
    ATAN2F,
    CROP_MATRIX,
    WARP,
    WARP_MASK,
    REFINE,
    ROUNDED_EXPF,
    ROUNDED_SINF,
    ROUNDED_COSF,
    ROUNDED_ATAN2F,
    ROUNDED_REFINE,
    DRAW_LINES,
    DRAW_CIRCLES
};

typedef struct {
    int64_t bytes;
    void *data; /* its own piece of memory, so that a sanitizer sees its end */
} array;

typedef struct {
    const char *file;
    int64_t kind;
    int count;
    array arrays[MAX_ARRAYS];
} recorded;

static void give_up(const char *file, const char *why)
{
    fprintf(stderr, "%s: %s\n", file, why);
    exit(2);
}

static void *memory(int64_t bytes)
{
    void *found = malloc(bytes > 0 ? (size_t)bytes : 1);
    if (!found)
        give_up("check", "out of memory");
    return found;
}

static recorded load(const char *file)
{
    recorded c = {.file = file};
    FILE *f = fopen(file, "rb");
    if (!f || fread(&c.kind, sizeof c.kind, 1, f) != 1)
        give_up(file, "cannot be read");
    int64_t bytes;
    while (fread(&bytes, sizeof bytes, 1, f) == 1) {
        char padding[8];
        if (bytes < 0 || c.count == MAX_ARRAYS)
            give_up(file, "not a case");
        array *a = &c.arrays[c.count++];
        a->bytes = bytes;
        a->data = memory(bytes);
        const size_t rest = (size_t)(-bytes & 7);
        if (fread(a->data, 1, (size_t)bytes, f) != (size_t)bytes || fread(padding, 1, rest, f) != rest)
            give_up(file, "cut short");
    }
    fclose(f);
    return c;
}

static void forget(recorded *c)
{
    for (int i = 0; i < c->count; i++)
        free(c->arrays[i].data);
}

/* Memory for a result of this size, filled with what no kernel writes, and as much again behind it. */
static void *result(int64_t bytes) { return memset(memory(bytes + 64), CANARY, (size_t)bytes + 64); }

static int differs(const recorded *c, const char *how, const array *expected, void *found)
{
    const unsigned char *bytes = found;
    const char *what = NULL;
    for (int i = 0; i < 64; i++)
        if (bytes[expected->bytes + i] != CANARY)
            what = "wrote behind the end";
    if (!what && memcmp(found, expected->data, (size_t)expected->bytes))
        what = "other bits";
    if (what) {
        int64_t first = 0;
        while (first < expected->bytes && bytes[first] == ((unsigned char *)expected->data)[first])
            first++;
        printf("%s: %s: %s from byte %lld of %lld\n", c->file, how, what, (long long)first, (long long)expected->bytes);
    }
    free(found);
    return what != NULL;
}

/* Steps, weights, sizes of the spaces, the input, the expected outputs. */
static int check_program(const recorded *c, const char *isa, int threads)
{
    const array *a = c->arrays;
    char how[64];
    snprintf(how, sizeof how, "%s, %d threads", isa, threads);
    rp_program program = {.count = (int)(a[0].bytes / (int64_t)sizeof(rp_step)),
                          .spaces = (int)(a[2].bytes / 8),
                          .steps = a[0].data,
                          .weights_size = a[1].bytes / 4,
                          .table = rp_table(isa)};
    float *weights = rp_aligned((size_t)a[1].bytes);
    if (!weights || !program.table || program.spaces != c->count - 2)
        give_up(c->file, "cannot be set up");
    memcpy(weights, a[1].data, (size_t)a[1].bytes);
    program.weights = weights;
    memcpy(program.sizes, a[2].data, (size_t)a[2].bytes);
    int bad;
    const char *error = rp_check(&program, &bad);
    if (error)
        give_up(c->file, error);
    rp_context *context = rp_context_new(&program, threads);
    if (!context)
        give_up(c->file, "no memory for a context");
    int failures = 0;
    /* The second run finds what the first left in the arena, and allocates nothing. */
    for (int run = 0; run < (strcmp(isa, "ref") ? 2 : 1); run++) {
        float *buffers[RP_BUFFERS] = {a[3].data};
        for (int i = 4; i < c->count; i++)
            buffers[i - 3] = result(a[i].bytes);
        const int before = atomic_load(&allocations);
        rp_context_run(context, buffers);
        if (run && atomic_load(&allocations) != before) {
            printf("%s: %s: the second run allocates memory\n", c->file, how);
            failures++;
        }
        for (int i = 4; i < c->count; i++)
            failures += differs(c, how, &a[i], buffers[i - 3]);
    }
    rp_context_free(context);
    rp_aligned_free(weights);
    return failures;
}

/* Arguments in the order of the function, whole numbers together in one array; then the expected result. */
static int check_stage(const recorded *c, const char *isa)
{
    const rp_stages *s = rp_stages_of(isa, c->kind >= ROUNDED_EXPF);
    const array *a = c->arrays, *expected = &c->arrays[c->count - 1];
    const int64_t n = expected->bytes / 4;
    const float *x = a[0].data;
    const int64_t *size = c->count > 2 ? a[1].data : NULL;
    void *found = result(expected->bytes);
    float *y = found;
    switch (c->kind) {
    case EXPF:
    case ROUNDED_EXPF:
        s->expf(x, n, y);
        break;
    case SINF:
        for (int64_t i = 0; i < n; i++)
            y[i] = rp_sinf(x[i]);
        break;
    case COSF:
        for (int64_t i = 0; i < n; i++)
            y[i] = rp_cosf(x[i]);
        break;
    case ATAN2F:
        for (int64_t i = 0; i < n; i++)
            y[i] = rp_atan2f(x[2 * i], x[2 * i + 1]);
        break;
    case ROUNDED_SINF:
        for (int64_t i = 0; i < n; i++)
            y[i] = rp_rounded_sinf(x[i]);
        break;
    case ROUNDED_COSF:
        for (int64_t i = 0; i < n; i++)
            y[i] = rp_rounded_cosf(x[i]);
        break;
    case ROUNDED_ATAN2F:
        for (int64_t i = 0; i < n; i++)
            y[i] = rp_rounded_atan2f(x[2 * i], x[2 * i + 1]);
        break;
    case CROP_MATRIX:
        rp_crop_matrix(a[0].data, (int)size[0], found);
        break;
    case WARP:
        s->warp(a[0].data, (int)size[0], (int)size[1], a[2].data, (int)size[2], (int)size[3], a[3].data, y);
        break;
    case WARP_MASK:
        s->warp_mask(x, (int)size[0], a[2].data, (int)size[1], (int)size[2], y);
        break;
    case REFINE:
    case ROUNDED_REFINE:
        memcpy(y, x, (size_t)expected->bytes);
        s->refine(y, (int)size[0], a[2].data, (int)size[1], (int)size[2], (int)size[3], (int)size[4]);
        break;
    case DRAW_LINES:
    case DRAW_CIRCLES: {
        const rp_canvas canvas = {memset(found, 0, (size_t)expected->bytes), size[1], size[2], 3 * size[2], 3, 1, 1};
        (c->kind == DRAW_LINES ? rp_draw_lines : rp_draw_circles)(&canvas, size[0], a[0].data, a[2].data, a[3].data);
        break;
    }
    default:
        give_up(c->file, "no such kind of case");
    }
    return differs(c, isa, expected, found);
}

int main(int argc, char **argv)
{
    const char *isas[8];
    const int count = rp_isas(isas, 8);
    int failures = 0, checks = 0;
    for (int i = 1; i < argc; i++) {
        recorded c = load(argv[i]);
        for (int k = 0; k < count; k++)
            for (int threads = 1; threads <= (c.kind == PROGRAM && strcmp(isas[k], "ref") ? 3 : 1);
                 threads += 2, checks++)
                failures += c.kind == PROGRAM ? check_program(&c, isas[k], threads) : check_stage(&c, isas[k]);
        forget(&c);
    }
    printf("%d cases,", argc - 1);
    for (int k = 0; k < count; k++)
        printf(" %s", isas[k]);
    printf(": %d checks, %d results that differ\n", checks, failures);
    return failures != 0;
}
