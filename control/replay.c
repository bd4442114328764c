/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <pcap/pcap.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "control/hand.h"
#include "control/loop.h"
#include "control/replay_explain.h"
#include "dataplane/clock.h"
#include "dataplane/pipeline.h"

#define SEED 0x5bd1e9955bd1e995u
#define RING_SIZE 1024u
#define FRAME_MAX (PACKET_DATA_SIZE - RTE_PKTMBUF_HEADROOM)
#define SNAPSHOT 65535
#define TURNS_MAX 1000u	       /* for one packet: a policy that hands over for ever ends here */
#define STEP_US 1000u	       /* the finest that timers are */
#define STEPS_MAX 10000u       /* between two packets; longer gaps have longer steps */
#define TAIL_US 120000000u     /* what is in hand after the last packet has as long */
#define SPAN_MAX_US (30ull * 86400 * 1000000) /* of a capture: no date makes the clock overflow */
#define CLOCK_START_S 3600u

struct replay {
	struct control *control;
	pcap_t *in;
	pcap_t *dead; /* what pcap_dump_open() wants of a file's format */
	pcap_dumper_t *out;
	struct replay_explain *explain; /* NULL: not asked for */
	uint64_t first; /* microseconds since 1970 of the first packet */
	uint64_t now;	/* microseconds since then */
	uint64_t received, sent, oversized;
	unsigned turns;
	unsigned burst, gathered; /* packets on the ring, before the worker gets so many */
};

static struct rte_ring *rings_in[NET_PORTS_MAX], *rings_out[NET_PORTS_MAX];

/* libpcap says itself which file it is when it cannot open one. */
static int failed(char *error, size_t size, const char *what, const char *why)
{
	size_t length = strlen(what);
	bool said = strncmp(why, what, length) == 0 && why[length] == ':';
	snprintf(error, size, "replay: %s%s%s", said ? "" : what, said ? "" : ": ", why);
	return -EIO;
}

/* ---- before the start ---- */

static void clock_set(uint64_t us)
{
	uint64_t hz = rte_get_tsc_hz();
	clock_replayed = (CLOCK_START_S + us / 1000000) * hz + us % 1000000 * hz / 1000000;
}

int replay_prepare(struct control *control, char *error, size_t size)
{
	struct config *config = control->config;
	control->replaying = true;
	config->eal.hugepages = CONFIG_HUGEPAGES_NEVER;
	while (config->eal.n_args > 0)
		free(config->eal.args[--config->eal.n_args]);
	config->eal.args[config->eal.n_args++] = strdup("--no-telemetry");
	config->lcores.n_workers = 1;
	for (unsigned i = 0; i < config->n_ports; i++) {
		free(config->ports[i].device);
		if (asprintf(&config->ports[i].device, "net_ring_replay%u", i) < 0) {
			config->ports[i].device = NULL;
			return failed(error, size, "ports", "no memory");
		}
	}
	return 0;
}

void replay_mac(unsigned port, struct rte_ether_addr *mac)
{
	*mac = (struct rte_ether_addr){{2, 0, 0, 0, 0, (uint8_t)(port + 1)}};
}

int replay_port_create(unsigned port, char *error, size_t size)
{
	char name[RTE_RING_NAMESIZE];
	if (clock_replayed == 0)
		clock_set(0);
	snprintf(name, sizeof(name), "replay_in_%u", port);
	rings_in[port] = rte_ring_create(name, RING_SIZE, (int)rte_socket_id(), 0);
	snprintf(name, sizeof(name), "replay_out_%u", port);
	rings_out[port] = rte_ring_create(name, RING_SIZE, (int)rte_socket_id(), 0);
	snprintf(name, sizeof(name), "replay%u", port);
	if (rings_in[port] == NULL || rings_out[port] == NULL ||
	    rte_eth_from_rings(name, &rings_in[port], 1, &rings_out[port], 1, rte_socket_id()) < 0)
		return failed(error, size, "ports", rte_strerror(rte_errno));
	return 0;
}

/* ---- out ---- */

static void frame_write(struct replay *replay, struct rte_mbuf *mbuf)
{
	uint64_t at = replay->first + replay->now;
	struct pcap_pkthdr header = {
		.ts = {.tv_sec = (time_t)(at / 1000000), .tv_usec = (suseconds_t)(at % 1000000)},
		.caplen = mbuf->pkt_len,
		.len = mbuf->pkt_len,
	};
	uint8_t frame[SNAPSHOT];
	const void *data = mbuf->pkt_len <= sizeof(frame)
				   ? rte_pktmbuf_read(mbuf, 0, mbuf->pkt_len, frame)
				   : NULL;
	if (data != NULL) {
		pcap_dump((u_char *)replay->out, &header, data);
		replay->sent++;
	}
	rte_pktmbuf_free(mbuf);
}

