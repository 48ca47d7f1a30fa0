/* A descriptor of the user's that is readable while there is news. */
#ifndef VLOT_CLUSTER_WIRE_H
#define VLOT_CLUSTER_WIRE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vlot/base.h"

typedef struct vlot__wire {
  int fd;               /* -1: none */
  _Atomic bool is_told; /* it was written to, and nobody has taken all since */
} vlot__wire;

/* VLOT_INVALID: a function and a descriptor, or one that would block or cannot be written to. */
vlot_result vlot__wire_check(bool has_function, int fd);
void vlot__wire_init(vlot__wire *wire, int fd);
void vlot__wire_tell(vlot__wire *wire);  /* there is news; once until taken */
void vlot__wire_taken(vlot__wire *wire); /* all of it, before the last look for more */

#endif
