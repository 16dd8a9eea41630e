#define ISA avx512
#define RP_AVX512
#include "isa.inc"
