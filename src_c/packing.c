/* Sparse pointwise weights, packed when a network is loaded: a loop over all weights of the detector, which would
 * take NumPy a good part of the time until the first result. The other weights are packed by refpose/packing.py. */
#include "packing.h"

#include <string.h>

/* The outputs in the order of how many weights they have among inputs [first, end), fewest first; counted in `used`. */
static void order_outputs(const float *kernel, int outputs, int inputs, int first, int end, int32_t *used,
                          int32_t *order, int32_t *from)
{
    memset(from, 0, (size_t)(end - first + 2) * sizeof *from);
    for (int n = 0; n < outputs; n++) {
        used[n] = 0;
        for (int k = first; k < end; k++)
            used[n] += kernel[(int64_t)n * inputs + k] != 0;
        from[used[n] + 1]++;
    }
    for (int count = 0; count <= end - first; count++)
        from[count + 1] += from[count];
    for (int n = 0; n < outputs; n++)
        order[from[used[n]]++] = n;
}

int64_t rp_pack_sparse(const float *kernel, const float *bias, int outputs, int inputs, int chunk, int32_t plane,
                       int32_t *scratch, float *to)
{
    int32_t *used = scratch, *order = used + outputs, *from = order + outputs;
    const int64_t head = (outputs + 3) / 4 * 4;
    rp_pair *pair = (rp_pair *)(to + head);
    memset(to, 0, (size_t)head * sizeof *to);
    memcpy(to, bias, (size_t)outputs * sizeof *to);
    for (int first = 0; first < inputs; first += chunk) {
        const int end = inputs - first < chunk ? inputs : first + chunk;
        order_outputs(kernel, outputs, inputs, first, end, used, order, from);
        for (int i = 0; i < outputs; i += 2) {
            const int two[2] = {order[i], order[i + 1 < outputs ? i + 1 : i]};
            const int count = used[two[1]]; /* the second has as many or more */
            *pair++ = (rp_pair){.output = {two[0], two[1]}, .count = count};
            for (int q = 0; q < 2; q++) {
                int taps = 0; /* every weight is written, a zero where the next one goes: no branch to mispredict */
                for (int k = first; k < end; k++) {
                    const float weight = kernel[(int64_t)two[q] * inputs + k];
                    pair[taps].at[q] = k * plane, pair[taps].weight[q] = weight;
                    taps += weight != 0;
                }
                for (; taps < count; taps++)
                    pair[taps].at[q] = first * plane, pair[taps].weight[q] = 0;
            }
            pair += count;
        }
    }
    return (float *)pair - to;
}
