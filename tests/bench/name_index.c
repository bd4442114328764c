/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What large name sets cost: seconds to build, bytes a name, nanoseconds a look-up.
 *
 *   bench_name_index [NAMES...]      sizes of the sets; default 1000 to 10000000
 *
 * The names are made up, the same in each run: entry n has 1 + n % 10 labels (so that no number of
 * labels can be ruled out) of 3 to 12 letters. Names looked up have 2 to 10 labels and are
 *   miss   in no entry, though an entry may have each number of labels
 *   hit    an entry themselves
 *   top    below an entry of one label and nothing else: all labels are tried, the last one hits
 * Warm: 64 names in turn, seen before. Cold: names not seen before, and all that their look-up
 * reads of the index is put out of all caches first; the name is in a cache, as that of a packet
 * just parsed, and so is the code. Each look-up is timed alone between fences, without what the
 * clock takes; median and 95th percentile. Bulk: bursts of 32, a name's part, as workers look the
 * names of a burst up before its rules. x86 only.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <immintrin.h>
#include <rte_cycles.h>

#include "dataplane/dns/name.h"
#include "dataplane/rules/name_index_parts.h"
#include "tests/bench/measure.h"

#define WARM_NAMES 64u
#define BURST 32u
#define COLD_SAMPLES 1024u
#define WARM_SAMPLES 65536u

enum query { QUERY_MISS, QUERY_HIT, QUERY_TOP, QUERY_COUNT };

static const char *const query_names[] = {"miss", "hit", "top"};

static double tsc_per_ns;
static uint64_t clock_cost;
static uint64_t samples[WARM_SAMPLES];
static volatile uint32_t zero; /* as far as the compiler knows, anything */

/* A label that depends on the number; `first` keeps kinds of names apart. */
static size_t label_make(uint8_t *to, uint64_t number, char first)
{
	uint64_t bits = mix(number);
	size_t length = 3 + bits % 10;
	to[0] = (uint8_t)length;
	to[1] = (uint8_t)first;
	bits >>= 8;
	for (size_t i = 2; i <= length; i++, bits >>= 5)
		to[i] = (uint8_t)('a' + bits % 26);
	return length + 1;
}

/*
 * A name of so many labels whose leftmost comes from the number. Those to the right come from fewer
 * numbers, as in a tree: the last label is one of 64, the one before that one of 4,096 and so on.
 */
static uint8_t name_make(uint8_t name[static DNS_NAME_MAX], uint64_t number, unsigned labels,
			 char leftmost, char others)
{
	size_t at = label_make(name, number, leftmost);
	for (unsigned i = labels - 1; i > 0; i--) {
		uint64_t bound = i < 4 ? (uint64_t)1 << 6 * i : (uint64_t)1 << 24;
		at += label_make(name + at, number % bound + i * 0x100000000u, others);
	}
	name[at] = 0;
	return (uint8_t)(at + 1);
}

/* Entry n; the 64 of one label that "top" names are below come first. */
static uint8_t entry_make(uint8_t name[static DNS_NAME_MAX], uint64_t n)
{
	if (n < 64) {
		size_t at = label_make(name, n, 't');
		name[at] = 0;
		return (uint8_t)(at + 1);
	}
	return name_make(name, n, 1 + n % 10, 'e', 'x');
}

static uint8_t query_make(uint8_t name[static DNS_NAME_MAX], enum query query, uint64_t count,
			  unsigned labels, uint64_t seed)
{
	uint64_t number = mix(seed) % count;
	if (query == QUERY_HIT) {
		number -= number % 10;
		number += labels - 1;
		while (number < 64 || number >= count)
			number = number < 64 ? number + 70 : number - 10;
		return entry_make(name, number);
	}
	if (query == QUERY_MISS)
		return name_make(name, mix(seed), labels, 'm', 'y');
	size_t at = name_make(name, mix(seed), labels - 1, 'm', 'y') - 1u;
	at += label_make(name + at, number % 64, 't');
	name[at] = 0;
	return (uint8_t)(at + 1);
}

static inline uint64_t tick(void)
{
	return rte_rdtsc_precise();
}

static int u64_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static double quantile_ns(unsigned count, double part)
{
	qsort(samples, count, sizeof(samples[0]), u64_compare);
	uint64_t ticks = samples[(unsigned)(part * (count - 1))];
	return (double)(ticks > clock_cost ? ticks - clock_cost : 0) / tsc_per_ns;
}

