/* Handlers of the command table's rows, in the files verbs_*.c. */
#ifndef VLOT_LAB_VERBS_H
#define VLOT_LAB_VERBS_H

#include "command.h"

typedef bool vlot__verbs_handler(vlot__workspace *workspace, const vlot__arguments *arguments);

/* setting up */
vlot__verbs_handler vlot__verbs_learners, vlot__verbs_seed, vlot__verbs_start, vlot__verbs_batch;
/* doing */
vlot__verbs_handler vlot__verbs_step, vlot__verbs_tick, vlot__verbs_until, vlot__verbs_deliver,
    vlot__verbs_drop, vlot__verbs_hold, vlot__verbs_release, vlot__verbs_duplicate,
    vlot__verbs_delay, vlot__verbs_timeout, vlot__verbs_kill, vlot__verbs_spawn,
    vlot__verbs_restart, vlot__verbs_suspend, vlot__verbs_resume, vlot__verbs_partition,
    vlot__verbs_cut, vlot__verbs_heal, vlot__verbs_link, vlot__verbs_disk, vlot__verbs_clock,
    vlot__verbs_campaign, vlot__verbs_elect, vlot__verbs_stepdown, vlot__verbs_forget,
    vlot__verbs_switches, vlot__verbs_propose, vlot__verbs_read;
/* looking */
vlot__verbs_handler vlot__verbs_nodes, vlot__verbs_status, vlot__verbs_log, vlot__verbs_net,
    vlot__verbs_timers, vlot__verbs_events, vlot__verbs_check, vlot__verbs_lints, vlot__verbs_help;

/* the history */
vlot__verbs_handler vlot__verbs_why, vlot__verbs_next, vlot__verbs_back, vlot__verbs_goto,
    vlot__verbs_fork, vlot__verbs_branches, vlot__verbs_save;

/* The index up to which the leader knows a node's log to agree with its own; 0: none, it leads, or
 * there is no leader. */
uint64_t vlot__why_match(vlot__workspace *workspace, uint32_t id);

/* A result that is not OK becomes a problem at a word; true: it was OK. */
bool vlot__verbs_result(vlot__workspace *workspace, unsigned word, vlot_result result);

#endif
