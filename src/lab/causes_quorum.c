/* Which event completed a quorum: told from CONFIG, LEADER, MATCH and DURABLE alone. */
#include "causes_quorum.h"

#include <stdlib.h>
#include <string.h>

enum {
  MEMBERS = 64,  /* of a configuration; a larger one is not looked at */
  RAISED = 1024, /* changes in one step; more are not looked at */
};

/* A match that was raised, or taken back, in the step under way. */
typedef struct raised {
  uint32_t place; /* of the peer */
  uint64_t from;
  uint64_t to;
  uint64_t cause;
} raised;

typedef struct member {
  uint32_t id;
  uint32_t roles;
  bool is_seen; /* since a START */
  bool is_leading;
  bool is_wiped;         /* it starts next from a disk that counts for nothing … */
  uint32_t foreign_from; /* … as every life of it does from this one on; 0: none */
  uint64_t commit;
  uint64_t durable;
  uint64_t durable_event; /* of this step; 0 */
  uint64_t match[MEMBERS];
  bool is_counted[MEMBERS]; /* its last reply came from a disk that counts */
  raised *raised;           /* [raised_count] of this step */
  size_t raised_count;
} member;

struct vlot__causes_quorum {
  member members[MEMBERS];
  uint32_t count; /* 0: no configuration is known */
};

vlot__causes_quorum *vlot__causes_quorum_open(void) {
  return calloc(1, sizeof(vlot__causes_quorum));
}

void vlot__causes_quorum_close(vlot__causes_quorum *quorum) {
  for (size_t k = 0; quorum && k < MEMBERS; k++) free(quorum->members[k].raised);
  free(quorum);
}

static uint32_t place_of(const vlot__causes_quorum *quorum, uint32_t id) {
  for (uint32_t k = 0; k < quorum->count; k++)
    if (quorum->members[k].id == id) return k;
  return MEMBERS;
}

static void take_config(vlot__causes_quorum *quorum, const vlot_event *event) {
  uint32_t place = event->as.config.place;
  quorum->count = event->as.config.count <= MEMBERS ? event->as.config.count : 0;
  if (place >= quorum->count) return;
  quorum->members[place].id = event->peer;
  quorum->members[place].roles = event->as.config.roles;
}

static void start(member *one, const vlot_event *event) {
  if (one->is_wiped && one->foreign_from == 0) one->foreign_from = event->incarnation;
  one->is_seen = true;
  one->is_leading = false;
  one->commit = event->as.step.after.commit_index;
  one->durable = event->as.step.after.last_index;
}

static bool counts(const member *one, uint32_t incarnation) {
  return one->foreign_from == 0 || incarnation < one->foreign_from;
}

static void lead(vlot__causes_quorum *quorum, member *one, const vlot_event *event) {
  uint32_t own = place_of(quorum, event->node);
  one->is_leading = true;
  memset(one->match, 0, sizeof one->match);
  memset(one->is_counted, 0, sizeof one->is_counted);
  one->match[own] = one->durable;
  one->is_counted[own] = counts(one, event->incarnation);
}

static void raise_match(member *one, uint32_t place, const vlot_event *event) {
  if (place >= MEMBERS) return;
  one->match[place] = event->as.change.to;
  if (!one->raised) one->raised = calloc(RAISED, sizeof *one->raised);
  if (one->raised && one->raised_count < RAISED)
    one->raised[one->raised_count] = (raised){.place = place,
                                              .from = event->as.change.from,
                                              .to = event->as.change.to,
                                              .cause = event->cause};
  one->raised_count++;
}

