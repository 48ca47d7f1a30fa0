/* What a cluster is opened with, and what may be wrong with that. */
#include "base/assert.h"
#include "cluster/open.h"

#include "cluster/host.h"
#include "cluster/image.h"
#include "cluster/refuse.h"
#include "cluster/seats.h"

/* A log that is forgotten in time: three nodes under full load stay small, and who is behind by a
 * moment finds what it lacks. */
#define SNAPSHOT_BYTES    (UINT64_C(16) << 20)
#define SNAPSHOT_TRAILING UINT64_C(65536)
#define LOG_BYTES_MAX     (UINT64_C(128) << 20) /* and not less than so many snapshots apart: */
enum { LOG_SNAPSHOTS = 8 };

void vlot_cluster_options_init(vlot_cluster_options *options) {
  VLOT_GIVEN(options);
  *options = (vlot_cluster_options){
      .size = sizeof *options,
      .nodes = 3,
      .is_inline = 1,
      .seed = 1,
      .tick_ns = VLOT__TICK_NS,
      .has_checker = 2,
      .stop_ns = 1000000000,
      .ring_events = 64,
      .observed_entries = 16384,
      .turn_max = 8,
      .has_lints = 1,
      .snapshot_bytes = SNAPSHOT_BYTES,
      .snapshot_trailing = SNAPSHOT_TRAILING,
      .log_level = VLOT_LOG_NOTE,
  };
  vlot_raft_options_init(&options->raft);
  options->raft.apply_entries_max = 4096;
}

static const char *start_log_problem(const vlot_start *start) {
  if (start->log_count > 0 && !start->log) return "starts: the log is missing";
  for (size_t k = 0; k < start->log_count; k++) {
    const vlot_log_entry *entry = &start->log[k];
    uint64_t before = k > 0 ? start->log[k - 1].term : 1;
    if (entry->term < before) return "starts: the log's terms begin at 1 and must not go down";
    if (entry->entry.kind > VLOT_ENTRY_COMMAND) return "starts: unknown kind of entry";
    if (entry->entry.size > 0 && !entry->entry.data) return "starts: an entry's data is missing";
  }
  return NULL;
}

static const char *starts_problem(const vlot_cluster_options *options) {
  if (options->start_count > 0 && !options->starts) return "starts: missing";
  for (size_t k = 0; k < options->start_count; k++) {
    const vlot_start *start = &options->starts[k];
    const char *problem = start_log_problem(start);
    if (problem) return problem;
    if (start->term >= VLOT_INDEX_MAX) return "starts: term must be below 2^62";
    uint64_t last = start->log_count > 0 ? start->log[start->log_count - 1].term : 0;
    if (start->id == 0 || start->id > options->nodes) return "starts: id must be one of the nodes";
    if (start->vote > options->nodes) return "starts: vote must be one of the nodes, or 0";
    if (start->term < last) return "starts: term must not be below the log's last term";
    if (start->vote != 0 && start->term == 0) return "starts: there are no votes in term 0";
    for (size_t other = 0; other < k; other++)
      if (options->starts[other].id == start->id) return "starts: an id stands there twice";
  }
  return NULL;
}

static const char *host_problem(const vlot_cluster_options *options) {
  const vlot_host *host = options->host;
  if (!host) return NULL;
  if (options->tick_ns != VLOT__TICK_NS && options->tick_ns != host->options.tick_ns)
    return "tick_ns: that of the host, or the default, which gives way to it";
  if (options->allocator && options->allocator != host->allocator)
    return "allocator: that of the host, or NULL";
  return NULL;
}

static bool can_snapshot(const vlot_machine *machine) {
  return machine->snapshot && machine->restore;
}

static const char *snapshots_problem(const vlot_cluster_options *options) {
  const vlot_machine *machine = options->machine;
  uint64_t most = options->raft.log_bytes_max;
  if (options->snapshot && options->start_count > 0)
    return "snapshot, starts: one of the two; with a snapshot all members begin alike";
  if (options->snapshot && machine && !machine->restore)
    return "snapshot: the machine has no restore; nobody can begin with it";
  if (options->snapshot_bytes == 0) return NULL;
  if (most > 0 && options->snapshot_bytes > most && options->snapshot_bytes != SNAPSHOT_BYTES)
    return "snapshot_bytes: at most raft.log_bytes_max, or that log is full before";
  if (machine && !can_snapshot(machine) && options->snapshot_bytes != SNAPSHOT_BYTES)
    return "snapshot_bytes: the machine has no snapshot and restore; 0 takes none";
  return NULL;
}

/* What the default comes to where a log may not be that long. */
static uint64_t fitted_bytes(const vlot_cluster_options *options) {
  uint64_t most = options->raft.log_bytes_max;
  return most > 0 && most < SNAPSHOT_BYTES ? most / 4 + 1 : SNAPSHOT_BYTES;
}

void vlot__options_fit_snapshots(vlot_cluster_options *options) {
  if (options->snapshot_bytes == SNAPSHOT_BYTES) options->snapshot_bytes = fitted_bytes(options);
}

void vlot__options_take_none(vlot_cluster_options *options) {
  if (options->snapshot_bytes == fitted_bytes(options)) options->snapshot_bytes = 0;
}

