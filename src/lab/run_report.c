/* vlot run, what it says at the end: for people, and as JSON. */
#include <inttypes.h>
#include <stdio.h>

#include "run.h"

int vlot__run_verdict(const vlot__run *run) {
  if (run->state == VLOT__LOAD_FAILED) return VLOT__EXIT_SOFTWARE;
  if (run->lost > 0 || run->load.wrong > 0 || run->replicas_differ || run->violation[0])
    return VLOT__EXIT_VIOLATED;
  if (run->state == VLOT__LOAD_NO_MEMORY) return VLOT__EXIT_NO_MEMORY;
  if (run->state == VLOT__LOAD_STUCK) return VLOT__EXIT_STUCK;
  return run->script.bad_lines > 0 ? VLOT__EXIT_DATA : VLOT__EXIT_OK;
}

static uint64_t elapsed_ns(const vlot__run *run) {
  return run->end_ns > run->begin_ns ? run->end_ns - run->begin_ns : 1;
}

static uint64_t ops_per_second(const vlot__run *run) {
  return (uint64_t)((double)run->load.done * 1e9 / (double)elapsed_ns(run));
}

/* What is in doubt with a machine of one's own is done, and not acknowledged. */
static uint64_t acknowledged(const vlot__run *run) {
  return run->load.done - (run->set.plugin ? run->load.in_doubt : 0);
}

static const char *driver_name(const vlot__run *run) {
  return run->set.driver == 0 ? "threads" : "lockstep";
}

static const char *state_name(vlot_node_state state) {
  switch (state) {
  case VLOT_NODE_UP: return "up";
  case VLOT_NODE_SUSPENDED: return "suspended";
  case VLOT_NODE_FENCED: return "fenced";
  case VLOT_NODE_DOWN: break;
  }
  return "down";
}

static uint64_t print_left_out(const vlot__run *run) {
  uint64_t count = 0;
  for (uint32_t k = 0; k < run->set.nodes; k++) {
    const vlot__run_replica *one = &run->replicas[k];
    if (!one->is_left_out) continue;
    printf("%s n%u (%s)", count++ == 0 ? "  not compared      " : ",", k + 1,
           state_name(one->state));
  }
  if (count > 0) printf(": left like that at the prompt\n");
  return count;
}

static void print_replicas(const vlot__run *run) {
  char at[32];
  const vlot__run_replica *first = vlot__run_first_replica(run);
  if (run->set.plugin && !run->set.plugin->machine->hash) {
    printf("  replicas           not compared: %s has no hash\n", run->set.plugin->name);
    return;
  }
  bool is_same = run->state == VLOT__LOAD_DONE && !run->replicas_differ;
  uint64_t left_out = print_left_out(run);
  if (is_same && first) {
    printf("  replicas           %" PRIu64 " identical: hash %016" PRIx64 " at index %s\n",
           run->set.nodes - left_out, first->hash, vlot__lab_commas(first->applied, at));
    return;
  }
  for (uint32_t k = 0; k < run->set.nodes; k++) {
    const vlot__run_replica *one = &run->replicas[k];
    if (one->is_left_out) continue;
    if (one->result == VLOT_FENCED || one->result == VLOT_CLOSED)
      printf("  replica n%-8u  %s, not compared\n", k + 1, state_name(one->state));
    else if (one->result != VLOT_OK)
      printf("  replica n%-8u  %s\n", k + 1, vlot_result_text(one->result));
    else
      printf("  replica n%-8u  hash %016" PRIx64 " at index %s\n", k + 1, one->hash,
             vlot__lab_commas(one->applied, at));
  }
}

static const char *ending(int code) {
  switch (code) {
  case VLOT__EXIT_OK: return "all is well";
  case VLOT__EXIT_VIOLATED: return "VERIFICATION FAILED";
  case VLOT__EXIT_STUCK: return "STUCK: nothing was committed for a long time";
  case VLOT__EXIT_NO_MEMORY: return "OUT OF MEMORY: allow the process more (ulimit -v, memory.max)";
  case VLOT__EXIT_DATA: return "bad lines of the input were skipped";
  default: return "FAILED";
  }
}

