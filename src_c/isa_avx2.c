#define ISA avx2
#define RP_AVX2
#include "isa.inc"
