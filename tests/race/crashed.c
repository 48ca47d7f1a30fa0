/* Processes that end in the middle of a recorded run, killed at any moment or by their own machine:
 * whatever any machine was given is in the journal, and what is in it replays as the same run.
 *
 *   race_crashed [RUNS [FIRST_SEED]]
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"
#include "vlot/journal.h"

enum { NODES = 3, WINDOW = 32, ENTRIES_MAX = 3000, LIMIT_BYTES = 300000 };

typedef enum ending { KILLED, ABORTED, KILLED_WITH_SINK, DISK_FULL, ENDINGS } ending;

/* Of the recorded process and of who replays it. */
typedef struct seen {
  _Atomic uint64_t reached[NODES + 1]; /* the newest entry that a machine was given */
  uint64_t abort_at;                   /* n2's machine ends the process there; 0: it does not */
} seen;

static seen *shared; /* with the child */
static seen own;     /* of the replay */
static uint64_t seed;
static char path[64];

static void fail(const char *what, const char *text) {
  fprintf(stderr, "race crashed: seed %" PRIu64 ": %s %s (%s is kept)\n", seed, what, text, path);
  exit(1);
}

/* --- a machine that says how far it came before it does anything --- */

typedef struct state {
  seen *seen;
  uint32_t node;
} state;

static void *create(void *context, uint32_t node, bool is_replaying) {
  state *one = malloc(sizeof *one);
  (void)is_replaying;
  if (one) *one = (state){.seen = context, .node = node};
  return one;
}

static vlot_result apply(void *context, const vlot_entry *commands, uint32_t count, uint64_t first,
                         vlot_replies *replies) {
  const state *one = context;
  (void)commands, (void)replies;
  uint64_t last = first + count - 1;
  if (last > atomic_load(&one->seen->reached[one->node]))
    atomic_store(&one->seen->reached[one->node], last);
  if (one->node == 2 && one->seen->abort_at != 0 && last >= one->seen->abort_at) abort();
  return VLOT_OK;
}

static vlot_machine machine_of(seen *which) {
  return (vlot_machine){.size = sizeof(vlot_machine),
                        .name = "crash",
                        .context = which,
                        .create = create,
                        .apply = apply,
                        .destroy = free};
}

/* --- the process that is recorded --- */

static vlot_result write_sink(void *context, const void *data, size_t size) {
  return write(*(const int *)context, data, size) == (ssize_t)size ? VLOT_OK : VLOT_IO;
}

static void talk(vlot_client *client) {
  static const char data[700] = "command";
  vlot_answer answers[WINDOW];
  uint64_t sizes = seed;
  while (vlot_client_inflight(client) < WINDOW) {
    uint32_t size = 1 + (uint32_t)(vlot__prng_mix(sizes++) % sizeof data);
    vlot_command command = {.data = (const uint8_t *)data, .size = size};
    if (vlot_client_submit(client, &command, 1, NULL) != VLOT_OK) break;
  }
  (void)vlot_client_wait(client, answers, WINDOW);
}

/* The disk is full: the recording ends with an error that is told, and nothing else does. */
static void outlive(vlot_cluster *cluster, vlot_client *client) {
  vlot_journal_status status;
  do {
    talk(client);
    if (vlot_journal_get_status(cluster, &status) != VLOT_OK) _exit(3);
  } while (status.is_on);
  if (status.result != VLOT_IO || status.error != EFBIG) _exit(4);
  for (int k = 0; k < 20; k++) talk(client);
  vlot_client_close(client);
  _exit(vlot_cluster_close(cluster) == VLOT_IO ? 0 : 5);
}

static void run(ending how) {
  vlot_cluster *cluster;
  vlot_client *client;
  vlot_cluster_options options;
  vlot_machine machine = machine_of(shared);
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  if (how == DISK_FULL) setrlimit(RLIMIT_FSIZE, &(struct rlimit){LIMIT_BYTES, LIMIT_BYTES});
  int sink = how == KILLED_WITH_SINK ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
  vlot_writer writer = {.context = &sink, .write = write_sink};
  vlot_cluster_options_init(&options);
  options.nodes = NODES;
  options.seed = seed;
  options.tick_ns = 500000;
  options.machine = &machine;
  if (how == KILLED_WITH_SINK)
    options.journal = &writer;
  else
    options.journal_path = path;
  vlot_link link = {.loss = 20000, .duplicate = 50000, .reorder = 50000, .reorder_ticks = 2};
  if (vlot_cluster_open(&cluster, &options, NULL) != VLOT_OK ||
      vlot_await_leader(cluster, 20000, NULL) != VLOT_OK ||
      vlot_client_open(&client, cluster, NULL) != VLOT_OK)
    _exit(2);
  if (seed / ENDINGS % 2 == 1 && vlot_cluster_set_link(cluster, 0, 0, &link) != VLOT_OK) _exit(2);
  if (how == DISK_FULL) outlive(cluster, client);
  for (;;) talk(client);
}

