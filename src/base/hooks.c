/* The hooks: empty, but not for the compiler. Each argument is used, so that a debugger can show
 * it. */
#include "vlot/hooks.h"

#ifdef __has_include
#if __has_include(<sys/sdt.h>) && !defined(VLOT_WITHOUT_HOOKS)
#define SDT_USE_VARIADIC
#include <sys/sdt.h>
#ifdef __clang__ /* of that header's own macros */
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif
#define PROBE(...) STAP_PROBEV(vlot, __VA_ARGS__)
#endif
#endif
#ifndef PROBE
#define PROBE(...) ((void)0)
#endif

#define KEPT __attribute__((noinline, used))

KEPT void vlot_hook_step(uint32_t node, uint64_t action) {
  __asm__ volatile("" ::"g"(node), "g"(action));
  PROBE(step, node, action);
}

KEPT void vlot_hook_election(uint32_t node, uint32_t kind, uint64_t term, vlot_why why) {
  __asm__ volatile("" ::"g"(node), "g"(kind), "g"(term), "g"(why));
  PROBE(election, node, kind, term, why);
}

KEPT void vlot_hook_term_change(uint32_t node, uint64_t from, uint64_t to, vlot_why why) {
  __asm__ volatile("" ::"g"(node), "g"(from), "g"(to), "g"(why));
  PROBE(term_change, node, from, to, why);
}

KEPT void vlot_hook_role_change(uint32_t node, uint32_t from, uint32_t to, vlot_why why) {
  __asm__ volatile("" ::"g"(node), "g"(from), "g"(to), "g"(why));
  PROBE(role_change, node, from, to, why);
}

KEPT void vlot_hook_vote(uint32_t node, uint32_t candidate, uint64_t term, uint32_t granted,
                         vlot_why why) {
  __asm__ volatile("" ::"g"(node), "g"(candidate), "g"(term), "g"(granted), "g"(why));
  PROBE(vote, node, candidate, term, granted, why);
}

KEPT void vlot_hook_send(uint32_t node, uint32_t to, uint32_t kind, uint64_t message) {
  __asm__ volatile("" ::"g"(node), "g"(to), "g"(kind), "g"(message));
  PROBE(send, node, to, kind, message);
}

KEPT void vlot_hook_deliver(uint32_t node, uint32_t from, uint32_t kind, uint64_t message) {
  __asm__ volatile("" ::"g"(node), "g"(from), "g"(kind), "g"(message));
  PROBE(deliver, node, from, kind, message);
}

KEPT void vlot_hook_drop(uint32_t node, uint32_t to, uint64_t message, vlot_why why) {
  __asm__ volatile("" ::"g"(node), "g"(to), "g"(message), "g"(why));
  PROBE(drop, node, to, message, why);
}

KEPT void vlot_hook_append(uint32_t node, uint64_t first, uint64_t count, uint64_t term) {
  __asm__ volatile("" ::"g"(node), "g"(first), "g"(count), "g"(term));
  PROBE(append, node, first, count, term);
}

KEPT void vlot_hook_truncate(uint32_t node, uint64_t from, uint64_t count) {
  __asm__ volatile("" ::"g"(node), "g"(from), "g"(count));
  PROBE(truncate, node, from, count);
}

KEPT void vlot_hook_commit(uint32_t node, uint64_t index, uint64_t term) {
  __asm__ volatile("" ::"g"(node), "g"(index), "g"(term));
  PROBE(commit, node, index, term);
}

KEPT void vlot_hook_apply(uint32_t node, uint64_t first, uint64_t count) {
  __asm__ volatile("" ::"g"(node), "g"(first), "g"(count));
  PROBE(apply, node, first, count);
}

KEPT void vlot_hook_fault(uint32_t node, uint32_t peer, vlot_why why) {
  __asm__ volatile("" ::"g"(node), "g"(peer), "g"(why));
  PROBE(fault, node, peer, why);
}

KEPT void vlot_hook_spawn(uint32_t node, uint32_t incarnation) {
  __asm__ volatile("" ::"g"(node), "g"(incarnation));
  PROBE(spawn, node, incarnation);
}

KEPT void vlot_hook_kill(uint32_t node, vlot_why why) {
  __asm__ volatile("" ::"g"(node), "g"(why));
  PROBE(kill, node, why);
}

KEPT void vlot_hook_fenced(uint32_t node, vlot_why why) {
  __asm__ volatile("" ::"g"(node), "g"(why));
  PROBE(fenced, node, why);
}

KEPT void vlot_hook_violation(uint32_t node, const char *text) {
  __asm__ volatile("" ::"g"(node), "g"(text));
  PROBE(violation, node, text);
}

KEPT void vlot_hook_tick(uint32_t node, uint64_t now, uint64_t elapsed) {
  __asm__ volatile("" ::"g"(node), "g"(now), "g"(elapsed));
  PROBE(tick, node, now, elapsed);
}

KEPT void vlot_hook_election_timeout(uint32_t node, uint64_t term) {
  __asm__ volatile("" ::"g"(node), "g"(term));
  PROBE(election_timeout, node, term);
}

KEPT void vlot_hook_snapshot(uint32_t node, uint64_t index, uint64_t term, uint64_t size) {
  __asm__ volatile("" ::"g"(node), "g"(index), "g"(term), "g"(size));
  PROBE(snapshot, node, index, term, size);
}

KEPT void vlot_hook_install(uint32_t node, vlot_install_stage stage, uint64_t index, uint64_t to,
                            uint64_t size, vlot_why why) {
  __asm__ volatile("" ::"g"(node), "g"(stage), "g"(index), "g"(to), "g"(size), "g"(why));
  PROBE(install, node, stage, index, to, size, why);
}
