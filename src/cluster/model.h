/* What the observer knows of one member's log: term and hash chain of its entries. Kept only while
 * somebody observes (lockstep, checker, event streams); outlives the node's incarnations.
 *
 * It is a window: far below what its member has applied, entries are forgotten, and of all of them
 * the chain at the base is left. As a chain goes over everything below it, members whose bases
 * differ can be compared wherever both know an entry.
 */
#ifndef VLOT_CLUSTER_MODEL_H
#define VLOT_CLUSTER_MODEL_H

#include "cluster/span.h"
#include "vlot/raft.h"

typedef struct vlot__model {
  vlot__span span;
  /* chains go over the entries above this index. 0, unless the log's first entries were compacted
   * before anybody looked: chains of different origins say nothing about each other */
  uint64_t origin;
  bool is_lost; /* memory ran out: chains are unknown, and read as 0, until the next reset */
} vlot__model;

/* Empty, above a base whose chain is 0. */
void vlot__model_init(vlot__model *model, const vlot_allocator *allocator, uint64_t base_index,
                      uint64_t base_term);
void vlot__model_deinit(vlot__model *model);

/* Begin again above a base, whose chain is kept if it is known here, else 0. */
void vlot__model_reset(vlot__model *model, uint64_t base_index, uint64_t base_term);

/* Begin again at a snapshot, whose chain came with it; 0: it is not known, and then it goes on as
 * above. */
void vlot__model_restart(vlot__model *model, uint64_t index, uint64_t term, uint64_t chain);

void vlot__model_append(vlot__model *model, const vlot_slice *slice); /* at its end */
void vlot__model_truncate(vlot__model *model, uint64_t from);

/* Its member has applied everything up to an index: forget what is more than `window` entries below
 * it. In whole segments, so that up to one more is known.
 */
void vlot__model_forget(vlot__model *model, uint64_t applied, uint64_t window);

static inline uint64_t vlot__model_base(const vlot__model *model) { return model->span.base_index; }

static inline uint64_t vlot__model_last(const vlot__model *model) { return model->span.last_index; }

/* Chain and term at an index; false, with both 0, outside [base, last] and when it is lost. */
bool vlot__model_at(const vlot__model *model, uint64_t index, uint64_t *term, uint64_t *chain);

#endif