static bool is_over(pid_t child, int *status) { return waitpid(child, status, WNOHANG) == child; }

/* Until some machine has come so far, and then so many looks longer. */
static int watch(pid_t child, uint64_t entry, uint64_t looks) {
  int status;
  for (uint64_t past = 0; past < looks;) {
    if (is_over(child, &status)) return status;
    if (atomic_load(&shared->reached[1 + entry % NODES]) >= entry) past++;
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return status;
}

static void record(ending how, uint64_t entry) {
  int status;
  memset(shared, 0, sizeof *shared);
  if (how == ABORTED) shared->abort_at = entry;
  pid_t child = fork();
  if (child < 0) fail("no process", "");
  if (child == 0) run(how);
  if (how == KILLED || how == KILLED_WITH_SINK)
    status = watch(child, entry, 1 + vlot__prng_mix(seed) % 200);
  else
    waitpid(child, &status, 0);
  bool is_as_wished = how == DISK_FULL ? WIFEXITED(status) && WEXITSTATUS(status) == 0
                      : how == ABORTED ? WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT
                                       : WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  char text[40];
  snprintf(text, sizeof text, "%#x", (unsigned)status);
  if (!is_as_wished) fail("it ends otherwise:", text);
}

/* --- what is left of it --- */

static uint8_t *read_journal(size_t *size) {
  struct stat is;
  int descriptor = open(path, O_RDONLY);
  if (descriptor < 0 || fstat(descriptor, &is) != 0) fail("no journal", "");
  *size = (size_t)is.st_size;
  uint8_t *bytes = malloc(*size + 1);
  if (!bytes || read(descriptor, bytes, *size) != (ssize_t)*size) fail("it cannot be read", "");
  close(descriptor);
  return bytes;
}

static void replay(ending how, uint64_t totals[3]) {
  vlot_cluster *cluster;
  vlot_cluster_options options;
  vlot_replay_status status;
  const char *problem = "";
  vlot_machine machine = machine_of(&own);
  size_t size;
  uint8_t *bytes = read_journal(&size);
  memset(&own, 0, sizeof own);
  vlot_cluster_options_init(&options);
  options.machine = &machine;
  if (how == DISK_FULL && size > LIMIT_BYTES) fail("it is larger than the limit", "");
  if (vlot_replay_open(&cluster, &options, bytes, size, &problem) != VLOT_OK)
    fail("it cannot be opened:", problem ? problem : "");
  vlot_result result = vlot_lockstep_step(cluster, UINT64_MAX, NULL);
  if (vlot_replay_get_status(cluster, &status) != VLOT_OK) fail("no status", "");
  if (result != VLOT_OK || status.has_diverged) fail("it is another run:", status.text);
  /* a sink's last write can be cut by the signal */
  const char *said = how == KILLED_WITH_SINK ? "cut" : "no end";
  if (!status.is_finished || !status.is_cut || status.has_end || !strstr(status.text, said))
    fail("it is not said that it has no end:", status.text);
  for (uint32_t id = 1; id <= NODES; id++)
    if (how != DISK_FULL && own.reached[id] < shared->reached[id])
      fail("a machine was given what is not in it:", status.text);
  if (how == ABORTED && !strstr(status.text, "n2 after")) fail("not the turn:", status.text);
  totals[0] += status.actions;
  totals[1] += status.unended_turns;
  totals[2] += size;
  if (vlot_cluster_close(cluster) != VLOT_OK) fail("a safety property is broken", "");
  free(bytes);
}

static uint64_t number(int argc, char **argv, int place, uint64_t usual) {
  char *end = NULL;
  if (place >= argc) return usual;
  uint64_t value = strtoull(argv[place], &end, 10);
  if (*end == '\0' && value > 0 && value <= 1000000) return value;
  fprintf(stderr, "race_crashed: \"%s\" is no number from 1 to 1000000\n", argv[place]);
  exit(64);
}

int main(int argc, char **argv) {
  uint64_t runs = number(argc, argv, 1, 24), first = number(argc, argv, 2, 1), totals[3] = {0};
  snprintf(path, sizeof path, "race_crashed.%ld.journal", (long)getpid());
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail("no memory", "");
  for (seed = first; seed < first + runs; seed++) {
    ending how = (ending)(seed % ENDINGS);
    record(how, 2 + vlot__prng_mix(seed ^ UINT64_C(99)) % ENTRIES_MAX);
    replay(how, totals);
  }
  unlink(path);
  printf("race crashed: %" PRIu64 " journals without an end replay alike: %" PRIu64
         " actions, %" PRIu64 " turns without an end, %" PRIu64 " bytes\n",
         runs, totals[0], totals[1], totals[2]);
  return 0;
}
