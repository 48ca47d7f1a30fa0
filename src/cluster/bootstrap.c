#include "cluster/bootstrap.h"

#include <inttypes.h>

#include "base/lock.h"
#include "cluster/disk_ids.h"
#include "cluster/driver.h"
#include "vlot/raft_snapshot.h"

/* --- formatting one disk --- */

/* A write that was pending is finished, as whoever waits for it hears. */
typedef struct vlot__bootstrap_wait {
  pthread_mutex_t lock;
  pthread_cond_t finished;
  bool is_finished;
  vlot_result result;
} vlot__bootstrap_wait;

static void end_wait(void *context, uint64_t token, vlot_result result) {
  vlot__bootstrap_wait *wait = context;
  (void)token;
  vlot__lock(&wait->lock);
  wait->is_finished = true;
  wait->result = result;
  pthread_cond_signal(&wait->finished);
  vlot__unlock(&wait->lock);
}

/* At most stop_ns. In lockstep nobody but this thread could finish it: stop() makes it durable, and
 * the start of the node finds out whether it is. */
static vlot_result wait_for(vlot__bootstrap_wait *wait, const vlot_cluster_options *options) {
  uint64_t until_ns = vlot__clock_after(vlot_clock_ns(), options->stop_ns);
  bool may_wait = options->driver != VLOT_DRIVER_LOCKSTEP;
  vlot__lock(&wait->lock);
  while (may_wait && !wait->is_finished)
    if (!vlot__cond_wait_until(&wait->finished, &wait->lock, until_ns)) break;
  vlot_result result = wait->is_finished ? wait->result : may_wait ? VLOT_TIMEOUT : VLOT_OK;
  vlot__unlock(&wait->lock);
  return result;
}

static vlot_result submit(const vlot__bootstrap *b, const vlot_storage *storage,
                          const vlot_write *write) {
  vlot__bootstrap_wait wait = {.is_finished = false};
  pthread_mutex_init(&wait.lock, NULL);
  (void)vlot__cond_init(&wait.finished);
  vlot_storage_done done = {.context = &wait, .done = end_wait};
  vlot_result result = storage->submit(storage->context, write, &done);
  if (result == VLOT_PENDING) {
    result = wait_for(&wait, &b->cluster->options);
    if (storage->stop) storage->stop(storage->context, false); /* `done` is void from here on */
  }
  pthread_cond_destroy(&wait.finished);
  pthread_mutex_destroy(&wait.lock);
  return result;
}

static vlot_result format(vlot__bootstrap *b, vlot__found *found, bool is_made) {
  const vlot_storage *storage = &found->storage;
  vlot_result result;
  if (found->has_label) {
    vlot_disk_label label = {.cluster_id = b->cluster_id,
                             .disk_id = found->disk_id,
                             .member = found->id,
                             .is_made = is_made,
                             .member_count = b->member_count,
                             .members = b->members};
    result = storage->format(storage->context, &label);
  } else {
    vlot_write write = {.token = is_made ? 2 : 1,
                        .has_hard = 1,
                        .hard = {.term = is_made, .disk_id = found->disk_id}};
    result = submit(b, storage, &write);
  }
  if (result != VLOT_OK) return vlot__found_failed(b, found, "formatted", result);
  found->is_blank = false;
  found->is_made = is_made;
  return VLOT_OK;
}

/* --- deciding --- */

static bool is_any_made(const vlot__bootstrap *b) {
  for (size_t k = 0; k < b->found_count; k++)
    if (b->found[k].is_made) return true;
  return false;
}

/* No label tells it: as the options say. Without labels it names the disks that are there; but of
 * one that was blank once, the disk that was lost, whose id nobody knows. */
static vlot_result make_configuration(vlot__bootstrap *b) {
  const vlot_cluster_options *options = &b->cluster->options;
  vlot_result result = vlot__disk_id_new(b->cluster, 0, 1, false, &b->cluster_id);
  b->members = vlot__alloc_zero(b->cluster->allocator, options->nodes, sizeof *b->members);
  if (!b->members) return VLOT_NOMEM;
  b->member_count = options->nodes;
  for (uint32_t k = 0; k < options->nodes && result == VLOT_OK; k++) {
    const vlot__found *found = &b->found[k];
    vlot_member *member = &b->members[k];
    *member = (vlot_member){.id = k + 1,
                            .is_learner = k >= options->nodes - options->learners,
                            .disk_id = found->disk_id};
    if (found->is_blank || vlot__disk_id_is_later(found->disk_id))
      result = vlot__disk_id_new(b->cluster, member->id, 1, false, &member->disk_id);
  }
  return result;
}

