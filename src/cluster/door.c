#include "cluster/door.h"

#include "base/lock.h"
#include "cluster/refuse.h"
#include "cluster/seats.h"

bool vlot__is_inside(const vlot_cluster *cluster) { return vlot__inside(&cluster->door) != NULL; }

/* Does this thread keep it open already? */
static bool is_counted_here(const vlot_cluster *cluster) {
  const vlot__frame *frame = vlot__innermost;
  for (; frame; frame = frame->outer)
    if (frame->place == &cluster->door && ((const vlot__visit *)frame->who)->is_counted) break;
  return frame != NULL;
}

static void push(vlot__visit *visit, vlot_cluster *cluster, bool is_counted) {
  visit->cluster = cluster;
  visit->is_counted = is_counted;
  visit->holds_struct = false;
  vlot__inside_push(&visit->frame, &cluster->door, visit);
}

void vlot__visit_note(vlot__visit *visit, vlot_cluster *cluster) { push(visit, cluster, false); }

/* In lockstep one thread at a time has the cluster, so that nobody closes it meanwhile: there is
 * nothing to count. */
bool vlot__visit_begin(vlot__visit *visit, const vlot_cluster *cluster) {
  vlot_cluster *visited = (vlot_cluster *)(uintptr_t)cluster; /* who only looks is counted too */
  bool is_alone = cluster->options.driver == VLOT_DRIVER_LOCKSTEP;
  visit->cluster = NULL;
  if (vlot__is_forked(cluster)) return false;
  bool must_count = !is_alone && !is_counted_here(cluster);
  bool may_enter =
      must_count ? vlot__fence_enter(&visited->door) : !is_alone || !vlot__is_shut(cluster);
  if (may_enter) push(visit, visited, must_count);
  return may_enter;
}

vlot_result vlot__visit_refusal(const vlot_cluster *cluster) {
  return vlot__is_forked(cluster) ? vlot__refuse_forked_child() : vlot__refuse_closed();
}

/* The last one to leave; what it says it says under the lock, so that whoever hears it may free the
 * cluster. */
static void tell_left(vlot_cluster *cluster) {
  vlot__lock(&cluster->door_lock);
  cluster->has_left = true;
  pthread_cond_signal(&cluster->left);
  vlot__unlock(&cluster->door_lock);
}

void vlot__visit_end(vlot__visit *visit) {
  if (!visit->cluster) return;
  vlot__inside_pop(&visit->frame);
  if (vlot__is_forked(visit->cluster)) return; /* by a function that it called */
  if (visit->is_counted && vlot__fence_leave(&visit->cluster->door)) tell_left(visit->cluster);
  if (visit->holds_struct) vlot__cluster_release(visit->cluster);
}

vlot__visit *vlot__visit_may_step_out(const vlot_cluster *cluster) {
  const vlot__frame *frame = vlot__innermost;
  if (!frame || frame->outer || frame->place != &cluster->door) return NULL;
  vlot__visit *visit = frame->who;
  return visit->is_counted ? visit : NULL;
}

void vlot__visit_step_out(vlot__visit *visit) {
  vlot__cluster_retain(visit->cluster);
  visit->holds_struct = true;
  visit->is_counted = false;
  if (vlot__fence_leave(&visit->cluster->door)) tell_left(visit->cluster);
}

bool vlot__visit_step_in(vlot__visit *visit) {
  if (!vlot__fence_enter(&visit->cluster->door)) return false;
  visit->is_counted = true;
  visit->holds_struct = false;
  vlot__cluster_release(visit->cluster); /* never the last one: the visit keeps it */
  return true;
}

bool vlot__door_shut(vlot_cluster *cluster) {
  vlot__lock(&cluster->door_lock);
  bool is_first = !vlot__is_shut(cluster);
  /* with threads who shuts it is inside, and will say when it leaves */
  if (is_first) cluster->has_left = vlot__fence_close(&cluster->door);
  vlot__unlock(&cluster->door_lock);
  return is_first;
}

void vlot__door_wait(vlot_cluster *cluster) {
  vlot__lock(&cluster->door_lock);
  while (!cluster->has_left) vlot__cond_wait(&cluster->left, &cluster->door_lock);
  vlot__unlock(&cluster->door_lock);
}

/* --- the struct --- */

static void free_struct(vlot_cluster *cluster) {
  const vlot_allocator *allocator = cluster->allocator;
  pthread_mutex_destroy(&cluster->stats_lock);
  pthread_mutex_destroy(&cluster->control_lock);
  pthread_cond_destroy(&cluster->control_free);
  pthread_mutex_destroy(&cluster->clients_lock);
  pthread_mutex_destroy(&cluster->waiting_lock);
  pthread_mutex_destroy(&cluster->change_lock);
  pthread_cond_destroy(&cluster->changed);
  pthread_mutex_destroy(&cluster->seats_lock);
  pthread_mutex_destroy(&cluster->links_lock);
  pthread_mutex_destroy(&cluster->door_lock);
  pthread_cond_destroy(&cluster->left);
  if (cluster->observer.is_made) pthread_mutex_destroy(&cluster->observer.lock);
  pthread_mutex_destroy(&cluster->teller.lock);
  pthread_cond_destroy(&cluster->teller.told);
  vlot__seats_free(cluster);
  vlot__alloc_free(allocator, cluster);
}

void vlot__cluster_retain(vlot_cluster *cluster) { atomic_fetch_add(&cluster->references, 1); }

void vlot__cluster_release(vlot_cluster *cluster) {
  if (atomic_fetch_sub(&cluster->references, 1) == 1) free_struct(cluster);
}
