/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends DNS queries over one DPDK port and counts the answers: never more than a window of queries
 * is on its way, so that what comes back is what the other side can do, and nothing is lost but by
 * its fault. Prints "name value" lines at the end.
 *
 *   loadgen EAL ARGUMENTS -- --window 4096 --seconds 5 --rate 0 --from 10.53.9.2 --to 10.53.9.1
 *                            --mac 02:00:00:00:00:01 --name bench.test [--yield] [--echo]
 *                            [--aside 100] [--count 1000000] [--names 4096] [--reflect]
 *                            [--edns] [--outage 5,2000,5000] [--patience 2] [--ramp 10]
 *
 * With --echo the other side only sends back what it got, addresses and ports swapped. With --aside
 * every hundredth query is one more, for a name under "aside", that nobody waits for: its answers
 * are counted by themselves. With --count it ends when so many are answered. With --names so many
 * names are asked in turn, else each query has its own. With --reflect it is the name server, too: a
 * second port sends each query back to where it came from, as an answer without records. With --edns
 * each query has an OPT. SIGINT ends it before its time. With --outage the name server is so many,
 * at ports of their own, the first of which is dead from one millisecond to the other: see outage.h.
 * A query that is not answered within --patience seconds is lost. With
 * --ramp the window opens little by little, in so many seconds.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "outage.h"

#define BURST 64
#define WINDOW_MAX (1u << 21)
#define IDS 65536u
#define PORT_FIRST 1024u
#define PORTS 60000u
#define CHECKS_S 4
#define STEPS 32u    /* of latency, in each octave of nanoseconds; a power of two */
#define OCTAVE_FIRST 5
#define BUCKETS (40 * STEPS)
#define DIGITS 8
#define ASIDE_ID 65535u /* of queries that nobody waits for: no slot's */

static struct {
	unsigned window, seconds, rate, aside, count, names, patience, ramp;
	uint32_t from, to; /* network byte order */
	struct rte_ether_addr mac;
	const char *name;
	bool yield, echo, reflect, edns;
} options = {.window = 4096, .seconds = 5, .patience = 2, .name = "bench.test"};

struct slot {
	uint64_t sent; /* TSC; 0: free */
	uint16_t port;
};

static struct slot slots[WINDOW_MAX];
static uint32_t free_slots[WINDOW_MAX], n_free;
static uint64_t latency[BUCKETS], latency_max, rcodes[16], n_sent, n_received, n_lost, n_strange;
static uint64_t n_aside_sent, n_aside_received, n_reflected, n_unreflected;
static uint8_t frame[512];
static uint16_t frame_length, name_offset;
static uint32_t sequence, ports_each = PORTS; /* of slots whose numbers have the same high bits */
static struct rte_mempool *pool;
static volatile sig_atomic_t stopped;
static uint64_t started; /* TSC; 0: not yet */

static void die(const char *what)
{
	fprintf(stderr, "loadgen: %s\n", what);
	exit(1);
}

/* ---- the query ---- */

static uint16_t question_write(uint8_t *dns)
{
	static const uint8_t header[12] = {0, 0, 1, 0, 0, 1};
	uint8_t *at = dns + sizeof(header);
	memcpy(dns, header, sizeof(header));
	*at++ = DIGITS;
	at += DIGITS;
	char *copy = strdup(options.name);
	for (char *label = strtok(copy, "."); label != NULL; label = strtok(NULL, ".")) {
		size_t length = strlen(label);
		*at++ = (uint8_t)length;
		memcpy(at, label, length);
		at += length;
	}
	free(copy);
	static const uint8_t fixed[5] = {0, 0, 1, 0, 1};
	memcpy(at, fixed, sizeof(fixed));
	at += sizeof(fixed);
	if (options.edns) {
		static const uint8_t opt[11] = {0, 0, 41, 4, 208};
		dns[11] = 1;
		memcpy(at, opt, sizeof(opt));
		at += sizeof(opt);
	}
	return (uint16_t)(at - dns);
}

