#include "cluster/refuse.h"

vlot_result vlot__refuse_closed(void) {
  return vlot__refuse(VLOT_CLOSED, "the cluster is closing, or closed");
}

vlot_result vlot__refuse_forked_child(void) {
  return vlot__refuse(VLOT_UNSUPPORTED,
                      "this process was forked: its parent has the threads; open another here");
}

vlot_result vlot__refuse_node_thread(void) {
  return vlot__refuse(VLOT_DEADLOCK,
                      "this is a node's or the clock's thread, or a function that a turn or a "
                      "control call of this thread has called: it would wait for itself; call "
                      "from another thread, or later");
}

vlot_result vlot__refuse_paused(void) {
  return vlot__refuse(VLOT_BUSY,
                      "another thread has paused the cluster: that one alone steps and changes it, "
                      "until it has unpaused it");
}

vlot_result vlot__refuse_member(uint32_t id) {
  return vlot__refuse_value(
      VLOT_NOT_FOUND, "there is no member {0}; vlot_cluster_ids() lists those there are", id, 0);
}

vlot_result vlot__refuse_pending(uint64_t id) {
  return vlot__refuse_value(VLOT_NOT_FOUND,
                            "nothing pending has the id {0}; vlot_lockstep_pending() lists what is",
                            id, 0);
}

vlot_result vlot__refuse_down(uint32_t id) {
  return vlot__refuse_value(VLOT_CLOSED, "node {0} is down or fenced; start it first", id, 0);
}

vlot_result vlot__refuse_bytes(uint64_t size, uint64_t limit) {
  return vlot__refuse_value(VLOT_TOO_LARGE, "{0} bytes are more than raft.entry_bytes_max, {1}",
                            size, limit);
}

vlot_result vlot__refuse_post(vlot_result result) {
  if (result == VLOT_BUSY)
    return vlot__refuse(
        result, "the node's mailbox is full: it takes less than it is sent; wait for answers");
  if (result == VLOT_REJECTED)
    return vlot__refuse(result,
                        "no node that may be asked is up (options.contact, or all): start one");
  return result;
}

vlot_result vlot__refuse_shell(bool is_closed) {
  if (!is_closed) return vlot__refuse_closed();
  return vlot__refuse(VLOT_CLOSED, "this client is closed, and about to be freed");
}
