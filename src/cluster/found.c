/* What the disks of a cluster say when it opens. All of it comes from outside: it is refused in
 * words, never asserted. */
#include <inttypes.h>
#include <string.h>

#include "cluster/bootstrap.h"
#include "cluster/open.h"

enum { MEMBER_MAX = 65535 };

void vlot_storage_init(vlot_storage *storage) {
  *storage = (vlot_storage){.size = sizeof *storage};
}

vlot__found *vlot__found_of(const vlot__bootstrap *b, uint32_t id) {
  if (id - 1 < b->found_count && b->found[id - 1].id == id) return &b->found[id - 1];
  for (size_t k = 0; k < b->found_count; k++)
    if (b->found[k].id == id) return &b->found[k];
  return NULL;
}

vlot_result vlot__found_failed(vlot__bootstrap *b, const vlot__found *found, const char *what,
                               vlot_result result) {
  const vlot_storage *storage = &found->storage;
  const char *words = vlot__storage_words(storage);
  vlot__problem(b->cluster, "n%" PRIu32 "'s storage cannot be %s: %s", found->id, what,
                words ? words : vlot_result_text(result));
  return result;
}

/* --- labels --- */

static bool is_same_configuration(const vlot__bootstrap *b, const vlot_disk_label *label) {
  if (label->member_count != b->member_count || !label->members) return false;
  for (uint32_t k = 0; k < b->member_count; k++) {
    const vlot_member *one = &b->members[k], *other = &label->members[k];
    if (one->id != other->id || one->is_learner != other->is_learner ||
        one->disk_id != other->disk_id)
      return false;
  }
  return true;
}

static vlot_result check_configuration(vlot__bootstrap *b, const vlot_disk_label *label) {
  const char *problem = vlot_configuration_problem(label->members, label->member_count);
  if (problem) {
    vlot__problem(b->cluster, "the label of n%" PRIu32 "'s disk: %s", label->member, problem);
    return VLOT_INVALID;
  }
  for (uint32_t k = 0; k < label->member_count; k++) {
    const vlot_member *member = &label->members[k];
    if (member->id > MEMBER_MAX) {
      vlot__problem(b->cluster,
                    "the label of n%" PRIu32 "'s disk names a member %" PRIu32 ": 1 to %d",
                    label->member, member->id, MEMBER_MAX);
      return VLOT_INVALID;
    }
    for (uint32_t other = 0; other < k; other++) {
      if (label->members[other].disk_id != member->disk_id) continue;
      vlot__problem(b->cluster,
                    "the label of n%" PRIu32 "'s disk names disk %016" PRIx64 " for n%" PRIu32
                    " and for n%" PRIu32,
                    label->member, member->disk_id, label->members[other].id, member->id);
      return VLOT_INVALID;
    }
    if (member->disk_id == 0) {
      vlot__problem(b->cluster, "the label of n%" PRIu32 "'s disk names no disk for n%" PRIu32,
                    label->member, member->id);
      return VLOT_INVALID;
    }
  }
  return VLOT_OK;
}

/* The first label that is found tells the configuration. */
static vlot_result keep_configuration(vlot__bootstrap *b, const vlot_disk_label *label) {
  vlot_result result = check_configuration(b, label);
  if (result != VLOT_OK) return result;
  b->members = vlot__alloc(b->cluster->allocator, label->member_count, sizeof *b->members);
  if (!b->members) return VLOT_NOMEM;
  memcpy(b->members, label->members, label->member_count * sizeof *b->members);
  b->member_count = label->member_count;
  b->cluster_id = label->cluster_id;
  b->told_by = label->member;
  return VLOT_OK;
}

static vlot_result compare_label(vlot__bootstrap *b, const vlot_disk_label *label) {
  if (!b->members) return keep_configuration(b, label);
  if (label->cluster_id != b->cluster_id) {
    vlot__problem(b->cluster,
                  "n%" PRIu32 "'s disk is of cluster %016" PRIx64 ", and n%" PRIu32
                  "'s of cluster %016" PRIx64,
                  b->told_by, b->cluster_id, label->member, label->cluster_id);
    return VLOT_INVALID;
  }
  if (is_same_configuration(b, label)) return VLOT_OK;
  vlot_result result = check_configuration(b, label);
  if (result == VLOT_OK)
    vlot__problem(b->cluster,
                  "the disks of n%" PRIu32 " and n%" PRIu32
                  " name different configurations, of %" PRIu32 " and of %" PRIu32 " members",
                  b->told_by, label->member, b->member_count, label->member_count);
  return VLOT_INVALID;
}

/* What is wrong with a label by itself; NULL: nothing. */
static const char *label_problem(const vlot_stored *stored, bool is_written) {
  const vlot_disk_label *label = &stored->label;
  if (label->cluster_id == 0) return "has a label without a cluster id";
  if (label->disk_id == 0) return "has a label without a disk id";
  if (label->reserved != 0) return "has a label whose reserved field is not 0";
  if (label->is_made > 1) return "has a label whose is_made is neither 0 nor 1";
  if (is_written && !label->is_made) return "has a term or a log, and says that it is not made yet";
  if (stored->hard.disk_id != 0 && stored->hard.disk_id != label->disk_id)
    return "has another disk id in its hard state than in its label";
  return NULL;
}

static vlot_result refuse_disk(vlot__bootstrap *b, const vlot__found *found, const char *problem) {
  vlot__problem(b->cluster, "n%" PRIu32 "'s disk %s", found->id, problem);
  return VLOT_INVALID;
}