static void say_who_wins(const vlot__bootstrap *b) {
  const vlot_cluster_options *options = &b->cluster->options;
  uint32_t learners = 0;
  for (uint32_t k = 0; k < b->member_count; k++) learners += b->members[k].is_learner;
  if (options->nodes != b->member_count)
    vlot__log(b->cluster, VLOT_LOG_NOTE,
              "options say %" PRIu32 " nodes, the stored configuration has %" PRIu32 ": it wins",
              options->nodes, b->member_count);
  if (options->learners != learners)
    vlot__log(b->cluster, VLOT_LOG_NOTE,
              "options say %" PRIu32 " learners, the stored configuration has %" PRIu32 ": it wins",
              options->learners, learners);
}

/* A blank disk gets the id that the configuration names for it; among made ones, another: it has
 * forgotten what it promised. */
static vlot_result name_blank(vlot__bootstrap *b, const vlot_member *member, bool is_made) {
  vlot__found *found = vlot__found_of(b, member->id);
  if (!found->is_blank) return VLOT_OK;
  found->disk_id = member->disk_id;
  if (!is_made) return VLOT_OK;
  uint32_t number = vlot__disk_id_number(b->cluster, member->id, member->disk_id);
  vlot_result result = vlot__disk_id_new(b->cluster, member->id, number + 1, true, &found->disk_id);
  if (result == VLOT_OK)
    vlot__log(b->cluster, VLOT_LOG_WARNING,
              "n%" PRIu32 "'s disk is blank among written ones: it receives entries, but what it "
              "says does not count",
              member->id);
  return result;
}

/* --- a cluster that begins with another's snapshot --- */

static vlot_result read_original(void *context, uint64_t offset, uint32_t length, uint8_t *out) {
  return vlot_snapshot_read(context, offset, length, out);
}

static void release_original(void *context) { vlot_snapshot_release(context); }

/* The same content, and who belongs to this cluster: the disks that it names are new ones. */
static vlot_snapshot *adopt_snapshot(const vlot__bootstrap *b, vlot_snapshot *original) {
  const vlot_allocator *allocator = b->cluster->log_allocator;
  vlot_snapshot_head head = *vlot_snapshot_get(original);
  vlot_bytes *bytes = vlot_snapshot_bytes(original);
  vlot_snapshot_content content = {
      .context = original, .read = read_original, .release = release_original};
  head.configuration = vlot_configuration_make(allocator, b->members, b->member_count, NULL, 0);
  if (!head.configuration) return NULL;
  vlot_snapshot *adopted = bytes ? vlot_snapshot_make(allocator, &head, bytes)
                                 : vlot_snapshot_make_from(allocator, &head, &content);
  if (adopted && !bytes) vlot_snapshot_retain(original);
  vlot_configuration_release(head.configuration);
  return adopted;
}

static vlot_result begin_behind(vlot__bootstrap *b, vlot__found *found, vlot_snapshot *snapshot) {
  vlot_write write = {
      .token = 1,
      .has_hard = 1,
      .hard = {.term = vlot_snapshot_get(snapshot)->term, .disk_id = found->disk_id},
      .snapshot = snapshot};
  if (!found->has_label || !found->storage.keep) {
    vlot__problem(b->cluster, "n%" PRIu32 "'s storage cannot begin with a snapshot: it has no %s",
                  found->id, found->has_label ? "keep" : "format");
    return VLOT_INVALID;
  }
  vlot_result result = submit(b, &found->storage, &write);
  return result == VLOT_OK ? result : vlot__found_failed(b, found, "given its snapshot", result);
}

/* Before any disk says that it is made: what is begun and not ended is never a cluster of which
 * some know the snapshot and some do not. */
