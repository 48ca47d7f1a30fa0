/* vlot: everything public. */
#ifndef VLOT_VLOT_H
#define VLOT_VLOT_H

#include "vlot/actor.h"
#include "vlot/actor_lend.h"
#include "vlot/actor_statem.h"
#include "vlot/actor_supervisor.h"
#include "vlot/base.h"
#include "vlot/cluster.h"
#include "vlot/event.h"
#include "vlot/history.h"
#include "vlot/hooks.h"
#include "vlot/host.h"
#include "vlot/journal.h"
#include "vlot/lint.h"
#include "vlot/machine.h"
#include "vlot/raft.h"
#include "vlot/raft_log.h"
#include "vlot/raft_snapshot.h"
#include "vlot/storage.h"
#include "vlot/verb.h"
#include "vlot/version.h"
#include "vlot/watch.h"
#include "vlot/why.h"

#endif