static void sent_collect(struct replay *replay)
{
	struct rte_mbuf *mbuf;
	for (unsigned port = 0; port < replay->control->dataplane->n_ports; port++)
		while (rte_ring_dequeue(rings_out[port], (void **)&mbuf) == 0)
			frame_write(replay, mbuf);
}

/* ---- time ---- */

static bool waiting(const struct replay *replay)
{
	const struct worker *worker = &workers[0];
	return async_in_hand(replay->control->async) != 0 || inflight_count(worker->inflight) != 0 ||
	       held_count(worker->held) != 0 ||
	       (worker->fragments != NULL && net_fragments_held(worker->fragments) != 0) ||
	       !rte_ring_empty(worker->handoff.to_control) || !rte_ring_empty(worker->handoff.inbox);
}

/* Turns of both lcores at one point in time, until neither finds anything to do. */
static void turns(struct replay *replay)
{
	for (unsigned i = 0; i < TURNS_MAX; i++) {
		bool work = worker_turn(&workers[0]);
		work |= loop_turn(replay->control, replay->turns++) != 0;
		sent_collect(replay);
		if (!work && rte_ring_empty(workers[0].handoff.to_control) &&
		    rte_ring_empty(workers[0].handoff.inbox))
			return;
	}
}

/* Goes on to a later time in steps while anything waits for its time. */
static void time_pass(struct replay *replay, uint64_t until)
{
	if (until <= replay->now)
		return; /* captures of several interfaces are not quite in order */
	uint64_t step = RTE_MAX((until - replay->now) / STEPS_MAX, (uint64_t)STEP_US);
	while (replay->now < until) {
		if (waiting(replay))
			replay->now = RTE_MIN(replay->now + step, until);
		else
			replay->now = until;
		clock_set(replay->now);
		turns(replay);
	}
}

/* ---- in ---- */

static uint64_t time_of(struct replay *replay, const struct pcap_pkthdr *header)
{
	uint64_t at = (uint64_t)header->ts.tv_sec * 1000000 + (uint64_t)header->ts.tv_usec;
	if (replay->received == 0)
		replay->first = at;
	return at < replay->first ? 0 : RTE_MIN(at - replay->first, SPAN_MAX_US);
}

/* What a device would not let through. */
static uint32_t frame_max(const struct replay *replay)
{
	return RTE_MAX(replay->control->dataplane->frame_max, FRAME_MAX);
}

/* A frame that is longer than a buffer is in several of them, as from a driver. */
static struct rte_mbuf *frame_read(struct replay *replay, const uint8_t *data, uint32_t length)
{
	struct rte_mbuf *head = NULL;
	do {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(replay->control->ports[0].pool);
		if (mbuf == NULL || (head != NULL && rte_pktmbuf_chain(head, mbuf) != 0)) {
			rte_pktmbuf_free(mbuf);
			rte_pktmbuf_free(head);
			return NULL;
		}
		uint32_t part = RTE_MIN(length, (uint32_t)rte_pktmbuf_tailroom(mbuf));
		memcpy(rte_pktmbuf_mtod(mbuf, void *), data, part);
		if (head == NULL)
			head = mbuf;
		else
			head->pkt_len += part;
		mbuf->data_len = (uint16_t)part;
		if (head == mbuf)
			mbuf->pkt_len = part;
		data += part;
		length -= part;
	} while (length != 0);
	return head;
}

static void burst_end(struct replay *replay)
{
	replay->gathered = 0;
	turns(replay);
}

/* The worker meets a burst when it is whole, at the time of its first packet. */
static int frame_run(struct replay *replay, const struct pcap_pkthdr *header, const uint8_t *data)
{
	if (header->caplen > frame_max(replay)) {
		replay->oversized++;
		return 0;
	}
	struct rte_mbuf *mbuf = frame_read(replay, data, header->caplen);
	if (mbuf == NULL)
		return -ENOMEM;
	if (rte_ring_enqueue(rings_in[0], mbuf) != 0) {
		rte_pktmbuf_free(mbuf);
		return -ENOBUFS;
	}
	if (++replay->gathered >= replay->burst)
		burst_end(replay);
	return 0;
}

static int frame_receive(struct replay *replay, const struct pcap_pkthdr *header,
			 const uint8_t *data)
{
	uint64_t at = time_of(replay, header);
	if (replay->gathered == 0)
		time_pass(replay, at);
	if (replay->explain != NULL)
		replay_explain_time(replay->explain, replay->received);
	replay->received++;
	int status = frame_run(replay, header, data);
	if (replay->explain != NULL && status == 0)
		replay_explain_packet(replay->explain, replay->received, data, header->caplen);
	return status;
}

