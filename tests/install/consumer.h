/* What every consumer outside the tree does with an installed vlot: clusters of both kinds at once,
 * a leader killed, and the host's own things looked at afterwards. C11 and C++17.
 *
 * consume  NULL: all is as it should be; else what is not, a static sentence
 */
#ifndef CONSUMER_H
#define CONSUMER_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sigaction, dirent */
#endif
#include <dirent.h>
#include <errno.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <vlot/vlot.h>

enum { CLUSTERS = 3, SIGNALS = 65, ERRNO_MARK = 4711, TIMEOUT_TICKS = 3000 };

/* --- a cluster: propose, read, kill the leader, go on, close --- */

typedef struct tenant {
  vlot_cluster *cluster;
  vlot_client *client;
} tenant;

static vlot_bytes *encode(vlot_kv_operation operation, const char *key, const char *value) {
  vlot_kv_command command;
  memset(&command, 0, sizeof command);
  command.operation = operation;
  command.key = key;
  command.key_size = strlen(key);
  command.value = value;
  command.value_size = value ? strlen(value) : 0;
  return vlot_kv_encode(NULL, &command);
}

static bool set(const tenant *one, const char *key, const char *value) {
  vlot_bytes *command = encode(VLOT_KV_SET, key, value);
  vlot_result result =
      vlot_client_propose(one->client, vlot_bytes_data(command), vlot_bytes_size(command), NULL);
  vlot_bytes_release(command);
  return result == VLOT_OK;
}

static bool reads_back(const tenant *one, const char *key, const char *value) {
  vlot_bytes *question = encode(VLOT_KV_GET, key, NULL), *reply = NULL;
  vlot_kv_answer answer;
  bool is_same =
      vlot_client_query(one->client, vlot_bytes_data(question), vlot_bytes_size(question),
                        &reply) == VLOT_OK &&
      vlot_kv_answer_decode(vlot_bytes_data(reply), vlot_bytes_size(reply), &answer) == VLOT_OK &&
      answer.status == 0 && answer.size == strlen(value) &&
      memcmp(answer.value, value, answer.size) == 0;
  vlot_bytes_release(question);
  vlot_bytes_release(reply);
  return is_same;
}

static bool open_tenant(tenant *one, vlot_driver driver, uint32_t nodes) {
  vlot_cluster_options options;
  vlot_client_options patient;
  vlot_cluster_options_init(&options);
  vlot_client_options_init(&patient);
  options.nodes = nodes;
  options.driver = driver;
  options.has_checker = 1;
  patient.timeout_ticks = TIMEOUT_TICKS;
  return vlot_cluster_open(&one->cluster, &options, NULL) == VLOT_OK &&
         vlot_client_open(&one->client, one->cluster, &patient) == VLOT_OK;
}

static bool kill_leader(const tenant *one) {
  uint32_t killed, next;
  return vlot_await_leader(one->cluster, TIMEOUT_TICKS, &killed) == VLOT_OK &&
         vlot_cluster_kill(one->cluster, killed, true) == VLOT_OK &&
         vlot_await_leader(one->cluster, TIMEOUT_TICKS, &next) == VLOT_OK && next != killed &&
         set(one, "after", "the kill") &&
         vlot_cluster_restart(one->cluster, killed, VLOT_RESTART_KEEP) == VLOT_OK;
}

static bool has_equal_replicas(const tenant *one) {
  uint64_t first = 0, hash, applied;
  if (vlot_await_quiet(one->cluster, TIMEOUT_TICKS) != VLOT_OK) return false;
  for (uint32_t id = 1; id <= vlot_cluster_nodes(one->cluster); id++) {
    if (vlot_cluster_hash(one->cluster, id, &hash, &applied) != VLOT_OK) return false;
    if (id == 1) first = hash;
    if (hash != first) return false;
  }
  return true;
}

