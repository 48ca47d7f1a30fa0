#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr */
#endif
#include "base/pin.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

/* Weak: a static program then is not told to bring a dynamic linker with it, and an older C library
 * that keeps them elsewhere (-ldl) is no reason not to link. */
#pragma weak dlopen
#pragma weak dladdr

static const char here;

void vlot__pin_code(void) {
#if defined(RTLD_NODELETE) && defined(RTLD_NOLOAD)
  Dl_info info;
  void *(*open)(const char *, int) = dlopen;
  int (*find)(const void *, Dl_info *) = dladdr;
  if (!open || !find || !find(&here, &info) || !info.dli_fname) return;
  (void)open(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}