static void print_text(const vlot__run *run, int code) {
  char a[32], b[32], c[32], ms[40];
  const vlot__load *load = &run->load;
  printf("vlot run: %" PRIu64 " node%s, %s, %s, seed %" PRIu64 "\n", run->set.nodes,
         run->set.nodes == 1 ? "" : "s", driver_name(run),
         run->set.input ? run->set.input : "the world's time zones", run->set.seed);
  if (!run->screen.is_live)
    for (uint32_t k = 0; k < run->story_count; k++) printf("  %s\n", run->stories[k]);
  if (run->set.plugin) printf("  machine %s\n", run->set.plugin->name);
  printf("\n  commands           %s acknowledged of %s\n", vlot__lab_commas(acknowledged(run), a),
         vlot__lab_commas(run->script.count, b));
  if (run->script.bad_lines > 0)
    printf("  bad lines          %s, skipped\n", vlot__lab_commas(run->script.bad_lines, a));
  printf("  submitted again    %s refused, %s of %s in doubt\n", vlot__lab_commas(load->refused, a),
         vlot__lab_commas(load->repeated, b), vlot__lab_commas(load->in_doubt, c));
  printf("  seconds            %.3f\n", (double)elapsed_ns(run) / 1e9);
  printf("  ops/s              %s\n", vlot__lab_commas(ops_per_second(run), a));
  printf("  elections          %s\n", vlot__lab_commas(run->stats.elections, a));
  printf("  unavailable        %s tick%s, %s%s\n", vlot__lab_commas(run->outage_ticks, a),
         run->outage_ticks == 1 ? "" : "s", vlot__lab_ms(run->outage_ns, ms),
         run->step.stops > 0 ? ", pauses left out" : "");
  if (!run->set.plugin) {
    printf("  read back          %s of %s keys\n", vlot__lab_commas(run->verified, a),
           vlot__lab_commas(run->script.key_count, b));
    printf("  lost acknowledged  %s\n", vlot__lab_commas(run->lost, a));
  } else if (run->state_text.size > 0) {
    printf("  state              %s\n", run->state_text.data);
  }
  if (load->wrong > 0)
    printf("  wrong answers      %s, first: %s\n", vlot__lab_commas(load->wrong, a),
           load->wrong_text);
  print_replicas(run);
  if (run->violation[0]) printf("  violation          %s\n", run->violation);
  if (run->fences[0]) printf("  fenced             %s\n", run->fences);
  if (run->set.step_on && run->step.stops == 0)
    printf("  not paused         %s did not happen\n", run->set.step_on);
  printf("  %s\n", ending(code));
}

/* Who is not compared has neither index nor hash: its last word is not a replica's. */
static void print_json_replicas(const vlot__run *run) {
  uint64_t compared = 0;
  printf(",\"replicas\":[");
  for (uint32_t k = 0; k < run->set.nodes; k++) {
    const vlot__run_replica *one = &run->replicas[k];
    printf("%s{\"node\":%u,\"state\":\"%s\"", k ? "," : "", k + 1, state_name(one->state));
    if (vlot__run_is_compared(one) && ++compared > 0)
      printf(",\"applied\":%" PRIu64 ",\"hash\":\"%016" PRIx64 "\"}", one->applied, one->hash);
    else
      printf(",\"applied\":null,\"hash\":null}");
  }
  printf("],\"replicas_compared\":%" PRIu64 ",\"replicas_identical\":%s", compared,
         run->state == VLOT__LOAD_DONE && !run->replicas_differ && compared > 0 ? "true" : "false");
}

static void print_json(const vlot__run *run, int code) {
  const vlot__load *load = &run->load;
  printf("{\"nodes\":%" PRIu64 ",\"learners\":%" PRIu64 ",\"driver\":\"%s\",\"seed\":%" PRIu64,
         run->set.nodes, run->set.learners, driver_name(run), run->set.seed);
  if (run->set.plugin) {
    printf(",\"machine\":");
    vlot__lab_json_text(stdout, run->set.plugin->name);
  }
  printf(",\"commands\":%u,\"acknowledged\":%" PRIu64 ",\"bad_lines\":%" PRIu64, run->script.count,
         acknowledged(run), run->script.bad_lines);
  printf(",\"refused\":%" PRIu64 ",\"in_doubt\":%" PRIu64 ",\"repeated\":%" PRIu64, load->refused,
         load->in_doubt, load->repeated);
  printf(",\"seconds\":%.6f,\"ops_per_second\":%" PRIu64, (double)elapsed_ns(run) / 1e9,
         ops_per_second(run));
  printf(",\"ticks\":%" PRIu64 ",\"elections\":%" PRIu64, run->end_tick - run->begin_tick,
         run->stats.elections);
  printf(",\"unavailable_ticks\":%" PRIu64 ",\"unavailable_ms\":%.3f", run->outage_ticks,
         (double)run->outage_ns / 1e6);
  printf(",\"killed\":%u,\"keys\":%u,\"verified\":%" PRIu64 ",\"lost\":%" PRIu64
         ",\"wrong_answers\":%" PRIu64,
         run->victim, run->script.key_count, run->verified, run->lost, load->wrong);
  print_json_replicas(run);
  if (run->set.driver == 1)
    printf(",\"actions\":%" PRIu64 ",\"event_hash\":\"%016" PRIx64 "\"", run->stats.actions,
           run->stats.event_hash);
  if (run->state_text.size > 0) {
    printf(",\"state\":");
    vlot__lab_json_text(stdout, run->state_text.data);
  }
  printf(",\"violation\":");
  if (run->violation[0])
    vlot__lab_json_text(stdout, run->violation);
  else
    printf("null");
  printf(",\"fenced\":");
  if (run->fences[0])
    vlot__lab_json_text(stdout, run->fences);
  else
    printf("null");
  printf(",\"exit\":%d}\n", code);
}

int vlot__run_report(vlot__run *run) {
  int code = vlot__run_verdict(run);
  vlot__screen_erase(&run->screen);
  if (run->set.is_json)
    print_json(run, code);
  else if (!run->set.is_quiet)
    print_text(run, code);
  else if (code != VLOT__EXIT_OK)
    fprintf(stderr, "vlot run: %s%s%s\n", run->fences, run->fences[0] ? ". " : "", ending(code));
  return code;
}