/* No limit is one that is never reached: the bytes are counted. */
uint64_t vlot__options_log_bytes_max(const vlot_cluster_options *options) {
  uint64_t bytes = options->snapshot_bytes;
  if (options->raft.log_bytes_max > 0) return options->raft.log_bytes_max;
  if (bytes == 0 || bytes > UINT64_MAX / LOG_SNAPSHOTS) return UINT64_MAX;
  return bytes * LOG_SNAPSHOTS > LOG_BYTES_MAX ? bytes * LOG_SNAPSHOTS : LOG_BYTES_MAX;
}

static const char *find_cluster_problem(const vlot_cluster_options *options) {
  const vlot_machine *machine = options->machine;
  uint32_t ring = options->ring_events;
  if (options->size != sizeof *options) return "options: call vlot_cluster_options_init() first";
  if (options->nodes == 0 || options->nodes > VLOT_MEMBERS_MAX) return "nodes: 1 to 1024";
  if (options->learners >= options->nodes)
    return "learners: fewer than nodes, at least one node must vote";
  if (options->driver > VLOT_DRIVER_LOCKSTEP)
    return "driver: VLOT_DRIVER_THREADS or VLOT_DRIVER_LOCKSTEP";
  if (vlot__tick_problem(options->tick_ns)) return vlot__tick_problem(options->tick_ns);
  if (options->has_checker > 3)
    return "has_checker: 0 off, 1 on, 2 as the driver says, 3 on and the laws of each core";
  if (options->clock_waits > VLOT_CLOCK_WAITS_ALWAYS)
    return "clock_waits: one of VLOT_CLOCK_WAITS_*";
  if (ring < 16 || ring > 65536 || (ring & (ring - 1)))
    return "ring_events: a power of two, 16 to 65536";
  if (options->observed_entries == 0 || options->observed_entries > 1u << 24)
    return "observed_entries: 1 to 16777216";
  if (options->turn_max == 0 || options->turn_max > 64) return "turn_max: 1 to 64";
  if (options->stop_ns == 0) return "stop_ns: more than 0";
  if (options->spin_ns > 10000000) return "spin_ns: at most 10 ms";
  if (options->keeps_events > 1) return "keeps_events: 0 or 1";
  if (options->problem_size > 0 && !options->problem) return "problem: missing";
  if (options->has_lints > 1) return "has_lints: 0 or 1";
  if (options->log_level < VLOT_LOG_ERROR || options->log_level > VLOT_LOG_DETAIL)
    return "log_level: VLOT_LOG_ERROR to VLOT_LOG_DETAIL";
  if (options->assist > VLOT_ASSIST_OFF) return "assist: one of VLOT_ASSIST_*";
  if (options->place > VLOT_PLACE_SPREAD) return "place: one of VLOT_PLACE_*";
  if (options->raft.size != sizeof options->raft)
    return "raft: call vlot_cluster_options_init() first";
  if (options->allocator && !options->allocator->resize) return "allocator: resize is missing";
  if (options->journal && !options->journal->write) return "journal: write is missing";
  if (options->journal && options->journal_path) return "journal, journal_path: one of the two";
  bool is_recorded = options->journal || options->journal_path;
  if (is_recorded && options->driver == VLOT_DRIVER_LOCKSTEP)
    return "journal: with threads only; in lockstep the seed and the calls are enough";
  if (is_recorded && options->open_storage)
    return "journal: with disks in memory only; what another storage holds is not in the journal";
  if (machine && (machine->size != sizeof *machine || !machine->create || !machine->apply ||
                  !machine->destroy))
    return "machine: size, create, apply and destroy are needed";
  const char *problem = machine ? vlot__machine_image_problem(machine) : NULL;
  if (!problem) problem = host_problem(options);
  if (!problem) problem = snapshots_problem(options);
  return problem ? problem : starts_problem(options);
}

/* Periods, switches and limits are the core's to judge: try them on a core that is thrown away. */
static vlot_result try_core(const vlot_cluster_options *options, const char **problem) {
  vlot_raft_options raft = options->raft;
  vlot_member member = {.id = 1};
  vlot_raft *core;
  raft.allocator = options->allocator;
  raft.id = 1;
  raft.members = &member;
  raft.member_count = 1;
  vlot_result result = vlot_raft_open(&core, &raft, problem);
  vlot_raft_close(core);
  return result;
}

vlot_result vlot__options_check(const vlot_cluster_options *options, const char **problem) {
  *problem = find_cluster_problem(options);
  return *problem ? VLOT_INVALID : try_core(options, problem);
}

vlot_result vlot__client_options_check(vlot_cluster *cluster, const vlot_client_options *options) {
  enum { INFLIGHT_MAX = 1 << 20 };
  if (options->size != sizeof *options)
    return vlot__refuse(VLOT_INVALID, "options: call vlot_client_options_init() first");
  if (options->contact != 0 && !vlot__seat_of(cluster, options->contact))
    return vlot__refuse_value(VLOT_INVALID, "contact {0} is no member; 0 is any", options->contact,
                              0);
  if (options->inflight_max == 0 || options->inflight_max > INFLIGHT_MAX)
    return vlot__refuse_value(VLOT_INVALID, "inflight_max {0}: 1 to {1} is allowed",
                              options->inflight_max, INFLIGHT_MAX);
  if (options->timeout_ticks == 0)
    return vlot__refuse(VLOT_INVALID, "timeout_ticks 0: at least 1 is needed");
  return VLOT_OK;
}
