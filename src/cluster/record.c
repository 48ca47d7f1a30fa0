/* Recording a run: control's records, and the table that says what is recorded where. Turns are
 * tape.c's.
 */
#include "cluster/recorder.h"

#include "cluster/node_inside.h"
#include "cluster/replay.h"

enum { CONTROL_BYTES = 96 };

static void append_record(vlot__journal *journal, uint8_t *record, const uint8_t *end) {
  vlot__journal_seal(record, (uint32_t)(end - record));
  vlot__journal_append(journal, record, (size_t)(end - record));
}

/* The node has no turn now: what is on its tape goes first. */
static bool begin_control(vlot__seat *seat) {
  if (!vlot__journal_is_on(seat->cluster->journal)) return false;
  if (!seat->node) return true;
  vlot__tape_empty(seat->node);
  return true;
}

static void record_start(vlot__seat *seat) {
  uint8_t record[CONTROL_BYTES];
  vlot_raft_status status;
  if (!begin_control(seat)) return;
  vlot_raft_get_status(seat->node->raft, &status);
  uint8_t *at = vlot__put_head(record, 0, VLOT__RECORD_START, 0, seat->id);
  at = vlot__put32(at, seat->incarnation);
  at = vlot__put64(at, seat->node->seen_tick);
  at = vlot__put32(at, seat->node->permille);
  at = vlot__put64(at, seat->disk_id);
  at = vlot__put64(at, status.term);
  at = vlot__put32(at, status.vote);
  at = vlot__put64(at, status.last_index);
  at = vlot__put64(at, seat->digest);
  append_record(seat->cluster->journal, record, at);
}

static void append_bare(vlot__seat *seat, vlot__journal_type type, uint32_t flags) {
  uint8_t record[CONTROL_BYTES];
  if (begin_control(seat))
    append_record(seat->cluster->journal, record, vlot__put_head(record, 0, type, flags, seat->id));
}

static void record_unstart(vlot__seat *seat) { append_bare(seat, VLOT__RECORD_UNSTART, 0); }

static void record_restart(vlot__seat *seat, vlot_restart how, uint64_t disk_id) {
  uint8_t record[CONTROL_BYTES];
  if (!begin_control(seat)) return;
  uint8_t *at = vlot__put_head(record, 0, VLOT__RECORD_RESTART, how, seat->id);
  append_record(seat->cluster->journal, record, vlot__put64(at, disk_id));
}

static void record_suspend(vlot__seat *seat, bool is_suspended) {
  append_bare(seat, is_suspended ? VLOT__RECORD_SUSPEND : VLOT__RECORD_RESUME, 0);
}

static void record_kill(vlot__seat *seat, vlot_why why, bool is_power_cut, bool was_leader,
                        bool is_quarantined) {
  vlot_cluster *cluster = seat->cluster;
  uint8_t record[CONTROL_BYTES];
  uint64_t hash = 0, applied = 0;
  if (!vlot__journal_is_on(cluster->journal)) return;
  if (is_quarantined) { /* its tape is its own */
    append_record(cluster->journal, record,
                  vlot__put_head(record, 0, VLOT__RECORD_QUARANTINE, 0, seat->id));
    return;
  }
  begin_control(seat);
  (void)vlot__node_hash(seat->node, &hash, &applied);
  vlot__journal_type type = cluster->is_closing ? VLOT__RECORD_CLOSE : VLOT__RECORD_KILL;
  uint8_t *at =
      vlot__put_head(record, 0, type, (uint32_t)is_power_cut | (uint32_t)was_leader << 1, seat->id);
  at = vlot__put32(at, (uint32_t)why);
  at = vlot__put64(at, vlot__disk_durable(seat->disk));
  at = vlot__put64(at, seat->node->applied_index);
  at = vlot__put64(at, hash);
  at = vlot__put64(at, seat->digest);
  append_record(cluster->journal, record, at);
}

