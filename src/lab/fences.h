/* Who is fenced because memory ran out: a run that loses its nodes to that is not stuck, and cannot
 * get better. */
#ifndef VLOT_LAB_FENCES_H
#define VLOT_LAB_FENCES_H

#include "vlot/cluster.h"

typedef struct vlot__fences {
  uint32_t count;      /* members fenced for want of memory */
  uint32_t voters;     /* so many of them vote, … */
  uint32_t all_voters; /* … of so many */
} vlot__fences;

/* Looks at every member. text: [size] "n1 and n2 were fenced because memory ran out: at tick 12 and
 * 13"; "" when nobody is. NULL with size 0.
 */
vlot__fences vlot__fences_look(vlot_cluster *cluster, char *text, size_t size);

/* Has memory run out: is a node fenced for want of it, or can this process get no more? Where it
 * ran out at a node the others are not far from it; where it cannot even be fenced nothing is told.
 */
bool vlot__fences_are_short(vlot_cluster *cluster);

/* Is a quorum of the voters gone that way? Then nothing is committed any more. */
bool vlot__fences_stop(vlot_cluster *cluster);

#endif