static void frame_build(uint16_t port)
{
	struct rte_ether_hdr *ethernet = (void *)frame;
	struct rte_ipv4_hdr *ip = (void *)(ethernet + 1);
	struct rte_udp_hdr *udp = (void *)(ip + 1);
	uint8_t *dns = (void *)(udp + 1);
	uint16_t length = question_write(dns);
	ethernet->dst_addr = options.mac;
	rte_eth_macaddr_get(port, &ethernet->src_addr);
	ethernet->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = htons((uint16_t)(sizeof(*ip) + sizeof(*udp) + length)),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = options.from,
		.dst_addr = options.to,
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	*udp = (struct rte_udp_hdr){
		.dst_port = RTE_BE16(53), .dgram_len = htons((uint16_t)(sizeof(*udp) + length))};
	name_offset = (uint16_t)(dns + 13 - frame);
	frame_length = (uint16_t)(dns + length - frame);
}

static void query_fill(struct rte_mbuf *mbuf, uint32_t number, uint64_t now)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *bytes = rte_pktmbuf_mtod(mbuf, uint8_t *);
	struct slot *slot = &slots[number];
	uint32_t name = options.names != 0 ? sequence % options.names : sequence;
	slot->port = (uint16_t)(PORT_FIRST + number / IDS * ports_each + sequence % ports_each);
	slot->sent = now;
	memcpy(bytes, frame, frame_length);
	for (int i = 0; i < DIGITS; i++)
		bytes[name_offset + i] = (uint8_t)digits[name >> (4 * i) & 15];
	sequence++;
	uint16_t id = htons((uint16_t)number), port = htons(slot->port);
	memcpy(bytes + name_offset - 13, &id, sizeof(id));
	memcpy(bytes + sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr), &port, sizeof(port));
	mbuf->data_len = frame_length;
	mbuf->pkt_len = frame_length;
}

/* ---- sending and receiving ---- */

/* So many that their share is what was asked for. */
static void aside_send(uint16_t port)
{
	static const char label[DIGITS + 1] = "aside---";
	while (options.aside != 0 && n_aside_sent < n_sent / options.aside) {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
		if (mbuf == NULL)
			return;
		uint8_t *bytes = rte_pktmbuf_mtod(mbuf, uint8_t *);
		uint16_t id = htons(ASIDE_ID), from = htons(PORT_FIRST);
		memcpy(bytes, frame, frame_length);
		memcpy(bytes + name_offset, label, DIGITS);
		memcpy(bytes + name_offset - 13, &id, sizeof(id));
		memcpy(bytes + sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr), &from,
		       sizeof(from));
		mbuf->data_len = frame_length;
		mbuf->pkt_len = frame_length;
		if (rte_eth_tx_burst(port, 0, &mbuf, 1) == 0) {
			rte_pktmbuf_free(mbuf);
			return;
		}
		n_aside_sent++;
	}
}

static void send_some(uint16_t port, uint64_t now, uint64_t allowed)
{
	struct rte_mbuf *mbufs[BURST];
	uint32_t numbers[BURST];
	unsigned count = RTE_MIN((uint64_t)RTE_MIN(n_free, (uint32_t)BURST), allowed);
	if (count == 0 || rte_pktmbuf_alloc_bulk(pool, mbufs, count) != 0)
		return;
	for (unsigned i = 0; i < count; i++) {
		numbers[i] = free_slots[--n_free];
		query_fill(mbufs[i], numbers[i], now);
	}
	unsigned sent = rte_eth_tx_burst(port, 0, mbufs, (uint16_t)count);
	aside_send(port);
	for (unsigned i = sent; i < count; i++) {
		rte_pktmbuf_free(mbufs[i]);
		slots[numbers[i]].sent = 0;
		free_slots[n_free++] = numbers[i];
	}
	n_sent += sent;
}

static void latency_count(uint64_t cycles)
{
	uint64_t ns = RTE_MAX(cycles * 1000 / (rte_get_tsc_hz() / 1000000), (uint64_t)STEPS);
	unsigned octave = 63 - (unsigned)__builtin_clzll(ns) - OCTAVE_FIRST;
	latency[RTE_MIN(octave * STEPS + (unsigned)(ns >> octave) - STEPS, BUCKETS - 1)]++;
	latency_max = RTE_MAX(latency_max, ns);
}

