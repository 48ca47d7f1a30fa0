#include "cluster/gate.h"

#include "base/lock.h"
#include "cluster/clock.h"
#include "cluster/observe.h"
#include "cluster/recorder.h"
#include "cluster/refuse.h"
#include "cluster/stop.h"

vlot_result vlot__check_change(vlot_cluster *cluster) {
  bool is_replay = cluster->recorder && cluster->recorder->is_replay;
  if (!is_replay) return VLOT_OK;
  return vlot__refuse(
      VLOT_UNSUPPORTED,
      "this is a replay: a call that changes the cluster would make it another run");
}

/* Does this thread have control already, because it carries out requests? */
static bool carries_out_requests(const vlot_cluster *cluster) {
  uint64_t obeys = atomic_load_explicit(&cluster->requests.obeys, memory_order_relaxed);
  return obeys != 0 && obeys == vlot__thread_number();
}

/* Only this thread could have written its own number. */
bool vlot__has_control(const vlot_cluster *cluster) {
  uint64_t controller = atomic_load_explicit(&cluster->controller, memory_order_relaxed);
  return controller != 0 && controller == vlot__thread_number() && !carries_out_requests(cluster);
}

bool vlot__looks_for_itself(const vlot_cluster *cluster) {
  return vlot__is_node_thread(cluster) || vlot__has_control(cluster) ||
         vlot__clock_is_here(cluster);
}

static bool is_free(const vlot_cluster *cluster) {
  return atomic_load_explicit(&cluster->controller, memory_order_relaxed) == 0;
}

/* Under the lock. */
static void set_controller(vlot_cluster *cluster, uint64_t number) {
  atomic_store_explicit(&cluster->controller, number, memory_order_relaxed);
}

/* Control calls wait for each other without a lock being held: they start threads and run user
 * code. is_visitor: not where the door is shut (false). */
static bool wait_for_control(vlot_cluster *cluster, bool is_visitor) {
  vlot__lock(&cluster->control_lock);
  while (!is_free(cluster) && !(is_visitor && vlot__is_shut(cluster)))
    vlot__cond_wait(&cluster->control_free, &cluster->control_lock);
  bool has_it = !(is_visitor && vlot__is_shut(cluster));
  if (has_it) set_controller(cluster, vlot__thread_number());
  vlot__unlock(&cluster->control_lock);
  /* whoever has it runs user code (storages, machines, the log), and must give it back */
  if (has_it) cluster->cancel_state = vlot__cancel_off();
  return has_it;
}

void vlot__control_begin(vlot_cluster *cluster) { (void)wait_for_control(cluster, false); }

void vlot__control_wake(vlot_cluster *cluster) {
  vlot__lock(&cluster->control_lock);
  pthread_cond_broadcast(&cluster->control_free);
  vlot__unlock(&cluster->control_lock);
}

bool vlot__control_try(vlot_cluster *cluster) {
  vlot__lock(&cluster->control_lock);
  bool has_it = is_free(cluster);
  if (has_it) set_controller(cluster, vlot__thread_number());
  vlot__unlock(&cluster->control_lock);
  if (has_it) cluster->cancel_state = vlot__cancel_off();
  return has_it;
}

vlot_result vlot__control_take(vlot_cluster *cluster) {
  if (vlot__is_node_thread(cluster) || vlot__has_control(cluster))
    return vlot__refuse_node_thread();
  if (!carries_out_requests(cluster) && !wait_for_control(cluster, true))
    return vlot__visit_refusal(cluster);
  if (!vlot__driver_of(cluster)->is_stepped || vlot__may_step(cluster)) return VLOT_OK;
  vlot__control_end(cluster);
  return vlot__refuse_paused();
}

vlot_result vlot__control_take_to_change(vlot_cluster *cluster) {
  vlot_result result = vlot__check_change(cluster);
  return result == VLOT_OK ? vlot__control_take(cluster) : result;
}

void vlot__control_end(vlot_cluster *cluster) {
  if (carries_out_requests(cluster)) return;
  vlot__command_ended(cluster);
  vlot__lock(&cluster->control_lock);
  while (vlot__owes_violation(cluster)) { /* asked for under the lock: the clock did not get it */
    vlot__unlock(&cluster->control_lock);
    vlot__emit_violation(cluster);
    vlot__lock(&cluster->control_lock);
  }
  set_controller(cluster, 0);
  int cancel_state = cluster->cancel_state;
  vlot__unlock(&cluster->control_lock);
  pthread_cond_signal(&cluster->control_free);
  vlot__teller_ended(cluster);
  vlot__cancel_restore(cancel_state);
}

static bool counts(vlot_cluster *cluster) {
  return vlot__may_step(cluster) && !vlot__is_node_thread(cluster);
}

void vlot__count_command(vlot_cluster *cluster) {
  if (!counts(cluster)) return;
  cluster->action++;
  cluster->requests.has_command = true;
}

void vlot__uncount_command(vlot_cluster *cluster) {
  if (!counts(cluster)) return;
  cluster->action--;
  cluster->requests.has_command = false;
}

void vlot__command_ended(vlot_cluster *cluster) {
  if (counts(cluster) && cluster->requests.has_command) {
    cluster->requests.has_command = false;
    vlot__requests_ended(cluster);
  }
  if (!vlot__has_control(cluster)) vlot__teller_ended(cluster);
}
