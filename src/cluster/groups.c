/* Many clusters at once: a loop around opening one. */
#include "base/problem.h"
#include "cluster/host.h"

static const char *find_problem(const vlot_host *host, uint32_t count,
                                const vlot_cluster_options *options) {
  if (options->size != sizeof *options) return "options: call vlot_cluster_options_init() first";
  if (host && options->host && host != options->host)
    return "host: options.host is another one; leave it NULL";
  if (count > 1 && (options->journal || options->journal_path))
    return "journal: one cluster's only; open them one by one";
  if (count > 1 && options->open_storage)
    return "open_storage: it is not told of which group the member is; open them one by one";
  return NULL;
}

static void close_all(vlot_cluster **clusters, uint32_t count) {
  for (uint32_t k = count; k > 0; k--) {
    (void)vlot_cluster_close(clusters[k - 1]);
    clusters[k - 1] = NULL;
  }
}

static vlot_result open_all(vlot_cluster **out, uint32_t count, vlot_cluster_options *options,
                            const char **problem) {
  for (uint32_t k = 0; k < count; k++, options->seed++) {
    vlot_result result = vlot_cluster_open(&out[k], options, problem);
    if (result == VLOT_OK) continue;
    close_all(out, k);
    return result;
  }
  return VLOT_OK;
}

/* A host that is made for them goes with the last of them; until all are there, its maker counts as
 * one. */
vlot_result vlot_groups_open(vlot_cluster **out, uint32_t count, vlot_host *host,
                             const vlot_cluster_options *options, const char **problem) {
  const char *ignored;
  vlot_cluster_options own;
  vlot_cluster_options_init(&own);
  if (!options) options = &own;
  if (!problem) problem = &ignored;
  for (uint32_t k = 0; k < count; k++) out[k] = NULL;
  *problem = find_problem(host, count, options);
  if (*problem) return vlot__refuse(VLOT_INVALID, *problem);
  own = *options;
  if (!own.host) own.host = host;
  bool is_made = !own.host;
  if (is_made) own.host = vlot__host_make(own.allocator, own.tick_ns, true);
  if (!own.host) return VLOT_NOMEM;
  if (is_made) vlot__host_join(own.host);
  vlot_result result = open_all(out, count, &own, problem);
  if (is_made) vlot__host_leave(own.host);
  return result;
}
