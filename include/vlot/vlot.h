/* vlot: everything public. */
#ifndef VLOT_VLOT_H
#define VLOT_VLOT_H

#include "vlot/actor.h"
#include "vlot/base.h"
#include "vlot/raft.h"
#include "vlot/version.h"

#endif
