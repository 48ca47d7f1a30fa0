/* The helper of a host: a thread that writes the images of its groups' machines, one after the
 * other, while their nodes go on. It is made for the first one, and ends with the host's last group
 * with threads. One that is stuck in user code is left alone, and the next image gets another.
 */
#ifndef VLOT_CLUSTER_HELPER_H
#define VLOT_CLUSTER_HELPER_H

#include "cluster/image.h"

typedef struct vlot__helper vlot__helper;

/* NULL without memory. close: no group is left. */
vlot__helper *vlot__helper_open(const vlot_allocator *allocator);
void vlot__helper_close(vlot__helper *helper);

/* A group with threads more, or less. leave: none of its images is written any more, nor will be;
 * VLOT_TIMEOUT: one is, by user code that has not come back in so many nanoseconds. */
void vlot__helper_enter(vlot__helper *helper);
vlot_result vlot__helper_leave(vlot__helper *helper, vlot_cluster *cluster, uint64_t stop_ns);

/* Write it, then tell its node: again and again until `written` is true. The reference is taken
 * over. False: there is no thread, and can be none. */
bool vlot__helper_take(vlot__helper *helper, vlot__image *image,
                       bool (*written)(vlot__image *image));

#endif
