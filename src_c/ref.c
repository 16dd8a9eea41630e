/* Every kernel as plain loops: what the fast ones must return, bit for bit; with what it asks of a step and how much
 * scratch memory it takes. The rows of kernels.h name these functions. */
#include "checks.inc"

#include "plain.inc"

#include "plain_dense.inc"
#include "plain_elementwise.inc"
#include "plain_mask_head.inc"
#include "plain_planar.inc"

rp_kernel *const rp_table_ref[RP_COUNT] = {
#define RP_ROW(name, check, scratch, text) [RP_##name] = name,
    RP_KERNELS(RP_ROW)
#undef RP_ROW
};

const rp_contract rp_contracts[RP_COUNT] = {
#define RP_ROW(name, check, scratch, text) [RP_##name] = {#name, text, check, scratch},
    RP_KERNELS(RP_ROW)
#undef RP_ROW
};
