#include "cluster/change.h"

#include "base/lock.h"

void vlot__notify_changed(vlot_cluster *cluster) {
  vlot__teller_news(cluster);
  if (atomic_load_explicit(&cluster->waiters, memory_order_seq_cst) == 0) return;
  vlot__lock(&cluster->change_lock);
  cluster->changes++;
  vlot__unlock(&cluster->change_lock);
  pthread_cond_broadcast(&cluster->changed);
}

uint64_t vlot__change_count(vlot_cluster *cluster) {
  vlot__lock(&cluster->change_lock);
  uint64_t changes = cluster->changes;
  vlot__unlock(&cluster->change_lock);
  return changes;
}

void vlot__change_wait(vlot_cluster *cluster, uint64_t seen, uint64_t deadline) {
  vlot__lock(&cluster->change_lock);
  while (cluster->changes == seen && vlot__now(cluster) < deadline)
    vlot__cond_wait(&cluster->changed, &cluster->change_lock);
  vlot__unlock(&cluster->change_lock);
}

uint64_t vlot__await_begin(vlot_cluster *cluster) {
  vlot__lock(&cluster->change_lock);
  uint64_t interrupts = atomic_load(&cluster->interrupts) - cluster->owes_interrupt;
  cluster->owes_interrupt = false;
  cluster->awaits++;
  vlot__unlock(&cluster->change_lock);
  return interrupts;
}

void vlot__await_end(vlot_cluster *cluster) {
  vlot__lock(&cluster->change_lock);
  cluster->awaits--;
  vlot__unlock(&cluster->change_lock);
}

void vlot__await_interrupt(vlot_cluster *cluster) {
  vlot__lock(&cluster->change_lock);
  atomic_fetch_add(&cluster->interrupts, 1);
  cluster->owes_interrupt = cluster->awaits == 0;
  vlot__unlock(&cluster->change_lock);
  vlot__notify_changed(cluster);
}