static void record_link(vlot_cluster *cluster, uint32_t from, uint32_t to, const vlot_link *link) {
  uint8_t record[CONTROL_BYTES];
  if (!vlot__journal_is_on(cluster->journal)) return;
  uint8_t *at = vlot__put_head(record, 0, VLOT__RECORD_LINK, 0, 0);
  at = vlot__put32(vlot__put32(at, from), to);
  const uint32_t fields[10] = {link->is_cut,          link->loss,
                               link->duplicate,       link->reorder,
                               link->reorder_ticks,   link->delay_ticks_min,
                               link->delay_ticks_max, link->tail,
                               link->tail_ticks,      link->kinds};
  for (int k = 0; k < 10; k++) at = vlot__put32(at, fields[k]);
  append_record(cluster->journal, record, at);
}

static void record_clock(vlot__seat *seat, uint32_t permille) {
  uint8_t record[CONTROL_BYTES];
  if (!begin_control(seat)) return;
  uint8_t *at = vlot__put_head(record, 0, VLOT__RECORD_CLOCK, 0, seat->id);
  append_record(seat->cluster->journal, record,
                vlot__put64(vlot__put32(at, permille), vlot__now(seat->cluster)));
}

static void record_drop(vlot_cluster *cluster, uint32_t to, bool is_message, vlot_why why,
                        uint64_t id) {
  uint8_t record[CONTROL_BYTES];
  if (!vlot__journal_is_on(cluster->journal)) return;
  uint8_t *at = vlot__put_head(record, 0, VLOT__RECORD_DROP, is_message, to);
  append_record(cluster->journal, record, vlot__put64(vlot__put32(at, (uint32_t)why), id));
}

static void record_copy(vlot_cluster *cluster, uint64_t id, uint64_t copy) {
  uint8_t record[CONTROL_BYTES];
  if (!vlot__journal_is_on(cluster->journal)) return;
  uint8_t *at = vlot__put_head(record, 0, VLOT__RECORD_COPY, 0, 0);
  append_record(cluster->journal, record, vlot__put64(vlot__put64(at, id), copy));
}

/* A node's events join its digest; the cluster's own have records, but a dropped message's, which
 * has another. */
static void record_event(vlot_cluster *cluster, vlot__seat *seat, const vlot_event *event) {
  uint8_t record[CONTROL_BYTES];
  if (seat) {
    vlot__digest_event(seat, event);
    return;
  }
  if (event->kind == VLOT_EVENT_DROPPED || !vlot__journal_is_on(cluster->journal)) return;
  uint8_t *at = vlot__put_head(record, 0, VLOT__RECORD_EVENT, 0, 0);
  at = vlot__put16(vlot__put16(at, event->kind), event->why);
  at = vlot__put32(at, event->peer);
  at = vlot__put64(at, event->as.change.from);
  at = vlot__put64(at, event->as.change.to);
  append_record(cluster->journal, record, vlot__put64(at, event->as.change.term));
}

/* --- beginning and end --- */

static vlot_result record_finish(vlot_cluster *cluster) {
  uint8_t record[CONTROL_BYTES];
  if (vlot__journal_is_on(cluster->journal))
    append_record(cluster->journal, record, vlot__put_head(record, 0, VLOT__RECORD_END, 0, 0));
  return vlot__journal_finish(cluster->journal);
}

static void record_close(vlot_cluster *cluster) { vlot__journal_close(cluster->journal); }

static const vlot__recorder recorder = {
    .begin = vlot__tape_begin,
    .take = vlot__tape_take,
    .end = vlot__tape_end,
    .check = vlot__tape_check,
    .submit = vlot__tape_submit,
    .keep = vlot__tape_keep,
    .rate = vlot__tape_rate,
    .sending = vlot__tape_sending,
    .calling = vlot__tape_calling,
    .sent = vlot__tape_sent,
    .event = record_event,
    .answer = vlot__digest_answer,
    .start = record_start,
    .unstart = record_unstart,
    .kill = record_kill,
    .restart = record_restart,
    .suspend = record_suspend,
    .clock = record_clock,
    .link = record_link,
    .drop = record_drop,
    .copy = record_copy,
    .finish = record_finish,
    .close = record_close,
};

vlot_result vlot__record_open(vlot_cluster *cluster) {
  uint8_t *head = NULL;
  size_t size = 0;
  vlot_result result = vlot__replay_head_make(cluster, &head, &size);
  if (result == VLOT_OK) result = vlot__journal_open(&cluster->journal, cluster, head, size);
  vlot__alloc_free(cluster->allocator, head);
  if (result == VLOT_OK) cluster->recorder = &recorder;
  return result;
}
