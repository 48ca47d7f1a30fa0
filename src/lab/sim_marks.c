/* vlot sim: what was seen in the events of a run. */
#include <inttypes.h>

#include "sim.h"

static const char *const texts[] = {
#define VLOT_X(name, text) text,
    VLOT__SIM_MARKS(VLOT_X)
#undef VLOT_X
};

const char *vlot__sim_mark_text(vlot__sim_mark mark) { return texts[mark]; }

static void count_change(vlot__sim_world *world, const vlot_event *event) {
  uint64_t *marks = world->marks;
  switch (event->kind) {
  case VLOT_EVENT_CAMPAIGN: marks[VLOT__MARK_FORCED] += event->as.change.from == 2; break;
  case VLOT_EVENT_VOTE:
    if (event->as.change.to == 1) break;
    marks[event->as.change.from == 1 ? VLOT__MARK_PRE_VOTES_REFUSED : VLOT__MARK_VOTES_REFUSED]++;
    break;
  case VLOT_EVENT_STEP_DOWN:
    marks[VLOT__MARK_STEP_DOWNS_ALONE] += event->why == VLOT_WHY_NO_QUORUM_CONTACT;
    marks[VLOT__MARK_STEP_DOWNS_TERM] += event->why == VLOT_WHY_HIGHER_TERM;
    break;
  case VLOT_EVENT_ROLE:
    /* a candidate that is one again, or is none any more */
    marks[VLOT__MARK_ELECTIONS_LOST] += event->as.change.from == VLOT_ROLE_CANDIDATE;
    break;
  case VLOT_EVENT_KILL:
    if (event->why == VLOT_WHY_KILLED) marks[VLOT__MARK_KILLS]++;
    marks[VLOT__MARK_POWER_CUTS] += event->as.change.from == 1;
    break;
  case VLOT_EVENT_RESTART:
    marks[VLOT__MARK_RESTARTS]++;
    marks[VLOT__MARK_WIPES] += event->as.change.from == VLOT_RESTART_WIPE;
    break;
  case VLOT_EVENT_MISMATCH: marks[VLOT__MARK_MISMATCHES]++; break;
  case VLOT_EVENT_SUSPEND: marks[VLOT__MARK_SUSPENDS]++; break;
  default: break;
  }
}

static void count(vlot__sim_world *world, const vlot_event *event) {
  uint64_t *marks = world->marks;
  switch (event->kind) {
  case VLOT_EVENT_LEADER: marks[VLOT__MARK_LEADERS]++; break;
  case VLOT_EVENT_TRUNCATE:
    marks[VLOT__MARK_TRUNCATIONS]++;
    marks[VLOT__MARK_TRUNCATIONS_LONG] += event->as.slice.count >= 2;
    break;
  case VLOT_EVENT_DROPPED:
    marks[VLOT__MARK_LOST_MESSAGES] +=
        event->why == VLOT_WHY_LINK_LOSS || event->why == VLOT_WHY_LINK_CUT;
    break;
  default: count_change(world, event); break;
  }
}

/* Only a disk that fails may fence a node here; every other reason is a broken promise. */
static bool watch_fence(vlot__sim_world *world, const vlot_event *event) {
  if (event->why == VLOT_WHY_WRITE_FAILED) {
    world->marks[VLOT__MARK_FENCED]++;
    world->has_fence = true;
    return true;
  }
  if (event->why == VLOT_WHY_NO_MEMORY)
    return vlot__sim_fail(world, VLOT__SIM_NO_MEMORY,
                          "n%u was fenced because memory ran out, at tick %" PRIu64, event->node,
                          event->tick);
  return vlot__sim_fail(world, VLOT__SIM_VIOLATED, "n%u is fenced: %s", event->node,
                        vlot_why_text((vlot_why)event->why));
}

static bool watch_cause(vlot__sim_world *world, const vlot_event *event) {
  const char *problem = vlot__causes_feed(world->causes, event);
  return !problem || vlot__sim_fail(world, VLOT__SIM_VIOLATED, "a cause is false: %s", problem);
}

bool vlot__sim_marks_watch(vlot__sim_world *world) {
  vlot_event event;
  bool is_ok = true;
  while (vlot_subscription_next(world->subscription, &event)) {
    is_ok = watch_cause(world, &event) && is_ok;
    if (event.kind == VLOT_EVENT_FENCED)
      is_ok = watch_fence(world, &event) && is_ok;
    else
      count(world, &event);
  }
  vlot__recording_drain(world->record);
  return is_ok;
}
