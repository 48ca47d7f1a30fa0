/* The nodes as a table and what is pending as a list: what a person looks at between two steps.
 * What has changed since the last look is marked by a sign, so that colours only help.
 */
#ifndef VLOT_LAB_TABLE_H
#define VLOT_LAB_TABLE_H

#include "view.h"

typedef struct vlot__table_view {
  vlot__view_nodes nodes;
  vlot__view_pending pending;
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
