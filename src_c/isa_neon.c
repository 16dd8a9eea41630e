#define ISA neon
#define RP_NEON
#include "isa.inc"
