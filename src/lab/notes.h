/* Lints as lines: what an expert would warn of, on stderr, so that no output is disturbed. */
#ifndef VLOT_LAB_NOTES_H
#define VLOT_LAB_NOTES_H

#include "vlot/cluster.h"

/* Of settings, before the cluster is used. */
void vlot__notes_settings(const vlot_cluster_options *options);

/* Of what ran badly so far, one line for each kind and node. */
void vlot__notes_running(vlot_cluster *cluster);

#endif