/* ARP, or IPv6, which we do not speak: hosts say whose an address is when their link comes up. */
static bool is_of_the_link(const uint8_t *bytes)
{
	return (bytes[12] == 0x08 && bytes[13] == 0x06) || (bytes[12] == 0x86 && bytes[13] == 0xdd);
}

static void answer_take(struct rte_mbuf *mbuf, uint64_t now)
{
	const uint8_t *bytes = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	uint16_t id, port;
	if (is_of_the_link(bytes))
		return;
	if (mbuf->data_len < name_offset || bytes[12] != 8 || bytes[13] != 0) {
		n_strange++;
		return;
	}
	/* Who shares the interface has packets of its own. */
	if (memcmp(bytes + 30, &options.from, sizeof(options.from)) != 0)
		return;
	memcpy(&id, bytes + name_offset - 13, sizeof(id));
	memcpy(&port, bytes + sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) + 2,
	       sizeof(port));
	if (options.aside != 0 && ntohs(id) == ASIDE_ID) {
		n_aside_received++;
		return;
	}
	uint32_t high = ntohs(port) < PORT_FIRST ? 0 : (ntohs(port) - PORT_FIRST) / ports_each;
	uint32_t number = high * IDS + ntohs(id);
	struct slot *slot = &slots[number % WINDOW_MAX];
	if (slot->sent == 0 || slot->port != ntohs(port) ||
	    !(bytes[name_offset - 11] & 0x80) != options.echo) {
		n_strange++;
		return;
	}
	latency_count(now - slot->sent);
	slot->sent = 0;
	free_slots[n_free++] = number;
	rcodes[bytes[name_offset - 10] & 15]++;
	n_received++;
}

static unsigned receive_some(uint16_t port, uint64_t now)
{
	struct rte_mbuf *mbufs[BURST];
	unsigned count = rte_eth_rx_burst(port, 0, mbufs, BURST);
	for (unsigned i = 0; i < count; i++)
		answer_take(mbufs[i], now);
	rte_pktmbuf_free_bulk(mbufs, count);
	return count;
}

/* From time to time, as it looks at all of them. */
static void lose_old(uint64_t now)
{
	static uint64_t next;
	if (now < next)
		return;
	next = now + rte_get_tsc_hz() / 2;
	uint64_t patience = options.patience * rte_get_tsc_hz();
	for (uint32_t i = 0; i < options.window; i++)
		if (slots[i].sent != 0 && now - slots[i].sent > patience) {
			slots[i].sent = 0;
			free_slots[n_free++] = i;
			n_lost++;
		}
}

/* ---- the name server ---- */

static bool is_alive(uint16_t port, const uint8_t *dns)
{
	return outage.servers == 0 || started == 0 ||
	       outage_query(port, dns[12] != DIGITS,
			    (rte_rdtsc() - started) * 1000 / rte_get_tsc_hz());
}

/* A query of a frame that Sluice made: no options, no tag. False: it is something else, or not heard. */
static bool turn_round(struct rte_mbuf *mbuf)
{
	struct rte_ether_hdr *ethernet = rte_pktmbuf_mtod(mbuf, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (void *)(ethernet + 1);
	struct rte_udp_hdr *udp = (void *)(ip + 1);
	uint8_t *dns = (void *)(udp + 1);
	if (mbuf->data_len < sizeof(*ethernet) + sizeof(*ip) + sizeof(*udp) + 12 ||
	    ethernet->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4) || ip->next_proto_id != IPPROTO_UDP)
		return false;
	if (!is_alive(ntohs(udp->dst_port), dns))
		return false;
	struct rte_ether_addr mac = ethernet->src_addr;
	ethernet->src_addr = ethernet->dst_addr;
	ethernet->dst_addr = mac;
	rte_be32_t address = ip->src_addr;
	ip->src_addr = ip->dst_addr;
	ip->dst_addr = address;
	rte_be16_t from = udp->src_port;
	udp->src_port = udp->dst_port;
	udp->dst_port = from;
	udp->dgram_cksum = 0;
	dns[2] |= 0x80; /* QR */
	return true;
}

