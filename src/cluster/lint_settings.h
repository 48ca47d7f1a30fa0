#ifndef VLOT_CLUSTER_LINT_SETTINGS_H
#define VLOT_CLUSTER_LINT_SETTINGS_H

#include "vlot/cluster.h"
#include "vlot/lint.h"

/* a thread can wait so long for a core where others compute */
enum { VLOT__LINT_SHORT_US = 10000 };

typedef struct vlot__lint_list {
  vlot_lint *lints; /* [capacity] */
  size_t capacity;
  size_t count; /* wanted so far */
} vlot__lint_list;

void vlot__lint_add(vlot__lint_list *all, uint32_t number, uint32_t node, uint64_t value,
                    uint64_t other);
/* Of a cluster with these settings, so many members and so many voters among them. */
void vlot__lint_add_settings(vlot__lint_list *all, const vlot_cluster_options *options,
                             uint32_t members, uint32_t voters);

#endif
