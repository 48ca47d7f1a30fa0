/* Random numbers: the same on every platform, and without bias. The constants were computed by
 * another program, written from the generators' publications.
 */
#include <signal.h>

#include <criterion/criterion.h>

#include "base/prng.h"

static vlot__prng seeded(uint64_t seed, uint64_t stream) {
  vlot__prng prng;
  vlot__prng_init(&prng, seed, stream);
  return prng;
}

/* The authors' test vector. */
Test(prng, is_xoshiro256_starstar) {
  vlot__prng prng = {{1, 2, 3, 4}};
  const uint64_t drawn[] = {11520u,
                            0u,
                            1509978240u,
                            1215971899390074240u,
                            1216172134540287360u,
                            607988272756665600u,
                            16172922978634559625u,
                            8476171486693032832u,
                            10595114339597558777u,
                            2904607092377533576u};
  for (size_t k = 0; k < sizeof drawn / sizeof *drawn; k++)
    cr_assert_eq(vlot__prng_next(&prng), drawn[k], "draw %zu", k);
}

Test(prng, mix_is_splitmix64) {
  cr_assert_eq(vlot__prng_mix(0), 0xe220a8397b1dcdafu);
  cr_assert_eq(vlot__prng_mix(1), 0x910a2dec89025cc1u);
  cr_assert_eq(vlot__prng_mix(UINT64_MAX), 0xe4d971771b652c20u);
}

Test(prng, draws_the_same_for_a_seed_and_a_stream_everywhere) {
  const struct {
    uint64_t seed, stream, drawn[6];
  } vectors[] = {
      {0,
       0,
       {0xf20f7814d0c550afu, 0x0b01ad0c1eb4713au, 0x62be327043178642u, 0x26bded96822feaa3u,
        0xd2fb0aded8de9276u, 0x689772f67401be17u}},
      {1,
       0,
       {0x986e5d8af62148bbu, 0xc22712db515d624bu, 0xebc06902158d813bu, 0x8765a9188ff09986u,
        0x097fb7db7499ecf0u, 0xceebf55514470e09u}},
      {0,
       1,
       {0x72d157bda6b48344u, 0x5015beb40148a009u, 0x22f7e55dea23d23fu, 0x4b5f2e6b0b4f3f17u,
        0x38917ed5f1bbaa76u, 0xa90e94b62ca8fc9u}},
      {42,
       7,
       {0x3ce51dc459670850u, 0x4255b04c78bc150au, 0x05d83a890d3f113du, 0x8413a27d7f89fafbu,
        0xffe2596e4f29e48cu, 0x79b80d0d554fd75cu}},
  };
  for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++) {
    vlot__prng prng = seeded(vectors[k].seed, vectors[k].stream);
    for (size_t n = 0; n < 6; n++)
      cr_assert_eq(vlot__prng_next(&prng), vectors[k].drawn[n], "vector %zu, draw %zu", k, n);
  }
}

/* On both sides of where the way of drawing changes. */
Test(prng, below_draws_the_same_everywhere) {
  const struct {
    uint64_t bound, drawn[4];
  } vectors[] = {
      {2, {0, 0, 0, 1}},
      {3, {0, 0, 0, 1}},
      {1000, {0xed, 0x103, 0x16, 0x203}},
      {UINT32_MAX, {0x3ce51dc3u, 0x4255b04bu, 0x05d83a88u, 0x8413a27cu}},
      {(uint64_t)1 << 32, {0x59670850u, 0x78bc150au, 0x0d3f113du, 0x7f89fafbu}},
      {((uint64_t)1 << 63) + 1,
       {0x3ce51dc459670850u, 0x4255b04c78bc150au, 0x05d83a890d3f113du, 0x79b80d0d554fd75cu}},
      {UINT64_MAX,
       {0x3ce51dc459670850u, 0x4255b04c78bc150au, 0x05d83a890d3f113du, 0x8413a27d7f89fafbu}},
  };
  for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++) {
    vlot__prng prng = seeded(42, 7);
    for (size_t n = 0; n < 4; n++)
      cr_assert_eq(vlot__prng_below(&prng, vectors[k].bound), vectors[k].drawn[n],
                   "bound %zu, draw %zu", k, n);
  }
}

Test(prng, below_stays_below) {
  const uint64_t bounds[] = {2,
                             3,
                             7,
                             1000000,
                             UINT32_MAX - 1,
                             UINT32_MAX,
                             (uint64_t)1 << 32,
                             ((uint64_t)1 << 32) + 1,
                             ((uint64_t)1 << 63) + 1,
                             UINT64_MAX};
  vlot__prng prng = seeded(1, 1);
  for (size_t k = 0; k < sizeof bounds / sizeof *bounds; k++)
    for (int n = 0; n < 2000; n++) cr_assert_lt(vlot__prng_below(&prng, bounds[k]), bounds[k]);
}

