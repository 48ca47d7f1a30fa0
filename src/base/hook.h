/* VLOT_HOOK(name, arguments): call vlot_hook_name, unless the build leaves hooks out. */
#ifndef VLOT_BASE_HOOK_H
#define VLOT_BASE_HOOK_H

#include "vlot/hooks.h"

#ifdef VLOT_WITHOUT_HOOKS
#define VLOT_HOOK(name, arguments) ((void)0)
#else
#define VLOT_HOOK(name, arguments) vlot_hook_##name arguments
#endif

#endif
