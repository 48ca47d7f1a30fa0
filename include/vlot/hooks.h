/* vlot/hooks.h: a place for a breakpoint at every transition. Each is an exported, empty function
 * that the library calls on the thread where the transition happens, when the state has changed
 * already: `break vlot_hook_role_change`, then `finish` into the code that did it.
 *
 * Names and arguments are stable. Where sys/sdt.h was present when the library was built each is
 * also a USDT probe of provider `vlot` with the same arguments (`info probes stap vlot`). Built
 * with -DVLOT_HOOKS=OFF they are there and never called.
 *
 * node is the member, 0 the cluster; why a vlot_why. Only the library calls them.
 */
#ifndef VLOT_HOOKS_H
#define VLOT_HOOKS_H

#include "vlot/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What happens to a snapshot that comes. */
typedef enum vlot_install_stage {
  VLOT_INSTALL_BEGUN =
      0,                /* the first chunk of another snapshot, or leader; what had come is gone */
  VLOT_INSTALL_CHUNK,   /* one more */
  VLOT_INSTALL_WHOLE,   /* all of it is here: its machine is restored next */
  VLOT_INSTALL_WRITTEN, /* the machine is restored; the write that puts it in place is next */
  VLOT_INSTALL_DONE,    /* it is in place, durable */
  VLOT_INSTALL_FAILED,  /* it is not taken: why */
} vlot_install_stage;

/* Name, arguments as (type name) pairs.
 *
 * step              a step of the core is done
 * tick              its time has gone on, in its own ticks
 * election_timeout  its election timer fired, in this term
 * election          a campaign; kind 0 pre-vote, 1 vote, 2 forced
 * role_change       from and to are vlot_role
 * term_change       from one term to another
 * vote              it was asked by candidate, for term; granted 1 or 0, for pre-votes too
 * send, deliver     kind is a vlot_message_kind, message an id
 * drop              a message to a member ended without being taken, node: where
 * append            count entries from first on, of term, stand in its log
 * truncate          count entries from an index on were removed from it
 * commit            its commit index is now this, the entry there of term
 * apply             its machine has taken count entries from first on
 * fault             a link, disk or clock was changed; peer and why as in VLOT_EVENT_FAULT
 * spawn, kill       a node begins, ends
 * fenced            it refuses to go on
 * snapshot          it has a snapshot of its own machine, up to index of term, of size bytes
 * install           a leader's snapshot at index, of size bytes: stage says what happens to it, up
 *                   to `to` it is here in one piece; why, where it is refused
 * violation         the checker found a broken property at node; text says which
 */
#define VLOT_HOOKS_TABLE(X)                                                                        \
  X(step, (uint32_t node, uint64_t action))                                                        \
  X(election, (uint32_t node, uint32_t kind, uint64_t term, vlot_why why))                         \
  X(term_change, (uint32_t node, uint64_t from, uint64_t to, vlot_why why))                        \
  X(role_change, (uint32_t node, uint32_t from, uint32_t to, vlot_why why))                        \
  X(vote, (uint32_t node, uint32_t candidate, uint64_t term, uint32_t granted, vlot_why why))      \
  X(send, (uint32_t node, uint32_t to, uint32_t kind, uint64_t message))                           \
  X(deliver, (uint32_t node, uint32_t from, uint32_t kind, uint64_t message))                      \
  X(drop, (uint32_t node, uint32_t to, uint64_t message, vlot_why why))                            \
  X(append, (uint32_t node, uint64_t first, uint64_t count, uint64_t term))                        \
  X(truncate, (uint32_t node, uint64_t from, uint64_t count))                                      \
  X(commit, (uint32_t node, uint64_t index, uint64_t term))                                        \
  X(apply, (uint32_t node, uint64_t first, uint64_t count))                                        \
  X(fault, (uint32_t node, uint32_t peer, vlot_why why))                                           \
  X(spawn, (uint32_t node, uint32_t incarnation))                                                  \
  X(kill, (uint32_t node, vlot_why why))                                                           \
  X(fenced, (uint32_t node, vlot_why why))                                                         \
  X(violation, (uint32_t node, const char *text))                                                  \
  X(snapshot, (uint32_t node, uint64_t index, uint64_t term, uint64_t size))                       \
  X(install, (uint32_t node, vlot_install_stage stage, uint64_t index, uint64_t to, uint64_t size, \
              vlot_why why))                                                                       \
  X(tick, (uint32_t node, uint64_t now, uint64_t elapsed))                                         \
  X(election_timeout, (uint32_t node, uint64_t term))

/* vlot_hook_step(), vlot_hook_election() … of the table */
#define VLOT_X(name, arguments) VLOT_API void vlot_hook_##name arguments;
VLOT_HOOKS_TABLE(VLOT_X)
#undef VLOT_X

#ifdef __cplusplus
}
#endif

#endif