void vlot__causes_quorum_feed(vlot__causes_quorum *quorum, const vlot_event *event, uint32_t life) {
  if (event->kind == VLOT_EVENT_CONFIG) take_config(quorum, event);
  uint32_t place = place_of(quorum, event->node), peer;
  if (place == MEMBERS) return;
  member *one = &quorum->members[place];
  switch ((vlot_event_kind)event->kind) {
  case VLOT_EVENT_RESTART:
    one->is_wiped |= event->why == VLOT_WHY_FOREIGN_DISK || event->as.change.from == 2;
    return;
  case VLOT_EVENT_START: start(one, event); return;
  case VLOT_EVENT_KILL: one->is_seen = one->is_leading = false; return;
  case VLOT_EVENT_STEP:
    one->raised_count = 0;
    one->durable_event = 0;
    return;
  case VLOT_EVENT_LEADER: lead(quorum, one, event); return;
  case VLOT_EVENT_STEP_DOWN: one->is_leading = false; return;
  case VLOT_EVENT_TRUNCATE:
    if (one->durable >= event->as.slice.first) one->durable = event->as.slice.first - 1;
    return;
  case VLOT_EVENT_DURABLE:
    one->durable = event->as.change.to;
    one->durable_event = vlot_event_id(event->node, event->sequence);
    if (one->durable > one->match[place]) one->match[place] = one->durable;
    return;
  case VLOT_EVENT_MATCH:
    peer = place_of(quorum, event->peer);
    raise_match(one, peer, event);
    if (peer < MEMBERS) /* of a life that is forgotten: as it is now */
      one->is_counted[peer] = counts(&quorum->members[peer], life ? life : UINT32_MAX);
    return;
  case VLOT_EVENT_COMMIT: one->commit = event->as.slice.first + event->as.slice.count - 1; return;
  case VLOT_EVENT_SNAPSHOT_INSTALLED: /* in place of the log */
    one->commit = one->durable = event->as.change.to;
    return;
  default: return;
  }
}

/* When each member had the entry: 0 before the step, 1 by its own disk, 2 … by the k-th raise. */
static void find_times(const member *one, uint32_t own, uint32_t count, uint64_t index,
                       size_t times[MEMBERS]) {
  for (uint32_t k = 0; k < count; k++)
    times[k] = one->is_counted[k] && one->match[k] >= index ? 0 : SIZE_MAX;
  if (times[own] == 0 && one->durable_event != 0) times[own] = 1;
  for (size_t k = 0; k < one->raised_count; k++) {
    const raised *raise = &one->raised[k];
    if (raise->from < index && index <= raise->to && times[raise->place] != SIZE_MAX)
      times[raise->place] = k + 2;
  }
}

/* With which of them a quorum of the voters with a role had it; SIZE_MAX: with none. */
static size_t quorum_time(const vlot__causes_quorum *quorum, const size_t times[MEMBERS],
                          uint32_t role) {
  uint32_t voters = 0;
  size_t least = SIZE_MAX;
  for (uint32_t k = 0; k < quorum->count; k++) voters += (quorum->members[k].roles & role) != 0;
  if (voters == 0) return 0;
  for (uint32_t k = 0; k < quorum->count; k++) {
    uint32_t there = 0;
    for (uint32_t m = 0; m < quorum->count; m++)
      there += (quorum->members[m].roles & role) != 0 && times[m] <= times[k];
    if (there >= voters / 2 + 1 && times[k] < least) least = times[k];
  }
  return least;
}

bool vlot__causes_quorum_completed(const vlot__causes_quorum *quorum, const vlot_event *commit,
                                   uint64_t *cause) {
  uint32_t own = place_of(quorum, commit->node);
  size_t times[MEMBERS];
  if (own == MEMBERS) return false;
  const member *one = &quorum->members[own];
  if (!one->is_seen || !one->is_leading || one->raised_count > RAISED) return false;
  if (one->raised_count > 0 && !one->raised) return false;
  find_times(one, own, quorum->count, commit->as.slice.first + commit->as.slice.count - 1, times);
  size_t time = quorum_time(quorum, times, VLOT_CONFIG_VOTER);
  size_t other = quorum_time(quorum, times, VLOT_CONFIG_OLD_VOTER);
  if (other > time) time = other;
  *cause = time == 0 || time == SIZE_MAX ? 0
           : time == 1                   ? one->durable_event
                                         : one->raised[time - 2].cause;
  return true;
}

bool vlot__causes_quorum_commit(const vlot__causes_quorum *quorum, uint32_t node, uint64_t *index) {
  uint32_t place = place_of(quorum, node);
  if (place == MEMBERS || !quorum->members[place].is_seen) return false;
  *index = quorum->members[place].commit;
  return true;
}
