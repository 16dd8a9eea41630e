/* The plain twins by name. */
#ifndef RP_REF_H
#define RP_REF_H

#include "kernels.h"

#define RP_ROW(name, what) rp_kernel rp_##name##__ref;
RP_KERNELS(RP_ROW)
#undef RP_ROW

#endif