static void reflect_some(uint16_t port)
{
	struct rte_mbuf *mbufs[BURST];
	uint16_t count = rte_eth_rx_burst(port, 0, mbufs, BURST), back = 0;
	for (uint16_t i = 0; i < count; i++) {
		if (turn_round(mbufs[i]))
			mbufs[back++] = mbufs[i];
		else
			rte_pktmbuf_free(mbufs[i]);
	}
	uint16_t sent = back > 0 ? rte_eth_tx_burst(port, 0, mbufs, back) : 0;
	rte_pktmbuf_free_bulk(mbufs + sent, back - sent);
	n_reflected += sent;
	n_unreflected += (uint64_t)(back - sent);
}

/* Until checks have found the name servers. */
static void checks_await(void)
{
	uint64_t end = rte_rdtsc() + CHECKS_S * rte_get_tsc_hz();
	while (rte_rdtsc() < end)
		reflect_some(1);
}

/* How many more may be on their way by now. */
static uint64_t window_left(uint64_t ran)
{
	uint64_t ramp = options.ramp * rte_get_tsc_hz(), on_their_way = options.window - n_free;
	uint64_t open = ran < ramp ? (uint64_t)((double)options.window * (double)ran / (double)ramp)
				   : options.window;
	return open > on_their_way ? open - on_their_way : 0;
}

static void run(uint16_t port)
{
	if (outage.servers != 0)
		checks_await();
	uint64_t hz = rte_get_tsc_hz(), start = rte_rdtsc(), end = start + options.seconds * hz;
	started = start;
	uint64_t now;
	for (uint32_t i = 0; i < options.window; i++)
		free_slots[n_free++] = i;
	while ((now = rte_rdtsc()) < end && !stopped) {
		uint64_t due = options.rate ? (now - start) / (hz / options.rate) : UINT64_MAX;
		if (receive_some(port, now) == 0 && n_free < options.window && options.yield)
			sched_yield();
		if (options.count != 0)
			due = RTE_MIN(due, (uint64_t)options.count);
		if (options.count != 0 && n_received + n_lost >= options.count)
			break;
		send_some(port, now, RTE_MIN(window_left(now - start), due > n_sent ? due - n_sent : 0));
		if (options.reflect)
			reflect_some(1);
		lose_old(now);
	}
	double seconds = (double)(now - start) / (double)hz;
	printf("rate %.0f\n", (double)n_received / seconds);
	end = now;
	while ((now = rte_rdtsc()) < end + (options.patience + 1) * hz && n_free < options.window) {
		receive_some(port, now);
		if (options.reflect)
			reflect_some(1);
		lose_old(now);
		sched_yield();
	}
}

/* ---- start ---- */

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static void port_start(uint16_t port)
{
	struct rte_eth_conf conf = {0};
	if (rte_eth_dev_configure(port, 1, 1, &conf) != 0 ||
	    rte_eth_rx_queue_setup(port, 0, 2048, rte_socket_id(), NULL, pool) != 0 ||
	    rte_eth_tx_queue_setup(port, 0, 2048, rte_socket_id(), NULL) != 0 ||
	    rte_eth_dev_start(port) != 0)
		die("the port does not start");
	struct rte_eth_link link = {0};
	for (int i = 0; i < 1000 && link.link_status == 0; i++) {
		rte_eth_link_get_nowait(port, &link);
		rte_delay_us_sleep(10000);
	}
	if (link.link_status == 0)
		die("the port has no link");
}

