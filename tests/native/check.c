/* check CASE...: does what the recorded cases say, with every instruction set of this CPU, and compares the bits.
 *
 * No Python is needed, so that it runs under an emulator, a sanitizer, or built by any compiler. cases.py writes the
 * cases. A case is a file of 64-bit numbers in the machine's byte order: its kind, then for each array the number of
 * bytes and the bytes, padded to a multiple of eight. What the arrays of a kind are is said where they are used
 * below. */
#include "context.h"
#include "draw.h"
#include "jpeg.h"
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

enum { MAX_ARRAYS = 24, MAX_NAME = 32, CANARY = 0x5a };
typedef struct {
    int64_t bytes;
    void *data; /* its own piece of memory, so that a sanitizer sees its end */
} array;

typedef struct {
    const char *file;
    char kind[MAX_NAME];
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
    if (!f || fread(c.kind, sizeof c.kind, 1, f) != 1 || c.kind[MAX_NAME - 1])
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

/* Every stage of stages.h is checked by a function of its name; a: its arguments, whole numbers together in one array;
 * y: room for its results, one behind the other. */

static void check_expf(const rp_stages *s, const array *a, void *y) { s->expf(a[0].data, a[0].bytes / 4, y); }

static void check_probability(const rp_stages *s, const array *a, void *y)
{
    s->probability(a[0].data, a[0].bytes / 4, y);
}

static void check_warp(const rp_stages *s, const array *a, void *y)
{
    const int64_t *size = a[1].data;
    const float *scaling = a[3].data;
    s->warp(a[0].data, (int)size[0], (int)size[1], a[2].data, (int)size[2], (int)size[3], scaling[0], scaling[1],
            (int)size[4], y);
}

static void check_warp_mask(const rp_stages *s, const array *a, void *y)
{
    const int64_t *size = a[1].data;
    void *scratch = memory(4 * rp_mask_scratch((int)size[0], (int)size[1]));
    const int width = (int)size[1], height = (int)size[2], some = height / 3;
    float *rest = (float *)y + (int64_t)some * width;
    s->warp_mask(a[0].data, (int)size[0], a[2].data, width, 0, some, scratch, y);
    s->warp_mask(a[0].data, (int)size[0], a[2].data, width, some, height - some, scratch, rest);
    free(scratch);
}

/* size: rows, columns, channels, depth. weights: of the last layer, where depth is not 0, with the biases behind. */
static rp_heatmap heatmap(const int64_t *size, const array *values, const array *weights)
{
    rp_heatmap map = {(int)size[0], (int)size[1], (int)size[2], (int)size[3], values->data, NULL, NULL};
    if (map.depth)
        map.kernel = weights->data, map.bias = map.kernel + size[2] * size[3];
    return map;
}

static void check_refine(const rp_stages *s, const array *a, void *y)
{
    const int64_t *size = a[1].data;
    const rp_heatmap map = heatmap(size + 2, a + 2, a + 3);
    memcpy(y, a[0].data, (size_t)a[0].bytes);
    s->refine(y, (int)size[0], &map, (int)size[1]);
}

static void check_landmarks(const rp_stages *s, const array *a, void *y)
{
    const int64_t *size = a[1].data, n = size[0];
    const float *square = a[4].data;
    const rp_heatmap map = heatmap(size + 2, a + 2, a + 3);
    rp_square region;
    memcpy(&region, square + 1, sizeof region);
    s->landmarks(a[0].data, (int)n, square[0], &map, (int)size[1], &region, y, (float *)y + 3 * n, (float *)y + 4 * n);
}

static void check_one_euro(const rp_stages *s, const array *a, void *y)
{
    const int64_t n = a[0].bytes / 4;
    const double *limits = a[2].data, *scales = a[3].data;
    double *states = memcpy(y, a[1].data, (size_t)a[1].bytes);
    s->one_euro(a[0].data, n, &(rp_euro){limits, limits + n, limits + 2 * n}, scales[0], scales[1], states, states + n,
                states + 2 * n, (float *)(states + 3 * n));
}

static void check_network_input(const rp_stages *s, const array *a, void *y)
{
    const int64_t *size = a[1].data;
    const double *limits = a[2].data;
    rp_axis axes[2];
    for (int i = 0; i < 2; i++) {
        const array *axis = a + 4 + 5 * i;
        axes[i] = (rp_axis){(int)(axis[0].bytes / 4),
                            (int)(axis[4].bytes / 8) - 1,
                            axis[0].data,
                            axis[1].data,
                            axis[2].data,
                            axis[3].data,
                            axis[4].data};
    }
    void *scratch = memory(8 * rp_input_scratch((int)size[0], (int)size[1], axes[0].radius));
    s->network_input(a[0].data, (int)size[0], (int)size[1], &axes[0], &axes[1], limits[0], limits[1], a[3].data,
                     (int)size[2], scratch, y);
    free(scratch);
}

static void check_find_peaks(const rp_stages *s, const array *a, void *y)
{
    const int64_t *size = a[1].data;
    void *scratch = memory(8 * 11 * size[1] * size[2]);
    s->find_peaks(a[0].data, (int)size[0], (int)size[1], (int)size[2], a[2].bytes ? a[2].data : NULL, scratch, y,
                  (float *)y + size[2]);
    free(scratch);
}

/* What there is once, rather than for each instruction set. */

#define CHECK_ANGLE(name, function)                                                                                    \
    static void check_##name(const rp_stages *s, const array *a, void *y)                                              \
    {                                                                                                                  \
        (void)s;                                                                                                       \
        for (int64_t i = 0; i < a[0].bytes / 4; i++)                                                                   \
            ((float *)y)[i] = function(((float *)a[0].data)[i]);                                                       \
    }
#define CHECK_POINT(name, function)                                                                                    \
    static void check_##name(const rp_stages *s, const array *a, void *y)                                              \
    {                                                                                                                  \
        (void)s;                                                                                                       \
        for (int64_t i = 0; i < a[0].bytes / 8; i++)                                                                   \
            ((float *)y)[i] = function(((float *)a[0].data)[2 * i], ((float *)a[0].data)[2 * i + 1]);                  \
    }
CHECK_ANGLE(sinf, rp_sinf)
CHECK_ANGLE(cosf, rp_cosf)
CHECK_POINT(atan2f, rp_atan2f)
CHECK_ANGLE(rounded_sinf, rp_rounded_sinf)
CHECK_ANGLE(rounded_cosf, rp_rounded_cosf)
CHECK_POINT(rounded_atan2f, rp_rounded_atan2f)

static void check_crop_matrix(const rp_stages *s, const array *a, void *y)
{
    (void)s;
    rp_crop_matrix(a[0].data, (int)*(int64_t *)a[1].data, y);
}

static void check_drawing(const array *a, void *y,
                          void (*draw)(const rp_canvas *, int64_t, const int32_t *, const void *, const int32_t *))
{
    const int64_t *size = a[1].data, height = size[1], width = size[2];
    const rp_canvas canvas = {memset(y, 0, (size_t)(3 * height * width)), height, width, 3 * width, 3, 1, 1};
    draw(&canvas, size[0], a[0].data, a[2].data, a[3].data);
}

static void check_draw_lines(const rp_stages *s, const array *a, void *y)
{
    (void)s;
    check_drawing(a, y, rp_draw_lines);
}

static void check_draw_circles(const rp_stages *s, const array *a, void *y)
{
    (void)s;
    check_drawing(a, y, rp_draw_circles);
}

static void check_jpeg(const rp_stages *s, const array *a, void *y)
{
    (void)s;
    rp_jpeg_size size;
    if (!rp_jpeg_read_size(a[0].data, a[0].bytes, &size))
        rp_jpeg_decode(a[0].data, a[0].bytes, *(int64_t *)a[1].data != 0, y);
}

static struct {
    const char *name;
    void (*check)(const rp_stages *stages, const array *arguments, void *results);
    int cases;
} functions[] = {
#define RP_ROW(name, arguments) {#name, check_##name, 0},
    RP_STAGES(RP_ROW)
#undef RP_ROW
        {"sinf", check_sinf, 0},
    {"cosf", check_cosf, 0},
    {"atan2f", check_atan2f, 0},
    {"rounded_sinf", check_rounded_sinf, 0},
    {"rounded_cosf", check_rounded_cosf, 0},
    {"rounded_atan2f", check_rounded_atan2f, 0},
    {"crop_matrix", check_crop_matrix, 0},
    {"draw_lines", check_draw_lines, 0},
    {"draw_circles", check_draw_circles, 0},
    {"jpeg", check_jpeg, 0},
};

enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* Arguments in the order of the function; then the expected result. A stage's name behind "rounded_" is the stage with
 * the correctly rounded functions. */
static int check_function(const recorded *c, const char *isa)
{
    const array *expected = &c->arrays[c->count - 1];
    const int rounded = !strncmp(c->kind, "rounded_", 8);
    for (int pass = 0; pass <= rounded; pass++)
        for (int i = 0; i < FUNCTIONS; i++)
            if (!strcmp(functions[i].name, pass ? c->kind + 8 : c->kind)) {
                void *found = result(expected->bytes);
                functions[i].check(rp_stages_of(isa, rounded), c->arrays, found);
                functions[i].cases++;
                return differs(c, isa, expected, found);
            }
    give_up(c->file, "no such kind of case");
    return 1;
}

int main(int argc, char **argv)
{
    const char *isas[8];
    const int count = rp_isas(isas, 8);
    int failures = 0, checks = 0;
    for (int i = 1; i < argc; i++) {
        recorded c = load(argv[i]);
        const int program = !strcmp(c.kind, "program");
        for (int k = 0; k < count; k++)
            for (int threads = 1; threads <= (program && strcmp(isas[k], "ref") ? 3 : 1); threads += 2, checks++)
                failures += program ? check_program(&c, isas[k], threads) : check_function(&c, isas[k]);
        forget(&c);
    }
    for (int i = 0; i < FUNCTIONS; i++)
        if (!functions[i].cases) {
            printf("no case of %s\n", functions[i].name);
            failures++;
        }
    printf("%d cases,", argc - 1);
    for (int k = 0; k < count; k++)
        printf(" %s", isas[k]);
    printf(": %d checks, %d results that differ\n", checks, failures);
    return failures != 0;
}