static void clock_measure(void)
{
	double start = now();
	uint64_t ticks = tick();
	while (now() - start < 0.1)
		;
	tsc_per_ns = (double)(tick() - ticks) / ((now() - start) * 1e9);
	for (unsigned i = 0; i < WARM_SAMPLES; i++) {
		uint64_t from = tick();
		samples[i] = tick() - from;
	}
	qsort(samples, WARM_SAMPLES, sizeof(samples[0]), u64_compare);
	clock_cost = samples[WARM_SAMPLES / 2];
}

/* From memory on, whole cache lines. */
static void bytes_evict(const void *memory, size_t size)
{
	for (uintptr_t at = (uintptr_t)memory & ~(uintptr_t)63; at < (uintptr_t)memory + size; at += 64)
		_mm_clflush((const void *)at);
}

static void look(bool found, enum query query)
{
	if (found != (query != QUERY_MISS)) {
		fprintf(stderr, "bench_name_index: a wrong answer\n");
		exit(1);
	}
}

static void single_warm(const struct name_index *index, enum query query, unsigned labels)
{
	static uint8_t names[WARM_NAMES][DNS_NAME_MAX];
	uint8_t lengths[WARM_NAMES];
	struct name_match match;

	for (unsigned i = 0; i < WARM_NAMES; i++)
		lengths[i] = query_make(names[i], query, name_index_count(index), labels, i);
	for (unsigned i = 0; i < WARM_SAMPLES; i++) {
		unsigned n = i % WARM_NAMES;
		uint64_t from = tick();
		bool found = name_index_find(index, names[n], lengths[n], &match);
		samples[i] = tick() - from;
		look(found, query);
	}
}

/* Puts out of all caches what a look-up of this name reads. */
static void name_evict(const struct name_index *index, const uint8_t *name, size_t length)
{
	uint8_t offsets[DNS_LABELS_MAX];
	struct name_view view;
	name_view_open(&view, index->secret, name, length);
	for (unsigned i = dns_name_split(name, length, offsets); i-- > 0;) {
		uint64_t hash = name_view_hash(&view, index->secret[2], length - offsets[i]);
		uint32_t n = name_hash_bucket(hash, index->n_buckets);
		const struct name_bucket *bucket = &index->buckets[n];
		for (unsigned slot = 0; slot < NAME_BUCKET_SLOTS; slot++) {
			const struct name_record *record =
				name_record_at(index->records, bucket->at[slot]);
			if (bucket->at[slot] != 0)
				bytes_evict(record, name_record_size(record->length));
		}
		bytes_evict(bucket, n + 1 < index->n_buckets ? 128 : 64);
	}
	_mm_mfence();
}

static void single_cold(const struct name_index *index, enum query query, unsigned labels)
{
	uint8_t name[DNS_NAME_MAX];
	struct name_match match;

	for (unsigned i = 0; i < COLD_SAMPLES; i++) {
		uint8_t length = query_make(name, query, name_index_count(index), labels,
					    1000 + i);
		name_evict(index, name, length);
		uint64_t from = tick();
		bool found = name_index_find(index, name, length, &match);
		samples[i] = tick() - from;
		look(found, query);
	}
}

static void bulk_run(const struct name_index *index, enum query query, unsigned labels, bool cold)
{
	static uint8_t bytes[BURST][DNS_NAME_MAX];
	const uint8_t *names[BURST];
	uint8_t lengths[BURST];
	struct name_match matches[BURST];

	for (unsigned round = 0; round < COLD_SAMPLES; round++) {
		for (unsigned i = 0; i < BURST; i++) {
			uint64_t seed = cold ? round * BURST + i : i;
			lengths[i] = query_make(bytes[i], query, name_index_count(index), labels,
						seed);
			names[i] = bytes[i];
			if (cold)
				name_evict(index, names[i], lengths[i]);
		}
		uint64_t from = tick();
		uint64_t found = name_index_find_bulk(index, names, lengths, BURST, matches);
		samples[round] = (tick() - from - clock_cost) / BURST + clock_cost;
		look(found == (query == QUERY_MISS ? 0 : UINT32_MAX), QUERY_HIT);
	}
}

static void row_print(const struct name_index *index, enum query query, unsigned labels)
{
	printf("%9zu %-5s %6u", name_index_count(index), query_names[query], labels);
	single_warm(index, query, labels);
	printf(" %8.0f", quantile_ns(WARM_SAMPLES, 0.5));
	printf(" %8.0f", quantile_ns(WARM_SAMPLES, 0.95));
	single_cold(index, query, labels);
	printf(" %8.0f", quantile_ns(COLD_SAMPLES, 0.5));
	printf(" %8.0f", quantile_ns(COLD_SAMPLES, 0.95));
	bulk_run(index, query, labels, false);
	printf(" %8.0f", quantile_ns(COLD_SAMPLES, 0.5));
	bulk_run(index, query, labels, true);
	printf(" %8.0f\n", quantile_ns(COLD_SAMPLES, 0.5));
	fflush(stdout);
}

