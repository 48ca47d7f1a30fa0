#include "cluster/assist.h"

#include "base/lock.h"
#include "cluster/actors.h"
#include "cluster/door.h"
#include "cluster/driver.h"
#include "cluster/host.h"
#include "cluster/slow.h"
#include "vlot/actor_lend.h"

/* A debugger shows a node's turns on its own thread, and stops there. */
static bool is_debugged(vlot_cluster *cluster) {
  if (cluster->options.assist == VLOT_ASSIST_ON) return false;
  return atomic_load_explicit(&cluster->requests.is_armed, memory_order_relaxed) != 0 ||
         vlot__traced_is_at(&cluster->host->traced, vlot__coarse_ns());
}

bool vlot__assist_may(vlot_cluster *cluster) {
  return cluster->may_assist && vlot__driver_of(cluster) == &vlot__driver_threads &&
         vlot__visit_may_step_out(cluster) && !is_debugged(cluster);
}

static void add(vlot_lend *lend, vlot__seat *seat) {
  vlot_actor *actor = vlot__actors_find(seat);
  if (actor) (void)vlot_lend_add(lend, actor);
  vlot_actor_release(actor);
}

/* Those that it may begin with. */
static void add_all(vlot_lend *lend, vlot_cluster *cluster, uint32_t asked) {
  vlot__seat *seat;
  if (asked) {
    seat = vlot__seat_of(cluster, asked);
    if (seat) add(lend, seat);
    return;
  }
  VLOT__FOR_EACH_SEAT (seat, cluster) add(lend, seat);
}

/* When it is done nobody is woken for what a few more turns settle. */
static uint64_t run(vlot_lend *lend, vlot_cluster *cluster,
                    bool (*is_done)(vlot_cluster *cluster, void *context), void *context) {
  uint64_t turns = 0, more = VLOT__ASSIST_MORE;
  while ((!is_done(cluster, context) || more-- > 0) && vlot_lend_run(lend)) turns++;
  return turns;
}

bool vlot__assist(vlot_cluster *cluster, uint32_t asked,
                  bool (*is_done)(vlot_cluster *cluster, void *context), void *context) {
  if (!vlot__assist_may(cluster)) return false;
  vlot__visit *visit = vlot__visit_may_step_out(cluster);
  vlot_lend lend;
  int cancel_state = vlot__cancel_off(); /* user code, and a right that must be given back */
  vlot_lend_begin(&lend, cluster->actors);
  add_all(&lend, cluster, asked);
  vlot__visit_step_out(visit);
  uint64_t turns = run(&lend, cluster, is_done, context);
  vlot_lend_end(&lend);
  if (turns > 0) atomic_fetch_add_explicit(&cluster->lent_turns, turns, memory_order_relaxed);
  bool is_in = vlot__visit_step_in(visit);
  vlot__cancel_restore(cancel_state);
  return !is_in || is_done(cluster, context) || (asked == 0 && turns > 0);
}
