#ifndef RP_PACKING_H
#define RP_PACKING_H

#include "kernels.h"

/* Packs an (outputs, inputs) matrix and its biases as drawn in layout.h, `chunk` inputs at a time; `plane` is the
 * distance of the input's planes. The outputs of a pair have about as many weights, and so have neighbouring pairs,
 * which makes the ends of their loops predictable. `scratch` has room for 2 * outputs + chunk + 2 numbers. Returns
 * how many floats `to` holds then; the rp_pair behind them is written to as well. */
int64_t rp_pack_sparse(const float *kernel, const float *bias, int outputs, int inputs, int chunk, int32_t plane,
                       int32_t *scratch, float *to);

#endif
