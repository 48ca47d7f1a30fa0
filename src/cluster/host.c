#include "cluster/host.h"

#include <stdio.h>
#include <sys/resource.h>

#include "base/assert.h"
#include "base/fork.h"
#include "base/lock.h"
#include "base/pool.h"
#include "base/problem.h"
#include "cluster/helper.h"
#include "cluster/refuse.h"

/* That a host keeps of what its groups' logs have dropped: what a compaction drops by default, and
 * some. */
enum { POOL_BYTES = 20 << 20 };

void vlot_host_options_init(vlot_host_options *options) {
  VLOT_GIVEN(options);
  *options = (vlot_host_options){.size = sizeof *options, .tick_ns = VLOT__TICK_NS};
}

/* --- its life --- */

/* Whoever brings an allocator wants it to see every allocation. */
static bool open_pool(vlot_host *host, bool is_wanted) {
  if (is_wanted) host->pool = vlot__pool_open(host->allocator, POOL_BYTES);
  host->log_allocator = host->pool ? vlot__pool_allocator(host->pool) : host->allocator;
  return !is_wanted || host->pool;
}

vlot_host *vlot__host_make(const vlot_allocator *asked, uint64_t tick_ns, bool is_shared) {
  const vlot_allocator *allocator = vlot__alloc_or_default(asked);
  vlot_host *host = vlot__alloc_zero(allocator, 1, sizeof *host);
  if (!host) return NULL;
  vlot_host_options_init(&host->options);
  host->options.allocator = host->allocator = allocator;
  host->options.tick_ns = tick_ns;
  host->is_shared = is_shared;
  host->epoch = vlot__fork_epoch();
  host->helper = vlot__helper_open(allocator);
  if (!host->helper || !open_pool(host, !asked)) {
    vlot__helper_close(host->helper);
    vlot__alloc_free(allocator, host);
    return NULL;
  }
  pthread_mutex_init(&host->lock, NULL);
  vlot__timekeeper_init(&host->timekeeper, allocator, "vlot-clock");
  vlot__timekeeper_init(&host->teller, allocator, "vlot-tell");
  return host;
}

static void free_host(vlot_host *host) {
  vlot__timekeeper_deinit(&host->timekeeper);
  vlot__timekeeper_deinit(&host->teller);
  vlot__helper_close(host->helper);
  vlot__pool_close(host->pool);
  pthread_mutex_destroy(&host->lock);
  vlot__alloc_free(host->allocator, host->line.items);
  vlot__alloc_free(host->allocator, host);
}

void vlot__host_join(vlot_host *host) {
  vlot__lock(&host->lock);
  host->groups++;
  vlot__unlock(&host->lock);
}

void vlot__host_leave(vlot_host *host) {
  vlot__lock(&host->lock);
  bool is_over = --host->groups == 0 && !host->is_owned;
  vlot__unlock(&host->lock);
  if (is_over) free_host(host);
}

const char *vlot__tick_problem(uint64_t tick_ns) {
  bool is_right = tick_ns >= 100000 && tick_ns <= 10000000000;
  return is_right ? NULL : "tick_ns: 100 microseconds to 10 seconds";
}

static const char *find_problem(const vlot_host_options *options) {
  if (options->size != sizeof *options) return "options: call vlot_host_options_init() first";
  return vlot__tick_problem(options->tick_ns);
}

vlot_result vlot_host_open(vlot_host **out, const vlot_host_options *options,
                           const char **problem) {
  VLOT_GIVEN(out);
  const char *ignored;
  vlot_host_options defaults;
  vlot_host_options_init(&defaults);
  if (!options) options = &defaults;
  if (!problem) problem = &ignored;
  *out = NULL;
  *problem = find_problem(options);
  if (*problem) return vlot__refuse(VLOT_INVALID, *problem);
  *out = vlot__host_make(options->allocator, options->tick_ns, true);
  if (!*out) return VLOT_NOMEM;
  (*out)->is_owned = true;
  return VLOT_OK;
}

uint32_t vlot_host_groups(vlot_host *host) {
  VLOT_GIVEN(host);
  if (vlot__has_forked(host->epoch)) return 0;
  vlot__lock(&host->lock);
  uint32_t groups = host->groups;
  vlot__unlock(&host->lock);
  return groups;
}

vlot_result vlot_host_close(vlot_host *host) {
  if (!host) return VLOT_OK;
  if (vlot__has_forked(host->epoch)) return vlot__refuse_forked_child();
  uint32_t groups = vlot_host_groups(host);
  if (groups > 0)
    return vlot__refuse_value(VLOT_BUSY, "{0} groups are open on this host: close them first",
                              groups, 0);
  free_host(host);
  return VLOT_OK;
}

/* --- its groups --- */

void vlot__host_count_node(vlot_host *host, bool has_thread) {
  vlot__lock(&host->lock);
  if (has_thread)
    host->nodes++;
  else
    host->nodes--;
  vlot__unlock(&host->lock);
}

void vlot__host_lacks_threads(vlot_cluster *cluster) {
  vlot_host *host = cluster->host;
  vlot__lock(&host->lock);
  uint32_t groups = host->groups, nodes = host->nodes;
  vlot__unlock(&host->lock);
  struct rlimit limit;
  char met[64] = "", line[256];
  cluster->lacks_threads = true;
  if (getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    snprintf(met, sizeof met, " is %llu", (unsigned long long)limit.rlim_cur);
  snprintf(line, sizeof line,
           "no more threads: this host runs %u for nodes, in %u group%s, and the process or the "
           "machine allows no more: ulimit -u%s; or ulimit -v (stacks), kernel.threads-max, "
           "pids.max, vm.max_map_count",
           nodes, groups, groups == 1 ? "" : "s", met);
  vlot__problem(cluster, "%s", line);
  (void)vlot__refuse_words(VLOT_BUSY, line);
}
