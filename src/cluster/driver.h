/* What makes nodes run: threads (threads.c), lockstep (lockstep.c), or, while a threads cluster is
 * paused, something between the two (pause.c). A table of functions, chosen when the cluster opens
 * and changed only by pausing; nobody else asks which one it is. A new driver is a new file.
 *
 * What a *thread* may do is another question, and stands in gate.h: vlot__may_step().
 */
#ifndef VLOT_CLUSTER_DRIVER_H
#define VLOT_CLUSTER_DRIVER_H

#include "cluster/node.h"
#include "cluster/object.h"
#include "cluster/seats.h"

struct vlot__inbox;

typedef struct vlot__driver {
  bool is_stepped; /* an action at a time, of a pending list, by whoever calls */
  bool (*may_step)(vlot_cluster *cluster);

  /* Everything that is there before the first node and after the last. close: also after an open
   * that failed, or none; VLOT_TIMEOUT: a thread is stuck in user code and left alone. */
  vlot_result (*open)(vlot_cluster *cluster);
  vlot_result (*close)(vlot_cluster *cluster);

  /* A seat's node, by control.
   *
   * start         it may have turns from now on; on an error it never had one
   * stop          no turn of it runs any more. VLOT_TIMEOUT: one does, stuck in user code
   * suspend       no turns until resume; VLOT_TIMEOUT: one is running, and nothing has changed
   * hold, unhold  no turn runs in between, for a look inside
   * changed       its next timer or write may be due at another tick
   * rate_changed  its clock's rate is another
   */
  vlot_result (*start)(vlot__seat *seat);
  vlot_result (*stop)(vlot__seat *seat, vlot_why why);
  vlot_result (*suspend)(vlot__seat *seat);
  void (*resume)(vlot__seat *seat);
  vlot_result (*hold)(vlot__seat *seat);
  void (*unhold)(vlot__seat *seat);
  void (*changed)(vlot__seat *seat);
  void (*rate_changed)(vlot__seat *seat);
  /* Answers of a turn are about to leave, inside its fence: what others look at is brought up to
   * them first. NULL: whoever looks sees the node itself. */
  void (*publish)(vlot__seat *seat);
  /* A turn of the node, on the thread that it was given. */
  void (*turn)(vlot_actor *self, vlot__node *node, vlot_turn *turn);

  /* Mail.
   *
   * post         to parcel->to at parcel->due; on any result but VLOT_OK the caller still owns what
   *              it refers to
   * stored       a storage write was completed, later than at once; any thread
   * queued       mail that waits for the node
   * has_traffic  is something under way that this thread could carry out?
   */
  vlot_result (*post)(vlot_cluster *cluster, const vlot__parcel *parcel);
  void (*stored)(vlot__seat *seat, vlot__mail_stored *stored);
  size_t (*queued)(vlot__seat *seat);
  bool (*has_traffic)(vlot_cluster *cluster);

  /* The event of a violation is owed. Where nodes take turns one at a time it comes right behind
   * the one that broke the property. With threads the cluster's events belong to whoever has
   * control: that is the clock, or whoever gives control back before it gets there. */
  void (*violated)(vlot_cluster *cluster);

  /* Whoever waits.
   *
   * await            until is_reached (VLOT_OK), the deadline has come (VLOT_TIMEOUT), or the door
   *                  is shut (VLOT_CLOSED)
   * wait_for_answer  until one may be in a client's inbox, the deadline has come, or the door is
   *                  shut. asked: the member whose mail may wait for this call; 0: none's does
   * remind           that member's mail waits for no such call any more. NULL: it never does
   */
  vlot_result (*await)(vlot_cluster *cluster, bool (*is_reached)(vlot_cluster *, void *),
                       void *context, uint64_t deadline);
  void (*wait_for_answer)(vlot_cluster *cluster, struct vlot__inbox *inbox, uint32_t asked,
                          uint64_t deadline);
  void (*remind)(vlot_cluster *cluster, uint32_t asked);
} vlot__driver;

extern const vlot__driver vlot__driver_threads, vlot__driver_lockstep;

static inline const vlot__driver *vlot__driver_of(vlot_cluster *cluster) {
  return atomic_load_explicit(&cluster->driver, memory_order_acquire);
}

#endif