static vlot_result begin_all(vlot__bootstrap *b) {
  vlot_snapshot *original = b->cluster->options.snapshot;
  if (!original) return VLOT_OK;
  vlot_snapshot *snapshot = adopt_snapshot(b, original);
  vlot_result result = snapshot ? VLOT_OK : VLOT_NOMEM;
  for (uint32_t k = 0; k < b->member_count && result == VLOT_OK; k++)
    result = begin_behind(b, vlot__found_of(b, b->members[k].id), snapshot);
  vlot_snapshot_release(snapshot);
  return result;
}

/* One that has voted or acknowledged would forget it. */
static vlot_result check_new(vlot__bootstrap *b) {
  if (!b->cluster->options.snapshot) return VLOT_OK;
  for (size_t k = 0; k < b->found_count; k++) {
    const vlot__found *found = &b->found[k];
    if (found->is_blank) continue;
    vlot__problem(b->cluster,
                  "snapshot: n%" PRIu32 "'s disk belongs to a cluster already, and would forget "
                  "what it has promised there; a snapshot is for new disks only",
                  found->id);
    return VLOT_INVALID;
  }
  return VLOT_OK;
}

/* Two rounds: all have their label before one says that it is made. A prefix of these calls is
 * carried out when the process ends between them, and the next opening goes on from there. */
static vlot_result format_all(vlot__bootstrap *b, bool is_made) {
  vlot_result result = VLOT_OK;
  for (uint32_t round = is_made ? 1 : 0; round < 2 && result == VLOT_OK; round++) {
    if (round == 1 && !is_made) result = begin_all(b);
    for (uint32_t k = 0; k < b->member_count && result == VLOT_OK; k++) {
      vlot__found *found = vlot__found_of(b, b->members[k].id);
      if (round == 0 ? found->is_blank : !found->is_made) result = format(b, found, round == 1);
    }
  }
  return result;
}

static vlot_result decide(vlot__bootstrap *b) {
  bool is_made = is_any_made(b);
  vlot_result result = check_new(b);
  if (result != VLOT_OK) return result;
  if (b->members)
    say_who_wins(b);
  else
    result = make_configuration(b);
  for (uint32_t k = 0; k < b->member_count && result == VLOT_OK; k++)
    result = name_blank(b, &b->members[k], is_made);
  return result == VLOT_OK ? format_all(b, is_made) : result;
}

/* --- disks in memory that do not begin blank --- */

static vlot_result fill(vlot__bootstrap *b, const vlot_start *start) {
  const vlot__found *found = vlot__found_of(b, start->id);
  vlot_hard_state hard = {.term = start->term, .vote = start->vote, .disk_id = found->disk_id};
  return vlot__disk_format(found->disk, &hard, 0, 0, start->log, start->log_count);
}

static vlot_result fill_all(vlot__bootstrap *b) {
  const vlot_cluster_options *options = &b->cluster->options;
  vlot_result result = VLOT_OK;
  for (size_t k = 0; k < options->start_count && !options->open_storage && result == VLOT_OK; k++)
    result = fill(b, &options->starts[k]);
  return result;
}

/* --- all of it --- */

vlot_result vlot__bootstrap_open(vlot__bootstrap *b, vlot_cluster *cluster) {
  *b = (vlot__bootstrap){.cluster = cluster};
  vlot_result result = vlot__found_ask_all(b);
  if (result == VLOT_OK) result = decide(b);
  if (result == VLOT_OK) result = fill_all(b);
  cluster->bootstrap = b->members;
  cluster->bootstrap_count = b->member_count;
  cluster->cluster_id = b->cluster_id;
  return result;
}

void vlot__bootstrap_take(vlot__bootstrap *b, const vlot_member *member, vlot__seat *seat) {
  vlot__found *found = vlot__found_of(b, seat->id);
  uint32_t named = vlot__disk_id_number(b->cluster, member->id, member->disk_id);
  seat->storage = found->storage;
  seat->disk = found->disk;
  seat->disk_id = found->disk_id;
  seat->has_label = found->has_label;
  seat->disk_number = vlot__disk_id_number(b->cluster, seat->id, found->disk_id);
  if (seat->disk_number < named) seat->disk_number = named;
  found->storage = (vlot_storage){0};
}

void vlot__bootstrap_close(vlot__bootstrap *b) {
  for (size_t k = 0; k < b->found_count; k++) {
    const vlot_storage *storage = &b->found[k].storage;
    if (storage->release) storage->release(storage->context);
  }
  vlot__alloc_free(b->cluster->allocator, b->found);
}