/* Lines of the buckets, none of which is in a cache, or near another. */
static void lines_draw(const struct name_index *index, const struct name_bucket *lines[],
		       unsigned count, uint64_t seed)
{
	for (unsigned i = 0; i < count; i++) {
		lines[i] = &index->buckets[mix(seed + i) % index->n_buckets];
		(void)*(const volatile uint32_t *)lines[i]->tags; /* its page is known, as in look-ups */
		bytes_evict(lines[i], sizeof(*lines[i]));
	}
	_mm_mfence();
}

/* So many reads of cold lines, each of which waits for the one before, or all side by side. */
static void reads_time(const struct name_index *index, unsigned count, bool in_turn)
{
	const struct name_bucket *lines[DNS_LABELS_MAX];
	uint32_t never = zero;
	for (unsigned i = 0; i < COLD_SAMPLES; i++) {
		uint32_t sum = 0;
		lines_draw(index, lines, count, (uint64_t)i * count);
		uint64_t from = tick();
		for (unsigned k = 0; k < count; k++) {
			uint32_t after = in_turn ? sum & never : 0;
			sum += ((const volatile uint32_t *)lines[k]->tags)[after];
		}
		samples[i] = tick() - from;
	}
}

/* What the memory itself takes, which no look-up can be faster than. */
static void memory_print(const struct name_index *index)
{
	static const unsigned counts[] = {1, 2, 3, 5, 11};
	for (unsigned in_turn = 0; in_turn < 2; in_turn++) {
		printf("%9zu cold lines of the buckets %s:", name_index_count(index),
		       in_turn ? "in turn     " : "side by side");
		for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
			reads_time(index, counts[i], in_turn);
			printf("  %u: %.0f", counts[i], quantile_ns(COLD_SAMPLES, 0.5));
		}
		printf(" ns\n");
	}
}

static long status_kib(const char *field)
{
	char line[256];
	long value = -1;
	FILE *file = fopen("/proc/self/status", "r");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, field, strlen(field)) == 0)
			value = strtol(line + strlen(field), NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static struct name_index *index_build(uint64_t count)
{
	uint8_t name[DNS_NAME_MAX];
	struct name_builder *builder = name_builder_new();
	double start = now();

	for (uint64_t n = 0; n < count; n++) {
		uint8_t length = entry_make(name, n);
		if (name_builder_add(builder, name, length, 3, (uint32_t)n) != 0)
			exit(1);
	}
	double added = now();
	struct name_index *index = name_builder_finish(builder);
	if (!index)
		exit(1);
	printf("%9" PRIu64 " names: made and added %.2f s, finished %.2f s\n", count, added - start,
	       now() - added);
	return index;
}

static void size_measure(uint64_t count)
{
	static const unsigned labels[] = {2, 3, 4, 6, 8, 10};
	struct name_index *index = index_build(count);
	double n = (double)name_index_count(index);
	printf("%9.0f entries: %.1f bytes of text and %.1f bytes beside it a name, peak %ld KiB\n",
	       n, (double)name_index_text(index) / n,
	       (double)(name_index_memory(index) - name_index_text(index)) / n,
	       status_kib("VmHWM:"));
	memory_print(index);
	for (unsigned query = 0; query < QUERY_COUNT; query++)
		for (unsigned i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
			row_print(index, query, labels[i]);
	name_index_free(index);
}

int main(int argc, char **argv)
{
	static const uint64_t sizes[] = {1000, 10000, 100000, 1000000, 10000000};

	clock_measure();
	printf("the clock takes %.0f ns, taken off\n", (double)clock_cost / tsc_per_ns);
	printf("%9s %-5s %6s %8s %8s %8s %8s %8s %8s\n", "names", "query", "labels", "warm",
	       "95 %", "cold", "95 %", "bulk", "cold");
	for (int i = 1; i < argc; i++)
		size_measure(strtoull(argv[i], NULL, 10));
	for (unsigned i = 0; argc == 1 && i < sizeof(sizes) / sizeof(sizes[0]); i++)
		size_measure(sizes[i]);
	return EXIT_SUCCESS;
}
