/* The data set that comes along: data/zones.txt, built in. Lines of the input format; not
 * terminated by a zero. */
#ifndef VLOT_LAB_DATASET_H
#define VLOT_LAB_DATASET_H

#include <stddef.h>

extern const char vlot__dataset[]; /* [vlot__dataset_size] */
extern const size_t vlot__dataset_size;

#endif
