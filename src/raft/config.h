/* Configurations: who belongs to a cluster, by which disk, and what makes a quorum of them. The
 * only place that counts quorums (thesis 4.3).
 *
 * A configuration is a value: immutable and reference-counted. It has one half, or two while it is
 * joint: then whatever needs a quorum needs one of each half, and a member may stand in both with
 * different disks. A voter is (member, disk): what is said from a disk that a half does not name
 * counts for nothing in it.
 *
 * A core has a stack of them: the one at the log's base, and above it one per entry of kind CONFIG.
 * Appending such an entry pushes, truncating it pops; the top is in force at once, committed or not
 * (thesis 4.1).
 */
#ifndef VLOT_RAFT_CONFIG_H
#define VLOT_RAFT_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>

#include "vlot/raft.h"

enum { VLOT__CONFIG_HALVES = 2, VLOT__CONFIG_MEMBER_BYTES = 16 };

struct vlot_configuration {
  const vlot_allocator *allocator;
  _Atomic uint32_t references;
  uint32_t half_count;                  /* 2: joint */
  uint32_t counts[VLOT__CONFIG_HALVES]; /* members of each half … */
  uint32_t voters[VLOT__CONFIG_HALVES]; /* … of whom so many vote */
  uint32_t peer_count;                  /* ids that stand in either half */
  uint32_t wish_count;                  /* members with a wish */
  vlot_member members[];                /* the half to come, then the old one */
};

/* Make one of members [count] and, while joint, old [old_count]; old_count 0: it is simple. Valid
 * ones only (vlot_configuration_problem()), or none at all. NULL without memory.
 */
vlot_configuration *vlot__config_make(const vlot_allocator *allocator, const vlot_member *members,
                                      uint32_t count, const vlot_member *old, uint32_t old_count);

/* Room for so many members, to be filled in, and the end of it: what is counted is counted. */
vlot_configuration *vlot__config_begin(const vlot_allocator *allocator, uint32_t count,
                                       uint32_t old_count);
void vlot__config_end(vlot_configuration *configuration);

/* Is it one that a cluster can have: is there no problem with either half, and, where it is joint,
 * are they two, without wishes? It need not be ended. */
bool vlot__config_is_legal(const vlot_configuration *configuration);

/* Do two lists have the same members by the same disks, in whatever order? Wishes count for
 * nothing. */
bool vlot__config_is_alike(const vlot_member *one, uint32_t one_count, const vlot_member *other,
                           uint32_t other_count);

/* --- config_codec.c: the members' rows, as in an entry and in a chunk of a snapshot --- */
uint8_t *vlot__config_put_members(uint8_t *at, const vlot_configuration *configuration);
/* at: [count + old_count] rows; VLOT_OK, VLOT_CORRUPT or VLOT_NOMEM. */
vlot_result vlot__config_take_members(const vlot_allocator *allocator, const uint8_t *at,
                                      uint32_t count, uint32_t old_count, vlot_configuration **out);

/* Do they have the same members in the same order, by the same disks? NULL: there is none. */
bool vlot__config_is_same(const vlot_configuration *one, const vlot_configuration *other);

/* How a member stands in one half; NULL: it does not. */
const vlot_member *vlot__config_member(const vlot_configuration *configuration, uint32_t half,
                                       uint32_t id);

static inline bool vlot__config_stands(const vlot_configuration *configuration, uint32_t id) {
  return vlot__config_member(configuration, 0, id) ||
         (configuration->half_count > 1 && vlot__config_member(configuration, 1, id));
}

/* --- the stack of a core --- */

typedef struct vlot__config_place {
  uint64_t index; /* of the entry; in the lowest one, the base */
  vlot_configuration *configuration;
} vlot__config_place;

typedef struct vlot__configs {
  const vlot_allocator *allocator;
  /* [capacity], [0, count) by ascending index; [0] is the base's */
  vlot__config_place *places;
  size_t count;
  size_t capacity;
} vlot__configs;

/* Begin with the base's, retained; false without memory. */
bool vlot__configs_init(vlot__configs *configs, const vlot_allocator *allocator, uint64_t index,
                        vlot_configuration *configuration);
void vlot__configs_deinit(vlot__configs *configs);

/* Room for [more] further ones; false without memory, with nothing changed. */
bool vlot__configs_reserve(vlot__configs *configs, size_t more);

/* The entry at an index brings a configuration, which is in force from now on; retained. Room must
 * have been reserved; index is above all that stand there. */
void vlot__configs_push(vlot__configs *configs, uint64_t index, vlot_configuration *configuration);

/* Entries from an index on are removed, and with them what they brought; from is above the base.
 * true: another configuration is in force. */
bool vlot__configs_truncate(vlot__configs *configs, uint64_t from);

/* The base is another one: of those up to it only the last is known any more, which is in force
 * there. */
void vlot__configs_compact(vlot__configs *configs, uint64_t base);

/* Begin at a snapshot, with its configuration, retained. Cannot fail. */
void vlot__configs_restart(vlot__configs *configs, uint64_t index,
                           vlot_configuration *configuration);

static inline const vlot__config_place *vlot__configs_top(const vlot__configs *configs) {
  return &configs->places[configs->count - 1];
}

/* --- counting: what the peers of a core add up to, in its configuration in force --- */

struct vlot__peer;

/* Votes counted, and what that means. While joint, granted and quorum are of the half that lacks
 * most. */
typedef struct vlot__config_tally {
  uint32_t granted;
  uint32_t quorum;
  bool is_won;
  bool is_lost; /* so many have refused that it cannot be won any more */
} vlot__config_tally;

vlot__config_tally vlot__config_count_votes(const vlot_raft *raft);

/* The highest value that a quorum has reached. raft->scratch [peer_count] holds each peer's, in the
 * order of peers; that of a disk that does not count is taken for 0. */
uint64_t vlot__config_reached(vlot_raft *raft);

/* Has a quorum acknowledged all up to an index, from disks that count? */
bool vlot__config_has_matched(const vlot_raft *raft, uint64_t index);

/* Has a quorum, oneself included, been heard from since the last look? */
bool vlot__config_has_contact(const vlot_raft *raft);

/* Votes needed; while joint, in the half to come. */
uint32_t vlot__config_quorum(const vlot_raft *raft);

/* Has it no member? Then the core waits to hear of one that has. */
bool vlot__config_is_awaited(const vlot_raft *raft);

/* Does this node vote in the configuration beneath the one in force, which is not known to be
 * committed? Then it may still be needed until it is (thesis 4.2.2). */
bool vlot__config_was_voter(const vlot_raft *raft);

/* Is this node alone the quorum? */
bool vlot__config_is_sole_voter(const vlot_raft *raft);

#endif