/* A bound that leaves no choice costs no draw, so that a feature that is off changes no run. */
Test(prng, below_nothing_or_one_is_zero_and_draws_nothing) {
  vlot__prng prng = seeded(1, 1), untouched = seeded(1, 1);
  cr_assert_eq(vlot__prng_below(&prng, 0), 0);
  cr_assert_eq(vlot__prng_below(&prng, 1), 0);
  cr_assert_not(vlot__prng_chance(&prng, 0));
  cr_assert_eq(vlot__prng_next(&prng), vlot__prng_next(&untouched));
}

/* Pearson's statistic over [cells] equal parts of [0, bound). Its mean is cells - 1, its variance
 * twice that. */
static double chi_square(vlot__prng *prng, uint64_t bound, uint32_t cells, uint32_t draws) {
  uint32_t counts[64] = {0};
  double statistic = 0, expected = (double)draws / cells;
  uint64_t width = bound / cells + (bound % cells != 0);
  for (uint32_t n = 0; n < draws; n++) counts[vlot__prng_below(prng, bound) / width]++;
  for (uint32_t k = 0; k < cells; k++)
    statistic += (counts[k] - expected) * (counts[k] - expected) / expected;
  return statistic;
}

/* 2/3 of 2^32 and of 2^64 are where a modulo would favour the lower half two to one. The bounds'
 * cells are equal to within a part in 2^26. The limit is six standard deviations.
 */
Test(prng, below_is_without_bias) {
  const struct {
    uint64_t bound;
    uint32_t cells;
  } cases[] = {
      {2, 2},
      {3, 3},
      {10, 10},
      {64, 64},
      {63, 63},
      {2863311530u, 2},
      {2863311531u, 3},
      {UINT32_MAX, 32},
      {(uint64_t)1 << 32, 64},
      {((uint64_t)1 << 63) + 1, 32},
      {12297829382473034410u, 2},
      {UINT64_MAX, 64},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    for (uint64_t seed = 0; seed < 4; seed++) {
      vlot__prng prng = seeded(seed, k);
      double freedom = cases[k].cells - 1;
      double found = chi_square(&prng, cases[k].bound, cases[k].cells, 100000);
      double above = found - freedom;
      cr_assert(above < 0 || above * above < 36 * 2 * freedom,
                "bound %zu, seed %lu: chi-square %f at %f degrees of freedom", k,
                (unsigned long)seed, found, freedom);
    }
}

Test(prng, between_includes_both_ends) {
  vlot__prng prng = seeded(3, 3);
  uint32_t seen[3] = {0};
  for (int n = 0; n < 1000; n++) {
    uint64_t drawn = vlot__prng_between(&prng, 15, 17);
    cr_assert(drawn >= 15 && drawn <= 17);
    seen[drawn - 15]++;
  }
  for (size_t k = 0; k < 3; k++) cr_assert_gt(seen[k], 250);
  cr_assert_eq(vlot__prng_between(&prng, 9, 9), 9);
  cr_assert_geq(vlot__prng_between(&prng, UINT64_MAX - 1, UINT64_MAX), UINT64_MAX - 1);
  vlot__prng whole = seeded(42, 7);
  cr_assert_eq(vlot__prng_between(&whole, 0, UINT64_MAX), 0x3ce51dc459670850u);
}

Test(prng, between_asserts_that_low_is_not_above_high, .signal = SIGABRT) {
  vlot__prng prng = seeded(0, 0);
  vlot__prng_between(&prng, 2, 1);
}

Test(prng, a_chance_comes_true_as_often_as_it_says) {
  vlot__prng prng = seeded(5, 5);
  uint32_t hits = 0;
  for (int n = 0; n < 100000; n++) {
    hits += vlot__prng_chance(&prng, 250000);
    cr_assert(vlot__prng_chance(&prng, 1000000));
    cr_assert(vlot__prng_chance(&prng, UINT32_MAX), "more than certain is certain");
  }
  cr_assert(hits > 24000 && hits < 26000, "%u", hits);
}

Test(prng, streams_of_one_seed_differ) {
  uint64_t drawn[256];
  for (uint64_t stream = 0; stream < 256; stream++) {
    vlot__prng prng = seeded(1, stream);
    drawn[stream] = vlot__prng_next(&prng);
    for (uint64_t other = 0; other < stream; other++) cr_assert_neq(drawn[stream], drawn[other]);
  }
}
