/* A machine's image on its way to become a snapshot: what it is the state of is known when it is
 * frozen, in a node's turn; its bytes are written outside of it, by a host's helper (helper.c), in
 * lockstep by an action of the pending list. A machine that cannot freeze is written in the turn.
 *
 * Life    counted: by its node, by whoever writes it, by the mail that says that it is written. It
 *         may outlive its node, and the machine that it was frozen of
 * Thread  whoever writes it has it alone until it is written; then its node has
 */
#ifndef VLOT_CLUSTER_IMAGE_H
#define VLOT_CLUSTER_IMAGE_H

#include <stdatomic.h>

#include "cluster/seat.h"
#include "vlot/machine.h"
#include "vlot/raft_snapshot.h"

typedef struct vlot__image vlot__image;

struct vlot__image {
  const vlot_allocator *allocator;
  const vlot_machine *machine;
  vlot__seat *seat;
  vlot_snapshot_head head; /* configuration retained; size and checksum are known once written */
  _Atomic uint32_t references;
  _Atomic bool is_dropped;             /* nobody wants it any more: whoever writes it may stop */
  void *frozen;                        /* the machine's; NULL: there is none, or not any more */
  bool is_handed;                      /* in its node's turns: somebody writes it, or has */
  vlot__image *next;                   /* the helper's, and … */
  bool (*written)(vlot__image *image); /* … whom it tells */
  /* written: */
  vlot_result result;
  vlot_snapshot *snapshot; /* NULL unless VLOT_OK */
};

/* What is wrong with the functions of a machine's images; NULL: nothing. */
const char *vlot__machine_image_problem(const vlot_machine *machine);

/* One reference; NULL without memory. head: copied, its configuration retained. */
vlot__image *vlot__image_make(vlot__seat *seat, const vlot_snapshot_head *head);
vlot__image *vlot__image_retain(vlot__image *image);
/* NULL is allowed in both. drop: the same, and nobody wants it written any more. */
void vlot__image_release(vlot__image *image);
void vlot__image_drop(vlot__image *image);

/* Write what is frozen; user code. Whatever comes of it is in result, and nothing is frozen any
 * more. */
void vlot__image_write(vlot__image *image);
/* The same of a machine as it is now. */
void vlot__image_write_state(vlot__image *image, void *state);
/* Nothing is written: this is what has come of it, elsewhere. */
void vlot__image_fail(vlot__image *image, vlot_result result);

#endif
