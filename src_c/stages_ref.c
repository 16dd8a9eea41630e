/* The stages without any flags for an instruction set. */
#define ISA ref
#include "stages.inc"