static const char *use_clusters(tenant tenants[CLUSTERS]) {
  static const char *const values[CLUSTERS] = {"one", "two", "three"};
  if (!open_tenant(&tenants[0], VLOT_DRIVER_THREADS, 3) ||
      !open_tenant(&tenants[1], VLOT_DRIVER_THREADS, 5) ||
      !open_tenant(&tenants[2], VLOT_DRIVER_LOCKSTEP, 3))
    return "a cluster cannot be opened";
  for (int k = 0; k < CLUSTERS; k++)
    if (!set(&tenants[k], "name", values[k])) return "a command is not committed";
  for (int k = 0; k < CLUSTERS; k++)
    if (!kill_leader(&tenants[k])) return "a cluster does not outlive its leader";
  for (int k = 0; k < CLUSTERS; k++)
    if (!reads_back(&tenants[k], "name", values[k]) ||
        !reads_back(&tenants[k], "after", "the kill"))
      return "a command is lost, or is in the wrong cluster";
  for (int k = 0; k < CLUSTERS; k++)
    if (!has_equal_replicas(&tenants[k])) return "replicas differ";
  return NULL;
}

/* --- the host --- */

typedef struct host {
  struct sigaction actions[SIGNALS];
  bool has_action[SIGNALS];
  sigset_t mask;
  char locale[256];
  int threads;
  int files;
} host;

static int count_entries(const char *path) {
  int count = 0;
  DIR *directory = opendir(path);
  if (!directory) return -1;
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

static void look(host *at) {
  memset(at, 0, sizeof *at);
  for (int number = 1; number < SIGNALS; number++)
    at->has_action[number] = sigaction(number, NULL, &at->actions[number]) == 0;
  sigprocmask(SIG_SETMASK, NULL, &at->mask);
  strncpy(at->locale, setlocale(LC_ALL, NULL), sizeof at->locale - 1);
  at->threads = count_entries("/proc/self/task");
  at->files = count_entries("/proc/self/fd");
}

/* A thread that was joined stands in /proc until the kernel is done with it. */
static int threads_down_to(int wanted) {
  time_t give_up = time(NULL) + 60;
  int count;
  while ((count = count_entries("/proc/self/task")) > wanted && time(NULL) < give_up) sched_yield();
  return count;
}

static const char *compare(const host *before, const host *after) {
  for (int number = 1; number < SIGNALS; number++) {
    const struct sigaction *was = &before->actions[number], *is = &after->actions[number];
    if (before->has_action[number] &&
        (was->sa_handler != is->sa_handler || was->sa_flags != is->sa_flags))
      return "a signal has another action";
    if (sigismember(&before->mask, number) != sigismember(&after->mask, number))
      return "the signal mask is another one";
  }
  if (strcmp(before->locale, after->locale) != 0) return "the locale is another one";
  if (before->threads != threads_down_to(before->threads)) return "a thread is left";
  return before->files == after->files ? NULL : "a file is left open";
}

/* A signal for the process that only this thread could take, and does not: no thread of vlot may
 * take it instead. */
static bool signal_stays_pending(void) {
  sigset_t usr1, pending, before;
  struct timespec none = {0, 0};
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  sigprocmask(SIG_BLOCK, &usr1, &before);
  kill(getpid(), SIGUSR1);
  sigpending(&pending);
  bool is_pending = sigismember(&pending, SIGUSR1) == 1;
  if (is_pending) sigtimedwait(&usr1, NULL, &none);
  sigprocmask(SIG_SETMASK, &before, NULL);
  return is_pending;
}

static const char *consume(void) {
  tenant tenants[CLUSTERS];
  host before, after;
  memset(tenants, 0, sizeof tenants);
  if (strcmp(vlot_version_string(), VLOT_VERSION_STRING) != 0)
    return "headers and library are of different versions";
  setlocale(LC_ALL, "C.UTF-8"); /* not what a program begins with */
  look(&before);
  errno = ERRNO_MARK;
  const char *problem = use_clusters(tenants);
  bool is_errno_kept = errno == ERRNO_MARK;
  bool is_signal_kept = signal_stays_pending();
  errno = ERRNO_MARK;
  for (int k = 0; k < CLUSTERS; k++) {
    vlot_client_close(tenants[k].client);
    vlot_result result = vlot_cluster_close(tenants[k].cluster);
    if (result != VLOT_OK && !problem) problem = vlot_result_text(result);
  }
  is_errno_kept = is_errno_kept && errno == ERRNO_MARK;
  look(&after);
  if (!problem) problem = compare(&before, &after);
  if (!problem && !is_signal_kept) problem = "a thread of vlot takes the host's signals";
  return problem || is_errno_kept ? problem : "errno was changed by calls that succeeded";
}

#endif