static int frames_receive(struct replay *replay, const char *in, char *error, size_t size)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	int result;
	while ((result = pcap_next_ex(replay->in, &header, &data)) == 1) {
		int status = frame_receive(replay, header, data);
		if (status != 0)
			return failed(error, size, in, strerror(-status));
	}
	if (replay->gathered != 0)
		burst_end(replay);
	return result == PCAP_ERROR_BREAK ? 0 : failed(error, size, in, pcap_geterr(replay->in));
}

/* ---- the whole ---- */

/* Whether `out` is the capture that is being read, which opening it for writing would empty. */
static bool is_same_file(struct replay *replay, const char *out)
{
	struct stat read, written;
	return strcmp(out, "-") != 0 && stat(out, &written) == 0 && S_ISREG(written.st_mode) &&
	       fstat(fileno(pcap_file(replay->in)), &read) == 0 && read.st_dev == written.st_dev &&
	       read.st_ino == written.st_ino;
}

static int files_open(struct replay *replay, const char *in, const char *out, char *error,
		      size_t size)
{
	char why[PCAP_ERRBUF_SIZE];
	replay->in = pcap_open_offline_with_tstamp_precision(in, PCAP_TSTAMP_PRECISION_MICRO, why);
	if (replay->in == NULL)
		return failed(error, size, in, why);
	if (pcap_datalink(replay->in) != DLT_EN10MB)
		return failed(error, size, in, "the packets are no Ethernet frames");
	if (is_same_file(replay, out))
		return failed(error, size, out, "this is the capture itself; write to another file");
	replay->dead = pcap_open_dead(DLT_EN10MB, SNAPSHOT);
	if (replay->dead == NULL)
		return failed(error, size, out, "no memory");
	replay->out = pcap_dump_open(replay->dead, out);
	return replay->out != NULL ? 0 : failed(error, size, out, pcap_geterr(replay->dead));
}

static int files_close(struct replay *replay)
{
	int result = 0;
	if (replay->out != NULL) {
		result = pcap_dump_flush(replay->out);
		pcap_dump_close(replay->out);
	}
	if (replay->dead != NULL)
		pcap_close(replay->dead);
	if (replay->in != NULL)
		pcap_close(replay->in);
	return result;
}

static void sums_print(const struct replay *replay)
{
	printf("received %lu\nsent %lu\n", replay->received, replay->sent);
	if (replay->oversized != 0)
		printf("oversized %lu\n", replay->oversized);
	for (unsigned reason = 1; reason < DROP_COUNT; reason++) {
		char label[STATS_LABEL_SIZE];
		uint64_t count = totals_drop(replay->control, (enum drop_reason)reason);
		stats_drop_label((enum drop_reason)reason, label);
		if (count != 0)
			printf("dropped %s %lu\n", label, count);
	}
	fflush(stdout);
}

static void end(struct replay *replay)
{
	uint64_t until = replay->now + TAIL_US;
	while (waiting(replay) && replay->now < until)
		time_pass(replay, replay->now + STEP_US);
	hand_drop_all(replay->control);
	turns(replay);
	if (replay->explain != NULL)
		replay_explain_time(replay->explain, replay->received);
	pipeline_delayed_end(&workers[0]);
	sent_collect(replay);
	pipeline_expire(&workers[0], true);
}

/* Not where the packets go. */
static int explain_start(struct replay *replay, const char *out, char *error, size_t size)
{
	replay->explain = replay_explain_new(replay->control,
					     strcmp(out, "-") == 0 ? stderr : stdout);
	return replay->explain != NULL ? 0 : failed(error, size, "explain", "no memory");
}

int replay_run(struct control *control, const struct replay_order *order, char *error, size_t size)
{
	struct replay replay = {.control = control, .burst = order->burst};
	int result = files_open(&replay, order->in, order->out, error, size);
	if (result == 0 && order->explain)
		result = explain_start(&replay, order->out, error, size);
	inflight_replay(workers[0].inflight, SEED);
	draw_replay(&workers[0].fragment_ids, SEED);
	path_mtu_replay(workers[0].path_mtu, SEED);
	workers[0].rules.random = control->rules.random = SEED;
	if (result == 0)
		result = frames_receive(&replay, order->in, error, size);
	end(&replay);
	replay_explain_free(replay.explain);
	if (files_close(&replay) != 0 && result == 0)
		result = failed(error, size, order->out, "cannot be written");
	if (result == 0)
		sums_print(&replay);
	return result;
}
