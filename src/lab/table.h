/* The nodes as a table and what is pending as a list: what a person looks at between two steps.
 * What has changed since the last look is marked by a sign, so that colours only help.
 */
#ifndef VLOT_LAB_TABLE_H
#define VLOT_LAB_TABLE_H

#include "text.h"
#include "vlot/cluster.h"

/* What there is to see at one moment. */
typedef struct vlot__table_view {
  uint64_t now;
  uint64_t actions;
  uint32_t node_count;
  vlot_node_status *nodes; /* [node_count] */
  size_t pending_count;
  vlot_pending *pending; /* [pending_count] in the order it is due, then what is held */
  /* a recorded run: what comes next is what was recorded, in whatever order all this is due */
  bool is_recorded;
  bool is_cut; /* and has no whole end */
  bool has_diverged;
  uint64_t actions_total;
} vlot__table_view;

typedef struct vlot__table_style {
  unsigned width;       /* columns; no line is longer, or as long */
  unsigned nodes_max;   /* rows; 0: all nodes */
  unsigned pending_max; /* rows; 0: everything */
  bool is_ascii;
  bool has_colour;
} vlot__table_style;

/* A cluster in lockstep, or paused, as it is now. false: no memory, and *view is empty. */
bool vlot__table_look(vlot__table_view *view, vlot_cluster *cluster);
void vlot__table_deinit(vlot__table_view *view);

/* Add the table to a text. Columns that do not fit are left out, the least important ones first.
 *
 * before   NULL: nothing is marked
 */
void vlot__table_nodes(vlot__text *out, const vlot__table_view *view,
                       const vlot__table_view *before, const vlot__table_style *style);

/* The same for the list. The first thing that is not held is what comes next, unless the run is
 * recorded. */
void vlot__table_pending(vlot__text *out, const vlot__table_view *view,
                         const vlot__table_view *before, const vlot__table_style *style);

#endif