static vlot_result take_label(vlot__bootstrap *b, vlot__found *found, const vlot_stored *stored,
                              bool is_written) {
  const vlot_disk_label *label = &stored->label;
  if (label->cluster_id == 0 && label->disk_id == 0 && label->member_count == 0) {
    found->is_blank = !is_written && stored->hard.disk_id == 0;
    return found->is_blank ? VLOT_OK : refuse_disk(b, found, "has a term or a log, and no label");
  }
  const char *problem = label_problem(stored, is_written);
  if (problem) return refuse_disk(b, found, problem);
  if (label->member != found->id) {
    vlot__problem(b->cluster, "n%" PRIu32 "'s disk says that it is n%" PRIu32 "'s", found->id,
                  label->member);
    return VLOT_INVALID;
  }
  found->disk_id = label->disk_id;
  found->is_made = label->is_made != 0;
  return compare_label(b, label);
}

/* Without labels the term is the mark: 0 while the bootstrap is not complete, 1 from then on. */
static vlot_result take_mark(vlot__bootstrap *b, vlot__found *found, const vlot_stored *stored,
                             bool is_written) {
  found->disk_id = stored->hard.disk_id;
  found->is_blank = !is_written && found->disk_id == 0;
  found->is_made = stored->hard.term > 0;
  if (found->is_blank || found->disk_id != 0) return VLOT_OK;
  return refuse_disk(b, found, "has a term or a log, and no disk id");
}

/* --- one disk --- */

static vlot_result open_in_memory(vlot__bootstrap *b, vlot__found *found) {
  vlot_cluster *cluster = b->cluster;
  found->disk = vlot__disk_open(cluster->log_allocator, cluster->options.seed, found->id);
  if (!found->disk) return VLOT_NOMEM;
  found->storage = vlot__disk_storage(found->disk);
  vlot__disk_set_clock(found->disk, &cluster->now);
  return VLOT_OK;
}

static const char *table_problem(const vlot_storage *storage) {
  if (!storage->load || !storage->submit) return "load and submit are needed";
  if (storage->size == 0 &&
      (storage->format || storage->compact || storage->problem || storage->keep))
    return "size is 0, as in the first edition, and it has functions of the second: call "
           "vlot_storage_init()";
  if (storage->size != 0 && !vlot__storage_is_second(storage))
    return "its size is of no edition that this build knows";
  return NULL;
}

static vlot_result open_storage(vlot__bootstrap *b, vlot__found *found) {
  const vlot_cluster_options *options = &b->cluster->options;
  if (!options->open_storage) return open_in_memory(b, found);
  vlot_result result = options->open_storage(options->storage_context, found->id, &found->storage);
  if (result != VLOT_OK) return vlot__found_failed(b, found, "opened", result);
  const char *problem = table_problem(&found->storage);
  if (!found->storage.keep) vlot__options_take_none(&b->cluster->options);
  if (!problem && options->snapshot_bytes > 0 && !found->storage.keep)
    problem = "snapshot_bytes is not 0, and it cannot keep snapshots: it has no keep";
  if (!problem) return VLOT_OK;
  vlot__problem(b->cluster, "n%" PRIu32 "'s storage: %s", found->id, problem);
  return VLOT_INVALID;
}

static vlot_result read_disk(vlot__bootstrap *b, vlot__found *found) {
  vlot_stored stored = {0};
  vlot_result result = found->storage.load(found->storage.context, &stored);
  if (result != VLOT_OK) return vlot__found_failed(b, found, "read", result);
  bool is_written = stored.hard.term > 0 || stored.hard.vote != 0 || stored.base_index > 0 ||
                    stored.slice_count > 0 || stored.snapshot;
  return found->has_label ? take_label(b, found, &stored, is_written)
                          : take_mark(b, found, &stored, is_written);
}

static vlot_result compare_disk(vlot__bootstrap *b, const vlot__found *found) {
  const vlot__found *first = &b->found[0];
  if (first->has_label != found->has_label) {
    vlot__problem(b->cluster,
                  "n%" PRIu32 "'s storage keeps a label and n%" PRIu32
                  "'s keeps none: all of them must, or none",
                  first->has_label ? first->id : found->id,
                  first->has_label ? found->id : first->id);
    return VLOT_INVALID;
  }
  for (const vlot__found *other = first; found->disk_id != 0 && other < found; other++) {
    if (other->disk_id != found->disk_id) continue;
    vlot__problem(b->cluster, "n%" PRIu32 " and n%" PRIu32 " have the same disk, %016" PRIx64,
                  other->id, found->id, found->disk_id);
    return VLOT_INVALID;
  }
  return VLOT_OK;
}

static vlot_result ask(vlot__bootstrap *b, uint32_t id) {
  void *all = b->found;
  bool has_room = vlot__alloc_grow(b->cluster->allocator, &all, &b->found_capacity,
                                   b->found_count + 1, sizeof *b->found);
  b->found = all;
  if (!has_room) return VLOT_NOMEM;
  vlot__found *found = &b->found[b->found_count++];
  *found = (vlot__found){.id = id};
  vlot_result result = open_storage(b, found);
  if (result != VLOT_OK) return result;
  found->has_label = found->storage.size > 0 && found->storage.format;
  result = read_disk(b, found);
  return result == VLOT_OK ? compare_disk(b, found) : result;
}

vlot_result vlot__found_ask_all(vlot__bootstrap *b) {
  vlot_result result = VLOT_OK;
  for (uint32_t id = 1; id <= b->cluster->options.nodes && result == VLOT_OK; id++)
    result = ask(b, id);
  /* those who are asked now name nobody else, or they are refused */
  for (uint32_t k = 0; k < b->member_count && result == VLOT_OK; k++)
    if (!vlot__found_of(b, b->members[k].id)) result = ask(b, b->members[k].id);
  return result;
}