static void options_read(int argc, char **argv)
{
	static const struct option names[] = {
		{"window", 1, NULL, 'w'}, {"seconds", 1, NULL, 's'}, {"rate", 1, NULL, 'r'},
		{"from", 1, NULL, 'f'},	  {"to", 1, NULL, 't'},	     {"mac", 1, NULL, 'm'},
		{"name", 1, NULL, 'n'},	  {"yield", 0, NULL, 'y'},
		{"echo", 0, NULL, 'e'},	  {"aside", 1, NULL, 'a'},
		{"count", 1, NULL, 'c'},  {"names", 1, NULL, 'N'},   {"reflect", 0, NULL, 'R'},
		{"edns", 0, NULL, 'E'},  {"outage", 1, NULL, 'O'},
		{"patience", 1, NULL, 'p'}, {"ramp", 1, NULL, 'u'}, {0}};
	int option;
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (option == 'w')
			options.window = (unsigned)atoi(optarg);
		else if (option == 's')
			options.seconds = (unsigned)atoi(optarg);
		else if (option == 'r')
			options.rate = (unsigned)atoi(optarg);
		else if (option == 'f')
			options.from = inet_addr(optarg);
		else if (option == 't')
			options.to = inet_addr(optarg);
		else if (option == 'm' && rte_ether_unformat_addr(optarg, &options.mac) != 0)
			die("--mac is no MAC");
		else if (option == 'n')
			options.name = optarg;
		else if (option == 'y')
			options.yield = true;
		else if (option == 'e')
			options.echo = true;
		else if (option == 'a')
			options.aside = (unsigned)atoi(optarg);
		else if (option == 'c')
			options.count = (unsigned)atoi(optarg);
		else if (option == 'N')
			options.names = (unsigned)atoi(optarg);
		else if (option == 'R')
			options.reflect = true;
		else if (option == 'E')
			options.edns = true;
		else if (option == 'p')
			options.patience = (unsigned)atoi(optarg);
		else if (option == 'u')
			options.ramp = (unsigned)atoi(optarg);
		else if (option == 'O' &&
			 sscanf(optarg, "%u,%lu,%lu", &outage.servers, &outage.from, &outage.to) != 3)
			die("--outage takes a number of servers and two times");
		else if (option == '?')
			die("unknown option");
	}
	if (options.window == 0 || options.window >= WINDOW_MAX || strlen(options.name) > 200)
		die("--window is 1 to 2097151, --name at most 200 bytes");
	if (options.aside != 0 && options.window >= IDS)
		die("with --aside, --window is at most 65535");
	ports_each = PORTS / (options.window / IDS + 1);
}

static void percentile_print(const char *name, double share)
{
	uint64_t left = (uint64_t)((double)n_received * share);
	for (unsigned i = 0; i < BUCKETS; i++) {
		if (latency[i] > left) {
			uint64_t ns = (uint64_t)(STEPS + i % STEPS) << (i / STEPS);
			printf("%s %.2f\n", name, (double)ns / 1000);
			return;
		}
		left -= latency[i];
	}
}

int main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	if (used < 0)
		die("EAL does not start");
	options_read(argc - used, argv + used);
	signal(SIGINT, stop);
	if (rte_eth_dev_count_avail() != (options.reflect ? 2 : 1))
		die("give it one port, by --vdev, or with --reflect two");
	pool = rte_pktmbuf_pool_create("loadgen", 32767, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       (int)rte_socket_id());
	if (pool == NULL)
		die("no memory for packets");
	port_start(0);
	if (options.reflect)
		port_start(1);
	frame_build(0);
	run(0);
	printf("sent %lu\nreceived %lu\nlost %lu\nstrange %lu\n", n_sent, n_received, n_lost,
	       n_strange);
	if (options.reflect)
		printf("reflected %lu\nunreflected %lu\n", n_reflected, n_unreflected);
	if (outage.servers != 0)
		outage_print(n_lost, options.seconds * 1000);
	if (options.aside != 0)
		printf("aside_sent %lu\naside_received %lu\n", n_aside_sent, n_aside_received);
	for (unsigned i = 0; i < 16; i++)
		if (rcodes[i] != 0)
			printf("rcode%u %lu\n", i, rcodes[i]);
	percentile_print("p50_us", 0.5);
	percentile_print("p99_us", 0.99);
	percentile_print("p999_us", 0.999);
	printf("max_us %.2f\n", (double)latency_max / 1000);
	for (uint16_t port = 0; port < (options.reflect ? 2 : 1); port++) {
		rte_eth_dev_stop(port);
		rte_eth_dev_close(port);
	}
	rte_eal_cleanup();
	return 0;
}
