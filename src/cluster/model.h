/* What the observer knows of one member's log: term and hash chain of every entry. Kept only while
 * somebody observes (lockstep, checker, event streams); outlives the node's incarnations.
 */
#ifndef VLOT_CLUSTER_MODEL_H
#define VLOT_CLUSTER_MODEL_H

#include "vlot/raft.h"

typedef struct vlot__model_entry {
  uint64_t term;
  uint64_t chain; /* hash over (term, kind, content) of this entry and every one below it */
} vlot__model_entry;

typedef struct vlot__model {
  const vlot_allocator *allocator;
  vlot__model_entry *entries; /* [count]: of indexes base_index + 1 … */
  size_t count;
  size_t capacity;
  uint64_t base_index;
  uint64_t base_term;
  bool is_lost; /* memory ran out: chains are unknown, and read as 0, until the next reset */
} vlot__model;

void vlot__model_init(vlot__model *model, const vlot_allocator *allocator, uint64_t base_index,
                      uint64_t base_term);
void vlot__model_deinit(vlot__model *model);
void vlot__model_append(vlot__model *model, const vlot_slice *slice); /* at its end */
void vlot__model_truncate(vlot__model *model, uint64_t from);

static inline uint64_t vlot__model_last(const vlot__model *model) {
  return model->base_index + model->count;
}

/* Chain and term at an index; the base's chain is 0. False outside [base_index, last]. */
bool vlot__model_at(const vlot__model *model, uint64_t index, uint64_t *term, uint64_t *chain);

#endif
